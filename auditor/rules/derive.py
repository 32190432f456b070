"""Derived columns: computed row by row, or an aggregate given to every row of a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from auditor.rules.aggregates import Rows
from auditor.rules.compile import expression, summary
from auditor.rules.kept import condition
from auditor.rules.keys import KEY, with_key
from auditor.rules.places import order
from auditor.rules.spec import Derived
from auditor.rules.task import Task
from auditor.rules.tree import Column, Expr, Op
from auditor.tables.schema import TABLES


def with_derived(rows: pl.DataFrame, derived: Sequence[Derived], task: Task, *, table: str) -> pl.DataFrame:
    """The rows with every derived column, in order, so that a later one may read an earlier one."""
    for found in derived:
        task.applied(found.where, rows)
        column = _over(rows, found, table=table) if found.over else rows.select(_own(found))
        rows = rows.with_columns(column.to_series())
    return rows


def _own(found: Derived) -> pl.Expr:
    """The expression of one row; `select` alone would give one row for a constant."""
    return pl.when(pl.int_range(pl.len()) >= 0).then(expression(found.expr)).alias(found.name)


def _over(rows: pl.DataFrame, found: Derived, *, table: str) -> pl.DataFrame:
    """One aggregate over the rows with equal `over` that satisfy `where`, for every row; nulls equal each other."""
    mask = None if found.where is None else condition(found.where).fill_null(False)
    prepared = summary([(found.name, found.expr)], Rows(order(TABLES[table].time, rows, table=table), mask))
    keyed = with_key(rows, found.over)
    grouped = prepared.grouped(keyed, ())
    return keyed.select(KEY).join(grouped, on=KEY, how="left", maintain_order="left").select(found.name)


def inlined(tree: Expr, derived: Mapping[str, Expr]) -> Expr:
    """The tree with derived names replaced by what they stand for, so that rules can share their parts."""
    match tree:
        case Column(name) if name in derived:
            return derived[name]
        case Op():
            return replace(tree, args=tuple(inlined(arg, derived) for arg in tree.args))
        case _:
            return tree


def definitions(derived: Sequence[Derived]) -> Mapping[str, Expr]:
    """What each name stands for in columns and facts alone; `over` must not be among them."""
    found: dict[str, Expr] = {}
    for one in derived:
        found[one.name] = inlined(one.expr, found)
    return found
