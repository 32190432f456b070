"""What follows from single texts, remembered while the parts of a table go by."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeAlias

import polars as pl

from auditor.rules.packed import witness
from auditor.tables.schema import TEXT

_PLACE = pl.UInt32()

Make: TypeAlias = Callable[[pl.DataFrame], pl.DataFrame]
"""What follows from texts: given them and what is known of them, the columns asked for, a row a text."""


@dataclass(slots=True)
class Known:
    """The texts of one column of a table seen so far, with columns that follow from them; the first is null.

    `places` tells by the number of a packed text where it stands.
    """

    column: str
    frame: pl.DataFrame
    places: pl.Series
    _done: dict[str, int] = field(default_factory=dict)
    _witness: pl.Series = field(default_factory=witness)

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
        first = numbers.arg_unique()
        some = numbers.gather(first)
        size = 1 + (top if isinstance(top := some.max(), int) else -1)
        if size > self.places.len():
            more = pl.repeat(None, 2 * size - self.places.len(), dtype=_PLACE, eager=True)
            self.places = self.places.append(more).rechunk()
        unknown = (self.places.gather(some).is_null() & some.is_not_null()).arg_true()
        if unknown.len():
            own = pl.int_range(self.frame.height, self.frame.height + unknown.len(), dtype=_PLACE, eager=True)
            self.places = self.places.scatter(some.gather(unknown), own)
            added = texts.gather(first.gather(unknown)).cast(TEXT).alias(self.column).to_frame()
            self.frame = pl.concat([self.frame, added], how="diagonal")
        return self.places.gather(numbers).fill_null(0)

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
