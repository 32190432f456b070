"""What a check of lint hands back, and what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from auditor.documents import Map, Place, Scalar
from auditor.rules.language.spec import Rule
from auditor.rules.language.usage import Use, find, place_of, uses

LEVELS: Mapping[str, str] = {
    **{f"L{number:02d}": "warning" for number in range(1, 26)},
    **dict.fromkeys(("L01", "L02", "L07", "L08", "L12", "L15"), "error"),
}
"""The level of each check, by its code."""


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One thing lint found, at one place."""

    place: Place
    code: str
    message: str

    @property
    def level(self) -> str:
        """Error or warning."""
        return LEVELS[self.code]

    def __str__(self) -> str:
        return f"{self.place.path}:{self.place.line}:{self.place.column}: {self.code} {self.message}"


Notes: TypeAlias = Iterator[Note]


@dataclass(frozen=True)
class Linted:
    """A rule beside its document.

    `known` are the ids of all rules that may replace it, `controls` the controls of each framework; empty when
    they are not known, and then nothing is said of them.
    """

    rule: Rule
    node: Map
    known: frozenset[str] = frozenset()
    controls: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """Every use of a column in the rule."""
        return tuple(uses(self.rule, self.node))

    def at(self, *path: str | int) -> Place:
        """Where the value under a path stands."""
        return place_of(self.node, *path)

    def scalar(self, *path: str | int) -> Scalar | None:
        """The scalar under a path."""
        found = find(self.node, *path)
        return found if isinstance(found, Scalar) else None

    def has(self, key: str) -> bool:
        """Whether the rule's file says something under a key of its own."""
        return self.node.get(key) is not None
