"""The findings of an audit as JSON, one a line."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.model.audit import Audit, RuleResult
from auditor.model.finding import Finding
from auditor.model.window import iso
from auditor.reports.csv import controls_text
from auditor.reports.wire import by_id, compact, record


def render(audit: Audit) -> bytes:
    """One line a finding in the order of the audit, values as in `audit.json`."""
    return b"".join(pieces(audit))


def pieces(audit: Audit) -> Iterator[bytes]:
    """The same, line by line."""
    rules = by_id(audit)
    return (compact(_row(finding, rules[finding.rule_id])) for finding in audit.findings)


def _row(finding: Finding, rule: RuleResult) -> dict[str, object]:
    records = [record(one) for one in finding.records]
    return {
        "fingerprint": finding.fingerprint,
        "rule_id": finding.rule_id,
        "title": rule.title,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "state": finding.state.value if finding.state else None,
        "waiver": finding.waiver,
        "subject": finding.subject,
        "message": finding.message,
        "observed_at": iso(finding.observed_at),
        "occurrences": finding.occurrences,
        "controls": controls_text(rule.controls).split(),
        "evidence": dict(finding.evidence),
        "records": records,
        "page": records[0]["page"],
        "item": records[0]["item"],
    }
