"""Lossless conversions of single JSON values: what each form accepts, and what cell of a raw frame it becomes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import TypeAlias

from auditor.tables.record import Form

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Cell: TypeAlias = "bool | float | str | datetime | list[str | None] | list[dict[str, str | None]] | None"

LONGEST = 1e10
"""Minutes or seconds beyond which a duration is no duration; its microseconds still fit 64 bits."""

LARGEST = 2.0**53
"""Up to here every whole number is exact as a float."""

_LAST = datetime.max.replace(tzinfo=UTC)
"""The moment behind which there is none, where a span that holds it would end."""
_FLAGS = {"": None, "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_UNIT = r"[^\W\d_]{0,12}\.?"
_AMOUNT = r"([+-]?\d+(?:[.,]\d+)?)\s*"
_OF_MINUTES = re.compile(rf"{_AMOUNT}(?![hs]){_UNIT}", re.IGNORECASE)
_OF_SECONDS = re.compile(rf"{_AMOUNT}(?![hm]){_UNIT}", re.IGNORECASE)
"""A number and perhaps a word for its unit, in any language; one for hours, or for the other unit, is none."""


class NotDecodable(Exception):  # noqa: N818 - it ends one record, not the program
    """A value that its field's form does not accept. The message names types, never the value."""


@dataclass(slots=True)
class Tally:
    """What conversions met on their way: lone surrogates replaced, times without an offset."""

    surrogates: int = 0
    naive_times: int = 0
    unknown: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Context:
    """What values need to be read by: the zone of times without an offset, further time formats, the tally."""

    tally: Tally
    zone: tzinfo = UTC
    time_formats: tuple[str, ...] = ()


def converted(value: Json, form: Form, context: Context) -> Cell:
    """The value as a raw frame holds it. Raises `NotDecodable`; a missing value is None."""
    if value is None:
        return None
    return _CONVERSIONS[form](value, context)


def text(value: Json, context: Context) -> str:
    """Text, or a number or flag as JSON would write it without an exponent."""
    if isinstance(value, str):
        clean, count = _SURROGATE.subn("\ufffd", value)
        context.tally.surrogates += count
        return clean
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        written = format(Decimal(repr(value)), "f")
        return written.removesuffix(".0")
    raise NotDecodable(f"{_called(value)} where text is expected")


def _number(value: Json, context: Context) -> float | None:
    del context
    if isinstance(value, str):
        stripped = value.strip()
        if not stripped:
            return None
        if _NUMBER.fullmatch(stripped) is None:
            raise NotDecodable("text where a number is expected")
        value = float(stripped)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotDecodable(f"{_called(value)} where a number is expected")
    if abs(value) > LARGEST or not math.isfinite(value):
        raise NotDecodable("a number out of range")
    return float(value)


def _minutes(value: Json, context: Context) -> float | None:
    return _span(value, context, _OF_MINUTES)


def _seconds(value: Json, context: Context) -> float | None:
    return _span(value, context, _OF_SECONDS)


def _span(value: Json, context: Context, pattern: re.Pattern[str]) -> float | None:
    if isinstance(value, str) and (written := pattern.fullmatch(value.strip())):
        value = written[1].replace(",", ".")
    number = _number(value, context)
    if number is not None and abs(number) > LONGEST:
        raise NotDecodable("a duration out of range")
    return number


def _count(value: Json, context: Context) -> float | None:
    number = _number(value, context)
    if number is not None and not number.is_integer():
        raise NotDecodable("a fraction where a whole number is expected")
    return number


def _flag(value: Json, context: Context) -> bool | None:
    del context
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _FLAGS:
            return _FLAGS[word]
    elif isinstance(value, int | float) and value in {0, 1}:
        return value == 1
    raise NotDecodable(f"{_called(value)} where true or false is expected")


def _open(value: Json, context: Context) -> bool | None:
    if isinstance(value, str) and value.strip().lower() in {"allowjoin", "allowjoinwithlobby", "blockfromjoin"}:
        return value.strip().lower() == "allowjoin"
    return _flag(value, context)


def _present(value: Json, context: Context) -> bool | None:
    return True if isinstance(value, dict) else _flag(value, context)


def _time(value: Json, context: Context) -> datetime | None:
    if not isinstance(value, str):
        raise NotDecodable(f"{_called(value)} where a time is expected")
    stripped = value.strip()
    if not stripped:
        return None
    moment = _moment(stripped, context.time_formats)
    if moment.tzinfo is None:
        context.tally.naive_times += 1
        moment = moment.replace(tzinfo=context.zone)
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise NotDecodable("a time out of range") from None
    if moment == _LAST:
        raise NotDecodable("a time out of range")
    return moment


def _moment(written: str, formats: tuple[str, ...]) -> datetime:
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        pass
    for pattern in formats:
        try:
            return datetime.strptime(written, pattern)  # noqa: DTZ007 - the zone is put in by the caller
        except ValueError:
            continue
    raise NotDecodable("text that is no time")


def _listed(value: Json) -> Json:
    """A list that a cell of a CSV file holds as JSON text; any other value as it is."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    return value


def _emails(value: Json, context: Context) -> list[str | None]:
    value = _listed(value)
    listed = value if isinstance(value, list) else [value]
    return [None if each is None else text(each, context) for each in listed]


def _codes(value: Json, context: Context) -> list[dict[str, str | None]] | None:
    if isinstance(value, str) and not value.strip():
        return None
    value = _listed(value)
    if not isinstance(value, list):
        raise NotDecodable(f"{_called(value)} where a list is expected")
    codes: list[dict[str, str | None]] = []
    for each in value:
        if isinstance(each, str):
            name, _, rest = text(each, context).partition("=")
            codes.append({"name": name, "value": rest})
        elif isinstance(each, dict):
            codes.append({name: _optional_text(each.get(name), context) for name in ("name", "value")})
        else:
            raise NotDecodable(f"{_called(each)} in a list of name and value")
    return codes


def _optional_text(value: Json, context: Context) -> str | None:
    return None if value is None else text(value, context)


def _called(value: Json) -> str:
    """What JSON calls a value's type."""
    names = {bool: "a flag", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), "null")


_CONVERSIONS: Mapping[Form, Callable[[Json, Context], Cell]] = {
    Form.TEXT: text,
    Form.LOWER: text,
    Form.EMAIL: text,
    Form.EMAILS: _emails,
    Form.ALIASES: _emails,
    Form.NUMBER: text,
    Form.TIME: _time,
    Form.MINUTES: _minutes,
    Form.SECONDS: _seconds,
    Form.MICROSECONDS: _count,
    Form.COUNT: _count,
    Form.FLAG: _flag,
    Form.OPEN: _open,
    Form.PRESENT: _present,
    Form.CODES: _codes,
}
