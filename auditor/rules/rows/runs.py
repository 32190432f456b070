"""Rows of equal keys brought together, so that a key's rows are a run of neighbours."""

from __future__ import annotations

import polars as pl

from auditor.entities.columns import fitted, picked, uniform
from auditor.entities.packed import PACKED, packed
from auditor.frozen import dataclass
from auditor.rules.rows.keys import highest, lowest
from auditor.tables.schema import COUNT

_BITS = 63
_SPARSE, _FEW = 8, 100_000
_INDEX = pl.get_index_type()


@dataclass(frozen=True, slots=True)
class Runs:
    """The places of rows by key, those of one key in their order; `keys` are the sorted keys of those places."""

    keys: pl.Series
    places: pl.Series

    @classmethod
    def of(cls, keys: pl.Series) -> Runs:
        """The rows of `keys`, whole numbers without nulls."""
        ordered = _ordered(keys)
        if ordered is None:
            places = keys.to_frame("key").select(pl.arg_sort_by("key", maintain_order=True)).to_series()
            return cls(picked(keys, places), places)
        size = _size(keys)
        return cls(ordered // size + lowest(keys), fitted(ordered % size, _INDEX))

    def spans(self, keys: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Where the run of each of `keys` starts and ends among the places; both the same where there is none."""
        if self.keys.is_empty():
            nothing = uniform(0, keys.len(), COUNT)
            return nothing, nothing
        starts = fitted(self.keys.search_sorted(keys, side="left"), COUNT)
        lengths = self.keys.rle().struct.field("len").cast(COUNT)
        ends = lengths.cum_sum()
        every = uniform(0, self.keys.len(), COUNT).scatter(ends - lengths, ends)
        inside = starts.clip(upper_bound=self.keys.len() - 1)
        there = (picked(self.keys, inside) == keys) & (starts == inside)
        return starts, picked(every, inside).zip_with(there, starts)


def _size(keys: pl.Series) -> int:
    return 1 << keys.len().bit_length()


def _ordered(keys: pl.Series) -> pl.Series | None:
    """The sorted keys, from 0 on, each times `_size` and with its row added; None where they are too large for that.

    Such numbers sort in half the time rows do, and keep rows of a key in order.
    """
    low, size = lowest(keys), _size(keys)
    if (highest(keys) - low).bit_length() + size.bit_length() > _BITS:
        return None
    rows = pl.int_range(keys.len(), dtype=COUNT, eager=True)
    both = pl.DataFrame({"key": keys, "row": rows})
    return both.select((pl.col("key") - low) * size + pl.col("row")).to_series().sort()


def places_among(keys: pl.Series, known: pl.Series) -> pl.Series:
    """The place of each of the keys among those that are known, no two of which are equal; null where there is none."""
    places = pl.int_range(known.len(), dtype=_INDEX, eager=True)
    low, top = lowest(known), highest(known)
    if top - low < _SPARSE * keys.len() + _FEW:
        table = uniform(None, top - low + 1, _INDEX).scatter(known - low, places)
        inside = keys.is_between(low, top)
        return picked(table, keys - low if inside.all() else (keys - low).set(~inside, None))
    frame = pl.DataFrame({"key": known, "place": places})
    return keys.to_frame("key").join(frame, on="key", how="left", maintain_order="left")["place"]


def among(values: pl.Series, known: pl.Series) -> pl.Series:
    """Which of the values are known, null where they are; of numbers and packed texts a place in a table may tell."""
    if values.dtype != known.dtype:
        values, known = packed(values), packed(known)
    if values.dtype != PACKED and not values.dtype.is_integer():
        return values.is_in(known.drop_nulls().implode())
    own, wanted = values.to_physical(), known.drop_nulls().to_physical()
    low = min(lowest(own), lowest(wanted))
    size = 1 + max(highest(own), highest(wanted)) - low
    if size > 16 * values.len() + 1_000_000:
        return own.is_in(wanted.implode())
    if low:
        own, wanted = own - low, wanted - low
    return (picked(uniform(0, size, pl.UInt8).scatter(wanted, 1), own)) == 1
