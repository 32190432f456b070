from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from auditor.model.window import Window, instant, iso

JANUARY = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))

moments = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds of hypothesis are naive
lengths = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=400))
windows = st.builds(lambda start, length: Window(start, start + length), moments, lengths)


def test_start_is_included():
    assert JANUARY.contains(JANUARY.start)


def test_end_is_excluded():
    assert not JANUARY.contains(JANUARY.end)


def test_times_are_kept_in_utc():
    oslo = timezone(timedelta(hours=2))
    window = Window(datetime(2026, 1, 1, 2, tzinfo=oslo), datetime(2026, 1, 1, 4, tzinfo=oslo))
    assert window.start.isoformat() == "2026-01-01T00:00:00+00:00"


def test_a_time_without_zone_is_refused():
    with pytest.raises(ValueError, match="the end of a window needs a time zone"):
        Window(JANUARY.start, datetime(2026, 2, 1))  # noqa: DTZ001 - the mistake under test


def test_an_empty_window_is_refused():
    with pytest.raises(ValueError, match="must end after it starts"):
        Window(JANUARY.start, JANUARY.start)


@given(windows, lengths)
def test_split_covers_exactly(window, longest):
    assume(window.length / longest < 1000)
    parts = window.split(longest)
    assert parts[0].start == window.start
    assert parts[-1].end == window.end
    assert all(before.end == after.start for before, after in pairwise(parts))
    assert all(part.length <= longest for part in parts)


def test_split_into_nothing_is_refused():
    with pytest.raises(ValueError, match="longer than nothing"):
        JANUARY.split(timedelta())


@given(windows, windows)
def test_overlap_is_the_existence_of_an_intersection(one, other):
    assert one.overlaps(other) == (one.intersect(other) is not None) == other.overlaps(one)


@given(windows, windows, moments)
def test_intersection_holds_what_both_hold(one, other, moment):
    both = one.intersect(other)
    assert (both is not None and both.contains(moment)) == (one.contains(moment) and other.contains(moment))


def test_windows_that_touch_do_not_overlap():
    assert not JANUARY.overlaps(Window(JANUARY.end, JANUARY.end + timedelta(days=1)))


@given(windows)
def test_iso_text_round_trips(window):
    assert (instant(iso(window.start)), instant(iso(window.end))) == (window.start, window.end)


@given(at=st.datetimes(timezones=st.timezones()))
def test_iso_text_is_that_of_the_clock_in_utc_with_four_digits_of_the_year(at):
    try:
        plain = at.astimezone(UTC)
    except OverflowError:
        return
    assert iso(at) == f"{plain.year:04}-{plain:%m-%dT%H:%M:%S.%fZ}"
    assert instant(iso(at)) == plain


def test_a_time_without_offset_is_utc():
    assert instant("2026-01-05 10:00") == datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-01-05T25:00"])
def test_text_that_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="is no ISO 8601 time"):
        instant(text)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-Q1", "2026-01-01", "2026-04-01"),
        ("2026-Q4", "2026-10-01", "2027-01-01"),
        ("2026-09", "2026-09-01", "2026-10-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2026-W01", "2025-12-29", "2026-01-05"),
        ("2026-W38", "2026-09-14", "2026-09-21"),
        ("2026-09-14", "2026-09-14", "2026-09-15"),
        (" 2028-02-29 ", "2028-02-29", "2028-03-01"),
    ],
)
def test_period_is_the_calendar_span(text, start, end):
    window = Window.period(text)
    assert (window.start.date().isoformat(), window.end.date().isoformat()) == (start, end)


def test_period_starts_at_midnight_of_the_zone():
    window = Window.period("2026-07", zone="Europe/Oslo")
    assert (iso(window.start), iso(window.end)) == ("2026-06-30T22:00:00.000000Z", "2026-07-31T22:00:00.000000Z")


def test_a_day_of_summer_time_has_23_hours():
    assert Window.period("2026-03-29", zone="Europe/Oslo").length == timedelta(hours=23)


@pytest.mark.parametrize("text", ["", "26", "2026-Q5", "2026-13", "2026-W54", "2026-02-30", "2026-00", "0000"])
def test_text_that_is_no_period_is_refused(text):
    with pytest.raises(ValueError, match="is no period; write 2026, 2026-Q3"):
        Window.period(text)


@given(st.integers(min_value=1990, max_value=2090))
def test_quarters_and_months_make_up_the_year(year):
    whole = Window.period(str(year))
    quarters = [Window.period(f"{year}-Q{number}") for number in (1, 2, 3, 4)]
    months = [Window.period(f"{year}-{number:02}") for number in range(1, 13)]
    for parts in (quarters, months):
        assert (parts[0].start, parts[-1].end) == (whole.start, whole.end)
        assert all(before.end == after.start for before, after in pairwise(parts))


@pytest.mark.parametrize("text", ["0001-01-01T00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_moment_utc_has_no_year_for_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="outside the years 1 to 9999"):
        instant(text)
