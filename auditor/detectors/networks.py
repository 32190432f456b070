"""What the past says of networks: who comes through them from elsewhere, and which ones a person knows.

A *place* is an operator in a city, or the network where either is unknown: carriers and leases change networks, but
neither operator nor city. Everything is taken strictly before the day, or the week, of the row it is said of, so
that the order of rows and later collections of the same time never change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import reduce
from operator import or_

import polars as pl

HOME_WEEKS = 4
EXIT_PEOPLE = 5
EXIT_SHARE = 10
FAR_KM = 500.0
EARTH_KM = 6371.0
KNOWN_DAYS = 2

NETWORK = pl.col("ip_network")
PLACE = pl.coalesce(pl.concat_str(pl.col("asn").cast(pl.String()), pl.lit(" "), "geo_city"), NETWORK)
"""An operator in a city, else the network."""

WHERE = ("email", "is_internal", "ip_network", "asn", "geo_country", "geo_city", "geo_latitude", "geo_longitude")
"""The columns and facts of a row that tell where it came from."""


def kilometres(one: str, other: str) -> pl.Expr:
    """Great-circle distance of the coordinates of two suffixes, rounded to a hundredth of a degree."""
    lat_a, lat_b, lon_a, lon_b = (
        pl.col(f"geo_{axis}_{side}").round(2).radians() for axis in ("latitude", "longitude") for side in (one, other)
    )
    half = ((lat_b - lat_a) / 2).sin() ** 2 + lat_a.cos() * lat_b.cos() * ((lon_b - lon_a) / 2).sin() ** 2
    return 2 * EARTH_KM * half.sqrt().clip(0.0, 1.0).arcsin()


def homes(frame: pl.DataFrame) -> pl.DataFrame:
    """Where each person was on most days of the four weeks before each week: `email`, `week`, and the place.

    Ties go to the smallest country and city. A person without a located join in those weeks has no row.
    """
    place = ["geo_country", "geo_city"]
    located = frame.filter(pl.col("email").is_not_null() & pl.col("geo_country").is_not_null())
    weekly = (
        located.select("email", *place, "geo_latitude", "geo_longitude", day=pl.col("joined_time").dt.truncate("1d"))
        .group_by("email", *place, "day")
        .agg(pl.col("geo_latitude", "geo_longitude").min())
        .group_by("email", *place, week=pl.col("day").dt.truncate("1w"))
        .agg(pl.len().alias("days"), pl.col("geo_latitude", "geo_longitude").min())
    )
    later = pl.concat(
        weekly.with_columns(pl.col("week") + timedelta(weeks=ahead)) for ahead in range(1, HOME_WEEKS + 1)
    )
    return (
        later.group_by("email", "week", *place)
        .agg(pl.col("days").sum(), pl.col("geo_latitude", "geo_longitude").min())
        .sort("email", "week", "days", *place, descending=[False, False, True, False, False])
        .group_by("email", "week", maintain_order=True)
        .agg(pl.col(name).first().alias(f"{name}_home") for name in (*place, "geo_latitude", "geo_longitude"))
    )


def remote_exits(frame: pl.DataFrame, *, place: pl.Expr = PLACE) -> pl.DataFrame:
    """What is known of each place after each day on which internal people used it: `place`, `day`, `exit`.

    It is an exit used from elsewhere once five internal people whose home is more than 500 km away, or in another
    country where coordinates are unknown, have used it and theirs are more than a tenth of the days on which
    somebody did. That is a VPN, a cloud gateway, a carrier's far end; an office is not.
    """
    internal = frame.filter(
        pl.col("is_internal").fill_null(value=False)
        & pl.col("ip_network").is_not_null()
        & pl.col("geo_country").is_not_null()
        & pl.col("email").is_not_null()
    )
    daily = (
        internal.select("email", place.alias("place"), *WHERE[4:], day=pl.col("joined_time").dt.truncate("1d"))
        .group_by("place", "email", "day")
        .agg(pl.col(WHERE[4:]).min())
        .with_columns(week=pl.col("day").dt.truncate("1w"))
        .rename({name: f"{name}_here" for name in WHERE[4:]})
        .join(homes(frame), on=["email", "week"], how="left")
    )
    known = pl.col("geo_country_home").is_not_null()
    far = pl.coalesce(
        kilometres("here", "home") > FAR_KM, pl.col("geo_country_here") != pl.col("geo_country_home")
    ).fill_null(value=False)
    counted = (
        daily.with_columns(away=far & known)
        .with_columns(
            newcomer=pl.col("away") & (pl.col("day") == pl.col("day").filter("away").min().over("place", "email"))
        )
        .group_by("place", "day")
        .agg(
            known.sum().cast(pl.Int64).alias("days"),
            pl.col("away").sum().cast(pl.Int64),
            pl.col("newcomer").fill_null(value=False).sum().cast(pl.Int64).alias("people"),
        )
        .sort("place", "day")
        .with_columns(pl.col("days", "away", "people").cum_sum().over("place"))
    )
    return counted.select(
        "place",
        "day",
        exit=(pl.col("people") >= EXIT_PEOPLE) & (EXIT_SHARE * pl.col("away") > pl.col("days")),
    )


def is_remote_exit(frame: pl.DataFrame, exits: pl.DataFrame, *, place: pl.Expr = PLACE) -> pl.Series:
    """For each row of `frame`, whether its place was an exit after the last day before it on which it was used."""
    asked = frame.select(
        pl.int_range(pl.len()).alias("_row"), place=place, asked=pl.col("joined_time").dt.truncate("1d")
    )
    return (
        asked.sort("asked")
        .join_asof(
            exits.sort("day"),
            left_on="asked",
            right_on="day",
            by="place",
            strategy="backward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .sort("_row")["exit"]
        .fill_null(value=False)
    )


def knows_network(frame: pl.DataFrame, *, places: Sequence[pl.Expr] = (NETWORK, PLACE)) -> pl.Series:
    """For each leg, whether its person used one of its places on at least two earlier days."""
    known = [(_earlier_days(frame, place) >= KNOWN_DAYS).fill_null(value=False) for place in places]
    return reduce(or_, known)


def _earlier_days(frame: pl.DataFrame, place: pl.Expr) -> pl.Series:
    """For each leg, on how many earlier days its person was in that place; null where it is unknown."""
    key: Sequence[str] = ("email", "_place")
    asked = frame.select("email", place.alias("_place"), day=pl.col("joined_time").dt.truncate("1d"))
    daily = asked.drop_nulls().unique().sort(*key, "day").with_columns(before=pl.int_range(pl.len()).over(key))
    return asked.join(daily, on=[*key, "day"], how="left", maintain_order="left")["before"]
