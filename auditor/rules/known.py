"""What follows from single texts, remembered while the parts of a table go by."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeAlias

import polars as pl

from auditor.rules.packed import numbered, packed, restored, witness
from auditor.tables.schema import TEXT

_PLACE = pl.UInt32()
_SEED = 7
_ROOM = 8

Make: TypeAlias = Callable[[pl.DataFrame], pl.DataFrame]
"""What follows from texts: given them and what is known of them, the columns asked for, a row a text."""


@dataclass(slots=True)
class Known:
    """The texts of one column of a table seen so far, with columns that follow from them; the first is null.

    `places` tells by the number of a packed text where it stands, and `_slots` by a hash of a text where it may.
    """

    column: str
    frame: pl.DataFrame
    places: pl.Series
    _done: dict[str, int] = field(default_factory=dict)
    _witness: pl.Series = field(default_factory=witness)
    _slots: pl.Series = field(default_factory=lambda: pl.zeros(_ROOM, _PLACE, eager=True))
    _texts: pl.Series = field(default_factory=lambda: pl.Series([], dtype=TEXT))
    _numbers: pl.Series = field(default_factory=witness)

    @classmethod
    def of(cls, column: str) -> Known:
        """Nothing known yet."""
        frame = pl.DataFrame({column: pl.Series([None], dtype=TEXT)})
        return cls(column, frame, pl.Series("places", [], dtype=_PLACE))

    @classmethod
    def local(cls, frame: pl.DataFrame) -> Known:
        """What is known of the rows of a frame, which are all there are."""
        whole = dict.fromkeys(frame.columns, frame.height)
        return cls(frame.columns[0], frame, pl.Series("places", [], dtype=_PLACE), whole)

    def placed(self, texts: pl.Series) -> pl.Series:
        """The place of each of the packed texts, which are remembered."""
        numbers = texts.to_physical()
        size = 1 + (top if isinstance(top := numbers.max(), int) else -1)
        if size > self.places.len():
            more = pl.repeat(None, 2 * size - self.places.len(), dtype=_PLACE, eager=True)
            self.places = self.places.append(more).rechunk()
        found = self.places.gather(numbers)
        if found.null_count() > numbers.null_count():
            self._add(texts.filter(found.is_null() & numbers.is_not_null()))
            found = self.places.gather(numbers)
        return found.fill_null(0)

    def _add(self, texts: pl.Series) -> None:
        """Remember packed texts that are not known yet."""
        new = texts.gather(texts.to_physical().arg_unique())
        own = pl.int_range(self.frame.height, self.frame.height + new.len(), dtype=_PLACE, eager=True)
        self.places = self.places.scatter(new.to_physical(), own)
        self.frame = pl.concat([self.frame, new.cast(TEXT).alias(self.column).to_frame()], how="diagonal")

    def packed(self, texts: pl.Series) -> pl.Series:
        """The texts packed; one that is known is found by its hash and held against itself, in a third of the time."""
        return packed(texts, self._looked_up)

    def _looked_up(self, texts: pl.Series) -> pl.Series:
        self._file()
        place = self._slots.gather(self._slot(texts))
        other = self._texts.gather(place).ne_missing(texts).arg_true()
        numbers = self._numbers.gather(place)
        if not other.len():
            return numbers.alias(texts.name)
        slowly = numbered(texts.gather(other)).to_physical()
        return restored(numbers.to_physical().scatter(other, slowly)).alias(texts.name)

    def _slot(self, texts: pl.Series) -> pl.Series:
        return (texts.hash(_SEED) % self._slots.len()).cast(_PLACE)

    def _file(self) -> None:
        """Put what was learned since into the slots that are free; a text whose slot is taken has none."""
        first, height = self._texts.len(), self.frame.height
        if first == height:
            return
        self._texts = self.frame[self.column].rechunk()
        self.frame = self.frame.with_columns(self._texts)
        self._numbers = pl.concat([self._numbers, numbered(self._texts[first:])]).rechunk()
        if _ROOM * height > self._slots.len():
            first, size = 0, 1 << (2 * _ROOM * height).bit_length()
            self._slots = pl.zeros(size, _PLACE, eager=True)
        slots = self._slot(self._texts[first:])
        free = (self._slots.gather(slots) == 0).arg_true()
        self._slots = self._slots.scatter(slots.gather(free), (free + first).cast(_PLACE))

    def require(self, names: Collection[str], make: Make) -> None:
        """Have the columns of the names for every text; `make` is asked about those it was not asked about yet."""
        height = self.frame.height
        starts = {name: self._done.get(name, 0) for name in names if self._done.get(name) != height}
        for start in sorted(set(starts.values())):
            asked = [name for name, own in starts.items() if own == start]
            made = make(self.frame[start:].select(self._whole(asked))).select(asked)
            before = self.frame[:start].select(name for name in asked if name in self.frame.columns)
            self.frame = self.frame.with_columns(
                pl.concat([before[name], made[name]]) if start else made[name] for name in asked
            )
            self._done |= dict.fromkeys(asked, height)

    def _whole(self, asked: Collection[str]) -> list[str]:
        """The columns that have a value of every text."""
        return [
            name
            for name in self.frame.columns
            if name not in asked and (name == self.column or self._done[name] == self.frame.height)
        ]


@dataclass(slots=True)
class Memory:
    """What is known of the columns of all tables."""

    known: dict[tuple[str, str], Known] = field(default_factory=dict)

    def of(self, table: str, column: str) -> Known:
        """What is known of a column."""
        return self.known.setdefault((table, column), Known.of(column))

    def of_table(self, table: str) -> dict[str, Known]:
        """What is known of the columns of a table so far."""
        return {column: known for (own, column), known in self.known.items() if own == table}
