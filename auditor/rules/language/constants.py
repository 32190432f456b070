"""Checks on the constants a rule hands to functions: patterns, zones, networks, ranges."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache

import polars as pl

from auditor.documents import printable
from auditor.rules.language.functions import FUNCTIONS
from auditor.rules.language.operands import TypeMistake
from auditor.rules.language.tree import Expr, Literal, LiteralValue, Op, Type
from auditor.rules.language.values import LONGEST_REGEX, duration, moment
from auditor.tables.addresses import network

_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(?:/[A-Za-z0-9_+-]{1,30}){0,2}")
_RANGES = {
    ("network", 1): (0, 32),
    ("network", 2): (0, 128),
    ("quantile", 1): (0, 1),
    ("round", 1): (0, 15),
    ("extract", 2): (0, 99),
}
_DAY = timedelta(days=1)


class ConstantMistake(TypeMistake):
    """A constant that is not what its function needs; `index` is the argument's."""

    def __init__(self, index: int, message: str) -> None:
        self.index = index
        super().__init__(message)


@lru_cache(maxsize=2_048)
def pattern_mistake(pattern: str) -> str | None:
    """What is wrong with a regular expression, in the engine that will run it; None when nothing is."""
    if len(pattern) > LONGEST_REGEX:
        return f"regular expression longer than {LONGEST_REGEX} characters"
    try:
        pl.Series([""], dtype=pl.String()).str.contains(pattern)
    except pl.exceptions.PolarsError as error:
        if "size limit" in str(error):
            return "regular expression too large"
        found = re.search(r"^error: (.*)$", str(error), re.MULTILINE)
        return f"invalid regular expression: {printable(found.group(1) if found else pattern, longest=120)}"
    return None


@lru_cache(maxsize=256)
def is_zone(name: str) -> bool:
    """Whether the engine knows the IANA zone; no file is read for it."""
    if _ZONE.fullmatch(name) is None:
        return False
    try:
        pl.Series([0], dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone(name)
    except pl.exceptions.PolarsError:
        return False
    return True


def network_mistake(items: tuple[object, ...]) -> str | None:
    """The first item that is no network, in words; None when all are."""
    for item in items:
        try:
            network(str(item))
        except ValueError:
            return f"'{printable(str(item))}' is not a network; write 203.0.113.0/24 or an address"
    return None


def window_mistake(length: timedelta) -> str | None:
    """Why a tumbling window cannot have this length; None when it can."""
    if length <= timedelta():
        return "a window must be longer than 0s"
    if length % _DAY and (length > _DAY or _DAY % length):
        return "a tumbling window divides a day or is whole days"
    return None


def history_mistake(history: Expr, least: Expr) -> str | None:
    """Why a baseline cannot want the least history; None when it can, or when that is not known yet."""
    match history, least:
        case Literal(int() as most), Literal(int() as wanted) if wanted > most:
            return f"min_history {wanted} is more than history {most}"
    return None


def checked_call(op: Op) -> Expr:
    """The call with its constants checked; `duration('90s')` and `datetime(…)` become what they say.

    Parameters and lists are left alone: they are checked when the rule is bound. Raises `ConstantMistake`.
    """
    function = FUNCTIONS.get(op.name)
    if function is None:
        return op
    for index, arg in enumerate(op.args):
        if isinstance(arg, Literal) and (op.name, index) in _RANGES:
            _in_range(arg.value, index, _RANGES[op.name, index])
    role_at = function.role_at
    if function.role is None or role_at >= len(op.args):
        return op
    constant = op.args[role_at]
    return _with_role(op, function.role, role_at, constant.value) if isinstance(constant, Literal) else op


def _in_range(value: LiteralValue, index: int, bounds: tuple[int, int]) -> None:
    low, high = bounds
    if not isinstance(value, int | float) or not low <= value <= high:
        raise ConstantMistake(index, f"value {value} is outside {low}..{high}")


def _with_role(op: Op, role: str, index: int, value: LiteralValue) -> Expr:
    match role, value:
        case "regex", str():
            _refuse(pattern_mistake(value), index)
        case "zone", str() if not is_zone(value):
            raise ConstantMistake(index, f"'{printable(value)}' is not a time zone; write UTC or Europe/Oslo")
        case "network", str() | tuple():
            _refuse(network_mistake(value if isinstance(value, tuple) else (value,)), index)
        case "duration", str():
            return Literal(_duration(value, index), Type.DURATION, op.position)
        case "datetime", str():
            found = moment(value)
            if found is None:
                raise ConstantMistake(index, "expected datetime, got text; write 2026-01-05T10:00Z")
            return Literal(found, Type.DATETIME, op.position)
        case "window", timedelta() | str():
            length = value if isinstance(value, timedelta) else _duration(value, index)
            _refuse(window_mistake(length), index)
            return replace(op, args=(op.args[0], Literal(length, Type.DURATION, op.args[1].position)))
    return op


def _refuse(mistake: str | None, index: int) -> None:
    if mistake is not None:
        raise ConstantMistake(index, mistake)


def _duration(text: str, index: int) -> timedelta:
    found = duration(text)
    if found is None:
        raise ConstantMistake(index, "expected duration, got text; write 90s or 1h30m")
    return found
