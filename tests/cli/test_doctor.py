from __future__ import annotations

import json
import re
import socket
import time

import pytest

from auditor.simulator import Fault, Regular, serve


@pytest.fixture(scope="module")
def small():
    return Regular(meetings=2, people=2).site()


def lines(result) -> dict[str, str]:
    return {line[8:24].strip(): line[:8].strip() for line in result.stdout.splitlines()}


@pytest.mark.slow
def test_a_machine_that_lacks_nothing_leaves_0(auditor, small, tmp_path) -> None:
    with serve(small, token="the-token") as server:
        env = {"WEBEX_ACCESS_TOKEN": "the-token", "WEBEX_BASE_URL": server.base_url}
        auditor("collect", "--archive", tmp_path / "a", "--now", server.now.isoformat(), env=env)
        result = auditor("doctor", "--archive", tmp_path / "a", env=env)
    assert result.returncode == 0, result.stdout
    found = lines(result)
    assert found["polars"] == "ok"
    assert found["pango"] == "ok"
    assert found["evidence"] == "ok"
    assert "example.webex.com" in result.stdout
    assert "the-token" not in result.stdout + result.stderr


@pytest.mark.slow
def test_a_missing_token_leaves_1(auditor) -> None:
    result = auditor("doctor")
    assert result.returncode == 1
    assert lines(result)["token"] == "missing"


@pytest.mark.slow
def test_a_missing_scope_is_named(auditor, small) -> None:
    with serve(small, faults=[Fault("forbidden-endpoint")], token="the-token") as server:
        result = auditor("doctor", "--base-url", server.base_url, env={"WEBEX_ACCESS_TOKEN": "the-token"})
    assert result.returncode == 1
    assert "missing meeting:admin_config_read" in result.stdout


@pytest.mark.slow
def test_a_damaged_archive_leaves_1_and_names_the_page(auditor, small, tmp_path) -> None:
    with serve(small, token="the-token") as server:
        env = {"WEBEX_ACCESS_TOKEN": "the-token", "WEBEX_BASE_URL": server.base_url}
        auditor("collect", "--archive", tmp_path / "a", "--now", server.now.isoformat(), env=env)
        page = next((tmp_path / "a" / "evidence" / "pages").rglob("*.zst"))
        page.write_bytes(page.read_bytes()[:-1])
        result = auditor("doctor", "--archive", tmp_path / "a", env=env)
    assert result.returncode == 1
    assert lines(result)["evidence"] == "missing"
    assert page.stem in result.stdout


@pytest.mark.slow
def test_an_archive_the_system_does_not_open_leaves_1(auditor, tmp_path) -> None:
    (tmp_path / "a/archive.json").mkdir(parents=True)
    done = auditor("doctor", "--archive", "a")
    assert done.returncode == 1
    assert re.search(r"missing +archive +a/archive\.json: is a directory", done.stdout)
    assert "geoip" in done.stdout


@pytest.mark.slow
def test_databases_that_are_not_there_leave_1(auditor, tmp_path) -> None:
    (tmp_path / "auditor.yaml").write_text("geoip: {city: nowhere.mmdb}\n")
    result = auditor("doctor")
    assert result.returncode == 1
    assert "nowhere.mmdb" in result.stdout + result.stderr


@pytest.mark.slow
def test_the_diagnosis_is_json_for_machines(auditor) -> None:
    result = auditor("--log-format", "json", "doctor")
    found = {line["name"]: line["state"] for line in map(json.loads, result.stdout.splitlines())}
    assert found["token"] == "missing"


@pytest.mark.slow
def test_a_scope_stands_apart_from_what_is_said_of_it(auditor, small) -> None:
    with serve(small, token="the-token") as server:
        result = auditor("doctor", "--base-url", server.base_url, env={"WEBEX_ACCESS_TOKEN": "the-token"})
    assert "ok      meeting:admin_config_read /meetingReports/usage answers" in result.stdout.splitlines()


@pytest.mark.slow
def test_the_other_scopes_are_tried_on_the_configured_site(auditor, small, tmp_path) -> None:
    fault = Fault("forbidden-endpoint", value="/meetingPreferences/sites")
    with serve(small, faults=[fault], token="the-token") as server:
        env = {"WEBEX_ACCESS_TOKEN": "the-token", "WEBEX_BASE_URL": server.base_url}
        without = auditor("doctor", env=env)
        (tmp_path / "auditor.yaml").write_text("sites: [example.webex.com]\n")
        named = auditor("doctor", env=env)
    assert "meeting:admin_schedule_read meeting:admin_participants_read were not tried" in without.stdout
    assert "ok      meeting:admin_config_read" in named.stdout
    assert "missing meeting:admin_preferences_read" in named.stdout


@pytest.mark.slow
def test_a_site_the_token_does_not_see_leaves_1(auditor, small, tmp_path) -> None:
    (tmp_path / "auditor.yaml").write_text("sites: [exmple.webex.com]\n")
    with serve(small, token="the-token") as server:
        result = auditor("doctor", "--base-url", server.base_url, env={"WEBEX_ACCESS_TOKEN": "the-token"})
    assert result.returncode == 1
    assert "the token sees no site exmple.webex.com; did you mean example.webex.com?" in result.stdout


@pytest.mark.slow
def test_a_scope_that_could_not_be_tried_leaves_1(auditor, small) -> None:
    with serve(small, faults=[Fault("html", times=0)], token="the-token") as server:
        result = auditor("doctor", "--base-url", server.base_url, env={"WEBEX_ACCESS_TOKEN": "the-token"})
    assert result.returncode == 1
    assert "missing meeting:admin_config_read could not be tried" in result.stdout


@pytest.mark.parametrize("server", ["refuses", "is silent"])
def test_a_server_nobody_reaches_is_named_within_a_few_seconds(auditor, server: str) -> None:
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        if server == "is silent":
            dead.listen()
        base = f"http://127.0.0.1:{dead.getsockname()[1]}/v1"
        begun = time.monotonic()
        result = auditor("doctor", "--base-url", base, env={"WEBEX_ACCESS_TOKEN": "the-token"})
        took = time.monotonic() - begun
    silent, refused = "127.0.0.1 did not answer within 5 s", "GET /people/me: the connection failed, 2 times"
    words = silent if server == "is silent" else refused
    assert f"could not be tried: {words}" in result.stdout
    assert "missing meeting:admin_preferences_read could not be tried" in result.stdout
    assert "were not tried" in result.stdout
    assert result.returncode == 1
    assert took < 30


def test_a_token_that_nobody_refreshes_is_told_within_a_few_seconds(auditor) -> None:
    names = ("WEBEX_CLIENT_ID", "WEBEX_CLIENT_SECRET", "WEBEX_REFRESH_TOKEN")
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{dead.getsockname()[1]}/v1"
        begun = time.monotonic()
        result = auditor("doctor", "--base-url", base, env=dict.fromkeys(names, "something"))
        took = time.monotonic() - begun
    assert "127.0.0.1 did not answer within 5 s" in result.stdout
    assert result.returncode == 1
    assert took < 30
