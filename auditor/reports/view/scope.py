"""Scope, period, population and method: what was tested, how, and what was not."""

from __future__ import annotations

from auditor.frozen import dataclass
from auditor.model.audit import Audit
from auditor.reports.text import visible
from auditor.reports.view.parts import Cell, Column, Fact, Table
from auditor.reports.view.summary import NAMED, named
from auditor.reports.view.wording import Wording, number


@dataclass(frozen=True, slots=True)
class Scope:
    """What was tested and how."""

    facts: tuple[Fact, ...]
    population: Table
    method: tuple[str, ...]
    out: tuple[str, ...]
    notes: tuple[str, ...]


def scope(audit: Audit, wording: Wording) -> Scope:
    """The scope of the audit."""
    who = audit.identity
    return Scope(
        facts=(
            Fact(wording.say("scope.sites"), ", ".join(visible(site) for site in who.sites) or wording.none),
            Fact(wording.say("scope.period"), wording.span(who.window)),
            Fact(wording.say("scope.zone"), wording.zone_name),
            Fact(wording.say("scope.rules"), number(len(audit.rules))),
        ),
        population=_population(audit, wording),
        method=_method(audit, wording),
        out=_out(audit, wording),
        notes=tuple(visible(note, cap=1000) for note in audit.notes),
    )


def _population(audit: Audit, wording: Wording) -> Table:
    return Table(
        caption=wording.say("scope.population"),
        columns=(
            Column(wording.say("scope.table"), 21),
            Column(wording.say("scope.rows"), 15, number=True),
            Column(wording.say("scope.first"), 25),
            Column(wording.say("scope.last"), 25),
            Column(wording.say("scope.read_by"), 14, number=True),
        ),
        rows=tuple(
            (
                Cell(visible(name), "mono"),
                Cell(number(held.rows), "number"),
                Cell(wording.moment(held.first), "time"),
                Cell(wording.moment(held.last), "time"),
                Cell(number(sum(name in rule.tables for rule in audit.rules)), "number"),
            )
            for name, held in sorted(audit.coverage.tables.items())
        ),
    )


def _method(audit: Audit, wording: Wording) -> tuple[str, ...]:
    detectors = sum(rule.detector is not None for rule in audit.rules)
    return (
        wording.say("scope.full"),
        wording.say("scope.judged"),
        wording.say("scope.offline"),
        wording.say("scope.detectors", n=detectors) if detectors else wording.say("scope.no_detectors"),
        wording.say("scope.limits"),
    )


def _out(audit: Audit, wording: Wording) -> tuple[str, ...]:
    held = audit.coverage.tables
    read = {table for rule in audit.rules for table in rule.tables}
    empty = sorted(name for name in read | (held.keys() - {"collections"}) if name not in held or not held[name].rows)
    sentences = []
    if empty:
        sentences.append(wording.say("scope.out_tables", names=named(empty, wording, most=2 * NAMED)))
    if audit.rules_not_run:
        sentences.append(wording.say("scope.out_rules", n=len(audit.rules_not_run)))
    return tuple(sentences) or (wording.say("scope.out_none"),)
