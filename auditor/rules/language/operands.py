"""What the operators of the rule language take and give, and their results on constants."""

from __future__ import annotations

import math
import operator
from datetime import timedelta

from auditor.rules.language.functions import NUMERIC, ORDERED
from auditor.rules.language.lexis import LONGEST
from auditor.rules.language.tree import Expr, Literal, LiteralValue, Op, Position, Type
from auditor.rules.language.values import LARGEST_INTEGER, LONGEST_DURATION, type_of

_MIXED = {
    ("+", Type.TEXT, Type.TEXT): Type.TEXT,
    ("+", Type.DURATION, Type.DURATION): Type.DURATION,
    ("-", Type.DURATION, Type.DURATION): Type.DURATION,
    ("+", Type.DATETIME, Type.DURATION): Type.DATETIME,
    ("+", Type.DURATION, Type.DATETIME): Type.DATETIME,
    ("-", Type.DATETIME, Type.DURATION): Type.DATETIME,
    ("-", Type.DATETIME, Type.DATETIME): Type.DURATION,
    ("*", Type.DURATION, Type.INTEGER): Type.DURATION,
    ("*", Type.DURATION, Type.NUMBER): Type.DURATION,
    ("*", Type.INTEGER, Type.DURATION): Type.DURATION,
    ("*", Type.NUMBER, Type.DURATION): Type.DURATION,
    ("/", Type.DURATION, Type.INTEGER): Type.DURATION,
    ("/", Type.DURATION, Type.NUMBER): Type.DURATION,
    ("/", Type.DURATION, Type.DURATION): Type.NUMBER,
}
_OUT_OF_RANGE = "this calculation leaves the range of the language"
_CALCULATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


class TypeMistake(Exception):  # noqa: N818 - it becomes a problem, never an error of its own
    """Operands that do not go together; its text is the message."""


def common(types: list[Type]) -> Type | None:
    """The one type of all, null aside: integers and numbers are numbers. None when there is no such type."""
    known = {kind for kind in types if kind is not Type.NULL}
    if len(known) <= 1:
        return known.pop() if known else Type.NULL
    return Type.NUMBER if known <= NUMERIC else None


def arithmetic(name: str, left: Type, right: Type) -> Type:
    """The type of `left name right` for `+ - * / %`."""
    if left in NUMERIC and right in NUMERIC:
        return Type.INTEGER if left is right is Type.INTEGER and name != "/" else Type.NUMBER
    result = _MIXED.get((name, left, right))
    if result is None:
        raise TypeMistake(f"{name} does not take {left} and {right}")
    return result


def comparable(name: str, left: Type, right: Type) -> None:
    """Nothing when `left name right` compares like with like; else a `TypeMistake`."""
    if Type.NULL in {left, right}:
        hint = {"==": "; use is None", "!=": "; use is not None"}.get(name, "")
        raise TypeMistake(f"cannot compare {left} with {right}{hint}")
    alike = left is right or (left in NUMERIC and right in NUMERIC)
    if not alike or (name not in {"==", "!="} and left not in ORDERED):
        raise TypeMistake(f"cannot compare {left} with {right}")


def contained(left: Type, right: Expr) -> None:
    """Nothing when `left in right` can be asked; else a `TypeMistake`."""
    if right.type is not Type.LIST:
        raise TypeMistake(f"in does not take {left} and {right.type}")
    of = Type.TEXT
    if isinstance(right, Literal) and isinstance(right.value, tuple) and right.value:
        of = type_of(right.value[0])
    if not (left is of or (left in NUMERIC and of in NUMERIC)):
        raise TypeMistake(f"in does not take {left} and a list of {of}")


def folded(name: str, args: tuple[Expr, ...], result: Type, *, position: Position | None) -> Expr:
    """The operator on its arguments; on constants of a calculation the constant it gives."""
    literals = [arg.value for arg in args if isinstance(arg, Literal)]
    if len(literals) < len(args) or (name not in _CALCULATIONS and name != "neg"):
        return Op(name, args, result, position)
    try:
        value = _calculated(name, literals)
    except (OverflowError, ValueError):
        raise TypeMistake(_OUT_OF_RANGE) from None
    if not _in_range(value):
        raise TypeMistake(_OUT_OF_RANGE)
    if result is Type.NUMBER and isinstance(value, int):
        value = float(value)
    return Literal(value, result, position)


def _in_range(value: LiteralValue) -> bool:
    match value:
        case int():
            return abs(value) <= LARGEST_INTEGER
        case float():
            return math.isfinite(value)
        case timedelta():
            return abs(value) <= LONGEST_DURATION
        case str():
            return len(value) <= LONGEST
    return True


def _calculated(name: str, values: list[LiteralValue]) -> LiteralValue:
    """The result of a calculation whose types are known to fit; dividing by zero gives null."""
    if any(value is None for value in values) or (name == "/" and not values[1]):
        return None
    if name == "neg":
        return _calculated("*", [values[0], -1])
    result: LiteralValue = _CALCULATIONS[name](values[0], values[1])
    return result
