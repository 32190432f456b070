"""`fan_in`: many accounts behind one device."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from auditor.detectors.detection import Budget
from auditor.detectors.fan_in import FanIn, detect
from auditor.model.window import Window

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ALL = Window(START, START + timedelta(days=400))
WIDE = Budget(10_000, 10_000)


def crowd(day: float, people: int, meeting: str, **more: object) -> list[dict[str, object]]:
    begin = START + timedelta(days=day)
    return [
        {"joined_time": begin + timedelta(seconds=n), "email": f"p{n}", "meeting_id": meeting, **more}
        for n in range(people)
    ]


def test_the_usual_count_leaves_the_scope_itself_and_later_ones_out(build) -> None:
    rows = [*crowd(0, 2, "m1"), *crowd(1, 1, "m2"), *crowd(2, 6, "m3"), *crowd(3, 9, "m4")]
    found = detect(build(rows), FanIn(budget=WIDE, min_score=0.0), ALL).findings.sort("observed_at")
    assert found.select("meeting_id", "count", "center", "n").rows() == [
        ("m3", 6, (3 + 0.5) / 3, 2),
        ("m4", 9, (9 + 0.5) / 4, 3),
    ]


def test_a_scope_somebody_else_on_the_network_began_is_left_out_of_its_own_past(build) -> None:
    early = {"email": "early", "client_agent": "MAC,Webex"}
    rows = [*crowd(0, 4, "m1"), *crowd(1, 1, "m2", **early), *crowd(1.01, 4, "m2")]
    found = detect(build(rows), FanIn(budget=WIDE, min_score=0.0), ALL).findings.sort("observed_at")
    assert found.select("meeting_id", "center", "n").rows() == [("m1", 0.5, 0), ("m2", (4 + 0.5) / 2, 1)]


def test_a_network_seen_in_one_scope_alone_is_without_history_whoever_came_first(build) -> None:
    rows = [*crowd(0, 1, "m1", client_agent="MAC,Webex"), *crowd(0.01, 4, "m1")]
    found = detect(build(rows), FanIn(min_score=0.0), ALL).findings
    assert found.select("center", "n", "confidence").rows() == [(0.5, 0, "low")]
    assert detect(build(rows), FanIn(), ALL).findings.height == 0


def test_a_scope_that_began_before_the_window_is_judged_on_the_rows_inside(build) -> None:
    late = Window(START + timedelta(days=2, seconds=10), ALL.end)
    others = [{**row, "email": f"q{place}"} for place, row in enumerate(crowd(2 + 60 / 86_400, 5, "m3"))]
    rows = [*crowd(0, 1, "m1"), *crowd(1, 2, "m2"), *crowd(2, 3, "m3"), *others]
    found = detect(build(rows), FanIn(budget=WIDE, min_score=0.0), late)
    asked = found.findings.select("meeting_id", "count", "center", "n", "observed_at", "spread")
    assert asked.rows() == [("m3", 5, (3 + 0.5) / 3, 2, START + timedelta(days=2, seconds=60), 4 / 60)]
    assert found.findings["records"].list.len().to_list() == [5]
    assert found.population == 1
    assert detect(build(rows[:-2]), FanIn(budget=WIDE, min_score=0.0), late).findings.is_empty()


def test_the_score_is_the_chernoff_bound(build) -> None:
    rows = [*crowd(0, 2, "m1"), *crowd(2, 6, "m3")]
    (score,) = detect(build(rows), FanIn(min_score=0.0), ALL).findings["score"]
    usual, count = 2.5 / 2, 6
    assert math.isclose(score, (usual - count + count * math.log(count / usual)) / math.log(10), abs_tol=1e-9)


@pytest.mark.parametrize("people", range(2, 9))
def test_a_crowd_as_strange_as_the_least_score_printed_is_told(build, people: int) -> None:
    rows = [*crowd(0, 1, "m1"), *crowd(2, people, "m2")]
    (score,) = detect(build(rows), FanIn(min_score=0.0, min_count=2), ALL).findings["score"]
    assert detect(build(rows), FanIn(min_score=score, min_count=2), ALL).findings["score"].to_list() == [score]


def test_a_large_office_is_usual_for_itself(build) -> None:
    rows = [row for day in range(10) for row in crowd(day, 8, f"m{day}")]
    found = detect(build(rows), FanIn(), Window(START + timedelta(days=3), START + timedelta(days=400)))
    assert found.findings.height == 0


def test_listed_networks_fall_away_and_are_counted(build) -> None:
    found = detect(build(crowd(0, 6, "m")), FanIn(networks=("198.51.0.0/16",)), ALL)
    assert (found.findings.height, found.ledger.suppressed["listed_network"]) == (0, 1)


def test_a_series_is_left_out_whole_in_retrospect(build) -> None:
    rows = [row for day in range(4) for row in crowd(day, 6, f"m{day}", meeting_number="1")]
    found = detect(build(rows), FanIn(retrospective=True, budget=WIDE), ALL).findings
    assert found["center"].unique().to_list() == [0.5]


def test_meetings_of_a_day_can_be_counted_for_a_network(build) -> None:
    rows = [{**row, "meeting_id": f"m{n}"} for n, row in enumerate(crowd(0, 6, ""))]
    settings = FanIn(entity=("ip_network",), distinct="meeting_id", scope=("day",))
    found = detect(build(rows), settings, ALL).findings
    assert found["count"].to_list() == [6]
    assert found["members"].to_list() == [[f"m{n}" for n in range(6)]]
    assert found.schema["day"] == pl.Datetime("us", "UTC")


def test_the_sentence_repeats_the_numbers(build) -> None:
    (sentence,) = detect(build(crowd(0, 6, "m")), FanIn(), ALL).findings["explanation"]
    assert sentence == (
        "6 accounts joined “Sync” from 198.51.100.0/24, WINDOWS,Webex within 0 min; "
        "this device usually stands for 0.5 (score 4.1), without history"
    )
