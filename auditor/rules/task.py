"""A bound rule with all that judging it asks for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import field
from typing import Protocol, TypeAlias

import polars as pl

from auditor.frozen import dataclass
from auditor.rules.language.columns import shown_names
from auditor.rules.language.spec import Condition, Rule
from auditor.rules.language.tree import LiteralValue

Watch: TypeAlias = Callable[[Condition, pl.DataFrame], None]
"""Hears every condition and the frame it is applied to."""


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
    """One rule to judge.

    `also` are names, visible after its last stage, that the caller wants to see; `watch` hears its conditions.
    `columns`, `made` and `waiting` remember what follows from the rule once somebody has asked (`columns_of`,
    `made_names`, `waiting` of `judging`), and `nothing` what it gives where it finds nothing.
    """

    rule: Rule
    params: Mapping[str, LiteralValue] = field(default_factory=dict)
    also: frozenset[str] = frozenset()
    watch: Watch | None = None
    shown: frozenset[str] = field(init=False)
    columns: dict[str, frozenset[str]] = field(default_factory=dict, init=False, repr=False, compare=False)
    made: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False, compare=False)
    waiting: dict[str, frozenset[str]] = field(default_factory=dict, init=False, repr=False, compare=False)
    nothing: list[pl.DataFrame] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shown", shown_names(self.rule) | self.also)

    def applied(self, condition: Condition | None, frame: pl.DataFrame) -> None:
        """Tell whoever watches that the condition is applied to the frame."""
        if self.watch is not None and condition is not None:
            self.watch(condition, frame)
