"""How values read in a subject or a message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.rules.judging.render import filled, rendered, worded
from auditor.rules.language.spec import Field, Template
from auditor.rules.language.tree import Type

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENT = datetime(2026, 1, 5, 10, 0, 30, 999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (None, "", "—"),
        (None, ".1f", "—"),
        (True, "", "yes"),
        (False, "", "no"),
        (MOMENT, "", "2026-01-05 10:00:30Z"),
        (MOMENT, "date", "2026-01-05"),
        (MOMENT, "time", "10:00:30Z"),
        (MOMENT, "minute", "2026-01-05 10:00Z"),
        (MOMENT.astimezone(timezone(timedelta(hours=2))), "minute", "2026-01-05 10:00Z"),
        (timedelta(hours=1, minutes=5, seconds=30), "", "1 h 5 min 30 s"),
        (timedelta(days=2), "", "48 h"),
        (timedelta(), "", "0 s"),
        (timedelta(seconds=0.5), "", "0.5 s"),
        (timedelta(minutes=1, microseconds=1), "", "1 min 0.000001 s"),
        (-timedelta(minutes=2), "", "−2 min"),
        (timedelta(seconds=100), "", "1 min 40 s"),
        (timedelta(seconds=90), "s", "90.0"),
        (timedelta(seconds=90), "m", "1.5"),
        (timedelta(minutes=45), "h", "0.8"),
        (-timedelta(minutes=90), "h", "−1.5"),
        (-timedelta(seconds=1), "h", "0.0"),
        (5, "", "5"),
        (1234567, "", "1234567"),
        (5.0, "", "5"),
        (-0.0, "", "0"),
        (2 / 3, "", "0.666667"),
        (1234567.8, "", "1234570"),
        (100000.0, "", "100000"),
        (0.00001234, "", "0.00001234"),
        (1e300, "", "1e+300"),
        (2.345, ".1f", "2.3"),
        (-0.01, ".1f", "0.0"),
        (3, ".0f", "3"),
        (2.5, ".0f", "3"),
        (-2.5, ".0f", "-3"),
        (0.125, ".2f", "0.13"),
        (0.005, ".0%", "1%"),
        (-0.004, ".0%", "0%"),
        (1e300, ".1f", "1" + "0" * 300 + ".0"),
        (1234567, ",", "1,234,567"),
        (1234567.5, ",", "1,234,567.5"),
        (0.123, ".0%", "12%"),
        (0.123, ".1%", "12.3%"),
        (["a", "b"], "", "a, b"),
        ([], "", ""),
        ([str(n) for n in range(13)], "", "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … and 3 more"),
        (datetime(33, 4, 3, 10, tzinfo=UTC), "", "0033-04-03 10:00:00Z"),
        ("{x}", "", "{x}"),
        ("a\nb\u202ec\u2067", "", "a\ufffdb\ufffdc\ufffd"),
        ("x" * 200, "", "x" * 200),
        ("x" * 201, "", "x" * 200 + "…"),
        (["a\nb"], "", "a\ufffdb"),
    ],
)
def test_a_value_reads_as_the_language_says(value, spec, text):
    assert rendered(value, spec) == text


def test_filling_is_one_pass():
    template = Template("", ("{", Field("a", Type.TEXT, ""), "} ", Field("param.n", Type.INTEGER, ",")))
    rows = pl.DataFrame({"a": ["{param.n}", None]})
    assert filled(template, rows, {"param.n": 1000}) == ["{{param.n}} 1,000", "{—} 1,000"]
    assert filled(Template("", ()), rows, {}) == ["", ""]


@given(
    st.lists(
        st.one_of(st.none(), st.integers(-(6 * 10**16), 10**16).map(lambda us: EPOCH + timedelta(microseconds=us)))
    ),
    st.sampled_from(["", "date", "minute"]),
)
def test_a_column_of_moments_reads_like_each_of_them(moments, spec):
    column = pl.Series(moments, dtype=pl.Datetime("us", "UTC"))
    assert worded(column, spec) == [rendered(moment, spec) for moment in moments]


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.just(0.0), st.just(-0.0))))
def test_a_column_of_numbers_reads_like_each_of_them(numbers):
    assert worded(pl.Series(numbers, dtype=pl.Float64)) == [rendered(number) for number in numbers]


@given(st.text(), st.integers(-(10**12), 10**12))
def test_nothing_that_steers_a_terminal_comes_through(text, microseconds):
    shown = rendered(text) + rendered(timedelta(microseconds=microseconds))
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char in "\u202e\u2066\u200f" for char in shown)
    assert len(rendered(text)) <= 201


@given(st.lists(st.one_of(st.none(), st.text(max_size=8), st.just("x" * 201), st.just("a\u202eb"))))
def test_a_column_of_texts_reads_like_each_of_them(texts):
    column = pl.Series([text and text.encode("utf-8", "ignore").decode() for text in texts], dtype=pl.String)
    assert worded(column) == [rendered(text) for text in column]
