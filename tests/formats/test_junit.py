"""What JUnit says of an audit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lxml import etree

from auditor.model.audit import Audit
from auditor.model.coverage import Gap
from auditor.model.vocabulary import GapReason, Verdict
from auditor.reports import junit
from tests.reports.audit_factory import audit_of

AUDIT = audit_of(60)


def root(audit: Audit = AUDIT) -> Any:
    return etree.fromstring(junit.render(audit))


def case(name: str, audit: Audit = AUDIT) -> Any:
    return next(one for one in root(audit).iter("testcase") if one.get("name").startswith(name))


def test_counts_equal_the_children() -> None:
    document = root()
    for element in (document, *document.iter("testsuite")):
        for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            assert int(element.get(attribute)) == len(list(element.iter(tag)))
    for suite in document.iter("testsuite"):
        assert int(suite.get("skipped")) == len(list(suite.iter("skipped")))
        assert suite.get("timestamp") == "2026-09-29T06:00:00"


def test_a_rule_fails_by_its_open_findings_only() -> None:
    failed = {one.getparent().get("name").split()[0] for one in root().iter("failure")}
    assert failed == {rule.id for rule in AUDIT.rules if rule.findings > rule.waived}
    assert {rule.id for rule in AUDIT.rules if rule.findings and rule.findings == rule.waived}


def test_a_failure_lists_at_most_fifty_findings_and_the_number_left_out() -> None:
    audit = audit_of(900)
    rule = next(rule for rule in audit.rules if rule.id == "ACC-001")
    failure = case("ACC-001", audit).find("failure")
    assert failure.get("message") == f"{rule.findings} open findings"
    assert failure.get("type") == "high"
    lines = failure.text.splitlines()
    assert (len(lines), lines[-1]) == (51, f"… and {rule.findings - 50} more")


def test_a_rule_that_was_not_evaluated_is_skipped_with_the_reason() -> None:
    skipped = case("NET-007").find("skipped")
    assert skipped.get("message") == "no GeoIP database is configured"


def test_a_rule_that_crashed_is_an_error() -> None:
    rules = tuple(replace(rule, crashed=rule.verdict is Verdict.NOT_EVALUATED) for rule in AUDIT.rules)
    document = root(replace(AUDIT, rules=rules))
    assert len(list(document.iter("error"))) == 3


def test_a_rule_whose_findings_are_all_waived_passes_and_tells_them() -> None:
    waived = case("PRS-002")
    assert waived.find("failure") is None
    assert "waived by W-2026-020" in waived.find("system-out").text


def test_a_table_with_gaps_or_without_rows_is_no_passed_case() -> None:
    assert "unavailable 503 after 6 attempts" in case("attendees").find("system-out").text
    assert case("attendees").find("skipped") is not None
    assert case("recording_access").find("skipped") is not None
    assert case("breakouts").find("skipped") is None


def test_a_gap_in_a_table_nothing_else_tells_of_is_told() -> None:
    gap = Gap("settings", "", AUDIT.identity.window, GapReason.FORBIDDEN, "403")
    audit = replace(AUDIT, coverage=replace(AUDIT.coverage, gaps=(*AUDIT.coverage.gaps, gap)))
    told = case("settings", audit)
    assert told.find("skipped").get("message") == "1 gap; 0 rows"
    assert told.find("system-out").text.startswith("2026-08-31T00:00:00.000000Z to ")
    assert told.find("system-out").text.endswith("forbidden 403")
