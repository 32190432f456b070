"""`change_point`: a habit that changed once."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import mean, median

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.detectors.change_point import ChangePoint, detect, look, tell
from auditor.detectors.detection import Aggregate, Budget
from auditor.detectors.seen import Beside, once
from auditor.model.window import Window

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
ALL = Window(MONDAY, MONDAY + timedelta(days=4000))
COUNT = Aggregate.of(value=pl.len())


def weeks(counts: list[int]) -> list[dict[str, object]]:
    return [
        {"joined_time": MONDAY + timedelta(weeks=week, hours=9 + n), "meeting_id": f"{week}.{n}"}
        for week, count in enumerate(counts)
        for n in range(count)
    ]


def best(values: list[float], *, side: int, floor: float) -> tuple[float, int]:
    """The largest t over all splits, and the split, by the formula."""
    n = len(values)
    steps = [abs(b - a) for a, b in pairwise(values)]
    noise = max(floor, 1.4826 * median(steps) / math.sqrt(2))
    found = [
        (round(abs(mean(values[:i]) - mean(values[i:])) * math.sqrt(i * (n - i) / n) / noise, 9), -i)
        for i in range(side, n - side + 1)
    ]
    score, split = max(found)
    return score, -split


@given(st.lists(st.integers(1, 9), min_size=12, max_size=20))
def test_the_split_is_the_best_of_all(build, counts: list[int]) -> None:
    inner = [float(count) for count in counts[1:-1]]
    settings = ChangePoint(value=COUNT, threshold=0.0, min_change=0.0, floor=0.25, budget=Budget(99, 99))
    found = detect(build(weeks(counts)), settings, ALL).findings
    (row,) = found.select("score", "n_before", "before", "after", "at").rows()
    score, split = best(inner, side=4, floor=0.25)
    assert math.isclose(row[0], score, abs_tol=1e-6)
    assert row[1] == split
    assert math.isclose(row[2], mean(inner[:split]), abs_tol=1e-9)
    assert math.isclose(row[3], mean(inner[split:]), abs_tol=1e-9)
    assert row[4] == MONDAY + timedelta(weeks=split + 1)


def test_a_finding_belongs_to_the_window_that_holds_the_change(build) -> None:
    settings = ChangePoint(value=COUNT, floor=0.25, min_change=1.0)
    rows = weeks([5] * 9 + [1] * 9)
    inside = Window(MONDAY + timedelta(weeks=9), MONDAY + timedelta(weeks=10))
    after = Window(MONDAY + timedelta(weeks=10), MONDAY + timedelta(weeks=20))
    assert detect(build(rows), settings, inside).findings.height == 1
    assert detect(build(rows), settings, after).findings.height == 0


@pytest.mark.parametrize(("least", "found"), [(2.0, 1), (2.001, 0)])
def test_a_change_as_large_as_the_least_one_is_told(build, least: float, found: int) -> None:
    settings = ChangePoint(value=COUNT, floor=0.25, min_change=least)
    assert detect(build(weeks([2] * 9 + [4] * 9)), settings, ALL).findings.height == found


def test_weeks_of_which_none_has_a_row_are_no_change(build) -> None:
    """Whatever the bounds allow, a finding rests on records."""
    settings = ChangePoint(value=COUNT, fill=0.1, threshold=0.0, min_change=0.0, floor=0.25)
    found = detect(build(weeks([1, *[0] * 14, 1])), settings, ALL)
    assert (found.findings.height, found.population) == (0, 1)


def test_weeks_without_rows_can_count_as_zero(build) -> None:
    rows = weeks([5, 5, 5, 5, 5, 5, 0, 0, 0, 0, 0, 1])
    settings = ChangePoint(value=COUNT, floor=0.25, min_change=1.0, fill=0.0)
    (row,) = detect(build(rows), settings, ALL).findings.select("before", "after").rows()
    assert row == (5.0, 0.0)


def test_a_week_whose_value_is_unknown_is_left_out_and_not_filled(build) -> None:
    share = Aggregate.of(value=pl.col("is_internal").mean())
    rows = [{**row, "is_internal": True} for row in weeks([2] * 16)]
    unknown = [{**row, "is_internal": None} for row in rows[12:]]
    rows = [*rows[:12], *unknown[:-2], *rows[-2:]]
    settings = ChangePoint(value=share, fill=0.0, threshold=0.0, min_change=0.5)
    found = detect(build(rows), settings, ALL)
    assert (found.findings.height, found.not_evaluable, found.reason) == (0, 1, "too little history")
    filled = detect(build([*rows[:12], *rows[-2:]]), settings, ALL).findings
    assert filled.select("before", "after", "n_before", "n_after").rows() == [(1.0, 0.0, 5, 9)]


@pytest.mark.parametrize(("before", "after"), [(10, 8), (8, 6), (5, 3), (3, 1)])
def test_a_share_that_changed_by_just_the_least_change_is_told(build, before: int, after: int) -> None:
    share = Aggregate.of(value=pl.col("is_internal").mean())
    yes = [before] * 9 + [after] * 9
    rows = [{**row, "is_internal": n % 10 < yes[n // 10]} for n, row in enumerate(weeks([10] * 18))]
    settings = ChangePoint(value=share, threshold=1.0, min_change=0.2)
    assert detect(build(rows), settings, ALL).findings.select("n_before", "n_after").rows() == [(8, 8)]


def test_too_little_history_is_said(build) -> None:
    found = detect(build(weeks([3, 3, 3])), ChangePoint(value=COUNT), ALL)
    assert (found.reason, found.not_evaluable) == ("too little history", 1)


def test_a_window_in_which_no_change_can_lie_is_not_judged(build) -> None:
    rows = weeks([9] * 9 + [1] * 7)
    settings = ChangePoint(value=COUNT, floor=0.25)

    def judged(first: int, last: int) -> tuple[int, int, int, str | None]:
        found = detect(build(rows), settings, Window(MONDAY + timedelta(weeks=first), MONDAY + timedelta(weeks=last)))
        return found.findings.height, found.population, found.not_evaluable, found.reason

    assert judged(9, 16) == (1, 1, 0, None)
    assert judged(10, 16) == (0, 1, 0, None)
    reason = "no change can lie in the window: 4 whole periods must follow it before its end"
    assert judged(12, 16) == (0, 0, 1, reason)


def test_series_without_a_value_in_the_window_are_no_judgement_of_it(build) -> None:
    share = Aggregate.of(value=pl.col("is_internal").mean())
    early = [{**row, "is_internal": True} for row in weeks([2] * 14)]
    late = Window(MONDAY + timedelta(weeks=14), MONDAY + timedelta(weeks=20))
    unknown = [{**row, "is_internal": None} for row in weeks([2] * 20)[28:]]
    gone = [{**row, "email": "gone@example.com"} for row in early]
    settings = ChangePoint(value=share)
    found = detect(build(early + unknown + gone), settings, late)
    assert (found.population, found.not_evaluable, found.reason) == (0, 1, "no series has a value in the window")
    known = [{**row, "is_internal": True} for row in unknown]
    found = detect(build(early + known + gone), settings, late)
    assert (found.population, found.not_evaluable, found.reason) == (1, 0, None)
    new = [{**row, "email": "new@example.com"} for row in known]
    found = detect(build(gone + new), settings, late)
    assert (found.population, found.not_evaluable, found.reason) == (0, 1, "too little history")


def test_a_change_to_weeks_without_rows_is_told_whatever_is_known_of_the_last_one(build) -> None:
    share = Aggregate.of(value=pl.col("is_internal").mean())
    rows = [{**row, "is_internal": True} for row in weeks([2] * 10 + [0] * 6 + [2])]
    rows = [*rows[:-2], *({**row, "is_internal": None} for row in rows[-2:])]
    late = Window(MONDAY + timedelta(weeks=10), MONDAY + timedelta(weeks=17))
    found = detect(build(rows), ChangePoint(value=share, fill=0.0), late)
    assert (found.findings.height, found.reason) == (1, None)


def test_a_change_that_did_not_hold_is_none_where_holding_is_asked(build) -> None:
    counts = [9, 4, 4, 4, 4, 4, 4, 8, 4, 8, 4, 9, 9]
    loose = ChangePoint(value=COUNT, threshold=1.0, min_change=0.5, floor=0.25, budget=Budget(99, 99))
    assert detect(build(weeks(counts)), loose, ALL).findings["n_after"].to_list() == [5]
    strict = replace(loose, min_held=4)
    assert detect(build(weeks(counts)), strict, ALL).findings.is_empty()
    held = [9, 4, 4, 4, 4, 4, 4, 8, 8, 8, 8, 9]
    assert detect(build(weeks(held)), strict, ALL).findings["n_after"].to_list() == [4]


@pytest.mark.parametrize("length", [timedelta(hours=6), timedelta(hours=12), timedelta(days=1), timedelta(days=3)])
def test_periods_are_tumbling_windows_counted_from_a_monday(build, length) -> None:
    monday = datetime(1970, 1, 5, tzinfo=UTC)
    begins = [monday + ((MONDAY - monday) // length + place) * length for place in range(40)]
    rows = [
        {"joined_time": begin + step * (length / 3)}
        for n, begin in enumerate(begins)
        for step in range(1 + n // 20 * 2)
    ]
    settings = ChangePoint(value=COUNT, period=length, floor=0.25, fill=0.0)
    found = detect(build(rows), settings, ALL).findings
    assert found.select("before", "after", "at").rows() == [(1.0, 3.0, begins[20])]


@pytest.mark.parametrize(("length", "people"), [(timedelta(milliseconds=1), 1), (timedelta(minutes=1), 40)])
def test_more_periods_than_memory_holds_are_not_filled(build, length: timedelta, people: int) -> None:
    rows = [
        {
            "email": f"p{person}@x.org",
            "joined_time": MONDAY + timedelta(days=400 * late),
            "meeting_id": f"{person}.{late}",
        }
        for person in range(people)
        for late in range(2)
    ]
    found = detect(build(rows), ChangePoint(value=COUNT, period=length, fill=0.0), ALL)
    assert found.findings.is_empty()
    assert found.reason is not None
    assert re.fullmatch(r"[0-9,]+ periods are more than the 20,000,000 that can be judged; take a .*", found.reason)


@pytest.mark.parametrize(("fill", "refused"), [(0.0, True), (None, False)])
def test_filled_periods_of_all_parts_together_are_not_more_than_memory_holds(build, fill, refused) -> None:
    settings = ChangePoint(value=COUNT, fill=fill)
    part = look(build(weeks([3] * 16)), settings, ALL, Beside())
    large = replace(part, more={name: one * 900_000 for name, one in part.more.items()})
    assert not [one for one in (large, part) if tell([one], settings, ALL, once(build([]))).reason]
    reason = tell([large, large], settings, ALL, once(build([]))).reason
    assert (reason is not None and reason.startswith("28,800,000 periods are more than")) is refused
