"""Aggregates of groups of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from auditor.frozen import dataclass
from auditor.rules.aggregates import Rows, aggregates_in, has_column
from auditor.rules.compile import expression
from auditor.rules.cover import most_at_once, newly_covered
from auditor.rules.evaluate import computed
from auditor.rules.keys import KEY
from auditor.rules.packed import texts
from auditor.rules.places import in_order
from auditor.rules.tree import Column, Expr, Op

_ORDERED = frozenset({"first", "last"})
_BARE = frozenset({"first", "last", "count", "n_unique"})


@dataclass(frozen=True, slots=True)
class Summary:
    """Named aggregate expressions in two steps: the bare aggregates of the rows, then what is made of them."""

    columns: tuple[pl.Expr, ...]
    results: tuple[pl.Expr, ...]
    aggregates: tuple[Op, ...]
    rows: Rows

    def grouped(self, rows: pl.DataFrame, by: Sequence[str], *beside: pl.Expr) -> pl.DataFrame:
        """The results of each group of a frame, which has the `KEY` of `by`, and the aggregates `beside`.

        Gives what `group_by(by).agg(columns)` and `finished` give, nulls in `by` equal to each other, but sorts once
        and not once a group.
        """
        if any(op.name in _ORDERED for op in self.aggregates) and not in_order(rows, self.rows.order):
            rows = rows.sort(*self.rows.order, nulls_last=True, maintain_order=True)
        ready = Rows((), self.rows.mask)
        # arguments become columns first: inside a group an expression is computed group by group
        trees = dict.fromkeys(
            arg for op in self.aggregates for arg in op.args if isinstance(arg, Op) and has_column(arg)
        )
        shared: dict[Expr, str] = {tree: f"__arg{place}" for place, tree in enumerate(trees)}
        rows = rows.with_columns(computed(rows, tree).alias(name) for tree, name in shared.items())
        # texts that are only counted, or one of which is taken, need not be read
        rows = texts(rows, {shared.get(arg, name) for arg, name in self._read()})
        columns: list[pl.Expr] = []
        peaks: list[pl.DataFrame] = []
        for op, column in zip(self.aggregates, self.columns, strict=True):
            name = column.meta.output_name()
            if op.name == "peak":
                start, end = (expression(arg, shared=shared) for arg in op.args)
                peaks.append(most_at_once(rows, start, end, mask=self.rows.mask, name=name))
            elif op.name == "covered":
                start, end = (expression(arg, shared=shared) for arg in op.args)
                rows = rows.with_columns(newly_covered(rows, start, end, mask=self.rows.mask).alias(f"{name}_"))
                added = pl.col(f"{name}_")
                columns.append(pl.when(added.count() > 0).then(added.sum()).alias(name))
            else:
                columns.append(expression(op, rows=ready, shared=shared).alias(name))
        own = [pl.col(name).first() for name in dict.fromkeys(by)]
        grouped = rows.lazy().group_by(KEY).agg(*own, *columns, *beside)
        for found in peaks:
            grouped = grouped.join(found.lazy(), on=KEY, how="left")
        return self.finished(grouped).collect(engine="in-memory")

    def _read(self) -> Iterator[tuple[Expr, str]]:
        """The arguments whose values an aggregate looks at, and the names of those that are columns."""
        for op in self.aggregates:
            if op.name not in _BARE:
                yield from ((arg, arg.name if isinstance(arg, Column) else "") for arg in op.args)

    def finished(self, grouped: pl.LazyFrame) -> pl.LazyFrame:
        """The grouped frame with the named results; a later one may read an earlier one."""
        for result in self.results:
            grouped = grouped.with_columns(result)
        return grouped.drop(column.meta.output_name() for column in self.columns)


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
