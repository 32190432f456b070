"""What `check` promises of its console."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from auditor.cli import _root
from tests.audit.small import EVE, HOST, MALLORY, NOW, rule_file, small_archive


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rule_file(tmp_path)
    small_archive(tmp_path / "archive")
    small_archive(tmp_path / "later", [HOST, EVE, MALLORY])
    return tmp_path


def console(*arguments: str, archive: str = "later") -> str:
    words = ["check", "--archive", archive, "--no-bundled-rules", "--rules", "rules.yaml", "--now", NOW, *arguments]
    done = CliRunner().invoke(_root, words, env={"CI": None, "GITHUB_ACTIONS": None}, standalone_mode=False)
    assert not isinstance(done.exception, click.ClickException), done.exception
    return done.stderr


def rule_row(text: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.lstrip().startswith("TST-001"))


def test_new_only_counts_new_findings_on_the_console_and_changes_no_file(folder: Path) -> None:
    console("--format", "json=first.json", archive="archive")
    whole = console("--previous", "first.json", "--format", "json=whole.json")
    new = console("--previous", "first.json", "--format", "json=new.json", "--new-only")
    assert rule_row(whole)[3] == "2"
    assert rule_row(new)[3] == "1"
    assert "1 of 2 open" in new
    assert (folder / "whole.json").read_bytes() == (folder / "new.json").read_bytes()


def test_the_console_prints_times_of_the_asked_zone(folder: Path) -> None:
    told = console("--period", "2026-09", "--timezone", "Europe/Oslo")
    assert "2026-09-01 00:00 to 2026-10-01 00:00 Europe/Oslo" in told
    assert "2026-09-01 00:00 to 2026-10-01 00:00 UTC" in console("--period", "2026-09")


def test_redact_leaves_nobody_in_what_check_writes(folder: Path) -> None:
    code = console("--redact", "--format", "json=r.json", "--format", "csv=r.csv", "--format", "html=r.html")
    assert "TST-001" in code
    for name in ("r.json", "r.csv", "r.html"):
        written = (folder / name).read_text()
        assert written
        for person in ("eve@example.org", "mallory@example.org", "Mallory", "203.0.113.7", "Board Q3"):
            assert person not in written, (name, person)


def test_redact_changes_no_count_and_no_verdict(folder: Path) -> None:
    console("--redact", "--format", "json=r.json")
    console("--format", "json=whole.json")
    redacted, whole = (json.loads((folder / name).read_text()) for name in ("r.json", "whole.json"))
    assert redacted["redacted"]
    assert redacted["summary"] == whole["summary"]
    assert [rule["verdict"] for rule in redacted["rules"]] == [rule["verdict"] for rule in whole["rules"]]
