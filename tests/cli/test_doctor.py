from __future__ import annotations

import json

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
