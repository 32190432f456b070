"""Facts that only all rows of a table together tell, learned once and handed to the rows that rules look at."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import polars as pl

from auditor.entities.packed import packed, read_packed
from auditor.rules.rows.held import Beside, Held
from auditor.tables.facts import sources, value_source, with_facts
from auditor.tables.modelled import Given, learned, learned_from
from auditor.tables.schema import LINEAGE, TABLES

PERSON = "person_key"
"""The fact that tells whose a row is."""


@dataclass(slots=True)
class Learning:
    """What all rows of each table told so far: a row for each, with its lineage, the table's time and the facts.

    `offices` are networks listed as offices'. Texts are packed.
    """

    beside: Beside
    offices: Collection[str] = ()
    _told: dict[str, pl.DataFrame] = field(default_factory=dict, init=False)

    def of(self, table: str, names: Collection[str], rows: pl.DataFrame, *, near: pl.Expr) -> pl.DataFrame:
        """The named facts of the rows, known by their lineage, in their order.

        `near` is what the table's time is of all these rows and of few others.
        """
        self._learn(table, names, None)
        return self._of_rows(table, names, rows, near)

    def of_held(self, held: Held, names: Collection[str], *, near: pl.Expr) -> pl.DataFrame:
        """The same of rows that are held; where they are all there are, they are learned from as they stand."""
        self._learn(held.table, names, held)
        return self._of_rows(held.table, names, held.own, near)

    def _of_rows(self, table: str, names: Collection[str], rows: pl.DataFrame, near: pl.Expr) -> pl.DataFrame:
        told, own = self._told[table], _packed(rows.select(*LINEAGE))
        close = told if told.height == own.height else told.filter(near)
        return _aligned(close if close.height == own.height else told, own).select(names)

    def _learn(self, table: str, names: Collection[str], held: Held | None) -> None:
        known = self._told.get(table)
        new = sorted(name for name in names if known is None or name not in known.columns)
        if not new:
            return
        reads = sorted({*learned_from(table, new), *LINEAGE, *_time(table)})
        rows = self._all_rows(table, reads, held)
        found = rows.select(*LINEAGE).hstack(learned(rows, table, wanted=new, given=Given(self.offices)))
        if known is None:
            known = rows.select(*LINEAGE, *_time(table))
        self._told[table] = known.hstack(_aligned(found, known).select(new))

    def rows(self, held: Held, wanted: Collection[str]) -> pl.DataFrame:
        """The rows that are held with the columns and facts wanted, texts packed."""
        told = [name for name in wanted if name != PERSON or held.can([name])]
        rows = _packed(held.frame(told))
        return rows if len(told) == len(wanted) else rows.with_columns(self._person(held))

    def _all_rows(self, table: str, wanted: Collection[str], held: Held | None) -> pl.DataFrame:
        """All rows of the table with the columns and facts wanted; what follows from one text is made once a text."""
        frame, schema = self.beside.frames[table], TABLES[table].schema
        by_row = {name for name in wanted if name not in schema and value_source(table, name) is None}
        # a fact the rows were given may say more than the text another is made from
        given = set(frame.collect_schema()) - set(schema)
        if given or by_row - {PERSON}:
            return _packed(self._with_facts(frame, table, wanted))
        if held is None or held.height != frame.select(pl.len()).collect().item():
            key = {"site_url", "meeting_id"} & set(schema)
            own = frame.select(sorted({*sources(table, wanted), *key}))
            held = Held(table, read_packed(own), self.beside)
        return self.rows(held, wanted)

    def _person(self, held: Held) -> pl.Series:
        """Whose each row is, looked up once an address and remembered from part to part."""
        (email,) = sources(held.table, [PERSON])

        def whose(emails: pl.DataFrame) -> pl.DataFrame:
            return self._with_facts(emails.select(email).lazy(), held.table, [PERSON])

        return held.told(email, PERSON, whose)

    def _with_facts(self, frame: pl.LazyFrame, table: str, wanted: Collection[str]) -> pl.DataFrame:
        beside = self.beside
        frames = {**beside.frames, table: frame}
        told = with_facts(frames, table, needed=wanted, internal_domains=beside.internal_domains, geo=beside.geo)
        return told.select(wanted).collect(engine="in-memory")


def _packed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(packed(column) for column in rows)


def _aligned(told: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """What is told of rows, a row for each of `own`, which are known by their lineage."""
    if told.height == own.height and told.select(*LINEAGE).equals(own.select(*LINEAGE)):
        return told
    once = told.unique([*LINEAGE], keep="first", maintain_order=True)
    return own.select(*LINEAGE).join(once, on=[*LINEAGE], how="left", maintain_order="left")


def _time(table: str) -> list[str]:
    time = TABLES[table].time
    return [] if time is None else [time]
