"""Which data an audit could see."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from auditor.frozen import dataclass
from auditor.model.vocabulary import GapReason
from auditor.model.window import Window


@dataclass(frozen=True, slots=True)
class Gap:
    """Data that is absent, or stated not to be final, for one table, site and span."""

    table: str
    site_url: str
    window: Window
    reason: GapReason
    detail: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Requests or files that reach into the window, and how many of them came whole."""

    spans: int
    whole: int


@dataclass(frozen=True, slots=True)
class People:
    """People that the source states for the window's meetings, and different people received of them."""

    stated: int
    received: int


@dataclass(frozen=True, slots=True)
class TableCoverage:
    """Rows of a table inside the window, the first and last of their times, what was asked and what was stated."""

    rows: int
    first: datetime | None
    last: datetime | None
    asked: Asked | None = None
    people: People | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """The data an audit could see; `complete` only when no gap of any reason is listed."""

    complete: bool
    tables: Mapping[str, TableCoverage]
    gaps: tuple[Gap, ...]

    def __post_init__(self) -> None:
        if self.complete and self.gaps:
            raise ValueError("coverage with gaps is not complete")
