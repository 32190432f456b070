"""The rows a rule sees: of one table, in the window, with the facts it reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from auditor.entities.columns import alongside, coalesced, picked, where_true
from auditor.entities.packed import packed, read_packed, texts
from auditor.model.window import Window
from auditor.rules.language.columns import names_in
from auditor.rules.language.spec import Condition
from auditor.rules.language.tree import Expr
from auditor.rules.rows.evaluate import verdicts
from auditor.rules.rows.handed import COUNTED, OWN, Handed
from auditor.rules.rows.held import FEW, Beside, Held, Late
from auditor.rules.rows.keys import RUN
from auditor.rules.rows.known import Memory
from auditor.rules.rows.learning import Learning
from auditor.rules.rows.once import Sources
from auditor.rules.rows.parts import MEETING
from auditor.rules.rows.places import AT, PLACE
from auditor.rules.rows.runs import among
from auditor.rules.rows.screen import Screen
from auditor.tables.facts import Geo, sources, value_source, with_facts
from auditor.tables.modelled import is_learned, learned_from
from auditor.tables.placement import placed_by, placement
from auditor.tables.schema import LINEAGE, TABLES, TEXT, TIME

_NO_PARTS: Sources = {}
_FIRST = 1_000


@dataclass(slots=True)
class Source:
    """The tables of an audit, from which the rows of a window are taken.

    `internal_domains` None and `geo` None leave the facts that need them null; `offices` are networks listed as
    offices'. Each table's rows are read once and kept while they are at most `rows_kept`. Where rules relate only rows
    of equal values in the column `by`, the rows they are given stand in runs of them.
    """

    frames: Mapping[str, pl.LazyFrame]
    now: datetime
    window: Window | None = None
    internal_domains: Collection[str] | None = None
    geo: Geo | None = None
    rows_kept: int = 3_000_000
    offices: Collection[str] = ()
    by: str = ""
    memory: Memory = field(default_factory=Memory)
    _kept: dict[tuple[str, bool], Held] = field(default_factory=dict, init=False)
    _every: dict[str, Held] = field(default_factory=dict, init=False)
    _counts: dict[str, int] = field(default_factory=dict, init=False)
    _blank: dict[tuple[str, str], bool] = field(default_factory=dict, init=False)
    _learning: Learning | None = field(default=None, init=False)

    def keep(
        self,
        table: str,
        columns: Collection[str],
        *,
        history: bool,
        judged: Collection[str] = (),
        parts: Sources = _NO_PARTS,
        ordered: bool = True,
        every: bool = False,
    ) -> None:
        """Read the named columns now, where rows are few, so that nobody need again; with `history` all before.

        `judged` are those conditions and keys look at, which are packed; `parts` of conditions are computed once
        for all rules. Rows nobody asks for all of in order need not be `ordered`. With `every` one, whatever the
        window, is kept for `every`.
        """
        if self.count(table) > self.rows_kept:
            return
        held = self._read(table, columns, judged, before=history, every=every)
        if ordered:
            held = self._arranged(held)
        held.prepare(judged, parts)
        if every:
            self._every[table] = held
            held = held if TABLES[table].time is None else self._inside_only(held, before=history)
        self._hold(table, held, history=history)

    def every(self, table: str, columns: Collection[str]) -> pl.DataFrame:
        """All rows of the table that were kept, whatever the window; texts are packed."""
        return self._lessons.rows(self._every[table], columns)

    def hold(self, table: str, rows: pl.DataFrame, *, history: bool) -> None:
        """Keep rows that were read already, with their facts and `AT`; with `history` those before the window too."""
        packs = _packed(rows, rows.columns)
        placing = [name for name in packs.columns if name in {*LINEAGE, AT, PLACE, TABLES[table].time}]
        # what tells the order is gathered at once, all else once somebody asks
        held = self._arranged(Held(table, packs.select(placing), self._beside, Late(packs.drop(placing))))
        self._hold(table, held, history=history)

    def count(self, table: str) -> int:
        """How many rows of the table are in the window."""
        if (table, False) in self._kept:
            return self._kept[table, False].height
        if table not in self._counts:
            self._counts[table] = self._counted(table)
        return self._counts[table]

    def _counted(self, table: str) -> int:
        """The rows in the window; where each has a time of its own nothing else is read."""
        time = TABLES[table].time
        whole = time is None or self.window is None
        inside = pl.len() if whole else self._inside(table, pl.col(time or ""), before=False).sum()
        lost = pl.lit(0) if time is None else pl.col(time).null_count()
        counted: tuple[int, int] = self.frames[table].select(inside, lost=lost).collect().row(0)
        found, self._counts[f"{table}:null"] = counted
        return self._rows(table, (), before=False).select(pl.len()).collect().item() if counted[1] else found

    def is_empty(self, table: str, column: str) -> bool:
        """Whether the column is null in every row of the window."""
        if (table, column) not in self._blank:
            self._blank[table, column] = self._has_no(table, column)
        return self._blank[table, column]

    def _has_no(self, table: str, column: str) -> bool:
        kept = self._kept.get((table, False))
        if kept is not None and kept.can([column]):
            values = kept.frame([column], as_read=True).to_series()
            return values.null_count() == values.len()
        rows = self._rows(table, [column], before=False).select(pl.col(column).is_not_null())
        # mostly one of the first rows has a value
        if rows.head(_FIRST).collect(engine="streaming").to_series().any():
            return False
        return rows.select(pl.col(column).any()).collect().item() is not True

    def rows(self, table: str, columns: Collection[str]) -> pl.LazyFrame:
        """The rows in the window: `columns`, the table's time, lineage and `AT`; rows that are kept have `PLACE`."""
        return self._from_kept(table, columns, before=False)

    def rows_with_history(self, table: str, columns: Collection[str]) -> pl.LazyFrame:
        """The rows in the window and all before it, lasting ones after it, too."""
        return self._from_kept(table, columns, before=True)

    def has(self, table: str, name: str) -> bool:
        """Whether the rows in the window are kept, and have the column, or can have it made."""
        kept = self._kept.get((table, False))
        return kept is not None and kept.can([name])

    def judged(
        self, table: str, columns: Collection[str], *, before: bool, beside: Collection[str] = (), ordered: bool = True
    ) -> pl.DataFrame:
        """The same in memory, texts packed where the rows are kept; of `beside` what was made.

        Rows that are kept stand in their order and have `PLACE`, unless they need not be `ordered`.
        """
        kept = self._kept.get((table, before))
        wanted = self.wanted(table, columns)
        if not ordered and kept is not None and kept.can(wanted):
            return kept.frame(dict.fromkeys([*wanted, *(name for name in beside if kept.can([name]))]))
        return self.handed(table, columns, before=before, beside=beside).rows

    def screened(self, table: str, trees: Sequence[Expr]) -> Screen:
        """Few rows outside of which some of the conditions are false; none of them where rows are not kept."""
        kept = self._kept.get((table, False))
        return Screen.nothing() if kept is None else Screen.of(kept, trees)

    def handed(
        self,
        table: str,
        columns: Collection[str],
        *,
        before: bool,
        beside: Collection[str] = (),
        where: Condition | None = None,
        near: pl.Series | None = None,
        loose: Collection[str] = frozenset(),
        waiting: Collection[str] = frozenset(),
    ) -> Handed:
        """The rows of `judged`, in order; texts that are `loose` need not be packed.

        Rows `where` is false of may be missing, and those of other meetings than the ones `near`.
        Where all rows, or many, are handed over, columns may be `waiting`, and `COUNTED` tells what `where` said.
        """
        kept = self._kept.get((table, before))
        wanted = self.wanted(table, columns)
        if kept is None and any(is_learned(table, name) for name in columns):
            # too many to be kept, and all of them are learned from: packed while they are read
            kept = self._read(table, columns, (), before=before, tight=True)
        if kept is None or not kept.can(wanted):
            return Handed(self._rows(table, columns, before=before).collect())
        made = [name for name in beside if kept.can([name])]
        names = list(dict.fromkeys([*wanted, *made]))
        if near is not None and near.len() * FEW < kept.height:
            chosen = where_true(among(kept.frame([MEETING]).to_series(), near))
            if chosen.len() * FEW < kept.height:
                kept = kept.taken_whole(chosen)
        told: pl.Series | None = None
        if where is not None:
            # a condition that reads no column is said of each row, too
            read = {AT, *names_in(where.tree), *made}
            told = verdicts(kept.frame(read, as_read=True), where)
            chosen = where_true(coalesced(told, value=True))
            if chosen.len() * FEW < kept.height:
                kept = self._arranged(kept.taken_whole(chosen))
                return Handed(kept.frame([*names, *_placing(kept)], loose=loose))
            arranged = self._arranged(kept)
            if arranged is not kept:
                told = verdicts(arranged.frame(read, as_read=True), where)
        kept = self._arranged(kept)
        first = [name for name in (*names, *_placing(kept)) if name not in waiting]
        places = pl.int_range(kept.height, dtype=pl.get_index_type(), eager=True)
        if told is None or told.all(ignore_nulls=False) is not False:
            rows = kept.frame(first, loose=loose)
        else:
            places = where_true(coalesced(told, value=True))
            rows, told = (
                _packed(kept.taken(first, places), set(kept.late.packs).difference(loose)),
                picked(told, places),
            )
        rows = rows if told is None else alongside(rows, told.alias(COUNTED))
        waiting = [name for name in wanted if name in waiting]
        return Handed(alongside(rows, places.alias(OWN)), kept, waiting) if waiting else Handed(rows)

    def taken(self, table: str, columns: Collection[str], places: pl.Series) -> pl.DataFrame:
        """The rows of `rows` at the given places, which are in order."""
        kept = self._kept.get((table, False))
        wanted = self.wanted(table, columns)
        if kept is not None and kept.can(wanted):
            return texts(kept.taken(wanted, places))
        numbered = self.rows(table, columns).with_row_index(PLACE)
        chosen = numbered.filter(pl.col(PLACE).is_in(places.implode()))
        return chosen.sort(PLACE).drop(PLACE).collect()

    def present(self, table: str) -> Collection[str]:
        """The columns the table's frame holds, given facts among them; none when the table is not there."""
        return self.frames[table].collect_schema().names() if table in self.frames else ()

    def wanted(self, table: str, columns: Collection[str]) -> list[str]:
        """The columns with the table's time, lineage and `AT`."""
        time = TABLES[table].time
        return sorted({*columns, *LINEAGE, AT, *([time] if time else [])})

    def _arranged(self, held: Held) -> Held:
        """The rows in the order rules are given them."""
        return held.together(self.by) if self.by and held.can([self.by]) else held.in_order()

    @property
    def _lessons(self) -> Learning:
        if self._learning is None:
            self._learning = Learning(self._beside, self.offices)
        return self._learning

    @property
    def _beside(self) -> Beside:
        return Beside(self.frames, self.internal_domains, self.geo, self.memory)

    def _hold(self, table: str, held: Held, *, history: bool) -> None:
        if history:
            self._kept[table, True] = held
            if TABLES[table].time is not None:
                held = self._inside_only(held, before=False)
        self._kept[table, False] = held

    def _from_kept(self, table: str, columns: Collection[str], *, before: bool) -> pl.LazyFrame:
        kept = self._kept.get((table, before))
        wanted = self.wanted(table, columns)
        if kept is not None and kept.can(wanted):
            return texts(kept.in_order().frame([*wanted, PLACE])).lazy()
        return self._rows(table, columns, before=before)

    def _read(
        self,
        table: str,
        columns: Collection[str],
        judged: Collection[str],
        *,
        before: bool,
        tight: bool = False,
        every: bool = False,
    ) -> Held:
        """The rows in memory with what facts of single texts, and of meetings, are made from.

        Where memory is `tight` texts are packed a piece of the table at a time; with `every` row, whatever the window.
        """
        time = TABLES[table].time
        placed = time is None or self._all_placed(table, time)
        needed = {*columns, *(() if placed else placed_by(table))}
        present = self.present(table)
        made = {name for name in needed if name not in present}
        by_row = {name for name in made if name not in TABLES[table].schema and value_source(table, name) is None}
        key = {"site_url", "meeting_id", *(("meeting_start_time",) if not placed else ())} & set(TABLES[table].schema)
        told = {name for name in by_row if is_learned(table, name)}
        by_row -= told
        asked = {*sources(table, made - by_row), *(needed & set(present)), *key, *LINEAGE, *([time] if time else [])}
        asked |= sources(table, learned_from(table, told))
        near = self.frames[table] if every else self._near(table, before=before)
        frames = {**self.frames, table: near}
        read = with_facts(
            frames,
            table,
            needed=by_row,
            internal_domains=self.internal_domains,
            geo=self.geo,
        )
        read = read.select(sorted((asked & set(present)) | by_row))
        rows = read_packed(read) if tight else read.collect(engine="in-memory")
        late = [name for name, dtype in rows.schema.items() if dtype == TEXT and name not in LINEAGE]
        packs = frozenset({*key, *sources(table, judged)})
        # columns in pieces would be put together again for every condition
        own = _packed(rows.drop(late), LINEAGE).rechunk()
        met = {name: known for name in packs if (known := self.memory.met(name)) is not None}
        held = Held(table, own, self._beside, Late(rows.select(late), packs, met))
        if time is None:
            at = pl.select(pl.repeat(pl.lit(self.now, dtype=TIME), rows.height)).to_series()
        elif placed:
            at = rows[time]
        else:
            at = (
                held.frame([name for name in (time, *placed_by(table), *key) if held.can([name])])
                .select(placement(table))
                .to_series()
            )
        held.own.insert_column(0, at.alias(AT))
        if told:
            held.own = held.own.hstack(self._lessons.of_held(held, told, near=self._may_be(table, before=before)))
        return held if every or time is None else self._inside_only(held, before=before)

    def _inside_only(self, held: Held, *, before: bool) -> Held:
        if self.window is None:
            return held
        at = held.own[AT]
        first, last = at.min(), at.max()
        if not at.null_count() and isinstance(first, datetime) and isinstance(last, datetime):
            inside = (before or first >= self.window.start) and last < self.window.end
            if inside or (before and TABLES[held.table].lasting):
                return held
        kept = held.own.select(self._inside(held.table, pl.col(AT), before=before).fill_null(value=False)).to_series()
        return held.filtered(kept)

    def _near(self, table: str, *, before: bool) -> pl.LazyFrame:
        """The rows that may be inside: placed by their own time, others need not be read at all."""
        return self.frames[table].filter(self._may_be(table, before=before))

    def _may_be(self, table: str, *, before: bool) -> pl.Expr:
        """Whether a row may be inside, as far as its own time tells."""
        time = TABLES[table].time
        if time is None:
            return pl.lit(True)
        return pl.col(time).is_null() | self._inside(table, pl.col(time), before=before)

    def _rows(self, table: str, columns: Collection[str], *, before: bool) -> pl.LazyFrame:
        time = TABLES[table].time
        extra: Collection[str] = ()
        if time is None:
            at = pl.lit(self.now, dtype=TIME)
        elif self._all_placed(table, time):
            at = pl.col(time)
        else:
            at, extra = placement(table), placed_by(table)
        frames = {**self.frames, table: self._near(table, before=before)}
        needed = {*columns, *extra}
        told = {name for name in needed if is_learned(table, name)} - set(self.present(table))
        found = with_facts(
            frames, table, needed=needed - told, internal_domains=self.internal_domains, geo=self.geo
        ).with_columns(at.alias(AT))
        if told:
            rows = found.select(set(self.wanted(table, columns)) - told).collect()
            found = rows.hstack(self._lessons.of(table, told, rows, near=self._may_be(table, before=before))).lazy()
        if time is not None and self.window is not None:
            found = found.filter(self._inside(table, pl.col(AT), before=before))
        return found.select(self.wanted(table, columns))

    def _inside(self, table: str, moment: pl.Expr, *, before: bool) -> pl.Expr:
        if self.window is None or (before and TABLES[table].lasting):
            return pl.lit(True)
        early = pl.lit(True) if before else moment >= self.window.start
        return early & (moment < self.window.end)

    def _all_placed(self, table: str, time: str) -> bool:
        key = f"{table}:null"
        if key not in self._counts:
            self._counts[key] = self.frames[table].select(pl.col(time).null_count()).collect().item()
        return not self._counts[key]


def _placing(held: Held) -> list[str]:
    """The columns that tell the order of rows and their runs."""
    return [name for name in held.own.columns if name == PLACE or name.startswith(RUN)]


def _packed(rows: pl.DataFrame, names: Collection[str]) -> pl.DataFrame:
    return rows.with_columns(packed(rows[name]) for name in names if rows.schema.get(name) == pl.String)
