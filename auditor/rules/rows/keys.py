"""Keys of several columns as one integer a row, so that grouping, joining and sorting compare numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add, xor

import polars as pl

from auditor.entities.columns import alongside, fitted, picked, runs_of, uniform, where_true
from auditor.entities.groups import places
from auditor.entities.packed import packed
from auditor.tables.schema import COUNT

KEY = "__key"
"""The number of a row's key; equal exactly where the key's columns are. Its size and order mean nothing."""

RUN = "__run:"
"""Before the name of a column by which rows stand together: the number of each row's run, in their order."""

_BITS = 63
_LEAST = 16


def with_key(rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The rows with `KEY` for the columns, known to be sorted where it is; nulls equal each other."""
    return alongside(rows, known_sorted(key_of(rows, columns)).alias(KEY))


def known_sorted(numbers: pl.Series) -> pl.Series:
    """The same numbers, known to be sorted where they are: groups of them are slices then."""
    return numbers.set_sorted() if numbers.is_sorted() else numbers


def key_of(rows: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """One integer a row, equal exactly where all the columns are equal; nulls equal each other."""
    runs = {name: f"{RUN}{name}" for name in columns if f"{RUN}{name}" in rows.columns}
    names = [*runs.values(), *(name for name in dict.fromkeys(columns) if name not in runs)]
    words = [rows[name] for name in names if rows.schema[name] == pl.String]
    codes = [code_of(rows[name]) for name in names if rows.schema[name] != pl.String]
    if words:
        return _with_texts(codes, words)
    return _one(codes, height=rows.height)


def _one(codes: Sequence[pl.Series], *, height: int) -> pl.Series:
    """One integer a row, not negative, equal exactly where all the whole numbers are; nulls equal each other."""
    codes = [code for code in codes if code.null_count() or code.min() != code.max()]
    if not codes or not height:
        return uniform(0, height, COUNT)
    # null is 0, the smallest value 1
    lows = [lowest(code) - bool(code.null_count()) for code in codes]
    bits = [(highest(code) - low).bit_length() for code, low in zip(codes, lows, strict=True)]
    # where the smallest number there is has a null beside it, none is left for that
    if sum(bits) > _BITS or min(lows) < -(1 << _BITS):
        codes = [code.rank("dense") for code in codes]
        lows = [0 for _ in codes]
        bits = [highest(code).bit_length() for code in codes]
    if sum(bits) > _BITS:
        return pl.select(pl.struct(codes).rank("dense")).to_series().cast(COUNT)
    if len(codes) == 1 and lows[0] >= 0 and codes[0].dtype == COUNT and not codes[0].null_count():
        return codes[0].alias(KEY)
    shifts = [sum(bits[place + 1 :]) for place in range(len(codes))]
    least = sum(low << shift for low, shift in zip(lows, shifts, strict=True))
    most = sum(highest(code) << shift for code, shift in zip(codes, shifts, strict=True))
    # the smallest values are taken away once, and not from each column, where numbers are not too large for that
    once = min(lows) >= 0 and most < 1 << _BITS
    frame = pl.DataFrame([code.alias(str(place)) for place, code in enumerate(codes)])
    terms = []
    for place, (code, low, shift) in enumerate(zip(codes, lows, shifts, strict=True)):
        number = pl.col(str(place)).cast(COUNT)
        number = number.fill_null(low) if code.null_count() else number
        number = number if once or not low else number - low
        terms.append(number * (1 << shift) if shift else number)
    if once and least:
        terms.append(pl.lit(-least, dtype=COUNT))
    return frame.select(reduce(add, terms).alias(KEY)).to_series()


def _with_texts(codes: Sequence[pl.Series], words: Sequence[pl.Series]) -> pl.Series:
    """For each row the first one that has its whole numbers and its texts; nulls equal each other.

    Rows that share a hash with none are alone. Of others, neighbours by number and hash are compared.
    """
    height = words[0].len()
    number, size = _one(codes, height=height), 1 << height.bit_length()
    room = _BITS - highest(number).bit_length() - size.bit_length()
    if room < _LEAST:
        return _one([*codes, *map(code_of, words)], height=height)
    hashes = [word.hash(seed) & ((1 << room) - 1) for seed, word in enumerate(words)]
    both = pl.DataFrame([number.alias("number"), fitted(reduce(xor, hashes), COUNT).alias("hash")])
    row = pl.int_range(pl.len(), dtype=COUNT)
    ordered = both.select((pl.col("number") * (1 << room) + pl.col("hash")) * size + row).to_series().sort()
    keys = ordered // size
    as_before = (keys == keys.shift(1)).fill_null(value=False)
    several = as_before | as_before.shift(-1, fill_value=False)
    rows, again = ordered.filter(several) % size, as_before.filter(several)
    found = [picked(word, rows) for word in words]
    if any((word.ne_missing(word.shift(1)) & again).any() for word in found):
        first, own = places(_one([picked(number, rows), *map(code_of, found)], height=rows.len()))
    else:
        first, own = where_true(~again), (~again).cum_sum() - 1
    return pl.int_range(height, dtype=COUNT, eager=True).scatter(rows, picked(picked(rows, first), own)).alias(KEY)


def code_of(values: pl.Series) -> pl.Series:
    """A number for each value, equal exactly where the values are; null stays null.

    Texts are packed first, where they are not yet.
    """
    kind = values.dtype
    if kind.is_integer():
        return values
    if kind.is_temporal() or kind == pl.Boolean:
        return fitted(values.to_physical(), COUNT)
    if kind == pl.String:
        return packed(values).to_physical()
    return values.to_physical() if isinstance(kind, pl.Categorical) else values.rank("dense").cast(COUNT)


def numbered(keys: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The first row of each key, and the place of each row's key among them."""
    if not keys.null_count() and keys.is_sorted():
        return runs_of(keys)
    return places(keys)


def lowest(numbers: pl.Series) -> int:
    """The smallest number; 0 where there is none."""
    return _number(numbers.min())


def highest(numbers: pl.Series) -> int:
    """The greatest number; 0 where there is none."""
    return _number(numbers.max())


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
