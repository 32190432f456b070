"""Plain rules: conditions on single rows, all those of one table judged in one pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from auditor.entities.columns import alongside, coalesced, picked, where_true
from auditor.entities.packed import texts
from auditor.rules.compiled.compile import expression, with_shared
from auditor.rules.language.columns import base_columns, names_in
from auditor.rules.language.inline import definitions, inlined
from auditor.rules.language.tree import Expr, Literal, Type
from auditor.rules.outcome import NULL, Judged
from auditor.rules.rows.evaluate import looked_into
from auditor.rules.rows.handed import Handed
from auditor.rules.rows.once import made_names, settled
from auditor.rules.rows.source import Source
from auditor.rules.stages.derive import with_derived
from auditor.rules.stages.kept import hits, no_hits, with_own_record
from auditor.rules.task import Task


def by_row(task: Task) -> bool:
    """Whether each row can be judged for itself: no stage, and no aggregate among the derived columns."""
    detect = task.rule.detect
    return detect.stage is None and not any(derived.over for derived in detect.derive)


def judge_plain(handed: Handed, task: Task, *, population: int) -> Judged:
    """The rows whose `where` is true, each resting on its own record; of rows that are not handed it is false."""
    found, unknown = hits(handed.rows, task.rule.detect.where, task)
    if found.is_empty() and (none := no_hits(task, population=population, not_evaluable=unknown)):
        return none
    complete = handed.complete(found)
    return Judged(with_own_record(complete), population=population, not_evaluable=unknown)


def judge_by_row(source: Source, tasks: Sequence[Task]) -> list[Judged]:
    """The same for many rules of one table that judge row by row, in the order of the rules.

    Conditions are computed in one pass, equal parts once: on few rows those that are told to be false of all others,
    then the rest on every row. Columns findings need are read for the rows that are hits.
    """
    table = tasks[0].rule.detect.table
    # columns that findings show alone are left where they are
    made = {name for task in tasks for name in made_names(task, table) if source.has(table, name)}
    trees = [settled(condition_of(task), made) for task in tasks]
    screen = source.screened(table, trees)
    few = _told(trees, screen.conditions, lambda read: source.taken(table, read, screen.rows))
    every = _told(
        trees,
        [place for place in range(len(trees)) if place not in few],
        lambda read: source.judged(table, read - made, before=False, beside=read & made, ordered=False),
    )
    population = source.count(table)
    found = []
    for place, task in enumerate(tasks):
        verdict = few[place] if place in few else every[place]
        rows = screen.rows if place in few else None
        found.append(_judged(source, task, verdict, rows=rows, population=population))
    return found


def _told(
    trees: Sequence[Expr], places: Sequence[int], rows_of: Callable[[frozenset[str]], pl.DataFrame]
) -> Mapping[int, pl.Series]:
    """What the conditions at the places say of the rows, which are given for the columns that are read."""
    if not places:
        return {}
    chosen = [trees[place] for place in places]
    read = frozenset[str]().union(*map(names_in, chosen))
    rows = rows_of(read)
    prepared, shared = with_shared(texts(rows, looked_into(chosen, rows.schema)).lazy(), chosen)
    masks = prepared.with_columns(
        expression(tree, shared=shared).alias(_mask(place)) for place, tree in zip(places, chosen, strict=True)
    )
    # the streaming engine takes a list of words for a column where several rules share it, and fails
    verdicts = masks.select(map(_mask, places)).collect(engine="in-memory")
    return {place: verdicts[_mask(place)] for place in places}


def _mask(place: int) -> str:
    return f"__mask{place}"


def condition_of(task: Task) -> Expr:
    """The condition in columns and facts alone."""
    where = task.rule.detect.where
    if where is None:
        return Literal(value=True, type=Type.BOOLEAN)
    return inlined(where.tree, definitions(task.rule.detect.derive))


def _judged(source: Source, task: Task, verdict: pl.Series, *, rows: pl.Series | None, population: int) -> Judged:
    """What a verdict on the rows, or on every row, comes to; of all others it is false."""
    detect = task.rule.detect
    hit = where_true(coalesced(verdict, task.rule.nulls == "fail"))
    unknown = verdict.null_count()
    if hit.is_empty() and task.nothing:
        return Judged(task.nothing[0], population=population, not_evaluable=unknown)
    columns = base_columns(task.rule, task.shown)[detect.table]
    taken = source.taken(detect.table, columns, hit if rows is None else picked(rows, hit))
    taken = with_derived(taken, detect.derive, task, table=detect.table)
    found = with_own_record(alongside(taken, picked(verdict, hit).is_null().alias(NULL)))
    if hit.is_empty():
        task.nothing.append(found)
    return Judged(found, population=population, not_evaluable=unknown)
