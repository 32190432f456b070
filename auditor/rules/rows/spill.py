"""Rows set aside by the value of a column, to be judged a bucket at a time: in memory, beyond a limit on disk."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import InitVar, dataclass, field
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import polars as pl

from auditor.entities.columns import alongside, coalesced, fitted, picked, uniform, without
from auditor.entities.packed import PACKED, packed, witness
from auditor.errors import ConfigError, said
from auditor.rules.rows.keys import code_of, highest, lowest
from auditor.tables.schema import COUNT

MEMORY = 20_000_000
"""About how many bytes are kept in memory before rows go to disk."""

_SEED = 23

_AT_ONCE = 1 << 16
"""About how many rows are put into their buckets at once."""

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

    Rows hold numbers in place of texts, as `_thin` makes them; while it lives a text keeps its number. Raises `NoRoom`
    where the disk has no more.
    """

    folder: Path
    left: int = MEMORY
    _files: int = field(default=0, init=False)
    _texts: pl.Series = field(default_factory=witness, init=False)

    def put(self, rows: pl.DataFrame) -> _Rows:
        """The rows in memory where there is room, else in a file nobody has."""
        size = int(rows.estimated_size())
        if size <= self.left:
            self.left -= size
            return rows
        self._files += 1
        file = _File(self.folder / f"{self._files}.arrow", tuple(rows.columns))
        # small files of one stream are read in a third of the time of those with an index
        try:
            rows.write_ipc_stream(file.path)
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
        return rows[wanted] if isinstance(rows, pl.DataFrame) else pl.read_ipc_stream(rows.path, columns=wanted)

    def whole(self, pieces: Sequence[pl.DataFrame], schema: pl.Schema) -> pl.DataFrame:
        """The pieces as one, as they were, but for texts, which are packed."""
        if not pieces:
            return schema.to_frame().with_columns(pl.col(pl.String).cast(PACKED))
        # numbers of a piece may have half the bytes of those of another, and what is null everywhere is left out
        alike = all(piece.schema == pieces[0].schema for piece in pieces)
        rows = pl.concat(pieces, how="vertical" if alike else "diagonal_relaxed", rechunk=False)
        return pl.DataFrame([self._column(rows, name, dtype) for name, dtype in schema.items()], height=rows.height)

    def _column(self, rows: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Series:
        if f"{_NUMBERS}{name}" in rows.columns:
            return self._packed(rows[f"{_NUMBERS}{name}"])
        dtype = PACKED if dtype == pl.String else dtype
        if name not in rows.columns:
            return uniform(None, rows.height, dtype).alias(name)
        # a column at a time: all of them once more would not fit beside the pieces
        return rows[name].cast(dtype).rechunk()

    def _packed(self, numbers: pl.Series) -> pl.Series:
        """The texts of the numbers: taken from a table of all, which costs a third of asking for each."""
        size = highest(numbers) + 1
        if size > self._texts.len():
            self._texts = pl.int_range(size, dtype=pl.UInt32, eager=True).cat.to(PACKED)
        return picked(self._texts, numbers).alias(numbers.name.removeprefix(_NUMBERS))


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
    other process can read them; lists of texts stay as they are. The first column of `twins` is mostly the second
    once more, and is set aside only where it is not; it is null only where the second is.
    """

    column: str
    buckets: int
    room: Room
    twins: tuple[str, str] | None = None
    _rows: dict[int, list[_Rows]] = field(default_factory=dict, init=False)
    _witness: pl.Series = field(default_factory=witness, init=False)

    def add(self, rows: pl.DataFrame) -> None:
        """Set the rows aside."""
        if rows.is_empty():
            return
        if self.twins is not None and rows[self.twins[0]].equals(rows[self.twins[1]], null_equal=True):
            rows = without(rows, self.twins[0])
        rows = _thin(rows, needed={self.column, rows.columns[0]})
        for bucket, part in self._split(rows):
            self._rows.setdefault(bucket, []).append(self.room.put(part))

    def rows(self, bucket: int, *, like: pl.DataFrame) -> pl.DataFrame:
        """The rows of a bucket, which are then gone; none, with the columns of `like`, where it has none."""
        return self._whole([self.room.take(one) for one in self._rows.pop(bucket, [])], like.schema)

    def seen(self, bucket: int, names: Collection[str], *, like: pl.DataFrame) -> pl.DataFrame:
        """The rows of a bucket, which stay, with the named columns of those of `like`."""
        wanted = [name for name in like.columns if name in names]
        read = [*wanted, *self._beside(wanted)]
        rows = self._whole([self.room.seen(one, read) for one in self._rows.get(bucket, [])], like[read].schema)
        return rows[wanted]

    def _beside(self, names: Collection[str]) -> list[str]:
        """What must be read beside the named columns to know them all."""
        return [self.twins[1]] if self.twins and self.twins[0] in names and self.twins[1] not in names else []

    def _whole(self, pieces: Sequence[pl.DataFrame], schema: pl.Schema) -> pl.DataFrame:
        """The pieces as one, with both twins."""
        if self.twins is None or self.twins[0] not in schema:
            return self.room.whole(pieces, schema)
        own, other = self.twins
        if _any_has(pieces, own):
            rows = self.room.whole(pieces, schema)
            return alongside(rows, rows[own].zip_with(rows[own].is_not_null(), rows[other]).alias(own))
        rows = self.room.whole(pieces, pl.Schema({name: kind for name, kind in schema.items() if name != own}))
        return alongside(rows, rows[other].alias(own))[schema.names()]

    def clear(self) -> None:
        """Whatever was set aside is gone."""
        for held in self._rows.values():
            for one in held:
                self.room.drop(one)
        self._rows.clear()

    def columns(self, *, like: pl.DataFrame, order: Callable[[pl.DataFrame], pl.Series], by: Sequence[str]) -> Columns:
        """The rows of the only bucket, which are then gone, in the order that rows with the columns `by` have."""
        rows = self.seen(0, by, like=like)
        return Columns(self, like, order(rows), rows)

    def stored(self, name: str) -> str:
        """The column the named one is read from: its twin where it is that once more in all that was set aside."""
        held = (one for rows in self._rows.values() for one in rows)
        return self.twins[1] if self.twins and name == self.twins[0] and not _any_has(held, name) else name

    def _split(self, rows: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
        if self.buckets == 1:
            yield 0, rows
            return
        name = f"{_NUMBERS}{self.column}"
        values = rows[name if name in rows.columns else self.column]
        # ranks among these rows say nothing of the others, nor do the bytes a number has here
        codes = values if values.dtype.is_float() else code_of(values)
        codes = fitted(codes, COUNT) if codes.dtype == pl.Int32 else codes
        numbers = coalesced(codes, 0).hash(_SEED) % self.buckets
        places = pl.int_range(rows.height, dtype=pl.get_index_type(), eager=True)
        buckets = pl.DataFrame({"bucket": numbers, "places": places}).group_by("bucket").agg("places")
        order, start, ends = buckets["places"].explode(), 0, list(accumulate(buckets["places"].list.len()))
        for some in _together(ends):
            # the rows of a few buckets at a time: those of all would be as many once more
            first, own = start, rows[order[start : ends[some[-1]]]]
            for place in some:
                yield buckets["bucket"][place], own[start - first : ends[place] - first]
                start = ends[place]


@dataclass(slots=True)
class Columns:
    """Rows of the only bucket of `spill` in the order of `places`, so that whoever reads few columns reads no more."""

    spill: Spill
    like: pl.DataFrame
    places: InitVar[pl.Series]
    known: InitVar[pl.DataFrame]
    height: int = field(init=False)
    _places: _Rows = field(init=False)
    _last: dict[str, pl.Series] = field(init=False)

    def __post_init__(self, places: pl.Series, known: pl.DataFrame) -> None:
        self.height = places.len()
        self._last = {column.name: picked(column, places) for column in known}
        self._places = self.spill.room.put(places.to_frame())

    def rows(self, names: Collection[str]) -> pl.DataFrame:
        """The rows with those of the named columns there are; those of the last reader need not be read again."""
        read = {name: self.spill.stored(name) for name in self.like.columns if name in names}
        self._last = {name: column for name, column in self._last.items() if name in read.values()}
        if new := dict.fromkeys(name for name in read.values() if name not in self._last):
            places = self.spill.room.seen(self._places).to_series()
            # a column at a time: all of them once more would not fit beside those put in order
            self._last |= {name: picked(self.spill.seen(0, [name], like=self.like)[name], places) for name in new}
        return pl.DataFrame([self._last[own].alias(name) for name, own in read.items()], height=self.height)

    def clear(self) -> None:
        """Whatever was set aside is gone."""
        self.spill.clear()
        self.spill.room.drop(self._places)
        self._last.clear()


def _any_has(pieces: Iterable[_Rows], name: str) -> bool:
    return any(name in piece.columns or f"{_NUMBERS}{name}" in piece.columns for piece in pieces)


def _together(ends: Sequence[int]) -> Iterator[range]:
    """The places of buckets, about `_AT_ONCE` rows of them at a time; they end at so many rows."""
    first = before = 0
    for place, end in enumerate(ends):
        if end - before >= _AT_ONCE or place == len(ends) - 1:
            yield range(first, place + 1)
            first, before = place + 1, end


def _thin(rows: pl.DataFrame, *, needed: Collection[str]) -> pl.DataFrame:
    """The rows with numbers of texts and small numbers in half the bytes, without others that are null everywhere."""
    return pl.DataFrame(
        [_stored(column) for column in rows if column.name in needed or column.null_count() < rows.height]
    )


def _stored(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Int64:
        return fitted(column, pl.Int32) if lowest(column) >= -_HALF and highest(column) < _HALF else column
    if column.dtype in {pl.String, PACKED}:
        return packed(column).to_physical().alias(f"{_NUMBERS}{column.name}")
    return column
