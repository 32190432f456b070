"""Rows of a table that were read, with facts and parts of conditions made from the values that differ."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from auditor.entities.columns import alongside, coalesced, fitted, picked, runs_of, uniform, where_true
from auditor.entities.packed import PACKED, packed, texts
from auditor.rules.compiled.compile import decided, expression, with_shared
from auditor.rules.language.columns import names_in
from auditor.rules.language.tree import Op
from auditor.rules.outcome import CRASHES
from auditor.rules.rows.answers import Answers
from auditor.rules.rows.keys import RUN, code_of, key_of, numbered
from auditor.rules.rows.known import Known, Make, Memory
from auditor.rules.rows.once import MADE, Sources, made_name
from auditor.rules.rows.places import PLACE, in_runs, places_of
from auditor.rules.rows.runs import Runs
from auditor.tables.facts import OF_MEETING, Geo, value_source, with_facts
from auditor.tables.schema import COUNT, TABLES, TEXT

_log = logging.getLogger(__name__)

FEW = 8
"""Of so many rows one counts as few: what is read of few is put together apart from the rest."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What facts need beside the rows: the other tables, the configured domains, the places of addresses.

    `memory` keeps what follows from texts for the parts to come.
    """

    frames: Mapping[str, pl.LazyFrame]
    internal_domains: Collection[str] | None = None
    geo: Geo | None = None
    memory: Memory = field(default_factory=Memory)


@dataclass(slots=True)
class _Values:
    """What follows from the values of a column, or from the meetings; `places` tells each row's."""

    known: Known
    places: pl.Series

    def column(self, name: str) -> pl.Series:
        """What follows, row by row."""
        return picked(self.known.frame[name], self.places)

    def taken(self, places: pl.Series) -> _Values:
        """The same of the rows at the places."""
        return _Values(self.known, picked(self.places, places))


@dataclass(slots=True)
class Late:
    """Texts as they were read, for all that is held of one reading; those in `packs` are packed when a rule looks.

    Texts of columns in `known` are remembered, and may have been met before.
    """

    read: pl.DataFrame = field(default_factory=pl.DataFrame)
    packs: Collection[str] = ()
    known: dict[str, Known] = field(default_factory=dict)
    _packed: dict[str, pl.Series] = field(default_factory=dict, init=False)
    _runs: dict[str, tuple[pl.Series, pl.Series]] = field(default_factory=dict, init=False)

    def __contains__(self, name: object) -> bool:
        return name in self.read.columns

    def column(self, name: str, places: pl.Series | None) -> pl.Series:
        """The texts at the places, in the order of reading without any, packed where they are to be."""
        if name not in self.packs:
            return self.at(name, places)
        # where all are asked for they are packed as they were read, where equal ones stand together
        if places is None or places.len() * FEW >= self.read.height:
            texts, runs = self.at(name, None), self._runs.get(name)
            self._packed[name] = (
                self.known[name].packed(texts, runs) if name in self.known else packed(texts, runs=runs)
            )
        return packed(self.at(name, places))

    def at(self, name: str, places: pl.Series | None) -> pl.Series:
        """The texts at the places, packed only where they are already."""
        column = self._packed.get(name, self.read[name])
        return column if places is None else picked(column, places)

    def runs(self, name: str) -> pl.Series | None:
        """The run of each row in runs of equal texts as they were read, by which they are packed.

        None where a text has several runs.
        """
        texts = self.read[name]
        firsts, runs = runs_of(texts)
        if picked(texts, firsts).n_unique() < firsts.len():
            return None
        self._runs[name] = firsts, runs
        return runs


@dataclass(slots=True)
class Held:
    """The rows of a table; a column is made when it is first asked for and kept.

    `own` are the columns that were read, texts of them packed or not, but for the texts in `late`; `places` tells
    where each row's are, and is None where they have the order of the rows.
    """

    table: str
    own: pl.DataFrame
    beside: Beside
    late: Late = field(default_factory=Late)
    places: pl.Series | None = None
    _made: dict[str, pl.Series] = field(default_factory=dict, init=False)
    _answers: dict[str, Answers] = field(default_factory=dict, init=False)
    _values: dict[str, _Values] = field(default_factory=dict, init=False)
    _ordered: Held | None = field(default=None, init=False)
    _together: dict[str, Held] = field(default_factory=dict, init=False)

    def in_order(self) -> Held:
        """The rows in the order of time and lineage, with `PLACE`; put in order once."""
        if PLACE in self.own.columns:
            return self
        if self._ordered is None:
            places = places_of(self.own, TABLES[self.table].time)
            if places.is_sorted():
                # held by itself it would stay until cycles are collected, and all tables beside it
                self.own = _placed(self.own)
                return self
            self._ordered = self.taken_whole(places.arg_sort())
            self._ordered.own = _placed(self._ordered.own)
        return self._ordered

    def together(self, column: str) -> Held:
        """The rows in runs of equal values of the column, those of a run in order of time and lineage; brought so once.

        `PLACE` tells their order and `RUN` their run. Files hold the rows of a meeting so already.
        """
        if f"{RUN}{column}" in self.own.columns:
            return self
        if column not in self._together:
            self._together[column] = self._put_together(column)
        return self._together[column]

    def _put_together(self, column: str) -> Held:
        runs, brought = self._runs(column)
        places = in_runs(self.own, TABLES[self.table].time, runs, brought)
        if places is None:
            found = Held(self.table, self.own, self.beside, self.late, self.places)
            found._made, found._answers, found._values = self._made, self._answers, self._values
        else:
            found = self.taken_whole(places)
        found.own = alongside(_placed(found.own), fitted(runs, COUNT).alias(f"{RUN}{column}"))
        return found

    def _runs(self, column: str) -> tuple[pl.Series, pl.Series | None]:
        """The run of each row in runs of equal values, and the places that bring rows so, unless they stand so."""
        if column in self.late and self.places is None and (known := self.late.runs(column)) is not None:
            return known, None
        codes = coalesced(fitted(code_of(self.frame([column]).to_series()), COUNT), -1)
        firsts, runs = runs_of(codes)
        if picked(codes, firsts).n_unique() == firsts.len():
            return runs, None
        brought = Runs.of(codes)
        return brought.keys.rle_id(), brought.places

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self.own.height

    def can(self, names: Iterable[str]) -> bool:
        """Whether every name is a column here, or a fact that what was read is enough for."""
        return all(self._known(name) for name in names)

    def frame(
        self, names: Iterable[str], *, as_read: bool = False, loose: Collection[str] = frozenset()
    ) -> pl.DataFrame:
        """The rows with the named columns, texts packed where they were read so, are to be, or were made.

        Texts nobody asked for packed so far stay `as_read` where that is enough; those of `loose` do anyway.
        """
        found: list[pl.Series] = []
        for name in names:
            if name in loose and name in self.late:
                column = self.late.at(name, self.places)
            else:
                column = self._as_read(name) if as_read else self._column(name)
            found.append(column.alias(name))
        return pl.DataFrame(found)

    def taken(self, names: Iterable[str], places: pl.Series) -> pl.DataFrame:
        """The rows at the places, texts as they were read unless all of them were asked for before, or of many rows."""
        numbers: dict[int, Answers] = {}
        return pl.DataFrame([self._taken(name, places, numbers).alias(name) for name in names])

    def made(self) -> list[str]:
        """The columns of the parts of conditions that were made."""
        return [name for name in dict.fromkeys([*self._made, *self._answers]) if name.startswith(MADE)]

    def filtered(self, kept: pl.Series) -> Held:
        """The rows of which `kept` is true."""
        return self.taken_whole(where_true(kept))

    def taken_whole(self, places: pl.Series) -> Held:
        """The rows at the places, with all that was made of them."""
        found = Held(self.table, self.own[places], self.beside, self.late)
        found.places = places if self.places is None else picked(self.places, places)
        found._made = {name: picked(column, places) for name, column in self._made.items() if name not in self._answers}
        taken = {id(answers): answers.taken(places) for answers in self._answers.values()}
        found._answers = {name: taken[id(answers)] for name, answers in self._answers.items()}
        found._values = {name: one.taken(places) for name, one in self._values.items()}
        return found

    def prepare(self, facts: Collection[str], parts: Sources) -> None:
        """Make the parts of conditions, and first what they and the rules read of the meetings."""
        meetings = {name for name in facts if value_source(self.table, name) == OF_MEETING}
        meetings |= {name for tree in parts.get(OF_MEETING, ()) for name in names_in(tree)}
        self._with_facts(OF_MEETING, sorted(meetings - set(self.own.columns)))
        for source, found in parts.items():
            # a fact the rows were given says more than the text it is usually made from
            given = {*self.own.columns, *self.late.read.columns} - {source}
            trees = [tree for tree in found if not names_in(tree) & given]
            if not trees or not self._can_tell(source):
                continue
            self._with_facts(source, sorted({name for tree in trees for name in names_in(tree)} - {source}))
            values = self._of(source)
            names = _made(values.known, trees)
            schema = values.known.frame.schema
            asked = [name for name in names if schema[name] == pl.Boolean]
            answers = Answers.of(source, values.known, asked, places=values.places)
            self._answers |= dict.fromkeys(answers.bits, answers)
            self._made |= {name: values.column(name) for name in names if name not in answers.bits}

    def told(self, source: str, name: str, make: Make) -> pl.Series:
        """What `make` makes of the texts of a column, itself texts, packed: made and remembered once a text."""
        values = self._of(source)
        values.known.require([name], make)
        return picked(values.known.packed_column(name), values.places).alias(name)

    def share(self, name: str) -> float:
        """Of what share of the values an answer is anything but no; 1 where the column is no answer."""
        if name not in self._answers:
            return 1.0
        known = self._values[self._answers[name].source].known.frame[name]
        # of a part without rows no meeting is known
        return 1 - int((~known).sum()) / max(1, known.len())

    def may_hold(self, names: Iterable[str]) -> pl.Series:
        """The places of rows of which some of the answers is anything but no."""
        by_source: dict[str, list[str]] = {}
        for name in names:
            by_source.setdefault(self._answers[name].source, []).append(name)
        # numbers are looked up faster than bits
        found = uniform(0, self.height, pl.UInt8)
        for source, own in by_source.items():
            values = self._values[source]
            some = values.known.frame.select(pl.any_horizontal(pl.col(own).fill_null(value=True))).to_series()
            if some.any():
                found |= picked(some.cast(pl.UInt8).rechunk(), values.places)
        return where_true(found == 1)

    def _known(self, name: str) -> bool:
        if name in self.own.columns or name in self.late or name in self._made or name in self._answers:
            return True
        source = value_source(self.table, name)
        return source is not None and self._can_tell(source)

    def _can_tell(self, source: str) -> bool:
        """Whether the column is there and holds texts, as it should."""
        name = "meeting_id" if source == OF_MEETING else source
        return self.own.schema.get(name) in {TEXT, PACKED} or name in self.late

    def _column(self, name: str) -> pl.Series:
        if name in self.own.columns:
            return self.own[name]
        if name not in self._made:
            self._made[name] = self._new(name)
        return self._made[name]

    def _new(self, name: str) -> pl.Series:
        if name in self._answers:
            return self._answers[name].column(name)
        return self.late.column(name, self.places) if name in self.late else self._fact(name)

    def _as_read(self, name: str) -> pl.Series:
        if name in self._made or name not in self.late or self.places is not None:
            return self._column(name)
        return self.late.at(name, None)

    def _fact(self, name: str) -> pl.Series:
        values = self._with_fact(name)
        is_text = values.known.frame.schema[name] == TEXT
        return picked(values.known.packed_column(name), values.places) if is_text else values.column(name)

    def _taken(self, name: str, places: pl.Series, numbers: dict[int, Answers]) -> pl.Series:
        if name in self.own.columns or name in self._made:
            return picked(self._column(name), places)
        if name in self._answers:
            answers = self._answers[name]
            if id(answers) not in numbers:
                numbers[id(answers)] = answers.taken(places)
            return numbers[id(answers)].column(name)
        if name in self.late:
            return self.late.at(name, places if self.places is None else picked(self.places, places))
        values = self._with_fact(name)
        column = values.known.frame[name]
        # of many rows each text is packed once
        column = values.known.packed_column(name) if column.dtype == TEXT and column.len() < places.len() else column
        return picked(column, picked(values.places, places))

    def _with_fact(self, name: str) -> _Values:
        source = value_source(self.table, name)
        if source is None:
            raise KeyError(name)
        self._with_facts(source, [name])
        return self._of(source)

    def _with_facts(self, source: str, names: Collection[str]) -> None:
        if names:
            self._of(source).known.require(names, partial(self._facts, needed=names))

    def _facts(self, values: pl.DataFrame, *, needed: Collection[str]) -> pl.DataFrame:
        found = with_facts(
            {**self.beside.frames, self.table: values.lazy()},
            self.table,
            needed=needed,
            internal_domains=self.beside.internal_domains,
            geo=self.beside.geo,
            distinct=True,
        )
        return found.collect(engine="in-memory")

    def _meeting_key(self) -> list[str]:
        return [name for name in ("site_url", "meeting_id") if name in self.own.columns or name in self.late]

    def _of(self, source: str) -> _Values:
        if source not in self._values:
            if source == OF_MEETING:
                columns = self._meeting_key()
                runs = [name for name in self.own.columns if name.startswith(RUN)]
                # of rows in runs the run tells the meeting
                rest = [name for name in columns if f"{RUN}{name}" not in runs]
                first, places = numbered(key_of(self.frame([*rest, *runs]), columns))
                values = _Values(Known.local(texts(self.taken(columns, first))), places)
            elif self.beside.memory.passed(self.table, source):
                column = self.late.at(source, None) if source in self.late else self._column(source)
                first, places = runs_of(column)
                if source in self.late and self.places is not None:
                    places = picked(places, self.places)
                values = _Values(Known.local(texts(picked(column, first).to_frame(source))), places)
            else:
                known = self.late.known[source] = self.beside.memory.of(self.table, source)
                values = _Values(known, known.placed(packed(self._column(source))))
            self._values[source] = values
        return self._values[source]


def _placed(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows, which are in order, with the place of each."""
    return alongside(rows, pl.int_range(rows.height, dtype=pl.Int64, eager=True).alias(PLACE))


def _made(known: Known, trees: Sequence[Op]) -> list[str]:
    """The names of the trees, made of every value; those that crash are left to the rule at fault, where it shows."""
    named = {made_name(tree): tree for tree in trees if names_in(tree) <= set(known.frame.columns)}

    def make(values: pl.DataFrame) -> pl.DataFrame:
        trees = {name: decided(tree) for name, tree in named.items()}
        shared, names = with_shared(values.lazy(), trees.values())
        made = shared.with_columns(expression(tree, shared=names).alias(name) for name, tree in trees.items())
        return made.select(list(named)).collect(engine="in-memory")

    try:
        known.require(named, make)
    except CRASHES as error:
        _log.debug("parts of conditions could not be computed once a value", exc_info=error)
        return [name for tree in trees for name in _made(known, [tree])] if len(trees) > 1 else []
    return list(named)
