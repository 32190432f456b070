"""Facts made once for a value are those made for every row."""

from __future__ import annotations

import polars as pl
import pytest

from auditor.tables.distinct import mapped, of_distinct

CONSTANT = pl.lit(None, dtype=pl.Boolean)
TEXT = pl.col("value").str.to_uppercase()


@pytest.mark.parametrize("texts", [[], [None], ["a", "b"], ["a"] * 5 + [None] * 3 + ["b", "a"]])
@pytest.mark.parametrize("value", [CONSTANT, TEXT], ids=["constant", "text"])
def test_one_value_a_row_whatever_is_made(texts, value):
    column = pl.Series("email", texts, dtype=pl.String)
    made = of_distinct(column, [value.alias("fact")])
    rows = column.to_frame("value").with_columns(value.alias("fact"))
    assert made.struct.field("fact").to_list() == rows["fact"].to_list()


def test_more_values_than_are_remembered_are_mapped_by_several_threads() -> None:
    texts = pl.select(text=pl.int_range(1_200_000).cast(pl.String)).to_series()
    parts = pl.concat([texts.slice(start, 100_000).to_frame() for start in range(0, len(texts), 100_000)])
    made = parts.lazy().select(mapped(pl.col("text"), len, pl.Int64())).collect(engine="streaming").to_series()
    assert made.equals(texts.str.len_bytes().cast(pl.Int64))
