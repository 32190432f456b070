"""`impossible_travel`: too far in too little time."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from auditor.detectors.impossible_travel import ImpossibleTravel, detect
from auditor.model.window import Window

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ALL = Window(START, START + timedelta(days=400))
OSLO = {"geo_city": "Oslo", "geo_country": "NO", "geo_latitude": 59.91, "geo_longitude": 10.75, "ip_network": "a"}
RIO = {"geo_city": "Rio", "geo_country": "BR", "geo_latitude": -22.91, "geo_longitude": -43.17, "ip_network": "b"}
BARE = ImpossibleTravel(suppress=())


def leg(place: dict[str, object], first: float, last: float, **more: object) -> dict[str, object]:
    times = {"joined_time": START + timedelta(hours=first), "left_time": START + timedelta(hours=last)}
    return {**place, **times, "meeting_id": str(first), **more}


def kilometres(one: dict[str, object], other: dict[str, object]) -> float:
    a, b = (math.radians(place["geo_latitude"]) for place in (one, other))
    across = math.radians(other["geo_longitude"] - one["geo_longitude"])
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(across / 2) ** 2
    return 2 * 6371 * math.asin(min(1.0, math.sqrt(half)))


def test_distance_time_and_speed_can_be_recomputed(build) -> None:
    found = detect(build([leg(OSLO, 0, 1), leg(RIO, 3, 4)]), BARE, ALL).findings
    (row,) = found.select("distance", "hours", "speed", "score").rows()
    far = kilometres(OSLO, RIO)
    assert math.isclose(row[0], far, rel_tol=1e-9)
    assert row[1] == 2.0
    assert math.isclose(row[2], far / 2, rel_tol=1e-9)
    assert math.isclose(row[3], math.log2(far / 2 / 900), abs_tol=1e-9)


def test_the_sentence_repeats_them(build) -> None:
    (sentence,) = detect(build([leg(OSLO, 0, 1), leg(RIO, 3, 4)]), BARE, ALL).findings["explanation"]
    assert sentence == (
        "ann@example.com left a meeting from Oslo at 2026-01-05 10:00 UTC and joined one from Rio at "
        "2026-01-05 12:00 UTC: "
        f"{kilometres(OSLO, RIO):.0f} km in 2.0 h ({kilometres(OSLO, RIO) / 2:.0f} km/h)"
    )


def test_accuracy_radii_shorten_the_distance(build) -> None:
    rows = [leg(OSLO, 0, 1, geo_radius_km=100.0), leg(RIO, 3, 4, geo_radius_km=50.0)]
    (row,) = detect(build(rows), BARE, ALL).findings["distance"]
    assert math.isclose(row, kilometres(OSLO, RIO) - 150, rel_tol=1e-9)


def test_the_leg_that_reaches_furthest_is_the_one_left(build) -> None:
    rows = [leg(OSLO, 0, 10), leg(OSLO, 1, 2), leg(RIO, 11, 12)]
    assert detect(build(rows), BARE, ALL).findings["hours"].to_list() == [1.0]


def test_the_way_back_is_the_same_trip(build) -> None:
    rows = [leg(OSLO, 0, 1), leg(RIO, 3, 4), leg(OSLO, 6, 7)]
    assert detect(build(rows), BARE, ALL).findings.height == 1


def test_a_flight_is_possible(build) -> None:
    assert detect(build([leg(OSLO, 0, 1), leg(RIO, 14, 15)]), BARE, ALL).ledger.candidates == 0


def test_legs_at_once_belong_to_overlap(build) -> None:
    assert detect(build([leg(OSLO, 0, 3), leg(RIO, 2, 4)]), BARE, ALL).ledger.candidates == 0


def test_an_exit_used_from_elsewhere_is_no_journey(build) -> None:
    people = [f"p{n}@example.com" for n in range(8)]
    rows = []
    for day in range(40):
        rows += [leg(OSLO, 24 * day, 24 * day + 1, email=person, ip_network=f"home {person}") for person in people]
        rows += [leg(RIO, 24 * day + 2, 24 * day + 3, email=person) for person in people if day % 2]
    recent = Window(START + timedelta(days=35), START + timedelta(days=60))
    found = detect(build(rows), ImpossibleTravel(suppress=("remote_exit",)), recent)
    assert found.findings.height == 0
    assert found.ledger.suppressed["remote_exit"] > 0


def test_without_places_the_rule_says_what_is_missing(build) -> None:
    found = detect(build([{"joined_time": START, "left_time": START + timedelta(hours=1)}]), BARE, ALL)
    assert found.reason == "no attendee has a place; a GeoIP database is needed"
    assert found.not_evaluable == 1
