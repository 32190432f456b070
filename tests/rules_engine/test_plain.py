"""Plain rules, verdicts, requirements, findings."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from auditor.model.finding import Record
from auditor.model.vocabulary import Severity, Verdict
from auditor.model.window import Window
from auditor.rules.judging.run import Means, run
from auditor.rules.reading.bind import bind

ONE = {"email": "a@example.com"}


def test_a_null_is_neither_found_nor_passed(judge):
    found = judge(
        "{from: attendees, where: invited}",
        {"attendees": [{"invited": None}, {"invited": False}]},
        fingerprint="[email]",
    )
    assert (found.verdict, found.population, found.not_evaluable, found.found) == (Verdict.NOT_EVALUATED, 2, 1, 0)
    assert found.reason == "1 case could not be judged: a value needed is null"


def test_nulls_may_pass(judge):
    found = judge("{from: attendees, where: invited}", {"attendees": [{}]}, fingerprint="[email]", rest="nulls: pass")
    assert (found.verdict, found.not_evaluable) == (Verdict.PASS, 1)


def test_nulls_may_fail(judge):
    found = judge(
        "{from: attendees, where: invited}",
        {"attendees": [{}, {"invited": False}]},
        fingerprint="[email, item]".replace(", item", ""),
        rest="nulls: fail",
    )
    assert (found.verdict, found.found, found.not_evaluable) == (Verdict.FAIL, 1, 1)


def test_none_over_a_null_stays_null(judge):
    rows = {"attendees": [{"invited": None}, {"invited": False, "email": "a@example.com"}]}
    found = judge("{from: attendees, where: {none: [invited]}}", rows, fingerprint="[email]")
    assert (found.found, found.not_evaluable) == (1, 1)


def test_without_rows_nothing_is_evaluated(judge):
    found = judge("{from: devices, where: audio_type == 'pstn'}", {"attendees": [ONE]}, fingerprint="[email]")
    assert (found.verdict, found.reason) == (Verdict.NOT_EVALUATED, "no devices rows in the window")


def test_a_column_that_is_empty_everywhere_is_told(judge):
    found = judge(
        "{from: devices, where: audio_type == 'pstn'}",
        {"devices": [{"audio_type": "pstn"}]},
        fingerprint="[email]",
        rest="requires: {columns: [devices.phone_number]}",
    )
    assert found.reason == "devices.phone_number is empty everywhere; the token may not see it"


def test_a_list_nobody_configured_is_told(judge):
    found = judge("{from: attendees, where: email_domain in list.vips}", {"attendees": [ONE]}, fingerprint="[email]")
    assert found.reason == "list 'vips' is not configured"


def test_a_configured_list_is_used(judge):
    found = judge(
        "{from: attendees, where: email_domain in list.vips}",
        {"attendees": [ONE]},
        fingerprint="[email]",
        lists={"vips": ("example.com",)},
    )
    assert found.found == 1


def test_a_fact_of_an_absent_directory_is_told(judge):
    found = judge("{from: attendees, where: department == 'legal'}", {"attendees": [ONE]}, fingerprint="[email]")
    assert found.reason == "no people rows in the window"


def test_an_unknown_column_of_the_archive_is_told(rule, tables):
    bound = bind(rule("{from: attendees, where: invited}", fingerprint="[email]"), now=datetime(2026, 1, 1, tzinfo=UTC))
    frames = tables({"attendees": [ONE]})
    frames["attendees"] = frames["attendees"].drop("invited")
    found = run([bound], frames, window=None, now=datetime(2026, 1, 1, tzinfo=UTC))[0]
    assert (found.verdict, found.reason) == (Verdict.NOT_EVALUATED, "attendees.invited is not in the archive")
    assert not found.crashed


def test_a_crash_is_named_and_the_others_go_on(rule, tables, at):
    frames = tables({"attendees": [ONE | {"invited": True}]})
    frames["attendees"] = frames["attendees"].with_columns(email=pl.lit(5))
    bound = [
        bind(
            rule("{from: attendees, where: \"contains(email, 'a')\"}", fingerprint="[meeting_id]", number=1), now=at(0)
        ),
        bind(rule("{from: attendees, where: invited}", fingerprint="[meeting_id]", number=2), now=at(0)),
    ]
    crashed, found = run(bound, frames, window=None, now=at(0))
    assert crashed.crashed
    assert crashed.verdict is Verdict.NOT_EVALUATED
    assert crashed.reason is not None
    assert crashed.reason.startswith("the rule crashed: ")
    assert (found.verdict, found.found) == (Verdict.FAIL, 1)


def test_many_rules_of_rows_are_judged_in_one_pass_that_does_not_fail(rule, tables, at, caplog):
    wheres = ["invited", "not invited", "email is None", "length > 2", "twice > 1"]
    derived = "derive: {length: len(email), twice: length * 2}"
    bound = [
        bind(rule(f"from: attendees\n{derived}\nwhere: {where}", fingerprint="[joined_time]", number=number), now=at(0))
        for number, where in enumerate(wheres, start=1)
    ]
    rows = [ONE | {"invited": True, "joined_time": at(0)}, {"invited": None, "joined_time": at(1)}]
    with caplog.at_level(logging.DEBUG, logger="auditor"):
        found = run(bound, tables({"attendees": rows}), window=None, now=at(0))
    assert not caplog.messages
    assert [(one.population, one.found, one.not_evaluable) for one in found] == [
        (2, 1, 1),
        (2, 0, 1),
        (2, 1, 0),
        (2, 1, 1),
        (2, 1, 1),
    ]


def test_what_a_detector_could_not_judge_is_counted_also_when_it_judged_nothing(judge, at):
    detect = "{from: attendees, where: invited, detector: {type: rarity, entity: [email], columns: [client_os]}}"
    rows = [{"email": "a@example.com", "client_os": "linux", "joined_time": at(n), "invited": True} for n in range(3)]
    rows.append({"email": "a@example.com", "client_os": "linux", "joined_time": at(9)})
    found = judge(detect, {"attendees": rows}, fingerprint="[email]")
    assert (found.verdict, found.reason) == (Verdict.NOT_EVALUATED, "no entity has enough history")
    assert (found.population, found.not_evaluable) == (0, 4)


def test_what_a_detector_found_rests_on_its_records_and_begins_at_the_first(judge, at):
    detect = (
        "{from: attendees, where: email is not None,"
        " detector: {type: rarity, entity: [email], columns: [client_os], min_history: 5, min_bits: 1}}"
    )
    rows = [{"email": "a@example.com", "client_os": "windows", "joined_time": at(n * 1440)} for n in range(20)]
    rows.append({"email": "a@example.com", "client_os": "linux", "joined_time": at(20 * 1440)})
    found = judge(detect, {"attendees": rows}, fingerprint="[email, value]", evidence="[value]")
    assert [finding.evidence for finding in found.findings] == [{"value": "linux"}]
    assert found.findings[0].records == (Record("0" * 64, 20),)


def test_rows_outside_the_window_are_not_seen(judge, at):
    rows = [{"email": str(minute), "joined_time": at(minute)} for minute in (-1, 0, 9, 10)]
    found = judge(
        "{from: attendees, where: true}",
        {"attendees": rows},
        fingerprint="[email]",
        window=Window(at(0), at(10)),
        show=["email"],
    )
    assert [seen["email"] for seen in found.seen] == ["0", "9"]
    assert found.population == 2


def test_a_row_without_time_stands_where_its_meeting_does(judge, at):
    rows = {
        "attendees": [{"meeting_id": "m1", "email": "in"}, {"meeting_id": "m2", "email": "out"}, {"email": "nowhere"}],
        "meetings": [{"meeting_id": "m1", "start_time": at(1)}, {"meeting_id": "m2", "start_time": at(11)}],
    }
    found = judge(
        "{from: attendees, where: true}", rows, fingerprint="[email]", window=Window(at(0), at(10)), show=["email"]
    )
    assert [seen["email"] for seen in found.seen] == ["in"]
    assert found.findings[0].observed_at == at(1)


def test_a_participant_without_time_stands_where_its_meeting_started(judge, at):
    rows = {
        "participants": [{"email": "in", "meeting_start_time": at(1)}, {"email": "out", "meeting_start_time": at(11)}]
    }
    found = judge("{from: participants, where: true}", rows, fingerprint="[email]", window=Window(at(0), at(10)))
    assert found.found == 1


def test_a_table_without_time_is_always_in_the_window_and_dated_by_the_audit(judge, at):
    found = judge(
        "{from: people, where: true}",
        {"people": [ONE]},
        fingerprint="[email]",
        window=Window(at(0), at(10)),
        now=at(99),
    )
    assert found.findings[0].observed_at == at(99)


def test_equal_fingerprints_are_one_finding_told_by_the_earliest(judge, at):
    rows = [
        {"email": "a@example.com", "company": "late", "joined_time": at(5), "page": "b" * 64, "item": 0},
        {"email": "a@example.com", "company": "early", "joined_time": at(1), "page": "c" * 64, "item": 0},
        {"email": "a@example.com", "company": "tie", "joined_time": at(1), "page": "d" * 64, "item": 0},
        {"email": "a@example.com", "company": "late", "joined_time": at(5), "page": "b" * 64, "item": 0},
    ]
    found = judge("{from: attendees, where: true}", {"attendees": rows}, fingerprint="[email]", message="{company}")
    assert found.found == 1
    (finding,) = found.findings
    assert (finding.message, finding.observed_at, finding.occurrences) == ("early", at(1), 4)
    assert finding.records == (Record("b" * 64, 0), Record("c" * 64, 0), Record("d" * 64, 0))


def test_a_limit_counts_all_and_lists_some(judge, at):
    rows = [{"email": str(n), "joined_time": at(n)} for n in range(5)]
    detect = "{from: attendees, where: true}"
    found = judge(detect, {"attendees": rows}, fingerprint="[email], limit: 2", show=["email"])
    assert (found.found, found.truncated, len(found.findings)) == (5, 3, 2)
    assert {seen["email"] for seen in found.seen} == {"0", "1"}


def test_the_first_true_severity_wins_and_null_is_not_true(judge):
    rows = [
        {"email": "a", "invited": None, "registered": True},
        {"email": "b", "invited": True, "registered": True},
        {"email": "c"},
    ]
    rest = "severity_when: [{if: invited, severity: critical}, {if: registered, severity: high}]"
    found = judge(
        "{from: attendees, where: true}", {"attendees": rows}, fingerprint="[email]", rest=rest, show=["email"]
    )
    severities = {seen["email"]: finding.severity for seen, finding in zip(found.seen, found.findings, strict=True)}
    assert severities == {"a": Severity.HIGH, "b": Severity.CRITICAL, "c": Severity.LOW}
    assert [finding.severity for finding in found.findings] == [Severity.CRITICAL, Severity.HIGH, Severity.LOW]


def test_the_fingerprint_is_that_of_the_specification(rule, tables, at):
    text = "{from: attendees, where: true}"
    bound = bind(rule(text, fingerprint="[meeting_id, email]"), now=at(0))
    found = run(
        [bound], tables({"attendees": [{"meeting_id": "m1", "email": "eve@example.org"}]}), window=None, now=at(0)
    )[0]
    from auditor.triage.fingerprint import fingerprint

    assert found.findings[0].fingerprint == fingerprint("TST-001", ["m1", "eve@example.org"])


def test_evidence_is_written_as_in_json(judge, at):
    rows = [{"email": "a", "joined_time": at(0), "duration": timedelta(minutes=2), "invited": None}]
    found = judge(
        "{from: attendees, where: true}",
        {"attendees": rows},
        fingerprint="[email]",
        evidence="[joined_time, duration, invited]",
    )
    assert found.findings[0].evidence == {
        "joined_time": "2026-01-05T10:00:00.000000Z",
        "duration": "120000000us",
        "invited": None,
    }


def test_derived_columns_are_seen_by_where_and_finding(judge):
    detect = """
    from: attendees
    derive: {words: lower(meeting_title), length: len(words)}
    where: length > 2
    """
    rows = {"attendees": [{"meeting_title": "ABC"}, {"meeting_title": "AB"}]}
    found = judge(detect, rows, fingerprint="[words]", message="{words} {length}")
    assert [finding.message for finding in found.findings] == ["abc 3"]


def test_an_aggregate_over_a_group_is_given_to_every_row(judge):
    detect = """
    from: attendees
    derive:
      hosts: {expr: count(), where: is_host, over: [meeting_id]}
      names: {expr: values(email), over: [meeting_id]}
    where: hosts == 0
    """
    rows = [
        {"meeting_id": "m1", "email": "h", "is_host": True},
        {"meeting_id": "m1", "email": "a", "is_host": None},
        {"meeting_id": "m2", "email": "b", "is_host": None},
        {"meeting_id": None, "email": "c", "is_host": False},
        {"meeting_id": None, "email": "d", "is_host": True},
    ]
    found = judge(detect, {"attendees": rows}, fingerprint="[email]", show=["email", "names"])
    assert [(seen["email"], seen["names"]) for seen in found.seen] == [("b", ["b"])]


def test_conditions_without_a_column_hold_for_every_row(judge):
    rows = {"attendees": [{"email": "a"}, {"email": "b"}]}
    assert judge("{from: attendees, where: true}", rows, fingerprint="[email]").found == 2
    assert judge("{from: attendees, where: '1 in [2]'}", rows, fingerprint="[email]").found == 0


@pytest.mark.parametrize(
    "length", ["duration * 1.5", "duration / 0.5", "1.5 * duration", "duration * 2", "3 * duration"]
)
def test_a_length_beyond_all_lengths_is_unknown_and_the_other_rows_are_judged(judge, at, length):
    rows = [
        {"meeting_id": "m", "joined_time": at(0), "duration": timedelta(days=100_000_000)},
        {"meeting_id": "m", "joined_time": at(1), "duration": timedelta(minutes=5)},
    ]
    detect = f"{{from: attendees, where: {length} > 1 * minutes}}"
    outcome = judge(detect, {"attendees": rows}, fingerprint="[meeting_id]")
    assert (outcome.found, outcome.not_evaluable, outcome.crashed) == (1, 1, False)


@pytest.mark.parametrize("allowed", [True, False])
def test_python_rules_run_only_where_they_are_allowed(rule, tables, at, allowed):
    text = "{from: attendees, python: somewhere.else:function}"
    from auditor.rules.reading.load import rules_of

    source = f"""
schema: 1
id: TST-001
name: test-rule
title: Everything is as it should be
severity: low
detect: {text}
finding: {{subject: s, message: "{{email}}", fingerprint: [email]}}
"""
    bound = bind(rules_of(source.encode(), path="t.yaml", allow_python=True).rules[0], now=at(0))

    def function(frames, params, lists):
        return frames["attendees"].filter(pl.col("email").is_in(lists["named"]))

    means = Means(python=(lambda module, name: function) if allowed else None, lists={"named": ("a",)})
    frames = tables({"attendees": [{"email": "a", "joined_time": at(1)}, {"email": "b"}]})
    found = run([bound], frames, window=None, now=at(0), means=means)[0]
    if allowed:
        assert [finding.message for finding in found.findings] == ["a"]
        assert found.population == 2
    else:
        assert found.reason == "python rules are not allowed here; the operator sets allow_python_rules"


def test_a_panic_inside_the_engine_is_a_crash_of_the_one_rule(rule, tables, at):
    panicking = "{from: attendees, python: somewhere.else:function}"
    bound = [
        bind(rule(panicking, fingerprint="[email]", number=1, allow_python=True), now=at(0)),
        bind(rule("{from: attendees, where: invited}", fingerprint="[meeting_id]", number=2), now=at(0)),
    ]

    def function(frames, params, lists):
        raise pl.exceptions.PanicException("the engine gave up")

    means = Means(python=lambda module, name: function)
    crashed, found = run(bound, tables({"attendees": [ONE | {"invited": True}]}), window=None, now=at(0), means=means)
    assert crashed.crashed
    assert crashed.reason == "the rule crashed: PanicException"
    assert found.found == 1


def test_a_column_that_cannot_be_read_stops_only_the_rule_that_reads_it(rule, tables, at):
    frames = tables({"attendees": [ONE | {"invited": True}]})
    frames["attendees"] = frames["attendees"].with_columns(email=pl.lit(5))
    bound = [
        bind(rule("{from: attendees, where: is_internal}", fingerprint="[meeting_id]", number=1), now=at(0)),
        bind(rule("{from: attendees, where: invited}", fingerprint="[meeting_id]", number=2), now=at(0)),
    ]
    means = Means(lists={"internal_domains": ("example.com",)})
    crashed, found = run(bound, frames, window=None, now=at(0), means=means)
    assert crashed.crashed
    assert found.found == 1


def test_a_list_may_identify_a_finding(judge):
    detect = "{from: attendees, group: {by: [meeting_id], aggregate: {names: values(email)}, having: rows > 0}}"
    rows = [{"meeting_id": m, "email": e} for m, e in [("m1", "b"), ("m1", "a"), ("m2", "a"), ("m2", "b"), ("m3", "a")]]
    found = judge(detect, {"attendees": rows}, fingerprint="[names]", message="{names}")
    assert sorted((one.message, one.occurrences) for one in found.findings) == [("a", 1), ("a, b", 2)]


def test_progress_hears_every_rule_that_was_judged(rule, tables, at):
    bound = [
        bind(rule("{from: attendees, where: invited}", fingerprint="[email]", number=n), now=at(0)) for n in (1, 2)
    ]
    heard: list[str] = []
    run(bound, tables({"attendees": [ONE]}), window=None, now=at(0), progress=heard.append)
    assert heard == ["TST-001", "TST-002"]
