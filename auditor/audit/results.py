"""How a rule ended, with the wording of the rule beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath

from auditor.documents import Scalar
from auditor.model.audit import Audit, EvidenceColumn, Parameter, RuleChanges, RuleResult, Summary
from auditor.model.finding import Finding
from auditor.model.vocabulary import Severity
from auditor.rules.language.spec import Detector, Rule
from auditor.rules.outcome import Outcome


def with_severity(rule: Rule, severity: Scalar | None) -> Rule:
    """The rule with the severity the configuration gives it, whatever its own conditions say."""
    if severity is None:
        return rule
    return replace(rule, severity=Severity(severity.text), severity_when=())


def result(
    outcome: Outcome, rule: Rule, *, declared: Severity, parameters: Sequence[Parameter], findings: Iterable[Finding]
) -> RuleResult:
    """The rule's outcome and wording; `findings` are its listed ones, already held against the waivers."""
    stage = rule.detect.stage
    return RuleResult(
        id=rule.id,
        name=rule.name,
        title=rule.title,
        severity=rule.severity,
        verdict=outcome.verdict,
        reason=outcome.reason,
        population=outcome.population,
        not_evaluable=outcome.not_evaluable,
        findings=outcome.found,
        waived=sum(finding.waiver is not None for finding in findings),
        truncated=outcome.truncated,
        controls=rule.controls,
        status=rule.status,
        confidence=rule.confidence,
        version=rule.version,
        digest=rule.digest,
        path=told_path(rule),
        line=rule.position.line,
        description=rule.description,
        rationale=rule.rationale,
        remediation=rule.remediation,
        false_positives=rule.false_positives,
        references=rule.references,
        tags=rule.tags,
        parameters=tuple(parameters),
        evidence=tuple(EvidenceColumn(one.column, one.type.value, one.redact) for one in rule.finding.evidence),
        tables=outcome.tables,
        crashed=outcome.crashed,
        detector=stage.type if isinstance(stage, Detector) else None,
        ledger=outcome.ledger,
        declared_severity=declared if declared is not rule.severity else None,
        subject_template=rule.finding.subject.source,
        message_template=rule.finding.message.source,
    )


def told_path(rule: Rule) -> str:
    """The rule's file as it was named; of an absolute path only the name, since machines differ."""
    path = PurePath(rule.position.path)
    return path.name if path.is_absolute() else path.as_posix()


def summary(rules: Iterable[RuleResult], findings: Sequence[Finding]) -> Summary:
    """The counts over all rules; findings a rule's `limit` keeps off the list count with the rule's severity."""
    counts: Counter[Severity] = Counter(finding.severity for finding in findings if finding.waiver is None)
    waived = sum(finding.waiver is not None for finding in findings)
    for rule in rules:
        counts[rule.severity] += rule.truncated
    standing = counts.total()
    return Summary(standing + waived, standing, waived, {severity: counts[severity] for severity in Severity})


def changes(rules: Sequence[RuleResult], previous: Audit) -> RuleChanges:
    """Which rules ran now and not before, before and not now, and with another meaning."""
    now = {rule.id: rule.digest for rule in rules}
    before = {rule.id: rule.digest for rule in previous.rules}
    return RuleChanges(
        added=tuple(sorted(now.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - now.keys())),
        changed=tuple(sorted(name for name in now.keys() & before.keys() if now[name] != before[name])),
    )
