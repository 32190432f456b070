"""`impossible_travel`: too far in too little time.

For consecutive legs of one entity, the earlier being the one that reaches furthest so far:
`d = max(0, haversine − radius1 − radius2)` with R = 6371 km, `h = max(1/60, (joined − reach) in hours)`,
`speed = d / h`. A finding needs `d > min_distance` and `speed > max_speed`; the score is log2(speed / max_speed).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from datetime import timedelta

import polars as pl

from auditor.detectors.countries import declared
from auditor.detectors.detection import (
    WITHOUT_HISTORY,
    Budget,
    Detection,
    before,
    conclude,
    not_before,
    recognised,
    some_judged,
    usable,
    within,
)
from auditor.detectors.seen import Again, Beside, Seen, together
from auditor.detectors.suppress import first_reason, in_networks
from auditor.detectors.whereabouts import keeps_to_exits, mobile, seen_before
from auditor.detectors.wording import entity, moment, number
from auditor.entities.columns import where_true
from auditor.entities.episodes import legs
from auditor.entities.groups import ids
from auditor.entities.networks import Lives, is_remote_exit, kilometres, knows_network, remote_exits
from auditor.entities.packed import texts
from auditor.entities.pairs import hand_off, reconnect
from auditor.frozen import dataclass
from auditor.model.window import Window

RUN = timedelta(hours=24)
KNOWN_FROM = timedelta(days=14)
"""So long after the first record it is known which networks are exits, and which a person knows."""
_LOCATED = ("ip_network", "geo_latitude", "geo_longitude")
HALF_WAY_ROUND_KM = 20_016.0
_MISSING = {
    "located": "no attendee has a place; a GeoIP database is needed",
    "declared": "no attendee declared a country",
}


@dataclass(frozen=True, slots=True)
class ImpossibleTravel:
    """Settings of `impossible_travel`: `max_speed` in km/h, `min_distance` in km.

    `places` are located by a GeoIP database, or declared: the countries people typed, as wide as they are.
    """

    entity: tuple[str, ...] = ("email",)
    max_speed: float = 900.0
    min_distance: float = 500.0
    include_overlap: bool = False
    places: str = "located"
    networks: tuple[str, ...] = field(default=())
    suppress: tuple[str, ...] = ("remote_exit", "known_network", "hand_off", "reconnect")
    budget: Budget = field(default_factory=Budget)

    @property
    def needed(self) -> frozenset[str]:
        """The columns and facts it reads of a row."""
        return frozenset(
            {
                *self.entity,
                *(["country"] if self.places == "declared" else []),
                "email",
                "meeting_id",
                "joined_time",
                "left_time",
                "meeting.end_time",
                "ip_network",
                "client_os",
                "client_agent",
                "geo_country",
                "geo_city",
                "geo_latitude",
                "geo_longitude",
                "geo_radius_km",
                "asn",
                "is_internal",
            }
        )

    @property
    def whole(self) -> tuple[str, ...]:
        """What a row must have, beside an end."""
        return (*self.entity, *(["country"] if self.places == "declared" else _LOCATED), "joined_time")

    @property
    def apart(self) -> tuple[str, ...]:
        """The columns by any of which rows may be split where no place is known: any, since nothing is found."""
        return ("meeting_id", *self.entity) if self.places == "located" else ()

    @property
    def far(self) -> bool:
        """Whether it looks at all rows together where places are known."""
        return True

    @property
    def looked_at(self) -> frozenset[str]:
        """What it reads of a row of a part, where no place is known."""
        return frozenset({*self.entity, *_LOCATED, "joined_time"})


def look(rows: pl.LazyFrame, settings: ImpossibleTravel, window: Window, beside: Beside) -> Seen:
    """How many rows of the part lack a place, or have one."""
    del beside
    read = settings.looked_at
    frame, lost = usable(rows, read=read, whole=sorted(read), window=window)
    return Seen(frame.height, lost)


def tell(parts: Sequence[Seen], settings: ImpossibleTravel, window: Window, again: Again) -> Detection:
    """That no row has a place."""
    del window, again
    seen = together(parts)
    if seen.rows:
        raise ValueError("rows with a place were looked at in parts")
    return Detection(pl.DataFrame(), 0, seen.lost, 0, None, _MISSING[settings.places] if seen.lost else None)


def detect(rows: pl.LazyFrame, settings: ImpossibleTravel, window: Window) -> Detection:
    """The journeys no aircraft makes."""
    typed = settings.places == "declared"
    needed = _LOCATED[1:] if typed else _LOCATED
    if typed:
        located, lost = declared(texts(rows.collect()).lazy()).collect(), 0
    else:
        located, lost = usable(rows, read=settings.needed, whole=settings.whole, window=window)
    frame, _ = legs(located.lazy(), entity=settings.entity, needed=needed)
    unusable = lost + not_before(located, window) - not_before(frame, window)
    if frame.is_empty():
        return Detection(
            pl.DataFrame(),
            0,
            unusable,
            0,
            None,
            _MISSING[settings.places] if unusable else None,
        )
    lives = Lives.of(frame)
    frame = frame.with_columns(
        exit=is_remote_exit(frame, remote_exits(frame, lives=lives)),
        known=recognised(frame, knows_network(frame)),
        mobile=mobile(),
        _who=ids(frame, settings.entity),
    )
    frame = frame.with_columns(roams=_roams(frame, lives))
    # legs that do not tell where their person is: through an exit, and by a phone that roams on a network it knows
    silent = [
        holds
        for name, holds in (("remote_exit", pl.col("exit")), ("known_network", pl.col("roams")))
        if name in settings.suppress
    ]
    ordered = frame.select("row", "end", "_who").sort(pl.col("_who") * frame.height + pl.col("row"))
    moves = _moves(frame, ordered, settings)
    if silent:
        # what lies around them is compared as well
        speaks = frame.select(~pl.any_horizontal(silent)).to_series()[ordered["row"]]
        through = moves.filter(pl.any_horizontal("exit_a", "exit_b", "roams_a", "roams_b"))
        moves = pl.concat([through, _moves(frame, ordered.filter(speaks), settings)])
        moves = moves.unique(["row_a", "row_b"], keep="first", maintain_order=True)
    moves = texts(_with_habits(moves.filter(within(window, "joined_time_b")), frame, lives))
    # an exit hides where its person is, yet not why another client, or one that keeps to exits, comes from elsewhere
    told = ~pl.col("usual_b") | (pl.col("keeps_b") & ~pl.col("mobile_b"))
    unsaid = ~pl.col("known_a") | pl.col("near_home_b") | ~told
    reasons = {
        "remote_exit": pl.col("exit_b") | (pl.col("exit_a") & unsaid),
        "known_network": pl.col("known_b") | pl.col("roams_a") | pl.col("roams_b"),
        "hand_off": hand_off(),
        "reconnect": reconnect(),
        "listed_network": pl.col("listed_a") | pl.col("listed_b"),
    }
    scored = moves.with_columns(
        listed_a=in_networks(moves["ip_network_a"], settings.networks),
        listed_b=in_networks(moves["ip_network_b"], settings.networks),
    ).with_columns(suppressed=first_reason({name: reasons[name] for name in settings.suppress if name in reasons}))
    young = pl.col("joined_time_b") - frame["joined_time"].min() < KNOWN_FROM
    found = conclude(
        _episodes(scored.with_columns(young=young), settings),
        entity=settings.entity,
        budget=settings.budget,
        population=frame.filter(within(window, "joined_time")).height,
        not_evaluable=unusable,
        history=before(frame["joined_time"], window),
    )
    return some_judged(found, (*settings.whole, "left_time"))


_SIDE = (
    "email", "meeting_id", "joined_time", "end", "ip_network", "client_os", "client_agent", "geo_country", "geo_city",
    "exit", "known", "mobile", "roams", "page", "item",
)  # fmt: skip


def _roams(frame: pl.DataFrame, lives: Lives) -> pl.Series:
    """For each leg whether it is a phone that comes out at home, or in a network its person knows."""
    unknown = where_true(frame.select(pl.col("mobile") & ~pl.col("known")).to_series())
    at_home = unknown.filter(lives.near(unknown)["in_homeland"])
    return frame["mobile"] & (frame["known"] | frame["row"].is_in(at_home.cast(pl.Int64).implode()))


def _moves(frame: pl.DataFrame, ordered: pl.DataFrame, settings: ImpossibleTravel) -> pl.DataFrame:
    """Each leg with the leg that reached furthest before it, where distance and speed exceed the limits.

    `ordered` are the legs asked, each person's in order; `row` is the place of a leg in `frame`.
    """
    furthest = pl.col("end") >= pl.col("end").cum_max().over("_who")
    links = (
        ordered.with_columns(_from=pl.when(furthest).then("row").forward_fill().over("_who"))
        .select(row_b="row", row_a=pl.col("_from").shift(1).over("_who"))
        .drop_nulls()
    )
    measures = ("joined_time", "end", "geo_latitude", "geo_longitude", "geo_radius_km")
    ends = [_of(frame, measures, links[f"row_{side}"], side) for side in "ab"]
    pairs = pl.concat([links, *ends], how="horizontal")
    radius = pl.col("geo_radius_km_a").fill_null(0.0) + pl.col("geo_radius_km_b").fill_null(0.0)
    gap = (pl.col("joined_time_b") - pl.col("end_a")).dt.total_microseconds() / 3_600_000_000
    # nothing on earth is further away, so longer pauses need no distance
    soon = pairs.filter(gap * settings.max_speed < HALF_WAY_ROUND_KM)
    measured = soon.with_columns(
        distance=pl.max_horizontal(pl.lit(0.0), kilometres("a", "b") - radius), _gap=gap
    ).with_columns(hours=pl.max_horizontal(pl.lit(1 / 60), pl.col("_gap")))
    if not settings.include_overlap:
        measured = measured.filter(pl.col("_gap") > 0)
    far = measured.with_columns(speed=pl.col("distance") / pl.col("hours")).filter(
        (pl.col("distance") > settings.min_distance) & (pl.col("speed") > settings.max_speed)
    )
    sides = [_of(frame, _SIDE, far[f"row_{side}"], side) for side in "ab"]
    entity_ = frame.select(settings.entity)[far["row_b"]]
    kept = far.select("row_a", "row_b", "distance", "hours", "speed")
    return pl.concat([entity_, kept, *sides], how="horizontal").with_columns(
        score=(pl.col("speed") / settings.max_speed).log(2)
    )


def _with_habits(moves: pl.DataFrame, frame: pl.DataFrame, lives: Lives) -> pl.DataFrame:
    """The moves, and of each later leg whether it is `near_home_b`, its client `usual_b` for who `keeps_b` to exits."""
    people = moves["email_b"].unique().drop_nulls()
    theirs = frame.filter(pl.col("email").is_in(people.implode()))
    habits = theirs.select("row").with_columns(
        usual_b=seen_before(theirs, "client_agent"), keeps_b=keeps_to_exits(theirs)
    )
    return moves.with_columns(near_home_b=lives.near(moves["row_b"])["near_home"]).join(
        habits, left_on="row_b", right_on="row", how="left", maintain_order="left"
    )


def _of(frame: pl.DataFrame, columns: Sequence[str], rows: pl.Series, side: str) -> pl.DataFrame:
    """The columns of those rows, named for the side of a pair."""
    return frame.select(pl.col(name).alias(f"{name}_{side}") for name in columns)[rows]


def _place(side: str, settings: ImpossibleTravel) -> pl.Expr:
    if settings.places == "declared":
        return pl.concat_str(f"geo_country_{side}", pl.lit(" (declared)"))
    return pl.coalesce(f"geo_city_{side}", f"geo_country_{side}", f"ip_network_{side}")


def _episodes(scored: pl.DataFrame, settings: ImpossibleTravel) -> pl.DataFrame:
    """The fastest move of each entity, unordered pair of places and day: the way back is the same trip."""
    key = [*settings.entity, "_low", "_high"]
    runs = (
        scored.with_columns(from_place=_place("a", settings), to_place=_place("b", settings))
        .with_columns(
            _low=pl.min_horizontal("from_place", "to_place"), _high=pl.max_horizontal("from_place", "to_place")
        )
        .sort(*key, "joined_time_b", "row_b")
        .with_columns(
            _run=(pl.col("joined_time_b") - pl.col("joined_time_b").shift(1).over(key) > RUN)
            .fill_null(value=True)
            .cast(pl.Int64)
            .cum_sum()
        )
        .sort("suppressed", "score", "row_b", descending=[False, True, False], nulls_last=False)
    )
    best = runs.group_by(*key, "_run", maintain_order=True).first()
    typed = settings.places == "declared"
    least = pl.lit("at least " if typed else "")
    return best.with_columns(
        observed_at=pl.col("joined_time_b"),
        previous_left=pl.col("end_a"),
        meeting_id=pl.col("meeting_id_b"),
        n=pl.lit(2, dtype=pl.Int64),
        records=pl.concat_list(
            pl.struct(pl.col("page_a").alias("page"), pl.col("item_a").alias("item")),
            pl.struct(pl.col("page_b").alias("page"), pl.col("item_b").alias("item")),
        ),
    ).select(
        *settings.entity,
        "observed_at",
        "n",
        "score",
        "suppressed",
        *([] if "meeting_id" in settings.entity else ["meeting_id"]),
        "distance",
        "speed",
        "hours",
        "from_place",
        "to_place",
        "previous_left",
        "records",
        confidence=pl.when(pl.lit(typed) | pl.col("young")).then(pl.lit("low")),
        explanation=pl.concat_str(
            entity(settings.entity),
            pl.lit(" left a meeting from "),
            "from_place",
            pl.lit(" at "),
            moment("previous_left"),
            pl.lit(" and joined one from "),
            "to_place",
            pl.lit(" at "),
            moment("observed_at"),
            pl.lit(": "),
            least,
            number("distance", digits=0),
            pl.lit(" km in "),
            number("hours"),
            pl.lit(" h ("),
            number("speed", digits=0),
            pl.lit(" km/h)"),
            pl.when("young").then(pl.lit(WITHOUT_HISTORY)).otherwise(pl.lit("")),
        ),
    )
