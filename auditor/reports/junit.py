"""An audit as JUnit XML: a test case a rule, and one a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from auditor.frozen import dataclass
from auditor.model.audit import Audit, RuleResult
from auditor.model.coverage import TableCoverage
from auditor.model.finding import Finding
from auditor.model.vocabulary import Verdict
from auditor.model.window import iso
from auditor.reports.wire import digests, line
from auditor.words import counted

_LISTED = 50


@dataclass(frozen=True, slots=True)
class _Case:
    """A test case: at most one of failure, error and skipped, and what is told beside it."""

    name: str
    classname: str
    outcome: str | None = None
    message: str = ""
    type: str = ""
    lines: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


def render(audit: Audit) -> bytes:
    """The JUnit document: counts equal the children, a rule that was not evaluated is skipped with its reason."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in audit.findings:
        by_rule.setdefault(finding.rule_id, []).append(finding)
    suites = {
        "rules": [_rule_case(rule, by_rule.get(rule.id, [])) for rule in audit.rules],
        "coverage": [_table_case(table, audit) for table in _tables(audit)],
    }
    cases = [case for suite in suites.values() for case in suite]
    counts = _counts(cases)
    root = ET.Element("testsuites", {"name": "auditor"} | {key: counts[key] for key in ("tests", "failures", "errors")})
    for name, suite in suites.items():
        _suite(root, name, suite, audit=audit)
    ET.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode").encode() + b"\n"


def _counts(cases: Sequence[_Case]) -> dict[str, str]:
    outcomes = Counter(case.outcome for case in cases)
    return {
        "tests": str(len(cases)),
        "failures": str(outcomes["failure"]),
        "errors": str(outcomes["error"]),
        "skipped": str(outcomes["skipped"]),
    }


def _suite(root: ET.Element, name: str, cases: Sequence[_Case], *, audit: Audit) -> None:
    moment = iso(audit.identity.evaluated_at)[:19]
    suite = ET.SubElement(root, "testsuite", {"name": name, **_counts(cases), "timestamp": moment})
    properties = ET.SubElement(suite, "properties")
    identity = audit.identity
    for key, value in {
        "audit": identity.id,
        "from": iso(identity.window.start),
        "to": iso(identity.window.end),
        "sites": ", ".join(identity.sites),
        **digests(audit),
        "coverage_complete": "true" if audit.coverage.complete else "false",
    }.items():
        ET.SubElement(properties, "property", name=key, value=line(value))
    for case in cases:
        _case(suite, case)


def _case(suite: ET.Element, case: _Case) -> None:
    element = ET.SubElement(suite, "testcase", name=line(case.name), classname=case.classname)
    if case.outcome is not None:
        outcome = ET.SubElement(element, case.outcome, message=line(case.message), type=case.type)
        outcome.text = "\n".join(map(line, case.lines)) or None
    if case.told:
        ET.SubElement(element, "system-out").text = "\n".join(map(line, case.told))


def _rule_case(rule: RuleResult, findings: Sequence[Finding]) -> _Case:
    name, classname = f"{rule.id} {rule.title}", f"auditor.{rule.id.partition('-')[0]}"
    told = [f"waived by {finding.waiver}: {finding.message}" for finding in findings if finding.waiver]
    if rule.not_evaluable:
        told.insert(0, f"{rule.not_evaluable} of {rule.population} could not be judged")
    if rule.truncated:
        told.insert(0, f"{counted(rule.truncated, 'finding')} not listed")
    waived = tuple(told)
    if rule.crashed:
        return _Case(name, classname, "error", rule.reason or "", "crashed", told=waived)
    if rule.verdict is Verdict.NOT_EVALUATED:
        return _Case(name, classname, "skipped", rule.reason or "", "not_evaluated", told=waived)
    standing = [finding for finding in findings if finding.waiver is None]
    count = rule.findings - rule.waived
    if not count:
        return _Case(name, classname, told=waived)
    lines = [f"{finding.severity.value}: {finding.message}" for finding in standing[:_LISTED]]
    if count > len(lines):
        lines.append(f"… and {count - len(lines)} more")
    message = counted(count, "open finding")
    return _Case(name, classname, "failure", message, rule.severity.value, tuple(lines), waived)


def _tables(audit: Audit) -> dict[str, None]:
    """The tables in the order of the audit, then those that only a gap tells of."""
    return dict.fromkeys((*audit.coverage.tables, *(gap.table for gap in audit.coverage.gaps)))


def _table_case(table: str, audit: Audit) -> _Case:
    """Whether the data of a table are all there: a table with gaps or without rows is never a passed case."""
    held = audit.coverage.tables.get(table, TableCoverage(0, None, None))
    gaps = tuple(
        f"{f'{gap.site_url}, ' if gap.site_url else ''}{iso(gap.window.start)} to {iso(gap.window.end)}: "
        f"{gap.reason.value} {gap.detail}".rstrip()
        for gap in audit.coverage.gaps
        if gap.table == table
    )
    rows = counted(held.rows, "row") + (f", {iso(held.first)} to {iso(held.last)}" if held.first and held.last else "")
    if gaps:
        message = f"{counted(len(gaps), 'gap')}; {rows}"
        return _Case(table, "auditor.coverage", "skipped", message, "gap", told=gaps)
    if not held.rows:
        return _Case(table, "auditor.coverage", "skipped", "no rows in the window", "empty")
    return _Case(table, "auditor.coverage", told=(rows,))
