"""Facts that only all rows of a table tell are the same whether the table is read whole or in parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from auditor.engines.local import batches
from auditor.model.window import Window
from auditor.rules.judging.lessons import known_of
from auditor.rules.judging.run import Means, run
from auditor.rules.language.columns import names_in
from auditor.rules.reading.bind import bind
from auditor.rules.task import Task
from auditor.simulator.scale import Scale, frames, make
from auditor.tables.facts import GEO
from auditor.tables.modelled import LEARNED
from auditor.tables.schema import TABLES

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LISTS = {"internal_domains": ("example.com",), "office_networks": ("192.0.2.0/28",)}
FACTS = sorted(LEARNED)
ROW = "[meeting_id, display_name, joined_time]"
PLACES = [("NO", "Oslo", 59.9, 10.7, 1, "Nordic Net"), ("BR", "Rio", -22.9, -43.2, 2, "Cloud Hosting"), (None,) * 6]


def geo(addresses: pl.Series) -> pl.DataFrame:
    found = [PLACES[(len(address) + int(address[-1], 16)) % 3] for address in addresses]
    names = ("geo_country", "geo_city", "geo_latitude", "geo_longitude", "asn", "as_organisation")
    columns = {name: [place[number] for place in found] for number, name in enumerate(names)}
    nothing = {name: [None] * len(found) for name in GEO if name not in columns}
    return pl.DataFrame({**columns, **nothing}, schema=GEO)


@pytest.fixture(scope="module")
def company():
    scale = Scale(60, 60, seed="7")
    made = {name: frame.collect() for name, frame in frames(make(scale)).items()}
    tables = {
        name: made[name].select(pl.col(column).cast(dtype) for column, dtype in table.schema.items())
        if name in made and name in {"attendees", "meetings"}
        else table.schema.to_frame()
        for name, table in TABLES.items()
    }
    # rows before the window are looked back on, and rows after it belong to visits that began inside
    return tables, Window(scale.start + timedelta(days=25), scale.start + timedelta(days=45, hours=10))


@pytest.fixture(scope="module")
def bound(rule):
    rows = [
        rule(f"from: attendees\nwhere: {name} is not None", evidence=f"[{name}]", fingerprint=ROW, number=number)
        for number, name in enumerate(FACTS, start=1)
    ]
    by_person = """
        from: attendees
        where: {all: [email is not None], none: [egress == "home", phone_leg_of is not None]}
        group: {by: [email], aggregate: {people: max(network_people), again: max(visit_number)}, having: people > 0}
    """
    by_network = """
        from: attendees
        where: ip_address is not None
        group: {by: [ip_address], aggregate: {handed: count_if(handoff), why: values(egress_why)}, having: handed >= 0}
    """
    by_leg = """
        from: attendees
        where: email is not None
        sequence:
          by: [meeting_id, email]
          within: 40m
          steps:
            - {{name: drop, where: left_time is not None, time: left_time}}
            - {{name: back, where: joined_time is not None}}
          where: {where}
    """
    elsewhere = "{all: [drop.ip_network != back.ip_network], none: ['coalesce(back.handoff, false)']}"
    shown = {
        "evidence": "[back.network_people_why, drop.egress, elapsed]",
        "fingerprint": "[drop.email, back.joined_time]",
    }
    legs = [
        rule(by_leg.format(where=where), number=number, **shown)
        for number, where in ((52, elsewhere), (53, "drop.network_people != back.network_people or back.handoff"))
    ]
    person = rule(by_person, evidence="[people, again]", fingerprint="[email]", number=50)
    network = rule(by_network, evidence="[handed, why]", fingerprint="[ip_address]", number=51)
    return [bind(one, now=NOW, lists=LISTS) for one in (*rows, person, network, *legs)]


def lazy(tables):
    return {name: frame.lazy() for name, frame in tables.items()}


def judge(tables, window, means, bound, **beside):
    pieces = {name: [tables[name][start::5].lazy() for start in range(5)] for name in ("attendees", "meetings")}
    elsewhere = replace(batches(pieces, lazy(tables), window=window, now=NOW, means=means, rows=500), **beside)
    placed = elsewhere.plans([Task(one.rule, one.values) for one in bound])
    return placed, run(bound, lazy(tables), window=window, now=NOW, means=means, elsewhere=elsewhere)


@pytest.mark.slow
@pytest.mark.parametrize("located", [False, True], ids=["nowhere", "located"])
@pytest.mark.parametrize("memory", [0, 10**9], ids=["disk", "memory"])
def test_what_is_learned_from_parts_is_what_the_whole_tells(company, bound, located, memory, tmp_path):
    tables, window = company
    means = Means(lists=LISTS, geo=geo if located else None)
    placed, apart = judge(tables, window, means, bound, memory=memory, scratch=tmp_path)
    assert placed.keys() == {one.rule.id for one in bound}
    whole = run(bound, lazy(tables), window=window, now=NOW, means=means)
    for one, other in zip(whole, apart, strict=True):
        assert one == other, one.rule_id
    found = {name: outcome.found for name, outcome in zip(FACTS, whole, strict=False)}
    assert all(outcome.found for outcome in whole[-2:])
    seldom = {"home_country", "home_country_why"}
    assert all(count for name, count in found.items() if located or name not in seldom), found


def test_how_long_is_looked_back_follows_from_the_first_row_of_all(rule, tables):
    # every network is used from another day on, so most buckets begin later than the table
    start = datetime(2026, 1, 5, 9, tzinfo=UTC)
    rows = [
        {
            "meeting_id": f"m{network}-{day}",
            "email": f"p{person}@example.com",
            "ip_address": f"8.8.{network}.{person + 1}",
            "joined_time": start + timedelta(days=network + day, minutes=person),
            "left_time": start + timedelta(days=network + day, minutes=person + 30),
        }
        for network in range(12)
        for day in range(2)
        for person in range(2)
    ]
    made = {name: frame.collect() for name, frame in tables({"attendees": rows}).items()}
    window = Window(start, start + timedelta(days=40))
    facts = ["network_people", "network_people_why", "egress_why"]
    detect = f"from: attendees\nwhere: {facts[0]} is not None"
    bound = [bind(rule(detect, evidence=f"[{', '.join(facts)}]", fingerprint=ROW), now=NOW, lists=LISTS)]
    means = Means(lists=LISTS)
    elsewhere = batches(
        {"attendees": [made["attendees"].lazy()]}, lazy(made), window=window, now=NOW, means=means, rows=12
    )
    assert elsewhere.buckets("attendees", 5) == 12
    whole = run(bound, lazy(made), window=window, now=NOW, means=means)
    assert len({finding.evidence["network_people_why"] for finding in whole[0].findings}) > 12
    assert run(bound, lazy(made), window=window, now=NOW, means=means, elsewhere=elsewhere) == whole


def test_the_windows_edges_matter(company):
    tables, window = company
    joined = tables["attendees"]["joined_time"]
    assert (joined < window.start).any()
    assert (joined >= window.end).any()


@pytest.mark.slow
def test_a_rule_that_waits_for_what_cannot_be_learned_says_so_alone(company, bound):
    tables, window = company
    broken = {**tables, "attendees": tables["attendees"].with_columns(pl.lit("late").alias("left_time"))}
    placed, ended = judge(broken, window, Means(lists=LISTS), bound)
    assert placed.keys() == {one.rule.id for one in bound}
    assert ended == run(bound, lazy(broken), window=window, now=NOW, means=Means(lists=LISTS))
    told = dict(zip(FACTS, ended, strict=False))
    assert told["visit_number"].crashed
    assert told["network_people"].found


@pytest.mark.slow
def test_facts_the_rows_were_given_are_not_learned(company, bound):
    tables, window = company
    given = {**tables, "attendees": tables["attendees"].with_columns(pl.lit("office").alias("egress"))}
    means = Means(lists=LISTS)
    placed, apart = judge(given, window, means, bound)
    assert placed == {}
    assert apart == run(bound, lazy(given), window=window, now=NOW, means=means)


@pytest.mark.parametrize(
    ("where", "known"),
    [
        ("{all: [email is not None], none: [egress == 'vpn', invited]}", {"email", "invited"}),
        ("email is not None and (invited or egress == 'vpn')", {"email"}),
        ("egress == 'vpn'", None),
    ],
)
def test_what_is_known_of_a_condition_leaves_out_only_rows_it_is_false_of(rule, where, known):
    tree = rule(f"from: attendees\nwhere: {where}", fingerprint=ROW).detect.where.tree
    left = known_of(tree, unknown={"egress"})
    assert (None if left is None else names_in(left)) == known
