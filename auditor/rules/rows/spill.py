"""Rows set aside by the value of a column, to be judged a bucket at a time: in memory, beyond a limit on disk."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import polars as pl

from auditor.errors import ConfigError, said
from auditor.rules.rows.keys import code_of, highest, lowest
from auditor.rules.rows.packed import PACKED, packed, witness

MEMORY = 20_000_000
"""About how many bytes are kept in memory before rows go to disk."""

_SEED = 23

_NUMBERS = "__numbers:"
_HALF = 1 << 31


class NoRoom(BaseException):
    """Rows cannot be set aside on disk: `error` tells why.

    No rule is at fault and none can be judged, so that this is no `Exception`, at which a rule would be said to crash.
    """

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(folder, error)
        self.folder = folder
        self.error = error


@dataclass(frozen=True, slots=True)
class _File:
    """Rows in a file of their own, with the columns it has."""

    path: Path
    columns: tuple[str, ...]


_Rows: TypeAlias = pl.DataFrame | _File


@dataclass(slots=True)
class Room:
    """Where rows wait: `left` bytes in memory, then files below `folder`, each with a number of its own.

    While it lives a text keeps its number. Raises `NoRoom` where the disk has no more.
    """

    folder: Path
    left: int = MEMORY
    _files: int = field(default=0, init=False)
    _texts: pl.Series = field(default_factory=witness, init=False)

    def put(self, rows: pl.DataFrame) -> _Rows:
        """The rows in memory where there is room, else in a file nobody has, which holds numbers in place of texts."""
        size = int(rows.estimated_size())
        if size <= self.left:
            self.left -= size
            return rows
        self._files += 1
        stored = rows.select(
            pl.col(name).to_physical().alias(f"{_NUMBERS}{name}") if dtype == PACKED else pl.col(name)
            for name, dtype in rows.schema.items()
        )
        file = _File(self.folder / f"{self._files}.arrow", tuple(stored.columns))
        # small files of one stream are read in a third of the time of those with an index
        try:
            stored.write_ipc_stream(file.path)
        except OSError as error:
            raise NoRoom(self.folder, error) from error
        return file

    def take(self, rows: _Rows) -> pl.DataFrame:
        """What was put, which is then gone."""
        found = self.seen(rows)
        self.drop(rows)
        return found

    def drop(self, rows: _Rows) -> None:
        """What was put is gone."""
        if isinstance(rows, _File):
            rows.path.unlink()
        else:
            self.left += int(rows.estimated_size())

    def seen(self, rows: _Rows, names: Collection[str] | None = None) -> pl.DataFrame:
        """What was put and stays: all of it, or the first column and of those named what there is; no more is read."""
        wanted = [
            name
            for place, name in enumerate(rows.columns)
            if place == 0 or names is None or name.removeprefix(_NUMBERS) in names
        ]
        if isinstance(rows, pl.DataFrame):
            return rows.select(wanted)
        read = pl.read_ipc_stream(rows.path, columns=wanted)
        return pl.DataFrame([self._packed(column) if column.name.startswith(_NUMBERS) else column for column in read])

    def _packed(self, numbers: pl.Series) -> pl.Series:
        """The texts of the numbers: taken from a table of all, which costs a third of asking for each."""
        size = highest(numbers) + 1
        if size > self._texts.len():
            self._texts = pl.int_range(size, dtype=pl.UInt32, eager=True).cat.to(PACKED)
        return self._texts.gather(numbers).alias(numbers.name.removeprefix(_NUMBERS))


@contextmanager
def rented(memory: int, *, below: Path | None = None) -> Iterator[Room]:
    """Room for as long as rules are judged, in a folder of its own, in that of temporary files or `below` another.

    Raises `ConfigError` where there is none or it is full.
    """
    with ExitStack() as gone_after:
        try:
            folder = gone_after.enter_context(TemporaryDirectory(prefix="auditor-", dir=below))
        except OSError as error:
            raise _lacking(below, error) from error
        try:
            yield Room(Path(folder), memory)
        except NoRoom as full:
            raise _lacking(full.folder.parent, full.error) from full


def _lacking(folder: Path | None, error: OSError) -> ConfigError:
    place = "temporary files" if folder is None else str(folder)
    return ConfigError(
        f"{place}: rows that wait to be judged cannot be written: {said(error)}; TMPDIR may name another folder"
    )


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
            self._rows.setdefault(bucket, []).append(self.room.put(part))

    def rows(self, bucket: int, *, like: pl.DataFrame) -> pl.DataFrame:
        """The rows of a bucket, which are then gone; none, with the columns of `like`, where it has none."""
        found = [_whole(self.room.take(one), like.schema) for one in self._rows.pop(bucket, [])]
        return pl.concat(found) if found else like

    def seen(self, bucket: int, names: Collection[str], *, like: pl.DataFrame) -> pl.DataFrame:
        """The rows of a bucket, which stay, with the named columns of those of `like`."""
        nothing = like.select(name for name in like.columns if name in names)
        found = [_whole(self.room.seen(one, nothing.columns), nothing.schema) for one in self._rows.get(bucket, [])]
        return pl.concat(found) if found else nothing

    def clear(self) -> None:
        """Whatever was set aside is gone."""
        for held in self._rows.values():
            for one in held:
                self.room.drop(one)
        self._rows.clear()

    def columns(self, *, like: pl.DataFrame, order: Callable[[pl.DataFrame], pl.Series], by: Sequence[str]) -> Columns:
        """The rows of the only bucket, which are then gone, in the order that rows with the columns `by` have."""
        held = self._rows.pop(0, [])

        def whole(names: Sequence[str]) -> pl.DataFrame:
            nothing = like.select(names)
            return pl.concat(
                [_whole(one, nothing.schema) for one in (nothing, *(self.room.seen(one, names) for one in held))]
            )

        rows = whole(by)
        places = order(rows)
        found = Columns(rows.height, like, self.room)
        for name in like.columns:
            found.add(_thin(whole([name])[places], needed=()))
        for one in held:
            self.room.take(one)
        return found

    def _split(self, rows: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
        if self.buckets == 1:
            yield 0, rows
            return
        numbers = code_of(rows[self.column]).fill_null(0).hash(_SEED) % self.buckets
        places = pl.int_range(rows.height, dtype=pl.get_index_type(), eager=True)
        buckets = pl.DataFrame({"bucket": numbers, "places": places}).group_by("bucket").agg("places")
        # the rows of one bucket at a time: those of all would be as many once more
        for bucket, own in zip(buckets["bucket"], buckets["places"], strict=True):
            yield bucket, rows[own]


@dataclass(slots=True)
class Columns:
    """Rows set aside column by column, so that whoever reads few columns reads no more."""

    height: int
    like: pl.DataFrame
    room: Room
    _held: dict[str, _Rows] = field(default_factory=dict, init=False)
    _last: dict[str, pl.Series] = field(default_factory=dict, init=False)

    def add(self, column: pl.DataFrame) -> None:
        """Set a column aside; a frame without any stands for one of nulls."""
        self._held |= {name: self.room.put(column) for name in column.columns}

    def rows(self, names: Collection[str]) -> pl.DataFrame:
        """The rows with those of the named columns there are; those of the last reader need not be read again."""
        read = [name for name in self.like.columns if name in names]
        found = [
            self._last[name] if name in self._last else self.room.seen(self._held[name])[name]
            for name in read
            if name in self._held
        ]
        whole = _whole(pl.DataFrame(found, height=self.height), self.like.select(read).schema)
        self._last = {name: whole[name] for name in whole.columns}
        return whole

    def clear(self) -> None:
        """Whatever was set aside is gone."""
        for column in self._held.values():
            self.room.take(column)
        self._held.clear()
        self._last.clear()


def _thin(rows: pl.DataFrame, *, needed: Collection[str]) -> pl.DataFrame:
    """The rows with texts packed and small numbers in half the bytes, without others that are null everywhere."""
    kept = [column for column in rows if column.name in needed or column.null_count() < rows.height]
    return pl.DataFrame([_small(column) if column.dtype == pl.Int64 else packed(column) for column in kept])


def _small(numbers: pl.Series) -> pl.Series:
    return numbers.cast(pl.Int32) if lowest(numbers) >= -_HALF and highest(numbers) < _HALF else numbers


def _whole(rows: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """The rows as they were, but for texts, which are packed."""
    packs = {name: PACKED if dtype == pl.String else dtype for name, dtype in schema.items()}
    lacking = [
        pl.repeat(None, rows.height, dtype=dtype, eager=True).alias(name)
        for name, dtype in packs.items()
        if name not in rows.columns
    ]
    return rows.hstack(lacking).select(pl.col(name).cast(dtype) for name, dtype in packs.items())
