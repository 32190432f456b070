"""Columns computed in Python, once for each distinct value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import polars as pl

from auditor.entities.columns import picked, runs_of

In = TypeVar("In")
Out = TypeVar("Out")

_REMEMBERED = 500_000


def mapped(column: pl.Expr, function: Callable[[In], Out], dtype: pl.DataType) -> pl.Expr:
    """`function` of each value; null stays null.

    The function sees each distinct value of a batch, not each row, and usually each value of the whole run
    only once: results are remembered. Polars may hand batches to several threads at a time.
    """
    remembered: dict[In, Out] = {}

    def batch(series: pl.Series) -> pl.Series:
        nonlocal remembered
        distinct = series.unique(maintain_order=True).drop_nulls()
        values: list[In] = distinct.to_list()
        if len(remembered) > _REMEMBERED:
            remembered = {}  # another thread may still look into the one before
        known = remembered
        for value in values:
            if value not in known:
                known[value] = function(value)
        results = pl.Series([known[value] for value in values], dtype=dtype)
        if not values:
            return pl.Series(series.name, [None], dtype=dtype).new_from_index(0, len(series))
        if distinct.len() == series.len():
            return results.alias(series.name)
        return series.replace_strict(distinct, results, default=None, return_dtype=dtype)

    return column.map_batches(batch, return_dtype=dtype, is_elementwise=True)


def of_distinct(column: pl.Series, values: Sequence[pl.Expr]) -> pl.Series:
    """A struct of expressions of the column `value`, computed once for each distinct text."""
    if column.is_empty():
        return column.to_frame("value").select("value", made=pl.struct(values))["made"]
    # equal texts often stand together
    starts, runs = runs_of(column)
    once = picked(column, starts) if 2 * starts.len() < column.len() else column
    codes = once.cast(pl.Categorical).to_physical()
    known = pl.DataFrame({"code": codes, "value": once}).unique("code", keep="first", maintain_order=True)
    # beside the value, so that expressions of no column are as long as it
    found = known.select("value", made=pl.struct(values))["made"]
    places = pl.DataFrame({"code": known["code"], "place": pl.int_range(known.height, dtype=pl.UInt32, eager=True)})
    place = pl.DataFrame({"code": codes}).join(places, on="code", how="left", nulls_equal=True, maintain_order="left")
    made = picked(found, place["place"])
    return made if once is column else picked(made, runs)
