"""An audit as SARIF 2.1.0: results of code scanning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from urllib.parse import quote

from auditor.model.audit import Audit, Resolved, RuleResult
from auditor.model.coverage import Gap
from auditor.model.exit import shortfalls
from auditor.model.finding import Finding
from auditor.model.vocabulary import Confidence, Severity, State, Verdict
from auditor.model.waiver import Waiver
from auditor.model.window import dated, iso
from auditor.reports.wire import by_id, digests, filled, identifier, kept, line, prose, record, shown

_LEVEL = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_SECURITY_SEVERITY = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
    Severity.INFO: "0.0",
}
_RANK = {Confidence.HIGH: 90.0, Confidence.MEDIUM: 50.0, Confidence.LOW: 10.0}
_BASELINE = {State.NEW: "new", State.REOPENED: "new", State.UNCHANGED: "unchanged"}


def render(audit: Audit) -> bytes:
    """The SARIF log of the audit: one run, a result a finding, valid also when the audit is incomplete."""
    return b"".join(pieces(audit))


def pieces(audit: Audit) -> Iterator[bytes]:
    """The same, result by result."""
    log = {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [_run(audit)],
    }
    return filled(log, "results", _results(audit))


def _results(audit: Audit) -> Iterator[dict[str, object]]:
    places = {rule.id: index for index, rule in enumerate(audit.rules)}
    waivers = {state.waiver.id: state.waiver for state in audit.waivers}
    suppressing = any(finding.waiver for finding in audit.findings)
    rules = by_id(audit)
    for finding in audit.findings:
        yield _result(finding, rules[finding.rule_id], places, waivers=waivers, suppressing=suppressing)
    for entry in audit.resolved:
        yield _absent(entry, rules.get(entry.rule_id), places, suppressing=suppressing)


def _run(audit: Audit) -> dict[str, object]:
    """The run with an empty list for its results."""
    places = {rule.id: index for index, rule in enumerate(audit.rules)}
    return {
        "tool": {"driver": _driver(audit)},
        "automationDetails": {
            "id": f"auditor/{'+'.join(audit.identity.sites) or 'no-site'}/{_span(audit)}/",
            "guid": identifier(audit, "sarif"),
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(audit, places)],
        "taxonomies": [_taxonomy(audit, index) for index in range(len(audit.frameworks))],
        "results": [],
        "properties": {
            "auditId": audit.identity.id,
            "window": {"from": iso(audit.identity.window.start), "to": iso(audit.identity.window.end)},
            "sites": list(audit.identity.sites),
            **digests(audit),
            "coverageComplete": audit.coverage.complete,
            "gaps": len(audit.coverage.gaps),
            "redacted": audit.redacted,
        },
    }


def _span(audit: Audit) -> str:
    window = audit.identity.window
    return "--".join(dated(end, "%Y-%m-%dT%H:%M:%SZ") for end in (window.start, window.end))


def _driver(audit: Audit) -> dict[str, object]:
    return {
        "name": "auditor",
        "semanticVersion": audit.identity.auditor_version,
        "rules": [_rule(rule, audit) for rule in audit.rules],
        "supportedTaxonomies": [
            {"name": framework.id, "index": index, "guid": identifier(audit, "framework", framework.id)}
            for index, framework in enumerate(audit.frameworks)
        ],
    }


def _rule(rule: RuleResult, audit: Audit) -> dict[str, object]:
    taxa = [
        {
            "target": {
                "id": control,
                "toolComponent": {
                    "name": framework.id,
                    "index": index,
                    "guid": identifier(audit, "framework", framework.id),
                },
            },
            "kinds": ["relevant"],
        }
        for index, framework in enumerate(audit.frameworks)
        for control in rule.controls.get(framework.id, ())
    ]
    remediation = prose(rule.remediation)
    return kept(
        {
            "id": rule.id,
            "name": rule.name,
            "shortDescription": {"text": line(rule.title)},
            "fullDescription": {"text": prose(rule.description) or line(rule.title)},
            "help": {"text": remediation, "markdown": remediation} if remediation else None,
            "helpUri": next((quote(link, safe=":/?#[]@!$&'()*+,;=%~") for link in rule.references if _web(link)), None),
            "defaultConfiguration": {"level": _LEVEL[rule.severity]},
            "relationships": taxa,
            "properties": {
                "security-severity": _SECURITY_SEVERITY[rule.severity],
                "precision": rule.confidence.value,
                "tags": list(dict.fromkeys((*map(line, rule.tags), "security"))),
                "severity": rule.severity.value,
                "status": rule.status.value,
                "verdict": rule.verdict.value,
                "digest": f"sha256:{rule.digest}",
            },
        }
    )


def _web(link: str) -> bool:
    return link.startswith(("https://", "http://"))


def _taxonomy(audit: Audit, index: int) -> dict[str, object]:
    framework = audit.frameworks[index]
    return {
        "name": framework.id,
        "guid": identifier(audit, "framework", framework.id),
        "fullName": line(framework.title),
        "shortDescription": {"text": line(framework.title)},
        "isComprehensive": False,
        "taxa": [
            {
                "id": control.id,
                "shortDescription": {"text": line(control.title) or control.id},
                "properties": kept({"verdict": control.verdict.value, "note": line(control.note or "")}),
            }
            for control in framework.controls
        ],
    }


def _place(rule: RuleResult | None) -> dict[str, object]:
    """The rule file: there is no source file, and code scanning drops results without a place."""
    path = PurePath(rule.path) if rule is not None else PurePath("auditor.yaml")
    relative = path.relative_to(path.anchor) if path.is_absolute() else path
    return {
        "artifactLocation": {"uri": quote(relative.as_posix(), errors="replace"), "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": max(1, rule.line if rule is not None else 1)},
    }


def _message(text: str) -> dict[str, str]:
    """A message whose brackets cannot become a link: SARIF reads `[text](target)`."""
    return {"text": line(text).replace("](", "]\u200a(") or "—"}


def _result(
    finding: Finding,
    rule: RuleResult,
    places: Mapping[str, int],
    *,
    waivers: Mapping[str, Waiver],
    suppressing: bool,
) -> dict[str, object]:
    meeting = finding.evidence.get("meeting_id")
    subject = line(finding.subject) or "—"
    result: dict[str, object] = {
        "ruleId": finding.rule_id,
        "ruleIndex": places[finding.rule_id],
        "level": _LEVEL[finding.severity],
        "kind": "fail",
        "message": _message(finding.message),
        "rank": _RANK[finding.confidence],
        "locations": [
            {
                "physicalLocation": _place(rule),
                "logicalLocations": [
                    {
                        "name": subject,
                        "kind": "resource",
                        "fullyQualifiedName": f"{line(meeting)}/{subject}" if isinstance(meeting, str) else subject,
                    }
                ],
            }
        ],
        "occurrenceCount": finding.occurrences,
        "partialFingerprints": {"auditor/v1": finding.fingerprint},
    }
    if finding.state is not None:
        result["baselineState"] = _BASELINE[finding.state]
    if suppressing:
        result["suppressions"] = [_suppression(finding.waiver, waivers)] if finding.waiver else []
    result["properties"] = kept(
        {
            "security-severity": _SECURITY_SEVERITY[finding.severity],
            "severity": finding.severity.value,
            "confidence": finding.confidence.value,
            "observedAt": iso(finding.observed_at),
            "state": finding.state.value if finding.state else None,
            "waiver": finding.waiver,
            "evidence": shown(finding.evidence),
            "records": [record(one) for one in finding.records],
        }
    )
    return result


def _suppression(name: str, waivers: Mapping[str, Waiver]) -> dict[str, object]:
    waiver = waivers.get(name)
    reason = line(waiver.reason) if waiver is not None else ""
    return kept({"kind": "external", "status": "accepted", "justification": f"{line(name)}: {reason}"})


def _absent(
    entry: Resolved, rule: RuleResult | None, places: Mapping[str, int], *, suppressing: bool
) -> dict[str, object]:
    result: dict[str, object] = {"ruleId": entry.rule_id}
    if entry.rule_id in places:
        result["ruleIndex"] = places[entry.rule_id]
    result |= {
        "level": _LEVEL[entry.severity],
        "kind": "fail",
        "message": _message(entry.message),
        "locations": [{"physicalLocation": _place(rule)}],
        "partialFingerprints": {"auditor/v1": entry.fingerprint},
        "baselineState": "absent",
    }
    if suppressing:
        result["suppressions"] = []
    result["properties"] = {"state": "resolved", "resolvedIn": entry.resolved_in}
    return result


def _invocation(audit: Audit, places: Mapping[str, int]) -> dict[str, object]:
    gaps = [_notification("gap", f"{_where(gap)}: {gap.reason.value}: {gap.detail}") for gap in audit.coverage.gaps]
    unjudged = [
        _notification(
            "rule-crashed" if rule.crashed else "rule-not-evaluated",
            f"{rule.id} was not evaluated: {rule.reason}",
            level="error" if rule.crashed else "warning",
            rule={"id": rule.id, "index": places[rule.id]},
        )
        for rule in audit.rules
        if rule.verdict is Verdict.NOT_EVALUATED
    ]
    return {
        "executionSuccessful": not shortfalls(audit),
        "endTimeUtc": iso(audit.identity.evaluated_at),
        "toolExecutionNotifications": [*gaps, *unjudged],
    }


def _where(gap: Gap) -> str:
    return f"{gap.table} of {gap.site_url}" if gap.site_url else gap.table


def _notification(
    name: str, text: str, *, level: str = "warning", rule: Mapping[str, object] | None = None
) -> dict[str, object]:
    return kept({"descriptor": {"id": name}, "level": level, "message": _message(text), "associatedRule": rule})
