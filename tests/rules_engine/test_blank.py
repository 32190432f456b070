"""A detector whose rows lack what it needs on every one is not evaluated, whatever its `where` leaves it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from auditor.model.vocabulary import Verdict
from auditor.model.window import Window
from auditor.rules.judging.batches import Batches
from auditor.rules.judging.run import Means, run, source_of
from auditor.rules.language.spec import Detector
from auditor.rules.reading.bind import bind
from auditor.rules.rows.source import Source
from auditor.tables.schema import TABLES
from tests.pack import bundled_rules

BUNDLED = {rule.id: rule for rule in bundled_rules().rules if isinstance(rule.detect.stage, Detector)}
LISTS = {"internal_domains": ("example.com",), "office_networks": ()}


def rows(at, **other):
    """Three people's month, a join a day, with an address each and nothing unusual."""
    return [
        {
            "meeting_id": f"m{day}",
            "email": f"p{person}@example.com",
            "joined_time": at(1440 * day + person),
            "left_time": at(1440 * day + 60),
            "client_agent": "WINDOWS,Webex",
            "ip_address": f"198.51.{person}.7",
            "invited": True,
            **other,
        }
        for day in range(30)
        for person in range(3)
    ]


@pytest.mark.parametrize(
    ("column", "rules"),
    [
        ("ip_address", ["ANM-001", "ANM-004", "ANM-013", "ANM-015", "GEO-001"]),
        ("email", ["ANM-001", "ANM-003", "ANM-004", "ANM-005", "ANM-006", "ANM-012", "ANM-013", "ANM-014", "GEO-001"]),
        ("client_agent", ["ANM-004", "ANM-012"]),
    ],
)
@pytest.mark.parametrize("before", [True, False], ids=["whole archive", "window"])
def test_a_bundled_rule_that_needs_what_is_null_everywhere_is_not_evaluated(tables, at, column, rules, before) -> None:
    window = Window(at(1440 * 20), at(1440 * 40))
    given = rows(at)
    for row in given:
        if before or row["joined_time"] >= window.start:
            row[column] = None
    bound = [bind(BUNDLED[name], now=window.end, lists=LISTS) for name in rules]
    for ended in run(bound, tables({"attendees": given}), window=window, now=window.end, means=Means(lists=LISTS)):
        assert ended.verdict is Verdict.NOT_EVALUATED, ended.rule_id
        assert ended.reason


PASSES = ["burst, entity: [email]", "overlap", "fan_in", "rarity, columns: [client_os], min_history: 5"]


@pytest.mark.parametrize("kind", PASSES)
def test_what_is_there_and_left_out_by_the_rule_is_no_reason(judge, at, kind) -> None:
    ended = judge(
        f"from: attendees\nwhere: not invited\ndetector: {{type: {kind}}}",
        {"attendees": rows(at)},
        rest="nulls: pass",
        fingerprint="[score]",
    )
    assert (ended.verdict, ended.population) == (Verdict.PASS, 0)


@pytest.mark.parametrize(
    "kind", ["overlap", "impossible_travel, places: declared", 'robust_zscore, value: "to_minutes(max(presence))"']
)
def test_nobody_is_judged_in_a_window_of_which_no_end_is_known(judge, at, kind) -> None:
    late = Window(at(1440 * 20), at(1440 * 40))
    given = rows(at, country="NO")
    for row in given:
        if row["joined_time"] >= late.start:
            row["left_time"] = None
    detect = f"from: attendees\ndetector: {{type: {kind}}}"
    ended = judge(detect, {"attendees": given}, window=late, rest="nulls: pass", fingerprint="[score]")
    assert (ended.verdict, ended.population, ended.not_evaluable) == (Verdict.NOT_EVALUATED, 0, 30)
    assert ended.reason.startswith("no row of the window has all of email, ")


def test_where_addresses_are_not_located_nobody_travels_and_nobody_is_known_not_to(judge, at) -> None:
    detect = "from: attendees\nwhere: not invited\ndetector: {type: impossible_travel}"
    ended = judge(detect, {"attendees": rows(at)}, rest="nulls: pass", fingerprint="[score]")
    assert ended.verdict is Verdict.NOT_EVALUATED
    assert ended.reason == "attendees.geo_latitude is empty everywhere; a GeoIP database is needed"


def test_a_fact_the_rows_hold_is_looked_at_itself(judge, at) -> None:
    given = [{**row, "ip_address": None, "ip_network": "198.51.100.0/24"} for row in rows(at)]
    detect = "from: attendees\nwhere: ip_network is not None\ndetector: {type: overlap}"
    late = Window(at(0), at(0) + timedelta(days=40))
    ended = judge(detect, {"attendees": given}, window=late, rest="nulls: pass", fingerprint="[score]")
    assert (ended.verdict, ended.population) == (Verdict.PASS, 90)


@pytest.mark.parametrize("kept", [0, 10_000])
@pytest.mark.parametrize(("place", "empty"), [(None, True), (0, False), (2_999, False)])
def test_a_column_is_empty_where_no_row_of_the_window_has_a_value(tables, at, kept, place, empty) -> None:
    given = [
        {"email": "a@example.com" if minute == place else None, "joined_time": at(minute)} for minute in range(3_000)
    ]
    given.append({"email": "late@example.com", "joined_time": at(5_000)})
    source = Source(tables({"attendees": given}), at(9_000), Window(at(0), at(4_000)), rows_kept=kept)
    source.keep("attendees", ["email"], history=False)
    assert [source.is_empty("attendees", name) for name in ("email", "email_domain", "joined_time")] == [
        empty,
        empty,
        False,
    ]


@pytest.mark.parametrize("kind", PASSES)
@pytest.mark.parametrize(("start", "lost"), [(3, 0), (22, 1)], ids=["before the window", "in it"])
@pytest.mark.parametrize("apart", [False, True], ids=["whole", "in parts"])
def test_a_join_without_a_time_is_no_case_of_the_window_where_its_meeting_was_before_it(
    tables, rule, at, kind, start, lost, apart
) -> None:
    window = Window(at(1440 * 20), at(1440 * 40))
    given = rows(at)
    given.append({**given[0], "meeting_id": "untimed", "joined_time": None, "left_time": None})
    meetings = [{"meeting_id": f"m{day}", "start_time": at(1440 * day)} for day in range(30)]
    meetings.append({"meeting_id": "untimed", "start_time": at(1440 * start)})
    frames = tables({"attendees": given, "meetings": meetings})
    one = bind(rule(f"from: attendees\ndetector: {{type: {kind}}}", fingerprint="[score]"), now=window.end)
    pieces = {name: [frames[name].select(TABLES[name].schema.names())] for name in ("attendees", "meetings")}
    parts = Batches(
        pieces, frames, lambda some: source_of(some, window=window, now=window.end, means=Means()), window, rows=50
    )
    (ended,) = run([one], frames, window=window, now=window.end, elsewhere=parts if apart else None)
    assert (ended.not_evaluable, ended.crashed) == (lost, False)
