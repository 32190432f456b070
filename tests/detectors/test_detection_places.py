"""Whose networks they are: exits used from elsewhere, places a person knows, phones beside and in place of laptops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from auditor.detectors.impossible_travel import ImpossibleTravel
from auditor.detectors.impossible_travel import detect as travel
from auditor.detectors.overlap import Overlap
from auditor.detectors.overlap import detect as overlap
from auditor.entities.networks import homes, is_remote_exit, knows_network, remote_exits
from auditor.model.window import Window

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
LATE = Window(START + timedelta(days=35), START + timedelta(days=90))
OSLO = {"geo_city": "Oslo", "geo_country": "NO", "geo_latitude": 59.91, "geo_longitude": 10.75, "asn": 1}
BERGEN = {"geo_city": "Bergen", "geo_country": "NO", "geo_latitude": 60.39, "geo_longitude": 5.32, "asn": 2}
RIO = {"geo_city": "Rio", "geo_country": "BR", "geo_latitude": -22.91, "geo_longitude": -43.17, "asn": 3}
RECIFE = {"geo_city": "Recife", "geo_country": "BR", "geo_latitude": -8.05, "geo_longitude": -34.9, "asn": 4}


def leg(place: dict[str, object], day: float, hours: float = 1, person: str = "ann@example.com", **more: object):
    begin = START + timedelta(days=day)
    times = {"joined_time": begin, "left_time": begin + timedelta(hours=hours), "meeting_id": f"{day} {person}"}
    return {**place, **times, "email": person, "ip_network": f"n{place['asn']}", **more}


def crowd(home: dict[str, object], exit_: dict[str, object], *, people: int, share: int) -> list[dict[str, object]]:
    """People at home every day, at the exit every `share`-th; its own townsfolk use the exit every day."""
    rows = []
    for day in range(60):
        for number in range(people):
            rows.append(leg(home, day, person=f"p{number}@example.com"))
            if day % share == 0:
                rows.append(leg(exit_, day + 0.1, person=f"p{number}@example.com"))
        rows.append(leg(exit_, day, person="local@example.com"))
    return rows


def exits(build, rows) -> set[str]:
    frame = build(rows).collect()
    found = frame.filter(is_remote_exit(frame, remote_exits(frame)))
    return set(found["geo_city"].drop_nulls())


def test_five_people_from_far_away_make_an_exit(build) -> None:
    assert exits(build, crowd(OSLO, RIO, people=5, share=2)) == {"Rio"}


def test_four_people_do_not(build) -> None:
    assert exits(build, crowd(OSLO, RIO, people=4, share=2)) == set()


def test_people_from_a_neighbouring_town_do_not(build) -> None:
    assert exits(build, crowd(OSLO, BERGEN, people=8, share=2)) == set()


def test_strangers_each_on_a_line_of_their_own_do_not(build) -> None:
    rows = crowd(OSLO, RIO, people=6, share=2)
    own = [{**row, "ip_network": f"{row['email']} in {row['geo_city']}"} for row in rows]
    assert exits(build, own) == set()


def test_now_and_then_a_visitor_does_not(build) -> None:
    rows = crowd(OSLO, RIO, people=5, share=59)
    rows += [leg(RIO, day, person=f"l{n}@example.com") for day in range(60) for n in range(8)]
    assert exits(build, rows) == set()


def test_an_exit_is_one_only_after_its_fifth_person(build) -> None:
    frame = build(crowd(OSLO, RIO, people=5, share=20)).collect()
    known = frame.filter(is_remote_exit(frame, remote_exits(frame)))["joined_time"].min()
    assert known >= START + timedelta(days=20)


def test_another_country_is_elsewhere_where_there_are_no_coordinates(build) -> None:
    bare = [{**row, "geo_latitude": None, "geo_longitude": None} for row in crowd(OSLO, RIO, people=5, share=2)]
    assert exits(build, bare) == {"Rio"}


def test_without_an_operator_an_exit_is_a_network(build) -> None:
    bare = [{**row, "asn": None, "geo_city": None} for row in crowd(OSLO, RIO, people=5, share=2)]
    frame = build(bare).collect()
    assert set(frame.filter(is_remote_exit(frame, remote_exits(frame)))["ip_network"]) == {"n3"}


def test_home_is_where_most_days_of_the_four_weeks_before_were(build) -> None:
    rows = [leg(OSLO, day) for day in range(9)] + [leg(RIO, day + 0.2, hours=0.1) for day in range(4)]
    found = homes(build(rows).collect()).filter(pl.col("week") == datetime(2026, 1, 19, tzinfo=UTC))
    assert found["geo_city_home"].to_list() == ["Oslo"]


def test_home_is_forgotten_after_four_weeks(build) -> None:
    weeks = homes(build([leg(OSLO, 0)]).collect())["week"]
    assert (weeks.min(), weeks.max()) == (datetime(2026, 1, 12, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC))


@pytest.mark.parametrize("column", ["ip_network", "asn"])
def test_a_place_is_known_after_two_earlier_days_by_network_or_by_operator_and_city(build, column) -> None:
    rows = [leg(OSLO, day) for day in range(3)]
    changed = [
        {**row, column: {"ip_network": f"other {place}", "asn": place}[column]} for place, row in enumerate(rows)
    ]
    assert knows_network(build(changed).collect()).to_list() == [False, False, True]


def test_a_place_is_not_known_by_city_alone(build) -> None:
    rows = [{**leg(OSLO, day), "ip_network": f"n{day}", "asn": day} for day in range(5)]
    assert not knows_network(build(rows).collect()).any()


def test_the_legs_around_an_exit_are_compared_with_each_other(build) -> None:
    rows = crowd(OSLO, RIO, people=6, share=2)
    rows += [leg(OSLO, 70), leg(RIO, 70.05, hours=0.5), leg(RECIFE, 70.1)]
    found = travel(build(rows), ImpossibleTravel(suppress=("remote_exit",)), LATE)
    assert found.findings.select("email", "from_place", "to_place").rows() == [("ann@example.com", "Oslo", "Recife")]
    ledger = found.ledger
    assert ledger.candidates == ledger.suppressed["remote_exit"] + ledger.emitted + ledger.truncated


@pytest.mark.parametrize("gap", [1, 4])
def test_a_change_to_the_telephone_is_no_journey_even_after_a_pause(build, gap) -> None:
    rows = [leg(OSLO, 0, client_os="windows"), leg(RIO, (60 + gap) / 1440, client_os="ios")]
    found = travel(build(rows), ImpossibleTravel(), Window(START, START + timedelta(days=9)))
    assert found.ledger.suppressed["hand_off"] == 1


def test_a_telephone_an_hour_later_is_one(build) -> None:
    rows = [leg(OSLO, 0, client_os="windows"), leg(RIO, 120 / 1440, client_os="ios")]
    found = travel(build(rows), ImpossibleTravel(), Window(START, START + timedelta(days=9)))
    assert found.findings.height == 1


def test_two_places_a_person_knows_are_theirs(build) -> None:
    rows = [leg(place, day + add) for day in range(3) for place, add in ((OSLO, 0), (BERGEN, 0.2))]
    rows += [leg(OSLO, 36), leg(BERGEN, 36.01)]
    found = overlap(build(rows), Overlap(), LATE)
    assert found.ledger.suppressed["known_network"] == 1


def test_one_place_a_person_does_not_know_is_enough(build) -> None:
    rows = [leg(OSLO, day) for day in range(3)] + [leg(OSLO, 36), leg(RIO, 36.01)]
    assert overlap(build(rows), Overlap(), LATE).findings.height == 1


def test_somebody_behind_an_exit_and_at_a_place_nobody_knew_is_in_two_places(build) -> None:
    rows = crowd(OSLO, RIO, people=6, share=2)
    rows += [leg(RIO, 70, person="p0@example.com"), leg(RECIFE, 70.01, person="p0@example.com")]
    rows += [leg(RIO, 80, person="p1@example.com"), leg(OSLO, 80.01, person="p1@example.com")]
    late = Window(START + timedelta(days=65), START + timedelta(days=90))
    found = overlap(build(rows), Overlap(suppress=("remote_exit",)), late)
    assert found.findings["email"].to_list() == ["p0@example.com"]
    assert found.ledger.suppressed["remote_exit"] == 1


def test_a_phone_abroad_beside_a_laptop_behind_an_exit_is_a_companion(build) -> None:
    rows = crowd(OSLO, RIO, people=6, share=2)
    rows += [
        leg(RIO, 70, meeting_id="one", person="p0@example.com"),
        leg(RECIFE, 70.01, meeting_id="one", person="p0@example.com", client_os="ios"),
    ]
    late = Window(START + timedelta(days=65), START + timedelta(days=90))
    found = overlap(build(rows), Overlap(suppress=("companion",)), late)
    assert found.ledger.suppressed["companion"] == 1


def test_a_phone_that_roams_does_not_tell_where_its_person_is(build) -> None:
    rows = [leg(OSLO, day, client_os="ios") for day in range(3)]
    rows += [leg(RIO, 40), leg(OSLO, 40.05, hours=0.2, client_os="ios"), leg(RIO, 40.1)]
    found = travel(build(rows), ImpossibleTravel(), LATE)
    assert found.findings.is_empty()
    assert found.ledger.suppressed["known_network"] >= 1


def test_the_legs_around_a_roaming_phone_are_compared(build) -> None:
    rows = [leg(OSLO, day) for day in range(3)] + [leg(BERGEN, day + 0.3, client_os="ios") for day in range(3)]
    rows += [leg(OSLO, 40), leg(BERGEN, 40.05, hours=0.2, client_os="ios"), leg(RIO, 40.1)]
    found = travel(build(rows), ImpossibleTravel(), LATE)
    assert found.findings["from_place"].to_list() == ["Oslo"]
