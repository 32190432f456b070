"""Windows of whole days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from auditor.rules.compiled.temporal import window_start
from auditor.tables.schema import TIME

MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware


@given(st.lists(MOMENTS | st.none(), max_size=20), st.integers(2, 100))
def test_windows_of_days_are_counted_from_a_monday(moments, days):
    length = timedelta(days=days)
    found = pl.DataFrame({"time": pl.Series(moments, dtype=TIME)}).select(window_start(pl.col("time"), length))["time"]
    assert found.dtype == TIME
    expected = [None if moment is None else MONDAY + (moment - MONDAY) // length * length for moment in moments]
    assert found.to_list() == expected
