"""An archive as it is at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import polars as pl

from auditor.evidence.swap import reading
from auditor.tables.archive import Archive
from auditor.tables.listed import rows_of
from auditor.tables.schema import COLLECTIONS, Table
from auditor.tables.state import State
from auditor.tables.store import APPLICATION

if TYPE_CHECKING:
    from deltalake import DeltaTable


class Still(Archive):
    """The archive, each table of which is read at one version however often it is asked for.

    That is the version of the first reading: what is collected meanwhile is not seen, and no table's log is read twice.
    A table that is ahead of the others, while rows are brought or since somebody who did was killed, is read as it was
    before. The units, which are few and asked for most, are kept in memory.
    """

    __slots__ = ("_frames", "_last", "_logs", "_state", "_there", "_units")

    def __init__(self, archive: Archive) -> None:
        self.place, self.evidence, self.tables, self._store = archive.place, archive.evidence, archive.tables, None
        self._frames: dict[str, pl.LazyFrame] = {}
        self._there: dict[str, bool] = {}
        self._logs: dict[str, DeltaTable] = {}
        self._units: pl.LazyFrame | None = None
        self._state: State | None = None
        self._last: int | None = None

    def state(self) -> State:
        """How far the tables had followed the evidence at the first reading."""
        if self._state is None:
            self._state = super().state()
        return self._state

    def has(self, table: str) -> bool:
        """Whether rows of the table were ever collected or imported."""
        if table not in self._there:
            self._there[table] = super().has(table) and self._has_rows(table)
        return self._there[table]

    def _has_rows(self, table: str) -> bool:
        """Whether the version that is read has any: a table is made before the rows of its first batch are in it."""
        from deltalake.exceptions import DeltaError

        try:
            return table in self.state().versions or bool(self.log(table).version() or self.log(table).file_uris())
        except (DeltaError, OSError):  # whoever reads the table says what is wrong with it
            return True

    def log(self, table: str) -> DeltaTable:
        """The log of the version that is read."""
        if table not in self._logs:
            last = self._all_have()
            opened = super().log(table)
            while opened.version() and _applied(opened) > last:
                opened.load_as_version(opened.version() - 1)
            self._logs[table] = opened
        return self._logs[table]

    def _all_have(self) -> int:
        """The `seq` up to which every table has the rows of the manifest."""
        if self._last is None:
            entries = self.state().chain.entries
            # without a state `collections` tells, which is brought when all others are
            brought = not entries and super().has(COLLECTIONS.name)
            self._last = _applied(super().log(COLLECTIONS.name)) if brought else entries - 1
        return self._last

    def units(self) -> pl.LazyFrame:
        """The latest unit of every key."""
        if self._units is None:
            self._units = super().units().collect().lazy()
        return self._units

    def _rows(self, table: Table) -> pl.LazyFrame:
        if table.name not in self._frames:
            self._frames[table.name] = self._listed(table) if self.has(table.name) else super()._rows(table)
        return self._frames[table.name]

    def _listed(self, table: Table) -> pl.LazyFrame:
        """The rows of the files of the version that is read: Polars plans with files in a third of what a log takes."""
        return rows_of(table, [file.address for file in self.files(table.name)])


@contextmanager
def held_still(archive: Archive) -> Iterator[Still]:
    """The archive as it is now; nobody takes files away that may be read of it."""
    with reading(archive.place):
        yield Still(archive)


def _applied(log: DeltaTable) -> int:
    version = log.transaction_version(APPLICATION)
    return -1 if version is None else version
