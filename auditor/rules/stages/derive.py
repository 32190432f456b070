"""Derived columns: computed row by row, or an aggregate given to every row of a group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from auditor.entities.columns import alongside
from auditor.rules.compiled.aggregates import Rows
from auditor.rules.compiled.bounds import parts_of
from auditor.rules.language.columns import names_in
from auditor.rules.language.inline import definitions, inlined
from auditor.rules.language.spec import Condition, Derived, Detector, Match
from auditor.rules.language.tree import Expr, Op, Type
from auditor.rules.rows.evaluate import computed, verdicts
from auditor.rules.rows.keys import KEY, key_of, known_sorted
from auditor.rules.rows.places import order
from auditor.rules.rows.runs import among
from auditor.rules.stages.summary import summary
from auditor.rules.task import Task
from auditor.tables.schema import TABLES

_MOST = 3
"""Of so many rows one may be left before it is worth while to leave the others out."""


def with_derived(rows: pl.DataFrame, derived: Sequence[Derived], task: Task, *, table: str) -> pl.DataFrame:
    """The rows with every derived column, in order, so that a later one may read an earlier one."""
    keys: dict[Sequence[str], pl.Series] = {}
    for batch in _together(derived) if task.watch is None else [[found] for found in derived]:
        for found in batch:
            task.applied(found.where, rows)
        if over := batch[0].over:
            if over not in keys:
                keys[over] = known_sorted(key_of(rows, over)).alias(KEY)
            rows = rows.with_columns(_over(alongside(rows, keys[over]), batch, table=table))
        else:
            rows = rows.with_columns(computed(rows, found.expr).alias(found.name) for found in batch)
    return rows


def narrowed(rows: pl.DataFrame, task: Task) -> pl.DataFrame:
    """Of the rows those the rule's `where` may be true of, and all that they are summed up with; perhaps more.

    It is false of all others, told by what it asks of single rows; so it is of rows whose sums are other ones now.
    """
    screen = _screen(task)
    if screen is None or task.watch is not None:
        return rows
    condition, columns = screen
    may = verdicts(rows, condition).fill_null(value=True)
    if may.sum() * _MOST > rows.height:
        return rows
    keys = key_of(rows, columns)
    return rows.filter(among(keys, keys.filter(may)))


def _screen(task: Task) -> tuple[Condition, Sequence[str]] | None:
    """What `where` asks of rows beside sums of groups, and the columns all such groups share."""
    detect = task.rule.detect
    sums = {one.name: one for one in detect.derive if one.over}
    if not sums or detect.where is None or isinstance(detect.stage, Detector):
        return None
    if isinstance(detect.stage, Match) and detect.stage.table == detect.table:
        return None  # a partner need not satisfy what is asked of the rule's own rows
    known = definitions([one for one in detect.derive if not one.over])
    read = [inlined(tree, known) for one in sums.values() for tree in _trees(one)]
    if any(names_in(tree) & sums.keys() for tree in read):
        return None
    parts = [part for part in parts_of(inlined(detect.where.tree, known)) if not names_in(part) & sums.keys()]
    shared = set.intersection(*(set(one.over) for one in sums.values()))
    columns = sorted(shared - {one.name for one in detect.derive})
    return (Condition(Op("and", tuple(parts), Type.BOOLEAN), ()), columns) if parts and columns else None


def _trees(derived: Derived) -> list[Expr]:
    return [derived.expr] if derived.where is None else [derived.expr, derived.where.tree]


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
    """Aggregates over the rows with equal `KEY` that satisfy `where`, for every row."""
    found = batch[0]
    inside = None if found.where is None else verdicts(rows, found.where).fill_null(value=False)
    prepared = summary([(one.name, one.expr) for one in batch], Rows(order(TABLES[table].time, rows, table=table)))
    return prepared.spread(rows, inside).select(one.name for one in batch)
