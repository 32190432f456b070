"""`impossible_travel`: too far in too little time."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

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
        f"{kilometres(OSLO, RIO):.0f} km in 2.0 h ({kilometres(OSLO, RIO) / 2:.0f} km/h), without history"
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


HOME = {"geo_city": "Bergen", "geo_country": "NO", "geo_latitude": 60.39, "geo_longitude": 5.32}
LAPTOP = {"client_agent": "WINDOWS,Webex", "client_os": "windows"}
STRANGE = {"client_agent": "LINUX,Chrome", "client_os": "linux"}
PHONE = {"client_agent": "IOS,Webex", "client_os": "ios"}
AUDITED = Window(START + timedelta(days=40), START + timedelta(days=60))


def behind_an_exit(person: str, last: dict[str, object], *, mixed: int = 0) -> list[dict[str, object]]:
    """Forty days of a company whose exit lies in Oslo; then the person leaves a meeting there and has a last leg.

    The person comes through the exit on every day, on the first `mixed` of the last ten also from home, where
    all others are on other days.
    """
    rows = []
    for day in range(40):
        begin = 24.0 * day
        others = [f"p{number}@example.com" for number in range(8)]
        rows += [
            leg(HOME_OF_ALL, begin, begin + 1, email=other, ip_network=f"home {other}", **LAPTOP) for other in others
        ]
        rows += [leg(OSLO, begin + 40, begin + 41, email=other, **LAPTOP) for other in others if day % 2]
        rows.append(leg(OSLO, begin, begin + 1, email=person, **LAPTOP))
        if 30 <= day < 30 + mixed:
            rows.append(leg({**HOME, "ip_network": "home"}, begin + 3, begin + 4, email=person, **LAPTOP))
    rows.append(leg(OSLO, 24 * 41, 24 * 41 + 1, email=person, **LAPTOP))
    return [*rows, {**leg(RIO, 24 * 41 + 3, 24 * 41 + 4, email=person, **LAPTOP), "ip_network": "there", **last}]


HOME_OF_ALL = {"geo_city": "Turin", "geo_country": "IT", "geo_latitude": 45.07, "geo_longitude": 7.69}


@pytest.mark.parametrize(
    ("last", "mixed", "reported"),
    [
        pytest.param({}, 0, True, id="someone who keeps to the exit comes from elsewhere"),
        pytest.param({}, 1, True, id="one day past the exit is no habit"),
        pytest.param({}, 2, False, id="someone who comes and goes may have left the exit on a journey"),
        pytest.param(STRANGE, 2, True, id="another client than ever before is not explained by the exit"),
        pytest.param(PHONE, 0, True, id="nor is a phone never seen before"),
    ],
)
def test_an_exit_explains_no_more_than_it_hides(build, last: dict[str, object], mixed: int, *, reported: bool) -> None:
    rows = behind_an_exit("ann@example.com", last, mixed=mixed)
    found = detect(build(rows), ImpossibleTravel(suppress=("remote_exit", "known_network")), AUDITED)
    assert found.findings["email"].to_list() == ["ann@example.com"] * reported
    assert found.ledger.candidates == 1


def test_what_lies_near_home_is_not_elsewhere(build) -> None:
    rows = behind_an_exit("ann@example.com", STRANGE, mixed=2)
    rows += [leg({**RIO, "ip_network": "home"}, 24 * day + 12, 24 * day + 13, **LAPTOP) for day in range(41)]
    found = detect(build(rows), ImpossibleTravel(suppress=("remote_exit", "known_network")), AUDITED)
    assert found.findings.is_empty()


def test_a_phone_goes_past_the_exit_of_its_person(build) -> None:
    rows = behind_an_exit("ann@example.com", PHONE)
    rows.append(leg({**OSLO, "ip_network": "carrier"}, 24 * 20 + 5, 24 * 20 + 6, **PHONE))
    found = detect(build(rows), ImpossibleTravel(suppress=("remote_exit",)), AUDITED)
    assert found.ledger.suppressed == {"remote_exit": 1}


def test_a_phone_that_comes_out_at_home_tells_nothing_of_a_journey(build) -> None:
    rows = [leg({**OSLO, "ip_network": "desk"}, 24 * day, 24 * day + 1, **LAPTOP) for day in range(40)]
    rows.append(leg({**HOME, "ip_network": "carrier"}, 24 * 45, 24 * 45 + 1, **PHONE))
    rows.append(leg(RIO, 24 * 45 + 3, 24 * 45 + 4, **LAPTOP))
    assert detect(build(rows), ImpossibleTravel(suppress=()), AUDITED).findings.height == 1
    assert detect(build(rows), ImpossibleTravel(), AUDITED).ledger.suppressed == {"known_network": 1}
