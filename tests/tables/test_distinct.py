"""Facts made once for a value are those made for every row."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

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


def test_what_one_thread_forgets_another_still_has() -> None:
    begun, go = Event(), Event()

    def length(text: str) -> int:
        if text == "waits":
            begun.set()
            go.wait(20)
        return len(text)

    mapping = mapped(pl.col("text"), length, pl.Int64())
    with ThreadPoolExecutor(1) as other:
        told = other.submit(pl.DataFrame({"text": ["first", "waits"]}).select, mapping)
        begun.wait(20)
        pl.select(text=pl.int_range(500_001).cast(pl.String)).select(mapping)
        assert pl.DataFrame({"text": ["more than is remembered"]}).select(mapping).item() == 23
        go.set()
        assert told.result().to_series().to_list() == [5, 5]
