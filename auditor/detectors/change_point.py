"""`change_point`: a habit that changed once.

x_1 … x_n are one value per entity and period. For each split i with at least `min_side` periods on both sides,
`t_i = |m1 − m2| · sqrt(i(n − i)/n) / max(floor, 1.4826 · median|x_{k+1} − x_k| / √2)`; the largest decides and
is the score. The maximum over splits inflates t, so no probability is printed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field, replace
from datetime import timedelta

import polars as pl

from auditor.detectors.detection import (
    DIGITS,
    Aggregate,
    Budget,
    Detection,
    learned,
    not_evaluated,
    records,
    unjudged,
    usable,
    within,
)
from auditor.detectors.outlier import periods
from auditor.detectors.seen import Again, Beside, Seen, concluded, ends, once, together
from auditor.detectors.wording import entity, number
from auditor.entities.columns import flags, picked, run_starts, where_true
from auditor.entities.groups import ids, places
from auditor.entities.packed import texts
from auditor.frozen import dataclass
from auditor.model.window import Window
from auditor.tables.schema import LINEAGE

MAD_TO_SIGMA = 1.4826
_LOST = 1e-9
PARTIAL = 1
"""So many periods at each end of a person's may be partial."""

MOST = 20_000_000
"""So many periods are filled at most, those of all parts together: more of them would not fit into memory."""
_PERIODS, _LONG, _VALUED = "periods", "long", "valued"


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

    @property
    def sifted(self) -> frozenset[str]:
        """The columns all rows are looked at by."""
        return self.needed

    @property
    def whole(self) -> tuple[str, ...]:
        """What a row must have."""
        return (*self.entity, "joined_time")

    @property
    def apart(self) -> tuple[str, ...]:
        """The columns by any of which rows may be split and looked at part by part."""
        return self.entity

    @property
    def far(self) -> bool:
        """Whether it looks at all rows together where places are known."""
        return False


def detect(rows: pl.LazyFrame, settings: ChangePoint, window: Window) -> Detection:
    """The one time at which each entity's value changed most."""
    return tell([look(rows, settings, window, Beside())], settings, window, once(rows))


def tell(parts: Sequence[Seen], settings: ChangePoint, window: Window, again: Again) -> Detection:
    """The detection of what was seen of all parts."""
    del window, again
    seen = together(parts)
    if not seen.rows:
        return unjudged(seen.lost, settings.whole)
    if (many := int(seen.more[_PERIODS][_PERIODS].sum())) > MOST:
        reason = f"{many:,} periods are more than the {MOST:,} that can be judged; take a longer period"
        return not_evaluated(reason, not_evaluable=seen.lost)
    detection = concluded(seen, seen.found, entity=settings.entity, budget=settings.budget)
    if seen.population or seen.found.height:
        return detection
    told = seen.more[_PERIODS]
    if told[_VALUED].sum():
        reason = f"no change can lie in the window: {settings.min_side} whole periods must follow it before its end"
    else:
        reason = "no series has a value in the window" if told[_LONG].sum() else "too little history"
    return replace(detection, reason=reason)


def look(rows: pl.LazyFrame, settings: ChangePoint, window: Window, beside: Beside) -> Seen:
    """The changes of the entities of the part, scored."""
    key = list(settings.entity)
    frame, lost = usable(rows, read=settings.needed, whole=settings.whole, window=window)
    if frame.is_empty():
        return Seen(0, lost)
    first, who = places(ids(frame, key))
    group, values = periods(frame, who, settings.value, settings.period)
    many = _filled(values, settings)
    if many > MOST:
        return Seen(frame.height, lost, more=_told(many, 0, 0))
    series = _series(values, settings)
    long_enough, far = _may_have_changed(series, settings, window)
    changed = (
        _best_split(far, settings)
        .filter(
            (pl.col("score") >= settings.threshold)
            & ((pl.col("after") - pl.col("before")).abs().round(DIGITS) >= settings.min_change)
        )
        .with_columns(observed_at=pl.col("at"), suppressed=pl.lit(None, dtype=pl.String))
        .filter(within(window, "at"))
    )
    changed = _held(changed, series, settings)
    named = texts(frame.select(key)[picked(first, changed["_who"])]).hstack(changed)
    times = frame["joined_time"]
    present = who.filter(frame.select(within(window, "joined_time")).to_series()).unique()
    there = long_enough.filter(pl.col("_who").is_in(present.implode()))
    valued = there.join(_valued(values, settings, window), on="_who", how="semi")
    judged = int(valued["_fits"].sum())
    return Seen(
        frame.height,
        lost,
        _worded(_with_records(named, series, frame, group, beside), settings),
        judged,
        present.len() - judged,
        ends(times.filter(times < window.start)),
        _told(many, there.height, valued.height),
    )


def _told(many: int, long_enough: int, valued: int) -> dict[str, pl.DataFrame]:
    """How many periods there are, and how many series that are long enough, and have a value in the window, too."""
    return {_PERIODS: pl.DataFrame({_PERIODS: [many], _LONG: [long_enough], _VALUED: [valued]})}


def _valued(told: pl.DataFrame, settings: ChangePoint, window: Window) -> pl.DataFrame:
    """The entities, as `_who`, that have a value in a period of which some lies in the window."""
    inside = (pl.col("period") + settings.period > window.start) & (pl.col("period") < window.end)
    return told.filter(inside & pl.col("value").cast(pl.Float64).is_not_nan()).select(pl.col("_who").unique())


def _filled(told: pl.DataFrame, settings: ChangePoint) -> int:
    """How many periods there are once those without rows are filled; none are where that is not asked for."""
    if settings.fill is None:
        return 0
    spans = told.group_by("_who").agg(pl.col("period").max() - pl.col("period").min())["period"].dt.total_microseconds()
    return int((spans // (settings.period // timedelta(microseconds=1)) + 1).cast(pl.Float64).sum())


def _with_records(
    changed: pl.DataFrame, series: pl.DataFrame, frame: pl.DataFrame, group: pl.Series, beside: Beside
) -> pl.DataFrame:
    """The changes with the records of the periods of their series; `group` tells each row's period of an entity."""
    theirs = series.filter(pl.col("_who").is_in(changed["_who"].implode())).select("_who", "_group").drop_nulls()
    rows = where_true(group.is_in(theirs["_group"].implode()))
    cited = (
        texts(beside.whole(frame[rows]).select(*LINEAGE))
        .with_columns(_group=picked(group, rows))
        .join(theirs, on="_group")
    )
    told = cited.group_by("_who").agg(records=records())
    # periods that were filled alone have none, and are no change whatever their numbers say
    return changed.join(told, on="_who", maintain_order="left").drop("_who")


def _series(told: pl.DataFrame, settings: ChangePoint) -> pl.DataFrame:
    """One row an entity and period, the first and last period of each entity left out, since they are partial."""
    values = told.select("_who", "period", "_group", x=pl.col("value").cast(pl.Float64).fill_nan(None))
    if settings.fill is not None:
        every = f"{settings.period // timedelta(microseconds=1)}us"
        grid = (
            values.group_by("_who")
            .agg(_from=pl.col("period").min(), _to=pl.col("period").max())
            .with_columns(period=pl.datetime_ranges("_from", "_to", interval=every))
            .explode("period")
            .drop("_from", "_to")
        )
        # a period that has rows but no value is unknown, not filled
        x = pl.when(pl.col("_group").is_null()).then(settings.fill).otherwise("x").alias("x")
        values = grid.join(values, on=["_who", "period"], how="left").with_columns(x)
    inner = (pl.col("period") > pl.col("period").min().over("_who")) & (
        pl.col("period") < pl.col("period").max().over("_who")
    )
    known = values.filter(pl.col("x").is_not_null())
    series = values.filter(inner & pl.col("x").is_not_null())
    if series.is_empty():
        learned(pl.Series([0]), earlier=known.group_by("_who").len()["len"] > 2 * PARTIAL)
    return series.sort("_who", "period")


def _may_have_changed(series: pl.DataFrame, settings: ChangePoint, window: Window) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The entities with periods enough, as `_who`; and the series of those whose level may have changed by enough.

    Of the entities `_fits` tells whether any of their splits lies in the window. Sums of all series one after another
    tell the levels of both sides of a split but for what is lost in rounding.
    """
    last = where_true(run_starts(series["_who"]).shift(-1, fill_value=True)).cast(pl.Int64())
    n = last - last.shift(1, fill_value=-1)
    whose = run_starts(series["_who"]).cum_sum() - 1
    sums = pl.DataFrame({"sum": series["x"].cum_sum(), "_whose": whose}).with_columns(
        n=picked(n, whose),
        end=picked(last, whose),
        at=pl.int_range(pl.len(), dtype=pl.Int64()),
        _next=series["period"].shift(-1),
    )
    i = pl.col("at") + pl.col("n") - pl.col("end")
    begun = pl.col("sum").shift(1, fill_value=0.0).gather(pl.col("end") - pl.col("n") + 1)
    before = (pl.col("sum") - begun) / i
    after = (pl.col("sum").gather("end") - pl.col("sum")) / (pl.col("n") - i)
    least = settings.min_change * (1 - _LOST) - _LOST * (1 + pl.col("sum").abs().max())
    inside = (i >= settings.min_side) & (pl.col("n") - i >= settings.min_side) & (pl.col("n") > i)
    may_be = sums.filter(inside & ~((before - after).abs() < least))["_whose"].unique()
    people = picked(series["_who"], last)
    fits = flags(people.len()).scatter(sums.filter(inside & within(window, "_next"))["_whose"].unique(), True)
    every = pl.DataFrame([people.alias("_who"), fits.alias("_fits")])
    long_enough = every.filter((n >= 2 * settings.min_side) & (n > 0))
    return long_enough, series.filter(pl.col("_who").is_in(picked(people, may_be).implode()))


def _best_split(series: pl.DataFrame, settings: ChangePoint) -> pl.DataFrame:
    """For each entity its best split: `score`, `before`, `after`, `at`, `n_before`, `n_after`, `n`."""
    i = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("_who")
    n = pl.len().over("_who").cast(pl.Int64)
    step = (pl.col("x") - pl.col("x").shift(1).over("_who")).abs()
    noise = pl.max_horizontal(
        pl.lit(settings.floor), MAD_TO_SIGMA * step.median().over("_who").fill_null(0.0) / math.sqrt(2)
    )
    shaped = series.with_columns(
        _i=i, _n=n, _sum=pl.col("x").cum_sum().over("_who"), _all=pl.col("x").sum().over("_who")
    )
    scored = shaped.with_columns(
        _noise=noise,
        _next=pl.col("period").shift(-1).over("_who"),
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
    return (
        scored.filter(inside)
        .sort("_who", "score", "period", descending=[False, True, False])
        .group_by("_who", maintain_order=True)
        .first()
        .select(
            "_who",
            "score",
            "before",
            "after",
            at=pl.col("_next"),
            n=pl.col("_n"),
            n_before=pl.col("_i"),
            n_after=pl.col("_n") - pl.col("_i"),
        )
    )


def _held(changed: pl.DataFrame, series: pl.DataFrame, settings: ChangePoint) -> pl.DataFrame:
    """The changes that held."""
    if settings.min_held < 1:
        return changed
    values = series.select("_who", "period", "x").join(changed.select("_who", "before", "after", "at"), on="_who")
    early = pl.col("period") < pl.col("at")
    to_before, to_after = ((pl.col("x") - pl.col(side)).abs() for side in ("before", "after"))
    held = (
        values.group_by("_who")
        .agg(_before=(early & (to_before < to_after)).sum(), _after=(~early & (to_after < to_before)).sum())
        .filter(pl.min_horizontal("_before", "_after") >= settings.min_held)
    )
    return changed.join(held, on="_who", how="semi", maintain_order="left")


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
