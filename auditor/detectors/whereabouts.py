"""What the past says of a person's ways: behind the exits they use or past them, and with which clients.

Everything is taken strictly before the day of the row it is said of.
"""

from __future__ import annotations

import polars as pl

from auditor.entities.pairs import MOBILE

EXIT_DAYS = 5
MIXED_DAYS = 2


def mobile() -> pl.Expr:
    """Whether the leg's client is a phone or tablet."""
    return pl.col("client_os").is_in(list(MOBILE)).fill_null(value=False)


def keeps_to_exits(frame: pl.DataFrame) -> pl.Series:
    """For each leg whether its person, once through an exit, is used to staying behind it for the day.

    That is so after five earlier days on which a computer of theirs was in a meeting through an exit, as long as it
    was in another meeting past all exits on one of them at most; `exit` tells of each leg whether it came through one.
    """
    asked = frame.select("email", "meeting_id", "exit", computer=~mobile(), day=pl.col("joined_time").dt.epoch("d"))
    meetings = (
        asked.filter("computer")
        .group_by("email", "day", "meeting_id")
        .agg(through=pl.col("exit").all(), past=~pl.col("exit").any())
    )
    daily = (
        meetings.group_by("email", "day").agg(pl.col("through", "past").any()).filter("through").sort("email", "day")
    )
    since = pl.col("day").get(EXIT_DAYS - 1, null_on_oob=True)
    until = pl.col("day").filter("past").get(MIXED_DAYS - 1, null_on_oob=True)
    habits = daily.group_by("email", maintain_order=True).agg(_since=since, _until=until)
    day = pl.col("day")
    return (
        asked.select("email", "day")
        .join(habits, on="email", how="left", maintain_order="left")
        .select((day > pl.col("_since")).fill_null(value=False) & (day <= pl.col("_until")).fill_null(value=True))
        .to_series()
    )


def seen_before(frame: pl.DataFrame, column: str) -> pl.Series:
    """For each leg whether its person had the same value in the column on an earlier day."""
    told = frame.select(column, "email", day=pl.col("joined_time").dt.epoch("d"))
    return told.select((pl.col("day") > pl.col("day").min().over("email", column)).fill_null(value=False)).to_series()
