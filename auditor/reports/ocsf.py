"""An audit as OCSF 1.5 events: a line a finding, and one a rule and control."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.model.audit import Audit, FrameworkResult, Resolved, RuleResult
from auditor.model.finding import Finding
from auditor.model.vocabulary import Confidence, Severity, State, Verdict
from auditor.reports.wire import by_id, compact, digests, kept, line, milliseconds, prose, record, shown
from auditor.words import counted

VERSION = "1.5.0"

_SEVERITY = {
    Severity.INFO: (1, "Informational"),
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
    Severity.CRITICAL: (5, "Critical"),
}
_CONFIDENCE = {Confidence.LOW: (1, "Low"), Confidence.MEDIUM: (2, "Medium"), Confidence.HIGH: (3, "High")}
_ACTIVITY = {State.NEW: 1, State.REOPENED: 1, State.UNCHANGED: 2, State.RESOLVED: 3}
_ACTIVITIES = {1: "Create", 2: "Update", 3: "Close"}
_STATUSES = {1: "New", 3: "Suppressed", 4: "Resolved"}
_COMPLIANCE = {Verdict.PASS: (1, "Pass"), Verdict.FAIL: (3, "Fail"), Verdict.NOT_EVALUATED: (99, "Not evaluated")}
_DETECTION_FINDING = 2004
_COMPLIANCE_FINDING = 2003
_RULE_ANALYTIC = 1


def render(audit: Audit) -> bytes:
    """NDJSON: Detection Findings in the order of the audit, resolved ones closed, then Compliance Findings."""
    return b"".join(pieces(audit))


def pieces(audit: Audit) -> Iterator[bytes]:
    """The same, event by event."""
    return map(compact, _events(audit))


def _events(audit: Audit) -> Iterator[dict[str, object]]:
    rules = by_id(audit)
    for finding in audit.findings:
        yield _detection(finding, rules[finding.rule_id], audit)
    for entry in audit.resolved:
        yield _closed(entry, rules.get(entry.rule_id), audit)
    for rule in audit.rules:
        for framework in audit.frameworks:
            for control in rule.controls.get(framework.id, ()):
                yield _compliance(rule, framework, control, audit)


def _frame(class_uid: int, name: str, activity: int, *, severity: Severity) -> dict[str, object]:
    """What every event of a class begins with."""
    return {
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": class_uid,
        "class_name": name,
        "activity_id": activity,
        "activity_name": _ACTIVITIES[activity],
        "type_uid": class_uid * 100 + activity,
        "type_name": f"{name}: {_ACTIVITIES[activity]}",
        "severity_id": _SEVERITY[severity][0],
        "severity": _SEVERITY[severity][1],
    }


def _metadata(audit: Audit, uid: str) -> dict[str, object]:
    return {
        "version": VERSION,
        "product": {"name": "auditor", "vendor_name": "auditor", "version": audit.identity.auditor_version},
        "uid": f"{uid}/{audit.identity.id}",
        "profiles": [],
    }


def _digests(audit: Audit) -> dict[str, object]:
    return {"audit_id": audit.identity.id, **digests(audit)}


def _analytic(rule: RuleResult) -> dict[str, object]:
    return {
        "uid": rule.id,
        "name": rule.name,
        "type_id": _RULE_ANALYTIC,
        "type": "Rule",
        "version": str(rule.version),
    }


def _remediation(rule: RuleResult) -> dict[str, object] | None:
    if not rule.remediation:
        return None
    return kept({"desc": prose(rule.remediation), "references": [line(link) for link in rule.references]})


def _detection(finding: Finding, rule: RuleResult, audit: Audit) -> dict[str, object]:
    activity = 1 if finding.state is None else _ACTIVITY[finding.state]
    status = 3 if finding.waiver else 1
    confidence, word = _CONFIDENCE[finding.confidence]
    return kept(
        {
            **_frame(_DETECTION_FINDING, "Detection Finding", activity, severity=finding.severity),
            "time": milliseconds(finding.observed_at),
            "message": line(finding.message),
            "status_id": status,
            "status": _STATUSES[status],
            "status_detail": f"waived by {finding.waiver}" if finding.waiver else None,
            "confidence_id": confidence,
            "confidence": word,
            "count": finding.occurrences,
            "metadata": _metadata(audit, finding.fingerprint),
            "finding_info": kept(
                {
                    "uid": finding.fingerprint,
                    "title": line(rule.title),
                    "desc": prose(rule.description),
                    "types": [rule.id],
                    "created_time": milliseconds(finding.observed_at),
                    "analytic": _analytic(rule),
                }
            ),
            "resources": [{"name": line(finding.subject) or "—", "type": "subject"}],
            "evidences": [{"data": shown(finding.evidence)}] if finding.evidence else None,
            "remediation": _remediation(rule),
            "unmapped": kept(
                {
                    **_digests(audit),
                    "state": finding.state.value if finding.state else None,
                    "waiver": finding.waiver,
                    "records": [record(one) for one in finding.records],
                }
            ),
        }
    )


def _closed(entry: Resolved, rule: RuleResult | None, audit: Audit) -> dict[str, object]:
    return kept(
        {
            **_frame(_DETECTION_FINDING, "Detection Finding", _ACTIVITY[State.RESOLVED], severity=entry.severity),
            "time": milliseconds(audit.identity.evaluated_at),
            "message": line(entry.message),
            "status_id": 4,
            "status": _STATUSES[4],
            "metadata": _metadata(audit, entry.fingerprint),
            "finding_info": kept(
                {
                    "uid": entry.fingerprint,
                    "title": line(rule.title) if rule is not None else entry.rule_id,
                    "types": [entry.rule_id],
                    "created_time": milliseconds(entry.observed_at),
                    "analytic": _analytic(rule) if rule is not None else None,
                }
            ),
            "resources": [{"name": line(entry.subject) or "—", "type": "subject"}],
            "unmapped": {**_digests(audit), "state": State.RESOLVED.value, "resolved_in": entry.resolved_in},
        }
    )


def _compliance(rule: RuleResult, framework: FrameworkResult, control: str, audit: Audit) -> dict[str, object]:
    titles = {one.id: one.title for one in framework.controls}
    status, word = _COMPLIANCE[rule.verdict]
    uid = f"{rule.id}/{framework.id}/{control}"
    requirement = f"{control} {line(titles.get(control, ''))}".strip()
    return kept(
        {
            **_frame(_COMPLIANCE_FINDING, "Compliance Finding", 1, severity=rule.severity),
            "time": milliseconds(audit.identity.evaluated_at),
            "message": f"{rule.id} {line(rule.title)}: {word.lower()}",
            "status_id": 1,
            "status": _STATUSES[1],
            "status_detail": line(rule.reason or f"{counted(rule.findings, 'finding')}, {rule.waived} waived"),
            "metadata": _metadata(audit, uid),
            "finding_info": kept(
                {
                    "uid": uid,
                    "title": line(rule.title),
                    "desc": prose(rule.description),
                    "types": [rule.id],
                    "created_time": milliseconds(audit.identity.evaluated_at),
                    "analytic": _analytic(rule),
                }
            ),
            "compliance": {
                "standards": [line(framework.title)],
                "control": control,
                "requirements": [requirement],
                "status_id": status,
                "status": word,
            },
            "resources": [{"name": site, "type": "site"} for site in audit.identity.sites],
            "remediation": _remediation(rule),
            "unmapped": {
                **_digests(audit),
                "verdict": rule.verdict.value,
                "population": rule.population,
                "not_evaluable": rule.not_evaluable,
                "findings": rule.findings,
                "waived": rule.waived,
            },
        }
    )
