"""Very many records, told a piece at a time, are the sequence they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.model.finding import Record, Records, Run

COUNTS = st.integers(0, 40)


def both(count: int) -> tuple[Records, tuple[Record, ...]]:
    plain = tuple(Record(f"{place // 7:064x}", place % 7) for place in range(count))

    def read(start: int, stop: int) -> Iterator[Run]:
        assert 0 <= start < stop <= count
        for page, some in groupby(plain[start:stop], key=lambda record: record.page):
            yield page, [record.item for record in some]

    return Records(count, read), plain


@given(COUNTS, st.slices(40))
def test_a_part_of_many_records_is_that_of_a_tuple(count: int, part: slice) -> None:
    many, plain = both(count)
    assert many[part] == plain[part]


@given(COUNTS)
def test_many_records_are_read_as_a_tuple_is(count: int) -> None:
    many, plain = both(count)
    assert (len(many), list(many), list(reversed(many))) == (count, list(plain), list(reversed(plain)))
    assert [many[place] for place in range(-count, count)] == [plain[place] for place in range(-count, count)]
    assert many == plain
    assert plain == many
    assert (many == both(count + 1)[0]) is False
    with pytest.raises(IndexError):
        many[count]


def test_more_than_are_told_at_once_come_in_order() -> None:
    many = Records(200_001, lambda start, stop: [("a", range(start, stop))])
    assert [record.item for record in many] == list(range(200_001))
    assert many != (Record("a", 0),) * 200_001
