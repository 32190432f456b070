"""What findings say is counted again from the rows, in plain Python: the cited ones, and for a past all before them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest

from auditor.model.finding import Finding
from tests.detectors.company import Row


def number(finding: Finding, name: str) -> float:
    return float(str(finding.evidence[name]).removesuffix("us"))


def union(rows: Sequence[Row]) -> timedelta:
    """How long at least one of the rows lasted."""
    total, reach = timedelta(), None
    for row in rows:
        begin, end = row["joined_time"], row["left_time"] or row["meeting.end_time"]
        start = begin if reach is None else max(begin, reach)
        total += max(end - start, timedelta())
        reach = end if reach is None else max(reach, end)
    return total


@pytest.mark.slow
def test_a_journey_is_as_far_and_as_long_as_its_two_records_say(site) -> None:
    assert site.found["GEO-001"]
    for finding in site.found["GEO-001"]:
        one, other = site.cited(finding)
        lat_a, lat_b = (math.radians(round(row["geo_latitude"], 2)) for row in (one, other))
        lon = math.radians(round(other["geo_longitude"], 2)) - math.radians(round(one["geo_longitude"], 2))
        half = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(lon / 2) ** 2
        far = 2 * 6371 * math.asin(math.sqrt(half)) - one["geo_radius_km"] - other["geo_radius_km"]
        hours = (other["joined_time"] - (one["left_time"] or one["meeting.end_time"])) / timedelta(hours=1)
        assert math.isclose(number(finding, "distance"), far, rel_tol=1e-9)
        assert math.isclose(number(finding, "hours"), max(hours, 1 / 60), rel_tol=1e-9)
        assert [finding.evidence["from_place"], finding.evidence["to_place"]] == [one["geo_city"], other["geo_city"]]


def test_an_overlap_is_what_its_two_records_share(site) -> None:
    assert site.found["ANM-013"]
    for finding in site.found["ANM-013"]:
        one, other = site.cited(finding)
        shared = min(row["left_time"] or row["meeting.end_time"] for row in (one, other)) - other["joined_time"]
        assert number(finding, "overlap") == shared / timedelta(microseconds=1)
        assert {one["ip_network"], other["ip_network"]} >= {finding.evidence["other_value"]}
        assert one["ip_network"] != other["ip_network"]


def test_a_burst_is_the_most_records_within_ten_minutes(site) -> None:
    assert site.found["ANM-014"]
    for finding in site.found["ANM-014"]:
        times = [row["joined_time"] for row in site.cited(finding)]
        most = max(sum(time - timedelta(minutes=10) < other <= time for other in times) for time in times)
        assert number(finding, "count") == most
        assert datetime.fromisoformat(str(finding.evidence["window_start"])) == times[0]


@pytest.mark.parametrize(("rule", "counted"), [("ANM-004", "email"), ("ANM-015", "meeting_id")])
def test_a_crowd_is_as_many_as_its_records_name(site, rule: str, counted: str) -> None:
    assert site.found[rule]
    for finding in site.found[rule]:
        rows = site.cited(finding)
        assert number(finding, "count") == len({row[counted] for row in rows})
        spread = (rows[-1]["joined_time"] - rows[0]["joined_time"]) / timedelta(minutes=1)
        assert math.isclose(number(finding, "spread"), spread, abs_tol=1e-9)


def test_a_stay_is_the_union_of_its_records(site) -> None:
    assert site.found["ANM-003"]
    for finding in site.found["ANM-003"]:
        assert number(finding, "presence") == union(site.cited(finding)) / timedelta(microseconds=1)


@pytest.mark.parametrize(("rule", "attribute"), [("ANM-001", None), ("ANM-012", "client_os")])
def test_what_is_rare_was_seen_as_often_before(site, rule: str, attribute: str | None) -> None:
    assert site.found[rule]
    internal = [row for row in site.rows if row["is_internal"]]
    for finding in site.found[rule][:25]:
        event = site.cited(finding)[0]
        name = attribute or str(finding.evidence["attribute"])
        since = event["joined_time"] - timedelta(days=90)
        past = [
            row
            for row in internal
            if since <= row["joined_time"] < event["joined_time"] and row[name] is not None and row["email"] is not None
        ]
        own = [row for row in past if row["email"] == event["email"]]
        assert number(finding, "n") == len(own)
        assert number(finding, "n_value") == sum(str(row[name]) == finding.evidence["value"] for row in own)
        if rule == "ANM-001":
            assert number(finding, "org") == len(past)
            assert number(finding, "org_value") == sum(str(row[name]) == finding.evidence["value"] for row in past)


def test_a_habit_changed_by_as_much_as_the_weeks_tell(site) -> None:
    assert site.found["ANM-005"]
    for finding in site.found["ANM-005"]:
        weeks: dict[object, list[float]] = {}
        for row in site.rows:
            length = row["meeting.end_time"] - row["meeting.start_time"]
            if row["email"] == finding.subject and row["left_time"] is not None and length:
                monday = row["joined_time"].date() - timedelta(days=row["joined_time"].weekday())
                weeks.setdefault(monday, []).append((row["left_time"] - row["joined_time"]) / length)
        values = [(week, pl.Series(weeks[week]).median()) for week in sorted(weeks)][1:-1]
        at = datetime.fromisoformat(str(finding.evidence["at"])).date()
        before, after = [x for week, x in values if week < at], [x for week, x in values if week >= at]
        steps = sorted(abs(b[1] - a[1]) for a, b in pairwise(values))
        noise = max(0.03, 1.4826 * pl.Series(steps).median() / math.sqrt(2))
        one, other, n = sum(before) / len(before), sum(after) / len(after), len(values)
        score = abs(one - other) * math.sqrt(len(before) * len(after) / n) / noise
        assert [number(finding, "n_before"), number(finding, "n_after")] == [len(before), len(after)]
        assert math.isclose(number(finding, "before"), one, abs_tol=1e-9)
        assert math.isclose(number(finding, "after"), other, abs_tol=1e-9)
        assert math.isclose(number(finding, "score"), score, abs_tol=1e-6)


def test_a_week_is_compared_with_all_weeks_of_three_joins(site) -> None:
    assert site.found["ANM-006"]
    weeks: dict[tuple[object, object], int] = {}
    for row in site.rows:
        if row["is_internal"] and row["email"] is not None:
            monday = row["joined_time"].date() - timedelta(days=row["joined_time"].weekday())
            weeks[row["email"], monday] = weeks.get((row["email"], monday), 0) + 1
    assert {number(finding, "n") for finding in site.found["ANM-006"]} == {
        float(sum(many >= 3 for many in weeks.values()))
    }
