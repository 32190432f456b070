"""Answers read from the bits of a number are those that were put in, whatever their count and the rows."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.rules.rows.answers import Answers
from auditor.rules.rows.known import Known

ANSWER = st.sampled_from([True, False, None])


def _answers(values: pl.DataFrame, places: pl.Series) -> Answers:
    known = Known.local(pl.DataFrame([pl.Series("text", range(values.height), dtype=pl.Int64), *values]))
    return Answers.of("text", known, values.columns, places=places)


@st.composite
def asked(draw):
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 70))
    columns = {f"c{number}": draw(st.lists(ANSWER, min_size=height, max_size=height)) for number in range(width)}
    values = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Boolean))
    places = draw(st.lists(st.integers(0, height - 1), max_size=8))
    return values, pl.Series(places, dtype=pl.UInt32)


@given(asked(), st.data())
def test_answers_are_those_of_the_values(given_, data):
    values, places = given_
    answers = _answers(values, places)
    rows = pl.Series(data.draw(st.lists(st.integers(0, len(places) - 1), max_size=4) if len(places) else st.just([])))
    rows = rows.cast(pl.UInt32)
    for name in {values.columns[0], values.columns[-1], data.draw(st.sampled_from(values.columns))}:
        whole = values[name].gather(places)
        assert answers.column(name).to_list() == whole.to_list()
        assert answers.taken(rows).column(name).to_list() == whole.gather(rows).to_list()


@pytest.mark.parametrize(
    ("width", "kinds"), [(4, ["UInt8"]), (5, ["UInt16"]), (16, ["UInt32"]), (33, ["UInt64", "UInt8"])]
)
def test_numbers_are_no_larger_than_the_answers_need(width, kinds):
    values = pl.DataFrame({f"c{number}": [True] for number in range(width)})
    answers = _answers(values, pl.Series([0, 0], dtype=pl.UInt32))
    assert [str(number.dtype) for number in answers.numbers] == kinds


def test_nothing_asked_is_nothing_looked_up():
    assert _answers(pl.DataFrame(), pl.Series([0], dtype=pl.UInt32)).numbers == []
