"""The appendices: rules with their parameters, the integrity manifest, the glossary."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from auditor.frozen import dataclass
from auditor.model.audit import Audit, Parameter, RuleResult
from auditor.reports.text import visible
from auditor.reports.view.findings import isolated
from auditor.reports.view.parts import Cell, Column, Fact, Table
from auditor.reports.view.wording import Wording, number, verdict_word

MOST_PAGES = 40


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that travels inside the report."""

    name: str
    data: bytes
    description: str
    relationship: str

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file, 64 hex digits."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Rules:
    """Every rule that ran, and every parameter in force."""

    lead: str
    rules: Table
    parameters: Table
    made_with: str


@dataclass(frozen=True, slots=True)
class Integrity:
    """The chain's head, how to verify it, what is attached and which pages are cited."""

    lead: str
    facts: tuple[Fact, ...]
    command: str
    attachments: Table
    cited: Table
    cited_lead: str


def rules_appendix(audit: Audit, wording: Wording, *, made_with: str) -> Rules:
    """Appendix A; `made_with` names the libraries that laid the report out, where that decides its bytes."""
    return Rules(
        lead=wording.say("rules.lead"),
        rules=Table(
            caption=wording.say("titles.rules"),
            columns=(
                Column(wording.say("rules.rule"), 30),
                Column(wording.say("rules.severity"), 14),
                Column(wording.say("rules.status"), 10),
                Column(wording.say("rules.digest"), 15),
                Column(wording.say("rules.population"), 11, number=True),
                Column(wording.say("rules.findings"), 10, number=True),
                Column(wording.say("rules.verdict"), 10),
            ),
            rows=tuple(_rule(rule, wording) for rule in audit.rules),
        ),
        parameters=Table(
            caption=wording.say("rules.parameters"),
            columns=(
                Column(wording.say("rules.rule"), 12),
                Column(wording.say("rules.parameters_of"), 88),
            ),
            rows=tuple(
                (
                    Cell(visible(rule.id), "mono"),
                    Cell("; ".join(_parameter(parameter, wording) for parameter in rule.parameters)),
                )
                for rule in audit.rules
                if rule.parameters
            ),
            empty=wording.say("rules.no_parameters"),
        ),
        made_with=made_with,
    )


def _rule(rule: RuleResult, wording: Wording) -> tuple[Cell, ...]:
    declared = rule.declared_severity
    mark = wording.severity(rule.severity)
    note = (
        wording.say("rules.overridden", severity=mark.text, declared=wording.say(f"severity.{declared.value}"))
        if declared is not None and declared is not rule.severity
        else ""
    )
    return (
        Cell(visible(rule.id), "mono", note=visible(rule.title)),
        Cell(mark.text, "severity", mark.word, note=note),
        Cell(wording.say(f"status.{rule.status.value}")),
        Cell(f"{rule.version}, {rule.digest[:12]}", "mono"),
        Cell(number(rule.population), "number"),
        Cell(number(rule.findings), "number"),
        wording.verdict_cell(verdict_word(rule)),
    )


def _parameter(parameter: Parameter, wording: Wording) -> str:
    """Name and value in force; where it is not the default, what that is and what set the other."""
    value = isolated(wording.value(parameter.value, parameter.type))
    if parameter.value == parameter.default:
        return wording.say("rules.parameter", name=visible(parameter.name), value=value)
    return wording.say(
        "rules.parameter_set",
        name=visible(parameter.name),
        value=value,
        default=isolated(wording.value(parameter.default, parameter.type)),
        source=visible(parameter.source),
    )


def integrity(audit: Audit, wording: Wording, *, attached: Sequence[Attached]) -> Integrity:
    """Appendix B."""
    chain = audit.chain
    pages = Counter(record.page for finding in audit.findings for record in finding.records)
    shown = sorted(pages.items())[:MOST_PAGES]
    return Integrity(
        lead=wording.say("integrity.lead"),
        facts=(
            Fact(wording.say("integrity.head"), chain.head, "mono"),
            Fact(wording.say("integrity.entries"), number(chain.entries), "number"),
            Fact(wording.say("integrity.pages"), number(chain.pages), "number"),
            Fact(wording.say("integrity.bytes"), number(chain.bytes), "number"),
            Fact(wording.say("integrity.first"), wording.moment(chain.first_fetched_at)),
            Fact(wording.say("integrity.last"), wording.moment(chain.last_fetched_at)),
        ),
        command=wording.say("integrity.command"),
        attachments=Table(
            caption=wording.say("integrity.attachments"),
            columns=(
                Column(wording.say("integrity.file"), 22),
                Column(wording.say("integrity.size"), 16, number=True),
                Column(wording.say("integrity.sha"), 62),
            ),
            rows=tuple(
                (
                    Cell(file.name, note=file.description),
                    Cell(number(len(file.data)), "number"),
                    Cell(file.sha256, "mono"),
                )
                for file in attached
            ),
            empty=wording.say("integrity.no_attachments"),
        ),
        cited=Table(
            caption=wording.say("integrity.cited"),
            columns=(
                Column(wording.say("integrity.page"), 78),
                Column(wording.say("integrity.records"), 22, number=True),
            ),
            rows=tuple((Cell(page, "mono"), Cell(number(count), "number")) for page, count in shown),
            empty=wording.say("integrity.cited_none"),
        ),
        cited_lead=wording.say("integrity.cited_cap", shown=MOST_PAGES, n=len(pages))
        if len(pages) > MOST_PAGES
        else wording.say("integrity.cited_lead"),
    )


def glossary(wording: Wording) -> Table:
    """Appendix C."""
    return Table(
        caption=wording.say("titles.glossary"),
        columns=(Column(wording.say("glossary.term"), 22), Column(wording.say("glossary.meaning"), 78)),
        rows=tuple((Cell(word), Cell(meaning)) for word, meaning in wording.words.pairs("glossary.words")),
    )


def sign_off(wording: Wording) -> Table:
    """The lines on which people sign."""
    empty = Cell("", "line")
    return Table(
        caption=wording.say("titles.signoff"),
        columns=(
            Column(wording.say("signoff.role"), 22),
            Column(wording.say("signoff.name"), 28),
            Column(wording.say("signoff.date"), 16),
            Column(wording.say("signoff.signature"), 34),
        ),
        rows=tuple(
            (Cell(wording.say(f"signoff.{role}")), empty, empty, empty)
            for role in ("prepared", "reviewed", "response", "auditor")
        ),
    )
