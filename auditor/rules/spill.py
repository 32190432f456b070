"""Rows set aside by the value of a column, to be judged a bucket at a time: in memory, beyond a limit on disk."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import polars as pl

from auditor.rules.keys import code_of, highest, lowest
from auditor.rules.packed import PACKED, packed, witness

MEMORY = 100_000_000
"""About how many bytes are kept in memory before rows go to disk."""

_SEED = 23

_BUCKET = "__bucket"
_NUMBERS = "__numbers:"
_HALF = 1 << 31

_Rows: TypeAlias = pl.DataFrame | Path


@dataclass(slots=True)
class Room:
    """Where rows wait: `left` bytes in memory, then files below `folder`, each with a number of its own."""

    folder: Path
    left: int = MEMORY
    _files: int = field(default=0, init=False)

    def file(self) -> Path:
        """A file nobody has."""
        self._files += 1
        return self.folder / f"{self._files}.arrow"


@dataclass(slots=True)
class Spill:
    """Rows of one table by the value of `column`, equal values in one of `buckets`; `room` is shared by those of a run.

    With one bucket the column need not be one. Texts are packed, and a file holds their numbers alone, so that no
    other process can read them; lists of texts stay as they are.
    """

    column: str
    buckets: int
    room: Room
    _rows: dict[int, list[_Rows]] = field(default_factory=dict, init=False)
    _witness: pl.Series = field(default_factory=witness, init=False)

    def add(self, rows: pl.DataFrame) -> None:
        """Set the rows aside."""
        if rows.is_empty():
            return
        rows = _thin(rows, needed={self.column, rows.columns[0]})
        for bucket, part in self._split(rows):
            self._rows.setdefault(bucket, []).append(self._put(part))

    def rows(self, bucket: int, *, like: pl.DataFrame) -> pl.DataFrame:
        """The rows of a bucket, which are then gone; none, with the columns of `like`, where it has none."""
        found = [_whole(self._taken(one), like.schema) for one in self._rows.pop(bucket, [])]
        return pl.concat(found) if found else like

    def _split(self, rows: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
        if self.buckets == 1:
            yield 0, rows
            return
        numbers = code_of(rows[self.column]).fill_null(0).hash(_SEED) % self.buckets
        buckets = rows.with_columns(numbers.alias(_BUCKET)).partition_by(_BUCKET, as_dict=True, include_key=False)
        for (bucket,), part in buckets.items():
            yield bucket, part

    def _put(self, rows: pl.DataFrame) -> _Rows:
        size = int(rows.estimated_size())
        if size <= self.room.left:
            self.room.left -= size
            return rows
        path = self.room.file()
        rows.select(
            pl.col(name).to_physical().alias(f"{_NUMBERS}{name}") if dtype == PACKED else pl.col(name)
            for name, dtype in rows.schema.items()
        ).write_ipc(path)
        return path

    def _taken(self, rows: _Rows) -> pl.DataFrame:
        if isinstance(rows, pl.DataFrame):
            self.room.left += int(rows.estimated_size())
            return rows
        read = pl.read_ipc(rows)
        rows.unlink()
        return read.select(
            pl.col(name).cat.to(PACKED).alias(name.removeprefix(_NUMBERS))
            if name.startswith(_NUMBERS)
            else pl.col(name)
            for name in read.columns
        )


def _thin(rows: pl.DataFrame, *, needed: Collection[str]) -> pl.DataFrame:
    """The rows with texts packed and small numbers in half the bytes, without others that are null everywhere."""
    kept = [column for column in rows if column.name in needed or column.null_count() < rows.height]
    return pl.DataFrame([_small(column) if column.dtype == pl.Int64 else packed(column) for column in kept])


def _small(numbers: pl.Series) -> pl.Series:
    return numbers.cast(pl.Int32) if lowest(numbers) >= -_HALF and highest(numbers) < _HALF else numbers


def _whole(rows: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """The rows as they were, but for texts, which are packed."""
    return rows.select(
        pl.col(name).cast(PACKED if dtype == pl.String else dtype)
        if name in rows.columns
        else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in schema.items()
    )
