"""`auditor diff` of two audits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from auditor.cli import _root
from auditor.reports.audit_json import dump
from tests.reports.audit_factory import audit_of


def diff(*arguments: str | Path) -> Result:
    return CliRunner().invoke(_root, ["diff", *map(str, arguments)], standalone_mode=False)


@pytest.fixture
def audits(tmp_path: Path) -> tuple[Path, Path]:
    whole = audit_of(12)
    whole = replace(whole, resolved=(), not_compared=(), coverage=replace(whole.coverage, complete=True, gaps=()))
    old = replace(whole, findings=whole.findings[:9])
    new = replace(whole, findings=whole.findings[3:])
    for name, audit in (("old.json", old), ("new.json", new)):
        (tmp_path / name).write_bytes(dump(audit))
    return tmp_path / "old.json", tmp_path / "new.json"


def test_it_counts_and_lists_what_changed(audits: tuple[Path, Path]) -> None:
    done = diff(*audits)
    assert done.return_value == 0
    *lines, counts = done.stdout.splitlines()
    assert counts == "3 new, 3 resolved, 0 reopened, 6 unchanged, 0 not compared"
    assert [line.split()[0] for line in lines] == ["new"] * 3 + ["resolved"] * 3


def test_unchanged_findings_are_listed_when_asked_for(audits: tuple[Path, Path]) -> None:
    lines = diff(*audits, "--all").stdout.splitlines()
    assert [line.split()[0] for line in lines].count("unchanged") == 6


def test_json_holds_the_same(audits: tuple[Path, Path]) -> None:
    document = json.loads(diff(*audits, "--format", "json").stdout)
    assert [len(document[key]) for key in ("new", "reopened", "unchanged", "resolved", "not_compared")] == [
        3,
        0,
        6,
        3,
        0,
    ]


def test_an_audit_equals_itself(audits: tuple[Path, Path]) -> None:
    old, _ = audits
    assert diff(old, old).stdout.splitlines() == ["0 new, 0 resolved, 0 reopened, 9 unchanged, 0 not compared"]


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff"])
def test_what_is_no_audit_is_named(tmp_path: Path, audits: tuple[Path, Path], content: bytes) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content)
    done = diff(audits[0], path)
    assert done.return_value == 2
    assert "other.json" in done.stderr


def test_a_redacted_audit_is_refused(tmp_path: Path, audits: tuple[Path, Path]) -> None:
    path = tmp_path / "redacted.json"
    path.write_bytes(dump(replace(audit_of(3), redacted=True)))
    done = diff(path, audits[1])
    assert done.return_value == 2
    assert "is redacted" in done.stderr


def test_hostile_messages_stay_on_their_line(tmp_path: Path) -> None:
    path = tmp_path / "hostile.json"
    audit = audit_of(4, hostile=("\n::error::x\x1b[31m",))
    path.write_bytes(dump(audit))
    done = diff(path, path, "--all")
    assert "\x1b" not in done.stdout
    assert not any(line.startswith("::") for line in done.stdout.splitlines())
