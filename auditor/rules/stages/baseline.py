"""The `baseline` stage: a value per entity and period against the entity's own earlier periods."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import polars as pl

from auditor.entities.columns import fitted, picked, run_starts, uniform
from auditor.entities.packed import PACKED, texts
from auditor.frozen import dataclass
from auditor.model.window import Window
from auditor.rules.compiled.aggregates import Rows
from auditor.rules.compiled.bounds import parts_of
from auditor.rules.compiled.dtypes import DTYPES
from auditor.rules.compiled.operators import constant, finite, number
from auditor.rules.compiled.temporal import span, window_end, window_start, window_starts
from auditor.rules.compiled.textual import written
from auditor.rules.language.columns import names_in
from auditor.rules.language.spec import Baseline, Condition
from auditor.rules.language.tree import Column, Literal, Op, Type
from auditor.rules.outcome import MOST_PERIODS, Judged, NotEvaluated, too_many
from auditor.rules.rows.evaluate import computed
from auditor.rules.rows.keys import KEY, code_of, highest, key_of, known_sorted, numbered
from auditor.rules.rows.places import AT, order
from auditor.rules.stages.detect import with_unknown
from auditor.rules.stages.kept import hits, split, with_records
from auditor.rules.stages.summary import summary
from auditor.rules.task import Task
from auditor.tables.schema import COUNT, LINEAGE, TIME

PERIOD = "period"
_VALUE, _TRUE, _KNOWN, _FLAG = "value", "__true", "__known", "__flag"
_ENTITY, _PLACE = "__entity", "__number"
_NUMBER = DTYPES[Type.NUMBER]
_SMALL = 1 << 31


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings of a baseline as numbers."""

    length: timedelta
    history: int
    least: int
    scale: float

    @classmethod
    def of(cls, stage: Baseline) -> Limits:
        """The literals of a bound stage."""
        history, least = constant(stage.history, int), constant(stage.min_history, int)
        return cls(span(stage.period), history, least, number(stage.min_scale))


def judge_baseline(rows: pl.DataFrame, stage: Baseline, task: Task, *, window: Window | None) -> Judged:
    """Judged periods whose `having` is true, each resting on the records of its rows.

    `rows` reach back before the window. A period filled for want of rows rests on the records of the entity's
    latest period before it.
    """
    limits = Limits.of(stage)
    needed = dict.fromkeys((*stage.entity, stage.time))
    taken = split(rows, task, whole=needed)
    unknown = taken.unknown
    if window is not None and (early := rows[AT] < window.start).any():
        unknown = split(rows.filter(~early), task, whole=needed).unknown
    return with_unknown(partial(_judged, taken.rows, stage, limits, task, window), unknown)


def _judged(rows: pl.DataFrame, stage: Baseline, limits: Limits, task: Task, window: Window | None) -> Judged:
    """What is found among rows that can take part. Raises `NotEvaluated` where no period can be judged, or too many."""
    kept = rows.with_columns(window_start(pl.col(stage.time), limits.length, stage.zone).alias(PERIOD))
    entities, places = numbered(key_of(kept, stage.entity))
    kept = kept.with_columns(fitted(places, COUNT).alias(_ENTITY))
    on = [_ENTITY, PERIOD]
    if stage.method == "first_seen":
        kept = kept.with_columns(_texts_of(kept, stage).alias(_VALUE))
        on.append(_VALUE)
    judged = _judged_periods(kept, stage, limits, window)
    if kept.height and judged.is_empty():
        raise NotEvaluated("no whole period lies in the window")
    is_judged = pl.col(PERIOD).is_in(judged.implode())
    filled = 0
    if stage.method == "first_seen":
        periods, scored = _first_seen(kept, limits)
        population = periods.filter(is_judged).height
        scored = scored.filter(is_judged)
    else:
        least = 0.0 if task.watch else _least_score(stage)
        valued = _valued(kept, stage, judged)
        filled = 0 if stage.fill is None else valued.height
        scored = _scored(valued, stage, limits, judged, least=least)
        population = scored.height
    named = kept.select(stage.entity)[entities][scored[_ENTITY]]
    scored = _with_meeting(scored.hstack(named), kept, stage, task)
    having = stage.having or _ANY_SCORE
    if stage.method == "first_seen":
        # without enough history there is no score, and nothing can be said
        having = Condition(Op("and", (_ANY_SCORE.tree, having.tree), Type.BOOLEAN), having.clauses)
    found, not_judged = hits(scored.with_columns(pl.col(PERIOD).alias(AT)), having, task)
    return Judged(
        with_records(found, _members(kept, found, on), on=on).drop(_ENTITY),
        population=population,
        not_evaluable=not_judged,
        periods=filled,
    )


def _texts_of(rows: pl.DataFrame, stage: Baseline) -> pl.Series:
    """The value of each row as a text, packed or not."""
    value = computed(rows, stage.value).alias(_VALUE)
    if value.dtype == PACKED:
        return value
    return texts(value.to_frame()).select(written(pl.col(_VALUE), stage.value.type)).to_series()


def _least_score(stage: Baseline) -> float:
    """A number the score, whatever its sign, must reach for `having` to be anything but false; 0 where none is told."""
    found = [0.0]
    for tree in parts_of(stage.having.tree) if stage.having else ():
        match tree:
            case Op(">" | ">=", (Column("score") | Op("abs", (Column("score"),)), Literal(float() | int() as value))):
                found.append(float(value))
    return max(found)


_SCORE = Column("score", Type.NUMBER)
_ANY_SCORE = Condition(Op("==", (_SCORE, _SCORE), Type.BOOLEAN), ())


def _judged_periods(rows: pl.DataFrame, stage: Baseline, limits: Limits, window: Window | None) -> pl.Series:
    """Starts of the periods that are judged: wholly inside the window, or all there are without one."""
    if window is None and rows.is_empty():
        return pl.Series(PERIOD, [], dtype=TIME)
    edges = rows.select(pl.col(PERIOD).min().alias("first"), pl.col(PERIOD).max().alias("last")).row(0)
    first, last = edges if window is None else (window.start, window.end)
    starts = _starts(first, last, limits.length, stage.zone).to_frame(PERIOD)
    if window is not None:
        end = window_end(pl.col(PERIOD), limits.length, stage.zone)
        starts = starts.filter((pl.col(PERIOD) >= window.start) & (end <= window.end))
    return starts[PERIOD]


def _starts(first: datetime, last: datetime, length: timedelta, zone: str) -> pl.Series:
    """Starts of the periods from `first` to `last`; raises `NotEvaluated` when they are more than memory may hold."""
    periods = (last - first) // length
    if periods > MOST_PERIODS:
        raise NotEvaluated(str(too_many(periods)))
    return window_starts(first, last, length, zone)


def _valued(rows: pl.DataFrame, stage: Baseline, judged: pl.Series) -> pl.DataFrame:
    """One row an entity and period up to the last judged one, in order, with its value; filled where asked."""
    starts, places = _placed(rows[PERIOD])
    size = max(starts.len(), 1)
    # of many rows every byte counts while keys are made
    kind = pl.Int32() if (highest(rows[_ENTITY]) + 1) * size < _SMALL else COUNT
    keys = fitted(fitted(rows[_ENTITY], kind) * size + fitted(places, kind), COUNT)
    keyed = rows.with_columns(known_sorted(keys).alias(KEY))
    if stage.method == "share":
        flag = pl.col(_FLAG)
        grouped = (
            keyed.select(KEY, computed(rows, stage.value).alias(_FLAG))
            .group_by(KEY)
            .agg(flag.sum().cast(COUNT).alias(_TRUE), flag.count().cast(COUNT).alias(_KNOWN))
            .with_columns(finite(pl.col(_TRUE) / pl.col(_KNOWN)).alias(_VALUE))
        )
    else:
        grouped = summary([(_VALUE, stage.value)], Rows(order(stage.time))).grouped(keyed, ())
        grouped = grouped.with_columns(pl.col(_VALUE).cast(_NUMBER))
    valued = grouped if grouped[KEY].is_sorted() else grouped.sort(KEY)
    valued = valued.with_columns(
        (pl.col(KEY) // size).alias(_ENTITY), picked(starts, valued[KEY] % size).alias(PERIOD)
    ).drop(KEY)
    if judged.len():
        valued = valued.filter(pl.col(PERIOD) <= judged[-1])
    if stage.fill is not None and valued.height:
        valued = _filled(valued, stage, judged)
    return valued


def _placed(periods: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The different periods in order, and the place of each row's among them."""
    first, places = numbered(code_of(periods))
    found = picked(periods, first)
    ranks = found.rank("dense") - 1
    return found.sort(), picked(ranks, places)


def _filled(valued: pl.DataFrame, stage: Baseline, judged: pl.Series) -> pl.DataFrame:
    """The periods with those between an entity's first and the last judged one that have no rows."""
    starts = _starts(valued[PERIOD].sort()[0], judged[-1], span(stage.period), stage.zone)
    places = fitted(starts.search_sorted(valued[PERIOD]), COUNT)
    entities = valued[_ENTITY].rle_id()
    first = places.filter(run_starts(entities))
    sizes = starts.len() - first
    if (periods := int(sizes.sum())) > MOST_PERIODS:
        raise too_many(periods)
    ends = sizes.cum_sum()
    # each period held has its place among all of them, which lie in the same order
    own = picked(ends - sizes - first, entities) + places
    every = pl.DataFrame({_PLACE: first, _ENTITY: valued[_ENTITY].unique(maintain_order=True)})
    every = every.with_columns(pl.int_ranges(_PLACE, starts.len()).alias(_PLACE)).explode(_PLACE)
    nothing = {_VALUE: stage.fill, _TRUE: None, _KNOWN: None}
    return every.select(_ENTITY, picked(starts, every[_PLACE]).alias(PERIOD)).with_columns(
        uniform(nothing[name], every.height, valued.schema[name]).scatter(own, valued[name]).alias(name)
        for name in valued.columns
        if name in nothing
    )


def _scored(valued: pl.DataFrame, stage: Baseline, limits: Limits, judged: pl.Series, *, least: float) -> pl.DataFrame:
    """The judged periods with center, mad, score and n against those before; null with too few of them.

    `valued` are in the order of entities and periods. A score that is less than `least` may be another that is, and
    its mad is null.
    """
    placed = valued.with_columns(pl.int_range(pl.len()).cast(COUNT).alias(_PLACE))
    columns = [pl.col(_VALUE).drop_nulls().alias("__history")]
    if stage.method == "share":
        columns += [pl.col(_TRUE).sum().alias("__all_true"), pl.col(_KNOWN).sum().alias("__all_known")]
    before = placed.rolling(_PLACE, period=f"{limits.history}i", closed="left", group_by=_ENTITY).agg(columns)
    known = placed.filter(pl.col(PERIOD).is_in(judged.implode())).join(
        before.drop(_ENTITY), on=_PLACE, how="left", maintain_order="left"
    )
    history = pl.col("__history")
    known = known.with_columns(history.list.len().cast(COUNT).alias("n"))
    value = pl.col(_VALUE)
    enough = pl.col("n") >= limits.least
    middle = history.list.median()
    match stage.method:
        case "share":
            center = finite(pl.col("__all_true") / pl.col("__all_known"))
            known = known.with_columns(center.alias("center"), pl.lit(None, dtype=_NUMBER).alias("mad"))
            score = value - pl.col("center")
        case "iqr":
            low, high = (history.list.agg(pl.element().quantile(share, "linear")) for share in (0.25, 0.75))
            known = known.with_columns(
                middle.alias("center"), (high - low).alias("mad"), low.alias("__low"), high.alias("__high")
            )
            scale = pl.max_horizontal("mad", pl.lit(limits.scale))
            outside = pl.when(value > pl.col("__high")).then(value - pl.col("__high"))
            score = outside.when(value < pl.col("__low")).then(value - pl.col("__low")).otherwise(0.0) / scale
            score = pl.when(value.is_not_null()).then(score)
        case _:
            known = known.with_columns(middle.alias("center"))
            # no spread makes a score greater than the least one does
            small = ((value - pl.col("center")).abs() / limits.scale < least).fill_null(value=False)
            small = small if limits.scale > 0 else pl.lit(False)
            apart = (history - pl.col("center")).list.eval(pl.element().abs())
            spread = known.filter(~small).with_columns(apart.list.median().alias("mad"))
            known = pl.concat([spread, known.filter(small)], how="diagonal")
            score = (value - pl.col("center")) / pl.max_horizontal(1.4826 * pl.col("mad"), pl.lit(limits.scale))
    found = known.with_columns(finite(score).alias("score"))
    return found.select(
        _ENTITY,
        PERIOD,
        _VALUE,
        "n",
        *(pl.when(enough).then(name).alias(name) for name in ("center", "mad", "score")),
    )


def _first_seen(rows: pl.DataFrame, limits: Limits) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The periods of each entity; and one row an entity and value, at the period it is first seen in.

    There is no score while the entity is new.
    """
    starts, places = _placed(rows[PERIOD])
    size = max(starts.len(), 1)
    keys = rows[_ENTITY] * size + places
    own = keys.filter(run_starts(keys)) if keys.is_sorted() else keys.unique().sort()
    first, runs = numbered(own // size)
    earlier = pl.int_range(own.len(), dtype=COUNT, eager=True) - picked(first.cast(COUNT), runs)
    seen = pl.DataFrame([key_of(rows, [_ENTITY, _VALUE]).alias(KEY), rows[_VALUE], keys.alias(_PLACE)])
    values = seen.filter(pl.col(_VALUE).is_not_null())
    values = values[values[KEY].arg_unique()] if keys.is_sorted() else values.sort(_PLACE).unique(KEY, keep="first")
    n = picked(earlier, own.search_sorted(values[_PLACE]))
    nothing = pl.lit(None, dtype=_NUMBER)
    scored = values.select(
        (pl.col(_PLACE) // size).alias(_ENTITY),
        _VALUE,
        picked(starts, values[_PLACE] % size).alias(PERIOD),
        n.alias("n"),
    )
    return pl.DataFrame([picked(starts, own % size).alias(PERIOD)]), scored.with_columns(
        nothing.alias("center"),
        nothing.alias("mad"),
        pl.when(pl.col("n") >= limits.least).then(pl.lit(1.0)).alias("score"),
    )


def _with_meeting(scored: pl.DataFrame, rows: pl.DataFrame, stage: Baseline, task: Task) -> pl.DataFrame:
    """The scored periods with what the rule names of the meeting, where the entity is in one."""
    names = task.shown | (names_in(stage.having.tree) if stage.having else frozenset())
    meeting = sorted(name for name in names if name.startswith("meeting.") and name not in stage.entity)
    if not meeting:
        return scored
    ordered = rows.sort(*order(stage.time)).group_by(stage.entity, maintain_order=True)
    firsts = ordered.agg(pl.col(name).drop_nulls().first() for name in meeting)
    return scored.join(firsts, on=stage.entity, how="left")


def _members(rows: pl.DataFrame, found: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """The rows each hit rests on; where its period has none, those of the entity's latest period before."""
    theirs = rows.join(found.select(_ENTITY).unique(), on=_ENTITY, how="semi").select(*on, *LINEAGE)
    own = theirs.join(found.select(on), on=on, how="semi")
    empty = found.select(on).join(own.select(on).unique(), on=on, how="anti")
    if empty.is_empty():
        return own
    periods = theirs.select(_ENTITY, pl.col(PERIOD).alias("__earlier")).unique()
    latest = (
        empty.join(periods, on=_ENTITY)
        .filter(pl.col("__earlier") < pl.col(PERIOD))
        .group_by(_ENTITY, PERIOD)
        .agg(pl.col("__earlier").max())
    )
    cited = latest.join(theirs.rename({PERIOD: "__earlier"}), on=[_ENTITY, "__earlier"])
    return pl.concat([own, cited.select(*on, *LINEAGE)])
