"""Reading an audit back from its JSON, strict about every value and silent about unknown keys."""

from __future__ import annotations

import json
from collections import Counter
from typing import NoReturn

from auditor.errors import ReportError
from auditor.model.audit import (
    Audit,
    Chain,
    CitedRecord,
    ControlResult,
    EvidenceColumn,
    FrameworkResult,
    Identity,
    Ledger,
    NotCompared,
    Parameter,
    ReportSettings,
    Resolved,
    RuleChanges,
    RuleNotRun,
    RuleResult,
    Summary,
)
from auditor.model.coverage import Asked, Coverage, Gap, People, TableCoverage
from auditor.model.finding import Finding, Record
from auditor.model.vocabulary import Confidence, GapReason, Severity, State, Status, Verdict
from auditor.model.waiver import Waiver, WaiverState
from auditor.model.window import Window
from auditor.reports.json_node import Node

_NEWEST = 1


def load(data: bytes) -> Audit:
    """The audit that `dump` wrote.

    Raises `ReportError` naming the place in the document for whatever is not as the schema says, for counts that
    contradict each other, and for a schema newer than this version knows.
    """
    try:
        document = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ReportError(f"this is no audit.json: {error}") from error
    root = Node(document)
    version = root.count("schema_version")
    if version > _NEWEST:
        raise ReportError(
            f"$.schema_version: {version} is newer than {_NEWEST}, the newest this version of auditor reads"
        )
    if version < 1:
        raise root.at("schema_version").wrong("1")
    audit = root.build(_audit)
    _reconcile(audit)
    return audit


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _reconcile(audit: Audit) -> None:
    """Raise unless the counts that are written twice agree."""
    found = sum(rule.findings for rule in audit.rules)
    if found != audit.summary.findings:
        raise ReportError(f"$.summary.findings: {audit.summary.findings}, but the rules count {found}")
    known = {rule.id for rule in audit.rules}
    for index, finding in enumerate(audit.findings):
        if finding.rule_id not in known:
            raise ReportError(f"$.findings[{index}].rule_id: {finding.rule_id!r} is not among the rules")
    listed = Counter(finding.rule_id for finding in audit.findings)
    for index, rule in enumerate(audit.rules):
        if listed[rule.id] > rule.findings:
            raise ReportError(f"$.rules[{index}].findings: {rule.findings}, but {listed[rule.id]} are listed")
    standing = Counter(finding.severity for finding in audit.findings if finding.waiver is None)
    for severity, count in audit.summary.by_severity.items():
        if standing[severity] > count:
            told = f"{standing[severity]} open ones are listed"
            raise ReportError(f"$.summary.by_severity.{severity}: {count}, but {told}")


def _audit(root: Node) -> Audit:
    changes = root.maybe("rule_changes")
    return Audit(
        identity=root.at("audit").build(_identity),
        coverage=root.at("coverage").build(_coverage),
        rules=tuple(node.build(_rule) for node in root.at("rules").each()),
        rules_not_run=tuple(
            RuleNotRun(id=node.text("id"), status=node.text("status"), why=node.text("why"))
            for node in root.at("rules_not_run").each()
        ),
        frameworks=tuple(
            FrameworkResult(
                id=node.text("id"),
                title=node.text("title"),
                controls=tuple(_control(control) for control in node.at("controls").each()),
            )
            for node in root.at("frameworks").each()
        ),
        findings=tuple(node.build(_finding) for node in root.at("findings").each()),
        resolved=tuple(_resolved(node) for node in root.at("resolved").each()),
        not_compared=tuple(_not_compared(node) for node in root.at("not_compared").each()),
        waivers=tuple(node.build(_waiver) for node in root.at("waivers").each()),
        summary=root.at("summary").build(_summary),
        cited=tuple(_cited(node) for node in root.at("cited").each()),
        chain=_chain(root.at("chain")),
        previous=root.text_or_none("previous"),
        notes=root.texts("notes"),
        report=_report(root.at("report")),
        rule_changes=None if changes is None else _changes(changes),
        redacted=root.flag("redacted"),
    )


def _changes(node: Node) -> RuleChanges:
    return RuleChanges(added=node.texts("added"), removed=node.texts("removed"), changed=node.texts("changed"))


def _identity(node: Node) -> Identity:
    return Identity(
        id=node.text("id"),
        auditor_version=node.text("auditor_version"),
        window=node.at("window").build(_window),
        sites=node.texts("sites"),
        evaluated_at=node.moment("evaluated_at"),
        rules_digest=node.digest("rules_digest"),
        evidence_head=node.digest("evidence_head"),
        config_digest=node.digest("config_digest"),
    )


def _window(node: Node) -> Window:
    return Window(node.moment("from"), node.moment("to"))


def _held(node: Node) -> TableCoverage:
    asked, people = node.maybe("asked"), node.maybe("people")
    return TableCoverage(
        rows=node.count("rows"),
        first=node.moment_or_none("first"),
        last=node.moment_or_none("last"),
        asked=Asked(asked.count("spans"), asked.count("whole")) if asked else None,
        people=People(people.count("stated"), people.count("received")) if people else None,
    )


def _coverage(node: Node) -> Coverage:
    return Coverage(
        complete=node.flag("complete"),
        tables={name: _held(held) for name, held in node.at("tables").items()},
        gaps=tuple(
            Gap(
                table=gap.text("table"),
                site_url=gap.text("site_url"),
                window=gap.build(_window),
                reason=gap.word("reason", GapReason),
                detail=gap.text("detail"),
            )
            for gap in node.at("gaps").each()
        ),
    )


def _ledger(node: Node) -> Ledger:
    history = node.maybe("history")
    return Ledger(
        candidates=node.count("candidates"),
        suppressed={name: node.at("suppressed").count(name) for name, _ in node.at("suppressed").items()},
        emitted=node.count("emitted"),
        truncated=node.count("truncated"),
        history=None if history is None else (history.day("from"), history.day("to")),
    )


def _rule(node: Node) -> RuleResult:
    ledger = node.maybe("ledger")
    return RuleResult(
        id=node.text("id"),
        name=node.text("name"),
        title=node.text("title"),
        severity=node.word("severity", Severity),
        verdict=node.word("verdict", Verdict),
        reason=node.text_or_none("reason"),
        population=node.count("population"),
        not_evaluable=node.count("not_evaluable"),
        findings=node.count("findings"),
        waived=node.count("waived"),
        truncated=node.count("truncated"),
        controls={name: tuple(c.as_text() for c in ids.each()) for name, ids in node.at("controls").items()},
        status=node.word("status", Status),
        confidence=node.word("confidence", Confidence),
        version=node.count("version"),
        digest=node.digest("digest"),
        path=node.text("path"),
        line=node.count("line"),
        description=node.text("description"),
        rationale=node.text("rationale"),
        remediation=node.text("remediation"),
        false_positives=node.texts("false_positives"),
        references=node.texts("references"),
        tags=node.texts("tags"),
        parameters=tuple(_parameter(parameter) for parameter in node.at("parameters").each()),
        evidence=tuple(
            EvidenceColumn(name=c.text("column"), type=c.text("type"), redact=c.text_or_none("redact"))
            for c in node.at("evidence").each()
        ),
        tables=node.texts("tables"),
        crashed=node.flag("crashed"),
        detector=node.text_or_none("detector"),
        ledger=None if ledger is None else ledger.build(_ledger),
        declared_severity=node.word_or_none("declared_severity", Severity),
        subject_template=node.text("subject_template"),
        message_template=node.text("message_template"),
    )


def _parameter(node: Node) -> Parameter:
    return Parameter(
        name=node.text("name"),
        type=node.text("type"),
        value=node.at("value").plain(),
        default=node.at("default").plain(),
        source=node.text("source"),
        description=node.text("description"),
    )


def _control(node: Node) -> ControlResult:
    return ControlResult(
        id=node.text("id"),
        title=node.text("title"),
        verdict=node.word("verdict", Verdict),
        rules=node.texts("rules"),
        findings=node.count("findings"),
        waived=node.count("waived"),
        note=node.text_or_none("note"),
    )


def _record(node: Node) -> Record:
    return Record(page=node.digest("page"), item=node.count("item"))


def _finding(node: Node) -> Finding:
    return Finding(
        fingerprint=node.text("fingerprint"),
        rule_id=node.text("rule_id"),
        severity=node.word("severity", Severity),
        confidence=node.word("confidence", Confidence),
        subject=node.text("subject"),
        message=node.text("message"),
        observed_at=node.moment("observed_at"),
        occurrences=node.count("occurrences"),
        state=node.word_or_none("state", State),
        waiver=node.text_or_none("waiver"),
        evidence=node.values("evidence"),
        records=tuple(_record(record) for record in node.at("records").each()),
    )


def _resolved(node: Node) -> Resolved:
    return Resolved(
        fingerprint=node.text("fingerprint"),
        rule_id=node.text("rule_id"),
        severity=node.word("severity", Severity),
        subject=node.text("subject"),
        message=node.text("message"),
        observed_at=node.moment("observed_at"),
        resolved_in=node.text("resolved_in"),
    )


def _not_compared(node: Node) -> NotCompared:
    return NotCompared(
        fingerprint=node.text("fingerprint"),
        rule_id=node.text("rule_id"),
        severity=node.word("severity", Severity),
        subject=node.text("subject"),
        message=node.text("message"),
        observed_at=node.moment("observed_at"),
        why=node.text("why"),
    )


def _waiver(node: Node) -> WaiverState:
    waiver = Waiver(
        id=node.text("id"),
        rule=node.text_or_none("rule"),
        match={name: tuple(v.plain() for v in values.each()) for name, values in node.at("match").items()},
        fingerprint=node.text_or_none("fingerprint"),
        reason=node.text("reason"),
        owner=node.text("owner"),
        expires=node.day("expires"),
        approved_by=node.text_or_none("approved_by"),
        ticket=node.text_or_none("ticket"),
        category=node.text_or_none("category"),
        created=node.day_or_none("created"),
    )
    return WaiverState(waiver=waiver, state=node.text("state"), findings=node.count("findings"))


def _summary(node: Node) -> Summary:
    by_severity = node.at("by_severity")
    return Summary(
        findings=node.count("findings"),
        open=node.count("open"),
        waived=node.count("waived"),
        by_severity={severity: by_severity.count(severity.value) for severity in Severity},
    )


def _cited(node: Node) -> CitedRecord:
    return CitedRecord(
        record=_record(node), request=node.text("request"), fetched_at=node.moment("fetched_at"), raw=node.text("raw")
    )


def _chain(node: Node) -> Chain:
    return Chain(
        head=node.digest("head"),
        entries=node.count("entries"),
        pages=node.count("pages"),
        bytes=node.count("bytes"),
        first_fetched_at=node.moment_or_none("first_fetched_at"),
        last_fetched_at=node.moment_or_none("last_fetched_at"),
    )


def _report(node: Node) -> ReportSettings:
    return ReportSettings(
        title=node.text("title"),
        organisation=node.text_or_none("organisation"),
        prepared_for=node.text_or_none("prepared_for"),
        classification=node.text_or_none("classification"),
        logo=node.text_or_none("logo"),
        max_findings_per_rule=node.count("max_findings_per_rule"),
        timezone=node.text("timezone"),
        accent=node.text_or_none("accent"),
    )
