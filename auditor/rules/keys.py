"""Keys of several columns as one integer a row, so that grouping, joining and sorting compare numbers."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from auditor.tables.schema import COUNT

KEY = "__key"
"""The number of a row's key; equal exactly where the key's columns are. Its size and order mean nothing."""

CODE = "__code:"
"""Before a column's name: the number of the row's value in that column, where somebody has made it already."""

_BITS = 63
_RUN = 2


def with_key(rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The rows with `KEY` for the columns; nulls equal each other."""
    return rows.with_columns(key_of(rows, columns).alias(KEY))


def key_of(rows: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """One integer a row, equal exactly where all the columns are equal; nulls equal each other."""
    codes = [_code(rows, name) for name in dict.fromkeys(columns)]
    codes = [code for code in codes if code.null_count() or code.min() != code.max()]
    if not codes or rows.is_empty():
        return pl.zeros(rows.height, COUNT, eager=True)
    # null is 0, the smallest value 1
    lows = [_number(code.min()) - 1 for code in codes]
    sizes = [_number(code.max()) - low + 1 for code, low in zip(codes, lows, strict=True)]
    bits = [size.bit_length() for size in sizes]
    if sum(bits) > _BITS:
        codes = [code.rank("dense") for code in codes]
        lows = [0 for _ in codes]
        bits = [(_number(code.max()) + 1).bit_length() for code in codes]
    if sum(bits) > _BITS:
        return pl.select(pl.struct(codes).rank("dense")).to_series().cast(COUNT)
    frame = pl.DataFrame([code.alias(str(place)) for place, code in enumerate(codes)])
    packed = pl.lit(0, dtype=COUNT)
    for place, (low, width) in enumerate(zip(lows, bits, strict=True)):
        packed = packed * (1 << width) + (pl.col(str(place)).cast(COUNT) - low).fill_null(0)
    return frame.select(packed.alias(KEY)).to_series()


def code_of(values: pl.Series) -> pl.Series:
    """A number for each value, equal exactly where the values are; null stays null.

    Where equal values stand together, each run is looked up once.
    """
    kind = values.dtype
    if kind.is_integer():
        return values
    if kind.is_temporal() or kind == pl.Boolean:
        return values.to_physical().cast(COUNT)
    if kind != pl.String:
        return values.rank("dense").cast(COUNT)
    if values.is_empty():
        return values.cast(COUNT)
    runs = values.rle_id()
    if (_number(runs[-1]) + 1) * _RUN > values.len():
        return _numbered(values)
    starts = (runs != runs.shift(1)).fill_null(value=True).arg_true()
    return _numbered(values.gather(starts)).gather(runs)


def _numbered(values: pl.Series) -> pl.Series:
    return values.cast(pl.Categorical).to_physical()


def _code(rows: pl.DataFrame, name: str) -> pl.Series:
    ready = f"{CODE}{name}"
    return rows[ready] if ready in rows.columns else code_of(rows[name])


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
