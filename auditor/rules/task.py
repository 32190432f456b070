"""A bound rule with all that judging it asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from auditor.rules.columns import shown_names
from auditor.rules.spec import Rule
from auditor.rules.tree import LiteralValue

_NO_PARAMS: Mapping[str, LiteralValue] = MappingProxyType({})


class Bound(Protocol):
    """A rule whose trees hold literals in place of parameters and lists."""

    @property
    def rule(self) -> Rule:
        """The rule itself."""

    @property
    def values(self) -> Mapping[str, LiteralValue]:
        """The parameters in force, for templates that name them."""

    @property
    def missing_lists(self) -> Collection[str]:
        """Lists it names that nobody configured."""


@dataclass(frozen=True, slots=True)
class Task:
    """One rule to judge. `also` are names, visible after its last stage, that the caller wants to see."""

    rule: Rule
    params: Mapping[str, LiteralValue] = _NO_PARAMS
    also: frozenset[str] = frozenset()
    shown: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shown", shown_names(self.rule) | self.also)
