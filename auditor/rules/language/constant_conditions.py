"""Conditions that cannot be true, or cannot be false, whatever the data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta
from typing import TypeAlias

from auditor.rules.language.tree import Column, Expr, Literal, Op, Type

Span: TypeAlias = tuple[float, float]

_ANY: Span = (-math.inf, math.inf)
_NEVER_NEGATIVE: Span = (0, math.inf)
_SPANS: dict[str, Span] = {
    **dict.fromkeys(("count", "count_if", "n_unique", "len", "peak", "covered", "std", "abs"), _NEVER_NEGATIVE),
    "share": (0, 1),
    "hour": (0, 23),
    "minute": (0, 59),
    "month": (1, 12),
    "weekday": (1, 7),
    "year": (1, 9999),
}
_COLUMN_SPANS: dict[str, Span] = {
    "rows": (1, math.inf),
    "matches": _NEVER_NEGATIVE,
    "overlap": _NEVER_NEGATIVE,
    "gap": _NEVER_NEGATIVE,
    "elapsed": _NEVER_NEGATIVE,
    "n": _NEVER_NEGATIVE,
}
_NEVER_NULL = frozenset({"count", "count_if", "n_unique", "is_null", "values"})
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def constant(tree: Expr) -> bool | None:
    """True or False when the condition always is, null aside; None when it depends on the data."""
    match tree:
        case Literal(bool() as value):
            return value
        case Op("not", (inner,)):
            found = constant(inner)
            return None if found is None else not found
        case Op("and", args):
            return _all(args)
        case Op("or", args):
            found = _all([negated(arg) for arg in args])
            return None if found is None else not found
        case Op("is_null", (Op(name),)) if name in _NEVER_NULL:
            return False
        case Op("in" | "contains_any" | "in_cidr", (_, Literal(()))):
            return False
        case Op(name, (left, right)) if name in _COMPARISONS:
            return _compared(name, left, right)
    return None


def negated(tree: Expr) -> Expr:
    """The condition that is true where the other is false."""
    if isinstance(tree, Op) and tree.name == "not":
        return tree.args[0]
    if isinstance(tree, Op) and tree.name in _OPPOSITE:
        return Op(_OPPOSITE[tree.name], tree.args, Type.BOOLEAN)
    return Op("not", (tree,), Type.BOOLEAN)


def parts(tree: Expr) -> Iterable[Expr]:
    """The conditions an and, or or not is made of, at every depth, itself left out."""
    if isinstance(tree, Op) and tree.name in {"and", "or", "not"}:
        for arg in tree.args:
            yield arg
            yield from parts(arg)


def _all(args: Iterable[Expr]) -> bool | None:
    """What conditions joined by `and` always are."""
    flat = list(_flat(args))
    found = [constant(arg) for arg in flat]
    if False in found or _contradict(flat):
        return False
    return True if all(value is True for value in found) else None


def _flat(args: Iterable[Expr]) -> Iterable[Expr]:
    for arg in args:
        if isinstance(arg, Op) and arg.name == "and":
            yield from _flat(arg.args)
        else:
            yield arg


def _contradict(args: list[Expr]) -> bool:
    """Whether the conditions, all together, leave nothing: x and not x, two values at once, an empty span."""
    known = set(args)
    if any(negated(arg) in known for arg in args):
        return True
    spans: dict[Expr, Span] = {}
    equal: dict[Expr, Literal] = {}
    for arg in args:
        if not (isinstance(arg, Op) and arg.name in _COMPARISONS):
            continue
        name, left, right = arg.name, arg.args[0], arg.args[1]
        if isinstance(left, Literal):
            name, left, right = _MIRRORED[name], right, left
        if not isinstance(right, Literal):
            continue
        if name == "==" and equal.setdefault(left, right).value != right.value:
            return True
        spans[left] = _narrowed(spans.get(left, span(left)), name, span(right))
        if spans[left][0] > spans[left][1]:
            return True
    return False


def _narrowed(held: Span, name: str, bound: Span) -> Span:
    low, high = held
    if bound[0] != bound[1]:
        return held
    value = bound[0]
    match name:
        case "==":
            return max(low, value), min(high, value)
        case "<":
            return low, min(high, math.nextafter(value, -math.inf))
        case "<=":
            return low, min(high, value)
        case ">":
            return max(low, math.nextafter(value, math.inf)), high
        case ">=":
            return max(low, value), high
    return held


def _compared(name: str, left: Expr, right: Expr) -> bool | None:
    if left == right:
        return name in {"==", "<=", ">="}
    if isinstance(left, Literal) and isinstance(right, Literal) and name in {"==", "!="}:
        return (left.value == right.value) == (name == "==")
    (low, high), (other_low, other_high) = span(left), span(right)
    below, above = high < other_low, low > other_high
    at_most, at_least = high <= other_low, low >= other_high
    outcomes: dict[str, tuple[bool, bool]] = {
        "<": (below, at_least),
        "<=": (at_most, above),
        ">": (above, at_most),
        ">=": (at_least, below),
        "==": (False, below or above),
        "!=": (below or above, False),
    }
    always, never = outcomes[name]
    return True if always else False if never else None


def span(tree: Expr) -> Span:
    """The values a number or a duration (in seconds) can have."""
    match tree:
        case Literal(bool()):
            return _ANY
        case Literal(int() | float() as value):
            return float(value), float(value)
        case Literal(timedelta() as value):
            return value.total_seconds(), value.total_seconds()
        case Column(name, Type.INTEGER | Type.DURATION):
            return _COLUMN_SPANS.get(name, _ANY)
        case Op("+", (left, right)):
            return span(left)[0] + span(right)[0], span(left)[1] + span(right)[1]
        case Op("neg", (only,)):
            low, high = span(only)
            return -high, -low
        case Op(name):
            return _SPANS.get(name, _ANY)
    return _ANY
