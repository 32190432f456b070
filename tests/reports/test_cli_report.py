"""The verbs `report` and `schema`."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from auditor.model.audit import Audit
from auditor.reports.audit_json import dump, load
from tests.reports.audit_factory import audit_of


def auditor(*words: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "auditor", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "audit.json"
    path.write_bytes(dump(audit_of(12)))
    return path


def test_several_formats_are_written_and_told_on_stderr(saved: Path, tmp_path: Path) -> None:
    done = auditor(
        "report",
        saved,
        "--format",
        f"html={tmp_path / 'r.html'},csv={tmp_path / 'f.csv'}",
        "--format",
        f"json={tmp_path / 'a.json'}",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "r.html" in done.stderr
    assert (tmp_path / "a.json").read_bytes() == saved.read_bytes()
    assert (tmp_path / "r.html").read_bytes().startswith(b"<!doctype html>")


def test_a_dash_is_stdout(saved: Path) -> None:
    done = auditor("report", saved, "--format", "md=-")
    assert done.returncode == 0
    assert done.stdout.startswith("# Webex meeting compliance audit")


def test_redaction_is_repeatable_with_a_key(saved: Path, tmp_path: Path) -> None:
    key = {"AUDITOR_REDACTION_KEY": "0123456789abcdef"}
    for name in ("a", "b"):
        assert auditor("report", saved, "--redact", "--format", f"json={tmp_path / name}", env=key).returncode == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    audit: Audit = load((tmp_path / "a").read_bytes())
    assert audit.redacted
    short = auditor("report", saved, "--redact", "--format", "json=-", env={"AUDITOR_REDACTION_KEY": "short"})
    assert short.returncode == 2
    assert "at least 16" in short.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "docx=x"], "unknown format 'docx'"),
        (["--format", "json=-", "--templates", "/nowhere"], "is no folder of templates"),
        (["--format", "json=-", "--sign", "key.p12"], "--sign signs a PDF"),
        (["--format", "html=-", "--timezone", "Mars/Olympus"], "no time zone"),
    ],
)
def test_what_cannot_be_done_is_exit_2(saved: Path, words: list[str], message: str) -> None:
    if "--templates" in words:
        words = ["--format", "html=-", *words[2:]]
    done = auditor("report", saved, *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["--format", "md={}"], ["--redact", "--format", "json={}"]])
def test_the_audit_that_is_read_is_not_written_over(saved: Path, tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "here").symlink_to(saved)
    before = saved.read_bytes()
    for place in (saved, tmp_path / "here"):
        done = auditor("report", saved, *(word.format(place) for word in words))
        assert done.returncode == 2
        assert f"{place}: is the audit that is read" in done.stderr
        assert saved.read_bytes() == before


def test_a_file_that_is_no_audit_is_exit_2(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}", encoding="utf-8")
    done = auditor("report", tmp_path / "x.json", "--format", "json=-")
    assert done.returncode == 2
    assert "schema_version" in done.stderr


def counted(document: dict[str, Any], **counts: int) -> None:
    """The audit with other counts of its first finding's rule, of that finding's severity, and in all."""
    rule = next(one for one in document["rules"] if one["id"] == document["findings"][0]["rule_id"])
    summary = document["summary"]
    for place in (rule, summary):
        place["findings"] += counts.get("found", 0)
    rule["truncated"] += counts.get("cut", 0)
    rule["waived"] += counts.get("waived", 0)
    summary["open"] += counts.get("found", 0)
    summary["by_severity"][rule["severity"]] += counts.get("severity", 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda audit: audit["findings"].pop(0), r"\$\.rules\[\d+\]\.findings: 1, but 0 are listed"),
        (
            lambda audit: counted(audit, found=2, cut=1, severity=2),
            r"\$\.rules\[\d+\]\.findings: 3, but 1 are listed and 1 cut off",
        ),
        (lambda audit: counted(audit, waived=1), r"\$\.rules\[\d+\]\.waived: 1, but 0 waived ones are listed"),
        (
            lambda audit: audit["findings"][0].update(severity="info"),
            r"\$\.summary\.by_severity\.[a-z]+: \d+, but \d+ open ones are listed",
        ),
        (lambda audit: counted(audit, found=5, cut=5, severity=5), None),
    ],
)
def test_an_audit_that_lists_other_findings_than_it_counts_is_exit_2(
    saved: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str | None
) -> None:
    document = json.loads(saved.read_bytes())
    change(document)
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps(document))
    done = auditor("report", edited, "--format", f"csv={tmp_path / 'f.csv'}")
    assert done.returncode == (2 if message else 0), done.stderr
    assert (tmp_path / "f.csv").exists() == (message is None)
    assert message is None or re.search(message, done.stderr)


def test_the_schemas_are_printed(saved: Path) -> None:
    done = auditor("schema", "audit")
    assert done.returncode == 0
    jsonschema_rs.validator_for(json.loads(done.stdout)).validate(json.loads(saved.read_bytes()))
    assert json.loads(auditor("schema", "rule").stdout)
