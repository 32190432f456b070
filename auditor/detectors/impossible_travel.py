"""`impossible_travel`: too far in too little time.

For consecutive legs of one entity, the earlier being the one that reaches furthest so far:
`d = max(0, haversine − radius1 − radius2)` with R = 6371 km, `h = max(1/60, (joined − reach) in hours)`,
`speed = d / h`. A finding needs `d > min_distance` and `speed > max_speed`; the score is log2(speed / max_speed).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import polars as pl

from auditor.detectors.detection import Budget, Detection, conclude, days, within
from auditor.detectors.episodes import legs
from auditor.detectors.networks import is_remote_exit, kilometres, knows_network, remote_exits
from auditor.detectors.suppress import MOBILE, first_reason, hand_off, in_networks, reconnect
from auditor.detectors.wording import entity, moment, number
from auditor.model.window import Window

RUN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class ImpossibleTravel:
    """Settings of `impossible_travel`: `max_speed` in km/h, `min_distance` in km."""

    entity: tuple[str, ...] = ("email",)
    max_speed: float = 900.0
    min_distance: float = 500.0
    include_overlap: bool = False
    networks: tuple[str, ...] = field(default=())
    suppress: tuple[str, ...] = ("remote_exit", "known_network", "hand_off", "reconnect")
    budget: Budget = field(default_factory=Budget)

    @property
    def needed(self) -> frozenset[str]:
        """The columns and facts it reads of a row."""
        return frozenset(
            {
                *self.entity,
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


def detect(rows: pl.LazyFrame, settings: ImpossibleTravel, window: Window) -> Detection:
    """The journeys no aircraft makes."""
    frame, unusable = legs(rows, entity=settings.entity, needed=("ip_network", "geo_latitude", "geo_longitude"))
    if frame.is_empty():
        return Detection(
            pl.DataFrame(),
            0,
            unusable,
            0,
            None,
            "no attendee has a place; a GeoIP database is needed" if unusable else None,
        )
    frame = frame.with_columns(exit=is_remote_exit(frame, remote_exits(frame)), known=knows_network(frame))
    frame = frame.with_columns(roams=pl.col("known") & pl.col("client_os").is_in(list(MOBILE)).fill_null(value=False))
    # legs that do not tell where their person is: through an exit, and by a phone that roams on a network it knows
    silent = [
        holds
        for name, holds in (("remote_exit", pl.col("exit")), ("known_network", pl.col("roams")))
        if name in settings.suppress
    ]
    moves = _moves(frame, settings)
    if silent:
        # what lies around them is compared as well
        through = moves.filter(pl.any_horizontal("exit_a", "exit_b", "roams_a", "roams_b"))
        moves = pl.concat([through, _moves(frame.filter(~pl.any_horizontal(silent)), settings)])
        moves = moves.unique(["row_a", "row_b"], keep="first", maintain_order=True)
    reasons = {
        "remote_exit": pl.col("exit_a") | pl.col("exit_b"),
        "known_network": pl.col("known_b") | pl.col("roams_a"),
        "hand_off": hand_off(),
        "reconnect": reconnect(),
        "listed_network": pl.col("listed_a") | pl.col("listed_b"),
    }
    scored = moves.with_columns(
        listed_a=in_networks(moves["ip_network_a"], settings.networks),
        listed_b=in_networks(moves["ip_network_b"], settings.networks),
    ).with_columns(suppressed=first_reason({name: reasons[name] for name in settings.suppress if name in reasons}))
    before = frame.filter(pl.col("joined_time") < window.start)["joined_time"]
    return conclude(
        _episodes(scored.filter(within(window, "joined_time_b")), settings),
        entity=settings.entity,
        budget=settings.budget,
        population=frame.height,
        not_evaluable=unusable,
        history=days(before),
    )


def _moves(frame: pl.DataFrame, settings: ImpossibleTravel) -> pl.DataFrame:
    """Each leg with the leg that reached furthest before it, where distance and speed exceed the limits."""
    key = list(settings.entity)
    ordered = frame.sort(*key, "joined_time", "end", "page", "item")
    furthest = pl.col("end") >= pl.col("end").cum_max().over(key)
    linked = ordered.with_columns(_from=pl.when(furthest).then(pl.col("row")).forward_fill().over(key)).with_columns(
        _from=pl.col("_from").shift(1).over(key)
    )
    side = (
        "row", "meeting_id", "joined_time", "end", "ip_network", "client_os", "client_agent", "geo_country", "geo_city",
        "geo_latitude", "geo_longitude", "geo_radius_km", "exit", "known", "roams", "page", "item",
    )  # fmt: skip
    later = linked.filter(pl.col("_from").is_not_null()).select(
        *key, "_from", *[pl.col(name).alias(f"{name}_b") for name in side]
    )
    earlier = ordered.select(pl.col("row").alias("_from"), *[pl.col(name).alias(f"{name}_a") for name in side])
    pairs = later.join(earlier, on="_from", how="left", maintain_order="left")
    radius = pl.col("geo_radius_km_a").fill_null(0.0) + pl.col("geo_radius_km_b").fill_null(0.0)
    gap = (pl.col("joined_time_b") - pl.col("end_a")).dt.total_microseconds() / 3_600_000_000
    measured = pairs.with_columns(
        distance=pl.max_horizontal(pl.lit(0.0), kilometres("a", "b") - radius), _gap=gap
    ).with_columns(hours=pl.max_horizontal(pl.lit(1 / 60), pl.col("_gap")))
    if not settings.include_overlap:
        measured = measured.filter(pl.col("_gap") > 0)
    return (
        measured.with_columns(speed=pl.col("distance") / pl.col("hours"))
        .filter((pl.col("distance") > settings.min_distance) & (pl.col("speed") > settings.max_speed))
        .with_columns(score=(pl.col("speed") / settings.max_speed).log(2))
    )


def _place(side: str) -> pl.Expr:
    return pl.coalesce(f"geo_city_{side}", f"geo_country_{side}", f"ip_network_{side}")


def _episodes(scored: pl.DataFrame, settings: ImpossibleTravel) -> pl.DataFrame:
    """The fastest move of each entity, unordered pair of places and day: the way back is the same trip."""
    key = [*settings.entity, "_low", "_high"]
    runs = (
        scored.with_columns(from_place=_place("a"), to_place=_place("b"))
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
            number("distance", digits=0),
            pl.lit(" km in "),
            number("hours"),
            pl.lit(" h ("),
            number("speed", digits=0),
            pl.lit(" km/h)"),
        ),
    )
