"""`robust_zscore`: a stay far from the person's usual."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from statistics import median

import polars as pl

from auditor.detectors.detection import Aggregate, Budget
from auditor.detectors.robust_zscore import RobustZscore, detect
from auditor.model.window import Window

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ALL = Window(START, START + timedelta(days=400))
SHARE = Aggregate.of(
    value=pl.col("presence").first().dt.total_microseconds() / pl.col("meeting_length").first().dt.total_microseconds()
)


def stay(day: int, minutes: float, person: str = "ann@example.com", *, length: int | None = 60) -> dict[str, object]:
    begin = START + timedelta(days=day)
    return {
        "email": person,
        "meeting_id": f"m{day}",
        "joined_time": begin,
        "left_time": begin + timedelta(minutes=minutes),
        "meeting.start_time": begin if length else None,
        "meeting.end_time": begin + timedelta(minutes=length) if length else None,
    }


def mad(values: list[float]) -> float:
    middle = median(values)
    return median(abs(value - middle) for value in values)


def test_z_is_what_the_formula_gives(build) -> None:
    seed = random.Random(7)
    rows = [stay(day, seed.uniform(40, 60), person) for day in range(40) for person in ("a", "b", "c")]
    rows.append({**stay(41, 300, "a"), "meeting_id": "long"})
    settings = RobustZscore(value=SHARE, threshold=0.0, budget=Budget(10_000, 10_000))
    found = detect(build(rows), settings, ALL).findings.filter(pl.col("meeting_id") == "long")
    x = {
        (row["email"], row["joined_time"]): math.log1p((row["left_time"] - row["joined_time"]) / timedelta(minutes=60))
        for row in rows
    }
    event = START + timedelta(days=41)
    own = [value for (person, time), value in x.items() if person == "a" and time < event][-60:]
    week = event - timedelta(days=event.weekday(), hours=9)
    peers = [value for (_, time), value in x.items() if week - timedelta(days=28) <= time < week]
    n, k = len(own), 10.0
    center = (n * median(own) + k * median(peers)) / (n + k)
    scale = max(0.1, 1.4826 * (n * mad(own) + k * mad(peers)) / (n + k))
    (row,) = found.select("z", "n", "center", "scale").rows()
    assert math.isclose(row[0], (x["a", event] - center) / scale, abs_tol=1e-9)
    assert row[1] == n
    assert math.isclose(row[2], math.expm1(center), abs_tol=1e-9)
    assert math.isclose(row[3], scale, abs_tol=1e-9)


def test_rejoins_are_one_stay_and_presence_is_their_union(build) -> None:
    rows = [stay(day, 60) for day in range(20)]
    for first, last in ((0, 40), (10, 30), (42, 60)):
        begin = START + timedelta(days=30)
        times = {"joined_time": begin + timedelta(minutes=first), "left_time": begin + timedelta(minutes=last)}
        rows.append({**stay(30, 60), **times})
    settings = RobustZscore(value=SHARE, threshold=0.0, budget=Budget(10_000, 10_000))
    found = detect(build(rows), settings, ALL).findings.filter(pl.col("meeting_id") == "m30")
    assert found.select("presence", pl.col("records").list.len()).rows() == [(timedelta(minutes=58), 3)]


def test_an_unknown_meeting_is_as_long_as_the_others_stayed(build) -> None:
    rows = [stay(day, 60) for day in range(20)]
    rows += [stay(30, minutes, person, length=None) for person, minutes in (("b", 50), ("c", 60), ("d", 70))]
    rows.append(stay(30, 240, length=None))
    settings = RobustZscore(value=SHARE, threshold=0.0, budget=Budget(10_000, 10_000))
    found = detect(build(rows), settings, ALL).findings.filter(pl.col("meeting_id") == "m30")
    assert found["value"].to_list() == [4.0]


def test_direction_down_leaves_long_stays_alone(build) -> None:
    rows = [stay(day, 60) for day in range(20)] + [stay(30, 600)]
    assert detect(build(rows), RobustZscore(value=SHARE, direction="down"), ALL).findings.height == 0
    assert detect(build(rows), RobustZscore(value=SHARE, direction="up"), ALL).findings.height == 1


def test_stand_ups_of_one_length_do_not_make_a_second_infinite(build) -> None:
    rows = [stay(day, 15, length=15) for day in range(20)] + [stay(30, 15.1, length=15)]
    assert detect(build(rows), RobustZscore(value=SHARE), ALL).findings.height == 0


def test_a_person_with_few_stays_is_not_judged(build) -> None:
    found = detect(build([stay(day, 60) for day in range(5)]), RobustZscore(value=SHARE), ALL)
    assert (found.not_evaluable, found.reason) == (5, "no entity has enough history")


def test_stays_below_the_shortest_presence_are_not_reported(build) -> None:
    rows = [stay(day, 10, length=10) for day in range(30)] + [stay(31, 54, length=10), stay(32, 56, length=10)]
    settings = RobustZscore(value=SHARE, min_presence=timedelta(minutes=55), budget=Budget(9, 9))
    assert detect(build(rows), settings, ALL).findings["presence"].to_list() == [timedelta(minutes=56)]


def test_without_anybody_before_the_window_peers_count_for_nothing(build) -> None:
    rows = [stay(day, 60) for day in range(6)] + [{**stay(6, 300), "meeting_id": "long"}]
    settings = RobustZscore(value=SHARE, peer=("client_os",), min_history=5)
    found = detect(build(rows), settings, ALL).findings
    alone = detect(build(rows), RobustZscore(value=SHARE, min_history=5), ALL).findings
    assert found.select("meeting_id", "n", "center").rows() == [("long", 6, 1.0)]
    assert found.equals(alone)


def test_stays_of_which_none_has_a_value_are_not_judged(build) -> None:
    known, unknown = (
        [stay(day, 60, length=length) for day in days] for length, days in ((60, range(20)), (None, [30]))
    )
    late = Window(START + timedelta(days=25), START + timedelta(days=40))
    found = detect(build([*known, *unknown]), RobustZscore(value=SHARE), late)
    assert (found.population, found.not_evaluable, found.reason) == (0, 1, "no stay has a value")
    assert detect(build([*known, stay(31, 60), *unknown]), RobustZscore(value=SHARE), late).reason is None
    assert detect(build(known), RobustZscore(value=SHARE), late).reason is None
