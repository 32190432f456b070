"""`burst`: many joins in a short time.

`k` is the most rows of an entity in any (t − within, t]. The null model is the `k` of the entities that ended
before the window: mean m and variance v after the largest 1 % are dropped; negative binomial when v > m, else
Poisson. The score is −log10 P(X ≥ k). With fewer than 200 such entities `min_count` alone decides and the score
is `k`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field
from datetime import timedelta
from functools import reduce

import polars as pl

from auditor.detectors.detection import (
    DIGITS,
    WITHOUT_HISTORY,
    Budget,
    Detection,
    learned,
    records,
    some_judged,
    unjudged,
    usable,
    within,
)
from auditor.detectors.seen import Again, Beside, Seen, concluded, ends, once, together
from auditor.detectors.wording import clock, entity, number
from auditor.entities.columns import flags, picked, run_starts
from auditor.entities.groups import greatest, keyed, own_numbers, paired
from auditor.entities.packed import texts
from auditor.frozen import dataclass
from auditor.model.window import Window

ENOUGH = 200
CAP = 15.0
CROWD = 200
"""The largest counts of entities with more rows are found by windows, of others by steps, which are quicker."""
_PLAIN = 1e-4
"""A probability above this is what is left of 1 to twelve digits."""
_UNSEEN = 1e-13
_LONG_LEG = timedelta(seconds=60)
_RECONNECT = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Burst:
    """Settings of `burst`; `entity` says of what, such as `(email, meeting_id)` or `(meeting_id,)`."""

    entity: tuple[str, ...] = ("email", "meeting_id")
    within: timedelta = timedelta(minutes=10)
    min_count: int = 5
    min_score: float = 4.0
    suppress: tuple[str, ...] = ("reconnect",)
    budget: Budget = field(default_factory=Budget)

    @property
    def needed(self) -> frozenset[str]:
        """The columns and facts it reads of a row."""
        return frozenset({*self.entity, "meeting_id", "meeting_title", "joined_time", "left_time", "client_agent"})

    @property
    def sifted(self) -> frozenset[str]:
        """The columns all rows are looked at by."""
        return frozenset({*self.entity, "joined_time"})

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


def detect(rows: pl.LazyFrame, settings: Burst, window: Window) -> Detection:
    """The bursts of joins of each entity."""
    return tell([look(rows, settings, window, Beside())], settings, window, once(rows))


def look(rows: pl.LazyFrame, settings: Burst, window: Window, beside: Beside) -> Seen:
    """The bursts, not scored yet, and how many entities that ended before the window had each largest count."""
    key = list(settings.entity)
    frame, lost = usable(rows, read=settings.needed, whole=settings.whole, window=window)
    if frame.is_empty():
        return Seen(0, lost)
    groups = reduce(paired, [own_numbers(frame, [name]) for name in key])
    times = frame["joined_time"]
    inside = frame.select(within(window, "joined_time")).to_series()
    many, entities = _busy(groups, settings.min_count, inside)
    busy = texts(beside.whole(frame[many])).sort(*key, "joined_time", "left_time", "page", "item", nulls_last=True)
    past = {"largest": _past(times, groups, settings, window)}
    return Seen(
        frame.height, lost, _bursts(busy, settings), entities, times=ends(times.filter(times < window.start)), more=past
    )


def tell(parts: Sequence[Seen], settings: Burst, window: Window, again: Again) -> Detection:
    """The detection of what was seen of all parts."""
    del again
    seen, key = together(parts), list(settings.entity)
    if not seen.rows:
        return unjudged(seen.lost, settings.whole)
    null = _null_model(seen.more["largest"])
    found = seen.found
    center, tail = null if null is not None else (None, {})
    scores = {k: _score(k, tail_of=tail) for k in found["count"].unique().sort().to_list()} if null else {}
    score = (
        pl.col("count").replace_strict(scores, return_dtype=pl.Float64, default=None)
        if null
        else pl.col("count").cast(pl.Float64)
    )
    scored = found.with_columns(
        score=score.round(DIGITS),
        center=pl.lit(center, dtype=pl.Float64),
        n=pl.lit(int(tail["n"]) if null else 0, dtype=pl.Int64),
        suppressed=pl.when(pl.col("reconnects") == pl.col("rows") - 1).then(pl.lit("reconnect"))
        if "reconnect" in settings.suppress
        else pl.lit(None, dtype=pl.String),
    ).filter(within(window, "observed_at"))
    if null is not None:
        scored = scored.filter(pl.col("score") >= settings.min_score)
    worded = _worded(scored, settings, modelled=null is not None)
    return some_judged(concluded(seen, worded, entity=key, budget=settings.budget), settings.whole)


def _busy(entity: pl.Series, least: int, inside: pl.Series) -> tuple[pl.Series, int]:
    """The rows of entities with at least so many, in their order; and how many entities have rows inside."""
    keys, size = keyed(entity)
    keys = keys.sort()
    rows, starts = keys % size, run_starts(keys // size)
    runs = starts.cum_sum()
    # sorted by entity, so one has enough rows where the row that many places before is of it, too
    enough = (runs == runs.shift(max(least - 1, 0))).fill_null(value=False)
    several = flags(int(starts.sum()) + 1).scatter(runs.filter(enough), True)
    chosen = rows.filter(picked(several, runs)).sort() if enough.any() else rows.clear()
    if inside.all():
        return chosen, int(starts.sum())
    return chosen, int(run_starts(runs.filter(picked(inside, rows))).sum())


def _largest(joins: pl.DataFrame, settings: Burst) -> pl.Series:
    """The largest count `k` of each entity: k ≥ j when two of its joins, in order, are j − 1 apart and close."""
    most = min(greatest(joins["_many"]), CROWD)
    alone = joins.filter(pl.col("_many") == 1).height
    crowds = joins.filter(pl.col("_many") > CROWD).select("_entity", "joined_time").sort("_entity", "joined_time")
    windows = crowds.rolling("joined_time", period=settings.within, closed="right", group_by="_entity")
    largest = windows.agg(k=pl.len().cast(pl.Int64)).group_by("_entity").agg(pl.col("k").max())["k"]
    # sorted by entity, whoever stands `step` joins earlier is of the same one or too far away
    several = pl.col("_many").is_between(2, CROWD)
    marked = joins.filter(several).select("_entity", "joined_time").sort("_entity", "joined_time")
    close = [
        (
            (pl.col("_entity") == pl.col("_entity").shift(step))
            & (pl.col("joined_time") - pl.col("joined_time").shift(step) < settings.within)
        ).fill_null(value=False)
        for step in range(1, most)
    ]
    counted = (
        marked.select("_entity", *[each.alias(f"_{step}") for step, each in enumerate(close)])
        .group_by("_entity")
        .agg(1 + pl.sum_horizontal(pl.lit(0), *[pl.col(f"_{step}").any().cast(pl.Int64) for step in range(len(close))]))
    )
    single = pl.Series("k", [1], dtype=pl.Int64).new_from_index(0, alone)
    return pl.concat([single, counted["literal"].cast(pl.Int64), largest])


def _past(times: pl.Series, entity: pl.Series, settings: Burst, window: Window) -> pl.DataFrame:
    """How many entities that ended before the window had each `largest` count."""
    none = pl.DataFrame(schema={"largest": pl.Int64(), "entities": pl.Int64()})
    if not (times < window.start).any():
        return none
    joins = pl.DataFrame({"joined_time": times, "_entity": entity})
    joins = joins.with_columns(_many=pl.len().over("_entity"))
    past = joins.filter(pl.col("joined_time").max().over("_entity") < window.start)
    if past.is_empty():
        ended = joins.group_by("_entity").agg(pl.col("joined_time").max() < window.start)
        learned(pl.Series([0]), earlier=ended["joined_time"])
        return none
    counts = _largest(past, settings).alias("largest").value_counts(name="entities")
    return counts.with_columns(pl.col("entities").cast(pl.Int64()))


def _null_model(past: pl.DataFrame) -> tuple[float, dict[str, float]] | None:
    """Mean and shape of the largest counts of earlier entities; None when there are too few."""
    counts = past.group_by("largest").agg(pl.col("entities").sum()).sort("largest")
    every = _total(counts["entities"])
    if every < ENOUGH:
        return None
    size = every - math.ceil(every / 100)
    # the largest counts are dropped
    below = counts["entities"].cum_sum() - counts["entities"]
    kept = (size - below).clip(0, None)
    many = pl.DataFrame({"kept": kept, "all": counts["entities"]}).select(pl.min_horizontal("kept", "all")).to_series()
    k = counts["largest"]
    total, squares = _total(k * many), _total(k * k * many)
    mean = max(total / size, 1e-6)
    variance = squares / size - (total / size) ** 2
    return mean, {"mean": mean, "variance": variance, "n": float(every)}


def _total(values: pl.Series) -> int:
    return int(values.sum())


def _score(k: int, *, tail_of: dict[str, float]) -> float:
    """−log10 P(X ≥ k), at most 15: nobody knows tails that far."""
    mean, variance = tail_of["mean"], tail_of["variance"]
    size = mean * mean / (variance - mean) if variance > mean else math.inf
    # P(X = 0), and what P(X = x) is multiplied by to be the next one; by `rest` or less in the end, or more than it
    first = -size * math.log1p(mean / size) if variance > mean else -mean
    rest = mean / (size + mean)

    def step(x: int) -> float:
        return ((x + size) * rest if variance > mean else mean) / (x + 1)

    below, log = [], first
    for x in range(k):
        below.append(math.exp(log))
        log += math.log(step(x))
    tail = 1 - math.fsum(below)
    if tail > _PLAIN:
        return max(-math.log10(tail), 0.0)
    terms, x = [1.0], k
    # beyond the mode the steps shrink, or grow up to `rest`: what is left is no more than a geometric series
    while terms[-1] > _UNSEEN * (1 - max(step(x), rest)):
        terms.append(terms[-1] * step(x))
        x += 1
    return min(-(log + math.log(math.fsum(terms))) / math.log(10), CAP)


def _bursts(busy: pl.DataFrame, settings: Burst) -> pl.DataFrame:
    """One row a maximal burst: windows of at least `min_count` rows that touch are one."""
    key = list(settings.entity)
    window_start = pl.col("joined_time") - settings.within
    sizes = (
        busy.rolling("joined_time", period=settings.within, closed="right", group_by=key)
        .agg(size=pl.len().cast(pl.Int64))
        .unique([*key, "joined_time"])
        .filter(pl.col("size") >= settings.min_count)
        .sort(*key, "joined_time")
    )
    apart = pl.col("joined_time") - pl.col("joined_time").shift(1).over(key) >= settings.within
    spans = (
        sizes.with_columns(_burst=apart.fill_null(value=True).cast(pl.Int64).cum_sum())
        .group_by(*key, "_burst", maintain_order=True)
        .agg(
            count=pl.col("size").max(),
            _from=window_start.min(),
            _to=pl.col("joined_time").max(),
            observed_at=pl.col("joined_time").max(),
        )
    )
    again = (
        (pl.col("meeting_id") == pl.col("meeting_id").shift(1))
        & (pl.col("client_agent") == pl.col("client_agent").shift(1))
        & (pl.col("joined_time") - pl.col("left_time").shift(1) <= _RECONNECT)
        & (pl.col("left_time").shift(1) - pl.col("joined_time").shift(1) > _LONG_LEG)
    )
    members = (
        busy.lazy()
        .join(spans.lazy(), on=key)
        .filter((pl.col("joined_time") > pl.col("_from")) & (pl.col("joined_time") <= pl.col("_to")))
        .sort(*key, "_burst", "joined_time", "left_time", "page", "item", nulls_last=True)
        .group_by(*key, "_burst", "count", "observed_at", maintain_order=True)
        .agg(
            window_start=pl.col("joined_time").min(),
            window_end=pl.col("joined_time").max(),
            rows=pl.len().cast(pl.Int64),
            reconnects=again.fill_null(value=False).sum().cast(pl.Int64),
            _title=pl.col("meeting_title").drop_nulls().sort().first(),
            records=records(),
        )
        .collect()
    )
    return members.drop("_burst")


def _worded(scored: pl.DataFrame, settings: Burst, *, modelled: bool) -> pl.DataFrame:
    """The candidates with their sentence."""
    minutes, rest = divmod(settings.within, timedelta(minutes=1))
    span = f"{settings.within.total_seconds():.15g} s" if rest else f"{minutes} min"
    chance = pl.concat_str(
        pl.lit("; the usual largest count is "),
        number("center"),
        pl.lit(" (about 1 in 10^"),
        number("score", digits=0),
        pl.lit(")"),
    )
    return scored.with_columns(
        explanation=pl.concat_str(
            pl.col("count").cast(pl.String()),
            pl.lit(" joins of "),
            entity(settings.entity),
            pl.when(pl.col("_title").is_not_null())
            .then(pl.concat_str(pl.lit(" (“"), "_title", pl.lit("”)"), ignore_nulls=True))
            .otherwise(pl.lit("")),
            pl.lit(f" within {span} from "),
            clock("window_start"),
            chance if modelled else pl.lit(WITHOUT_HISTORY),
        ),
        confidence=pl.lit(None if modelled else "low", dtype=pl.String),
    ).drop("rows", "reconnects", "_title")
