"""The counts a report shows, held against the findings it lists."""

from __future__ import annotations

from collections import Counter

from auditor.errors import ReportError
from auditor.model.audit import Audit
from auditor.model.vocabulary import Severity


def reconcile(audit: Audit) -> None:
    """Raise `ReportError`, naming the place, unless every count is what the findings listed and cut off come to."""
    listed = Counter(finding.rule_id for finding in audit.findings)
    waived = Counter(finding.rule_id for finding in audit.findings if finding.waiver is not None)
    for index, rule in enumerate(audit.rules):
        if rule.findings != listed[rule.id] + rule.truncated:
            told = _told(f"{listed[rule.id]} are listed", rule.truncated)
            raise ReportError(f"$.rules[{index}].findings: {rule.findings}, but {told}")
        if rule.waived != waived[rule.id]:
            raise ReportError(f"$.rules[{index}].waived: {rule.waived}, but {waived[rule.id]} waived ones are listed")
    standing = Counter(finding.severity for finding in audit.findings if finding.waiver is None)
    cut: Counter[Severity] = Counter()
    for rule in audit.rules:
        cut[rule.severity] += rule.truncated
    for severity, count in audit.summary.by_severity.items():
        if count != standing[severity] + cut[severity]:
            told = _told(f"{standing[severity]} open ones are listed", cut[severity])
            raise ReportError(f"$.summary.by_severity.{severity}: {count}, but {told}")


def _told(listed: str, truncated: int) -> str:
    return f"{listed} and {truncated} cut off" if truncated else listed
