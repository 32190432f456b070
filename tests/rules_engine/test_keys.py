"""Keys of several columns tell rows apart exactly where the columns do."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditor.entities.groups import places
from auditor.entities.packed import packed
from auditor.rules.language.columns import only_told_apart
from auditor.rules.rows.keys import key_of
from tests.pack import bundled_rules

WORDS = st.none() | st.sampled_from(["", "a", "b", "long enough not to be held inline"])
NUMBERS = st.none() | st.sampled_from([-3, 0, 1, 2**40, 2**62, -(2**63), 2**63 - 1])
ROWS = st.lists(st.tuples(NUMBERS, WORDS, WORDS), max_size=12)


def frame(rows):
    return pl.DataFrame(rows, schema={"number": pl.Int64, "one": pl.String, "other": pl.String}, orient="row")


def tell_apart(keys, rows):
    """Whether keys are equal where rows are, and nowhere else."""
    return not keys.null_count() and len({*zip(keys, rows, strict=True)}) == len(set(rows)) == keys.n_unique()


@given(ROWS)
@example([(None, None, None), (-(2**63), None, None)])
@example([(None, None, None), (2**63 - 1, None, None)])
def test_keys_are_equal_exactly_where_rows_are_texts_packed_or_not(rows):
    found = frame(rows)
    names = found.columns
    assert tell_apart(key_of(found, names), rows)
    assert tell_apart(key_of(found.with_columns(packed(found["one"])), names), rows)
    assert tell_apart(key_of(found.with_columns(packed(found[name]) for name in ("one", "other")), names), rows)
    assert tell_apart(key_of(found, ["one"]), [one for _, one, _ in rows])


@pytest.mark.parametrize("edge", [-(2**63), 2**63 - 1])
def test_the_edges_of_whole_numbers_and_null_are_groups_of_their_own(edge):
    numbers = pl.Series([edge, None, 0, None, edge])
    first, own = places(numbers)
    assert (first.to_list(), own.to_list()) == ([0, 1, 2], [0, 1, 2, 1, 0])


@given(st.lists(st.integers(0, 6), max_size=12))
def test_a_key_of_texts_is_the_first_row_that_has_them(values):
    rows = [(value % 2, str(value // 2), None) for value in values]
    assert key_of(frame(rows), ["number", "one", "other"]).to_list() == [rows.index(row) for row in rows]


def test_different_texts_of_one_hash_are_told_apart():
    # so large a number leaves 17 bits for the hash, of which thousands of texts have many in common
    rows = [(0, f"text {place % 3000}", None) for place in range(4000)] + [(2**33, "text 0", None)]
    found = frame(rows)
    few = found["one"].unique().hash(0) & (2**17 - 1)
    assert few.n_unique() < few.len()
    assert key_of(found, found.columns).to_list() == [rows.index(row) for row in rows]


@pytest.mark.slow
def test_what_a_rule_only_groups_by_or_shows_is_told():
    rules = {rule.id: rule for rule in bundled_rules().rules}
    told = only_told_apart(rules["IDN-008"])
    assert {"participant_id", "email", "display_name", "device_type"} < told
    assert not told & {"joined_time", "left_time", "duration"}
    # looked at by its `where`
    assert "email" not in only_told_apart(rules["ATT-003"])
