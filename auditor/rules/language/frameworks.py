"""Outside frameworks: lists of controls that rules are mapped to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from auditor.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Control:
    """A requirement under its number in the framework, named in our words; no rule can judge a `manual` one."""

    id: str
    name: str
    manual: bool


@dataclass(frozen=True, slots=True)
class Framework:
    """A named list of controls in the framework's own order."""

    id: str
    title: str
    note: str
    controls: tuple[Control, ...]


def control_ids(frameworks: Iterable[Framework]) -> Mapping[str, frozenset[str]]:
    """The ids of the controls of each framework."""
    return {framework.id: frozenset(control.id for control in framework.controls) for framework in frameworks}
