"""What the names of an expression mean at one place of a rule."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import field, replace
from functools import cache

import polars as pl

from auditor.documents import Scalar, printable
from auditor.frozen import dataclass
from auditor.rules.language.functions import FUNCTIONS
from auditor.rules.language.mistakes import Mistakes
from auditor.rules.language.spec import ParamSpec
from auditor.rules.language.tree import Column, Expr, ListName, Literal, Now, Param, Position, Type
from auditor.rules.language.values import PARAMETER_TYPES, UNITS
from auditor.tables.facts import FACTS
from auditor.tables.schema import LINEAGE, TABLES

CONSTANTS = {
    "seconds": UNITS["s"],
    "minutes": UNITS["m"],
    "hours": UNITS["h"],
    "days": UNITS["d"],
    "weeks": UNITS["w"],
}
"""The durations an expression multiplies."""

RESERVED = frozenset({"param", "list", "meeting", "a", "b", "rows", "now", "true", "false", "null", *CONSTANTS})
_TRACKING = "meeting.tracking_code."
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")


def type_of(dtype: pl.DataType) -> Type:
    """The type of the language that a column of a frame has."""
    if dtype.is_integer():
        return Type.INTEGER
    if dtype.is_float():
        return Type.NUMBER
    kinds = {
        pl.String: Type.TEXT,
        pl.Boolean: Type.BOOLEAN,
        pl.Duration: Type.DURATION,
        pl.Datetime: Type.DATETIME,
        pl.List: Type.LIST,
    }
    return kinds[dtype.base_type()]


@cache
def table_names(table: str) -> Mapping[str, Type]:
    """Every column and fact of a table with its type; facts of the meeting under `meeting.`."""
    own = {name: type_of(dtype) for name, dtype in TABLES[table].schema.items() if name not in LINEAGE}
    return own | {name: type_of(dtype) for name, dtype in FACTS[table].items()}


def meeting_names(names: Mapping[str, Type]) -> dict[str, Type]:
    """Those of the names that speak of the meeting."""
    return {name: kind for name, kind in names.items() if name.startswith("meeting.")}


def prefixed(prefix: str, names: Mapping[str, Type]) -> dict[str, Type]:
    """The names as seen on the row called `prefix`."""
    return {f"{prefix}.{name}": kind for name, kind in names.items()}


@dataclass(frozen=True, slots=True)
class Scope:
    """The names visible at one place, by the physical name of their column.

    `summed` are names that may stand beside aggregates; `broken` have a mistake of their own, so their uses
    are none. With `any_name` every name is a column: what an installed function yields is not known before it
    runs.
    """

    place: str
    names: Mapping[str, Type]
    params: Mapping[str, ParamSpec] = field(default_factory=dict)
    prefixes: frozenset[str] = frozenset()
    steps: frozenset[str] = frozenset()
    aggregates: bool = False
    summed: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    any_name: bool = False

    def with_names(self, names: Mapping[str, Type]) -> Scope:
        """The scope with more names."""
        return replace(self, names={**self.names, **names})

    def with_aggregates(self, summed: Mapping[str, Type] | None = None) -> Scope:
        """The scope of an aggregate expression: columns stand inside aggregates, `summed` anywhere."""
        extra = summed or {}
        return replace(self, names={**self.names, **extra}, aggregates=True, summed=frozenset(extra))

    def type_of(self, name: str) -> Type | None:
        """The type of a column by its physical name, or None when it is not visible here."""
        if name in self.names:
            return self.names[name]
        head, dot, code = name.rpartition(_TRACKING)
        if dot and code and f"{head}meeting.title" in self.names:
            return Type.TEXT
        return Type.NULL if self.any_name else None

    def resolve(self, name: str, position: Position, mistakes: Mistakes) -> Expr | None:
        """What `name`, with its dots, stands for; None after telling the mistake."""
        head, _, rest = name.partition(".")
        if name in self.broken:
            return None
        if head == "param" and rest:
            if rest not in self.params:
                mistakes.unknown(position, "parameter", name=rest, known=self.params)
                return None
            return Param(rest, PARAMETER_TYPES[self.params[rest].type], position)
        if head == "list" and rest:
            return ListName(rest, position=position)
        kind = self.type_of(name)
        if kind is not None:
            return Column(name, kind, position)
        constant = self._constant(name, position)
        if constant is None:
            self.report(name, position, mistakes)
        return constant

    def _constant(self, name: str, position: Position) -> Expr | None:
        if name in CONSTANTS:
            return Literal(CONSTANTS[name], Type.DURATION, position)
        if name in {"true", "false"}:
            return Literal(name == "true", Type.BOOLEAN, position)
        if name == "null":
            return Literal(None, Type.NULL, position)
        return Now(position=position) if name == "now" else None

    def report(self, name: str, position: Position, mistakes: Mistakes) -> None:
        """Tell that `name` means nothing here, and what was probably meant."""
        head, dot, _ = name.partition(".")
        if dot and head not in {*self.prefixes, "meeting", "a", "b"}:
            if self.steps:
                mistakes.unknown(position, "step", name=head, known=self.steps)
            else:
                mistakes.add(position, "attribute access is not allowed in a rule")
            return
        known = [known for known in self.names if dot or "." not in known or known.rpartition(".")[2] == name]
        if not dot and name in FUNCTIONS:
            mistakes.add(position, f"{name} is a function; write {name}(…)")
            return
        mistakes.unknown_column(position, name, known=known, table=self.place)


def check_name(key: Scalar, table: str, mistakes: Mistakes, *, taken: frozenset[str] = frozenset()) -> bool:
    """Whether a derived column, an aggregate or a step may have this name; if not, the reason is told."""
    name = key.text
    if not is_name(key, mistakes):
        return False
    what = None
    if keyword.iskeyword(name) or name in RESERVED or name in taken:
        what = "the language uses it"
    elif name in FUNCTIONS:
        what = "it is a function"
    elif name in LINEAGE or name in table_names(table):
        # lineage has no name in a rule, and one of the rule's own in its place would lead to another record
        what = f"it is a column of {table}"
    if what is not None:
        mistakes.add(key, f"'{name}' cannot be used as a name; {what}")
    return what is None


def is_name(key: Scalar, mistakes: Mistakes) -> bool:
    """Whether the key has the form of a name; if not, that is told."""
    right = _NAME.fullmatch(key.text) is not None and "__" not in key.text
    if not right:
        mistakes.add(key, f"'{printable(key.text)}' is no name; use letters, digits and single _")
    return right
