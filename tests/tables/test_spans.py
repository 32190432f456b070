"""Arithmetic of windows: laws of union, subtraction and intersection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from auditor.model.window import Window
from auditor.tables.spans import intersection, subtract, union

START = datetime(2026, 1, 1, tzinfo=UTC)


def hours(first: int, last: int) -> Window:
    return Window(START + timedelta(hours=first), START + timedelta(hours=last))


WINDOWS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 6)).map(lambda pair: hours(pair[0], pair[0] + pair[1])), max_size=6
)


def covered(windows: tuple[Window, ...] | list[Window]) -> set[int]:
    return {hour for hour in range(30) for window in windows if window.contains(START + timedelta(hours=hour))}


def test_what_lies_after_a_window_takes_nothing_from_it() -> None:
    assert subtract([hours(0, 4)], [hours(8, 9)]) == (hours(0, 4),)


def test_what_lies_before_a_window_takes_nothing_from_it() -> None:
    assert subtract([hours(4, 6)], [hours(0, 4)]) == (hours(4, 6),)


@given(WINDOWS, WINDOWS)
def test_subtraction_leaves_exactly_what_the_others_do_not_cover(some: list[Window], minus: list[Window]) -> None:
    assert covered(subtract(some, minus)) == covered(some) - covered(minus)


@given(WINDOWS)
def test_a_union_covers_the_same_without_touching_itself(some: list[Window]) -> None:
    joined = union(some)
    assert covered(joined) == covered(some)
    assert all(one.end < other.start for one, other in pairwise(joined))


@given(WINDOWS, WINDOWS)
def test_an_intersection_covers_what_both_sides_cover(some: list[Window], others: list[Window]) -> None:
    assert covered(intersection([some, others])) == covered(some) & covered(others)
