import datetime as dt
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.model.audit import RuleResult, Summary
from auditor.model.coverage import Coverage, Gap
from auditor.model.finding import Finding, Record
from auditor.model.vocabulary import Confidence, GapReason, Severity, Status, Verdict
from auditor.model.waiver import Waiver
from auditor.model.window import Window

MOMENT = dt.datetime(2026, 1, 5, 10, tzinfo=dt.UTC)

FINDING = Finding(
    fingerprint="f" * 64,
    rule_id="ACC-001",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    subject="eve@example.org",
    message="eve@example.org was not invited",
    observed_at=MOMENT,
    occurrences=1,
    state=None,
    waiver=None,
    evidence={},
    records=(Record("0" * 64, 0),),
)

WAIVER = Waiver(
    id="W-1",
    rule="IDN-002",
    match={"ip_address": ("203.0.113.7",)},
    fingerprint=None,
    reason="shared meeting room",
    owner="it-sec@example.com",
    expires=dt.date(2026, 7, 1),
)


def rule_result(**changes):
    fields = {
        "id": "ACC-001",
        "name": "uninvited-in-confidential",
        "title": "Confidential meetings are attended by invited people only",
        "severity": Severity.HIGH,
        "verdict": Verdict.PASS,
        "reason": None,
        "population": 1,
        "not_evaluable": 0,
        "findings": 0,
        "waived": 0,
        "truncated": 0,
        "controls": {},
        "status": Status.STABLE,
        "confidence": Confidence.HIGH,
        "version": 1,
        "digest": "sha256:0",
        "path": "rules/ACC/ACC-001.yaml",
        "line": 1,
        "description": "",
        "rationale": "",
        "remediation": "",
        "false_positives": (),
        "references": (),
        "tags": (),
        "parameters": (),
        "evidence": (),
        "tables": ("attendees",),
    }
    return RuleResult(**(fields | changes))


def test_a_finding_needs_a_record():
    with pytest.raises(ValueError, match="ACC-001: a finding needs a record"):
        replace(FINDING, records=())


def test_a_finding_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        FINDING.subject = "mallory@example.org"


def test_findings_are_ordered_by_severity_rule_subject_fingerprint():
    wanted = [
        replace(FINDING, severity=Severity.CRITICAL, rule_id="IDN-001"),
        replace(FINDING, subject="a@example.org"),
        replace(FINDING, fingerprint="0" * 64),
        FINDING,
        replace(FINDING, rule_id="ACC-002"),
        replace(FINDING, severity=Severity.INFO),
    ]
    shuffled = [wanted[index] for index in (3, 1, 5, 0, 4, 2)]
    assert sorted(shuffled, key=lambda finding: finding.order) == wanted


def test_a_failing_rule_has_findings():
    with pytest.raises(ValueError, match="a rule fails exactly when it has findings"):
        rule_result(verdict=Verdict.FAIL)


def test_a_rule_with_findings_fails_even_if_all_are_waived():
    with pytest.raises(ValueError, match="a rule fails exactly when it has findings"):
        rule_result(findings=1, waived=1)


def test_not_evaluated_needs_a_reason():
    with pytest.raises(ValueError, match="not evaluated needs a reason"):
        rule_result(verdict=Verdict.NOT_EVALUATED)


def test_a_passing_rule_needs_nothing_more():
    assert rule_result().verdict == "pass"


def test_counts_of_a_summary_add_up():
    with pytest.raises(ValueError, match="must add up"):
        Summary(findings=2, open=1, waived=0, by_severity={Severity.HIGH: 1})


def test_severities_count_open_findings_only():
    with pytest.raises(ValueError, match="must add up"):
        Summary(findings=2, open=1, waived=1, by_severity={Severity.HIGH: 2})


@given(st.lists(st.sampled_from(Severity)), st.integers(min_value=0, max_value=50))
def test_a_summary_of_any_findings_holds(severities, waived):
    counts = {severity: severities.count(severity) for severity in Severity}
    summary = Summary(findings=len(severities) + waived, open=len(severities), waived=waived, by_severity=counts)
    assert summary.findings == summary.open + summary.waived


def test_coverage_with_a_gap_is_not_complete():
    gap = Gap("attendees", "example.webex.com", Window.period("2026-01"), GapReason.TOO_FRESH, "")
    with pytest.raises(ValueError, match="not complete"):
        Coverage(complete=True, tables={}, gaps=(gap,))
    assert not Coverage(complete=False, tables={}, gaps=(gap,)).complete


@pytest.mark.parametrize("fingerprint", [None, "a" * 64])
def test_a_waiver_names_exactly_one_of_match_and_fingerprint(fingerprint):
    with pytest.raises(ValueError, match="W-1: exactly one of match and fingerprint"):
        replace(WAIVER, match={} if fingerprint is None else WAIVER.match, fingerprint=fingerprint)


def test_severities_rank_from_critical_to_info():
    assert sorted(Severity, key=lambda severity: severity.rank) == ["critical", "high", "medium", "low", "info"]


def test_only_chosen_and_passing_gaps_are_no_failure():
    assert {reason for reason in GapReason if not reason.is_failure} == {"too-fresh", "imported"}
