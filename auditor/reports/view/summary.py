"""The executive summary: four figures, severities, the gravest rules, what changed, what was not tested."""

from __future__ import annotations

from auditor.frozen import dataclass
from auditor.model.audit import Audit, RuleResult
from auditor.model.vocabulary import Severity, Verdict
from auditor.reports.text import visible
from auditor.reports.view.changes import change_counts
from auditor.reports.view.charts import Bars, severity_bars
from auditor.reports.view.cover import verdict_counts
from auditor.reports.view.findings import rule_anchor
from auditor.reports.view.parts import Cell, Column, Mark, Table
from auditor.reports.view.wording import Wording, number, share, verdict_word

GRAVEST = 5
NAMED = 12


@dataclass(frozen=True, slots=True)
class Figure:
    """One large number, what it counts, and of what."""

    value: str
    label: str
    note: str


@dataclass(frozen=True, slots=True)
class Grave:
    """A failed rule in one line."""

    id: str
    anchor: str
    title: str
    severity: Mark
    count: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The executive summary."""

    figures: tuple[Figure, ...]
    bars: Bars
    severities: Table
    gravest: tuple[Grave, ...]
    changed: str
    untested: tuple[str, ...]


def summary(audit: Audit, wording: Wording) -> Summary:
    """The executive summary of the audit."""
    return Summary(
        figures=_figures(audit, wording),
        bars=severity_bars(audit.summary.by_severity, wording),
        severities=_severities(audit, wording),
        gravest=tuple(_grave(rule, wording) for rule in gravest(audit)[:GRAVEST]),
        changed=_changed(audit, wording),
        untested=_untested(audit, wording),
    )


def gravest(audit: Audit) -> list[RuleResult]:
    """The failed rules, gravest first, those with the most open findings before others of their severity."""
    failed = [rule for rule in audit.rules if rule.verdict is Verdict.FAIL]
    return sorted(failed, key=lambda rule: (rule.severity.rank, rule.waived - rule.findings, rule.id))


def _figures(audit: Audit, wording: Wording) -> tuple[Figure, ...]:
    meetings = audit.coverage.tables.get("meetings")
    held = number(meetings.rows) if meetings else wording.none
    counts = verdict_counts(audit)
    judged = counts[Verdict.PASS] + counts[Verdict.FAIL]
    used = sum(state.findings > 0 for state in audit.waivers)
    return (
        Figure(
            held if judged else number(0),
            wording.say("summary.meetings"),
            wording.say("summary.meetings_note", n=held),
        ),
        Figure(
            number(audit.summary.open),
            wording.say("summary.open"),
            wording.say("summary.open_note", n=audit.summary.findings),
        ),
        Figure(
            number(counts[Verdict.PASS]),
            wording.say("summary.passed"),
            wording.say(
                "summary.passed_note",
                n=len(audit.rules),
                failed=counts[Verdict.FAIL],
                unknown=counts[Verdict.NOT_EVALUATED],
            ),
        ),
        Figure(
            number(audit.summary.waived),
            wording.say("summary.waived"),
            wording.say("summary.waived_note", n=used),
        ),
    )


def _severities(audit: Audit, wording: Wording) -> Table:
    counts, total = audit.summary.by_severity, audit.summary.open
    return Table(
        caption=wording.say("summary.severity"),
        columns=(
            Column(wording.say("summary.severity_column"), 50),
            Column(wording.say("summary.open_column"), 30, number=True),
            Column(wording.say("summary.share_column"), 20, number=True),
        ),
        rows=tuple(
            (
                wording.severity_cell(severity),
                Cell(number(counts.get(severity, 0)), "number"),
                Cell(share(counts.get(severity, 0), total), "number"),
            )
            for severity in Severity
        ),
        total=(
            Cell(wording.say("summary.total")),
            Cell(number(total), "number"),
            Cell(share(total, total), "number"),
        ),
    )


def _grave(rule: RuleResult, wording: Wording) -> Grave:
    return Grave(
        id=visible(rule.id),
        anchor=rule_anchor(rule),
        title=wording.say(
            "summary.fail_waived" if verdict_word(rule) == "waived" else "summary.fail", title=visible(rule.title)
        ),
        severity=wording.severity(rule.severity),
        count=wording.say("summary.gravest_count", n=rule.findings - rule.waived),
    )


def _changed(audit: Audit, wording: Wording) -> str:
    if audit.previous is None:
        return wording.say("changes.none")
    counts = change_counts(audit)
    return wording.say(
        "changes.sentence",
        id=visible(audit.previous),
        new=counts["new"],
        reopened=counts["reopened"],
        unchanged=counts["unchanged"],
        resolved=counts["resolved"],
        unknown=counts["not_compared"],
    )


def _untested(audit: Audit, wording: Wording) -> tuple[str, ...]:
    unknown = [rule.id for rule in audit.rules if rule.verdict is Verdict.NOT_EVALUATED]
    tables = sorted({gap.table for gap in audit.coverage.gaps})
    sentences = []
    if unknown:
        sentences.append(
            wording.say("summary.untested_rules", n=len(unknown), names=named(unknown, wording, most=NAMED))
        )
    if tables:
        sentences.append(
            wording.say(
                "summary.untested_gaps",
                n=len(audit.coverage.gaps),
                tables=named(tables, wording, most=NAMED),
            )
        )
    if audit.rules_not_run:
        sentences.append(wording.say("summary.untested_not_run", n=len(audit.rules_not_run)))
    return tuple(sentences) or (wording.say("summary.untested_none"),)


def named(names: list[str], wording: Wording, *, most: int) -> str:
    """The names with commas between them; after the first few, how many more there are."""
    shown = [visible(name) for name in names[:most]]
    if len(names) > most:
        shown.append(wording.say("more", n=len(names) - most))
    return ", ".join(shown)
