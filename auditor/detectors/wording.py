"""How detectors word numbers, times and people in their sentences."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def entity(columns: Sequence[str]) -> pl.Expr:
    """The entity of a finding in words: its columns joined by a comma."""
    return pl.concat_str([pl.col(name).cast(pl.String()).fill_null("—") for name in columns], separator=", ")


def number(column: str | pl.Expr, *, digits: int = 1) -> pl.Expr:
    """A number with a fixed count of decimals and no thousands mark."""
    value = pl.col(column) if isinstance(column, str) else column
    scaled = (value.abs() * 10**digits + 1e-9).round(0, mode="half_away_from_zero").cast(pl.Int64)
    sign = pl.when((value < 0) & (scaled > 0)).then(pl.lit("−")).otherwise(pl.lit(""))
    whole = (scaled // 10**digits).cast(pl.String())
    if digits == 0:
        return pl.concat_str(sign, whole)
    return pl.concat_str(sign, whole, pl.lit("."), (scaled % 10**digits).cast(pl.String()).str.zfill(digits))


def moment(column: str) -> pl.Expr:
    """A time to the minute, in UTC."""
    return pl.col(column).dt.strftime("%Y-%m-%d %H:%M UTC")


def clock(column: str) -> pl.Expr:
    """The time of day to the minute, in UTC."""
    return pl.col(column).dt.strftime("%H:%M")


def span(column: str) -> pl.Expr:
    """A duration in hours, minutes and seconds, without the parts that are zero."""
    seconds = pl.col(column).dt.total_seconds()
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    parts = [
        pl.when(part > 0).then(pl.concat_str(part.cast(pl.String()), pl.lit(f" {unit}")))
        for part, unit in ((hours, "h"), (minutes, "min"), (rest, "s"))
    ]
    words = pl.concat_str(parts, separator=" ", ignore_nulls=True)
    return pl.when(seconds > 0).then(words).otherwise(pl.lit("0 s"))
