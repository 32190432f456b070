"""What all rows of tables tell that are read in parts: set aside by what each fact follows from, learned by buckets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import polars as pl

from auditor.entities.columns import alongside, filtered, flags, picked, uniform, without
from auditor.entities.groups import places
from auditor.entities.packed import PACKED, witness
from auditor.rules.compiled.bounds import parts_of
from auditor.rules.judging.judge import columns_of
from auditor.rules.language.columns import names_in
from auditor.rules.language.tree import Expr, Op, Type
from auditor.rules.outcome import CRASHES
from auditor.rules.rows.learning import PERSON
from auditor.rules.rows.source import Source
from auditor.rules.rows.spill import Room, Spill
from auditor.rules.task import Task
from auditor.tables.facts import fact_table, sources
from auditor.tables.modelled import LEARNED, Given, Model, is_learned, learned, learned_from, models_of
from auditor.tables.schema import TABLES, TEXT

_log = logging.getLogger(__name__)

ROW = "__of_all"
"""The number of a row among all rows of its table that were read."""

_NUMBER = pl.UInt32()


@dataclass(slots=True)
class _Lesson:
    """The facts `names` of one model and the rows they are learned from, by what they follow from.

    They follow from rows of equal values of it `apart` from all others, or from rows anywhere.
    """

    model: Model
    names: Sequence[str]
    spill: Spill
    apart: bool
    like: pl.DataFrame | None = None

    def add(self, rows: pl.DataFrame, asked: pl.Series) -> None:
        """Set the rows aside; those nobody `asked` about lose their number."""
        rows = rows.select(self.model.key, *(set(self.model.reads) - {self.model.key}), ROW)
        if not asked.all():
            rows = alongside(rows, rows[ROW].zip_with(asked, uniform(None, 1, _NUMBER)))
        if self.like is None:
            self.like = rows.head(0)
        self.spill.add(rows)

    def learn(self, table: str, offices: Collection[str], since: datetime | None) -> Iterator[pl.DataFrame]:
        """The facts of the rows asked about, with their numbers; all rows are then gone."""
        if self.like is None:
            return
        for bucket in range(self.spill.buckets):
            rows = self.spill.rows(bucket, like=self.like)
            asked = rows[ROW].is_not_null()
            if self.apart and not asked.all():
                near = _among(rows[self.model.key], asked)
                rows, asked = filtered(rows, near), asked.filter(near)
            told = learned(rows, table, wanted=self.names, given=Given(offices, since, asked))
            told = told.with_columns(pl.col(pl.Categorical()).to_physical()).hstack([rows[ROW]])
            yield told if asked.all() else told.filter(asked)


@dataclass(slots=True)
class _Table:
    """What is learned of one table, and how many rows of it were read."""

    name: str
    lessons: Sequence[_Lesson]
    reads: frozenset[str]
    height: int = 0
    since: datetime | None = None
    asked: dict[str, list[pl.Series]] = field(default_factory=dict)
    told: dict[str, pl.Series] = field(default_factory=dict)

    @classmethod
    def of(
        cls, name: str, facts: Collection[str], room: Room, *, buckets: Callable[[str, int], int], located: bool
    ) -> _Table:
        """Nothing learned yet."""
        lessons = []
        for model, names in models_of(name, facts):
            apart = not (model.far and located)
            spill = Spill(model.key, buckets(name, len(model.reads)) if apart else 1, room)
            lessons.append(_Lesson(model, names, spill, apart))
        return cls(name, lessons, learned_from(name, facts))


@dataclass(slots=True)
class Lessons:
    """The facts rules ask for that only all rows of a table tell, of tables that are read in parts.

    Rows are known by `ROW`. Of the rows of a part rules `ask` for facts before it is added. Once every part was,
    `learn` makes the facts and `told` gives them to rows. Where something cannot be learned so they are `lost`: rules
    that wait for them have to look at whole tables.
    """

    tables: Mapping[str, _Table]
    offices: Collection[str] = ()
    lost: bool = False
    _learned: bool = field(default=False, init=False)
    _witness: pl.Series = field(default_factory=witness, init=False)

    @classmethod
    def of(
        cls,
        tasks: Iterable[Task],
        room: Room,
        *,
        buckets: Callable[[str, int], int],
        offices: Collection[str],
        located: bool,
    ) -> Lessons:
        """What the rules ask for; where addresses are `located`, some facts follow from rows anywhere."""
        asked: dict[str, set[str]] = {}
        for task in tasks:
            for table, names in learned_names(task).items():
                asked.setdefault(table, set()).update(names)
        return cls(
            {table: _Table.of(table, names, room, buckets=buckets, located=located) for table, names in asked.items()},
            offices,
        )

    def kept(self) -> Mapping[str, frozenset[str]]:
        """The columns and facts of each table that are kept of every row, with `ROW`.

        Whose a row is follows from its address, and is looked up once an address.
        """
        return {
            name: (table.reads - {PERSON}) | sources(name, table.reads & {PERSON}) | {ROW}
            for name, table in self.tables.items()
        }

    def numbered(self, table: str, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows of a part with `ROW`, where something is learned of the table."""
        if table not in self.tables:
            return rows
        start = self.tables[table].height
        self.tables[table].height += rows.height
        return rows.with_columns(pl.int_range(start, start + rows.height, dtype=_NUMBER, eager=True).alias(ROW))

    def ask(self, task: Task, rows: pl.DataFrame) -> None:
        """Have what the rule asks for told of the rows, which are some of the part that is added next."""
        for table, names in learned_names(task).items():
            for name in names:
                self.tables[table].asked.setdefault(name, []).append(rows[ROW])

    def add(self, source: Source) -> None:
        """Set aside what is learned from of a part, whose rows were kept with what `kept` names."""
        self._unless_lost(partial(self._add, source))

    def learn(self) -> None:
        """Make the facts, once; what was set aside is gone."""
        if not self._learned:
            self._learned = True
            self._unless_lost(self._learn)

    def _unless_lost(self, step: Callable[[], None]) -> None:
        if self.lost:
            return
        try:
            step()
        except CRASHES as error:  # rules that need none of it must not stop
            _log.debug("what all rows tell could not be learned from parts", exc_info=error)
            self.lost = True

    def _add(self, source: Source) -> None:
        for name, table in self.tables.items():
            rows = source.every(name, {*table.reads, ROW})
            earliest = rows["joined_time"].min()
            if isinstance(earliest, datetime):
                table.since = earliest if table.since is None else min(table.since, earliest)
            start = table.height - rows.height
            for lesson in table.lessons:
                asked = flags(rows.height)
                for numbers in (one for fact in lesson.names for one in table.asked.get(fact, ())):
                    asked = asked.scatter(numbers - start, True)
                lesson.add(rows, picked(asked, rows[ROW] - start))
            table.asked.clear()

    def _learn(self) -> None:
        for name, table in self.tables.items():
            for lesson in table.lessons:
                parts = pl.concat([_nothing(lesson.names), *lesson.learn(name, self.offices, table.since)])
                for fact in lesson.names:
                    values = parts[fact]
                    every = uniform(None, table.height, values.dtype).scatter(parts[ROW], values)
                    table.told[fact] = every.cat.to(PACKED) if LEARNED[fact] == TEXT else every

    def told(self, table: str, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the facts of the table in place of `ROW`."""
        if ROW not in rows.columns or self.lost:
            return rows
        facts = self.tables[table].told
        told = (picked(values, rows[ROW]).alias(name) for name, values in facts.items())
        return alongside(without(rows, ROW), *told)


def lookups(tasks: Iterable[Task]) -> frozenset[str]:
    """The other tables that are read to learn what the rules ask for."""
    reads = {
        (table, read)
        for task in tasks
        for table, names in learned_names(task).items()
        for read in learned_from(table, names)
    }
    found = {fact_table(table, read) for table, read in reads if read not in TABLES[table].schema}
    return frozenset(table for table in found if table is not None)


def learned_names(task: Task) -> Mapping[str, frozenset[str]]:
    """The facts the rule reads that only all rows of a table tell, by table; tables without any are left out."""
    found = {
        table: frozenset(name for name in names if is_learned(table, name)) for table, names in columns_of(task).items()
    }
    return {table: names for table, names in found.items() if names}


def known_of(tree: Expr, *, unknown: Collection[str]) -> Expr | None:
    """What the tree asks of a row without the names that are unknown yet: false only where the tree is."""
    known = [part for part in parts_of(tree) if not names_in(part) & frozenset(unknown)]
    return Op("and", tuple(known), Type.BOOLEAN) if len(known) > 1 else next(iter(known), None)


def _among(values: pl.Series, some: pl.Series) -> pl.Series:
    """Which of the values some of the rows have."""
    first, place = places(values)
    return picked(flags(first.len()).scatter(place.filter(some), True), place)


def _nothing(names: Sequence[str]) -> pl.DataFrame:
    """Facts of no rows."""
    numbers = {name: _NUMBER if LEARNED[name] == TEXT else LEARNED[name] for name in names}
    return pl.DataFrame(schema={**numbers, ROW: _NUMBER})
