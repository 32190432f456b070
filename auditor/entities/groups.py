"""Groups of rows as whole numbers: sorting, counting and joining them costs a fraction of what texts cost."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def codes(values: pl.Series) -> pl.Series:
    """A whole number for each text, equal for equal ones and in their order; null for null."""
    if values.dtype != pl.String():
        return values.rank("dense").cast(pl.Int64) - 1
    distinct = values.unique().drop_nulls().sort()
    return values.cast(pl.Enum(distinct)).to_physical().cast(pl.Int64)


def greatest(values: pl.Series) -> int:
    """The greatest of whole numbers that are not negative; 0 when there is none."""
    found = values.max()
    return found if isinstance(found, int) else 0


def ids(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """A whole number for each row, not negative, equal for rows of one group; nulls are equal to each other."""
    packed = pl.Series([0]).new_from_index(0, frame.height)
    for name in columns:
        column = frame[name]
        if column.dtype == pl.String():
            column = column.cast(pl.Categorical).to_physical().cast(pl.Int64)
        elif not column.dtype.is_integer() or smallest(column) < 0:
            column = column.rank("dense").cast(pl.Int64)
        column = column.cast(pl.Int64).fill_null(-1) + 1
        packed = paired(packed, column)
    return packed


def smallest(values: pl.Series) -> int:
    """The smallest of whole numbers; 0 when there is none."""
    found = values.min()
    return found if isinstance(found, int) else 0


def paired(one: pl.Series, other: pl.Series) -> pl.Series:
    """A whole number for each row, equal where both of two are; none of them is negative."""
    size = greatest(other) + 1
    if greatest(one) > (1 << 62) // size:
        one = one.rank("dense").cast(pl.Int64)
    return one * size + other


def numbers(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """The place of the first row of each row's group, in `frame` as it is ordered; nulls are equal to each other."""
    return first_places(ids(frame, columns))


def first_places(groups: pl.Series) -> pl.Series:
    """For each row the place of the first row of its group."""
    # the range is a column before `over`, which would count it within each group
    placed = groups.to_frame("group").with_columns(place=pl.int_range(pl.len(), dtype=pl.Int64))
    return placed.select(pl.col("place").min().over("group")).to_series()


def by_group(*columns: str, size: int) -> pl.Expr:
    """One number to sort rows by, from columns of whole numbers below `size`, the first one counting most."""
    packed = pl.col(columns[0])
    for name in columns[1:]:
        packed = packed * size + pl.col(name)
    return packed
