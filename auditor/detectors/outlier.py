"""`outlier`: unusual entity-periods by ECOD, a hunting list.

For feature j of n rows, `l = −ln(#{≤ x}/n)`, `r = −ln(#{≥ x}/n)`, s the sign of the biased skewness (0 when the
feature is constant), and `m = l` if s < 0, `r` if s > 0, `l + r` if s = 0. The feature adds `max(l, r, m)`; the
score is the sum. Source: Li et al., "ECOD: Unsupervised Outlier Detection Using Empirical Cumulative
Distribution Functions", 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from datetime import timedelta
from functools import reduce

import polars as pl

from auditor.detectors.detection import (
    DIGITS,
    Aggregate,
    Budget,
    Detection,
    conclude,
    not_evaluated,
    records,
    unjudged,
    usable,
    within,
)
from auditor.detectors.seen import Again, Beside, Seen, ends, once, together, usable_again
from auditor.detectors.wording import entity, number
from auditor.entities.columns import picked, run_starts, where_true
from auditor.entities.groups import codes, ids, paired, places, smallest, spread
from auditor.entities.packed import texts
from auditor.frozen import dataclass
from auditor.model.window import Window
from auditor.tables.schema import LINEAGE

_MICROSECOND = timedelta(microseconds=1)

MOST = 10_000
"""The most a rule may ask for."""


@dataclass(frozen=True, slots=True)
class Outlier:
    """Settings of `outlier`; `features` are aggregates over the rows of an entity and period.

    What is reported is the `top`, and of these what the `budget` allows; without one all of them.
    """

    features: Aggregate
    entity: tuple[str, ...] = ("email",)
    period: timedelta = timedelta(weeks=1)
    top: int = 20
    min_rows: int = 3
    min_entities: int = 50
    budget: Budget = field(default_factory=lambda: Budget(total=MOST, per_entity=MOST))

    @property
    def needed(self) -> frozenset[str]:
        """The columns and facts it reads of a row."""
        return frozenset({*self.entity, *self.features.reads, "joined_time"})

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


def ecod(frame: pl.DataFrame, features: list[str]) -> pl.DataFrame:
    """`frame` with `o_<feature>`, `tail_<feature>` (the smaller exact tail share) and `score`; nulls add 0."""
    rated = frame.hstack([column for name in features for column in _tails(frame[name])])
    return rated.with_columns(
        score=pl.sum_horizontal(pl.col(f"o_{name}").fill_null(0.0) for name in features).round(DIGITS)
    )


def _tails(values: pl.Series) -> pl.DataFrame:
    """`o_` and `tail_` of a feature; null where it is."""
    name = values.name
    x = values.cast(pl.Float64).fill_nan(None)
    known = x.drop_nulls()
    n = known.len()
    counts = known.alias("x").value_counts(name="len").sort("x").with_columns(below=pl.col("len").cum_sum())
    counts = counts.with_columns(above=n - pl.col("below") + pl.col("len"))
    constant = counts.height < 2
    skewness = 0.0 if constant else known.skew(bias=True)
    sign = 0 if skewness is None or skewness != skewness else (skewness > 0) - (skewness < 0)  # noqa: PLR0124 - NaN
    left, right = -(pl.col("below") / n).log(), -(pl.col("above") / n).log()
    middle = {-1: left, 1: right, 0: left + right}[sign]
    scored = counts.select(
        pl.max_horizontal(left, right, middle).alias(f"o_{name}"),
        (pl.min_horizontal("below", "above") / n).alias(f"tail_{name}"),
    )
    found = scored[counts["x"].search_sorted(known)]
    return found if n == x.len() else spread(found, where_true(x.is_not_null()), height=x.len())


def detect(rows: pl.LazyFrame, settings: Outlier, window: Window) -> Detection:
    """The entity-periods least like all others, ranked against history and window, the event included."""
    return tell([look(rows, settings, window, Beside())], settings, window, once(rows))


def look(rows: pl.LazyFrame, settings: Outlier, window: Window, beside: Beside) -> Seen:
    """The entity-periods of enough rows with their features."""
    del window, beside
    key, features = list(settings.entity), list(settings.features.names)
    frame, lost = usable(rows, read=settings.needed, whole=settings.whole)
    if frame.is_empty():
        return Seen(0, lost)
    first, who = places(ids(frame, key))
    _, told = periods(frame, who, settings.features, settings.period)
    weeks = told.filter(pl.col("_rows") >= settings.min_rows)
    named = frame.select(key)[picked(first, weeks["_who"])]
    found = named.hstack(weeks.select("period", pl.col(features).cast(pl.Float64)))
    return Seen(frame.height, lost, found, times=ends(frame["joined_time"]))


def tell(parts: Sequence[Seen], settings: Outlier, window: Window, again: Again) -> Detection:
    """The detection of what was seen of all parts."""
    seen = together(parts)
    key, features = list(settings.entity), list(settings.features.names)
    if not seen.rows:
        return unjudged(seen.lost, settings.whole)
    # numbers that sort as the entities do
    ranks = [f"_rank{place}" for place in range(len(key))]
    ranked = [codes(seen.found[name]).alias(rank) for name, rank in zip(key, ranks, strict=True)]
    weeks = seen.found.hstack(ranked)
    week = weeks["period"].dt.epoch("us")
    weeks = weeks[reduce(paired, ranked, week - smallest(week)).arg_sort()]
    if ids(weeks, ranks).n_unique() < settings.min_entities:
        reason = f"fewer than {settings.min_entities} entities to compare with each other"
        return Detection(pl.DataFrame(), 0, seen.lost, 0, None, reason)
    blank = weeks.filter(pl.all_horizontal(pl.col(name).is_null() for name in features)).height
    rated = ecod(weeks, features)
    judged = rated.filter(within(window, "period") & pl.any_horizontal(pl.col(name).is_not_null() for name in features))
    if judged.is_empty():
        return not_evaluated("no period with known features begins in the window", not_evaluable=seen.lost + blank)
    # of what is like everything else nothing is reported
    unusual = judged.filter(pl.col("score") > 0)
    highest = unusual.filter(pl.col("score") >= pl.col("score").top_k(settings.top).min())
    chosen = highest.sort("score", *ranks, "period", descending=[True, *[False] * (len(key) + 1)]).head(settings.top)
    told = _with_records(chosen, settings, again).with_columns(
        observed_at=pl.col("period"), n=pl.lit(weeks.height, dtype=pl.Int64), suppressed=pl.lit(None, dtype=pl.String)
    )
    return conclude(
        _worded(told, settings),
        entity=key,
        budget=settings.budget,
        population=judged.height,
        not_evaluable=seen.lost + blank,
        history=seen.history,
    )


def _with_records(chosen: pl.DataFrame, settings: Outlier, again: Again) -> pl.DataFrame:
    """The periods chosen with the records of their rows."""
    key = list(settings.entity)
    asked = chosen.select(*key, "period")
    cited = [asked.clear().hstack(pl.DataFrame(schema=dict(LINEAGE)))]
    for rows in usable_again(again, [*LINEAGE], whole=key):
        theirs = rows.filter(pl.col(key[0]).is_in(asked[key[0]].unique().implode()))
        placed = theirs.with_columns(period=period_start(settings.period)).join(asked, on=[*key, "period"], how="semi")
        cited.append(texts(placed.select(*key, "period", *LINEAGE), LINEAGE))
    told = pl.concat(cited).group_by(*key, "period").agg(records=records())
    return texts(chosen.join(told, on=[*key, "period"], maintain_order="left"))


def periods(frame: pl.DataFrame, who: pl.Series, value: Aggregate, length: timedelta) -> tuple[pl.Series, pl.DataFrame]:
    """The place of each row's period among those of all entities; and these, with what is summed up of their rows.

    They have `_who`, the number of the entity, `period`, `_group`, their place, and the count of their `_rows`.
    """
    number = _period_number(frame["joined_time"], length)
    key = paired(who.cast(pl.Int64()), number - smallest(number))
    if key.is_sorted():
        starts = run_starts(key)
        first, group = where_true(starts), starts.cum_sum() - 1
    else:
        first, group = places(key)
    group = group.cast(pl.Int64())
    found = value.summed(frame, group)
    rows = picked(first, found["_group"])
    begins = frame.select("joined_time")[rows].select(period=period_start(length))
    return group, found.with_columns(picked(who, rows).alias("_who"), begins.to_series())


def _period_number(times: pl.Series, length: timedelta) -> pl.Series:
    """The number of the `period_start` of each time: equal for equal ones, and in their order."""
    if length == timedelta(weeks=1) and times.dtype == pl.Datetime("us", "UTC"):
        return (times.dt.epoch("us") + timedelta(days=3) // _MICROSECOND) // (length // _MICROSECOND)
    return times.to_frame().select(period_start(length)).to_series().dt.epoch("us")


def period_start(length: timedelta) -> pl.Expr:
    """The start of the tumbling period in UTC, counted from a Monday."""
    weeks, rest = divmod(length, timedelta(weeks=1))
    if not rest:
        return pl.col("joined_time").dt.truncate(f"{weeks}w")
    # Polars counts from a Thursday
    every = f"{length // timedelta(microseconds=1)}us"
    return pl.col("joined_time").dt.offset_by("-4d").dt.truncate(every).dt.offset_by("4d")


def _worded(chosen: pl.DataFrame, settings: Outlier) -> pl.DataFrame:
    """The candidates with their three largest features and their sentence."""
    key, features = list(settings.entity), list(settings.features.names)
    parts = pl.concat_list(
        pl.struct(
            o=pl.col(f"o_{name}").fill_null(-1.0),
            place=pl.lit(-index, dtype=pl.Int64),
            text=pl.concat_str(
                pl.lit(f"{name.replace('_', ' ')} "),
                pl.when(pl.col(name) == pl.col(name).floor())
                .then(number(name, digits=0))
                .otherwise(number(name, digits=2)),
                pl.lit(" (tail "),
                number(pl.col(f"tail_{name}") * 100, digits=2),
                pl.lit(" %)"),
            ).fill_null(f"{name.replace('_', ' ')} unknown"),
        )
        for index, name in enumerate(features)
    )
    ranked = chosen.with_columns(
        top_features=parts.list.sort(descending=True)
        .list.head(3)
        .list.eval(pl.element().struct.field("text"))
        .list.join(", ")
    )
    return ranked.select(
        *key,
        "observed_at",
        "period",
        "n",
        "score",
        "top_features",
        *features,
        *[f"o_{name}" for name in features],
        "suppressed",
        "records",
        explanation=pl.concat_str(
            entity(key),
            pl.lit(", period from "),
            pl.col("period").dt.strftime("%Y-%m-%d"),
            pl.lit(": "),
            pl.col("top_features"),
            pl.lit(" of "),
            pl.col("n").cast(pl.String()),
            pl.lit(" compared, itself included"),
        ),
    )
