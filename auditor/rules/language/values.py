"""Durations, date-times and other typed values, read from the text of a rule, a configuration or an option."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from auditor.model.window import dated
from auditor.rules.language.tree import LiteralValue, Type

LARGEST_INTEGER = 2**53 - 1
LONGEST_DURATION = timedelta(days=3_652_500)
LONGEST_REGEX = 500
LONGEST_STRING = 500
LONGEST_LIST = 10_000

UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
    "us": timedelta(microseconds=1),
}
"""The units of a duration, largest first, the order they are written in."""

PARAMETER_TYPES = {
    "integer": Type.INTEGER,
    "number": Type.NUMBER,
    "duration": Type.DURATION,
    "string": Type.TEXT,
    "boolean": Type.BOOLEAN,
    "enum": Type.TEXT,
    "list": Type.LIST,
    "regex": Type.TEXT,
    "datetime": Type.DATETIME,
}
"""What an expression sees of a parameter of each type."""

_DURATION = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,18}}){unit})?" for unit in UNITS))
_DATETIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


def duration(text: str) -> timedelta | None:
    """The duration written as `90s` or `1h30m`, units largest first; None when it is not one.

    >>> duration("1h30m")
    datetime.timedelta(seconds=5400)
    >>> duration("30m1h") is None
    True
    """
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        return None
    try:
        total = sum((UNITS[unit] * int(count) for unit, count in found.groupdict("0").items()), timedelta())
    except OverflowError:
        return None
    return total if total <= LONGEST_DURATION else None


def written(length: timedelta) -> str:
    """The duration as a rule writes it.

    >>> written(timedelta(minutes=90))
    '1h30m'
    """
    if not length:
        return "0s"
    rest = abs(length)
    parts = []
    for unit, size in UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if length < timedelta() else "") + "".join(parts)


def moment(text: str) -> datetime | None:
    """The date-time written in ISO 8601, in UTC; None when it is not one. Without a zone it is UTC.

    >>> moment("2026-01-05T10:00+01:00")
    datetime.datetime(2026, 1, 5, 9, 0, tzinfo=datetime.timezone.utc)
    """
    found = _DATETIME.fullmatch(text)
    if found is None:
        return None
    day, clock, seconds, fraction, zone = found.groups()
    whole = f"{day}T{clock or '00:00'}:{seconds or '00'}.{(fraction or '').ljust(6, '0')}"
    offset = "+00:00" if zone in {None, "Z"} else zone
    try:
        return datetime.fromisoformat(whole + offset).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def type_of(value: LiteralValue) -> Type:
    """The type a literal has in the language."""
    match value:
        case None:
            return Type.NULL
        case bool():
            return Type.BOOLEAN
        case int():
            return Type.INTEGER
        case float():
            return Type.NUMBER
        case str():
            return Type.TEXT
        case timedelta():
            return Type.DURATION
        case datetime():
            return Type.DATETIME
        case tuple():
            return Type.LIST


def shown(value: LiteralValue) -> str:
    """The value as a message shows it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case timedelta():
            return written(value)
        case datetime():
            return dated(value, "%Y-%m-%dT%H:%M:%SZ")
        case tuple():
            return ", ".join(str(item) for item in value)
        case _:
            return str(value)
