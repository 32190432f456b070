"""The Python interface, on small archives."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import auditor
from auditor.errors import ConfigError, RuleError
from tests.audit.small import EVE, HOST, MALLORY, SEPTEMBER, rule_file, small_archive


@pytest.fixture
def rules(tmp_path: Path) -> Any:
    return auditor.load_rules(rule_file(tmp_path), bundled=False)


@pytest.fixture
def archive(tmp_path: Path) -> auditor.Archive:
    small_archive(tmp_path / "archive", [HOST, EVE, MALLORY])
    return auditor.Archive(tmp_path / "archive")


@pytest.mark.slow
def test_the_block_of_the_contract_runs(tmp_path: Path, archive: auditor.Archive) -> None:
    rules = auditor.load_rules()
    audit = auditor.check(archive, rules, window=auditor.Window.period("2026-Q3"))
    assert isinstance(audit.findings, pl.DataFrame)
    auditor.write_report(audit, tmp_path / "audit.json")
    auditor.write_report(audit, str(tmp_path / "audit.txt"), format="sarif")
    assert json.loads((tmp_path / "audit.json").read_text())["schema_version"] == 1
    assert json.loads((tmp_path / "audit.txt").read_text())["version"] == "2.1.0"


@pytest.mark.slow
def test_rules_of_ones_own_are_added_to_the_bundled_ones(tmp_path: Path) -> None:
    both = auditor.load_rules(str(rule_file(tmp_path)))
    assert "TST-001" in {rule.id for rule in both.rules}
    assert len(both.rules) == len(auditor.load_rules().rules) + 1


def test_findings_are_a_frame_in_the_order_of_the_audit(archive: auditor.Archive, rules: Any) -> None:
    audit = auditor.check(archive, rules)
    assert audit.findings["subject"].to_list() == ["eve@example.org", "mallory@example.org"]
    assert audit.findings["evidence"].struct.field("joined_time")[0] == datetime(2026, 9, 14, 10, tzinfo=UTC)
    assert audit.findings["fingerprint"].to_list() == [finding.fingerprint for finding in audit.document.findings]


def test_a_site_is_the_same_in_capital_letters(archive: auditor.Archive, rules: Any) -> None:
    (site,) = auditor.check(archive, rules).document.identity.sites
    audit = auditor.check(archive, rules, sites=[site.upper()])
    assert audit.document == auditor.check(archive, rules, sites=[site]).document
    assert audit.document.identity.sites == (site,)


def test_without_now_it_is_the_end_of_the_window(archive: auditor.Archive, rules: Any) -> None:
    audit = auditor.check(archive, rules)
    assert audit.document.identity.window == SEPTEMBER
    assert audit.document.identity.evaluated_at == SEPTEMBER.end
    assert auditor.check(archive, rules).document == audit.document


def test_the_command_line_and_python_give_the_same_audit(tmp_path: Path, archive: auditor.Archive, rules: Any) -> None:
    audit = auditor.check(archive, rules, window=SEPTEMBER, now=datetime(2026, 10, 6, tzinfo=UTC))
    auditor.write_report(audit, tmp_path / "python.json")
    words = f"check --archive {archive.path} --no-bundled-rules --rules rules.yaml --period 2026-09 --now 2026-10-06"
    subprocess.run(
        [sys.executable, "-m", "auditor", *words.split(), "--format", "json=shell.json"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        env={"PATH": "", "PYTHONPATH": str(Path(auditor.__file__).parents[1])},
    )
    theirs = json.loads((tmp_path / "shell.json").read_text())
    ours = json.loads((tmp_path / "python.json").read_text())
    assert theirs["findings"] == ours["findings"]
    assert theirs["summary"] == ours["summary"]


def test_parameters_selection_and_previous_are_arguments(tmp_path: Path, archive: auditor.Archive, rules: Any) -> None:
    first = auditor.check(archive, rules, params=["TST-001.title=Board"])
    again = auditor.check(archive, rules, previous=first, only=["uninvited"])
    assert again.findings["state"].to_list() == ["unchanged", "unchanged"]
    (tmp_path / "auditor.yaml").write_text("severity: {TST-001: low}\n")
    low = auditor.check(archive, rules, config=tmp_path / "auditor.yaml")
    assert low.findings["severity"].to_list() == ["low", "low"]
    assert (first.exit_code(), low.exit_code(), low.exit_code("low"), low.exit_code("never")) == (1, 0, 1, 0)


def test_what_is_wrong_is_told_before_anything_is_judged(tmp_path: Path, archive: auditor.Archive, rules: Any) -> None:
    with pytest.raises(ConfigError, match="unknown rule"):
        auditor.check(archive, rules, only=["TST-1"])
    with pytest.raises(ConfigError, match="no RULE"):
        auditor.check(archive, rules, params=["x"])
    with pytest.raises(ConfigError, match="time zone"):
        auditor.check(archive, rules, now=datetime(2026, 10, 6))  # noqa: DTZ001 - the mistake looked for
    with pytest.raises(ConfigError, match="fail_on"):
        auditor.check(archive, rules).exit_code("often")
    with pytest.raises(RuleError, match="no such file"):
        auditor.load_rules(tmp_path / "gone")
    with pytest.raises(ConfigError, match="suffix"):
        auditor.write_report(auditor.check(archive, rules), tmp_path / "audit.docx")


def test_an_empty_archive_gives_no_time_to_judge_at(tmp_path: Path, rules: Any) -> None:
    empty = auditor.Archive.create(tmp_path / "empty")
    with pytest.raises(ConfigError, match="give a window or now"):
        auditor.check(empty, rules)
    audit = auditor.check(empty, rules, window=SEPTEMBER)
    assert audit.exit_code() == 3
