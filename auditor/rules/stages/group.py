"""The `group` stage: rows with equal keys summed up, in windows of time or as a whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache

import polars as pl

from auditor.entities.columns import coalesced, filtered, flags, picked, where_true
from auditor.entities.groups import mates
from auditor.frozen import dataclass
from auditor.rules.compiled.aggregates import Rows, aggregates_in
from auditor.rules.compiled.bounds import at_least, can_be_false, least_rows, parts_of
from auditor.rules.compiled.temporal import span, window_end, window_start
from auditor.rules.language.columns import asked, names_in
from auditor.rules.language.spec import Condition, Group, GroupWindow
from auditor.rules.language.tree import Column, Expr, Op, Type
from auditor.rules.outcome import NULL, Judged
from auditor.rules.rows.evaluate import computed
from auditor.rules.rows.handed import Handed
from auditor.rules.rows.keys import KEY, with_key
from auditor.rules.rows.places import AT, in_order, order
from auditor.rules.rows.runs import Runs, among
from auditor.rules.stages.kept import hits, no_hits, split, with_records
from auditor.rules.stages.summary import Edge, Summary, summary
from auditor.rules.task import Task
from auditor.tables.schema import TABLES

START, END = "window_start", "window_end"
_BURST = "__burst"
_MANY = 2
_FEWER = 4
"""Of so many rows, or groups, one may have to go before it is worth while to leave some out."""

_ROWS = Op("count", (), Type.INTEGER)
_DEAR = frozenset({"n_unique", "values", "median", "quantile", "std", "covered", "peak"})
"""Aggregates that look at the values of a group more than once."""


def judge_group(handed: Handed, stage: Group, task: Task) -> Judged:
    """Groups whose `having` is true, each resting on the records of its rows."""
    window = stage.window
    taken = split(handed.rows, task, whole=[*stage.by, *([window.time] if window else [])])
    kept = with_key(taken.rows, stage.by)
    if window is not None and window.kind == "rolling":
        return _rolling(handed.turned(kept), stage, window, task, unknown=taken.unknown)
    if window is not None:
        kept = _cut(kept, window, task)
        kept = with_key(kept, (KEY, _BURST))
    population, kept = _worth_summing(kept, stage, task) if task.watch is None else (None, kept)
    grouped = _summed(kept, stage, task, only=None if task.watch else asked(stage))
    found, not_judged = hits(grouped, stage.having, task)
    population = grouped.height if population is None else population
    unknown = taken.unknown + not_judged
    if found.is_empty() and (none := no_hits(task, population=population, not_evaluable=unknown)):
        return none
    if found.height < grouped.height:
        kept = kept.join(found.select(KEY), on=KEY, how="semi", maintain_order="left")
    members = handed.complete(kept)
    if task.watch is None:
        # the rest is computed of hits alone
        found = hits(_summed(members, stage, task), stage.having, task)[0]
    return Judged(with_records(found, members, on=[KEY]), population=population, not_evaluable=unknown)


def _worth_summing(rows: pl.DataFrame, stage: Group, task: Task) -> tuple[int | None, pl.DataFrame]:
    """How many groups there are, where that is known then, and the rows of those `having` may be true or null of.

    It is false of groups of too few rows, and of those of which a part of it is that takes no dear sums to tell.
    """
    population, screens = None, _screens(stage)
    if screens.least > 1:
        population, enough = _of_size(rows[KEY], screens.least)
        for tree in screens.beside:
            other = where_true(coalesced(computed(rows, tree), value=False))
            enough |= among(rows[KEY], picked(rows[KEY], other)) if other.len() else enough
        if enough.sum() * _FEWER <= rows.height * (_FEWER - 1):
            rows = filtered(rows, enough)
    if screens.cheap is not None:
        condition, names = screens.cheap
        grouped = _summed(rows, stage, task, only=names)
        population = grouped.height if population is None else population
        may = coalesced(computed(grouped, condition), value=True)
        if may.sum() * _FEWER <= grouped.height:
            rows = rows.filter(among(rows[KEY], grouped[KEY].filter(may)))
    return population, rows


def _of_size(keys: pl.Series, least: int) -> tuple[int, pl.Series]:
    """How many keys there are, and the rows of those that have at least so many."""
    if keys.is_sorted():
        sizes = keys.rle().struct.field("len")
        return sizes.len(), picked(sizes >= least, keys.rle_id())
    places, own = mates(keys)
    alone = keys.len() - places.len()
    if least > _MANY:
        places = places.filter(picked(own.rle().struct.field("len") >= least, own))
    return alone + (0 if own.is_empty() else int(own[-1]) + 1), flags(keys.len()).scatter(places, True)


@dataclass(frozen=True, slots=True)
class _Screens:
    """What tells that `having` is false: fewer rows of a group than the `least`, all of which are false `beside`.

    And a part of it that is `cheap` to tell, with all names it reads.
    """

    least: int
    beside: Sequence[Expr]
    cheap: tuple[Expr, frozenset[str]] | None


@cache
def _screens(stage: Group) -> _Screens:
    having, named = stage.having.tree, {"rows": _ROWS, **dict(stage.aggregate)}
    sums = {name: tuple(aggregates_in(tree)) for name, tree in stage.aggregate}
    ops = dict.fromkeys(op for name in sums.keys() & asked(stage) for op in sums[name])
    beside = [arg for op in ops if op.name == "count_if" for arg in op.args]
    beside += [Op("is_null", (arg,), Type.BOOLEAN) for op in ops if op.name == "peak" for arg in op.args]
    least, of_plain = (least_rows(having, named, plain=plain) for plain in (False, True))
    parts = {part: asked(replace(stage, having=Condition(part, ()))) for part in parts_of(having)}
    dear = {name for name, found in sums.items() if any(op.name in _DEAR for op in found)}
    cheap = [part for part, names in parts.items() if not names & dear and can_be_false(part, named)]
    part = min(cheap, key=lambda part: len(parts[part])) if cheap and asked(stage) & dear else None
    told = None if part is None else (part, parts[part])
    return _Screens(of_plain, beside, told) if of_plain > least else _Screens(least, (), told)


def _cut(rows: pl.DataFrame, window: GroupWindow, task: Task) -> pl.DataFrame:
    """The rows with the tumbling window or the session each belongs to."""
    time, length = pl.col(window.time), span(window.length)
    if window.kind == "tumbling":
        return rows.with_columns(window_start(time, length, window.zone).alias(_BURST))
    starts = (time - time.shift(1) > length).fill_null(True) | (pl.col(KEY) != pl.col(KEY).shift(1))
    in_time = order(window.time, rows, table=task.rule.detect.table)
    ordered = rows.sort(KEY, *in_time, nulls_last=True, maintain_order=True)
    return ordered.with_columns(starts.cum_sum().alias(_BURST))


def _summary(rows: pl.DataFrame, stage: Group, task: Task, *, only: Collection[str] | None = None) -> Summary:
    table = task.rule.detect.table
    meeting = sorted(
        name
        for name in task.shown | names_in(stage.having.tree)
        if name.startswith("meeting.") and name not in stage.by
    )
    counted: list[tuple[str, Expr]] = [("rows", _ROWS)]
    # the type is of no concern to `first`
    firsts = [(name, Op("first", (Column(name, Type.NULL),), Type.NULL)) for name in meeting]
    time = stage.window.time if stage.window else TABLES[table].time
    named = [(name, tree) for name, tree in (*counted, *firsts, *stage.aggregate) if only is None or name in only]
    return summary(named, Rows(order(time, rows, table=table)))


def _summed(rows: pl.DataFrame, stage: Group, task: Task, *, only: Collection[str] | None = None) -> pl.DataFrame:
    """One row a group: keys, aggregates, `rows`, and the first and last time where there is a window.

    Of aggregates the names in `only`, where they are given.
    """
    grouped = _aggregated(rows, stage, task, only=only)
    window = stage.window
    if window is None or window.kind != "tumbling":
        return grouped
    end = window_end(pl.col(_BURST), span(window.length), window.zone)
    return grouped.with_columns(pl.col(_BURST).alias(START), end.alias(END))


def _aggregated(rows: pl.DataFrame, stage: Group, task: Task, *, only: Collection[str] | None) -> pl.DataFrame:
    by, edges = list(stage.by), [Edge(AT, AT, greatest=True)]
    if stage.window is not None:
        by.append(_BURST)
        time = stage.window.time
        edges += [Edge(START, time, greatest=False), Edge(END, time, greatest=True)]
    if only is not None:
        by = [name for name in by if name in only or name == _BURST]
        edges = [edge for edge in edges if edge.name in only]
    return _summary(rows, stage, task, only=only).grouped(rows, by, *edges)


def _rolling(handed: Handed, stage: Group, window: GroupWindow, task: Task, *, unknown: int) -> Judged:
    population = handed.rows.height
    bounds = list(at_least(stage.having.tree, dict(stage.aggregate)))
    rows = _promising(handed.rows, bounds)
    in_time = order(window.time, rows, table=task.rule.detect.table)
    ordered = in_order(rows, in_time)
    rows = (
        rows[Runs.of(rows[KEY]).places] if ordered else rows.sort(KEY, *in_time, nulls_last=True, maintain_order=True)
    )
    time, length = window.time, span(window.length)
    if task.watch is None:
        rows = _crowded(rows, time, length, least=max((least for _, least in bounds), default=1))
    if rows.is_empty() and (none := no_hits(task, population=population, not_evaluable=unknown)):
        return none
    only = None if task.watch else asked(stage)
    own = [name for name in stage.by if only is None or name in only]
    edges = (Edge(START, time, greatest=False), Edge(END, time, greatest=True))
    seen = _summary(rows, stage, task, only=only).rolled(rows, own, time, length, *edges)
    found, not_judged = hits(seen, stage.having, task)
    members = with_key(handed.complete(_bursts(rows, found, window)), (KEY, _BURST))
    judged = hits(_summed(members, stage, task), None, task)[0]
    return Judged(with_records(judged, members, on=[KEY]), population=population, not_evaluable=unknown + not_judged)


def _promising(rows: pl.DataFrame, bounds: Sequence[tuple[Op, int]]) -> pl.DataFrame:
    """The rows of groups that may hold a window of which `having` is true or null.

    A count over a whole group is never less than over a window of it; where `having` wants more, no window can give it.
    """
    if not bounds:
        return rows
    prepared = summary([(f"__most{place}", op) for place, (op, _) in enumerate(bounds)], Rows(()))
    enough = pl.all_horizontal(pl.col(f"__most{place}") >= least for place, (_, least) in enumerate(bounds))
    groups = prepared.grouped(rows, ()).filter(enough)
    return rows.join(groups.select(KEY), on=KEY, how="semi", maintain_order="left")


def _crowded(rows: pl.DataFrame, time: str, length: timedelta, *, least: int) -> pl.DataFrame:
    """The rows of windows that hold at least so many rows; they stand by key and time.

    A count never exceeds the rows it counts. Of windows of fewer rows some may be left, with fewer still.
    """
    if least < _MANY:
        return rows
    first = pl.col(time).shift(least - 1)
    full = (pl.col(KEY) == pl.col(KEY).shift(least - 1)) & (pl.col(time) - first < length)
    ends = rows.select(
        pl.when(full).then(KEY).backward_fill().alias(KEY), pl.when(full).then(time).backward_fill().alias(time)
    )
    inside = (rows[KEY] == ends[KEY]) & (ends[time] - rows[time] < length)
    return rows.filter(inside.fill_null(value=False))


def _bursts(rows: pl.DataFrame, found: pl.DataFrame, window: GroupWindow) -> pl.DataFrame:
    """The rows in a window of a hit, numbered by burst: hits closer than the window's length are one."""
    time, length = window.time, span(window.length)
    moments = found.select(KEY, time, NULL).unique().sort(KEY, time)
    apart = (pl.col(time) - pl.col(time).shift(1) >= length).fill_null(True).over(KEY)
    spans = (
        moments.with_columns(apart.cum_sum().over(KEY).alias(_BURST))
        .group_by(KEY, _BURST)
        .agg((pl.col(time).min() - length).alias("__from"), pl.col(time).max().alias("__to"), pl.col(NULL).all())
        .sort("__from")
    )
    # the windows of one burst leave no hole and those of two do not meet, so a row has at most one
    return (
        rows.join(spans.select(KEY).unique(), on=KEY, how="semi", maintain_order="left")
        .sort(time, maintain_order=True)
        .join_asof(
            spans,
            left_on=time,
            right_on="__from",
            by=KEY,
            strategy="backward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .filter(pl.col(time) <= pl.col("__to"))
        .drop("__from", "__to")
    )
