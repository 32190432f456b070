"""Open findings as annotations of a build."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.model.audit import Audit
from auditor.model.exit import counts
from auditor.model.vocabulary import Severity
from auditor.reports.text import visible
from auditor.words import counted

_MOST = 50
_LEVEL = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "notice",
    Severity.INFO: "notice",
}


def commands(audit: Audit, *, new_only: bool) -> Iterator[str]:
    """A workflow command for each open finding, the gravest first, and one for those left out or listed nowhere."""
    rules = {rule.id: rule for rule in audit.rules}
    standing = [finding for finding in audit.findings if counts(finding, new_only=new_only)]
    for finding in standing[:_MOST]:
        rule = rules[finding.rule_id]
        place = f"file={_property(rule.path)},line={max(1, rule.line)},title={_property(f'{rule.id} {rule.title}')}"
        yield f"::{_LEVEL[finding.severity]} {place}::{_message(finding.message)}"
    left = len(standing[_MOST:]) + sum(rule.truncated for rule in audit.rules)
    if left:
        yield f"::notice title=auditor::… and {counted(left, 'more open finding')}"


def _message(text: str) -> str:
    """Text that cannot end the command or begin another: it is on one line, and its percent signs are codes."""
    return visible(text, cap=500).replace("%", "%25")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
