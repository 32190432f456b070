"""The order rows are judged in: time, then lineage."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from auditor.entities.columns import INDEX, flags, picked, rows_at, where_true
from auditor.model.window import Window
from auditor.rules.rows.keys import code_of, numbered
from auditor.tables.schema import COUNT, LINEAGE, TABLES, TEXT

AT = "__at"
"""The moment that places a row: its own time, else that of its meeting."""

PLACE = "__place"
"""The place of a row among those of its table by time and lineage, or of its run where rows stand in runs."""

_SECOND = 1_000_000
_BITS = 63


def inside(rows: pl.DataFrame, window: Window) -> pl.DataFrame:
    """The rows in the window."""
    return rows.filter((pl.col(AT) >= window.start) & (pl.col(AT) < window.end))


def places_of(rows: pl.DataFrame, time: str | None) -> pl.Series:
    """`PLACE` of each row."""
    moment, page, item = (rows[name] for name in order(time))
    ticks = moment.to_physical()
    if not (ticks % _SECOND != 0).any():
        ticks = ticks // _SECOND
    pages = _ranks(page)
    place = _packed([ticks, pages, item])
    if place is None:
        keys = pl.DataFrame([ticks.alias("0"), pages.alias("1"), item.alias("2")])
        ordered = keys.select(pl.arg_sort_by("0", "1", "2", nulls_last=True, maintain_order=True)).to_series()
        places = pl.DataFrame({"row": ordered, PLACE: pl.int_range(rows.height, eager=True)})
        place = places.sort("row")[PLACE]
    return place.alias(PLACE)


def _ranks(page: pl.Series) -> pl.Series:
    """The rank of each row's page; pages are long texts, of which there are few, and only those are compared."""
    first, places = numbered(code_of(page))
    return picked(picked(page, first).cast(TEXT).rank("dense").cast(COUNT), places)


def _packed(columns: list[pl.Series]) -> pl.Series | None:
    """One number a row in the order of the columns, nulls last; None where they are too large for that."""
    frame = pl.DataFrame([column.alias(str(number)) for number, column in enumerate(columns)])
    packed, bits = pl.lit(0, dtype=COUNT), 0
    for number, column in enumerate(columns):
        low, high = column.min(), column.max()
        if not isinstance(low, int) or not isinstance(high, int):
            continue
        width = (high - low + 1).bit_length()
        packed = packed * (1 << width) + (pl.col(str(number)) - low).fill_null(high - low + 1)
        bits += width
    return frame.select(packed).to_series() if bits <= _BITS and frame.height else None


def in_runs(
    rows: pl.DataFrame, time: str | None, runs: pl.Series, brought: pl.Series | None = None
) -> pl.Series | None:
    """The places of the rows with those of each run in order; None where they stand so already.

    The rows stand in runs, or do where those at the places are `brought`. Only rows of runs that are not in order yet
    are compared.
    """
    keys = rows.select(order(time))
    late = runs.filter(_goes_back(keys if brought is None else rows_at(keys, brought), time, runs))
    if late.is_empty():
        return brought
    mixed = where_true(picked(flags(int(runs[-1]) + 1).scatter(late, True), runs))
    own = mixed if brought is None else picked(brought, mixed)
    both = pl.DataFrame([picked(runs, mixed).alias("run"), places_of(rows_at(keys, own), time)])
    sorted_own = picked(own, both.select(pl.arg_sort_by("run", PLACE, maintain_order=True)).to_series())
    every = pl.int_range(rows.height, dtype=INDEX, eager=True) if brought is None else brought
    return every.scatter(mixed, sorted_own)


def _goes_back(rows: pl.DataFrame, time: str | None, runs: pl.Series) -> pl.Series:
    """Which rows are before the row above them in their run; lineage is compared where the moments are the same."""
    moment, page, item = (rows[name] for name in order(time))
    inside = runs[1:] == runs[:-1]
    if any(column.null_count() for column in (moment, page, item)):
        places = places_of(rows, time)
        return _after_first((places[1:] < places[:-1]) & inside, rows.height)
    ticks = moment.to_physical()
    back = (ticks[1:] < ticks[:-1]) & inside
    above = where_true((ticks[1:] == ticks[:-1]) & inside)
    if not above.is_empty():
        below = above + 1
        pages, items = [(picked(column, above), picked(column, below)) for column in (page, item)]
        same = pages[0] == pages[1]
        other = where_true(~same)
        worse = same & (items[1] < items[0])
        worse = worse.scatter(other, picked(pages[1], other).cast(TEXT) < picked(pages[0], other).cast(TEXT))
        back = back.scatter(above.filter(worse), True)
    return _after_first(back, rows.height)


def _after_first(back: pl.Series, height: int) -> pl.Series:
    return pl.concat([flags(min(1, height)), back], rechunk=True)


def in_order(rows: pl.DataFrame, columns: Sequence[str]) -> bool:
    """Whether the rows stand in the order of the columns already, as far as that is cheap to see."""
    return len(columns) == 1 and columns[0] == PLACE and rows[PLACE].is_sorted()


def order(time: str | None, rows: pl.DataFrame | None = None, *, table: str = "") -> tuple[str, ...]:
    """The columns rows are ordered by: time, then lineage; `PLACE` alone where the rows have it for that time."""
    if rows is not None and PLACE in rows.columns and TABLES[table].time == time:
        return (PLACE,)
    return (time or AT, *LINEAGE)
