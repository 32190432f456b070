"""`robust_zscore`: a value far from the person's usual.

`x = log1p(value)` of a visit; h are the person's last 60 visits strictly before. With n = |h| and k = `shrink`,
`c = (n·med(h) + k·med(peers)) / (n + k)`, `s = max(floor, 1.4826·(n·mad(h) + k·mad(peers)) / (n + k))` and
`z = (x − c) / s`; the score is |z|. Peers are the visits of the same `peer` in the 28 days before the Monday of
the visit's week; without any, k is 0.
"""

from __future__ import annotations

from dataclasses import field, replace
from datetime import timedelta

import polars as pl

from auditor.detectors.detection import (
    DIGITS,
    Aggregate,
    Budget,
    Detection,
    before,
    conclude,
    ended,
    learned,
    unjudged,
    with_records,
    within,
)
from auditor.detectors.past import Past
from auditor.detectors.wording import entity, number
from auditor.entities.episodes import MERGE_GAP, ORDER, visits
from auditor.entities.groups import ids, places
from auditor.frozen import dataclass
from auditor.model.window import Window
from auditor.rules.rows.packed import texts

HISTORY = 60
PEER_WEEKS = 4
MAD_TO_SIGMA = 1.4826
OF_VISIT = frozenset({"presence", "meeting_length"})
"""What a value may read of a visit beside the columns of its legs."""


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
    frame, unusable = ended(rows, read=settings.needed - OF_VISIT, whole=(*key, "meeting_id", "joined_time"))
    if frame.is_empty():
        return unjudged(unusable, (*key, "meeting_id", "joined_time", "left_time"))
    stays = _valued(frame, settings)
    usable = stays.filter(pl.col("value").is_finite() & (pl.col("value") > -1))
    whose = ids(frame, key)
    usable = usable.with_columns(x=pl.col("value").log1p(), _who=whose.gather(usable["visit"]))
    times, who = usable["joined_time"], usable["_who"]
    known = Past.of(times).earlier(who)
    inside = usable.select(within(window, "joined_time")).to_series()
    first, person = places(who)
    learned(known.filter(inside), earlier=(times > times.gather(first).gather(person)).filter(inside))
    population, young = int(inside.sum()), int((inside & (known < settings.min_history)).sum())
    asked = inside & (known >= settings.min_history) & _may_be_far(usable, settings)
    people = who.filter(asked).unique().implode()
    legs = visits(frame.filter(whose.is_in(people)), entity=key, gap=settings.merge_gap)
    theirs = usable.with_columns(_asked=asked).filter(who.is_in(people))
    names = ({*key, "site_url", "meeting_id", "rows"} - set(theirs.columns)) | {"visit"}
    placed = _placed(_in_order(theirs.join(legs.select(names), on="visit"), frame))
    rated = _peers(placed.filter("_asked"), usable, settings)
    weight = pl.when(pl.col("_peer_med").is_null()).then(0.0).otherwise(settings.shrink)
    both = pl.col("n") + weight
    centred = rated.with_columns(_c=(pl.col("n") * pl.col("_med") + weight * pl.col("_peer_med").fill_null(0.0)) / both)
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
        .filter(_far(settings))
        .with_columns(
            score=pl.col("z").abs(),
            center=pl.col("_c").exp() - 1,
            scale=pl.col("_s"),
            observed_at=pl.col("joined_time"),
            suppressed=pl.lit(None, dtype=pl.String),
        )
    )
    detection = conclude(
        _worded(_with_legs(texts(scored), frame), settings),
        entity=key,
        budget=settings.budget,
        population=population,
        not_evaluable=unusable + stays.height - usable.height + young,
        history=before(times, window),
    )
    return replace(detection, reason="no entity has enough history" if population and young == population else None)


def _valued(frame: pl.DataFrame, settings: RobustZscore) -> pl.DataFrame:
    """The visits with their `value` and their peers."""
    alone = settings.value.alone
    stays = visits(
        frame,
        entity=settings.entity,
        gap=settings.merge_gap,
        carried=[*settings.value.columns, *[pl.col(name).min() for name in settings.peer]],
        alone=None if alone is None else [*alone, *map(pl.col, settings.peer)],
        named=False,
    )
    return settings.value.finish(stays.lazy()).with_columns(pl.col("value").cast(pl.Float64)).collect()


def _may_be_far(stays: pl.DataFrame, settings: RobustZscore) -> pl.Series:
    """Which visits are long enough, and as far as they must be at least from the farthest value there is.

    What is usual lies between the smallest and the largest value, and the scale is at least the floor.
    """
    least = settings.threshold * settings.floor * (1 - 1e-6)
    high, low = pl.col("x") - pl.col("x").min() >= least, pl.col("x").max() - pl.col("x") >= least
    far = {"both": high | low, "up": high, "down": low}[settings.direction]
    return stays.select(far & (pl.col("presence") >= settings.min_presence)).to_series()


def _in_order(stays: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """The visits in the order of their first legs."""
    members = stays.select("visit", row="rows").explode("row", empty_as_null=False)
    told = members.hstack(texts(frame.select(ORDER)[members["row"]]))
    first = told.sort(*ORDER).unique("visit", keep="first", maintain_order=True).select("visit")
    return first.join(stays, on="visit", how="left", maintain_order="left")


def _with_legs(scored: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """The visits with what their legs tell: `meeting_title` and `records`."""
    members = scored.select("visit", row="rows").explode("row", empty_as_null=False)
    titles = members.hstack(texts(frame.select("meeting_title")[members["row"]]))
    titled = titles.group_by("visit").agg(pl.col("meeting_title").min())
    return with_records(scored.join(titled, on="visit", how="left", maintain_order="left"), frame)


def _far(settings: RobustZscore) -> pl.Expr:
    high, low = pl.col("z") > settings.threshold, pl.col("z") < -settings.threshold
    return {"both": high | low, "up": high, "down": low}[settings.direction]


def _placed(stays: pl.DataFrame) -> pl.DataFrame:
    """Each visit with the count and the median of the person's last 60 visits before it, persons one after another.

    `_who` is the person's number, `i` the visit's among theirs. Visits that begin together do not know each other:
    they share the history of the first of them.
    """
    middle = pl.col("x").rolling_median(HISTORY, min_samples=1).shift(1)
    together = ["_who", "joined_time"]
    return (
        stays.with_columns(_at=pl.int_range(pl.len(), dtype=pl.Int64))
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


def _peers(stays: pl.DataFrame, every: pl.DataFrame, settings: RobustZscore) -> pl.DataFrame:
    """Each of the visits with the median and MAD of its peers, among `every` one, in the 28 days before its week."""
    week = pl.col("joined_time").dt.truncate("1w")
    group = [*settings.peer, "week"]
    placed, told = stays.with_columns(week=week), every.select(*settings.peer, "x", week=week)
    asked = placed.select(group).unique()
    later = pl.concat(
        told.with_columns(pl.col("week") + timedelta(weeks=ahead)).join(asked, on=group, how="semi", nulls_equal=True)
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
