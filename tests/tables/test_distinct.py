"""Facts made once for a value are those made for every row."""

from __future__ import annotations

import polars as pl
import pytest

from auditor.tables.distinct import of_distinct

CONSTANT = pl.lit(None, dtype=pl.Boolean)
TEXT = pl.col("value").str.to_uppercase()


@pytest.mark.parametrize("texts", [[], [None], ["a", "b"], ["a"] * 5 + [None] * 3 + ["b", "a"]])
@pytest.mark.parametrize("value", [CONSTANT, TEXT], ids=["constant", "text"])
def test_one_value_a_row_whatever_is_made(texts, value):
    column = pl.Series("email", texts, dtype=pl.String)
    made = of_distinct(column, [value.alias("fact")])
    rows = column.to_frame("value").with_columns(value.alias("fact"))
    assert made.struct.field("fact").to_list() == rows["fact"].to_list()
