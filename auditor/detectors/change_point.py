"""`change_point`: a habit that changed once.

x_1 … x_n are one value per entity and period. For each split i with at least `min_side` periods on both sides,
`t_i = |m1 − m2| · sqrt(i(n − i)/n) / max(floor, 1.4826 · median|x_{k+1} − x_k| / √2)`; the largest decides and
is the score. The maximum over splits inflates t, so no probability is printed.
"""

from __future__ import annotations

import math
from dataclasses import field
from datetime import timedelta

import polars as pl

from auditor.detectors.detection import (
    DIGITS,
    Aggregate,
    Budget,
    Detection,
    conclude,
    days,
    learned,
    records,
    unjudged,
    within,
)
from auditor.detectors.outlier import period_start
from auditor.detectors.wording import entity, number
from auditor.frozen import dataclass
from auditor.model.window import Window
from auditor.rules.packed import texts

MAD_TO_SIGMA = 1.4826
PARTIAL = 1
"""So many periods at each end of a person's may be partial."""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """Settings of `change_point`; `value` is an aggregate over the rows of an entity and period.

    A change has held when `min_held` values of each side lie nearer to its level than to the other one.
    """

    value: Aggregate
    entity: tuple[str, ...] = ("email",)
    period: timedelta = timedelta(weeks=1)
    min_side: int = 4
    threshold: float = 9.0
    floor: float = 0.03
    min_change: float = 0.2
    fill: float | None = None
    min_held: int = 0
    budget: Budget = field(default_factory=Budget)

    @property
    def needed(self) -> frozenset[str]:
        """The columns and facts it reads of a row."""
        return frozenset({*self.entity, *self.value.reads, "joined_time"})


def detect(rows: pl.LazyFrame, settings: ChangePoint, window: Window) -> Detection:
    """The one time at which each entity's value changed most."""
    key = list(settings.entity)
    usable = pl.all_horizontal(pl.col("joined_time").is_not_null(), *[pl.col(name).is_not_null() for name in key])
    everything = texts(rows.with_columns(_usable=usable).collect())
    if not everything["_usable"].any():
        return unjudged(everything.height, (*key, "joined_time"))
    frame = everything.filter("_usable").with_columns(period=period_start(settings.period))
    series = _series(frame, settings)
    split = _best_split(series, settings)
    long_enough = split.filter(pl.col("n") >= 2 * settings.min_side)
    entities = frame.select(key).n_unique()
    changed = (
        long_enough.filter(
            (pl.col("score") >= settings.threshold)
            & ((pl.col("after") - pl.col("before")).abs() >= settings.min_change)
        )
        .with_columns(observed_at=pl.col("at"), suppressed=pl.lit(None, dtype=pl.String))
        .filter(within(window, "at"))
    )
    changed = _held(changed, series, settings)
    before = frame.filter(pl.col("joined_time") < window.start)["joined_time"]
    detection = conclude(
        _worded(changed, settings),
        entity=key,
        budget=settings.budget,
        population=long_enough.height,
        not_evaluable=everything.height - frame.height + entities - long_enough.height,
        history=days(before),
    )
    reason = "too little history" if entities and not long_enough.height else None
    return Detection(
        detection.findings, detection.population, detection.not_evaluable, detection.truncated, detection.ledger, reason
    )


def _series(frame: pl.DataFrame, settings: ChangePoint) -> pl.DataFrame:
    """One row an entity and period, the first and last period of each entity left out, since they are partial."""
    key = list(settings.entity)
    grouped = frame.lazy().group_by(*key, "period").agg(*settings.value.columns, records=records())
    values = (
        settings.value.finish(grouped)
        .select(*key, "period", "records", x=pl.col("value").cast(pl.Float64).fill_nan(None))
        .collect()
    )
    if settings.fill is not None:
        days = max(settings.period // timedelta(days=1), 1)
        grid = (
            values.group_by(key)
            .agg(_from=pl.col("period").min(), _to=pl.col("period").max())
            .with_columns(period=pl.datetime_ranges("_from", "_to", interval=f"{days}d"))
            .explode("period")
            .drop("_from", "_to")
        )
        values = grid.join(values, on=[*key, "period"], how="left").with_columns(pl.col("x").fill_null(settings.fill))
    inner = (pl.col("period") > pl.col("period").min().over(key)) & (
        pl.col("period") < pl.col("period").max().over(key)
    )
    told = values.filter(pl.col("x").is_not_null())
    series = values.filter(inner & pl.col("x").is_not_null())
    if series.is_empty():
        learned(pl.Series([0]), earlier=told.group_by(key).len()["len"] > 2 * PARTIAL)
    return series.sort(*key, "period")


def _best_split(series: pl.DataFrame, settings: ChangePoint) -> pl.DataFrame:
    """For each entity its best split: `score`, `before`, `after`, `at`, `n_before`, `n_after`, `n`, `records`."""
    key = list(settings.entity)
    i = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(key)
    n = pl.len().over(key).cast(pl.Int64)
    step = (pl.col("x") - pl.col("x").shift(1).over(key)).abs()
    noise = pl.max_horizontal(
        pl.lit(settings.floor), MAD_TO_SIGMA * step.median().over(key).fill_null(0.0) / math.sqrt(2)
    )
    shaped = series.with_columns(_i=i, _n=n, _sum=pl.col("x").cum_sum().over(key), _all=pl.col("x").sum().over(key))
    scored = shaped.with_columns(
        _noise=noise,
        _next=pl.col("period").shift(-1).over(key),
        before=pl.col("_sum") / pl.col("_i"),
        after=pl.when(pl.col("_i") < pl.col("_n")).then(
            (pl.col("_all") - pl.col("_sum")) / (pl.col("_n") - pl.col("_i"))
        ),
    ).with_columns(
        score=(
            (pl.col("before") - pl.col("after")).abs()
            * (pl.col("_i") * (pl.col("_n") - pl.col("_i")) / pl.col("_n")).sqrt()
            / pl.col("_noise")
        ).round(DIGITS)
    )
    inside = (pl.col("_i") >= settings.min_side) & (pl.col("_n") - pl.col("_i") >= settings.min_side)
    best = (
        scored.filter(inside)
        .sort(*key, "score", "period", descending=[*[False] * len(key), True, False])
        .group_by(key, maintain_order=True)
        .first()
        .select(
            *key,
            "score",
            "before",
            "after",
            at=pl.col("_next"),
            n=pl.col("_n"),
            n_before=pl.col("_i"),
            n_after=pl.col("_n") - pl.col("_i"),
        )
    )
    lineage = series.select(*key, "records").explode("records").drop_nulls("records")
    return best.join(lineage.group_by(key).agg(pl.col("records").unique().sort()), on=key, how="left").sort(key)


def _held(changed: pl.DataFrame, series: pl.DataFrame, settings: ChangePoint) -> pl.DataFrame:
    """The changes that held."""
    if settings.min_held < 1:
        return changed
    key = list(settings.entity)
    values = series.select(*key, "period", "x").join(changed.select(*key, "before", "after", "at"), on=key)
    early = pl.col("period") < pl.col("at")
    to_before, to_after = ((pl.col("x") - pl.col(side)).abs() for side in ("before", "after"))
    held = (
        values.group_by(key)
        .agg(_before=(early & (to_before < to_after)).sum(), _after=(~early & (to_after < to_before)).sum())
        .filter(pl.min_horizontal("_before", "_after") >= settings.min_held)
    )
    return changed.join(held, on=key, how="semi", maintain_order="left")


def _worded(changed: pl.DataFrame, settings: ChangePoint) -> pl.DataFrame:
    """The candidates with their sentence."""
    direction = pl.when(pl.col("after") < pl.col("before")).then(pl.lit("fell")).otherwise(pl.lit("rose"))
    return changed.with_columns(
        explanation=pl.concat_str(
            entity(settings.entity),
            pl.lit("’s value "),
            direction,
            pl.lit(" from "),
            number("before", digits=2),
            pl.lit(" ("),
            pl.col("n_before").cast(pl.String()),
            pl.lit(" periods) to "),
            number("after", digits=2),
            pl.lit(" ("),
            pl.col("n_after").cast(pl.String()),
            pl.lit(" periods) at "),
            pl.col("at").dt.strftime("%Y-%m-%d"),
        )
    )
