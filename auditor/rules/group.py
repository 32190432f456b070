"""The `group` stage: rows with equal keys summed up, in windows of time or as a whole."""

from __future__ import annotations

import polars as pl

from auditor.rules.aggregates import Rows
from auditor.rules.columns import names_in
from auditor.rules.compile import Summary, summary
from auditor.rules.kept import hits, order, split, with_records
from auditor.rules.outcome import NULL, Judged
from auditor.rules.rows import AT
from auditor.rules.spec import Group, GroupWindow
from auditor.rules.task import Task
from auditor.rules.temporal import span, window_end, window_start
from auditor.rules.tree import Column, Expr, Op, Type
from auditor.tables.schema import TABLES

START, END = "window_start", "window_end"
_BURST = "__burst"


def judge_group(rows: pl.DataFrame, stage: Group, task: Task) -> Judged:
    """Groups whose `having` is true, each resting on the records of its rows."""
    window = stage.window
    needed = [*stage.by, *([window.time] if window else [])]
    taken = split(rows, task, whole=needed)
    time = window.time if window else TABLES[task.rule.detect.table].time
    kept = taken.rows.sort(*stage.by, *order(time), nulls_last=True)
    if window is not None and window.kind == "rolling":
        return _rolling(kept, stage, task, unknown=taken.unknown)
    by = list(stage.by)
    if window is not None:
        kept = _cut(kept, by, window)
        by.append(_BURST)
    grouped = _summed(kept, by, stage, task, time)
    if window is not None and window.kind == "tumbling":
        grouped = grouped.with_columns(
            pl.col(_BURST).alias(START), window_end(pl.col(_BURST), span(window.length), window.zone).alias(END)
        )
    found, not_judged = hits(grouped, stage.having, task)
    return Judged(
        with_records(found, kept.join(found.select(by), on=by, how="semi"), on=by),
        population=grouped.height,
        not_evaluable=taken.unknown + not_judged,
    )


def _cut(rows: pl.DataFrame, by: list[str], window: GroupWindow) -> pl.DataFrame:
    """The sorted rows with the tumbling window or the session each belongs to."""
    time, length = pl.col(window.time), span(window.length)
    if window.kind == "tumbling":
        return rows.with_columns(window_start(time, length, window.zone).alias(_BURST))
    starts = (time - time.shift(1) > length).fill_null(True).over(by)
    return rows.with_columns(starts.cum_sum().over(by).alias(_BURST))


def _summary(stage: Group, task: Task, time: str | None) -> Summary:
    meeting = sorted(
        name
        for name in task.shown | names_in(stage.having.tree)
        if name.startswith("meeting.") and name not in stage.by
    )
    counted: list[tuple[str, Expr]] = [("rows", Op("count", (), Type.INTEGER))]
    # the type is of no concern to `first`
    firsts = [(name, Op("first", (Column(name, Type.NULL),), Type.NULL)) for name in meeting]
    return summary([*counted, *firsts, *stage.aggregate], Rows(order(time)))


def _summed(rows: pl.DataFrame, by: list[str], stage: Group, task: Task, time: str | None) -> pl.DataFrame:
    """One row a group: keys, aggregates, `rows`, and the first and last time where there is a window."""
    prepared = _summary(stage, task, time)
    edges = [pl.col(AT).max()]
    if stage.window is not None:
        edges += [pl.col(stage.window.time).min().alias(START), pl.col(stage.window.time).max().alias(END)]
    return prepared.grouped(rows, by, *edges)


def _rolling(rows: pl.DataFrame, stage: Group, task: Task, *, unknown: int) -> Judged:
    window = stage.window
    if window is None:
        raise ValueError("a rolling group needs its window")
    by, time, length = list(stage.by), window.time, span(window.length)
    prepared = _summary(stage, task, time)
    rolled = rows.lazy().rolling(time, period=length, closed="right", group_by=by)
    edges = (pl.col(time).first().alias(START), pl.col(time).last().alias(END))
    seen = prepared.finished(rolled.agg(*prepared.columns, *edges)).collect()
    found, not_judged = hits(seen, stage.having, task)
    members = _bursts(rows, found, by, window)
    burst = [*by, _BURST]
    summed = _summed(members, burst, stage, task, time)
    judged = hits(summed, None, task)[0]
    return Judged(with_records(judged, members, on=burst), population=rows.height, not_evaluable=unknown + not_judged)


def _bursts(rows: pl.DataFrame, found: pl.DataFrame, by: list[str], window: GroupWindow) -> pl.DataFrame:
    """The rows in a window of a hit, numbered by burst: hits closer than the window's length are one."""
    time, length = window.time, span(window.length)
    moments = found.select(*by, time, NULL).unique().sort(*by, time)
    apart = (pl.col(time) - pl.col(time).shift(1) >= length).fill_null(True).over(by)
    spans = (
        moments.with_columns(apart.cum_sum().over(by).alias(_BURST))
        .group_by(*by, _BURST)
        .agg((pl.col(time).min() - length).alias("__from"), pl.col(time).max().alias("__to"), pl.col(NULL).all())
        .sort("__from")
    )
    # the windows of one burst leave no hole and those of two do not meet, so a row has at most one
    return (
        rows.sort(time)
        .join_asof(
            spans,
            left_on=time,
            right_on="__from",
            by=by,
            strategy="backward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .filter(pl.col(time) <= pl.col("__to"))
        .drop("__from", "__to")
    )
