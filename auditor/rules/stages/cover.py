"""Intervals of many groups at once: how much each adds to the union, how many there are at one moment."""

from __future__ import annotations

import polars as pl

from auditor.entities.groups import repeated
from auditor.rules.rows.keys import KEY, highest, lowest
from auditor.tables.schema import COUNT, SPAN

_BITS = 62
_ROW, _START, _END, _GROUP = "__row", "__start", "__end", "__group"


def newly_covered(rows: pl.DataFrame, start: pl.Expr, end: pl.Expr) -> pl.Series:
    """For each row the time its interval covers that no interval of its group, the rows of one `KEY`, before it does.

    Intervals go by their start; their sum over a group is the length of the union. Null where an end is
    missing. All groups are walked at once: a multiple of the number of its group is added to an end, so
    that one running maximum serves all of them.
    """
    flags = start.is_not_null() & end.is_not_null()
    every = rows.select(
        pl.int_range(pl.len()).alias(_ROW), start.alias(_START), end.alias(_END), pl.col(KEY).alias(_GROUP), flags=flags
    )
    # most groups have one row, which covers all it has
    alone = every.select(
        pl.when("flags").then((pl.col(_END) - pl.col(_START)).cast(COUNT).clip(lower_bound=0)).cast(SPAN)
    ).to_series()
    several = every.filter(pl.col("flags") & repeated(every[_GROUP])).drop("flags")
    added = _added(several)
    return alone.scatter(added[_ROW], added["__added"])


def _added(rows: pl.DataFrame) -> pl.DataFrame:
    """For each `_ROW`, all of whose intervals have both ends, what it adds to those of its group before it."""
    whole = rows if _in_order(rows) else rows.sort(_GROUP, _START)
    low, top = lowest(whole[_END].to_physical()), highest(whole[_END].to_physical())
    size = 1 << (top - low).bit_length()
    runs = whole[_GROUP].rle_id().cast(COUNT)
    before: pl.Expr | pl.Series = pl.col(_END).cast(COUNT).cum_max().over(_GROUP).shift(1)
    if highest(runs).bit_length() + size.bit_length() < _BITS:
        before = (runs * size + (whole[_END].to_physical() - low)).cum_max().shift(1) - (runs * size - low)
    first = runs != runs.shift(1)
    return whole.select(
        _ROW,
        (pl.col(_END).cast(COUNT) - pl.max_horizontal(pl.col(_START).cast(COUNT), pl.when(~first).then(before)))
        .clip(lower_bound=0)
        .cast(SPAN)
        .alias("__added"),
    )


def _in_order(rows: pl.DataFrame) -> bool:
    """Whether the rows stand by group and start."""
    back = (pl.col(_START) < pl.col(_START).shift(1)) & (pl.col(_GROUP) == pl.col(_GROUP).shift(1))
    return rows[_GROUP].is_sorted() and not rows.select(back.any()).item()


def most_at_once(rows: pl.DataFrame, start: pl.Expr, end: pl.Expr, *, name: str) -> pl.DataFrame:
    """For each `KEY` with an interval the most intervals at one moment, as `name`; they are half-open.

    Rows without an end are passed over.
    """
    flags = start.is_not_null() & end.is_not_null()
    whole = rows.select(KEY, start.cast(COUNT).alias(_START), end.cast(COUNT).alias(_END), flags.alias("__whole"))
    whole = whole.filter("__whole").drop("__whole")
    lasting = whole.filter(pl.col(_START) < pl.col(_END))
    edges = _edges(lasting)
    # every group ends at nothing, so one running sum serves all of them
    step = pl.when(pl.col(_START) % 2 == 1).then(1).otherwise(-1)
    running = edges.select(pl.col(KEY).set_sorted(), step.cum_sum().alias(name))
    most = running.group_by(KEY).agg(pl.col(name).max().cast(COUNT))
    none = whole.select(pl.col(KEY).unique()).join(most, on=KEY, how="left")
    return none.with_columns(pl.col(name).fill_null(0))


def _edges(rows: pl.DataFrame) -> pl.DataFrame:
    """When intervals start, an odd number, and end, an even one, by `KEY` and time; ends before starts of a moment."""
    keys, starts, ends = rows[KEY], rows[_START] * 2 + 1, rows[_END] * 2
    low, first = lowest(keys), lowest(starts) // 2 * 2
    size = 1 << (highest(ends) - first).bit_length()
    if (highest(keys) - low).bit_length() + size.bit_length() > _BITS:
        return pl.DataFrame({KEY: pl.concat([keys, keys]), _START: pl.concat([starts, ends])}).sort(KEY, _START)
    # one number sorts in a fraction of the time
    group = (keys - low) * size - first
    both = pl.concat([group + starts, group + ends]).sort()
    return pl.DataFrame([(both // size + low).alias(KEY), both.alias(_START)])
