"""What `rules` promises of its forms."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from auditor.cli import _root
from tests.audit.small import rule_file


def test_docs_need_no_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rule_file(tmp_path)
    done = CliRunner().invoke(_root, ["rules", "docs", "rules.yaml"], standalone_mode=False)
    assert done.exception is None
    assert done.return_value == 0
    assert "TST-001" in (tmp_path / "auditor-rules" / "index.html").read_text(encoding="utf-8")


def test_the_schema_is_that_of_every_rule_file_that_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text("schema: 2\n", encoding="utf-8")
    refused = CliRunner().invoke(_root, ["rules", "schema", "bad.yaml"], standalone_mode=False)
    assert refused.return_value == 2
    assert "bad.yaml:1:9: schema 2 is not known; this version reads 1" in refused.stderr
    assert refused.stdout == ""
    printed = CliRunner().invoke(_root, ["rules", "schema"], standalone_mode=False)
    assert printed.return_value == 0
    assert '"$schema"' in printed.stdout
