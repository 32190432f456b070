"""Small readings shared by all files of a user."""

from __future__ import annotations

from datetime import timedelta

import pytest

from auditor.settings.fields import duration


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("1h30m", timedelta(minutes=90)),
        ("1w2d", timedelta(days=9)),
        ("5ms", timedelta(milliseconds=5)),
        ("7us", timedelta(microseconds=7)),
        ("0s", timedelta()),
    ],
)
def test_durations(text: str, span: timedelta) -> None:
    assert duration(text) == span


@pytest.mark.parametrize("text", ["", "5", "m", "30m1h", "-5m", "1.5h", "5 m", "999999999999w"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        duration(text)
