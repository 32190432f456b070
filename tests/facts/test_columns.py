"""Steps on columns without a query give what the query gives."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.entities.columns import (
    INDEX,
    alongside,
    coalesced,
    filtered,
    fitted,
    flags,
    picked,
    rows_at,
    run_starts,
    runs_of,
    uniform,
    where_true,
    without,
)

VALUES = st.lists(st.none() | st.integers(-3, 3), max_size=9)
KINDS = (pl.Int64, pl.Int8, pl.String, pl.Categorical)


def of_kind(values: list[int | None], kind) -> pl.Series:
    series = pl.Series("x", values, dtype=pl.Int64)
    return series.cast(pl.String).cast(kind) if kind == pl.Categorical else series.cast(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("of_place", [pl.UInt32, pl.Int64])
@given(st.data())
def test_values_are_picked_as_gathered(kind, of_place, data) -> None:
    values = of_kind(data.draw(VALUES), kind)
    every = st.none() | st.integers(0, values.len() - 1) if values.len() else st.none()
    places = pl.Series(data.draw(st.lists(every, max_size=9)), dtype=of_place)
    found = values.gather(places)
    assert picked(values, places).equals(found, check_dtypes=True, check_names=True)
    assert rows_at(values.to_frame(), places).equals(found.to_frame())


@pytest.mark.parametrize("place", [-1, 3])
def test_no_place_is_outside(place) -> None:
    with pytest.raises(pl.exceptions.OutOfBoundsError):
        picked(pl.Series([1, 2, 3]), pl.Series([0, place]))


@pytest.mark.parametrize("kind", KINDS)
@given(VALUES)
def test_runs_start_where_values_change(kind, values) -> None:
    series = of_kind(values, kind)
    assert run_starts(series).to_list() == [
        place == 0 or value is None or values[place - 1] is None or value != values[place - 1]
        for place, value in enumerate(values)
    ]
    first, runs = runs_of(series)
    assert [values[place] for place in first] == [run for place, run in enumerate(values) if place in first.to_list()]
    assert [values[first[run]] for run in runs] == values
    assert runs.equals(series.rle_id())


@given(st.lists(st.none() | st.booleans(), max_size=9))
def test_places_of_a_mask_are_where_it_is_true(values) -> None:
    mask = pl.Series("x", values, dtype=pl.Boolean)
    assert where_true(mask).equals(mask.arg_true())
    assert where_true(mask).dtype == INDEX


@pytest.mark.parametrize(("kind", "other"), [(pl.UInt32, pl.Int64), (pl.Int64, pl.Int32), (pl.Boolean, pl.Int64)])
@given(values=st.lists(st.none() | st.integers(0, 1), max_size=9))
def test_numbers_that_fit_are_what_cast_gives(values, kind, other) -> None:
    numbers = pl.Series("x", values, dtype=pl.Int64).cast(kind)
    assert fitted(numbers, other).equals(numbers.cast(other), check_dtypes=True, check_names=True)


@given(VALUES)
def test_where_there_is_no_value_another_is_put(values) -> None:
    series = pl.Series("x", values, dtype=pl.Int64)
    assert coalesced(series, 7).equals(series.fill_null(7), check_names=True)


@pytest.mark.parametrize("value", [True, None, 3, "a", 1.5])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_value_so_many_times_can_be_changed_in_places(value, count) -> None:
    dtype = pl.Series([value]).dtype if value is not None else pl.Categorical()
    found = uniform(value, count, dtype)
    assert (found.dtype, found.to_list()) == (dtype, [value] * count)
    assert flags(count, value=True).to_list() == [True] * count
    changed = uniform(0, 5, pl.Int64()).scatter(pl.Series([1, 3]), pl.Series([5, -2]))
    assert changed.sort().to_list() == [-2, 0, 0, 0, 5]


@given(st.lists(st.tuples(st.integers(0, 3), st.none() | st.booleans()), max_size=6))
def test_frames_lose_and_gain_rows_and_columns(rows) -> None:
    frame = pl.DataFrame(rows, schema={"a": pl.Int64, "b": pl.Boolean}, orient="row")
    assert filtered(frame, frame["b"]).equals(frame.filter(frame["b"]))
    new = pl.Series("c", range(frame.height), dtype=pl.Int64)
    assert alongside(frame, new, new.alias("a")).equals(frame.with_columns(new, new.alias("a")))
    assert without(frame, "a", "gone").equals(frame.drop("a"))
    nothing = without(frame, "a", "b")
    assert (nothing.height, nothing.width) == (frame.height, 0)
    assert nothing.hstack([new])["c"].equals(new)
