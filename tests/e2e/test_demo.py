"""The demo: the whole pipeline on the shipped sample data, twice; the second time as the README says it."""

from __future__ import annotations

import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from lxml.html import fromstring

from auditor.model.finding import Record
from auditor.reports.audit_json import dump, load
from auditor.reports.formats import FORMATS, Options
from auditor.reports.redaction import redacted
from auditor.reports.text import visible
from auditor.resources import resource
from auditor.tables.archive import Archive
from tests.reports.figures import every_figure_reconciles

FILES = ("audit.json", "report.html", "report.pdf")
NAMING = {
    "attendees": (
        "display_name",
        "email",
        "ip_address",
        "phone_number",
        "company",
        "meeting_title",
        "address1",
        "address2",
    ),
    "participants": ("display_name", "email", "host_email"),
    "devices": ("display_name", "email", "phone_number"),
    "breakouts": ("email",),
    "meetings": ("title", "host_email", "host_display_name"),
}
"""The columns whose values name a person, a place or a meeting."""
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
Done = subprocess.CompletedProcess[str]
DEMO = ("-m", "auditor", "demo", "--out", "out")
_ROW = re.compile(r"\| ([A-Z]{3}-\d{3}) \| `([^`]+)` \|")


def run(folder: Path, *arguments: str, **environment: str) -> Done:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("WEBEX_", "AUDITOR_", "CI"))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def as_written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Done]]:
    """A folder in which the README's `console` blocks were run in order, and how each command ended."""
    folder = tmp_path_factory.mktemp("second")
    own = next(block for block in blocks("yaml") if "id: OWN-001" in block)
    (folder / "own.yaml").write_text(own, encoding="utf-8")
    commands = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]
    there = {"TZ": "America/Lima", "LANG": "C.UTF-8", "PYTHONHASHSEED": "2"}
    return folder, {command: run(folder, "-m", *command.split(), **there) for command in commands}


@pytest.fixture(scope="module")
def demos(
    tmp_path_factory: pytest.TempPathFactory, as_written: tuple[Path, dict[str, Done]]
) -> list[tuple[Path, Done]]:
    """Two demos in folders of their own, as far apart as two machines may be."""
    first = tmp_path_factory.mktemp("first")
    here = {"TZ": "Asia/Tokyo", "LANG": "C", "PYTHONHASHSEED": "1", "http_proxy": "http://127.0.0.1:9"}
    folder, done = as_written
    return [
        (first / "out", run(first, *DEMO, **here)),
        (folder / "demo", done["auditor demo --out demo"]),
    ]


@pytest.fixture(scope="module")
def audit(demos: list[tuple[Path, Any]]) -> Any:
    return json.loads((demos[0][0] / "audit.json").read_text())


def test_console_blocks_run_as_written(as_written: tuple[Path, dict[str, Done]]) -> None:
    _, ended = as_written
    assert ended
    for command, done in ended.items():
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def test_python_block_runs_on_what_they_left(as_written: tuple[Path, dict[str, Done]]) -> None:
    folder, _ = as_written
    (block,) = blocks("python")
    shown = run(folder, "-c", block)
    assert shown.returncode == 0, shown.stderr
    assert "rule_id" in shown.stdout
    assert (folder / "audit.json").exists()


def test_it_ends_well_whatever_is_found_and_prints_the_paths(demos: list[tuple[Path, Any]]) -> None:
    for out, done in demos:
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [f"{out.name}/{name}" for name in (*FILES, "archive")]
        assert "57 findings" in done.stderr


@pytest.mark.parametrize("name", FILES)
def test_two_demos_give_the_same_bytes(demos: list[tuple[Path, Any]], name: str) -> None:
    (first, _), (second, _) = demos
    assert (first / name).read_bytes() == (second / name).read_bytes()


def test_the_findings_are_those_the_sample_lists(audit: Any) -> None:
    text = (resource("sample_data") / "README.md").read_text(encoding="utf-8")
    listed = sorted(match.groups() for match in map(_ROW.match, text.splitlines()) if match)
    assert sorted((finding["rule_id"], finding["subject"]) for finding in audit["findings"]) == listed


def test_every_record_of_every_finding_is_an_item_of_a_page(demos: list[tuple[Path, Any]], audit: Any) -> None:
    evidence = Archive(demos[0][0] / "archive").evidence
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


def test_every_figure_of_its_report_reconciles(demos: list[tuple[Path, Any]]) -> None:
    out = demos[0][0]
    every_figure_reconciles(fromstring((out / "report.html").read_bytes()), load((out / "audit.json").read_bytes()))


def test_no_format_of_its_redacted_report_holds_a_name_of_the_archive(
    demos: list[tuple[Path, Any]], tmp_path: Path
) -> None:
    out = demos[0][0]
    audit = load((out / "audit.json").read_bytes())
    said_by_rules = dump(replace(audit, findings=(), resolved=(), not_compared=(), cited=())).decode()
    names = {name for name in _names(Archive(out / "archive")) if len(name) > 3 and name not in said_by_rules}
    assert len(names) > 500
    shown = redacted(audit, key=b"0123456789abcdef", repeatable=True)
    for kind, made in FORMATS.items():
        text = _text(kind, made.render(shown, Options()), tmp_path)
        assert [name for name in names for way in _ways(name, kind) if way in text] == [], kind


def _names(archive: Archive) -> Iterator[str]:
    for table, columns in NAMING.items():
        held = archive.scan(table).select(columns).collect()
        for column in columns:
            yield from held[column].drop_nulls().unique()


def _ways(name: str, kind: str) -> set[str]:
    """How a format could write the name."""
    shown = visible(name, cap=1000)
    ways = {name, shown, json.dumps(name, ensure_ascii=False)[1:-1], html.escape(shown), name.replace('"', '""')}
    return {"".join(way.split()) for way in ways} if kind == "pdf" else ways


def _text(kind: str, written: bytes, folder: Path) -> str:
    """All words of the file; those of a PDF without spaces, since lines are broken anywhere."""
    if kind == "parquet":
        return pl.read_parquet(io.BytesIO(written)).write_ndjson()
    if kind != "pdf":
        return written.decode()
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    (folder / "redacted.pdf").write_bytes(written)
    command = ["pdftotext", "-raw", str(folder / "redacted.pdf"), "-"]
    return "".join(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_no_path_of_the_machine_is_in_the_results(demos: list[tuple[Path, Any]]) -> None:
    for out, _ in demos:
        for name in ("audit.json", "report.html"):
            text = (out / name).read_text(encoding="utf-8")
            assert str(out.parent) not in text
            assert str(Path(__file__).parents[2]) not in text


def test_a_folder_that_is_no_archive_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out/archive").mkdir(parents=True)
    (tmp_path / "out/archive/mine.txt").write_text("keep")
    done = run(tmp_path, *DEMO)
    assert done.returncode == 2
    assert "is there and no archive" in done.stderr
    assert (tmp_path / "out/archive/mine.txt").read_text() == "keep"


def test_an_archive_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "people.json").write_text('[{"email": "ann@example.com", "active": true}]')
    auditor = [sys.executable, "-m", "auditor"]
    kept = [*auditor, "import", "--archive", "out/archive", "--as", "people", "people.json"]
    subprocess.run(kept, cwd=tmp_path, capture_output=True, check=True)
    before = (tmp_path / "out/archive/evidence/manifest.jsonl").read_bytes()
    done = run(tmp_path, *DEMO)
    assert done.returncode == 2
    assert "is an archive that no demo made" in done.stderr
    assert (tmp_path / "out/archive/evidence/manifest.jsonl").read_bytes() == before
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["archive"]


def test_what_an_earlier_demo_left_is_replaced(demos: list[tuple[Path, Any]], tmp_path: Path) -> None:
    earlier = demos[0][0] / "archive"
    shutil.copytree(earlier, tmp_path / "out/archive")
    (tmp_path / "out/archive/more.txt").write_text("of that demo")
    assert run(tmp_path, *DEMO).returncode == 0
    manifest = "evidence/manifest.jsonl"
    assert (tmp_path / "out/archive" / manifest).read_bytes() == (earlier / manifest).read_bytes()
    assert not (tmp_path / "out/archive/more.txt").exists()
