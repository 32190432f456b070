"""Anomalies: for each detector its sentences and the ledger that says how many candidates there were."""

from __future__ import annotations

from collections.abc import Collection

from auditor.frozen import dataclass
from auditor.model.audit import Audit, Ledger, RuleResult
from auditor.model.finding import Finding
from auditor.reports.text import EVIDENCE_CAP, visible
from auditor.reports.view.findings import anchor, rule_anchor
from auditor.reports.view.parts import Cell, Column, Mark, Table
from auditor.reports.view.wording import Wording

MOST_SENTENCES = 50


@dataclass(frozen=True, slots=True)
class DetectorView:
    """One detector rule."""

    title: str
    kind: str
    severity: Mark
    ledger: Table | None
    sentences: Table
    capped: str


@dataclass(frozen=True, slots=True)
class Anomalies:
    """All detectors that ran."""

    lead: str
    detectors: tuple[DetectorView, ...]


def anomalies(audit: Audit, wording: Wording, *, placed: Collection[str]) -> Anomalies:
    """The detectors' findings, explained; `placed` are the anchors of those that are laid out."""
    rules = [rule for rule in audit.rules if rule.detector is not None]
    if not rules:
        return Anomalies(wording.say("anomalies.no_detectors"), ())
    found: dict[str, list[Finding]] = {rule.id: [] for rule in rules}
    for finding in audit.findings:
        if finding.rule_id in found:
            found[finding.rule_id].append(finding)
    lead = "anomalies.lead" if any(found.values()) else "anomalies.none"
    return Anomalies(wording.say(lead), tuple(_detector(rule, found[rule.id], wording, placed) for rule in rules))


def _detector(rule: RuleResult, found: list[Finding], wording: Wording, placed: Collection[str]) -> DetectorView:
    ledger = rule.ledger
    return DetectorView(
        title=f"{visible(rule.id)} {visible(rule.title)}",
        kind=visible(rule.detector or ""),
        severity=wording.severity(rule.severity),
        ledger=None
        if ledger is None
        else Table(
            caption=wording.say("anomalies.ledger", rule=visible(rule.id)),
            columns=(
                Column(wording.say("anomalies.entry"), 60),
                Column(wording.say("anomalies.value"), 40, number=True),
            ),
            rows=tuple(
                (Cell(visible(entry), "mono"), Cell(wording.value(value, "text"), "number"))
                for entry, value in _entries(ledger)
            ),
        ),
        sentences=Table(
            caption=wording.say("anomalies.sentence"),
            columns=(
                Column(wording.say("anomalies.sentence"), 63),
                Column(wording.say("anomalies.score"), 12, number=True),
                Column(wording.say("anomalies.observed"), 25),
            ),
            rows=tuple(
                (
                    _sentence(finding, rule, placed),
                    Cell(wording.value(finding.evidence.get("score"), "number"), "number"),
                    Cell(wording.moment(finding.observed_at), "time"),
                )
                for finding in found[:MOST_SENTENCES]
            ),
            empty=wording.say("anomalies.none"),
        ),
        capped=wording.say("anomalies.shown", shown=MOST_SENTENCES, listed=len(found))
        if len(found) > MOST_SENTENCES
        else "",
    )


def _sentence(finding: Finding, rule: RuleResult, placed: Collection[str]) -> Cell:
    """The message, leading to the finding; to the head of its rule where the finding is not laid out."""
    message, mark = visible(finding.message, cap=EVIDENCE_CAP), anchor(finding.fingerprint)
    if mark in placed:
        return Cell(message, href=f"#{mark}")
    return Cell(message, href=f"#{rule_anchor(rule)}", finding=mark)


def _entries(ledger: Ledger) -> list[tuple[str, int | str | None]]:
    """The account line by line, in the words of the audit."""
    span = None if ledger.history is None else " to ".join(day.isoformat() for day in ledger.history)
    return [
        ("candidates", ledger.candidates),
        *((f"suppressed: {reason}", count) for reason, count in ledger.suppressed.items()),
        ("emitted", ledger.emitted),
        ("truncated", ledger.truncated),
        ("history", span),
    ]
