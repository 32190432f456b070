"""Options that several verbs share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
import pytest
from click.testing import CliRunner

from auditor.cli import _root
from auditor.cli.options import asked_window, comma_list, each_site, outputs, overrides
from auditor.model.window import Window, instant
from tests.audit.small import small_archive

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


def test_values_may_be_repeated_and_take_commas() -> None:
    assert comma_list(HERE, OPTION, ("b, a", "b")) == ("b", "a")
    assert each_site(HERE, OPTION, ("https://B.webex.com/,a.webex.com", "b.webex.com")) == (
        "b.webex.com",
        "a.webex.com",
    )
    assert comma_list(HERE, OPTION, ()) == each_site(HERE, OPTION, ()) == ()


@pytest.mark.parametrize("values", [("",), (" ",), ("a,",), (",a",), ("a,,b",), ("a", "")])
def test_an_empty_value_is_refused_because_leaving_it_out_would_ask_for_more(values: Any) -> None:
    with pytest.raises(click.BadParameter, match="leave the option out"):
        comma_list(HERE, OPTION, values)
    with pytest.raises(click.BadParameter, match=r"'' is no site such as example\.webex\.com"):
        each_site(HERE, OPTION, values)


@pytest.mark.parametrize(
    "words",
    [
        ["collect", "--archive", "x", "--site", ""],
        ["collect", "--archive", "x", "--meeting-id", ""],
        ["collect", "--archive", "x", "--meeting-title", "a,"],
        ["collect", "--archive", "x", "--host-email", ""],
        ["collect", "--archive", "x", "--host-email", "nobody"],
        ["collect", "--archive", "x", "--base-url", ""],
        ["collect", "--archive", "", "--days", "2"],
        ["archive", "status", "--archive", "x", "--site", ""],
        ["check", "--archive", "x", "--site", "example.webex.com,"],
        ["check", "--archive", "x", "--only", ""],
        ["check", "--archive", "x", "--exclude", ""],
        ["check", "--archive", "x", "--rules", ""],
        ["check", "--archive", ""],
        ["rules", "test", "--only", ""],
        ["rules", "docs", "--out", ""],
        ["demo", "--out", ""],
        ["simulate", "generate", "--out", " "],
    ],
)
def test_no_verb_takes_an_empty_value_for_none(words: list[str], tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEBEX_ACCESS_TOKEN", "a-token")
    done = CliRunner().invoke(_root, [*words, *(["--plan"] if words[0] == "collect" else [])], standalone_mode=False)
    told = str(done.exception)
    assert done.return_value == 2 or isinstance(done.exception, click.UsageError), (done.return_value, done.output)
    assert "is no archive" not in done.stderr + told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("now", ["0001-01-01", "1899-12-31T23:59Z", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("verb", ["archive status --archive x", "collect --archive x --plan", "waivers list"])
def test_a_time_at_the_ends_of_the_calendar_is_refused(verb: str, now: str, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "waivers.yaml").write_text("waivers: []\n")
    small_archive(tmp_path / "x")
    epoch = str(int(instant(now).timestamp()))
    for words, env in (["--now", now], {}), ([], {"SOURCE_DATE_EPOCH": epoch}):
        done = CliRunner().invoke(_root, [*verb.split(), *words], env=env, standalone_mode=False)
        assert isinstance(done.exception, click.UsageError), done.output
        assert "expected 1900 to 9900" in str(done.exception)
