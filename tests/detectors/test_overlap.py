"""`overlap`: one account in two places at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from auditor.detectors.detection import Budget
from auditor.detectors.overlap import Overlap, detect
from auditor.model.window import Window

START = datetime(2026, 1, 5, tzinfo=UTC)
WINDOW = Window(START - timedelta(days=1), START + timedelta(days=30))
BARE = Overlap(suppress=())


def leg(first: float, last: float, network: str, **more: object) -> dict[str, object]:
    times = {"joined_time": START + timedelta(minutes=first), "left_time": START + timedelta(minutes=last)}
    return {**times, "ip_network": network, "client_os": network, **more}


def test_the_sentence_names_both_places_and_the_time_they_share(build) -> None:
    found = detect(build([leg(0, 60, "a", geo_city="Oslo"), leg(30, 90, "b", geo_city="Rio")]), BARE, WINDOW)
    (sentence,) = found.findings["explanation"]
    assert sentence == "ann@example.com was connected from Oslo and Rio for the same 30 min (00:30–01:00 UTC)"


def test_a_long_leg_does_not_hide_those_inside_it(build) -> None:
    rows = [leg(0, 300, "a"), leg(10, 20, "b"), leg(100, 200, "c")]
    found = detect(build(rows), BARE, WINDOW)
    assert sorted(found.findings["overlap"].dt.total_minutes()) in ([100], [10, 100])
    assert found.ledger.candidates == 2


def test_legs_that_share_no_more_than_the_grace_do_not_count(build) -> None:
    assert detect(build([leg(0, 60, "a"), leg(58, 90, "b")]), BARE, WINDOW).ledger.candidates == 0


def test_a_phone_beside_the_laptop_is_a_companion(build) -> None:
    rows = [leg(0, 60, "a", client_os="windows"), leg(10, 50, "b", client_os="ios")]
    assert detect(build(rows), Overlap(), WINDOW).ledger.suppressed["companion"] == 1


def test_a_phone_that_comes_out_at_home_is_a_companion_abroad(build) -> None:
    home = {"geo_country": "NO", "geo_city": "Oslo", "ip_network": "home", "client_os": "windows"}
    rows = [leg(1440 * day, 1440 * day + 60, "home", **home) for day in range(-14, 0)]
    rows += [
        leg(0, 60, "office", geo_country="US", geo_city="Boston", client_os="windows"),
        leg(5, 50, "carrier", geo_country="NO", geo_city="Bergen", client_os="ios"),
    ]
    abroad = [{**row, "geo_country": "DE"} if row["ip_network"] == "carrier" else row for row in rows]
    assert detect(build(rows), Overlap(), WINDOW).ledger.suppressed == {"companion": 1}
    assert detect(build(abroad), Overlap(), WINDOW).ledger.suppressed == {}


def test_a_leg_without_an_end_ends_with_its_meeting(build) -> None:
    end = {"left_time": None, "meeting.end_time": START + timedelta(minutes=60)}
    found = detect(build([leg(0, 60, "a", **end), leg(30, 60, "b")]), BARE, WINDOW)
    assert found.ledger.candidates == 1


def test_a_leg_without_any_end_is_not_evaluable(build) -> None:
    assert detect(build([leg(0, 60, "a", left_time=None)]), BARE, WINDOW).not_evaluable == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 90), st.sampled_from("abc"), st.sampled_from("xy")), max_size=12
    )
)
def test_it_finds_the_accounts_that_comparing_all_pairs_finds(build, legs: list[tuple[int, int, str, str]]) -> None:
    rows = [leg(first, first + length, network, email=person) for first, length, network, person in legs]
    expected = {
        (one["email"], *sorted((one["ip_network"], other["ip_network"])))
        for place, one in enumerate(rows)
        for other in rows[place + 1 :]
        if one["email"] == other["email"]
        and one["ip_network"] != other["ip_network"]
        and min(one["left_time"], other["left_time"]) - max(one["joined_time"], other["joined_time"])
        > timedelta(minutes=2)
    }
    wide = Overlap(suppress=(), budget=type(BARE.budget)(total=1000, per_entity=1000))
    found = detect(build(rows), wide, WINDOW).findings
    reported = found.select("email", "records").rows() if found.height else []
    networks = {
        (row["page"], row["item"]): rows[row["item"]]["ip_network"] for _, records in reported for row in records
    }
    got = {(email, *sorted(networks[r["page"], r["item"]] for r in records)) for email, records in reported}
    assert got == expected


def test_the_score_is_minutes_times_the_weight_of_the_difference(build) -> None:
    rows = [leg(0, 60, "a", geo_country="NO"), leg(30, 90, "b", geo_country="BR")]
    found = detect(build(rows), BARE, WINDOW).findings
    assert found.select("score", "weight").rows() == [(90.0, 3)]
    assert found.schema["overlap"] == pl.Duration("us")


def connected(partners: int, client: str = "windows") -> list[dict[str, object]]:
    """A leg of ten hours, and so many short ones beside it, each from a network of its own."""
    short = [leg(6 * n + 1, 6 * n + 5, f"b{n}", client_os=client, meeting_id=f"m{n}") for n in range(partners)]
    return [leg(0, 600, "a", client_os="windows"), *short]


def test_partners_beyond_fifty_are_counted(build) -> None:
    wide = Overlap(suppress=(), budget=Budget(1000, 1000))
    found = detect(build(connected(60)), wide, WINDOW)
    assert (found.findings.height, found.truncated) == (50, 10)
    assert (found.ledger.candidates, found.ledger.emitted, found.ledger.truncated) == (60, 50, 10)
    assert detect(build(connected(50)), wide, WINDOW).truncated == 0


def test_partners_that_fall_away_take_nobodys_place(build) -> None:
    phones = connected(60, "ios")
    odd = [leg(500, 590, "far", client_os="linux", meeting_id="far", geo_city="Rio")]
    city = [{**row, "geo_city": row.get("geo_city", "Oslo")} for row in phones + odd]
    found = detect(build(city), Overlap(suppress=("companion",)), WINDOW)
    assert found.findings["place"].to_list() == ["Rio"]
    assert (found.ledger.candidates, found.ledger.suppressed, found.truncated) == (61, {"companion": 60}, 0)


def test_partners_before_the_window_take_nobodys_place(build) -> None:
    late = Window(START + timedelta(minutes=6 * 55), START + timedelta(days=1))
    found = detect(build(connected(60)), Overlap(suppress=(), budget=Budget(1000, 1000)), late)
    assert (found.findings.height, found.truncated) == (5, 0)


def test_a_pair_of_which_one_leg_is_on_a_listed_network_may_fall_away(build) -> None:
    rows = [leg(0, 60, "192.0.2.0/24"), leg(30, 90, "203.0.113.0/24")]
    for networks, suppressed in ((("192.0.0.0/16",), {"listed_network": 1}), (("198.51.100.0/24",), {}), ((), {})):
        settings = Overlap(networks=networks, suppress=("listed_network",))
        found = detect(build(rows), settings, WINDOW)
        assert (found.ledger.candidates, found.ledger.suppressed) == (1, suppressed)
    assert detect(build(rows), Overlap(networks=("0.0.0.0/0",), suppress=()), WINDOW).ledger.suppressed == {}
