"""What the exit code of an audit is made of."""

from __future__ import annotations

from auditor.model.audit import Audit
from auditor.model.coverage import Gap
from auditor.model.finding import Finding
from auditor.model.vocabulary import Severity, State
from auditor.model.window import MINUTE, dated

OK, FINDINGS, USAGE, INCOMPLETE, REFUSED = range(5)

_GRAVEST_FIRST = (USAGE, REFUSED, INCOMPLETE, FINDINGS)


def gravest(*codes: int) -> int:
    """The code that speaks when several apply: 2, 4, 3, 1, 0.

    >>> gravest(1, 3, 0)
    3
    """
    return next((code for code in _GRAVEST_FIRST if code in codes), OK)


def exit_code(audit: Audit, *, fail_on: Severity | None, new_only: bool = False) -> int:
    """3 when the audit is incomplete, else 1 when an open finding is at or above `fail_on`, else 0."""
    return gravest(
        INCOMPLETE if shortfalls(audit) else OK,
        FINDINGS if failing(audit, fail_on=fail_on, new_only=new_only) or _unlisted(audit, fail_on) else OK,
    )


def _unlisted(audit: Audit, fail_on: Severity | None) -> bool:
    """Whether a rule's limit keeps findings at or above `fail_on` off the list: nobody can waive those."""
    return fail_on is not None and any(rule.truncated and rule.severity.rank <= fail_on.rank for rule in audit.rules)


def failing(audit: Audit, *, fail_on: Severity | None, new_only: bool = False) -> tuple[Finding, ...]:
    """Open findings at or above `fail_on`; with `new_only` those that the previous audit did not have."""
    if fail_on is None:
        return ()
    return tuple(
        finding
        for finding in audit.findings
        if counts(finding, new_only=new_only) and finding.severity.rank <= fail_on.rank
    )


def counts(finding: Finding, *, new_only: bool = False) -> bool:
    """Whether the finding is open and, with `new_only`, one that the previous audit did not have."""
    return finding.waiver is None and not (new_only and finding.state is State.UNCHANGED)


def shortfalls(audit: Audit) -> tuple[str, ...]:
    """One line for everything that makes the audit incomplete: rules that crashed, gaps that touch what was read."""
    crashed = [f"rule {rule.id} crashed: {rule.reason}" for rule in audit.rules if rule.crashed]
    return (*crashed, *(_told(gap) for gap in touching_gaps(audit)))


def touching_gaps(audit: Audit) -> tuple[Gap, ...]:
    """The gaps that overlap the window in a table a rule which ran reads, but for those that are no failure."""
    read = {table for rule in audit.rules for table in rule.tables}
    return tuple(
        gap
        for gap in audit.coverage.gaps
        if gap.reason.is_failure and gap.table in read and gap.window.overlaps(audit.identity.window)
    )


def _told(gap: Gap) -> str:
    span = f"{dated(gap.window.start, MINUTE)} to {dated(gap.window.end, MINUTE)} UTC"
    where = f"{gap.table} of {gap.site_url}" if gap.site_url else gap.table
    return f"gap in {where}, {span}: {gap.reason}" + (f" ({gap.detail})" if gap.detail else "")
