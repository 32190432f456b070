"""The parts of the view that compute: periods, ticks, durations, widths."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import ReportError
from auditor.model.audit import RuleResult, Summary
from auditor.model.coverage import Asked, Coverage, Gap, TableCoverage
from auditor.model.vocabulary import GapReason, Severity, Verdict
from auditor.model.window import Window
from auditor.reports.templates import words
from auditor.reports.view.calendar import by_hour, counted, hours_seen, labels, periods, touched
from auditor.reports.view.charts import axis, spark, time_columns
from auditor.reports.view.cover import cover
from auditor.reports.view.coverage import coverage
from auditor.reports.view.findings import Limits
from auditor.reports.view.listing import listing
from auditor.reports.view.parts import Cell, Column, Table
from auditor.reports.view.report import report
from auditor.reports.view.scope import scope
from auditor.reports.view.summary import summary
from auditor.reports.view.waivers import waivers
from auditor.reports.view.wording import Wording, wording
from tests.reports.audit_factory import audit_of

PLAIN = wording(words(None), "UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BERLIN = wording(words(None), "Europe/Berlin")
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 - made aware at once
WINDOWS = st.tuples(TIMES, st.timedeltas(timedelta(hours=1), timedelta(days=900))).map(
    lambda p: Window(p[0], p[0] + p[1])
)


@settings(deadline=None)
@given(WINDOWS, st.sampled_from([PLAIN, BERLIN]))
def test_periods_cover_the_window_exactly(window: Window, zone: Wording) -> None:
    spans = periods(window, zone).windows()
    assert spans[0].start == window.start
    assert spans[-1].end == window.end
    assert all(a.end == b.start for a, b in pairwise(spans))
    assert len(spans) <= 64 or periods(window, zone).unit == "month"


@settings(deadline=None)
@given(WINDOWS, st.lists(TIMES, max_size=20))
def test_every_moment_is_counted_once_or_lies_outside(window: Window, moments: list[datetime]) -> None:
    counts, outside = counted(map(datetime.timestamp, moments), periods(window, PLAIN))
    assert sum(counts) + outside == len(moments)
    assert outside == sum(not window.contains(moment) for moment in moments)


def test_days_follow_the_clock_of_the_zone_through_summer_time() -> None:
    window = Window(datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 30, 22, tzinfo=UTC))
    starts = periods(window, BERLIN).starts
    assert starts == (datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC))


def test_the_first_and_each_month_are_labelled() -> None:
    window = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC))
    names = [text for _, text in labels(periods(window, PLAIN), PLAIN)]
    assert names[0].endswith("2026")
    assert len(names) == 12


def test_gaps_touch_the_periods_they_reach_into() -> None:
    window = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 5, tzinfo=UTC))
    inside = Window(datetime(2026, 1, 2, 12, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))
    gap = Gap("attendees", "example.webex.com", inside, GapReason.GONE, "")
    assert touched([gap], periods(window, PLAIN)) == [False, True, False, False]
    seen = hours_seen(window, [gap], PLAIN)
    assert seen[4][12] is False
    assert seen[4][11] is True
    assert seen[0] == [False] * 24


HOURS = st.tuples(TIMES, st.timedeltas(timedelta(minutes=1), timedelta(days=20))).map(
    lambda p: Window(p[0], p[0] + p[1])
)


@settings(deadline=None)
@given(HOURS, st.lists(HOURS.map(lambda span: Gap("attendees", "", span, GapReason.GONE, "")), max_size=6), st.data())
def test_hours_are_seen_where_one_of_the_window_is_in_no_gap(
    window: Window, gaps: list[Gap], data: st.DataObject
) -> None:
    moved = [
        replace(gap, window=Window(start, start + gap.window.length))
        for gap in gaps
        for start in [window.start + data.draw(st.timedeltas(timedelta(days=-5), timedelta(days=20)))]
    ]
    seen = [[False] * 24 for _ in range(7)]
    at = window.start.replace(minute=0, second=0, microsecond=0)
    while at < window.end:
        local = at.astimezone(BERLIN.zone)
        if not any(gap.window.overlaps(Window(at, at + timedelta(hours=1))) for gap in moved):
            seen[local.weekday()][local.hour] = True
        at += timedelta(hours=1)
    assert hours_seen(window, moved, BERLIN) == seen


LAST = datetime.max.replace(tzinfo=UTC)
FIRST = datetime.min.replace(tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Auckland"])
@pytest.mark.parametrize(
    ("window", "unit"),
    [
        (Window(datetime(1990, 3, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)), "year"),
        (Window(datetime(2026, 9, 1, tzinfo=UTC), LAST), "century"),
        (Window(FIRST, datetime(2026, 9, 1, tzinfo=UTC)), "century"),
        (Window(LAST.replace(day=28, microsecond=0), LAST), "day"),
        (Window(FIRST, FIRST + timedelta(days=90)), "week"),
    ],
)
def test_a_window_as_far_as_times_go_is_drawn_in_few_periods(window: Window, unit: str, zone: str) -> None:
    words_of = wording(words(None), zone)
    spans = periods(window, words_of)
    assert spans.unit == unit
    assert (spans.starts[0], spans.end) == (window.start, window.end)
    assert all(a < b for a, b in pairwise((*spans.starts, spans.end)))
    assert len(spans.starts) <= 120
    far = Gap("attendees", "example.webex.com", window, GapReason.NOT_COLLECTED, "")
    assert hours_seen(window, [far], words_of) == [[False] * 24] * 7
    one = audit_of(3).findings[0]
    audit = audit_of(0)
    audit = replace(
        audit_of(3),
        identity=replace(audit.identity, window=window),
        findings=tuple(
            replace(one, fingerprint=f"{number:064x}", observed_at=at)
            for number, at in enumerate([window.start, datetime(2026, 7, 1, tzinfo=UTC), window.end])
        ),
    )
    listed = listing(audit, words_of)
    assert listed["at"] == [at // timedelta(seconds=1) for at in (f.observed_at - EPOCH for f in audit.findings)]
    assert report(audit, words_of, limits=Limits(200, 25, 5000, ""))


def test_years_are_labelled_by_their_number() -> None:
    window = Window(datetime(1990, 3, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    assert labels(periods(window, PLAIN), PLAIN)[:2] == ((0, "1990"), (1, "1991"))


def test_the_clock_is_told_where_findings_lie_far_apart() -> None:
    summer, winter = datetime(2026, 7, 1, tzinfo=UTC), datetime(3026, 1, 15, tzinfo=UTC)
    one, audit = audit_of(3).findings[0], audit_of(3)
    found = tuple(replace(one, fingerprint=f"{n:064x}", observed_at=at) for n, at in enumerate([winter, summer]))
    offsets: Any = listing(replace(audit, findings=found), BERLIN)["offsets"]
    assert [step[1:] for step in offsets] == [(7200, " +02:00"), (3600, " +01:00")]


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        (0, "0 findings were recorded, 0 of them open and 0 waived."),
        (1, "1 finding was recorded, 1 open and 0 waived."),
        (2, "2 findings were recorded, 2 of them open and 0 waived."),
    ],
)
def test_one_finding_is_said_as_one(findings: int, said: str) -> None:
    audit = audit_of(0)
    counts = {severity: findings if severity is Severity.HIGH else 0 for severity in Severity}
    assert said in cover(replace(audit, summary=Summary(findings, findings, 0, counts)), PLAIN).sentence


def test_a_rule_with_waived_findings_only_is_said_to_be_waived_in_the_summary() -> None:
    audit = audit_of(7)
    failed = [rule for rule in audit.rules if rule.findings]
    rules = tuple(replace(rule, waived=rule.findings if rule is failed[0] else 0) for rule in audit.rules)
    titles = {grave.id: grave.title for grave in summary(replace(audit, rules=rules), PLAIN).gravest}
    assert titles.pop(failed[0].id) == f"Fail (all waived): {failed[0].title}"
    assert all(title.startswith("Fail: ") for title in titles.values())


def test_each_cell_of_the_calendar_is_said_in_a_sentence() -> None:
    view = report(audit_of(3), PLAIN, limits=Limits(200, 25, 5000, ""))
    assert "each cell one day: filled" in view.coverage.calendar_desc


def test_hours_are_those_of_the_zone() -> None:
    assert by_hour([datetime(2026, 7, 6, 22, 30, tzinfo=UTC).timestamp()], BERLIN)[1][0] == 1


@settings(deadline=None)
@given(st.integers(0, 10**12))
def test_an_axis_has_three_to_five_ticks_and_holds_its_largest_value(most: int) -> None:
    ticks = axis(most)
    assert 3 <= len(ticks) <= 5
    assert ticks[0] == 0
    assert ticks[-1] >= most
    assert int(str(ticks[1])[0]) in {1, 2, 5}


def test_a_gap_is_a_band_and_never_a_bar() -> None:
    plot = time_columns([3, 0, 2], gaps=[False, True, False], labels=[(0, "1 Jan")])
    assert len(plot.columns) == 2
    assert len(plot.bands) == 1


def test_a_label_at_the_end_of_a_chart_stays_inside() -> None:
    plot = time_columns([1] * 28, gaps=[False] * 28, labels=[(0, "1 Sep 2026"), (13, "14 Sep"), (27, "28 Sep")])
    assert [(tick.label, tick.ends) for tick in plot.x_ticks] == [
        ("1 Sep 2026", False),
        ("14 Sep", False),
        ("28 Sep", True),
    ]
    near = time_columns([1] * 28, gaps=[False] * 28, labels=[(0, "1 Sep 2026"), (24, "25 Sep"), (27, "28 Sep")])
    assert [tick.label for tick in near.x_ticks] == ["1 Sep 2026", "25 Sep"]


def test_one_point_is_no_line() -> None:
    assert spark([3]).points == ""
    assert spark([0, 0]).last_y == 16


def test_a_table_whose_widths_do_not_add_up_cannot_exist() -> None:
    with pytest.raises(ValueError, match="add up to 100"):
        Table("x", (Column("a", 50),), ())
    with pytest.raises(ValueError, match="a cell for each column"):
        Table("x", (Column("a", 100),), ((Cell("1"), Cell("2")),))


def test_words_that_are_missing_or_ask_too_much_are_told() -> None:
    with pytest.raises(ReportError, match=r"the entry 'no\.such' is missing"):
        PLAIN.say("no.such")
    with pytest.raises(ReportError, match="asks for what is not there"):
        PLAIN.say("period", start="now")


def test_a_period_ends_at_the_very_moment() -> None:
    last = datetime(2026, 9, 28, 5, 49, tzinfo=UTC)
    window = Window(last - timedelta(days=1), last + timedelta(microseconds=1))
    assert PLAIN.span(window).endswith("up to but not including 2026-09-28 05:49:00.000001 UTC")
    assert BERLIN.span(window).endswith("up to but not including 2026-09-28 07:49:00.000001 +02:00")
    assert PLAIN.span(window).startswith("from 2026-09-27 05:49:00 UTC ")


def test_braces_in_values_stay_text() -> None:
    assert PLAIN.say("summary.fail", title="{0.__class__} {{7*7}}") == "Fail: {0.__class__} {{7*7}}"


def unjudged(rule: RuleResult) -> RuleResult:
    return replace(rule, verdict=Verdict.NOT_EVALUATED, reason="no rows in the window", findings=0, waived=0)


@pytest.mark.parametrize(
    ("findings", "complete", "judged", "statement", "collection"),
    [
        (9, False, True, "Exceptions noted, evidence incomplete", "Collection is incomplete: the evidence has 4 gaps"),
        (9, True, True, "Exceptions noted; not every rule could be evaluated", "Collection is complete"),
        (0, True, True, "No exceptions noted by the rules that could be evaluated", "Collection is complete"),
        (0, False, True, "No exceptions noted in the evidence available; evidence incomplete", "is incomplete"),
        (0, True, False, "No rule could be evaluated; nothing can be concluded", "section 7 says what"),
    ],
)
def test_what_collection_lacks_and_what_rules_lack_are_told_apart(
    *, findings: int, complete: bool, judged: bool, statement: str, collection: str
) -> None:
    audit = audit_of(findings, complete=complete)
    if not judged:
        audit = replace(audit, rules=tuple(map(unjudged, audit.rules)))
    front = cover(audit, PLAIN)
    assert front.result == statement
    assert collection in front.sentence


def test_tables_without_rows_are_named_whether_they_are_there_or_only_read() -> None:
    audit = audit_of(0)
    rules = tuple(replace(rule, tables=("attendees",)) for rule in audit.rules)
    full = {name: held for name, held in audit.coverage.tables.items() if held.rows}

    def out(tables: tuple[str, ...], held: dict[str, TableCoverage]) -> str:
        first = replace(rules[0], tables=tables)
        seen = replace(audit.coverage, tables={**held, "collections": TableCoverage(0, None, None)})
        return scope(replace(audit, rules=(first, *rules[1:]), rules_not_run=(), coverage=seen), PLAIN).out[0]

    assert out(("meetings",), full).startswith("Every loaded rule was run")
    assert out(("sign_ins", "meetings"), full) == "No rows in the period: sign_ins."
    assert out((), dict(audit.coverage.tables)) == "No rows in the period: recording_access."


def test_waivers_stand_by_what_has_become_of_them_then_by_id() -> None:
    audit = audit_of(60)
    first = audit.waivers[0]
    states = ("unknown-rule", "unused", "active", "expired", "expiring", "of-a-later-version")
    shuffled = tuple(
        replace(first, waiver=replace(first.waiver, id=f"W-{n:02}"), state=state)
        for n, state in enumerate([*states, *states])
    )
    rows = waivers(replace(audit, waivers=shuffled), PLAIN).table.rows
    assert [row[0].text for row in rows] == [f"W-{n:02}" for n in (2, 8, 4, 10, 3, 9, 1, 7, 0, 6, 5, 11)]


@pytest.mark.parametrize("findings", [0, 7, 240])
def test_every_figure_agrees_with_every_other(findings: int) -> None:
    audit = audit_of(findings)
    view = report(audit, PLAIN, limits=Limits(10_000, 2, 10_000, "here"))
    summary = audit.summary
    assert len(audit.findings) == summary.findings == summary.open + summary.waived
    by_severity = [row[1].text for row in view.summary.severities.rows]
    assert sum(map(int, by_severity)) == summary.open
    assert [bar.value for bar in view.summary.bars.bars] == by_severity
    facts = [[int(fact.value.replace(",", "")) for fact in rule.facts] for rule in view.findings.rules]
    assert sum(found for _, found, *_ in facts) == summary.findings
    assert sum(is_open for _, _, is_open, *_ in facts) == summary.open
    assert sum(waived for _, _, _, waived, _ in facts) == summary.waived
    assert sum(len(rule.cards) + len(rule.rows) for rule in view.findings.rules) == summary.findings
    listed = [(row[0].text, row[4].text, row[5].text) for row in view.rules.rules.rows]
    assert sum(int(found) for _, _, found in listed) == summary.findings
    assert len(listed) == len(audit.rules)
    charted = sum(
        sum(map(int, (c.text for c in row[1:] if c.text.isdecimal()))) for row in view.findings.timeline_table.rows
    )
    by_day = sum(int(row[1].text) for row in view.findings.heat_table.rows)
    inside = sum(audit.identity.window.contains(one.observed_at) for one in audit.findings)
    assert charted == by_day == (inside if findings else 0)
    assert sum(int(row[6].text) for row in view.waivers.table.rows) == summary.waived
    cited = {record.page for one in audit.findings for record in one.records}
    assert len(view.integrity.cited.rows) == min(len(cited), 40)
    if view.changes.counts is not None:
        states = {row[0].text: int(row[1].text) for row in view.changes.counts.rows}
        assert states["new"] + states["reopened"] + states["unchanged"] == summary.findings
    used = listing(audit, PLAIN)
    assert len(used["message"]) == summary.findings
    assert sum(number >= 0 for number in used["waiver"]) == summary.waived
    cells = [row[4].text for framework in view.matrix.frameworks for row in framework.table.rows]
    stated = [control.findings for framework in audit.frameworks for control in framework.controls]
    assert sum(int(cell) for cell in cells if cell.isdecimal()) == sum(stated)


def test_findings_beyond_a_limit_are_told_where_fewer_are_shown() -> None:
    audit = audit_of(60)
    last = audit.findings[-1]
    cut = replace(
        audit,
        findings=audit.findings[:-1],
        rules=tuple(replace(rule, truncated=int(rule.id == last.rule_id)) for rule in audit.rules),
    )
    lead = report(cut, PLAIN, limits=Limits(10_000, 2, 10_000, "here")).findings.lead
    assert lead.startswith("60 findings were recorded, under ")
    assert "1 of them lies beyond the limit of its rule or detector: it is counted, but neither listed" in lead
    assert "beyond" not in report(audit, PLAIN, limits=Limits(10_000, 2, 10_000, "here")).findings.lead


def test_a_table_nothing_was_asked_or_brought_for_is_covered_nowhere() -> None:
    audit = audit_of(0)
    window = audit.identity.window
    files = Gap("breakouts", "acme.webex.com", window, GapReason.IMPORTED, "known from files only, and none holds this")
    tables = {
        **audit.coverage.tables,
        "breakouts": TableCoverage(0, None, None),
        "devices": TableCoverage(0, None, None, Asked(3, 3)),
    }
    view = coverage(replace(audit, coverage=Coverage(tables=tables, complete=False, gaps=(files,))), PLAIN)
    covered = {row[0].text: row[6].text for row in view.tables.rows}
    assert (covered["breakouts"], covered["recording_access"]) == ("0.0", "0.0")
    assert (covered["devices"], covered["attendees"]) == ("100.0", "100.0")


def test_a_table_that_rules_read_and_nobody_collected_is_out_of_scope() -> None:
    audit = audit_of(0)
    tables = {name: held for name, held in audit.coverage.tables.items() if name != "recording_access"}
    reader = replace(audit.rules[0], tables=("recording_access",))
    audit = replace(audit, rules=(reader, *audit.rules[1:]), rules_not_run=())
    said = scope(replace(audit, coverage=replace(audit.coverage, tables=tables)), PLAIN).out
    assert said == ("No rows in the period: recording_access.",)


def test_no_meeting_was_tested_where_no_rule_could_be_evaluated() -> None:
    audit = audit_of(0)
    assert summary(audit, PLAIN).figures[0].value == "248"
    untested = summary(replace(audit, rules=tuple(map(unjudged, audit.rules))), PLAIN).figures[0]
    assert (untested.value, untested.note) == ("0", "of 248 held in the evidence")


@pytest.mark.parametrize("most", [0, 3, 200])
def test_each_sentence_of_a_detector_leads_to_what_is_laid_out(most: int) -> None:
    told = report(audit_of(300), PLAIN, limits=Limits(most, 2, most, "elsewhere"))
    there = {one.anchor for rule in told.findings.rules for one in (rule, *rule.cards, *rule.rows)}
    links = [row[0].href for detector in told.anomalies.detectors for row in detector.sentences.rows]
    assert len(links) > 3
    assert {link.removeprefix("#") for link in links} <= there


def test_a_cover_names_few_sites_and_the_scope_all() -> None:
    audit = audit_of(0)
    sites = tuple(f"site-{n}.webex.com" for n in range(40))
    audit = replace(audit, identity=replace(audit.identity, sites=sites))
    shown = {fact.label: fact.value for fact in cover(audit, PLAIN).facts}["Sites"]
    assert shown == ", ".join([*sites[:6], "… and 34 more"])
    assert {fact.label: fact.value for fact in scope(audit, PLAIN).facts}["Sites"] == ", ".join(sites)
