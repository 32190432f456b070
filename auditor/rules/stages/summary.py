"""Aggregates of groups of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

import polars as pl

from auditor.entities.columns import filtered, flags, picked, rows_at, run_starts, without
from auditor.entities.groups import mates
from auditor.entities.packed import PACKED, texts
from auditor.frozen import dataclass
from auditor.rules.compiled.aggregates import ALONE, OF_NONE, Rows, aggregates_in, has_column, is_told_alone
from auditor.rules.compiled.compile import expression
from auditor.rules.language.columns import names_in
from auditor.rules.language.tree import Column, Expr, Op
from auditor.rules.rows.evaluate import computed
from auditor.rules.rows.keys import KEY, highest, lowest, numbered
from auditor.rules.rows.once import MADE
from auditor.rules.rows.places import in_order
from auditor.rules.rows.runs import places_among
from auditor.rules.stages.cover import most_at_once, newly_covered

_ORDERED = frozenset({"first", "last"})
_COUNTED = frozenset({"count", "n_unique"})
_BARE = _ORDERED | _COUNTED
_ORDER = "__order:"


@dataclass(frozen=True, slots=True)
class Edge:
    """The greatest or else the smallest value of a column, beside what the rule itself asks of a group."""

    name: str
    column: str
    greatest: bool

    def of_group(self) -> pl.Expr:
        """The value of a group of rows."""
        value = pl.col(self.column)
        return (value.max() if self.greatest else value.min()).alias(self.name)


@dataclass(frozen=True, slots=True)
class Summary:
    """Named aggregate expressions in two steps: the bare aggregates of the rows, then what is made of them."""

    columns: tuple[pl.Expr, ...]
    results: tuple[pl.Expr, ...]
    aggregates: tuple[Op, ...]
    rows: Rows

    def grouped(self, rows: pl.DataFrame, by: Sequence[str], *edges: Edge) -> pl.DataFrame:
        """The results of each group of a frame, which has the `KEY` of `by`, and the `edges` beside.

        Gives what `group_by(by).agg(columns)` and `finished` give, nulls in `by` equal to each other, but sorts once
        and not once a group.
        """
        return self._ended(self._of_groups(rows, by, edges))

    def _of_groups(self, rows: pl.DataFrame, by: Sequence[str], edges: Sequence[Edge]) -> pl.DataFrame:
        """The bare aggregates of each group, those of groups of one row told by that row."""
        prepared = self._prepared(rows, by, edges)
        found = self._mates(prepared)
        if found is None:
            return self._bare(prepared, by, edges)
        places, own = found
        mates = rows_at(prepared, places)
        groups = self._bare(mates.with_columns(own.alias(KEY)), by, edges)
        first = mates[KEY].filter(run_starts(own))
        groups = groups.with_columns(picked(first, groups[KEY]).alias(KEY))
        others = flags(rows.height, value=True).scatter(places, False)
        alone = self._alone(filtered(prepared, others), by, edges)
        return pl.concat([alone.select(groups.columns).cast(groups.schema), groups])

    def spread(self, rows: pl.DataFrame, inside: pl.Series | None) -> pl.DataFrame:
        """The results of each row's group, row by row; only rows that are `inside` count in it."""
        if inside is not None:
            groups = self._of_groups(filtered(rows[self._names_read(rows)], inside), (), ())
            return _handed(self._ended(pl.concat([groups, self._of_none(groups.schema)])), rows[KEY])
        prepared = self._prepared(rows, (), ())
        found = self._mates(prepared)
        if found is None:
            return _handed(self._ended(self._bare(prepared, (), ())), rows[KEY])
        places, own = found
        groups = self._bare(rows_at(prepared, places).with_columns(own.alias(KEY)), (), ()).sort(KEY)
        alone = self._alone(prepared, (), ())
        every = self._ended(pl.concat([alone.select(groups.columns).cast(groups.schema), groups]))
        order = pl.int_range(rows.height, dtype=pl.get_index_type(), eager=True)
        return every[order.scatter(places, own + rows.height)]

    def rolled(self, rows: pl.DataFrame, by: Sequence[str], time: str, length: timedelta, *edges: Edge) -> pl.DataFrame:
        """The results of the rows in the last `length` before each row, that row among them, and the `edges` beside.

        The rows stand by `KEY`, which is that of `by`, then in order of `time`.
        """
        ready, shared = Rows(()), self._arguments()
        columns = (
            expression(op, rows=ready, shared=shared).alias(name)
            for op, name in zip(self.aggregates, self._names(), strict=True)
        )
        prepared = self._prepared(rows, by, (*edges, Edge(time, time, greatest=True)))
        rolled = prepared.lazy().rolling(time, period=length, closed="right", group_by=KEY)
        own = [pl.col(name).first() for name in dict.fromkeys(by) if name != time]
        return self._ended(rolled.agg(*own, *columns, *(edge.of_group() for edge in edges)))

    def _names_read(self, rows: pl.DataFrame) -> list[str]:
        """The columns of the rows that are read where they are summed up without more of them."""
        read = {KEY, *self.rows.order, *(name for op in self.aggregates for arg in op.args for name in names_in(arg))}
        return [name for name in rows.columns if name in read or name.startswith(MADE)]

    def _mates(self, rows: pl.DataFrame) -> tuple[pl.Series, pl.Series] | None:
        """The rows that share their group with others, as `mates` tells; None where looking at them apart is no use."""
        keys = rows[KEY]
        if not all(map(is_told_alone, self.aggregates)):
            return None
        if 2 * (highest(keys) - lowest(keys) + 1) <= keys.len():
            return None
        places, own = mates(keys)
        return (places, own.set_sorted()) if 2 * places.len() < keys.len() else None

    def _of_none(self, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """The bare aggregates of a group without rows, of any key."""
        found = {name: OF_NONE.get(op.name) for op, name in zip(self.aggregates, self._names(), strict=True)}
        return pl.DataFrame([pl.Series(name, [found.get(name)], dtype=kind) for name, kind in schema.items()])

    def _arguments(self) -> Mapping[Expr, str]:
        """The arguments of aggregates that are computed beforehand, and the names of their columns.

        Inside a group an expression is computed group by group.
        """
        trees = dict.fromkeys(
            arg for op in self.aggregates for arg in op.args if isinstance(arg, Op) and has_column(arg)
        )
        return {tree: f"__arg{place}" for place, tree in enumerate(trees)}

    def _prepared(self, rows: pl.DataFrame, by: Sequence[str], edges: Sequence[Edge]) -> pl.DataFrame:
        """The columns of the rows that are summed up, and those to sort by where the order matters."""
        shared = self._arguments()
        columns = {name: rows[name] for name in (KEY, *by, *(edge.column for edge in edges))}
        for op in self.aggregates:
            for arg in op.args:
                for name in names_in(arg) if arg not in shared else ():
                    columns[name] = rows[name]
        columns |= {name: computed(rows, tree) for tree, name in shared.items()}
        # texts that are only counted, or one of which is taken, need not be read
        read = {shared.get(arg, name) for arg, name in self._read()}
        numbers = {shared.get(arg, name) for arg, name in self._only_counted()} - {
            *by,
            *(edge.column for edge in edges),
        }
        columns |= {name: columns[name].to_physical() for name in numbers if columns[name].dtype == PACKED}
        prepared = texts(pl.DataFrame([column.alias(name) for name, column in columns.items()]), read)
        if any(op.name in _ORDERED for op in self.aggregates) and not in_order(rows, self.rows.order):
            return prepared.with_columns(rows[name].alias(f"{_ORDER}{name}") for name in self.rows.order)
        return prepared

    def alone(self) -> tuple[pl.Expr, ...] | None:
        """What `columns` give of a group of one row, but for its type, said of that row; None where that cannot be."""
        if not all(map(is_told_alone, self.aggregates)):
            return None
        return tuple(
            ALONE[op.name](tuple(map(expression, op.args))).alias(name)
            for op, name in zip(self.aggregates, self._names(), strict=True)
        )

    def _alone(self, rows: pl.DataFrame, by: Sequence[str], edges: Sequence[Edge]) -> pl.DataFrame:
        """The bare aggregates of groups of one row each, but for their types."""
        shared = self._arguments()
        return rows.select(
            KEY,
            *dict.fromkeys(by),
            *(
                ALONE[op.name](tuple(expression(arg, shared=shared) for arg in op.args)).alias(name)
                for op, name in zip(self.aggregates, self._names(), strict=True)
            ),
            *(pl.col(edge.column).alias(edge.name) for edge in edges),
        )

    def _bare(self, rows: pl.DataFrame, by: Sequence[str], edges: Sequence[Edge]) -> pl.DataFrame:
        """The bare aggregates of each group."""
        order = [name for name in rows.columns if name.startswith(_ORDER)]
        rows = rows.sort(*order, nulls_last=True, maintain_order=True).drop(order) if order else rows
        ready, shared = Rows(()), self._arguments()
        columns: list[pl.Expr] = []
        peaks: list[pl.DataFrame] = []
        for op, name in zip(self.aggregates, self._names(), strict=True):
            if op.name == "peak":
                start, end = (expression(arg, shared=shared) for arg in op.args)
                peaks.append(most_at_once(rows, start, end, name=name))
            elif op.name == "covered":
                start, end = (expression(arg, shared=shared) for arg in op.args)
                rows = rows.with_columns(newly_covered(rows, start, end).alias(f"{name}_"))
                added = pl.col(f"{name}_")
                columns.append(pl.when(added.count() > 0).then(added.sum()).alias(name))
            else:
                columns.append(expression(op, rows=ready, shared=shared).alias(name))
        own = [pl.col(name).first() for name in dict.fromkeys(by)]
        grouped = rows.lazy().group_by(KEY).agg(*own, *columns, *(edge.of_group() for edge in edges))
        for found in peaks:
            grouped = grouped.join(found.lazy(), on=KEY, how="left")
        return grouped.collect(engine="in-memory")

    def _names(self) -> list[str]:
        return [column.meta.output_name() for column in self.columns]

    def _only_counted(self) -> set[tuple[Expr, str]]:
        """The arguments whose values need only be told apart, and the names of those that are columns."""
        counted, others = (
            {
                (arg, arg.name if isinstance(arg, Column) else "")
                for op in self.aggregates
                if (op.name in _COUNTED) == wanted
                for arg in op.args
            }
            for wanted in (True, False)
        )
        taken = frozenset[str]().union(*(names_in(arg) for arg, _ in others if isinstance(arg, Column)))
        return {(arg, name) for arg, name in counted - others if name not in taken and has_column(arg)}

    def _read(self) -> Iterator[tuple[Expr, str]]:
        """The arguments whose values an aggregate looks at, and the names of those that are columns."""
        for op in self.aggregates:
            if op.name not in _BARE:
                yield from ((arg, arg.name if isinstance(arg, Column) else "") for arg in op.args)

    def finished(self, grouped: pl.LazyFrame) -> pl.LazyFrame:
        """The grouped frame with the named results; a later one may read an earlier one."""
        for result in self.results:
            grouped = grouped.with_columns(result)
        return grouped.drop(self._names())

    def _ended(self, bare: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
        return self.finished(bare.lazy()).collect(engine="in-memory")


def _handed(groups: pl.DataFrame, keys: pl.Series) -> pl.DataFrame:
    """What was found of each key, row by row; the last of the groups speaks for all other keys."""
    found, known = without(groups, KEY), groups[KEY][:-1]
    if groups.height == 1:
        return pl.DataFrame([column.new_from_index(0, keys.len()) for column in found])
    if not keys.is_sorted():
        return found[places_among(keys, known).fill_null(known.len())]
    first, places = numbered(keys)
    return found[places_among(picked(keys, first), known).fill_null(known.len())][places]


def summary(named: Iterable[tuple[str, Expr]], rows: Rows) -> Summary:
    """The named trees ready for `group_by(…).agg`; equal aggregates are computed once."""
    trees = list(named)
    found = dict.fromkeys(op for _, tree in trees for op in aggregates_in(tree))
    shared: dict[Expr, str] = {op: f"__sum{place}" for place, op in enumerate(found)}
    return Summary(
        tuple(expression(op, rows=rows).alias(shared[op]) for op in found),
        tuple(expression(tree, shared=shared).alias(name) for name, tree in trees),
        tuple(found),
        rows,
    )
