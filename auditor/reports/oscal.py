"""An audit as OSCAL 1.2.1 assessment results: a result a framework, a finding a control."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta

from auditor.model.audit import Audit, ControlResult, FrameworkResult, RuleResult
from auditor.model.finding import Finding, Value
from auditor.model.vocabulary import Verdict
from auditor.model.waiver import WaiverState
from auditor.model.window import iso
from auditor.reports.wire import identifier, kept, line, pretty
from auditor.words import counted

VERSION = "1.2.1"

_NAMESPACE = "urn:auditor:oscal"
_REST = "rules-without-control"
_ENHANCEMENT = re.compile(r"\((\d+)\)")
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The times OSCAL can write."""


def render(audit: Audit) -> bytes:
    """The assessment results. A control that was not evaluated is not satisfied: nobody may take it for a pass."""
    results = [_result(framework, audit) for framework in audit.frameworks]
    shown = [framework.id for framework in audit.frameworks]
    loose = [rule for rule in audit.rules if not any(rule.controls.get(name) for name in shown)]
    if loose or not results:
        results.append(_rest(loose, audit))
    return pretty(
        {
            "assessment-results": {
                "uuid": identifier(audit, "oscal"),
                "metadata": {
                    "title": _one(audit.report.title),
                    "last-modified": _when(audit.identity.evaluated_at),
                    "version": _one(audit.identity.id),
                    "oscal-version": VERSION,
                },
                "import-ap": {"href": f"#{identifier(audit, 'scope')}"},
                "results": results,
                "back-matter": {"resources": _resources(audit)},
            }
        }
    )


def token(framework: str, control: str) -> str:
    """The control's id as a token: a letter first, then letters, digits and `. - _`.

    >>> token("hipaa", "164.312(b)"), token("nist-800-53r5", "AC-2(12)")
    ('h164.312-b', 'ac-2.12')
    """
    if framework.startswith("nist"):
        control = _ENHANCEMENT.sub(r".\1", control).lower()
    name = re.sub(r"[^0-9A-Za-z._-]+", "-", control).strip("-")
    if name[:1].isalpha() or name.startswith("_"):
        return name
    return f"{framework[0] if framework[:1].isalpha() else '_'}{name}"


def _one(text: str) -> str:
    """Text that is not empty, on one line, without space around it."""
    return line(text).strip() or "—"


def _when(moment: datetime) -> str:
    """The moment, or the nearest that OSCAL can write; the resource of the scope tells the window as it was."""
    return iso(min(max(moment, _FIRST), _LAST))


def _property(name: str, value: Value) -> dict[str, str]:
    written = ", ".join(value) if isinstance(value, list) else str(value)
    return {"name": name, "ns": _NAMESPACE, "value": _one(written)}


def _result(framework: FrameworkResult, audit: Audit) -> dict[str, object]:
    mapped = [rule for rule in audit.rules if rule.controls.get(framework.id)]
    controls = [
        {"control-id": name}
        for name in dict.fromkeys(token(framework.id, control.id) for control in framework.controls)
    ]
    return {
        **_head(audit, framework.id, title=framework.title),
        "reviewed-controls": {
            "control-selections": [{"include-controls": controls} if controls else {"include-all": {}}]
        },
        **_body(audit, framework.id, rules=mapped),
        **kept({"findings": [_control(control, framework, audit) for control in framework.controls]}),
    }


def _rest(rules: Sequence[RuleResult], audit: Audit) -> dict[str, object]:
    """What rules without a control found, so that nothing is lost."""
    return {
        **_head(audit, _REST, title="Rules that are mapped to no control"),
        "reviewed-controls": {"control-selections": [{"include-all": {}}]},
        **_body(audit, _REST, rules=rules),
    }


def _head(audit: Audit, name: str, *, title: str) -> dict[str, object]:
    gaps = len(audit.coverage.gaps)
    state = "complete" if audit.coverage.complete else f"{counted(gaps, 'gap')}; see the audit"
    return {
        "uuid": identifier(audit, "result", name),
        "title": _one(title),
        "description": f"Full-population test of meeting records by rules. Coverage: {state}.",
        "start": _when(audit.identity.window.start),
        "end": _when(audit.identity.window.end),
        "props": [_property("coverage-complete", "yes" if audit.coverage.complete else "no")],
    }


def _body(audit: Audit, name: str, *, rules: Sequence[RuleResult]) -> dict[str, object]:
    ids = {rule.id for rule in rules}
    findings = [finding for finding in audit.findings if finding.rule_id in ids]
    used = {finding.waiver for finding in findings if finding.waiver}
    observations = [_ruled(rule, audit, name) for rule in rules]
    observations += [_observed(finding, audit, name) for finding in findings]
    risks = [_risk(state, audit, name, findings=findings) for state in audit.waivers if state.waiver.id in used]
    return kept({"observations": observations, "risks": risks})


def _collected(audit: Audit) -> str:
    return _when(audit.chain.last_fetched_at or audit.identity.evaluated_at)


def _ruled(rule: RuleResult, audit: Audit, name: str) -> dict[str, object]:
    judged = f"{rule.id}: {rule.title}. Verdict {rule.verdict.value}, population {rule.population}"
    counts = f"not evaluable {rule.not_evaluable}, findings {rule.findings}, waived {rule.waived}"
    return kept(
        {
            "uuid": identifier(audit, "rule", name, rule.id),
            "title": _one(f"{rule.id} {rule.title}"),
            "description": _one(f"{judged}, {counts}."),
            "props": [
                _property("rule", rule.id),
                _property("verdict", rule.verdict.value),
                _property("population", rule.population),
                _property("not-evaluable", rule.not_evaluable),
                _property("findings", rule.findings),
                _property("waived", rule.waived),
                _property("digest", f"sha256:{rule.digest}"),
            ],
            "methods": ["TEST-AUTOMATED"],
            "types": ["control-objective"],
            "collected": _collected(audit),
            "remarks": line(rule.reason or ""),
        }
    )


def _observed(finding: Finding, audit: Audit, name: str) -> dict[str, object]:
    properties = {
        "fingerprint": finding.fingerprint,
        "rule": finding.rule_id,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "observed-at": iso(finding.observed_at),
        "occurrences": finding.occurrences,
        "state": finding.state.value if finding.state else None,
        "waiver": finding.waiver,
    }
    return {
        "uuid": identifier(audit, "observation", name, finding.fingerprint),
        "title": _one(f"{finding.rule_id}: {finding.subject}"),
        "description": _one(finding.message),
        "props": [_property(key, value) for key, value in properties.items() if value is not None],
        "methods": ["TEST-AUTOMATED"],
        "types": ["finding"],
        "subjects": [
            {
                "subject-uuid": identifier(audit, "subject", finding.rule_id, finding.subject),
                "type": "resource",
                "title": _one(finding.subject),
            }
        ],
        "relevant-evidence": [
            {
                "href": f"#{identifier(audit, 'evidence')}",
                "description": f"Item {record.item} of page sha256:{record.page}",
                **kept({"props": _evidence(finding.evidence) if index == 0 else None}),
            }
            for index, record in enumerate(finding.records)
        ],
        "collected": _collected(audit),
    }


def _evidence(evidence: Mapping[str, Value]) -> list[dict[str, str]]:
    return [
        {**_property("evidence", value), "class": token("column", name)}
        for name, value in evidence.items()
        if value is not None and value != []
    ]


def _risk(state: WaiverState, audit: Audit, name: str, *, findings: Sequence[Finding]) -> dict[str, object]:
    waiver = state.waiver
    last = min(waiver.expires, _LAST.date())
    ends = _when(datetime.combine(last + timedelta(days=1), time(), tzinfo=UTC))
    told = {
        "owner": waiver.owner,
        "approved-by": waiver.approved_by,
        "ticket": waiver.ticket,
        "category": waiver.category,
        "state": state.state,
        "findings": state.findings,
    }
    covered = [
        {"observation-uuid": identifier(audit, "observation", name, finding.fingerprint)}
        for finding in findings
        if finding.waiver == waiver.id
    ]
    return {
        "uuid": identifier(audit, "risk", name, waiver.id),
        "title": _one(f"Waiver {waiver.id}"),
        "description": _one(waiver.reason),
        "statement": _one(f"Accepted by {waiver.approved_by or waiver.owner}: {waiver.reason}"),
        "props": [_property(key, value) for key, value in told.items() if value is not None],
        "status": "deviation-approved",
        "deadline": ends,
        **kept({"related-observations": covered}),
    }


def _control(control: ControlResult, framework: FrameworkResult, audit: Audit) -> dict[str, object]:
    name = token(framework.id, control.id)
    found, rules = counted(control.findings, "finding"), ", ".join(control.rules) or "none"
    judged = f"{found}, {control.waived} waived, of rules {rules}."
    related = [
        {"observation-uuid": identifier(audit, "rule", framework.id, rule)} for rule in dict.fromkeys(control.rules)
    ]
    return {
        "uuid": identifier(audit, "control", framework.id, control.id),
        "title": _one(f"{control.id} {control.title}"),
        "description": judged,
        "props": [_property("control", control.id), _property("verdict", control.verdict.value)],
        "target": {
            "type": "objective-id",
            "target-id": name,
            "status": kept(dict(_status(control, audit.rules))),
        },
        **kept({"related-observations": related}),
    }


def _status(control: ControlResult, rules: Iterable[RuleResult]) -> Mapping[str, str]:
    match control.verdict:
        case Verdict.PASS:
            return {"state": "satisfied", "reason": "pass"}
        case Verdict.FAIL:
            return {"state": "not-satisfied", "reason": "fail"}
        case _:
            causes = [
                f"{rule.id}: {line(rule.reason or '')}"
                for rule in rules
                if rule.id in control.rules and rule.verdict is Verdict.NOT_EVALUATED
            ]
            told = "; ".join(filter(None, [line(control.note or ""), *causes]))
            return {"state": "not-satisfied", "reason": "other", "remarks": f"{control.verdict.value}: {told}"}


def _resources(audit: Audit) -> list[dict[str, object]]:
    identity = audit.identity
    scope = {
        "audit": identity.id,
        "from": iso(identity.window.start),
        "to": iso(identity.window.end),
        "sites": ", ".join(identity.sites) or None,
        "rules-digest": f"sha256:{identity.rules_digest}",
        "config-digest": f"sha256:{identity.config_digest}",
    }
    head = {"algorithm": "SHA-256", "value": identity.evidence_head}
    return [
        {
            "uuid": identifier(audit, "scope"),
            "title": "Scope of the audit",
            "description": "Sites, window, rules and configuration the audit was made with.",
            "props": [_property(key, value) for key, value in scope.items() if value],
        },
        {
            "uuid": identifier(audit, "evidence"),
            "title": "Evidence",
            "description": "Raw pages as Webex sent them, in a hash chain; the head names the state of the chain.",
            "props": [
                _property("evidence-head", f"sha256:{identity.evidence_head}"),
                _property("pages", audit.chain.pages),
                _property("entries", audit.chain.entries),
            ],
            "rlinks": [{"href": "evidence/manifest.jsonl", "hashes": [head]}],
            "remarks": "The hash is that of the last entry of the manifest, which chains all entries before it.",
        },
    ]
