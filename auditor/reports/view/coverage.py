"""Data completeness: what is held per table, every gap, and the rows that could not be judged."""

from __future__ import annotations

from auditor.frozen import dataclass
from auditor.model.audit import Audit
from auditor.model.coverage import Asked, Gap, People, TableCoverage
from auditor.reports.text import EVIDENCE_CAP, visible
from auditor.reports.view.calendar import Periods, labels, periods, touched
from auditor.reports.view.charts import Grid, calendar
from auditor.reports.view.parts import Cell, Column, Table
from auditor.reports.view.summary import NAMED, named
from auditor.reports.view.wording import Wording, number, share, verdict_word

_NOTHING = TableCoverage(0, None, None)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the evidence covers; `calendar` draws each table over the window."""

    lead: str
    complete: bool
    calendar: Grid
    calendar_desc: str
    tables: Table
    tables_note: str
    gaps: Table
    nulls: Table


def coverage(audit: Audit, wording: Wording) -> Coverage:
    """The completeness of the audit's data."""
    spans = periods(audit.identity.window, wording)
    names = _names(audit)
    words = {name: _words(name, audit, spans) for name in names}
    gaps = len(audit.coverage.gaps)
    return Coverage(
        lead=wording.say("coverage.incomplete", n=gaps) if gaps else wording.say("coverage.complete"),
        complete=audit.coverage.complete,
        calendar=calendar([(visible(name, cap=20), words[name]) for name in names], labels(spans, wording)),
        calendar_desc=wording.say("coverage.calendar_desc", unit=_unit(spans, wording)),
        tables=_tables(audit, wording, words=words),
        tables_note=wording.say("coverage.tables_note"),
        gaps=_gaps(audit, wording),
        nulls=_nulls(audit, wording),
    )


def _unit(spans: Periods, wording: Wording) -> str:
    return wording.say(f"coverage.unit_{spans.unit}")


def _names(audit: Audit) -> list[str]:
    """The tables of data with rows or gaps; `collections` tells of collecting itself and covers no time."""
    return sorted((audit.coverage.tables.keys() - {"collections"}) | {gap.table for gap in audit.coverage.gaps})


def _words(name: str, audit: Audit, spans: Periods) -> list[str]:
    """For each period `gap` where data is absent, `open` where it is imported or not final, else `held`.

    Of a table without rows for which nothing was ever asked or brought, nothing is held whatever its gaps say.
    """
    held = audit.coverage.tables.get(name, _NOTHING)
    if not held.rows and held.asked is None:
        return ["gap"] * len(spans.starts)
    gaps = [gap for gap in audit.coverage.gaps if gap.table == name]
    absent = touched([gap for gap in gaps if gap.reason.is_failure], spans)
    unsettled = touched([gap for gap in gaps if not gap.reason.is_failure], spans)
    return ["gap" if a else "open" if u else "held" for a, u in zip(absent, unsettled, strict=True)]


def _tables(audit: Audit, wording: Wording, *, words: dict[str, list[str]]) -> Table:
    rows = []
    for name, cells in words.items():
        held = audit.coverage.tables.get(name, _NOTHING)
        gaps = sum(gap.table == name for gap in audit.coverage.gaps)
        rows.append(
            (
                Cell(visible(name), "mono"),
                Cell(number(held.rows), "number"),
                Cell(wording.moment(held.first), "time", note=wording.moment(held.last)),
                Cell(_asked(held.asked, wording), "number"),
                Cell(_people(held.people, wording), "number"),
                Cell(number(gaps), "number"),
                Cell(share(len(cells) - cells.count("gap"), len(cells)), "number"),
            )
        )
    return Table(
        caption=wording.say("coverage.tables"),
        columns=(
            Column(wording.say("coverage.table"), 19),
            Column(wording.say("coverage.rows"), 11, number=True),
            Column(wording.say("coverage.span_held"), 25),
            Column(wording.say("coverage.asked"), 13, number=True),
            Column(wording.say("coverage.people"), 15, number=True),
            Column(wording.say("coverage.gaps_column"), 6, number=True),
            Column(wording.say("coverage.spans_held"), 11, number=True),
        ),
        rows=tuple(rows),
    )


def _asked(asked: Asked | None, wording: Wording) -> str:
    if asked is None:
        return wording.none
    return wording.say("coverage.asked_of", part=number(asked.whole), whole=number(asked.spans))


def _people(people: People | None, wording: Wording) -> str:
    if people is None:
        return wording.none
    return wording.say("coverage.people_of", part=number(people.received), whole=number(people.stated))


def _gaps(audit: Audit, wording: Wording) -> Table:
    return Table(
        caption=wording.say("coverage.gaps"),
        columns=(
            Column(wording.say("coverage.table"), 16),
            Column(wording.say("coverage.site"), 18),
            Column(wording.say("coverage.span"), 25),
            Column(wording.say("coverage.reason"), 14),
            Column(wording.say("coverage.detail"), 16),
            Column(wording.say("coverage.touches"), 11),
        ),
        rows=tuple(
            (
                Cell(visible(gap.table), "mono"),
                Cell(visible(gap.site_url) or wording.none),
                Cell(wording.moment(gap.window.start), "time", note=wording.moment(gap.window.end)),
                Cell(wording.say(f"gap.{gap.reason.value}")),
                Cell(visible(gap.detail, cap=EVIDENCE_CAP)),
                Cell(_touches(audit, gap, wording)),
            )
            for gap in audit.coverage.gaps
        ),
        empty=wording.say("coverage.no_gaps"),
    )


def _touches(audit: Audit, gap: Gap, wording: Wording) -> str:
    rules = [rule.id for rule in audit.rules if gap.table in rule.tables]
    return named(rules, wording, most=NAMED // 4) or wording.say("coverage.no_rule_touched")


def _nulls(audit: Audit, wording: Wording) -> Table:
    return Table(
        caption=wording.say("coverage.nulls"),
        columns=(
            Column(wording.say("coverage.rule"), 46),
            Column(wording.say("coverage.population"), 14, number=True),
            Column(wording.say("coverage.not_evaluable"), 14, number=True),
            Column(wording.say("coverage.share"), 9, number=True),
            Column(wording.say("coverage.verdict"), 17),
        ),
        rows=tuple(
            (
                Cell(visible(rule.id), "mono", note=visible(rule.title)),
                Cell(number(rule.population), "number"),
                Cell(number(rule.not_evaluable), "number"),
                Cell(share(rule.not_evaluable, rule.population), "number"),
                wording.verdict_cell(verdict_word(rule)),
            )
            for rule in audit.rules
            if rule.not_evaluable
        ),
        empty=wording.say("coverage.nulls_none"),
    )
