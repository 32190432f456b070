"""Which data an audit could see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

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
class TableCoverage:
    """Rows of a table inside the window, and the first and last of their times."""

    rows: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """The data an audit could see; `complete` only when no gap of any reason is listed."""

    complete: bool
    tables: Mapping[str, TableCoverage]
    gaps: tuple[Gap, ...]

    def __post_init__(self) -> None:
        if self.complete and self.gaps:
            raise ValueError("coverage with gaps is not complete")
