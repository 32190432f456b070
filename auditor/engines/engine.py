"""What every engine is: a way to judge rules on an archive."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from auditor.model.window import Window
from auditor.rules.judging.run import Means
from auditor.rules.outcome import Outcome
from auditor.rules.task import Bound
from auditor.tables.archive import Archive


class Engine(Protocol):
    """Judges rules on an archive; every engine gives the same outcomes."""

    def __call__(
        self,
        archive: Archive,
        bound: Sequence[Bound],
        *,
        window: Window,
        sites: Sequence[str],
        now: datetime,
        means: Means,
        also: Mapping[str, Collection[str]],
        progress: Callable[[str], None] | None,
    ) -> tuple[Outcome, ...]:
        """One outcome a rule, on the rows of the window at the sites; rows before it are history."""
