"""Rows of equal keys brought together."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from auditor.entities.groups import mates, repeated
from auditor.entities.packed import packed
from auditor.rules.rows.runs import Runs, among, places_among

KEYS = st.lists(st.one_of(st.integers(-3, 6), st.sampled_from([2**40, 2**62, 2**63 - 1])), max_size=30)


def series(values):
    return pl.Series(values, dtype=pl.Int64)


@given(KEYS)
def test_rows_stand_by_key_and_those_of_a_key_in_their_order(keys):
    runs = Runs.of(series(keys))
    assert list(zip(runs.keys, runs.places, strict=True)) == sorted((key, place) for place, key in enumerate(keys))


@given(KEYS, KEYS)
def test_a_span_holds_all_rows_of_its_key(keys, asked):
    runs = Runs.of(series(keys))
    starts, ends = runs.spans(series(asked))
    for key, start, end in zip(asked, starts, ends, strict=True):
        assert runs.places[start:end].to_list() == [place for place, other in enumerate(keys) if other == key]


@given(KEYS, st.sets(st.one_of(st.integers(-3, 6), st.sampled_from([2**40, 2**62]))))
def test_the_place_of_a_key_is_found_among_those_known(keys, known):
    order = list(known)
    places = places_among(series(keys), series(order))
    assert places.to_list() == [order.index(key) if key in known else None for key in keys]


@given(st.lists(st.one_of(st.none(), st.integers(-3, 6), st.sampled_from([2**40, 2**62, 2**63 - 1])), max_size=30))
def test_a_key_is_repeated_where_another_row_has_it(keys):
    expected = [key is not None and keys.count(key) > 1 for key in keys]
    assert repeated(series(keys)).to_list() == expected
    ordered = sorted(keys, key=lambda key: (key is not None, key))
    assert repeated(series(ordered)).to_list() == [key is not None and keys.count(key) > 1 for key in ordered]


@given(st.lists(st.one_of(st.none(), st.integers(-3, 6), st.sampled_from([2**40, 2**62, 2**63 - 1])), max_size=30))
def test_rows_that_share_a_key_are_told_key_by_key_and_numbered(keys):
    rows, runs = mates(series(keys))
    shared = sorted({key for key in keys if key is not None and keys.count(key) > 1})
    expected = [(run, row) for run, key in enumerate(shared) for row, other in enumerate(keys) if other == key]
    assert list(zip(runs, rows, strict=True)) == expected


TEXTS = st.lists(st.one_of(st.none(), st.sampled_from(["", "a", "b", "long enough not to be held inline"])), max_size=8)


@given(TEXTS, TEXTS, st.booleans(), st.booleans())
def test_texts_are_found_among_others_packed_or_not(values, known, one_packed, other_packed):
    one, other = (pl.Series(texts, dtype=pl.String) for texts in (values, known))
    found = among(packed(one) if one_packed else one, packed(other) if other_packed else other)
    assert found.to_list() == [None if value is None else value in known for value in values]
