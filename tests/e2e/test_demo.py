"""The demo: the whole pipeline on the shipped sample data, twice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from auditor.model.finding import Record
from auditor.resources import resource
from auditor.tables.archive import Archive

FILES = ("audit.json", "report.html", "report.pdf")
_ROW = re.compile(r"\| ([A-Z]{3}-\d{3}) \| `([^`]+)` \|")


def run(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("WEBEX_", "AUDITOR_", "CI"))}
    return subprocess.run(
        [sys.executable, "-m", "auditor", "demo", "--out", "out"],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, subprocess.CompletedProcess[str]]]:
    """Two demos in folders of their own, as far apart as two machines may be."""
    first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    return [
        (first, run(first, TZ="Asia/Tokyo", LANG="C", PYTHONHASHSEED="1", http_proxy="http://127.0.0.1:9")),
        (second, run(second, TZ="America/Lima", LANG="C.UTF-8", PYTHONHASHSEED="2")),
    ]


@pytest.fixture(scope="module")
def audit(demos: list[tuple[Path, Any]]) -> Any:
    return json.loads((demos[0][0] / "out/audit.json").read_text())


def test_it_ends_well_whatever_is_found_and_prints_the_paths(demos: list[tuple[Path, Any]]) -> None:
    for _, done in demos:
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [f"out/{name}" for name in (*FILES, "archive")]
        assert "57 findings" in done.stderr


@pytest.mark.parametrize("name", FILES)
def test_two_demos_give_the_same_bytes(demos: list[tuple[Path, Any]], name: str) -> None:
    (first, _), (second, _) = demos
    assert (first / "out" / name).read_bytes() == (second / "out" / name).read_bytes()


def test_the_findings_are_those_the_sample_lists(audit: Any) -> None:
    text = (resource("sample_data") / "README.md").read_text(encoding="utf-8")
    listed = sorted(match.groups() for match in map(_ROW.match, text.splitlines()) if match)
    assert sorted((finding["rule_id"], finding["subject"]) for finding in audit["findings"]) == listed


def test_every_record_of_every_finding_is_an_item_of_a_page(demos: list[tuple[Path, Any]], audit: Any) -> None:
    evidence = Archive(demos[0][0] / "out/archive").evidence
    assert evidence.verify(audit["audit"]["evidence_head"].removeprefix("sha256:")) == ()
    raw = {Record(one["page"].removeprefix("sha256:"), one["item"]): json.loads(one["raw"]) for one in audit["cited"]}
    for finding in audit["findings"]:
        for one in finding["records"]:
            record = Record(one["page"].removeprefix("sha256:"), one["item"])
            assert json.loads(evidence.page(record.page))["items"][record.item] == raw[record]


def test_the_counts_agree_wherever_they_stand(audit: Any) -> None:
    assert audit["summary"]["findings"] == len(audit["findings"]) == sum(rule["findings"] for rule in audit["rules"])
    assert audit["summary"]["open"] == sum(audit["summary"]["by_severity"].values())
    assert audit["coverage"]["complete"]


def test_no_path_of_the_machine_is_in_the_results(demos: list[tuple[Path, Any]]) -> None:
    folder = demos[0][0]
    for name in ("audit.json", "report.html"):
        text = (folder / "out" / name).read_text(encoding="utf-8")
        assert str(folder) not in text
        assert str(Path(__file__).parents[2]) not in text


def test_a_folder_that_is_no_archive_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out/archive").mkdir(parents=True)
    (tmp_path / "out/archive/mine.txt").write_text("keep")
    done = run(tmp_path)
    assert done.returncode == 2
    assert "is there and no archive" in done.stderr
    assert (tmp_path / "out/archive/mine.txt").read_text() == "keep"
