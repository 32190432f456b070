"""The control matrix: one table a framework."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.model.audit import Audit, ControlResult, FrameworkResult, RuleResult
from auditor.model.vocabulary import Verdict
from auditor.reports.text import EVIDENCE_CAP, visible
from auditor.reports.view.parts import Cell, Column, Table
from auditor.reports.view.wording import Wording, number

UNCONFIRMED = "mapping-unconfirmed"


@dataclass(frozen=True, slots=True)
class Matrix:
    """All frameworks; `proposed` is said when a mapping has not been confirmed."""

    lead: str
    proposed: str
    frameworks: tuple[Table, ...]


def matrix(audit: Audit, wording: Wording) -> Matrix:
    """The control matrix of the audit."""
    rules = {rule.id: rule for rule in audit.rules}
    unconfirmed = any(UNCONFIRMED in rule.tags for rule in audit.rules)
    return Matrix(
        lead=wording.say("matrix.lead") if audit.frameworks else wording.say("matrix.none"),
        proposed=wording.say("matrix.proposed") if unconfirmed and audit.frameworks else "",
        frameworks=tuple(_framework(framework, rules, wording) for framework in audit.frameworks),
    )


def _framework(framework: FrameworkResult, rules: dict[str, RuleResult], wording: Wording) -> Table:
    return Table(
        caption=visible(framework.title),
        columns=(
            Column(wording.say("matrix.control"), 12),
            Column(wording.say("matrix.requirement"), 31),
            Column(wording.say("matrix.rules"), 13),
            Column(wording.say("matrix.population"), 11, number=True),
            Column(wording.say("matrix.findings"), 9, number=True),
            Column(wording.say("matrix.waived"), 8, number=True),
            Column(wording.say("matrix.verdict"), 16),
        ),
        rows=tuple(_control(control, rules, wording) for control in framework.controls),
    )


def _control(control: ControlResult, rules: dict[str, RuleResult], wording: Wording) -> tuple[Cell, ...]:
    population = sum(rules[name].population for name in control.rules if name in rules)
    attested = control.verdict is Verdict.ATTESTED
    bare = not control.rules
    return (
        Cell(visible(control.id), "mono"),
        Cell(visible(control.title, cap=EVIDENCE_CAP), note=visible(control.note or "", cap=EVIDENCE_CAP)),
        Cell(wording.none if bare else ", ".join(visible(rule) for rule in control.rules)),
        Cell(wording.none if bare else number(population), "number"),
        Cell(wording.none if bare else number(control.findings), "number"),
        Cell(wording.none if bare else number(control.waived), "number"),
        wording.verdict_cell(_word(control, bare=bare and not attested)),
    )


def _word(control: ControlResult, *, bare: bool) -> str:
    if bare:
        return "no_rule"
    if control.verdict is Verdict.FAIL and control.findings == control.waived:
        return "waived"
    return control.verdict.value
