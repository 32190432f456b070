"""The rows a rule sees: of one table, in the window, with the facts it reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from auditor.model.window import Window
from auditor.rules.keys import CODE, code_of
from auditor.rules.places import AT, PLACE, placed
from auditor.tables.facts import Geo, with_facts
from auditor.tables.placement import placed_by, placement
from auditor.tables.schema import LINEAGE, TABLES, TIME


@dataclass(slots=True)
class Source:
    """The tables of an audit, from which the rows of a window are taken.

    `internal_domains` None and `geo` None leave the facts that need them null. Each table's rows are read
    once and kept while they are at most `rows_kept`.
    """

    frames: Mapping[str, pl.LazyFrame]
    now: datetime
    window: Window | None = None
    internal_domains: Collection[str] | None = None
    geo: Geo | None = None
    rows_kept: int = 3_000_000
    _kept: dict[tuple[str, bool], pl.DataFrame] = field(default_factory=dict, init=False)
    _counts: dict[str, int] = field(default_factory=dict, init=False)

    def keep(self, table: str, columns: Collection[str], *, history: bool, keys: Collection[str] = ()) -> None:
        """Read the named columns now, where rows are few, so that `rows` need not again; with `history` all before.

        Columns that are `keys` of rules get their numbers at once.
        """
        if self.count(table) > self.rows_kept:
            return
        self.hold(table, self._rows(table, columns, before=history).collect(), history=history, keys=keys)

    def hold(self, table: str, rows: pl.DataFrame, *, history: bool, keys: Collection[str] = ()) -> None:
        """Keep rows that were read already, with their facts and `AT`; with `history` those before the window too."""
        kept = placed(rows, TABLES[table].time)
        kept = kept.with_columns(code_of(kept[name]).alias(f"{CODE}{name}") for name in sorted(keys))
        if history:
            self._kept[table, True] = kept
            if self.window is not None and not kept.is_empty():
                kept = kept.filter(pl.col(AT) >= self.window.start)
        self._kept[table, False] = kept

    def count(self, table: str) -> int:
        """How many rows of the table are in the window."""
        if (table, False) in self._kept:
            return self._kept[table, False].height
        if table not in self._counts:
            self._counts[table] = self._rows(table, (), before=False).select(pl.len()).collect().item()
        return self._counts[table]

    def is_empty(self, table: str, column: str) -> bool:
        """Whether the column is null in every row of the window."""
        return self.rows(table, [column]).select(pl.col(column).is_null().all()).collect().item() is True

    def rows(self, table: str, columns: Collection[str]) -> pl.LazyFrame:
        """The rows in the window: `columns`, the table's time, lineage and `AT`; rows that are kept have `PLACE`."""
        return self._from_kept(table, columns, before=False)

    def rows_with_history(self, table: str, columns: Collection[str]) -> pl.LazyFrame:
        """The rows in the window and all before it."""
        return self._from_kept(table, columns, before=True)

    def taken(self, table: str, columns: Collection[str], places: pl.Series) -> pl.DataFrame:
        """The rows of `rows` at the given places, which are in order."""
        if (table, False) in self._kept:
            return self.rows(table, columns).collect()[places]
        numbered = self.rows(table, columns).with_row_index(PLACE)
        chosen = numbered.filter(pl.col(PLACE).is_in(places.implode()))
        return chosen.sort(PLACE).drop(PLACE).collect()

    def present(self, table: str) -> Collection[str]:
        """The columns the table's frame holds, given facts among them; none when the table is not there."""
        return self.frames[table].collect_schema().names() if table in self.frames else ()

    def _from_kept(self, table: str, columns: Collection[str], *, before: bool) -> pl.LazyFrame:
        kept = self._kept.get((table, before))
        wanted = self._wanted(table, columns)
        if kept is not None and set(wanted) <= set(kept.columns):
            beside = [name for name in (PLACE, *(f"{CODE}{name}" for name in wanted)) if name in kept.columns]
            return kept.lazy().select(*wanted, *beside)
        return self._rows(table, columns, before=before)

    def _wanted(self, table: str, columns: Collection[str]) -> list[str]:
        time = TABLES[table].time
        return sorted({*columns, *LINEAGE, AT, *([time] if time else [])})

    def _rows(self, table: str, columns: Collection[str], *, before: bool) -> pl.LazyFrame:
        time = TABLES[table].time
        frames = self.frames
        extra: Collection[str] = ()
        if time is None:
            at = pl.lit(self.now, dtype=TIME)
        elif self._all_placed(table, time):
            at = pl.col(time)
        else:
            at, extra = placement(table), placed_by(table)
        if time is not None and self.window is not None:
            # placed by their own time, rows outside need not be read at all
            inside = pl.col(time).is_null() | self._inside(pl.col(time), before=before)
            frames = {**frames, table: frames[table].filter(inside)}
        found = with_facts(
            frames, table, needed={*columns, *extra}, internal_domains=self.internal_domains, geo=self.geo
        ).with_columns(at.alias(AT))
        if time is not None and self.window is not None:
            found = found.filter(self._inside(pl.col(AT), before=before))
        return found.select(self._wanted(table, columns))

    def _inside(self, moment: pl.Expr, *, before: bool) -> pl.Expr:
        if self.window is None:
            return pl.lit(True)
        early = pl.lit(True) if before else moment >= self.window.start
        return early & (moment < self.window.end)

    def _all_placed(self, table: str, time: str) -> bool:
        key = f"{table}:null"
        if key not in self._counts:
            self._counts[key] = self.frames[table].select(pl.col(time).null_count()).collect().item()
        return not self._counts[key]
