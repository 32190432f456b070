"""Python rules of installed packages, where the operator allows them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.audit.small import EVE, HOST, NOW, small_archive

RULE = """\
schema: 1
id: TST-001
name: by-code
title: Code finds what is to be found
status: stable
severity: high
detect: {from: attendees, python: "demo_rules:guests"}
finding: {subject: "{email}", message: "{email}", fingerprint: [email]}
"""
CODE = """\
import polars as pl
def guests(tables, params, lists):
    return tables["attendees"].filter(pl.col("participant_type") == "attendee")
"""


@pytest.mark.slow
def test_a_declared_function_is_called_and_another_one_is_not(
    auditor: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    packages = tmp_path / "packages"
    (packages / "demo_rules-1.dist-info").mkdir(parents=True)
    (packages / "demo_rules-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: demo-rules\nVersion: 1\n")
    (packages / "demo_rules-1.dist-info/entry_points.txt").write_text("[auditor.rules]\nguests = demo_rules:guests\n")
    (packages / "demo_rules.py").write_text(CODE)
    (tmp_path / "auditor.yaml").write_text("allow_python_rules: true\n")
    small_archive(tmp_path / "archive", [HOST, EVE])
    path = os.pathsep.join([str(packages), os.environ.get("PYTHONPATH", "")])
    words = f"check --archive archive --rules r.yaml --no-bundled-rules --now {NOW} --format json=-".split()
    for rule, code in ((RULE, 1), (RULE.replace(":guests", ":others"), 3)):
        (tmp_path / "r.yaml").write_text(rule)
        done = auditor(*words, env={"PYTHONPATH": path})
        assert done.returncode == code, done.stderr
        subjects = [finding["subject"] for finding in json.loads(done.stdout)["findings"]]
        assert subjects == (["eve@example.org"] if code == 1 else [])
