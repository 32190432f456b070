"""Waivers in force, expiring, expired and unused."""

from __future__ import annotations

from auditor.frozen import dataclass
from auditor.model.audit import Audit
from auditor.model.waiver import Waiver, WaiverState
from auditor.reports.text import EVIDENCE_CAP, visible
from auditor.reports.view.parts import Cell, Column, Table
from auditor.reports.view.wording import Wording, number

STATES = ("active", "expiring", "expired", "unused", "unknown-rule")


@dataclass(frozen=True, slots=True)
class Waivers:
    """Every waiver the audit knew."""

    lead: str
    table: Table


def waivers(audit: Audit, wording: Wording) -> Waivers:
    """The waivers of the audit, those in force first."""
    ordered = sorted(audit.waivers, key=lambda state: (_rank(state), state.waiver.id))
    return Waivers(
        lead=wording.say("waivers.lead", n=len(ordered)) if ordered else "",
        table=Table(
            caption=wording.say("titles.waivers"),
            columns=(
                Column(wording.say("waivers.waiver"), 15),
                Column(wording.say("waivers.rule"), 10),
                Column(wording.say("waivers.match"), 19),
                Column(wording.say("waivers.reason"), 15),
                Column(wording.say("waivers.owner"), 18),
                Column(wording.say("waivers.expires"), 13),
                Column(wording.say("waivers.findings"), 10, number=True),
            ),
            rows=tuple(_row(state, wording) for state in ordered),
            empty=wording.say("waivers.none"),
        ),
    )


def _rank(state: WaiverState) -> int:
    return STATES.index(state.state) if state.state in STATES else len(STATES)


def _row(state: WaiverState, wording: Wording) -> tuple[Cell, ...]:
    waiver = state.waiver
    known = wording.words.knows(f"waiver_state.{state.state}")
    approver = waiver.approved_by
    return (
        Cell(
            visible(waiver.id),
            "mono",
            note=wording.say(f"waiver_state.{state.state}") if known else visible(state.state),
        ),
        Cell(visible(waiver.rule or wording.say("waivers.any_rule")), "mono"),
        Cell(_match(waiver, wording)),
        Cell(visible(waiver.reason, cap=EVIDENCE_CAP), note=visible(waiver.ticket or "")),
        Cell(
            visible(waiver.owner),
            note=wording.say("waivers.approved", name=visible(approver)) if approver else "",
        ),
        Cell(waiver.expires.isoformat()),
        Cell(number(state.findings), "number"),
    )


def _match(waiver: Waiver, wording: Wording) -> str:
    if waiver.fingerprint:
        return wording.say("waivers.fingerprint", value=visible(waiver.fingerprint[:12]))
    return "; ".join(
        f"{visible(name)} = {', '.join(wording.value(value, 'text') for value in values)}"
        for name, values in waiver.match.items()
    )
