"""The signature of every function of the rule language, as data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from auditor.frozen import dataclass
from auditor.rules.language.tree import Type

NUMERIC = frozenset({Type.INTEGER, Type.NUMBER})
ORDERED = NUMERIC | {Type.DURATION, Type.DATETIME, Type.TEXT}
ANY = frozenset(Type) - {Type.NULL}
_TEXT = frozenset({Type.TEXT})
_TRUTH = frozenset({Type.BOOLEAN})
_INTEGER = frozenset({Type.INTEGER})
_LIST = frozenset({Type.LIST})
_SPAN = frozenset({Type.DURATION})
_TIME = frozenset({Type.DATETIME})


@dataclass(frozen=True, slots=True)
class Argument:
    """What an argument may be: one of `types`; with `fixed` a literal or a parameter, never a column."""

    types: frozenset[Type]
    fixed: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language.

    `result` is its type, or None when it gives the type of its (first) argument. With `alike` all arguments
    have one type; with `more` the last argument may come any number of times. `role` names what a fixed text
    argument must be: a regex, a zone, a duration or a datetime; `role_at` is its index.
    """

    name: str
    arguments: tuple[Argument, ...]
    result: Type | None
    alike: bool = False
    more: bool = False
    aggregate: bool = False
    role: str | None = None
    role_at: int = 1

    @property
    def least(self) -> int:
        """The fewest arguments it takes."""
        return sum(not argument.optional for argument in self.arguments)

    @property
    def most(self) -> int | None:
        """The most arguments it takes, or None without an end."""
        return None if self.more else len(self.arguments)

    def counts(self) -> str:
        """How many arguments it takes, in words."""
        if self.most is None:
            return f"{self.least} or more arguments"
        span = str(self.least) if self.least == self.most else f"{self.least} to {self.most}"
        return f"{span} argument" + ("" if span == "1" else "s")


def _of(types: frozenset[Type], *, fixed: bool = False, optional: bool = False) -> Argument:
    return Argument(types, fixed, optional)


_T = _of(_TEXT)
_FIXED_TEXT = _of(_TEXT, fixed=True)
_FIXED_COUNT = _of(_INTEGER, fixed=True)
_ZONE = _of(_TEXT, fixed=True, optional=True)
_NUMBER = _of(NUMERIC)
_MOMENT = _of(_TIME)
_CONDITION = _of(_TRUTH)
_FIXED_LIST = _of(_LIST, fixed=True)


def _clock(name: str, result: Type) -> Function:
    return Function(name, (_MOMENT, _ZONE), result, role="zone")


_ROW_FUNCTIONS = (
    Function("lower", (_T,), Type.TEXT),
    Function("upper", (_T,), Type.TEXT),
    Function("strip", (_T,), Type.TEXT),
    Function("len", (_of(_TEXT | _LIST),), Type.INTEGER),
    Function("contains", (_T, _FIXED_TEXT), Type.BOOLEAN),
    Function("contains_any", (_T, _FIXED_LIST), Type.BOOLEAN),
    Function("startswith", (_T, _FIXED_TEXT), Type.BOOLEAN),
    Function("endswith", (_T, _FIXED_TEXT), Type.BOOLEAN),
    Function("matches", (_T, _FIXED_TEXT), Type.BOOLEAN, role="regex"),
    Function("extract", (_T, _FIXED_TEXT, _of(_INTEGER, fixed=True, optional=True)), Type.TEXT, role="regex"),
    Function("replace", (_T, _FIXED_TEXT, _FIXED_TEXT), Type.TEXT),
    Function("domain", (_T,), Type.TEXT),
    Function("text", (_of(ANY - {Type.LIST}),), Type.TEXT),
    Function("coalesce", (_of(ANY), _of(ANY)), None, alike=True, more=True),
    Function("is_null", (_of(ANY),), Type.BOOLEAN),
    Function("in_cidr", (_T, _of(_TEXT | _LIST, fixed=True)), Type.BOOLEAN, role="network"),
    Function("is_private_ip", (_T,), Type.BOOLEAN),
    Function("network", (_T, _FIXED_COUNT, _FIXED_COUNT), Type.TEXT),
    Function("under_domain", (_T, _FIXED_LIST), Type.BOOLEAN),
    Function("resembles", (_T, _FIXED_LIST), Type.BOOLEAN),
    Function("abs", (_of(NUMERIC | _SPAN),), None),
    Function("round", (_NUMBER, _of(_INTEGER, fixed=True, optional=True)), Type.NUMBER),
    Function("floor", (_NUMBER,), Type.NUMBER),
    Function("ceil", (_NUMBER,), Type.NUMBER),
    Function("log", (_NUMBER,), Type.NUMBER),
    Function("least", (_of(ORDERED), _of(ORDERED)), None, alike=True, more=True),
    Function("greatest", (_of(ORDERED), _of(ORDERED)), None, alike=True, more=True),
    Function("between", (_of(ORDERED), _of(ORDERED), _of(ORDERED)), Type.BOOLEAN, alike=True),
    Function("duration", (_FIXED_TEXT,), Type.DURATION, role="duration", role_at=0),
    Function("datetime", (_FIXED_TEXT,), Type.DATETIME, role="datetime", role_at=0),
    Function("to_seconds", (_of(_SPAN),), Type.NUMBER),
    Function("to_minutes", (_of(_SPAN),), Type.NUMBER),
    Function("to_hours", (_of(_SPAN),), Type.NUMBER),
    _clock("hour", Type.INTEGER),
    _clock("minute", Type.INTEGER),
    _clock("month", Type.INTEGER),
    _clock("year", Type.INTEGER),
    _clock("weekday", Type.INTEGER),
    _clock("day", Type.TEXT),
    Function("trunc", (_MOMENT, _of(_SPAN, fixed=True)), Type.DATETIME, role="window"),
    Function("has", (_of(_LIST), _T), Type.BOOLEAN),
)

_AGGREGATES = (
    Function("count", (_of(ANY, optional=True),), Type.INTEGER, aggregate=True),
    Function("count_if", (_CONDITION,), Type.INTEGER, aggregate=True),
    Function("n_unique", (_of(ANY - {Type.LIST}),), Type.INTEGER, aggregate=True),
    Function("sum", (_of(NUMERIC | _SPAN),), None, aggregate=True),
    Function("mean", (_of(NUMERIC | _SPAN),), None, aggregate=True),
    Function("median", (_of(NUMERIC | _SPAN),), None, aggregate=True),
    Function("min", (_of(ORDERED),), None, aggregate=True),
    Function("max", (_of(ORDERED),), None, aggregate=True),
    Function("quantile", (_NUMBER, _of(NUMERIC, fixed=True)), Type.NUMBER, aggregate=True),
    Function("std", (_NUMBER,), Type.NUMBER, aggregate=True),
    Function("first", (_of(ANY),), None, aggregate=True),
    Function("last", (_of(ANY),), None, aggregate=True),
    Function("covered", (_MOMENT, _MOMENT), Type.DURATION, aggregate=True),
    Function("peak", (_MOMENT, _MOMENT), Type.INTEGER, aggregate=True),
    Function("values", (_T,), Type.LIST, aggregate=True),
    Function("any", (_CONDITION,), Type.BOOLEAN, aggregate=True),
    Function("all", (_CONDITION,), Type.BOOLEAN, aggregate=True),
    Function("share", (_CONDITION,), Type.NUMBER, aggregate=True),
)

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {function.name: function for function in (*_ROW_FUNCTIONS, *_AGGREGATES)}
)
"""Every function by name."""


def result_of(function: Function, arguments: tuple[Type, ...]) -> Type:
    """The type a call gives, its argument types already checked.

    >>> result_of(FUNCTIONS["mean"], (Type.INTEGER,))
    <Type.NUMBER: 'number'>
    """
    if function.result is not None:
        return function.result
    if function.name in {"mean", "median"} and arguments[0] is Type.INTEGER:
        return Type.NUMBER
    known = [kind for kind in arguments if kind is not Type.NULL]
    if function.alike and len(set(known)) > 1:
        return Type.NUMBER
    return known[0] if known else Type.NULL
