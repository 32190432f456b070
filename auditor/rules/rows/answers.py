"""Yes-or-no columns looked up for many rows at once: each is two bits of one number a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

import polars as pl

from auditor.entities.columns import picked, uniform
from auditor.frozen import dataclass
from auditor.rules.rows.known import Known

_YES, _UNKNOWN, _WIDTH = 1, 2, 2
_NUMBER = "__answers:"
_KINDS = {8: pl.UInt8, 16: pl.UInt16, 32: pl.UInt32, 64: pl.UInt64}
_MOST = max(_KINDS) // _WIDTH


@dataclass(frozen=True, slots=True)
class Answers:
    """What Boolean columns of some values are of each row; `bits` tells in which of the `numbers` an answer stands.

    To look a number up costs as much as to look one answer up, and to read an answer from it a fifth of that.
    The values are those of the column `source`.
    """

    source: str
    numbers: Sequence[pl.Series]
    bits: Mapping[str, tuple[int, int]]
    nulls: frozenset[str]

    @classmethod
    def of(cls, source: str, known: Known, names: Sequence[str], *, places: pl.Series) -> Answers:
        """The Boolean columns of what is known of the source, for rows whose values stand at the places."""
        numbers: list[pl.Series] = []
        bits: dict[str, tuple[int, int]] = {}
        for place, share in enumerate(_shares(names)):
            number = f"{_NUMBER}{','.join(share)}"
            known.require([number], partial(_number, names=share, number=number))
            numbers.append(picked(known.frame[number], places))
            bits |= {name: (place, _WIDTH * bit) for bit, name in enumerate(share)}
        return cls(source, numbers, bits, frozenset(name for name in names if known.frame[name].null_count()))

    def taken(self, places: pl.Series) -> Answers:
        """The same of the rows at the places."""
        return Answers(self.source, [picked(number, places) for number in self.numbers], self.bits, self.nulls)

    def column(self, name: str) -> pl.Series:
        """One of the columns."""
        place, bit = self.bits[name]
        number = self.numbers[place]
        yes = (number & (_YES << bit)) != 0
        if name not in self.nulls:
            return yes
        known = (number & (_UNKNOWN << bit)) == 0
        return yes.zip_with(known, uniform(None, yes.len(), pl.Boolean))


def _shares(names: Sequence[str]) -> Iterator[list[str]]:
    """The names, as many at once as one number holds."""
    left = iter(names)
    while share := list(islice(left, _MOST)):
        yield share


def _number(values: pl.DataFrame, *, names: Sequence[str], number: str) -> pl.DataFrame:
    """The columns of each value as one number, the smallest that holds them."""
    kind = next(kind for size, kind in _KINDS.items() if len(names) * _WIDTH <= size)
    found = pl.lit(0, dtype=kind)
    for place, name in enumerate(names):
        bit = _WIDTH * place
        answer = pl.when(name).then(_YES << bit).when(pl.col(name).is_null()).then(_UNKNOWN << bit).otherwise(0)
        found |= answer.cast(kind)
    return values.select(found.alias(number))
