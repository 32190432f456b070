"""Derived columns: computed row by row, or an aggregate given to every row of a group."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from auditor.rules.aggregates import Rows
from auditor.rules.evaluate import computed, verdicts
from auditor.rules.keys import with_key
from auditor.rules.places import order
from auditor.rules.spec import Derived
from auditor.rules.summary import summary
from auditor.rules.task import Task
from auditor.tables.schema import TABLES


def with_derived(rows: pl.DataFrame, derived: Sequence[Derived], task: Task, *, table: str) -> pl.DataFrame:
    """The rows with every derived column, in order, so that a later one may read an earlier one."""
    for found in derived:
        task.applied(found.where, rows)
        column = _over(rows, found, table=table) if found.over else computed(rows, found.expr).alias(found.name)
        rows = rows.with_columns(column)
    return rows


def _over(rows: pl.DataFrame, found: Derived, *, table: str) -> pl.Series:
    """One aggregate over the rows with equal `over` that satisfy `where`, for every row; nulls equal each other."""
    inside = None if found.where is None else verdicts(rows, found.where).fill_null(value=False)
    prepared = summary([(found.name, found.expr)], Rows(order(TABLES[table].time, rows, table=table)))
    return prepared.spread(with_key(rows, found.over), inside)[found.name]
