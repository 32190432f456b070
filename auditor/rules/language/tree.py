"""The typed tree every expression of a rule becomes: checked, hashable, never evaluated as code.

Two trees are equal when they compute the same thing; where they stood in a file does not count. So equal
sub-trees of all rules can share one hidden column.

`Column.name` is the physical name in the frame the stage works on: `email`, `meeting.title`, `a.email`,
`a.meeting.title`, `drop.ip_network`.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from auditor.documents import Place
from auditor.frozen import dataclass


class Type(StrEnum):
    """The types of the rule language; `NULL` is the type of a bare `None`."""

    TEXT = "text"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    DURATION = "duration"
    DATETIME = "datetime"
    LIST = "list"
    NULL = "null"


Position: TypeAlias = Place
LiteralValue: TypeAlias = str | bool | int | float | timedelta | datetime | tuple[str | int | float, ...] | None


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; `(str, …)` for a list or a set."""

    value: LiteralValue
    type: Type
    position: Position | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the frame the stage works on."""

    name: str
    type: Type
    position: Position | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of the rule, replaced by a `Literal` when the rule is bound."""

    name: str
    type: Type
    position: Position | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ListName:
    """A configured list, replaced by a `Literal` when the rule is bound."""

    name: str
    type: Type = Type.LIST
    position: Position | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Now:
    """The audit's `evaluated_at`, replaced by a `Literal` when the rule runs."""

    type: Type = Type.DATETIME
    position: Position | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Op:
    """An operator or a function applied to arguments.

    `name` is the operator as written (`and or not == != < <= > >= + - * / % in if is_null neg`) or the
    name of a function of the language. `not in` is `not(in)`, `is None` is `is_null`, `x if c else y` is
    `if(c, x, y)`, `a < b <= c` is `and(a < b, b <= c)`, unary minus is `neg`.
    """

    name: str
    args: tuple[Expr, ...]
    type: Type
    position: Position | None = field(default=None, compare=False, repr=False)


Expr: TypeAlias = Literal | Column | Param | ListName | Now | Op
