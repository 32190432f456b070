"""Laws and fixed examples of fingerprints."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.triage.fingerprint import canonical, fingerprint, fingerprints

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.datetimes(timezones=st.just(UTC))
    | st.timedeltas()
    | st.lists(st.text(st.characters(exclude_categories=["Cs"])))
)
ROWS = st.lists(st.lists(SCALARS, min_size=1, max_size=4))


def test_the_example_of_the_specification() -> None:
    known = "d5fe91817be7378c89a53b917d94c5052c4c05ba93f2caabb0da1aa042eb907d"
    assert fingerprint("ACC-001", ["m1", "eve@example.org"]) == known


def test_it_is_the_digest_of_compact_json_in_utf_8() -> None:
    text = '[1,"IDN-003",["Zoë “x”",null,true,3]]'
    assert fingerprint("IDN-003", ["Zoë “x”", None, True, 3]) == sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (2.5, "2.5"),
        (3.0, "3.0"),
        (-0.0, "0.0"),
        (3, "3"),
        (True, "true"),
        (None, "null"),
        ("é", '"é"'),
        (datetime(2026, 1, 5, 10, tzinfo=UTC), '"2026-01-05T10:00:00.000000Z"'),
        (datetime(2026, 1, 5, 12, tzinfo=timezone(timedelta(hours=2))), '"2026-01-05T10:00:00.000000Z"'),
        (timedelta(minutes=2), '"120000000us"'),
        (timedelta(microseconds=-1), '"-1us"'),
        (["b", "a"], '["b", "a"]'),
    ],
)
def test_values_are_written_as_specified(value: object, written: str) -> None:
    assert json.dumps(canonical(value), ensure_ascii=False) == written


def test_numbers_and_text_stay_apart() -> None:
    assert len({fingerprint("ACC-001", [value]) for value in (1, 1.0, "1", True, None, ["1"])}) == 6


def test_a_number_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        fingerprint("ANM-001", [float("nan")])


@given(rows=ROWS)
def test_the_batch_form_equals_the_single_one(rows: list[list[object]]) -> None:
    assert fingerprints("ACC-001", rows) == [fingerprint("ACC-001", row) for row in rows]


@given(values=st.lists(SCALARS, min_size=1, max_size=4))
def test_the_rule_is_part_of_the_identity(values: list[object]) -> None:
    assert fingerprint("ACC-001", values) != fingerprint("ACC-002", values)
