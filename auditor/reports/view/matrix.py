"""The control matrix: for each framework a table of the controls that were judged, and a list of the others."""

from __future__ import annotations

from auditor.frozen import dataclass
from auditor.model.audit import Audit, ControlResult, FrameworkResult, RuleResult
from auditor.model.vocabulary import Verdict
from auditor.reports.text import EVIDENCE_CAP, visible
from auditor.reports.view.parts import Cell, Column, Table
from auditor.reports.view.wording import Wording, number

UNCONFIRMED = "mapping-unconfirmed"


@dataclass(frozen=True, slots=True)
class Control:
    """A control by its id and its requirement in our words."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Controls that no rule judged, all for one reason."""

    lead: str
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True)
class Framework:
    """The controls of one framework: those with a verdict in a table, the others listed by reason."""

    table: Table
    unjudged: tuple[Unjudged, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """All frameworks; `proposed` is said when a mapping has not been confirmed."""

    lead: str
    proposed: str
    frameworks: tuple[Framework, ...]


def matrix(audit: Audit, wording: Wording) -> Matrix:
    """The control matrix of the audit."""
    rules = {rule.id: rule for rule in audit.rules}
    unconfirmed = any(UNCONFIRMED in rule.tags for rule in audit.rules)
    return Matrix(
        lead=wording.say("matrix.lead") if audit.frameworks else wording.say("matrix.none"),
        proposed=wording.say("matrix.proposed") if unconfirmed and audit.frameworks else "",
        frameworks=tuple(_framework(framework, rules, wording) for framework in audit.frameworks),
    )


def _framework(framework: FrameworkResult, rules: dict[str, RuleResult], wording: Wording) -> Framework:
    bare = [control for control in framework.controls if _is_bare(control)]
    notes = dict.fromkeys(control.note or "" for control in bare)
    return Framework(
        table=Table(
            caption=visible(framework.title),
            columns=(
                Column(wording.say("matrix.control"), 13),
                Column(wording.say("matrix.requirement"), 26),
                Column(wording.say("matrix.rules"), 18),
                Column(wording.say("matrix.population"), 11, number=True),
                Column(wording.say("matrix.findings"), 10, number=True),
                Column(wording.say("matrix.waived"), 9, number=True),
                Column(wording.say("matrix.verdict"), 13),
            ),
            rows=tuple(_control(control, rules, wording) for control in framework.controls if not _is_bare(control)),
            empty=wording.say("matrix.none_judged"),
        ),
        unjudged=tuple(
            _unjudged([each for each in bare if (each.note or "") == note], note, wording) for note in notes
        ),
    )


def _is_bare(control: ControlResult) -> bool:
    """Whether no rule and nobody judged the control."""
    return not control.rules and control.verdict is not Verdict.ATTESTED


def _unjudged(controls: list[ControlResult], note: str, wording: Wording) -> Unjudged:
    return Unjudged(
        lead=wording.say("matrix.unjudged", n=len(controls), note=visible(note, cap=EVIDENCE_CAP)),
        controls=tuple(Control(visible(control.id), visible(control.title, cap=EVIDENCE_CAP)) for control in controls),
    )


def _control(control: ControlResult, rules: dict[str, RuleResult], wording: Wording) -> tuple[Cell, ...]:
    population = sum(rules[name].population for name in control.rules if name in rules)
    bare = not control.rules
    return (
        Cell(visible(control.id), "mono"),
        Cell(visible(control.title, cap=EVIDENCE_CAP), note=visible(control.note or "", cap=EVIDENCE_CAP)),
        Cell(wording.none if bare else ", ".join(visible(rule) for rule in control.rules)),
        Cell(wording.none if bare else number(population), "number"),
        Cell(wording.none if bare else number(control.findings), "number"),
        Cell(wording.none if bare else number(control.waived), "number"),
        wording.verdict_cell(_word(control)),
    )


def _word(control: ControlResult) -> str:
    if control.verdict is Verdict.FAIL and control.findings == control.waived:
        return "waived"
    return control.verdict.value
