"""Rows of equal keys brought together, so that a key's rows are a run of neighbours."""

from __future__ import annotations

import polars as pl

from auditor.frozen import dataclass
from auditor.rules.keys import highest, lowest
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
        low = lowest(keys)
        width = keys.len().bit_length()
        own = pl.int_range(keys.len(), dtype=COUNT, eager=True)
        if (highest(keys) - low).bit_length() + width > _BITS:
            places = keys.to_frame("key").select(pl.arg_sort_by("key", maintain_order=True)).to_series()
            return cls(keys.gather(places), places)
        # a number with the place in its last bits sorts in half the time, and keeps rows of a key in order
        both = pl.DataFrame({"key": keys, "row": own}).select((pl.col("key") - low) * (1 << width) + pl.col("row"))
        ordered = both.to_series().sort()
        return cls(ordered // (1 << width) + low, (ordered % (1 << width)).cast(_INDEX))

    def spans(self, keys: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Where the run of each of `keys` starts and ends among the places; both the same where there is none."""
        if self.keys.is_empty():
            nothing = pl.zeros(keys.len(), COUNT, eager=True)
            return nothing, nothing
        starts = self.keys.search_sorted(keys, side="left").cast(COUNT)
        lengths = self.keys.rle().struct.field("len").cast(COUNT)
        ends = lengths.cum_sum()
        every = pl.zeros(self.keys.len(), COUNT, eager=True).scatter(ends - lengths, ends)
        inside = starts.clip(upper_bound=self.keys.len() - 1)
        there = (self.keys.gather(inside) == keys) & (starts == inside)
        return starts, every.gather(inside).zip_with(there, starts)


def places_among(keys: pl.Series, known: pl.Series) -> pl.Series:
    """The place of each of the keys among those that are known, no two of which are equal; null where there is none."""
    places = pl.int_range(known.len(), dtype=_INDEX, eager=True)
    low, top = lowest(known), highest(known)
    if top - low < _SPARSE * keys.len() + _FEW:
        table = pl.repeat(None, top - low + 1, dtype=_INDEX, eager=True).scatter(known - low, places)
        inside = keys.is_between(low, top)
        return table.gather(keys - low if inside.all() else (keys - low).set(~inside, None))
    frame = pl.DataFrame({"key": known, "place": places})
    return keys.to_frame("key").join(frame, on="key", how="left", maintain_order="left")["place"]
