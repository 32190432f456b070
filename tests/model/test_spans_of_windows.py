"""Arithmetic of windows."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from auditor.model.spans import intersection, subtract, union
from auditor.model.window import Window

DAY0 = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = range(14)

windows = st.lists(
    st.tuples(st.integers(0, 12), st.integers(1, 6)).map(
        lambda pair: Window(DAY0 + timedelta(hours=pair[0]), DAY0 + timedelta(hours=pair[0] + pair[1]))
    ),
    max_size=5,
)


def hours(found: object) -> set[int]:
    return {hour for hour in range(20) if any(w.contains(DAY0 + timedelta(hours=hour)) for w in tuple(found))}


@given(windows)
def test_a_union_covers_the_same_without_touching_parts(some: list[Window]) -> None:
    joined = union(some)
    assert hours(joined) == hours(some)
    assert all(one.end < two.start for one, two in pairwise(joined))


@given(windows, windows)
def test_a_difference_covers_what_only_the_first_do(some: list[Window], others: list[Window]) -> None:
    assert hours(subtract(some, others)) == hours(some) - hours(others)


@given(st.lists(windows, min_size=1, max_size=3))
def test_an_intersection_covers_what_all_do(sides: list[list[Window]]) -> None:
    assert hours(intersection(sides)) == set.intersection(*(hours(side) for side in sides))
