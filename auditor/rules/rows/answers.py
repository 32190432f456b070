"""Yes-or-no columns looked up for many rows at once: each is two bits of one number a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import polars as pl

from auditor.frozen import dataclass

_YES, _UNKNOWN, _WIDTH = 1, 2, 2
_KINDS = {8: pl.UInt8, 16: pl.UInt16, 32: pl.UInt32, 64: pl.UInt64}
_MOST = max(_KINDS) // _WIDTH


@dataclass(frozen=True, slots=True)
class Answers:
    """What Boolean columns of some values are of each row; `bits` tells in which of the `numbers` an answer stands.

    To look a number up costs as much as to look one answer up, and to read an answer from it a fifth of that.
    """

    numbers: Sequence[pl.Series]
    bits: Mapping[str, tuple[int, int]]
    nulls: frozenset[str]

    @classmethod
    def of(cls, values: pl.DataFrame, places: pl.Series) -> Answers:
        """The Boolean columns of the values, for rows whose values stand at the places."""
        numbers: list[pl.Series] = []
        bits: dict[str, tuple[int, int]] = {}
        for place, names in enumerate(_shares(values.columns)):
            numbers.append(_number(values.select(names)).gather(places))
            bits |= {name: (place, _WIDTH * bit) for bit, name in enumerate(names)}
        return cls(numbers, bits, frozenset(name for name in values.columns if values[name].null_count()))

    def taken(self, places: pl.Series) -> Answers:
        """The same of the rows at the places."""
        return Answers([number.gather(places) for number in self.numbers], self.bits, self.nulls)

    def column(self, name: str, places: pl.Series | None = None) -> pl.Series:
        """One of the columns, of every row or of those at the places."""
        place, bit = self.bits[name]
        number = self.numbers[place] if places is None else self.numbers[place].gather(places)
        yes = (number & (_YES << bit)) != 0
        if name not in self.nulls:
            return yes
        known = (number & (_UNKNOWN << bit)) == 0
        return yes.zip_with(known, pl.repeat(None, yes.len(), dtype=pl.Boolean, eager=True))


def _shares(names: Sequence[str]) -> Iterator[list[str]]:
    """The names, as many at once as one number holds."""
    left = iter(names)
    while share := list(islice(left, _MOST)):
        yield share


def _number(values: pl.DataFrame) -> pl.Series:
    """The columns of each value as one number, the smallest that holds them."""
    kind = next(kind for size, kind in _KINDS.items() if values.width * _WIDTH <= size)
    number = pl.lit(0, dtype=kind)
    for place, name in enumerate(values.columns):
        bit = _WIDTH * place
        answer = pl.when(name).then(_YES << bit).when(pl.col(name).is_null()).then(_UNKNOWN << bit).otherwise(0)
        number |= answer.cast(kind)
    return values.select(number.alias("number")).to_series()
