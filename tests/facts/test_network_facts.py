"""Whose network a join came through, and where its person is at home."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.entities.lookback import DAYS, seen_before, used_before
from auditor.model.window import Window
from auditor.rules.judging.run import Means, run
from auditor.rules.judging.splitting import splitting
from auditor.rules.reading.bind import bind
from auditor.rules.reading.load import rules_of
from tests.facts.conftest import PHONE, START, join, tables, told

OFFICE = "198.51.100.7"
NORWAY = {"geo_country": "NO", "geo_city": "Oslo", "geo_latitude": 59.91, "geo_longitude": 10.75, "asn": 1}
BRAZIL = {"geo_country": "BR", "geo_city": "Rio", "geo_latitude": -22.91, "geo_longitude": -43.17, "asn": 3}


def crowd(*, people: int, addresses: int, days: int = 3, domain: str = "example.com", **more: object):
    """People who join each day, behind so many addresses of one network."""
    return [
        join(f"p{number}@{domain}", day, ip_address=f"198.51.100.{7 + number % addresses}", **more)
        for day in range(days)
        for number in range(people)
    ]


def last(rows: list[dict[str, object]], *names: str, **settings: object) -> object:
    return told(rows, *names, **settings)[-1]


def test_many_of_our_people_behind_few_addresses_are_an_office() -> None:
    words = "5 of our people used 198.51.100.0/24 on 3 of 3 days before 2026-01-08, with 2 of its addresses"
    rows = [*crowd(people=5, addresses=2), join("new@example.com", 3, ip_address=OFFICE)]
    assert last(rows, "egress", "egress_why") == ("office", words)


def test_neighbours_with_an_address_each_are_no_office() -> None:
    rows = [*crowd(people=6, addresses=6), join("new@example.com", 3, ip_address=OFFICE)]
    assert last(rows, "egress", "network_people") == (None, 6)


def test_strangers_behind_one_address_are_no_office_of_ours() -> None:
    rows = [*crowd(people=8, addresses=2, domain="example.org"), join("new@example.com", 3, ip_address=OFFICE)]
    assert last(rows, "egress") is None


def test_many_people_on_phones_behind_few_addresses_are_a_carrier() -> None:
    words = "6 people used 198.51.100.0/24 on 3 of 3 days before 2026-01-08, 18 of 18 times by phone alone"
    rows = [*crowd(people=6, addresses=2, client_agent=PHONE), join("new@example.com", 3, ip_address=OFFICE)]
    assert last(rows, "egress", "egress_why") == ("cgnat", words)


def test_a_phone_beside_a_laptop_does_not_make_an_office_a_carrier() -> None:
    both = crowd(people=5, addresses=1) + crowd(people=5, addresses=1, client_agent=PHONE, at=5)
    assert last([*both, join("new@example.com", 3, ip_address=OFFICE)], "egress") == "office"


def test_a_listed_network_is_an_office_from_the_first_day() -> None:
    rows = [join("ann@example.com", ip_address=OFFICE)]
    words = "198.51.100.7 is listed in office_networks"
    assert told(rows, "egress", "egress_why", offices=["198.51.100.0/25"]) == [("office", words)]


def test_the_space_carriers_share_is_known_for_what_it_is() -> None:
    words = "100.64.1.2 is of the space that carriers share among their customers"
    assert told([join("ann@example.com", ip_address="100.64.1.2")], "egress", "egress_why") == [("cgnat", words)]


@pytest.mark.parametrize(
    ("operator", "egress"),
    [("Example Hosting Ltd", "cloud"), ("AMAZON-02", "cloud"), ("Cloudy Bay Telecom", None), (None, None)],
)
def test_a_host_is_told_by_its_name(operator: str | None, egress: str | None) -> None:
    rows = [join("ann@example.com", ip_address=OFFICE, as_organisation=operator)]
    why = None if egress is None else f"its operator is {operator}"
    assert told(rows, "egress", "egress_why") == [(egress, why)]


def test_an_exit_used_from_elsewhere_is_a_vpn() -> None:
    people = [f"p{number}@example.com" for number in range(5)]
    rows = [join(person, day, ip_address="203.0.113.9", **NORWAY) for day in range(8) for person in people]
    rows += [join(person, 8, at=60, ip_address=OFFICE, **BRAZIL) for person in people]
    words = "5 of our people used it while their home was far away, on 5 of 5 days until 2026-01-13"
    assert last([*rows, join("new@example.com", 9, ip_address=OFFICE, **BRAZIL)], "egress", "egress_why") == (
        "vpn",
        words,
    )


def test_a_network_of_few_people_that_was_theirs_on_two_days_is_a_home() -> None:
    rows = [join("ann@example.com", day, ip_address=OFFICE) for day in range(3)]
    rows += [join("bob@example.com", 2, at=60, ip_address=OFFICE)]
    assert told(rows, "egress") == [None, None, "home", None]
    words = "ann@example.com used 198.51.100.0/24 on 2 of 2 days before 2026-01-07, as did 1 person in all"
    assert told(rows, "egress_why")[2] == words


def test_of_the_first_day_nothing_is_known() -> None:
    names = ("egress", "egress_why", "network_people", "network_people_why")
    assert told(crowd(people=9, addresses=1, days=1), *names) == [(None,) * 4] * 9


def test_people_count_who_used_the_network_on_earlier_days_alone() -> None:
    rows = [join(f"p{day}@example.com", day, ip_address=OFFICE) for day in range(DAYS + 4)]
    rows += [join("other@example.com", 2, at=5, ip_address="192.0.2.1")]
    counts = told(rows, "network_people")
    assert counts[:4] == [None, 1, 2, 3]
    assert counts[DAYS : DAYS + 4] == [DAYS, DAYS, DAYS, DAYS]
    assert counts[-1] == 0
    words = "1 person, 1 of them ours, used 198.51.100.0/24 on 1 of 1 day before 2026-01-06"
    assert told(rows, "network_people_why")[1] == words


def test_an_alias_is_counted_with_its_account() -> None:
    rows = [join("ann@example.com", ip_address=OFFICE), join("a.old@example.com", ip_address=OFFICE)]
    rows += [join("bob@example.com", 1, ip_address=OFFICE)]
    assert last(rows, "network_people") == 2
    assert last(rows, "network_people", people=[{"email": "ann@example.com", "aliases": ["a.old@example.com"]}]) == 1


@pytest.mark.parametrize("address", [None, "unknown", "10.1.2.3", "fe80::1"])
def test_of_an_address_that_means_nothing_outside_nothing_is_known(address: str | None) -> None:
    rows = [join(f"p{number}@example.com", day, ip_address=address) for day in range(3) for number in range(6)]
    assert set(told(rows, "egress", "network_people")) == {(None, None)}


def test_six_offices_of_one_ipv6_network_are_told_by_their_links() -> None:
    rows = [join(f"p{n}@example.com", day, ip_address=f"2001:db8:1:{n % 2}::{n}") for day in range(3) for n in range(6)]
    assert last([*rows, join("new@example.com", 3, ip_address="2001:db8:1:9::1")], "egress") == "office"


def test_home_is_where_a_person_was_on_most_days_of_the_weeks_before() -> None:
    rows = [join("ann@example.com", day, ip_address=OFFICE, **(BRAZIL if day == 3 else NORWAY)) for day in range(5)]
    rows += [join("ann@example.com", 8, ip_address=OFFICE, **BRAZIL), join("bob@example.com", 8, **NORWAY)]
    words = "in Oslo, NO on 4 of 5 located days of the four weeks before 2026-01-12"
    assert told(rows, "home_country", "home_country_why") == [*[(None, None)] * 5, ("NO", words), (None, None)]


def test_without_places_no_home_is_known() -> None:
    assert told([join("ann@example.com", day, ip_address=OFFICE) for day in range(20)], "home_country") == [None] * 20


RULE = """
schema: 1
id: TST-001
name: seen-outside
title: People join from shared networks
severity: low
nulls: pass
detect: {from: attendees, where: "coalesce(egress != 'office', false)"}
finding:
  subject: "{email}"
  message: "{email}: {egress}, {egress_why}"
  evidence: [network_people_why]
  fingerprint: [email]
"""


def test_a_rule_may_ask_for_the_fact_and_show_its_reason() -> None:
    rule = rules_of(RULE.encode(), path="test.yaml").rules[0]
    rows = [join("ann@example.com", day, ip_address=OFFICE) for day in range(4)]
    now = START + timedelta(days=10)
    found = run(
        [bind(rule, lists={}, now=now)],
        tables(rows),
        window=Window(START + timedelta(days=3), now),
        now=now,
        means=Means(lists={"internal_domains": ["example.com"]}),
    )[0]
    reason = "ann@example.com used 198.51.100.0/24 on 3 of 3 days before 2026-01-08, as did 1 person in all"
    assert [one.message for one in found.findings] == [f"ann@example.com: home, {reason}"]
    assert found.findings[0].evidence["network_people_why"].startswith("1 person, 1 of them ours, used")
    assert splitting(rule).reason == "egress is learned from all rows of its table"


def test_a_person_needs_only_the_row_and_the_directory() -> None:
    text = RULE.replace("egress != 'office'", "person_key != email").replace(": {egress}, {egress_why}", "")
    rule = rules_of(text.replace("[network_people_why]", "[person_key_why]").encode(), path="test.yaml").rules[0]
    assert splitting(rule).by_row


uses = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(-40, 90)), max_size=40)


@given(uses, st.lists(st.tuples(st.none() | st.integers(0, 4), st.none() | st.integers(-90, 200)), max_size=10))
def test_what_was_seen_before_a_day_is_what_a_calculator_finds(
    uses: list[tuple[int, int, int]], asked: list[tuple[int | None, int | None]]
) -> None:
    group, what, day = (pl.Series([use[place] for use in uses], dtype=pl.Int64) for place in range(3))
    questions = tuple(pl.Series([ask[place] for ask in asked], dtype=pl.Int64) for place in range(2))

    def past(of: int, on: int) -> list[int]:
        return [kind for place, kind, then in uses if place == of and on - DAYS <= then < on]

    known = [None if None in (of, on) else past(of, on) for of, on in asked]
    assert seen_before(group, what, day, asked=questions).to_list() == [k if k is None else len(set(k)) for k in known]
    assert used_before(group, day, asked=questions).to_list() == [k if k is None else len(k) for k in known]


joins = st.lists(
    st.builds(
        join,
        st.sampled_from([f"p{n}@example.com" for n in range(7)] + ["x@example.org", None]),
        st.integers(0, 40),
        ip_address=st.sampled_from([OFFICE, "198.51.100.8", "203.0.113.1", "10.0.0.1", None]),
        client_agent=st.sampled_from([PHONE, "MAC,Webex", None]),
        geo_country=st.sampled_from(["NO", "BR", None]),
        geo_city=st.sampled_from(["Oslo", None]),
    ),
    min_size=1,
    max_size=40,
)
NAMES = ("egress", "egress_why", "network_people", "network_people_why", "home_country", "home_country_why")


@given(joins, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows: list[dict[str, object]], dice) -> None:
    placed = [{**row, "item": place} for place, row in enumerate(rows)]
    mixed = list(placed)
    dice.shuffle(mixed)
    assert sorted(told(mixed, "item", *NAMES), key=str) == sorted(told(placed, "item", *NAMES), key=str)


@given(joins, st.integers(0, 40))
def test_what_comes_later_never_changes_what_was_known(rows: list[dict[str, object]], until: int) -> None:
    end = START + timedelta(days=until)
    placed = [{**row, "item": place} for place, row in enumerate(rows)]
    early = [row for row in placed if row["joined_time"] < end]
    items = {row["item"] for row in early}
    assert told(early, "item", *NAMES) == [row for row in told(placed, "item", *NAMES) if row[0] in items]
