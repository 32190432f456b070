"""Rules that could not be evaluated, why, and what would help; and rules that were not run."""

from __future__ import annotations

from auditor.frozen import dataclass
from auditor.model.audit import Audit, RuleResult
from auditor.model.vocabulary import Verdict
from auditor.reports.text import EVIDENCE_CAP, visible
from auditor.reports.view.parts import Cell, Column, Table
from auditor.reports.view.wording import Wording, number


@dataclass(frozen=True, slots=True)
class NotEvaluated:
    """Both lists; either may be empty and says so."""

    lead: str
    rules: Table
    not_run: Table


def not_evaluated(audit: Audit, wording: Wording) -> NotEvaluated:
    """The rules without a judgement."""
    unknown = [rule for rule in audit.rules if rule.verdict is Verdict.NOT_EVALUATED]
    return NotEvaluated(
        lead=wording.say("not_evaluated.lead", n=len(unknown)) if unknown else "",
        rules=Table(
            caption=wording.say("titles.not_evaluated"),
            columns=(
                Column(wording.say("not_evaluated.rule"), 36),
                Column(wording.say("not_evaluated.reason"), 32),
                Column(wording.say("not_evaluated.remedy"), 32),
            ),
            rows=tuple(
                (
                    Cell(visible(rule.id), "mono", note=visible(rule.title)),
                    Cell(visible(rule.reason or wording.none, cap=EVIDENCE_CAP)),
                    Cell(_remedy(rule, audit, wording)),
                )
                for rule in unknown
            ),
            empty=wording.say("not_evaluated.none"),
        ),
        not_run=Table(
            caption=wording.say("not_evaluated.not_run"),
            columns=(
                Column(wording.say("not_evaluated.why"), 32),
                Column(wording.say("not_evaluated.status"), 14),
                Column(wording.say("not_evaluated.count"), 10, number=True),
                Column(wording.say("not_evaluated.rules"), 44),
            ),
            rows=tuple(
                (
                    Cell(visible(why, cap=EVIDENCE_CAP)),
                    Cell(
                        wording.say(f"status.{status}") if wording.words.knows(f"status.{status}") else visible(status)
                    ),
                    Cell(number(len(names)), "number"),
                    Cell(", ".join(visible(name) for name in names)),
                )
                for (why, status), names in _not_run(audit).items()
            ),
            empty=wording.say("not_evaluated.not_run_none"),
        ),
    )


def _not_run(audit: Audit) -> dict[tuple[str, str], list[str]]:
    """The rules that were not run, by reason and status."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for rule in audit.rules_not_run:
        reasons.setdefault((rule.why, rule.status), []).append(rule.id)
    return reasons


def _remedy(rule: RuleResult, audit: Audit, wording: Wording) -> str:
    """What would make the rule evaluable, drawn from what it lacked."""
    reason = (rule.reason or "").lower()
    empty = [name for name in rule.tables if name not in audit.coverage.tables or not audit.coverage.tables[name].rows]
    if rule.crashed:
        return wording.say("not_evaluated.crashed")
    if "geoip" in reason or "geo_" in reason:
        return wording.say("not_evaluated.geo")
    if "list" in reason:
        return wording.say("not_evaluated.list")
    if empty:
        return wording.say("not_evaluated.tables", names=", ".join(visible(name) for name in empty))
    if rule.not_evaluable:
        return wording.say("not_evaluated.nulls")
    if "history" in reason:
        return wording.say("not_evaluated.history")
    return wording.say("not_evaluated.window")
