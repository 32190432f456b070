"""What follows from single texts, remembered while the parts of a table go by."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeAlias

import polars as pl

from auditor.entities.columns import alongside, coalesced, fitted, picked, uniform, where_true
from auditor.entities.packed import PACKED, as_numbers, packed, witness
from auditor.tables.schema import TEXT

_PLACE = pl.UInt32()
_SEED = 7
_ROOM = 8
_SPARE = 16
_AT_ONCE = 1 << 17

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
    _numbers: pl.Series = field(default_factory=lambda: pl.Series([None], dtype=PACKED))
    _slots: pl.Series = field(default_factory=lambda: uniform(0, _ROOM, _PLACE))
    _filed: int = 0
    _asked: int = 0
    _new: int = 0
    _packed: dict[str, pl.Series] = field(default_factory=dict)

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

    @property
    def passes(self) -> bool:
        """Whether most of the texts that were looked up had not been met before."""
        return self._asked > _AT_ONCE and 2 * self._new > self._asked

    def placed(self, texts: pl.Series) -> pl.Series:
        """The place of each of the packed texts, which are remembered."""
        numbers = texts.to_physical()
        size = 1 + (top if isinstance(top := numbers.max(), int) else -1)
        if size > self.places.len():
            more = uniform(None, size + size // _SPARE - self.places.len(), _PLACE)
            self.places = self.places.append(more).rechunk()
        found = picked(self.places, numbers)
        if found.null_count() > numbers.null_count():
            self._add(texts.filter(found.is_null() & numbers.is_not_null()))
            found = picked(self.places, numbers)
        return coalesced(found, 0)

    def packed(self, texts: pl.Series, runs: tuple[pl.Series, pl.Series] | None = None) -> pl.Series:
        """The texts packed and remembered; those of equal `runs` once, where these are known.

        One that was met before is found by its hash and held against itself, which takes a third of the time.
        """
        return packed(texts, self._looked_up, runs)

    def packed_column(self, name: str) -> pl.Series:
        """What follows from the texts, itself texts, packed; each part of it once."""
        known = self._packed.get(name)
        start = 0 if known is None else known.len()
        if known is None or start < self.frame.height:
            new = packed(self.frame[name][start:])
            known = self._packed[name] = new if known is None else pl.concat([known, new]).rechunk()
        return known

    def _add(self, texts: pl.Series) -> None:
        """Remember packed texts that are not known yet."""
        new = picked(texts, texts.to_physical().arg_unique()).alias(self.column)
        own = pl.int_range(self.frame.height, self.frame.height + new.len(), dtype=_PLACE, eager=True)
        self.places = self.places.scatter(new.to_physical(), own)
        self.frame = pl.concat([self.frame, new.cast(TEXT).to_frame()], how="diagonal")
        self._numbers = pl.concat([self._numbers, new])

    def _looked_up(self, texts: pl.Series) -> pl.Series:
        """The texts packed, more at once as fewer of them are new; where most are, a table of them is of no use."""
        if self.passes:
            self._slots, self._filed = uniform(0, _ROOM, _PLACE), 0
            return as_numbers(texts)
        found = []
        start, size = 0, _AT_ONCE
        while start < texts.len():
            before = self.frame.height
            some = texts[start : start + size]
            found.append(self._found(some))
            start += size
            self._asked += some.len()
            self._new += self.frame.height - before
            size = texts.len() if (self.frame.height - before) * _ROOM < some.len() else 2 * size
        return picked(self._numbers.rechunk(), pl.concat(found)).alias(texts.name)

    def _found(self, texts: pl.Series) -> pl.Series:
        """The place of each text."""
        self._file()
        place = picked(self._slots, self._slot(texts))
        other = where_true(picked(self.frame[self.column], place).ne_missing(texts))
        return place.scatter(other, self.placed(as_numbers(picked(texts, other)))) if other.len() else place

    def _slot(self, texts: pl.Series) -> pl.Series:
        return fitted(texts.hash(_SEED) % self._slots.len(), _PLACE)

    def _file(self) -> None:
        """Put what was learned since into the slots that are free; a text whose slot is taken has none."""
        if self._filed == self.frame.height:
            return
        self.frame = self.frame.rechunk()
        texts, first = self.frame[self.column], self._filed
        if _ROOM * texts.len() > self._slots.len():
            first, size = 0, 1 << (2 * _ROOM * texts.len()).bit_length()
            self._slots = uniform(0, size, _PLACE)
        slots = self._slot(texts[first:])
        free = where_true(picked(self._slots, slots) == 0)
        self._slots = self._slots.scatter(picked(slots, free), (free + first).cast(_PLACE))
        self._filed = texts.len()

    def require(self, names: Collection[str], make: Make) -> None:
        """Have the columns of the names for every text; `make` is asked about those it was not asked about yet."""
        height = self.frame.height
        starts = {name: self._done.get(name, 0) for name in names if self._done.get(name) != height}
        for start in sorted(set(starts.values())):
            asked = [name for name, own in starts.items() if own == start]
            made = make(self.frame[start:][self._whole(asked)])
            before = self.frame[:start]
            self.frame = alongside(
                self.frame,
                *(pl.concat([before[name], made[name]], rechunk=True) if start else made[name] for name in asked),
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
    _passing: set[tuple[str, str]] = field(default_factory=set)

    def of(self, table: str, column: str) -> Known:
        """What is known of a column."""
        return self.known.setdefault((table, column), Known.of(column))

    def let_go(self) -> None:
        """Forget columns whose texts are mostly new in every part: what they need room for is of no use to the next."""
        self._passing |= {name for name, known in self.known.items() if known.passes}
        for name in self._passing & self.known.keys():
            del self.known[name]

    def passed(self, table: str, column: str) -> bool:
        """Whether texts of the column are mostly new in every part, as far as parts have shown."""
        return (table, column) in self._passing

    def met(self, column: str) -> Known | None:
        """The most that is known of columns of that name, whose texts are often the same in several tables."""
        named = [known for (_, name), known in self.known.items() if name == column]
        return max(named, key=lambda known: known.frame.height, default=None)
