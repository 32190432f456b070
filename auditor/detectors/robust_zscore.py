"""`robust_zscore`: a value far from the person's usual.

`x = log1p(value)` of a visit; h are the person's last 60 visits strictly before. With n = |h| and k = `shrink`,
`c = (n·med(h) + k·med(peers)) / (n + k)`, `s = max(floor, 1.4826·(n·mad(h) + k·mad(peers)) / (n + k))` and
`z = (x − c) / s`; the score is |z|. Peers are the visits of the same `peer` in the 28 days before the Monday of
the visit's week; without any, k is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from datetime import timedelta

import polars as pl

from auditor.detectors.detection import (
    DIGITS,
    Aggregate,
    Budget,
    Detection,
    ended,
    learned,
    some_judged,
    unjudged,
    with_records,
    within,
)
from auditor.detectors.past import Past
from auditor.detectors.peers import MAD, MEDIAN, WEEK, middles, week_of, with_middles
from auditor.detectors.seen import Again, Beside, Seen, concluded, ends, once, together
from auditor.detectors.wording import entity, number
from auditor.entities.columns import flags, picked, where_true
from auditor.entities.episodes import MERGE_GAP, ORDER, of_first_legs, visits_of
from auditor.entities.groups import codes, ids, spread
from auditor.entities.packed import texts
from auditor.frozen import dataclass
from auditor.model.window import Window
from auditor.tables.schema import LINEAGE

HISTORY = 60
MAD_TO_SIGMA = 1.4826
VALUE = "__value"
PEER = "__peer:"
OF_VISIT = frozenset({"presence", "meeting_length"})
"""What a value may read of a visit beside the columns of its legs."""
_VISIT = pl.lit(value=True).alias("_visit")


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

    @property
    def sifted(self) -> frozenset[str]:
        """The columns all rows are looked at by."""
        return frozenset({*self.whole, "left_time", "meeting.end_time"})

    @property
    def whole(self) -> tuple[str, ...]:
        """What a row must have, beside an end."""
        return (*self.entity, "meeting_id", "joined_time")

    @property
    def prepared(self) -> tuple[str, ...]:
        """What rows are given before they are looked at part by part, see `prepare`."""
        return (VALUE, *(f"{PEER}{name}" for name in self.peer))

    @property
    def apart(self) -> tuple[str, ...]:
        """The columns by any of which rows may be split and looked at part by part."""
        return self.entity

    @property
    def far(self) -> bool:
        """Whether it looks at all rows together where places are known."""
        return False


def detect(rows: pl.LazyFrame, settings: RobustZscore, window: Window) -> Detection:
    """The visits whose value is far from the person's usual."""
    every = rows.collect(engine="in-memory")
    whole = every.hstack(prepare(every, settings)).lazy()
    told = survey(once(whole), settings, window)
    return tell([look(whole, settings, window, Beside(told=told))], settings, window, once(whole))


def prepare(rows: pl.DataFrame, settings: RobustZscore) -> pl.DataFrame:
    """Of each row that is the first leg of a visit its `VALUE`, NaN without one; the rows are all of their meetings."""
    numbered = rows.with_columns(_place=pl.int_range(pl.len(), dtype=pl.Int64))
    titles = {"meeting_title"} - {*settings.entity, *settings.peer, *settings.value.reads}
    read = {*settings.needed - OF_VISIT - titles, "_place"}
    frame, _ = ended(numbered.lazy(), read=read, whole=settings.whole)
    alone = settings.value.alone
    told = of_first_legs(
        frame.drop(name for name in LINEAGE if name not in settings.value.reads),
        entity=settings.entity,
        gap=settings.merge_gap,
        carried=[
            *settings.value.columns,
            *[pl.col(name).min().alias(f"{PEER}{name}") for name in settings.peer],
            _VISIT,
        ],
        alone=None
        if alone is None
        else [*alone, *[pl.col(name).alias(f"{PEER}{name}") for name in settings.peer], _VISIT],
        finish=settings.value.finish,
    )
    value = pl.when("_visit").then(pl.col("value").cast(pl.Float64).fill_null(float("nan")))
    told = told.select(value.alias(VALUE), *settings.prepared[1:])
    return told if frame.height == rows.height else spread(told, frame["_place"], height=rows.height)


def survey(again: Again, settings: RobustZscore, window: Window) -> pl.DataFrame:
    """The middle of each week's peers: of all values of the 28 days before it, by week and peer."""
    peers = settings.prepared[1:]
    parts = [
        rows.lazy().filter(_usable(VALUE))
        .select(*peers, week_of(pl.col("joined_time")).alias(WEEK), x=pl.col(VALUE).log1p()).collect()
        for rows in again(["joined_time", VALUE, *peers])
    ]  # fmt: skip
    return middles(parts, peers, since=pl.select(week_of(pl.lit(window.start))).item())


def look(rows: pl.LazyFrame, settings: RobustZscore, window: Window, beside: Beside) -> Seen:
    """The visits of the people of the part that are far from their usual, scored."""
    names = dict.fromkeys(
        (*settings.entity, "site_url", "meeting_id", "meeting_title", "joined_time", "left_time", "meeting.end_time")
    )
    read = {*names, *LINEAGE, *settings.prepared}
    frame, unusable = ended(rows, read=read, whole=settings.whole, window=window)
    if frame.is_empty():
        return Seen(0, unusable)
    whose, peers = ids(frame, settings.entity), settings.prepared[1:]
    first = where_true(frame[VALUE].is_not_null())
    stays = frame.select("joined_time", VALUE, *peers)[first].with_columns(
        _row=first.cast(pl.Int64()), _who=picked(whose, first)
    )
    usable = stays.filter(_usable(VALUE)).with_columns(x=pl.col(VALUE).log1p())
    past, order, first = Past.within(usable["_who"], usable["joined_time"])
    usable = usable if order.is_sorted() else usable[order]
    usable = usable.with_columns((past.until - first).alias("_known"))
    times, known = usable["joined_time"], usable["_known"]
    inside = usable.select(within(window, "joined_time")).to_series()
    if not (inside & (known > 0)).any():
        learned(known.filter(inside), earlier=(times > picked(times, first)).filter(inside))
    young = int((inside & (known < settings.min_history)).sum())
    void = int(stays.select(within(window, "joined_time")).to_series().sum()) - int(inside.sum())
    may_be = _may_be(usable, beside.told, settings) | (known == 0)
    asked = where_true(inside & (known >= settings.min_history) & may_be)
    return Seen(
        frame.height,
        unusable,
        _found(frame, whose, usable, asked, beside, settings),
        int(inside.sum()),
        void + young,
        ends(times.filter(times < window.start)),
        {"unjudged": pl.DataFrame({"young": [young], "void": [void]})},
    )


def _may_be(stays: pl.DataFrame, peers: pl.DataFrame, settings: RobustZscore) -> pl.Series:
    """Which visits are so far from all values that they may be far from a middle; scales are at least the floor."""
    ends_ = (stays["x"].min(), stays["x"].max(), peers[MEDIAN].min(), peers[MEDIAN].max())
    known = [one for one in ends_ if isinstance(one, float)]
    reach = settings.threshold * settings.floor * (1 - 1e-6)
    up, down = pl.col("x") - min(known, default=0.0) >= reach, max(known, default=0.0) - pl.col("x") >= reach
    return stays.select({"both": up | down, "up": up, "down": down}[settings.direction]).to_series()


def _found(
    frame: pl.DataFrame,
    whose: pl.Series,
    usable: pl.DataFrame,
    asked: pl.Series,
    beside: Beside,
    settings: RobustZscore,
) -> pl.DataFrame:
    """The visits at the places asked about that are far from their person's usual, worded."""
    if asked.is_empty():
        return pl.DataFrame()
    people = picked(usable["_who"], asked).unique().implode()
    rows = where_true(whose.is_in(people)).cast(pl.Int64())
    legs = beside.whole(frame[rows]).with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
    visit, presence = visits_of(legs, entity=settings.entity, gap=settings.merge_gap)
    theirs = usable.with_columns(_asked=flags(usable.height).scatter(asked, True)).filter(pl.col("_who").is_in(people))
    leg = rows.search_sorted(theirs["_row"])
    theirs = theirs.with_columns(picked(visit, leg).alias("visit"), picked(presence, leg).alias("presence"))
    asked = where_true(theirs["_asked"] & (theirs["presence"] >= settings.min_presence))
    asked = asked.filter(_may_be_far(theirs, asked, beside.told, settings))
    chosen = theirs.with_columns(_asked=flags(theirs.height).scatter(asked, True))
    return _scored(legs, visit, chosen, beside.told, settings)


def tell(parts: Sequence[Seen], settings: RobustZscore, window: Window, again: Again) -> Detection:
    """The detection of what was seen of all parts."""
    del window, again
    seen = together(parts)
    needed = (*settings.whole, "left_time")
    if not seen.rows:
        return unjudged(seen.lost, needed)
    detection = concluded(seen, seen.found, entity=settings.entity, budget=settings.budget)
    young, void = seen.more["unjudged"].sum().row(0)
    if seen.population == young and young + void:
        return replace(detection, reason="no entity has enough history" if young else "no stay has a value")
    return some_judged(detection, needed)


def _usable(value: str) -> pl.Expr:
    return pl.col(value).is_finite() & (pl.col(value) > -1)


def _weight(settings: RobustZscore) -> pl.Expr:
    return pl.when(pl.col(MEDIAN).is_null()).then(0.0).otherwise(settings.shrink)


def _may_be_far(stays: pl.DataFrame, rows: pl.Series, peers: pl.DataFrame, settings: RobustZscore) -> pl.Series:
    """Which visits at the rows are as far from their person's nearest value as they must be from the middle.

    The person's median lies between the least and the most of their values, and their MAD is at least nothing. The
    visits stand person after person.
    """
    own = stays.select(pl.col("_who").set_sorted(), "x").group_by("_who", maintain_order=True)
    ends_ = own.agg(_least=pl.col("x").min(), _most=pl.col("x").max())
    asked = stays.select("_who", "x", "_known", "joined_time", *settings.prepared[1:])[rows]
    whose = ends_["_who"].search_sorted(asked["_who"])
    told = with_middles(asked, peers, settings.prepared[1:]).hstack(ends_.drop("_who")[whose])
    n, weight = pl.min_horizontal("_known", HISTORY), _weight(settings)
    low, high = (
        (n * pl.col(name) + weight * pl.col(MEDIAN).fill_null(0.0)) / (n + weight) for name in ("_least", "_most")
    )
    scale = pl.max_horizontal(pl.lit(settings.floor), MAD_TO_SIGMA * weight * pl.col(MAD).fill_null(0.0) / (n + weight))
    reach = settings.threshold * scale * (1 - 1e-6)
    up, down = pl.col("x") - low >= reach, high - pl.col("x") >= reach
    return told.select({"both": up | down, "up": up, "down": down}[settings.direction]).to_series()


def _scored(
    legs: pl.DataFrame, visit: pl.Series, theirs: pl.DataFrame, peers: pl.DataFrame, settings: RobustZscore
) -> pl.DataFrame:
    """The visits `_asked` for that are far from the usual, worded, with the records of their legs."""
    placed = _placed(_in_order(theirs, legs, visit))
    rated = with_middles(placed, peers, settings.prepared[1:]).with_columns(value=VALUE)
    n, weight = pl.col("n"), _weight(settings)
    centred = rated.filter("_asked").with_columns(
        _c=(n * pl.col("_med") + weight * pl.col(MEDIAN).fill_null(0.0)) / (n + weight)
    )
    # the scale is at least the floor, so nothing nearer than this needs one
    near = (pl.col("x") - pl.col("_c")).abs() < settings.threshold * settings.floor * (1 - 1e-9)
    scored = (
        _spread(centred.filter(~near), rated)
        .with_columns(
            _s=pl.max_horizontal(
                pl.lit(settings.floor),
                MAD_TO_SIGMA * (n * pl.col("_mad") + weight * pl.col(MAD).fill_null(0.0)) / (n + weight),
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
    mine = where_true(visit.is_in(scored["visit"].implode()))
    members = legs.select("row")[mine].with_columns(visit=picked(visit, mine)).group_by("visit").agg(rows=pl.col("row"))
    names = list(dict.fromkeys((*settings.entity, "site_url", "meeting_id")))
    told = scored.join(members, on="visit", how="left", maintain_order="left")
    told = texts(legs.select(names)[told["rows"].list.first()]).hstack(told)
    return _worded(_with_legs(told, legs), settings)


def _in_order(stays: pl.DataFrame, legs: pl.DataFrame, visit: pl.Series) -> pl.DataFrame:
    """The visits in the order of their first legs."""
    # numbers that sort as the texts do
    order = legs.select("joined_time", "end", codes(legs["page"]).alias("page"), "item").with_columns(visit=visit)
    first = order.sort(*ORDER).unique("visit", keep="first", maintain_order=True).select("visit")
    return first.join(stays, on="visit", maintain_order="left")


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
