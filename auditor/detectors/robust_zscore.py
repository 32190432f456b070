"""`robust_zscore`: a value far from the person's usual.

`x = log1p(value)` of a visit; h are the person's last 60 visits strictly before. With n = |h| and k = `shrink`,
`c = (n·med(h) + k·med(peers)) / (n + k)`, `s = max(floor, 1.4826·(n·mad(h) + k·mad(peers)) / (n + k))` and
`z = (x − c) / s`; the score is |z|. Peers are the visits of the same `peer` in the 28 days before the Monday of
the visit's week; without any, k is 0.
"""

from __future__ import annotations

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
    unjudged,
    with_records,
    within,
)
from auditor.detectors.wording import entity, number
from auditor.entities.episodes import MERGE_GAP, legs, visits
from auditor.entities.groups import numbers
from auditor.frozen import dataclass
from auditor.model.window import Window

HISTORY = 60
PEER_WEEKS = 4
MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class RobustZscore:
    """Settings of `robust_zscore`; `value` is an aggregate over the legs of a visit, a number.

    It may read `presence` and `meeting_length`. `direction` is both, up or down. Of shorter stays than
    `min_presence` nothing is reported.
    """

    value: Aggregate
    entity: tuple[str, ...] = ("email",)
    peer: tuple[str, ...] = ()
    min_history: int = 15
    shrink: float = 10.0
    floor: float = 0.1
    threshold: float = 6.0
    direction: str = "both"
    merge_gap: timedelta = MERGE_GAP
    min_presence: timedelta = timedelta()
    budget: Budget = field(default_factory=Budget)

    @property
    def needed(self) -> frozenset[str]:
        """The columns and facts it reads of a row."""
        return frozenset(
            {
                *self.entity,
                *self.peer,
                *self.value.reads,
                "site_url",
                "meeting_id",
                "meeting_title",
                "joined_time",
                "left_time",
                "meeting.end_time",
                "meeting.start_time",
            }
        )


def detect(rows: pl.LazyFrame, settings: RobustZscore, window: Window) -> Detection:
    """The visits whose value is far from the person's usual."""
    key = list(settings.entity)
    frame, unusable = legs(rows, entity=settings.entity, needed=("meeting_id",))
    if frame.is_empty():
        return unjudged(unusable, (*key, "meeting_id", "joined_time", "left_time"))
    carried = [
        *settings.value.columns,
        pl.col("meeting_title").min(),
        *[pl.col(name).min() for name in settings.peer if name not in key],
    ]
    stays = visits(frame, entity=settings.entity, gap=settings.merge_gap, carried=carried)
    stays = settings.value.finish(stays.lazy()).with_columns(pl.col("value").cast(pl.Float64)).collect()
    usable = stays.filter(pl.col("value").is_finite() & (pl.col("value") > -1)).with_columns(x=pl.col("value").log1p())
    placed = _placed(usable, key)
    rated = _peers(placed, settings)
    since = pl.col("joined_time") > pl.col("joined_time").min().over("_who")
    judged = rated.with_columns(_later=since).filter(within(window, "joined_time"))
    learned(judged["n"], earlier=judged["_later"])
    young = judged.filter(pl.col("n") < settings.min_history).height
    weight = pl.when(pl.col("_peer_med").is_null()).then(0.0).otherwise(settings.shrink)
    both = pl.col("n") + weight
    centred = judged.filter(pl.col("n") >= settings.min_history).with_columns(
        _c=(pl.col("n") * pl.col("_med") + weight * pl.col("_peer_med").fill_null(0.0)) / both
    )
    # the scale is at least the floor, so nothing nearer than this needs one
    near = (pl.col("x") - pl.col("_c")).abs() < settings.threshold * settings.floor * (1 - 1e-9)
    scored = (
        _spread(centred.filter(~near), placed)
        .with_columns(
            _s=pl.max_horizontal(
                pl.lit(settings.floor),
                MAD_TO_SIGMA * (pl.col("n") * pl.col("_mad") + weight * pl.col("_peer_mad").fill_null(0.0)) / both,
            ),
        )
        .with_columns(z=((pl.col("x") - pl.col("_c")) / pl.col("_s")).round(DIGITS))
        .filter(_far(settings) & (pl.col("presence") >= settings.min_presence))
        .with_columns(
            score=pl.col("z").abs(),
            center=pl.col("_c").exp() - 1,
            scale=pl.col("_s"),
            observed_at=pl.col("joined_time"),
            suppressed=pl.lit(None, dtype=pl.String),
        )
    )
    before = usable.filter(pl.col("joined_time") < window.start)["joined_time"]
    detection = conclude(
        _worded(with_records(scored, frame), settings),
        entity=key,
        budget=settings.budget,
        population=judged.height,
        not_evaluable=unusable + stays.height - usable.height + young,
        history=days(before),
    )
    reason = "no entity has enough history" if judged.height and young == judged.height else None
    return Detection(
        detection.findings,
        detection.population,
        detection.not_evaluable,
        detection.truncated,
        detection.ledger,
        reason,
    )


def _far(settings: RobustZscore) -> pl.Expr:
    high, low = pl.col("z") > settings.threshold, pl.col("z") < -settings.threshold
    return {"both": high | low, "up": high, "down": low}[settings.direction]


def _placed(stays: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Each visit with the count and the median of the person's last 60 visits before it, persons one after another.

    `_who` is the person's number, `i` the visit's among theirs. Visits that begin together do not know each other:
    they share the history of the first of them.
    """
    middle = pl.col("x").rolling_median(HISTORY, min_samples=1).shift(1)
    together = ["_who", "joined_time"]
    return (
        stays.with_columns(_who=numbers(stays, key), _at=pl.int_range(pl.len(), dtype=pl.Int64))
        .sort(pl.col("_who") * stays.height + pl.col("_at"))
        .with_columns(i=pl.int_range(pl.len(), dtype=pl.Int64).over("_who"), _med=middle.over("_who"))
        .with_columns(_first=pl.col("i").first().over(together), _med=pl.col("_med").first().over(together))
        .with_columns(n=pl.min_horizontal("_first", HISTORY))
    )


def _spread(chosen: pl.DataFrame, placed: pl.DataFrame) -> pl.DataFrame:
    """The chosen visits with `_mad`, the median distance of their history from its median."""
    past = (
        chosen.select(
            "_who", "i", "_med", _past=pl.int_ranges(pl.col("_first") - pl.col("n"), "_first", dtype=pl.Int64)
        )
        .explode("_past", empty_as_null=False)
        .join(placed.select("_who", _past="i", _x="x"), on=["_who", "_past"])
        .group_by("_who", "i")
        .agg(_mad=(pl.col("_x") - pl.col("_med")).abs().median())
    )
    return chosen.join(past, on=["_who", "i"], how="left", maintain_order="left")


def _peers(stays: pl.DataFrame, settings: RobustZscore) -> pl.DataFrame:
    """Each visit with the median and MAD of its peers in the 28 days before its week."""
    week = pl.col("joined_time").dt.truncate("1w")
    group = [*settings.peer, "week"]
    placed = stays.with_columns(week=week)
    later = pl.concat(
        placed.select(*settings.peer, "x", week=pl.col("week") + timedelta(weeks=ahead))
        for ahead in range(1, PEER_WEEKS + 1)
    )
    middle = later.group_by(group).agg(_peer_med=pl.col("x").median())
    spread = (
        later.join(middle, on=group, nulls_equal=True)
        .group_by(group)
        .agg(_peer_mad=(pl.col("x") - pl.col("_peer_med")).abs().median())
    )
    both = middle.join(spread, on=group, nulls_equal=True)
    return placed.join(both, on=group, how="left", maintain_order="left", nulls_equal=True)


def _worded(scored: pl.DataFrame, settings: RobustZscore) -> pl.DataFrame:
    """The candidates with their sentence."""
    key = list(settings.entity)
    minutes = pl.col("presence").dt.total_microseconds() / 60_000_000
    return scored.select(
        *key,
        "observed_at",
        *[name for name in ("site_url", "meeting_id") if name not in key],
        "value",
        "center",
        "scale",
        "z",
        "n",
        "score",
        "presence",
        "suppressed",
        "records",
        explanation=pl.concat_str(
            entity(key),
            pl.lit(" stayed "),
            number(minutes, digits=0),
            pl.lit(" min in “"),
            pl.col("meeting_title").fill_null("a meeting"),
            pl.lit("”, a value of "),
            number("value", digits=2),
            pl.lit("; the middle of "),
            pl.col("n").cast(pl.String()),
            pl.lit(" earlier stays is "),
            number("center", digits=2),
            pl.lit(" (z "),
            number("z"),
            pl.lit(")"),
        ),
    )
