"""What a collection tells while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from auditor.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Planned:
    """So many more units are to be asked for at a site; None is the account itself."""

    site_url: str | None
    units: int


@dataclass(frozen=True, slots=True)
class PageCame:
    """A page with so many records came."""

    site_url: str | None
    rows: int


@dataclass(frozen=True, slots=True)
class UnitDone:
    """A unit is in the archive, or was given up with so many gaps."""

    site_url: str | None
    gaps: int


@dataclass(frozen=True, slots=True)
class Decoding:
    """The records of finished units are being made visible in the tables."""


Event: TypeAlias = Planned | PageCame | UnitDone | Decoding
Listener: TypeAlias = Callable[[Event], None]


def silent(event: Event) -> None:
    """Nobody listens."""
    del event
