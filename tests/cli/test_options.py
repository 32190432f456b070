"""Options that several verbs share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
import pytest

from auditor.cli.options import asked_window, outputs, overrides
from auditor.model.window import Window

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
NOTHING = {"period": None, "since": None, "until": None, "days": None, "timezone": None, "now": NOW}
HERE = click.Context(click.Command("x"))
OPTION = click.Option(["--x"])


@pytest.mark.parametrize(
    ("asked", "window"),
    [
        ({}, None),
        ({"period": "2026-09"}, Window.period("2026-09")),
        ({"period": "2026-09", "timezone": "Europe/Berlin"}, Window.period("2026-09", zone="Europe/Berlin")),
        ({"days": 2}, Window(datetime(2026, 11, 18, 6, tzinfo=UTC), NOW)),
        (
            {"since": datetime(2026, 9, 1, tzinfo=UTC), "until": datetime(2026, 9, 2, tzinfo=UTC)},
            Window.period("2026-09-01"),
        ),
        ({"since": datetime(2026, 9, 1, tzinfo=UTC)}, Window(datetime(2026, 9, 1, tzinfo=UTC), NOW)),
    ],
)
def test_the_ways_to_ask_for_a_window(asked: Any, window: Any) -> None:
    assert asked_window(**{**NOTHING, **asked}) == window


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"period": "2026-09", "days": 3}, "exclude each other"),
        ({"since": NOW, "days": 3}, "exclude each other"),
        ({"until": NOW}, "--to needs --from"),
        ({"since": NOW, "until": NOW}, "end after it starts"),
        ({"since": datetime(2027, 1, 1, tzinfo=UTC)}, "end after it starts"),
        ({"period": "September"}, "is no period"),
        ({"period": "2026-13"}, "is no period"),
        ({"period": "9999"}, "is no period|range|out of"),
    ],
)
def test_what_is_no_window_says_so(asked: Any, message: Any) -> None:
    with pytest.raises(click.UsageError, match=message):
        asked_window(**{**NOTHING, **asked})


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["IDN-002.min_overlap=5m"], (("IDN-002", "min_overlap", "5m"),)),
        (["A.x=1,B.y=2"], (("A", "x", "1"), ("B", "y", "2"))),
        (["ACC-001.markers=board,secret,B.y=2"], (("ACC-001", "markers", "board,secret"), ("B", "y", "2"))),
        (["shared-ip.pattern=a=b"], (("shared-ip", "pattern", "a=b"),)),
        (["A.x="], (("A", "x", ""),)),
    ],
)
def test_a_comma_divides_settings_only_where_another_begins(values: Any, found: Any) -> None:
    assert overrides(HERE, OPTION, values) == found


@pytest.mark.parametrize("value", ["A", "A.x", "A=x", ".x=1", "A.X=1"])
def test_what_is_no_setting_says_so(value: Any) -> None:
    with pytest.raises(click.BadParameter, match=r"RULE\.param=VALUE"):
        overrides(HERE, OPTION, [value])


def test_formats_may_be_repeated_and_take_commas() -> None:
    found = outputs(HERE, OPTION, ["json=a.json,html=b,c.html", "sarif=-"])
    assert [(one.format, str(one.path)) for one in found] == [
        ("json", "a.json"),
        ("html", "b,c.html"),
        ("sarif", "None"),
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["jsn=a"], "unknown format 'jsn'; one of json"),
        (["json"], "is no FORMAT=PATH"),
        (["json="], "is no FORMAT=PATH"),
        (["json=-", "csv=-"], "two formats go to one place"),
        (["json=a", "csv=a"], "two formats go to one place"),
        (["json=a", "csv=b/../a"], "two formats go to one place"),
    ],
)
def test_what_is_no_output_says_so(values: Any, message: Any) -> None:
    with pytest.raises(click.BadParameter, match=message):
        outputs(HERE, OPTION, values)
