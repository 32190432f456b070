"""What the past says of networks: whose home country lies elsewhere, and which networks a person knows.

Everything is taken strictly before the day, or the week, of the row it is said of, so that the order of rows
and later collections of the same time never change it.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

LOOK_BACK = timedelta(days=30)
EXIT_PEOPLE = 5
KNOWN_DAYS = 2


def home_countries(frame: pl.DataFrame, *, person: str = "email") -> pl.DataFrame:
    """The most frequent country of each person in the 30 days before each week: `person`, `week`, `home`.

    Ties go to the smallest country code. A person without a located join in those days has no row.
    """
    located = frame.filter(pl.col(person).is_not_null() & pl.col("geo_country").is_not_null())
    days = located.group_by(person, "geo_country", day=pl.col("joined_time").dt.truncate("1d")).agg(joins=pl.len())
    weeks = frame.select(person, week=pl.col("joined_time").dt.truncate("1w")).drop_nulls().unique()
    seen = weeks.join(days, on=person).filter(
        (pl.col("day") < pl.col("week")) & (pl.col("day") >= pl.col("week") - LOOK_BACK)
    )
    return (
        seen.group_by(person, "week", "geo_country")
        .agg(pl.col("joins").sum())
        .sort(person, "week", "joins", "geo_country", descending=[False, False, True, False])
        .group_by(person, "week", maintain_order=True)
        .agg(home=pl.col("geo_country").first())
    )


def remote_exits(frame: pl.DataFrame) -> pl.DataFrame:
    """The networks and days on which a network counts as an exit used from elsewhere: `ip_network`, `day`.

    Before that day at least five internal people used it, and more than half of their joins came from people
    whose home country is not the network's. That is a VPN or a cloud gateway; an office is not.
    """
    internal = frame.filter(
        pl.col("is_internal").fill_null(value=False)
        & pl.col("ip_network").is_not_null()
        & pl.col("geo_country").is_not_null()
        & pl.col("email").is_not_null()
    ).with_columns(week=pl.col("joined_time").dt.truncate("1w"), day=pl.col("joined_time").dt.truncate("1d"))
    known = internal.join(home_countries(frame), on=["email", "week"], how="left").with_columns(
        first=pl.col("day") == pl.col("day").min().over("ip_network", "email"),
    )
    newcomers = known.filter("first").group_by("ip_network", "day").agg(people=pl.col("email").n_unique())
    daily = (
        known.group_by("ip_network", "day")
        .agg(
            joins=pl.col("home").is_not_null().sum(),
            away=(pl.col("home") != pl.col("geo_country")).fill_null(value=False).sum(),
        )
        .join(newcomers, on=["ip_network", "day"], how="left")
        .with_columns(pl.col("people").fill_null(0).cast(pl.Int64), pl.col("joins", "away").cast(pl.Int64))
        .sort("ip_network", "day")
        .with_columns(
            (pl.col(name).cum_sum() - pl.col(name)).over("ip_network").alias(name)
            for name in ("people", "joins", "away")
        )
    )
    return daily.filter((pl.col("people") >= EXIT_PEOPLE) & (2 * pl.col("away") > pl.col("joins"))).select(
        "ip_network", "day"
    )


def is_remote_exit(frame: pl.DataFrame, exits: pl.DataFrame) -> pl.Series:
    """For each row of `frame` (`ip_network`, `joined_time`), whether its network is an exit on that day."""
    asked = frame.select("ip_network", day=pl.col("joined_time").dt.truncate("1d"))
    return asked.join(
        exits.with_columns(exit=pl.lit(value=True)), on=["ip_network", "day"], how="left", maintain_order="left"
    )["exit"].fill_null(value=False)


def knows_network(frame: pl.DataFrame) -> pl.Series:
    """For each leg, whether its person used the network on at least two earlier days."""
    daily = (
        frame.select("email", "ip_network", day=pl.col("joined_time").dt.truncate("1d"))
        .unique()
        .sort("email", "ip_network", "day")
        .with_columns(before=pl.int_range(pl.len()).over("email", "ip_network"))
    )
    asked = frame.select("email", "ip_network", day=pl.col("joined_time").dt.truncate("1d"))
    joined = asked.join(daily, on=["email", "ip_network", "day"], how="left", maintain_order="left", nulls_equal=True)
    return (joined["before"] >= KNOWN_DAYS).fill_null(value=False)
