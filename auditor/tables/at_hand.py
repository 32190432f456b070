"""Pages read while they were at hand, so that they need not be read from evidence again."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

import polars as pl

from auditor.tables.fast import alone
from auditor.tables.kinds import KINDS

ROWS = 40_000


@dataclass(slots=True)
class AtHand:
    """Records as they were read, by the page's SHA-256 and their kind; never more than `most` rows. For any thread.

    What finds no room is not kept, and its page is read again when it is needed.
    """

    most: int = ROWS
    _frames: dict[tuple[str, str], pl.DataFrame] = field(default_factory=dict)
    _rows: int = 0
    _guard: Lock = field(default_factory=Lock)

    def keep(self, sha256: str, kind: str, records: pl.DataFrame) -> None:
        """The records wait for `take`, if there is room."""
        with self._guard:
            if (sha256, kind) not in self._frames and self._rows + records.height <= self.most:
                self._frames[sha256, kind] = records
                self._rows += records.height

    def take(self, sha256: str, kind: str) -> pl.DataFrame | None:
        """The records of a page, which then are no longer here; None when they did not stay."""
        with self._guard:
            records = self._frames.pop((sha256, kind), None)
            self._rows -= 0 if records is None else records.height
            return records


def records_of(body: bytes, kind: str) -> pl.DataFrame | None:
    """The records of a large page, as far as they have values; None when it is better read in another way."""
    known = KINDS.get(kind)
    records = None if known is None else alone(body, known.read)
    if records is None:
        return None
    filled = [column for column in records if column.null_count() < records.height]
    return pl.DataFrame(filled) if filled else None
