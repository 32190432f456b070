"""Groups of rows as whole numbers: sorting, counting and joining them costs a fraction of what texts cost."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from auditor.entities.columns import fitted, flags, picked, run_starts, runs_of, uniform, where_true

_PACKED = pl.Categorical()
_FEW = 1_000_000
_LARGEST = 2**63 - 1
_MANY, _RUN = 10_000, 4
"""Of so many values it is looked whether equal ones stand together, so many in a run."""


def codes(values: pl.Series) -> pl.Series:
    """A whole number for each text, equal for equal ones and in their order; null for null."""
    if values.dtype not in {pl.String(), _PACKED}:
        return values.rank("dense").cast(pl.Int64) - 1
    first, own = places(values)
    distinct = picked(values, first).cast(pl.String())
    return picked(distinct.rank("dense").cast(pl.Int64) - 1, own)


def packed(values: pl.Series) -> pl.Series:
    """Texts as numbers that say nothing without this process; what is no text stays as it is."""
    return values.cast(_PACKED) if values.dtype == pl.String() else values


def places(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The row each different value comes first in, and which of them each row has; nulls equal each other.

    Where equal values stand together only one of each run is looked at.
    """
    keys = packed(values).to_physical() if values.dtype in {pl.String(), _PACKED} else values
    if not keys.dtype.is_integer():
        keys = keys.rank("dense")
    if keys.null_count():
        beyond = greatest(keys) + 1
        if beyond > _LARGEST:
            keys, beyond = keys.rank("dense"), 0
        wide = keys if keys.dtype == pl.UInt32() else fitted(keys, pl.Int64)
        keys = wide.fill_null(beyond)
    if keys.len() > _MANY and int(keys.head(_MANY).rle_id()[-1]) * _RUN < _MANY:
        starts, runs = runs_of(keys)
        first, own = _places(picked(keys, starts))
        return picked(starts, first), picked(own, runs)
    return _places(keys)


def _places(keys: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The same of whole numbers without nulls."""
    first = keys.arg_unique()
    numbers = pl.int_range(first.len(), dtype=pl.UInt32, eager=True)
    low, high = smallest(keys), greatest(keys)
    if high - low < 16 * keys.len() + _FEW:
        own = fitted(keys - low, pl.UInt32)
        looked_up = uniform(0, high - low + 1, pl.UInt32).scatter(picked(own, first), numbers)
        return first, picked(looked_up, own)
    known = pl.DataFrame({"key": picked(keys, first), "number": numbers})
    return first, keys.to_frame("key").join(known, on="key", how="left", maintain_order="left")["number"]


def dense(values: pl.Series) -> pl.Series:
    """A whole number for each value, below the count of different ones; null for null."""
    _, own = places(values)
    return pl.select(pl.when(values.is_not_null()).then(fitted(own, pl.Int64))).to_series()


def spread(found: pl.DataFrame, rows: pl.Series, *, height: int) -> pl.DataFrame:
    """What was found of some rows, a row for each of all; null where nothing was."""
    own = pl.int_range(rows.len(), dtype=pl.UInt32, eager=True)
    place = pl.Series([None], dtype=pl.UInt32).new_from_index(0, height).scatter(rows, own)
    return pl.DataFrame([picked(column, place) for column in found])


def greatest(values: pl.Series) -> int:
    """The greatest of whole numbers that are not negative; 0 when there is none."""
    found = values.max()
    return found if isinstance(found, int) else 0


def ids(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """A whole number for each row, not negative, equal for rows of one group; nulls are equal to each other."""
    found = uniform(0, frame.height, pl.Int64())
    for place, column in enumerate(frame[name] for name in columns):
        whole = column.dtype in {pl.String(), _PACKED} or column.dtype.is_integer()
        own = places(column)[1] if whole else column.rank("dense").fill_null(0)
        found = paired(found, fitted(own, pl.Int64)) if place else fitted(own, pl.Int64)
    return found


def own_numbers(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """The same, but of one packed column without nulls the number of each text, which need not be looked up."""
    if len(columns) == 1 and frame[columns[0]].dtype == _PACKED and not frame[columns[0]].null_count():
        return own_number(frame[columns[0]])
    return ids(frame, columns)


def own_number(values: pl.Series) -> pl.Series:
    """A whole number for each value, not negative, equal for equal ones; null for null."""
    return values.to_physical().cast(pl.Int64) if values.dtype == _PACKED else dense(values)


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


def keyed(groups: pl.Series) -> tuple[pl.Series, int]:
    """One number a row that sorts by group, then row, and how many rows a group could have."""
    groups, size = roomy(groups)
    return groups * size + pl.int_range(groups.len(), dtype=pl.Int64(), eager=True), size


def roomy(groups: pl.Series) -> tuple[pl.Series, int]:
    """The groups in their order as numbers that leave room for the number of a row, and for how many."""
    size = 1 << groups.len().bit_length()
    if greatest(groups) >= (1 << 62) // size:
        groups = groups.rank("dense").cast(pl.Int64)
    return groups, size


def repeated(groups: pl.Series) -> pl.Series:
    """Which rows share their group, a whole number, with others; rows of none share it with nobody."""
    if groups.is_sorted():
        return _runs(groups)[0]
    rows, _ = mates(groups)
    return flags(groups.len()).scatter(rows, True)


def mates(groups: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The rows that share their group, a whole number, with others: group by group, those of one in their order.

    Beside each the number of its group, which counts those groups from 0 on.
    """
    if groups.is_sorted():
        several, own = _runs(groups)
        return where_true(several).cast(pl.Int64), own
    low, size = smallest(groups), 1 << groups.len().bit_length()
    if greatest(groups) - low < (1 << 62) // size:
        # a group's rows are neighbours once sorted, and its number and the row's sort as one
        row = pl.int_range(groups.len(), dtype=pl.Int64, eager=True)
        keys = ((groups - low) * size + row).sort()
        several, own = _runs(keys // size)
        return keys.filter(several) % size, own
    # few rows share so much of a hash with others
    rows = mates((groups.hash() % ((1 << 62) // size)).cast(pl.Int64))[0].sort()
    rows = rows.filter(picked(groups, rows).is_not_null())
    placed = pl.DataFrame({"group": picked(groups, rows), "row": rows}).sort("group", "row")
    several, own = _runs(placed["group"])
    return placed["row"].filter(several), own


def _runs(groups: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Which rows, sorted by group, share theirs with others, and the number of the group of each of these."""
    as_before = ~run_starts(groups)
    several = as_before | pl.concat([as_before[1:], flags(min(1, groups.len()))], rechunk=True)
    return several, (~as_before.filter(several)).cast(pl.Int64).cum_sum() - 1
