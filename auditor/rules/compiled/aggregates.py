"""Aggregates over the rows of a group as Polars expressions.

Each skips nulls and is null when nothing is left, counts aside. None depends on the order of rows: sums of
floating numbers sort first, `first` and `last` go by time and lineage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import polars as pl

from auditor.frozen import dataclass
from auditor.rules.compiled.dtypes import DTYPES
from auditor.rules.compiled.operators import BEYOND, finite, number, rounded
from auditor.rules.language.columns import names_in
from auditor.rules.language.tree import Expr, Op, Type
from auditor.tables.schema import COUNT, FLAG, SPAN


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows an aggregate looks at, in `order`; without it they stand in order already."""

    order: tuple[str, ...]

    def keys(self) -> list[pl.Expr]:
        """The columns the rows are ordered by."""
        return [pl.col(name) for name in self.order]


def _repeated(tree: Expr, compiled: pl.Expr) -> pl.Expr:
    """A value that reads no column, on each of the rows; Polars repeats no lists."""
    if tree.type is Type.LIST:
        return compiled.gather(pl.repeat(0, pl.len()))
    return pl.repeat(compiled, pl.len(), dtype=DTYPES[tree.type])


Aggregate: TypeAlias = Callable[[Op, tuple[pl.Expr, ...], Rows], pl.Expr]


def has_column(tree: Expr) -> bool:
    """Whether the tree reads a column at all."""
    return bool(names_in(tree))


def _count(_: Op, args: tuple[pl.Expr, ...], __: Rows) -> pl.Expr:
    return (args[0].count() if args else pl.len()).cast(COUNT)


def _added(op: Op, value: pl.Expr) -> pl.Expr:
    """The values added up, floating numbers one after the other from the smallest on.

    Their sum depends on how they are added, and Polars adds those of a group otherwise than those of a whole column.
    """
    return _one_by_one(value.sort()) if op.args[0].type is Type.NUMBER else _whole(value)


def _whole(value: pl.Expr) -> pl.Expr:
    """The sum of whole numbers or durations; null where no column holds it, since it would come round to another."""
    return pl.when(value.cast(COUNT).cast(pl.Float64).sum().abs() < BEYOND).then(value.sum())


def _one_by_one(value: pl.Expr) -> pl.Expr:
    return value.cum_sum().last()


def _sum(op: Op, args: tuple[pl.Expr, ...], _: Rows) -> pl.Expr:
    return pl.when(args[0].count() > 0).then(_added(op, args[0]))


def _mean(op: Op, args: tuple[pl.Expr, ...], _: Rows) -> pl.Expr:
    value = args[0]
    if op.args[0].type is Type.DURATION:
        return rounded(_whole(value.cast(COUNT)) / value.count(), SPAN)
    return finite(_added(op, value) / value.count())


def _median(op: Op, args: tuple[pl.Expr, ...], _: Rows) -> pl.Expr:
    if op.args[0].type is Type.DURATION:
        return rounded(args[0].cast(COUNT).median(), SPAN)
    return args[0].median()


def _quantile(op: Op, args: tuple[pl.Expr, ...], _: Rows) -> pl.Expr:
    share = number(op.args[1])
    return args[0].quantile(share, "linear")


def _std(_: Op, args: tuple[pl.Expr, ...], __: Rows) -> pl.Expr:
    known = args[0].drop_nulls().cast(pl.Float64).sort()
    # equal numbers differ by nothing at all only where they are not taken from a mean that was rounded
    beyond = known - known.first()
    apart = beyond - _one_by_one(beyond) / known.len()
    return finite((_one_by_one(apart * apart) / pl.when(known.len() > 1).then(known.len() - 1)).sqrt())


def _ordered(value: pl.Expr, rows: Rows) -> pl.Expr:
    known = value.sort_by(rows.keys(), nulls_last=True, maintain_order=True) if rows.order else value
    return known.drop_nulls()


def _covered(_: Op, args: tuple[pl.Expr, ...], __: Rows) -> pl.Expr:
    start, end = args
    whole = start.is_not_null() & end.is_not_null()
    by_start = start.filter(whole)
    starts, ends = by_start.sort(), end.filter(whole).sort_by(by_start)
    reached = ends.cum_max().shift(1)
    added = ends.cast(COUNT) - pl.max_horizontal(starts, reached).cast(COUNT)
    return pl.when(whole.any()).then(added.clip(lower_bound=0).sum()).cast(SPAN)


def _peak(_: Op, args: tuple[pl.Expr, ...], __: Rows) -> pl.Expr:
    start, end = args
    whole = start.is_not_null() & end.is_not_null()
    lasting = whole & (start < end)
    # an end sorts before a start of the same moment, since intervals are half-open
    moments = (start.filter(lasting).cast(COUNT) * 2 + 1).append(end.filter(lasting).cast(COUNT) * 2).sort()
    running = pl.when(moments % 2 == 1).then(1).otherwise(-1).cum_sum()
    return pl.when(whole.any()).then(running.max().fill_null(0)).cast(COUNT)


def _values(_: Op, args: tuple[pl.Expr, ...], __: Rows) -> pl.Expr:
    return args[0].drop_nulls().unique().sort()


def _share(_: Op, args: tuple[pl.Expr, ...], __: Rows) -> pl.Expr:
    return finite(args[0].sum() / args[0].count())


AGGREGATES: Mapping[str, Aggregate] = {
    "count": _count,
    "count_if": lambda _, args, __: args[0].sum().cast(COUNT),
    "n_unique": lambda _, args, __: args[0].drop_nulls().n_unique().cast(COUNT),
    "sum": _sum,
    "mean": _mean,
    "median": _median,
    "min": lambda _, args, __: args[0].min(),
    "max": lambda _, args, __: args[0].max(),
    "quantile": _quantile,
    "std": _std,
    "first": lambda _, args, rows: _ordered(args[0], rows).first(),
    "last": lambda _, args, rows: _ordered(args[0], rows).last(),
    "covered": _covered,
    "peak": _peak,
    "values": _values,
    "any": lambda _, args, __: args[0].cast(FLAG).any(ignore_nulls=False),
    "all": lambda _, args, __: args[0].cast(FLAG).all(ignore_nulls=False),
    "share": _share,
}
"""Compiled form of each aggregate."""


Alone: TypeAlias = Callable[[tuple[pl.Expr, ...]], pl.Expr]

ALONE: Mapping[str, Alone] = {
    "count": lambda args: args[0].is_not_null() if args else pl.lit(1),
    "count_if": lambda args: args[0].fill_null(value=False),
    "n_unique": lambda args: args[0].is_not_null(),
    "sum": lambda args: args[0],
    "min": lambda args: args[0],
    "max": lambda args: args[0],
    "first": lambda args: args[0],
    "last": lambda args: args[0],
    "covered": lambda args: (args[1] - args[0]).cast(COUNT).clip(lower_bound=0),
    "peak": lambda args: args[0] < args[1],
    "any": lambda args: args[0],
    "all": lambda args: args[0],
}
"""What an aggregate gives of a group of one row, but for its type. Some that compute with it are left out."""


OF_NONE: Mapping[str, bool | int | list[str]] = {
    "count": 0,
    "count_if": 0,
    "n_unique": 0,
    "values": [],
    "any": False,
    "all": True,
}
"""What an aggregate gives of no rows at all; others give null."""


def is_told_alone(op: Op) -> bool:
    """Whether `ALONE` tells the aggregate of a single row; a sum of floating numbers is computed, even of one."""
    floats = op.name == "sum" and op.args[0].type is Type.NUMBER
    return op.name in ALONE and not floats and all(map(has_column, op.args))


def aggregate(op: Op, args: tuple[pl.Expr, ...], rows: Rows) -> pl.Expr:
    """The aggregate over `rows`; the share a quantile is asked for is a literal and no column."""
    seen = tuple(
        compiled if has_column(tree) or (op.name == "quantile" and place == 1) else _repeated(tree, compiled)
        for place, (tree, compiled) in enumerate(zip(op.args, args, strict=True))
    )
    return AGGREGATES[op.name](op, seen, rows)


def aggregates_in(tree: Expr) -> Iterator[Op]:
    """The aggregates of a tree; they are never nested."""
    if isinstance(tree, Op):
        if tree.name in AGGREGATES:
            yield tree
        else:
            for arg in tree.args:
                yield from aggregates_in(arg)
