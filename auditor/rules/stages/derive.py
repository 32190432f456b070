"""Derived columns: computed row by row, or an aggregate given to every row of a group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from auditor.rules.compiled.aggregates import Rows
from auditor.rules.language.columns import names_in
from auditor.rules.language.spec import Derived
from auditor.rules.language.tree import Expr
from auditor.rules.rows.evaluate import computed, verdicts
from auditor.rules.rows.keys import with_key
from auditor.rules.rows.places import order
from auditor.rules.stages.summary import summary
from auditor.rules.task import Task
from auditor.tables.schema import TABLES


def with_derived(rows: pl.DataFrame, derived: Sequence[Derived], task: Task, *, table: str) -> pl.DataFrame:
    """The rows with every derived column, in order, so that a later one may read an earlier one."""
    for batch in _together(derived) if task.watch is None else [[found] for found in derived]:
        for found in batch:
            task.applied(found.where, rows)
        if batch[0].over:
            rows = rows.with_columns(_over(rows, batch, table=table))
        else:
            rows = rows.with_columns(computed(rows, found.expr).alias(found.name) for found in batch)
    return rows


def _together(derived: Sequence[Derived]) -> Iterator[list[Derived]]:
    """The derived columns in order; neighbours that sum up the same groups, none reading another, are together."""
    batch: list[Derived] = []
    for found in derived:
        names = {one.name for one in batch}
        alike = bool(batch) and found.over and _groups(found) == _groups(batch[0])
        if batch and (not alike or names_in(found.expr) & names):
            yield batch
            batch = []
        batch.append(found)
    if batch:
        yield batch


def _groups(found: Derived) -> tuple[Sequence[str], Expr | None]:
    """Which groups of which rows a column sums up."""
    return found.over, None if found.where is None else found.where.tree


def _over(rows: pl.DataFrame, batch: Sequence[Derived], *, table: str) -> pl.DataFrame:
    """Aggregates over the rows with equal `over` that satisfy `where`, for every row; nulls equal each other."""
    found = batch[0]
    inside = None if found.where is None else verdicts(rows, found.where).fill_null(value=False)
    prepared = summary([(one.name, one.expr) for one in batch], Rows(order(TABLES[table].time, rows, table=table)))
    return prepared.spread(with_key(rows, found.over), inside).select(one.name for one in batch)
