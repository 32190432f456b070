"""Facts where records are few, empty or crowded, and where rules are judged in parts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from auditor.engines.local import batches
from auditor.model.window import Window
from auditor.rules.judging.run import Means, run
from auditor.rules.reading.bind import bind
from auditor.rules.reading.load import rules_of
from auditor.tables.schema import TABLES
from tests.facts.conftest import START, join, tables, told

FACTS = (
    "person_key", "visit_number", "handoff", "phone_leg", "phone_leg_of", "network_people", "egress", "home_country",
)  # fmt: skip
REASONS = tuple(f"{name}_why" for name in FACTS if name not in {"phone_leg", "phone_leg_of"})
ANN = "ann@example.com"


def test_of_a_cold_start_only_what_the_day_itself_tells_is_known() -> None:
    rows = [join(f"p{number}@example.com", ip_address="192.0.2.1") for number in range(9)]
    assert set(told(rows, *FACTS[1:])) == {(1, False, False, None, None, None, None)}


def test_one_person_is_at_home_and_nobody_elses_phone() -> None:
    rows = [join(ANN, day, ip_address="192.0.2.1", geo_country="NO", geo_city="Oslo") for day in range(60)]
    assert told(rows, *FACTS)[-1] == (ANN, 1, False, False, None, 1, "home", "NO")


def test_columns_that_are_null_everywhere_make_nothing_known() -> None:
    rows = [dict.fromkeys(TABLES["attendees"].schema) | {"page": "0" * 64, "item": place} for place in range(5)]
    assert set(told(rows, *FACTS, *REASONS)) == {(None,) * (len(FACTS) + len(REASONS))}


def test_ten_thousand_in_one_webinar_are_ten_thousand_visits() -> None:
    crowd = {"meeting_id": "w"}
    rows = [join(f"p{n}@example.com", at=n % 30, ip_address=f"192.0.2.{n % 200}", **crowd) for n in range(10_000)]
    rows += [
        join(None, at=n % 30, **crowd, client_agent=None, phone_number="+1", display_name=f"P{n}") for n in range(500)
    ]
    found = told(rows, "visit_number", "phone_leg_of")
    assert found == [(1, None)] * 10_000 + [(None, None)] * 500


def test_one_person_in_a_thousand_meetings_at_once_makes_each_a_visit() -> None:
    rows = [join(ANN, at=place % 7, meeting_id=f"m{place}", ip_address="192.0.2.1") for place in range(1000)]
    assert set(told(rows, "visit_number", "handoff", "egress")) == {(1, False, None)}


RULES = """
schema: 1
id: TST-001
name: by-person
title: People have one address
severity: low
nulls: pass
detect: {from: attendees, where: person_key != email or phone_leg}
finding: {subject: "{person_key}", message: "{person_key_why}", fingerprint: [meeting_id, email, joined_time]}
---
schema: 1
id: TST-002
name: joins-of-a-person
title: People join once
severity: low
nulls: pass
detect: {from: attendees, group: {by: [person_key], aggregate: {joins: count()}, having: joins > 30}}
finding: {subject: "{person_key}", message: "{joins}", fingerprint: [person_key]}
---
schema: 1
id: TST-003
name: networks
title: Networks are homes
severity: low
nulls: pass
detect: {from: attendees, where: egress != 'home' or handoff}
finding: {subject: "{email}", message: "{egress_why}, {handoff_why}", fingerprint: [meeting_id, email, joined_time]}
"""


@pytest.mark.parametrize("rows", [40, 10_000])
def test_rules_find_the_same_in_parts_of_any_size(rows: int) -> None:
    attended = [
        join(f"p{person}@example.com", day, at=person, ip_address=f"192.0.2.{person % 3}", phone_number=None)
        for day in range(30)
        for person in range(8)
    ]
    frames = tables(attended, people=[{"email": "p1@example.com", "aliases": ["p2@example.com"]}])
    now = START + timedelta(days=40)
    window = Window(START + timedelta(days=10), now)
    means = Means(lists={"internal_domains": ["example.com"]})
    bound = [bind(rule, now=now, lists={}) for rule in rules_of(RULES.encode(), path="test.yaml").rules]
    whole = run(bound, frames, window=window, now=now, means=means)
    pieces = {
        name: [frame.collect()[start::3].lazy() for start in range(3)]
        for name, frame in frames.items()
        if "meeting_id" in TABLES[name].schema
    }
    apart = run(
        bound,
        frames,
        window=window,
        now=now,
        means=means,
        elsewhere=batches(pieces, frames, window=window, now=now, means=means, rows=rows),
    )
    assert all(outcome.findings and not outcome.crashed for outcome in whole)
    assert [one.findings for one in apart] == [one.findings for one in whole]
