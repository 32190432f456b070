"""Functions of time as Polars expressions, tumbling windows among them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from auditor.rules.compiled.operators import Compiled, constant
from auditor.rules.language.tree import Expr, Op
from auditor.tables.distinct import mapped
from auditor.tables.schema import COUNT, SPAN, TEXT, TIME

_DAY = timedelta(days=1)
_FIRST_MONDAY = date(1970, 1, 5)
_MONDAY = (_FIRST_MONDAY - date(1970, 1, 1)) // timedelta(microseconds=1)


def window_start(time: pl.Expr, length: timedelta, zone: str = "UTC") -> pl.Expr:
    """First instant of the tumbling window that holds the time.

    Windows shorter than a day are counted from midnight of `zone`; a day that a clock change makes longer or
    shorter ends with a shorter one. Windows of whole days are calendar days of `zone`, counted from Monday
    1970-01-05.
    """
    if zone == "UTC" and length <= _DAY:
        return time.dt.truncate(length)
    if zone == "UTC":
        days = _us(timedelta(days=length.days))
        return ((time.cast(COUNT) - _MONDAY) // days * days + _MONDAY).cast(TIME)
    day = _day(time, zone)
    if length >= _DAY:
        return _midnight(_first_day(day, length), zone)
    midnight = _midnight(day, zone)
    return midnight + ((time - midnight).cast(COUNT) // _us(length) * _us(length)).cast(SPAN)


def window_end(start: pl.Expr, length: timedelta, zone: str = "UTC") -> pl.Expr:
    """First instant of the window after the one that starts at `start`."""
    if zone == "UTC":
        return start + length
    day = _day(start, zone)
    if length >= _DAY:
        return _midnight(day + length, zone)
    return pl.min_horizontal(start + length, _midnight(day + _DAY, zone))


def window_starts(first: datetime, last: datetime, length: timedelta, zone: str = "UTC") -> pl.Series:
    """Starts of all tumbling windows from the one that holds `first` to the one that holds `last`, in order."""
    edges = pl.Series([first, last], dtype=TIME).to_frame("edge")
    opened, closed = edges.select(window_start(pl.col("edge"), length, zone))["edge"]
    days = edges.select(
        pl.date_range(_day(pl.col("edge").first(), zone), _day(pl.col("edge").last(), zone)).alias("day")
    )
    if length >= _DAY:
        found = days.select(_midnight(_first_day(pl.col("day"), length), zone).alias("start"))
    else:
        count = -(-timedelta(hours=26) // length)
        steps = pl.int_ranges(0, pl.lit(count)) * _us(length)
        found = (
            days.select(_midnight(pl.col("day"), zone).alias("start"), steps.alias("step"))
            .explode("step")
            .select(window_start(pl.col("start") + pl.col("step").cast(SPAN), length, zone))
        )
    starts = found["start"].unique().sort()
    return starts.filter(starts.is_between(opened, closed))


def _us(length: timedelta) -> int:
    return length // timedelta(microseconds=1)


def _day(time: pl.Expr, zone: str) -> pl.Expr:
    return time.dt.convert_time_zone(zone).dt.date()


def _first_day(day: pl.Expr, length: timedelta) -> pl.Expr:
    since = (day - _FIRST_MONDAY).dt.total_days() % length.days
    return day - pl.duration(days=since)


def _midnight(day: pl.Expr, zone: str) -> pl.Expr:
    """First instant of a calendar day of the zone, also where its midnight is skipped or comes twice."""
    if zone == "UTC":
        return day.cast(TIME)
    place = ZoneInfo(zone)

    def first(value: date) -> datetime:
        return datetime(value.year, value.month, value.day, tzinfo=place).astimezone(UTC)

    return mapped(day, first, TIME)


def _zone(op: Op) -> str:
    return constant(op.args[1], str) if len(op.args) > 1 else "UTC"


def _local(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    zone = _zone(op)
    return args[0] if zone == "UTC" else args[0].dt.convert_time_zone(zone)


def span(tree: Expr) -> timedelta:
    """The duration an argument is, as a literal."""
    return constant(tree, timedelta)


def _in_units(unit: timedelta) -> Compiled:
    def compiled(_: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
        return args[0].cast(COUNT) / _us(unit)

    return compiled


TEMPORAL: Mapping[str, Compiled] = {
    "duration": lambda _, args: args[0],
    "datetime": lambda _, args: args[0],
    "to_seconds": _in_units(timedelta(seconds=1)),
    "to_minutes": _in_units(timedelta(minutes=1)),
    "to_hours": _in_units(timedelta(hours=1)),
    "hour": lambda op, args: _local(op, args).dt.hour().cast(COUNT),
    "minute": lambda op, args: _local(op, args).dt.minute().cast(COUNT),
    "month": lambda op, args: _local(op, args).dt.month().cast(COUNT),
    "year": lambda op, args: _local(op, args).dt.year().cast(COUNT),
    "weekday": lambda op, args: _local(op, args).dt.weekday().cast(COUNT),
    "day": lambda op, args: _local(op, args).dt.date().cast(TEXT),
    "trunc": lambda op, args: window_start(args[0], span(op.args[1])),
}
"""Compiled form of each function of time."""
