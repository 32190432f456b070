"""The whole report as one value: every section, worded and counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from auditor.frozen import dataclass
from auditor.model.audit import Audit
from auditor.reports.text import visible
from auditor.reports.view.anomalies import Anomalies, anomalies
from auditor.reports.view.appendix import Attached, Integrity, Rules, glossary, integrity, rules_appendix, sign_off
from auditor.reports.view.changes import Changes, changes
from auditor.reports.view.cover import Cover, cover
from auditor.reports.view.coverage import Coverage, coverage
from auditor.reports.view.findings import Findings, Limits, findings
from auditor.reports.view.matrix import Matrix, matrix
from auditor.reports.view.not_evaluated import NotEvaluated, not_evaluated
from auditor.reports.view.parts import Heading, Table
from auditor.reports.view.scope import Scope, scope
from auditor.reports.view.summary import Summary, summary
from auditor.reports.view.waivers import Waivers, waivers
from auditor.reports.view.wording import Wording

NUMBERED = (
    "summary",
    "scope",
    "coverage",
    "matrix",
    "waivers",
    "findings",
    "not_evaluated",
    "changes",
    "anomalies",
    "signoff",
)
LETTERED = ("rules", "integrity", "glossary")


@dataclass(frozen=True, slots=True)
class Report:
    """What a template sees. `say` holds the catalogue's entries for headings and labels."""

    lang: str
    title: str
    description: str
    author: str
    audit_id: str
    head: str
    classification: str
    foot: str
    created: str
    contents: Mapping[str, Heading]
    say: Mapping[str, Any]
    cover: Cover
    summary: Summary
    scope: Scope
    coverage: Coverage
    matrix: Matrix
    waivers: Waivers
    findings: Findings
    not_evaluated: NotEvaluated
    changes: Changes
    anomalies: Anomalies
    signoff: Table
    rules: Rules
    integrity: Integrity
    glossary: Table


def report(
    audit: Audit,
    wording: Wording,
    *,
    limits: Limits,
    attached: Sequence[Attached] = (),
    made_with: str = "",
    placed: Collection[str] = (),
) -> Report:
    """The view within the limits of one format; `placed` are anchors of findings that the format lays out itself."""
    front = cover(audit, wording)
    found = findings(audit, wording, limits=limits)
    shown = {view.anchor for rule in found.rules for view in (*rule.cards, *rule.rows)}
    return Report(
        lang=wording.say("lang"),
        title=front.title,
        description=f"{front.result}. {wording.span(audit.identity.window)}",
        author=front.organisation,
        audit_id=visible(audit.identity.id),
        head=audit.identity.evidence_head[:8],
        classification=front.classification,
        foot=" · ".join(
            text
            for text in (front.classification, visible(audit.identity.id), audit.identity.evidence_head[:8])
            if text
        ),
        created=audit.identity.evaluated_at.isoformat(timespec="seconds"),
        contents=contents(wording),
        say=wording.words.entries,
        cover=front,
        summary=summary(audit, wording),
        scope=scope(audit, wording),
        coverage=coverage(audit, wording),
        matrix=matrix(audit, wording),
        waivers=waivers(audit, wording),
        findings=found,
        not_evaluated=not_evaluated(audit, wording),
        changes=changes(audit, wording),
        anomalies=anomalies(audit, wording, placed=shown.union(placed)),
        signoff=sign_off(wording),
        rules=rules_appendix(audit, wording, made_with=made_with),
        integrity=integrity(audit, wording, attached=attached),
        glossary=glossary(wording),
    )


def contents(wording: Wording) -> dict[str, Heading]:
    """The sections in their order: ten numbers, then three letters."""
    marks = [*((name, str(index)) for index, name in enumerate(NUMBERED, 1)), *zip(LETTERED, "ABC", strict=True)]
    return {name: Heading(name.replace("_", "-"), mark, wording.say(f"titles.{name}")) for name, mark in marks}
