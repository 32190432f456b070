"""Operators, numbers and null-aware functions of the rule language as Polars expressions.

Every entry takes the node and its compiled arguments. Null in gives null out unless the language says
otherwise; a number that is not finite is null.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import reduce
from typing import TypeAlias, TypeVar

import polars as pl

from auditor.rules.compiled.dtypes import DTYPES
from auditor.rules.language.columns import names_in
from auditor.rules.language.tree import Expr, Literal, LiteralValue, Op, Type

Kind = TypeVar("Kind")
Compiled: TypeAlias = Callable[[Op, tuple[pl.Expr, ...]], pl.Expr]
_Comparison: TypeAlias = Callable[[pl.Expr, pl.Expr], pl.Expr]

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
BEYOND = 2.0**63
"""The first number that a column of whole numbers cannot hold."""


def literal(tree: Expr) -> LiteralValue:
    """The value of an argument the language wants to be a literal."""
    if not isinstance(tree, Literal):
        raise TypeError(f"expected a literal, got {type(tree).__name__}")
    return tree.value


def constant(tree: Expr, kind: type[Kind]) -> Kind:
    """The value of an argument that must be a literal of a type; rules are checked before, so others are mistakes."""
    found = literal(tree)
    if not isinstance(found, kind):
        raise TypeError(f"expected a literal of type {kind.__name__}, got {type(found).__name__}")
    return found


def number(tree: Expr) -> float:
    """The value of an argument that must be a literal number."""
    return float(constant(tree, int) if isinstance(literal(tree), int) else constant(tree, float))


def texts(tree: Expr) -> list[str]:
    """The items of a literal list of text; a single text is a list of one."""
    found = literal(tree)
    return [found] if isinstance(found, str) else [str(item) for item in constant(tree, tuple)]


def finite(number: pl.Expr) -> pl.Expr:
    """The number, or null where it is infinite or not a number."""
    return pl.when(number.is_finite()).then(number)


def rounded(number: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A floating number of microseconds as a duration or date-time, half away from zero; beyond all of them null."""
    return finite(number).round(mode="half_away_from_zero").cast(pl.Int64, strict=False).cast(dtype)


def known(flag: pl.Expr, value: pl.Expr) -> pl.Expr:
    """`flag`, but null where `value` is null."""
    return pl.when(value.is_not_null()).then(flag)


def _every(args: tuple[pl.Expr, ...]) -> pl.Expr:
    return reduce(operator.and_, args)


def _kleene(combine: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> Compiled:
    def compiled(_: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
        return reduce(combine, (arg.cast(pl.Boolean) for arg in args))

    return compiled


def _compare(compare: _Comparison, mirrored: _Comparison) -> Compiled:
    def compiled(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
        return _compared(compare, mirrored, op.args, args)

    return compiled


def _compared(
    compare: _Comparison, mirrored: _Comparison, trees: tuple[Expr, ...], args: tuple[pl.Expr, ...]
) -> pl.Expr:
    """One compared with another, constants last: before what is null on every row Polars 2.1 answers with one row."""
    one, other = args
    return compare(one, other) if names_in(trees[0]) else mirrored(other, one)


def _sum(combine: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> Compiled:
    def compiled(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
        found = combine(*args)
        if op.type is Type.NUMBER:
            return finite(found)
        return _held(op, combine, args, found) if op.type is not Type.TEXT else found

    return compiled


def _held(op: Op, combine: Callable[[pl.Expr, pl.Expr], pl.Expr], args: tuple[pl.Expr, ...], found: pl.Expr) -> pl.Expr:
    """The sum, or null where no column can hold it, or no calendar the moment: it would come round to another."""
    if op.type is Type.DATETIME:
        # one that came round lies in no year
        return pl.when((found >= pl.lit(_FIRST)) & (found <= pl.lit(_LAST))).then(found)
    if all(tree.type is Type.DATETIME for tree in op.args):
        return found
    return pl.when(combine(*(arg.cast(pl.Int64).cast(pl.Float64) for arg in args)).abs() < BEYOND).then(found)


def _number(tree: Expr, compiled: pl.Expr) -> pl.Expr:
    """A number as it is, a duration as its microseconds."""
    return compiled.cast(pl.Int64) if tree.type is Type.DURATION else compiled


def _times(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    one, other = (_number(tree, arg) for tree, arg in zip(op.args, args, strict=True))
    found = one * other
    if any(tree.type is Type.NUMBER for tree in op.args):
        return rounded(found, DTYPES[Type.DURATION]) if op.type is Type.DURATION else finite(found)
    # whole numbers that are too large would come round to others
    held = pl.when((one.cast(pl.Float64) * other).abs() < BEYOND).then(found)
    return held.cast(DTYPES[op.type])


def _divided(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    above, below = (_number(tree, arg) for tree, arg in zip(op.args, args, strict=True))
    found = pl.when(below != 0).then(above / below)
    return rounded(found, DTYPES[Type.DURATION]) if op.type is Type.DURATION else finite(found)


def _remainder(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    above, below = args
    found = pl.when(below != 0).then(above % below)
    return finite(found) if op.type is Type.NUMBER else found


def _in(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    needle, stack = op.args
    if not isinstance(stack, Literal):
        return known(args[1].list.contains(args[0]), args[0])
    values = constant(stack, tuple)
    if needle.type is Type.INTEGER:
        # a number that is not whole, or that no column holds, equals none
        values = tuple(int(value) for value in values if float(value).is_integer() and abs(float(value)) < BEYOND)
    return args[0].is_in(pl.Series(sorted(set(values)), dtype=DTYPES[needle.type]).implode())


def _if(_: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    condition, then, otherwise = args
    return pl.when(condition).then(then).when(~condition).then(otherwise)


def _coalesce(_: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    return pl.coalesce(args)


def _extreme(choose: Callable[[tuple[pl.Expr, ...]], pl.Expr]) -> Compiled:
    def compiled(_: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
        return pl.when(_every(tuple(arg.is_not_null() for arg in args))).then(choose(args))

    return compiled


def _between(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    tree, least, most = op.args
    value, low, high = args
    not_below = _compared(operator.le, operator.ge, (least, tree), (low, value))
    return not_below & _compared(operator.le, operator.ge, (tree, most), (value, high))


def _round(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    digits = constant(op.args[1], int) if len(op.args) > 1 else 0
    return finite(args[0].cast(pl.Float64).round(digits, mode="half_away_from_zero"))


def _log(_: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    number = args[0].cast(pl.Float64)
    return finite(pl.when(number > 0).then(number.log()))


OPERATORS: Mapping[str, Compiled] = {
    "and": _kleene(operator.and_),
    "or": _kleene(operator.or_),
    "not": lambda _, args: ~args[0].cast(pl.Boolean),
    "==": _compare(operator.eq, operator.eq),
    "!=": _compare(operator.ne, operator.ne),
    "<": _compare(operator.lt, operator.gt),
    "<=": _compare(operator.le, operator.ge),
    ">": _compare(operator.gt, operator.lt),
    ">=": _compare(operator.ge, operator.le),
    "+": _sum(operator.add),
    "-": _sum(operator.sub),
    "*": _times,
    "/": _divided,
    "%": _remainder,
    "in": _in,
    "if": _if,
    "is_null": lambda _, args: args[0].is_null(),
    "neg": lambda _, args: -args[0],
    "coalesce": _coalesce,
    "least": _extreme(pl.min_horizontal),
    "greatest": _extreme(pl.max_horizontal),
    "between": _between,
    "abs": lambda _, args: args[0].abs(),
    "round": _round,
    "floor": lambda _, args: args[0].floor(),
    "ceil": lambda _, args: args[0].ceil(),
    "log": _log,
}
"""Compiled form of each operator, and of the functions of numbers and nulls."""
