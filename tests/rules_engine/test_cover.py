"""The most intervals at one moment are those counted one by one, however far apart the numbers of groups are."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.rules.rows.keys import KEY
from auditor.rules.stages.cover import most_at_once

TIME = st.none() | st.integers(-6, 6)
ROWS = st.lists(st.tuples(st.integers(0, 3), TIME, TIME), max_size=12)


def counted(rows):
    """The most at one moment by group, of those that have an interval."""
    whole = [(key, start, end) for key, start, end in rows if start is not None and end is not None]
    return {
        key: max(sum(one == key and start <= moment < end for one, start, end in whole) for moment in range(-6, 6))
        for key, _, _ in whole
    }


@pytest.mark.parametrize("apart", [1, 2**59])
@given(rows=ROWS)
def test_the_most_at_one_moment_is_counted(apart, rows):
    frame = pl.DataFrame(rows, schema={KEY: pl.Int64, "start": pl.Int64, "end": pl.Int64}, orient="row")
    frame = frame.with_columns(pl.col(KEY) * apart)
    found = most_at_once(frame, pl.col("start"), pl.col("end"), name="most")
    assert {key // apart: most for key, most in found.select(KEY, "most").iter_rows()} == counted(rows)
