"""Templates filled with the values of a finding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from itertools import repeat

import polars as pl

from auditor.model.window import dated
from auditor.rules.language.spec import Template
from auditor.rules.language.tree import LiteralValue
from auditor.triage.fingerprint import Scalar

NOTHING = "—"
LONGEST_TEXT = 200
MOST_ITEMS = 10
_SIGNIFICANT = 6
_EXACT = Context(prec=400, rounding=ROUND_HALF_UP)
# control characters, surrogates, line separators, and whatever turns the direction of writing
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_TICK = timedelta(microseconds=1)
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
_MOMENTS = {"": "%Y-%m-%d %H:%M:%SZ", "date": "%Y-%m-%d", "time": "%H:%M:%SZ", "minute": "%Y-%m-%d %H:%MZ"}


def rendered(value: Scalar, spec: str = "") -> str:
    """The value in words, in the form `spec` asks for; a null is a dash.

    >>> rendered(timedelta(hours=1, minutes=5, seconds=30))
    '1 h 5 min 30 s'
    >>> rendered(0.12345, ".1%")
    '12.3%'
    """
    match value:
        case None:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return number(value, spec)
        case timedelta():
            return length(value, spec)
        case datetime():
            return dated(value.astimezone(UTC), _MOMENTS[spec])
        case str():
            return plain(value)
        case _:
            return _listed([plain(str(item)) for item in value])


def worded(values: pl.Series, spec: str = "") -> list[str]:
    """Each value in words, as `rendered` gives them, equal ones worded once."""
    if isinstance(values.dtype, pl.Datetime):
        return values.dt.strftime(_MOMENTS[spec]).fill_null(NOTHING).to_list()
    if isinstance(values.dtype, pl.List):
        return [rendered(value, spec) for value in values.to_list()]
    if values.dtype == pl.String:
        texts: list[str | None] = values.to_list()
        told = [text for text in texts if text is not None]
        if max(map(len, told), default=0) <= LONGEST_TEXT and _UNSAFE.search("".join(told)) is None:
            return told if len(told) == len(texts) else [NOTHING if text is None else text for text in texts]
    known: dict[Scalar, str] = {value: rendered(value, spec) for value in values.unique().to_list()}
    return [known[value] for value in values.to_list()]


def filled(template: Template, rows: pl.DataFrame, params: Mapping[str, Scalar]) -> list[str]:
    """The template filled for each row; fields named `param.x` take the parameters."""
    columns: list[Iterable[str]] = []
    for part in template.parts:
        if isinstance(part, str):
            columns.append(repeat(part, rows.height))
        elif part.name in params:
            columns.append(repeat(rendered(params[part.name], part.spec), rows.height))
        else:
            columns.append(worded(rows[part.name], part.spec))
    return ["".join(pieces) for pieces in zip(*columns, strict=True)] if columns else [""] * rows.height


def as_scalar(value: LiteralValue) -> Scalar:
    """A literal of the language as a value of a finding: a list of text in place of a tuple."""
    return [str(item) for item in value] if isinstance(value, tuple) else value


def plain(text: str) -> str:
    """The text on one line, without characters that steer a terminal or the direction of writing, and not too long.

    >>> plain("a" + chr(0x202e) + "b")
    'a\ufffdb'
    """
    safe = _UNSAFE.sub("\ufffd", text)
    return safe if len(safe) <= LONGEST_TEXT else safe[:LONGEST_TEXT] + "…"


def number(value: float, spec: str = "") -> str:
    """The number in the form of `spec`; without one shortest, with at most six significant digits.

    Halves are rounded away from zero, as `round` of the language does.

    >>> number(1234567), number(2.0), number(0.1 + 0.2), number(2.5, ".0f")
    ('1234567', '2', '0.3', '3')
    """
    if spec.startswith("."):
        places, percent = int(spec[1]), spec.endswith("%")
        exact = Decimal(repr(value)).scaleb(2 * percent)
        text = format(_EXACT.quantize(exact, Decimal(1).scaleb(-places)), "zf")
        return f"{text}%" if percent else text
    if isinstance(value, int):
        return format(value, spec)
    places = _SIGNIFICANT if not spec else max(_SIGNIFICANT, len(str(abs(int(value)))) + 3)
    short = format(value + 0.0, f".{places}g")
    rounded = Decimal(short)
    shown = short if abs(rounded.adjusted()) > 15 else format(rounded.normalize(), "f")
    return f"{Decimal(shown):,f}" if spec and "e" not in shown else shown


def length(value: timedelta, spec: str = "") -> str:
    """The duration in hours, minutes and seconds, or as one number of the unit `spec`.

    >>> length(timedelta()), length(-timedelta(minutes=2)), length(timedelta(milliseconds=500))
    ('0 s', '−2 min', '0.5 s')
    """
    sign = "−" if value < timedelta() else ""
    rest = abs(value)
    if spec:
        # whole tenths of the unit, half up
        tenths = (rest // _TICK * 20 + _UNITS[spec] // _TICK) // (_UNITS[spec] // _TICK * 2)
        return f"{sign if tenths else ''}{tenths // 10}.{tenths % 10}"
    hours, rest = divmod(rest, _UNITS["h"])
    minutes, rest = divmod(rest, _UNITS["m"])
    seconds = format(Decimal(rest // _TICK).scaleb(-6).normalize(), "f")
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes) + [f"{seconds} s"] * bool(rest)
    return sign + " ".join(parts) if parts else "0 s"


def _listed(items: list[str]) -> str:
    more = len(items) - MOST_ITEMS
    return ", ".join([*items[:MOST_ITEMS], *([f"… and {more} more"] if more > 0 else [])])
