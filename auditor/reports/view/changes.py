"""What changed since the previous audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from auditor.frozen import dataclass
from auditor.model.audit import Audit, NotCompared, Resolved
from auditor.reports.text import visible
from auditor.reports.view.parts import Cell, Column, Table
from auditor.reports.view.wording import Wording, number

STATES = ("new", "reopened", "unchanged", "resolved", "not_compared")


@dataclass(frozen=True, slots=True)
class Changes:
    """The comparison; without a previous audit `lead` says so and there is no table."""

    lead: str
    counts: Table | None
    resolved: Table | None
    not_compared: Table | None
    rules: tuple[str, ...]


def change_counts(audit: Audit) -> Counter[str]:
    """Findings of this audit by state; `resolved` counts those that went away in this audit, not before."""
    states = Counter([finding.state for finding in audit.findings])
    counts = Counter({state.value: count for state, count in states.items() if state})
    counts["resolved"] = len(newly_resolved(audit))
    counts["not_compared"] = len(audit.not_compared)
    return counts


def newly_resolved(audit: Audit) -> list[Resolved]:
    """The findings this audit found resolved, without those that earlier audits carry forward."""
    return [gone for gone in audit.resolved if gone.resolved_in == audit.identity.id]


def changes(audit: Audit, wording: Wording) -> Changes:
    """The comparison with the previous audit."""
    if audit.previous is None:
        return Changes(wording.say("changes.none"), None, None, None, ())
    counts = change_counts(audit)
    gone = newly_resolved(audit)
    return Changes(
        lead=wording.say("changes.lead", id=visible(audit.previous)),
        counts=Table(
            caption=wording.say("titles.changes"),
            columns=(
                Column(wording.say("changes.state"), 70),
                Column(wording.say("changes.count"), 30, number=True),
            ),
            rows=tuple(
                (Cell(wording.say(f"changes.{state}")), Cell(number(counts[state]), "number")) for state in STATES
            ),
        ),
        resolved=_earlier(
            gone,
            [wording.moment(one.observed_at) for one in gone],
            wording,
            title="resolved_title",
            last="observed",
            empty="resolved_none",
        ),
        not_compared=_earlier(
            audit.not_compared,
            [visible(unknown.why) for unknown in audit.not_compared],
            wording,
            title="not_compared_title",
            last="why",
            empty="not_compared_none",
        ),
        rules=_rules(audit, wording),
    )


def _earlier(
    findings: Sequence[Resolved | NotCompared],
    last_cells: Sequence[str],
    wording: Wording,
    *,
    title: str,
    last: str,
    empty: str,
) -> Table:
    return Table(
        caption=wording.say(f"changes.{title}"),
        columns=(
            Column(wording.say("changes.rule"), 12),
            Column(wording.say("findings.severity"), 12),
            Column(wording.say("changes.finding"), 50),
            Column(wording.say(f"changes.{last}"), 26),
        ),
        rows=tuple(
            (
                Cell(visible(finding.rule_id), "mono"),
                wording.severity_cell(finding.severity),
                Cell(visible(finding.message), note=visible(finding.subject)),
                Cell(cell),
            )
            for finding, cell in zip(findings, last_cells, strict=True)
        ),
        empty=wording.say(f"changes.{empty}"),
    )


def _rules(audit: Audit, wording: Wording) -> tuple[str, ...]:
    if audit.rule_changes is None:
        return (wording.say("changes.rules_unknown"),)
    sentences = tuple(
        wording.say(f"changes.{key}", names=", ".join(visible(name) for name in names))
        for key, names in (
            ("added", audit.rule_changes.added),
            ("removed", audit.rule_changes.removed),
            ("altered", audit.rule_changes.changed),
        )
        if names
    )
    return sentences or (wording.say("changes.rules_same"),)
