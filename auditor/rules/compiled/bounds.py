"""Least counts a condition asks for, read off its tree."""

from __future__ import annotations

import operator
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from functools import partial, reduce
from itertools import product
from math import inf
from typing import TypeAlias

from auditor.frozen import dataclass
from auditor.rules.language.tree import Column, Expr, Literal, Op, Type

_COUNTS = frozenset({"count", "count_if", "n_unique"})
_Outcomes: TypeAlias = frozenset[bool | None]
_ANY: _Outcomes = frozenset({True, False, None})
_Range: TypeAlias = tuple[float, float, bool]
"""The smallest and the greatest value, and whether it may be null."""

_UNKNOWN: _Range = (-inf, inf, True)
_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MOST = 1 << 20
_HELD = 1 << 53
_TURNED = {"<=": ">=", "<": ">"}


def parts_of(tree: Expr) -> Iterator[Expr]:
    """The trees all of which must be true for the tree to be."""
    match tree:
        case Op("and", args):
            for arg in args:
                yield from parts_of(arg)
        case Op("not", (Op("or", args),)):
            for arg in args:
                yield from parts_of(Op("not", (arg,), Type.BOOLEAN))
        case _:
            yield tree


def at_least(tree: Expr, named: Mapping[str, Expr]) -> Iterator[tuple[Op, int]]:
    """Counts, and numbers they must reach for the condition to be anything but false.

    `named` tells what the names of the condition stand for. Only counts of rows are told, which are never null and
    grow with the rows.
    """
    if not isinstance(tree, Op):
        return
    if tree.name == "and":
        for arg in tree.args:
            yield from at_least(arg, named)
        return
    if tree.name in _TURNED:
        name, (right, left) = _TURNED[tree.name], tree.args
    elif tree.name in {">=", ">"}:
        name, (left, right) = tree.name, tree.args
    else:
        return
    counted = named.get(left.name) if isinstance(left, Column) else left
    if not isinstance(counted, Op) or counted.name not in _COUNTS or not isinstance(right, Literal):
        return
    if isinstance(right.value, int) and not isinstance(right.value, bool):
        yield counted, right.value + (name == ">")


def least_rows(tree: Expr, named: Mapping[str, Expr], *, plain: bool) -> int:
    """Of how many rows a group has at least of which the condition is anything but false.

    `named` tells what the names of the condition stand for. No count of rows exceeds their number. Where groups are
    `plain` no interval of theirs lacks an end, and no `count_if` counts any of their rows.
    """
    # what groups of some rows may give those of more may give, too
    return 1 + bisect_left(range(1, _MOST), 1, key=lambda rows: _may_be(tree, _Named(named, rows, plain=plain)))


def can_be_false(tree: Expr, named: Mapping[str, Expr]) -> bool:
    """Whether the condition may be false of some group, as far as its form tells."""
    return False in _outcomes(tree, _Named(named, _MOST, plain=False))


@dataclass(frozen=True, slots=True)
class _Named:
    """What names stand for, and what is known of a group: so many rows, all of them plain or not."""

    named: Mapping[str, Expr]
    rows: int
    plain: bool


def _may_be(tree: Expr, named: _Named) -> bool:
    return _outcomes(tree, named) != {False}


def _outcomes(tree: Expr, named: _Named) -> _Outcomes:
    """What a condition may be of a group."""
    match tree:
        case Literal(value) if value is None or isinstance(value, bool):
            return frozenset({value})
        case Op("not", (arg,)):
            return frozenset(None if one is None else not one for one in _outcomes(arg, named))
        case Op("and" | "or" as name, args):
            return reduce(partial(_both, decides=name == "or"), (_outcomes(arg, named) for arg in args))
        case Op("if", (condition, then, otherwise)):
            ways = {True: then, False: otherwise}
            chosen = _outcomes(condition, named)
            unknown: _Outcomes = frozenset({None}) & chosen
            return unknown.union(*(_outcomes(ways[one], named) for one in chosen if one is not None))
        case Op(("<" | "<=" | ">" | ">=") as name, (one, other)):
            return _compared(name, _range(one, named), _range(other, named))
        case _:
            return _ANY


def _both(one: _Outcomes, other: _Outcomes, *, decides: bool) -> _Outcomes:
    """What two conditions may be together, where one that is `decides` decides."""
    told = product(one, other)
    return frozenset(decides if decides in both else None if None in both else not decides for both in told)


def _compared(name: str, one: _Range, other: _Range) -> _Outcomes:
    edges = {_COMPARED[name](left, right) for left, right in product(one[:2], other[:2])}
    return frozenset(edges | ({None} if one[2] or other[2] else set()))


def _range(tree: Expr, named: _Named) -> _Range:
    """What a number may be of a group."""
    match tree:
        case Literal(int() | float() as value) if not isinstance(value, bool):
            return value, value, False
        case Column(name) if name in named.named:
            return _range(named.named[name], named)
        case Op("count_if") if named.plain:
            return 0, 0, False
        case Op("peak"):
            return 0, named.rows, not named.plain
        case Op(name) if name in _COUNTS:
            return 0, named.rows, False
        case Op("coalesce", args):
            lows, highs, nulls = zip(*(_range(arg, named) for arg in args), strict=True)
            return min(lows), max(highs), all(nulls)
        case Op("+", (one, other)):
            (low, high, null), (least, most, other_null) = _range(one, named), _range(other, named)
            # a sum no column holds is null
            held = max(abs(low + least), abs(high + most)) < _HELD
            return low + least, high + most, null or other_null or not held
        case _:
            return _UNKNOWN
