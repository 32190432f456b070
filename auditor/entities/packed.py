"""Rows whose texts are numbers: filters, keys and joins then touch four bytes a value, whatever the text is."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

from auditor.entities.columns import alongside, picked, run_starts, where_true

PACKED = pl.Categorical()
"""The type of a packed column. Equal texts have equal numbers in all packed columns that live at one time.

Polars forgets the numbers with the last such column: whoever keeps numbers of texts must keep a `witness` too.
"""

_TEXT, _TEXTS = pl.String(), pl.List(pl.String())
_RUN, _SHORT, _FEW, _LOOKED_AT = 2, 8, 32, 10_000


def as_numbers(values: pl.Series) -> pl.Series:
    """The texts as numbers, each looked up in the table of all texts."""
    return values.cast(PACKED)


def packed(
    values: pl.Series,
    look_up: Callable[[pl.Series], pl.Series] = as_numbers,
    runs: tuple[pl.Series, pl.Series] | None = None,
) -> pl.Series:
    """The texts as numbers; where equal texts stand together, each run is looked up once.

    `runs` are the first of each run and the run of each text, where somebody knows them.
    """
    if values.dtype != pl.String or values.is_empty():
        return values.cast(PACKED) if values.dtype == pl.String else values
    if runs is None:
        first = values.head(_LOOKED_AT)
        beginning = first.rle_id()
        if not beginning[-1] and first[0] is not None and (values == first[0]).all(ignore_nulls=False):
            return look_up(first[:1]).new_from_index(0, values.len())
        # to look up few texts costs less than to find short runs of them
        short = _differ(beginning, _SHORT) and first.n_unique() <= _FEW
        if short or _differ(beginning) or _differ(found := values.rle_id()):
            return look_up(values)
        runs = where_true(run_starts(found)), found
    starts, own = runs
    return picked(look_up(picked(values, starts)), own)


def _differ(runs: pl.Series, length: int = _RUN) -> bool:
    """Whether runs are shorter than the length on average."""
    return (int(runs[-1]) + 1) * length > runs.len()


def read_packed(rows: pl.LazyFrame) -> pl.DataFrame:
    """The rows in memory, texts packed a piece at a time while they are read."""
    return rows.with_columns(pl.col(pl.String()).cast(PACKED)).collect(engine="streaming")


def witness() -> pl.Series:
    """A column without rows; while it lives a text keeps its number."""
    return pl.Series([], dtype=PACKED)


def texts(rows: pl.DataFrame, names: Iterable[str] | None = None) -> pl.DataFrame:
    """The rows with the packed columns among `names`, or all of them, as texts again."""
    wanted = rows.columns if names is None else set(names)
    return alongside(rows, *(column.cast(_TEXT) for column in rows if column.name in wanted and column.dtype == PACKED))


def of_their_own(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with texts of their own: one that was taken from a column keeps all that column's texts in memory."""
    own = [column + "" for column in rows if column.dtype == _TEXT]
    lists = [column.list.eval(pl.element() + "") for column in rows if column.dtype == _TEXTS]
    return alongside(rows, *own, *lists)
