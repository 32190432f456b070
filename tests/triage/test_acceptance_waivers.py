"""What a waiver's `match` calls equal."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from auditor.model.finding import Finding, Record, Value
from auditor.model.vocabulary import Confidence, Severity
from auditor.model.waiver import Waiver
from auditor.triage.waivers import accepts

FINDING = Finding(
    fingerprint="0" * 64,
    rule_id="TST-001",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    subject="s",
    message="m",
    observed_at=datetime(2026, 9, 1, tzinfo=UTC),
    occurrences=1,
    state=None,
    waiver=None,
    evidence={},
    records=(Record(page="0" * 64, item=0),),
)


@pytest.mark.parametrize(
    ("seen", "wanted", "equal"),
    [
        ("1680000000us", "28m", True),
        ("1680000000us", "1680s", True),
        ("5400000000us", "1h30m", True),
        ("-5400000000us", "1h30m", False),
        ("0us", "0s", True),
        ("31536000000000us", "365d", True),
        ("1680000000us", "29m", False),
        ("28m", "1680s", False),
        ("1234567890", 1234567890, True),
        ("0123", 123, False),
        ("1", True, False),
    ],
)
def test_a_value_equals_what_a_person_writes_for_it(seen: Value, wanted: Value, *, equal: bool) -> None:
    waiver = Waiver(
        id="W-1",
        rule="TST-001",
        match={"seen": (wanted,)},
        fingerprint=None,
        reason="r",
        owner="o",
        expires=date(2026, 12, 31),
    )
    assert accepts(waiver, FINDING, seen={"seen": seen}) is equal
