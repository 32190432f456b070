"""Formats by name and suffix, CSV, and files written whole."""

import csv
import io
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.errors import ConfigError, ReportError
from auditor.reports import write
from auditor.reports.csv import render
from auditor.reports.formats import FORMATS, Options, format_named, format_of
from auditor.reports.write import aside, laid_out, write_file
from tests.reports.audit_factory import audit_of

HOSTILE = ("=HYPERLINK(1)", "+1", "@sum", "-2", "\t=1", "＝1", 'quote " and, comma', "line\r\nend", "\ud83d")


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_csv_has_a_line_for_each_finding_in_its_order() -> None:
    audit = audit_of(40)
    table = rows(render(audit))
    assert table[0][:3] == ["fingerprint", "rule_id", "title"]
    assert table[0][-2:] == ["page", "item"]
    assert [row[0] for row in table[1:]] == [finding.fingerprint for finding in audit.findings]
    assert {len(row) for row in table} == {len(table[0])}


def test_csv_begins_with_one_bom_and_ends_lines_as_spreadsheets_do() -> None:
    data = render(audit_of(2))
    assert data.startswith(b'\xef\xbb\xbf"fingerprint"')
    assert data.count(b"\xef\xbb\xbf") == 1
    assert data.count(b"\r\n") == 3


def test_no_csv_cell_of_hostile_text_begins_a_formula() -> None:
    for row in rows(render(audit_of(80, hostile=HOSTILE)))[1:]:
        for cell in row:
            assert not cell.startswith(("=", "+", "@", "\t", "\r", "\n", "＝"))
            assert not cell.startswith("-")


def test_a_csv_heading_is_made_visible_as_cells_are() -> None:
    audit = audit_of(1)
    named = replace(audit, findings=(replace(audit.findings[0], evidence={"\x1b[2J": 1}),))
    assert "evidence.⟨U+001B⟩[2J" in rows(render(named))[0]


def test_csv_keeps_the_whole_value() -> None:
    audit = audit_of(12, hostile=("x" * 9_000,))
    assert any(len(cell) > 9_000 for row in rows(render(audit)) for cell in row)


def test_an_audit_without_findings_is_a_header() -> None:
    assert len(rows(render(audit_of(0)))) == 1


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_found_by_its_suffixes(name: str) -> None:
    for suffix in FORMATS[name].suffixes:
        assert format_of(Path(f"out{suffix}")).name == name


def test_an_unknown_format_is_told_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="unknown format 'docx'; one of json, html, pdf"):
        format_named("docx")
    with pytest.raises(ConfigError, match="no format has this suffix"):
        format_of(Path("report.docx"))


def test_json_and_csv_are_rendered_by_name() -> None:
    audit = audit_of(3)
    assert FORMATS["csv"].render(audit, Options()) == render(audit)
    assert FORMATS["json"].render(audit, Options()).startswith(b"{")


def test_a_file_is_replaced_with_the_permissions_of_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_bytes(b"old")
    before = os.umask(0o027)
    try:
        write_file(path, b"new")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["report.csv"]


def test_what_cannot_be_laid_out_whole_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise LookupError

    path = tmp_path / "report.csv"
    path.write_bytes(b"old")
    with pytest.raises(LookupError), laid_out(path, broken()):
        pass
    with laid_out(path, [b"never ", b"placed"]):
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"old"
    with laid_out(path, [b"new ", b"bytes"]) as laid:
        laid.place()
    assert path.read_bytes() == b"new bytes"
    assert [p.name for p in tmp_path.iterdir()] == ["report.csv"]


DYING = """
import os, sys
from pathlib import Path
from auditor.reports.write import laid_out
with laid_out(Path(sys.argv[1]), [b"half"]):
    print("laid", flush=True)
    if sys.argv[2] == "dies":
        os._exit(9)
    sys.stdin.read()
"""


def laying(path: Path, *, dies: bool) -> subprocess.Popen[str]:
    """Another run that has laid out a file beside `path`, and dies at once, or lives until its stdin ends."""
    words = [sys.executable, "-c", DYING, str(path), "dies" if dies else "lives"]
    run = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert run.stdout.readline() == "laid\n"
    return run


def test_what_a_killed_run_left_is_taken_away_and_what_a_living_one_lays_out_stays(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    others = [tmp_path / name for name in (".report.csv.swp", ".report.csv.part", ".report.csv.notours_.partly", "x")]
    for other in others:
        other.write_bytes(b"")
    with laying(path, dies=False) as living, laying(path, dies=True) as dead:
        dead.wait()
        assert len(list(tmp_path.iterdir())) == len(others) + 2
        write_file(path, b"new")
        assert len(list(tmp_path.iterdir())) == len(others) + 2
        assert path.read_bytes() == b"new"
        living.communicate("")
        assert living.returncode == 0
    assert sorted(tmp_path.iterdir()) == sorted([*others, path])


@pytest.mark.parametrize("name", ["x" * 251 + ".csv", "é" * 125 + ".csv"])
def test_a_name_as_long_as_names_may_be_is_written(tmp_path: Path, name: str) -> None:
    with laying(tmp_path / name, dies=True) as dead:
        dead.wait()
    write_file(tmp_path / name, b"new")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_was_left_beside_one_file_stays_when_another_is_written(tmp_path: Path) -> None:
    with laying(tmp_path / "a.csv", dies=True) as dead:
        dead.wait()
    write_file(tmp_path / "b.csv", b"new")
    assert len(list(tmp_path.iterdir())) == 2
    write_file(tmp_path / "a.csv", b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv"]


@pytest.mark.parametrize("name", FORMATS)
def test_pieces_of_a_format_are_its_bytes(name: str) -> None:
    audit = audit_of(700 if FORMATS[name].in_pieces else 1, hostile=HOSTILE)
    assert b"".join(FORMATS[name].pieces(audit, Options())) == FORMATS[name].render(audit, Options())


@pytest.mark.parametrize("name", [name for name, found in FORMATS.items() if found.in_pieces])
def test_what_is_made_in_pieces_is_never_held_whole(tmp_path: Path, name: str) -> None:
    audit = audit_of(8_000)
    FORMATS[name].render(audit_of(1), Options())
    tracemalloc.start()
    with laid_out(tmp_path / "out", FORMATS[name].pieces(audit, Options())) as laid:
        size = laid.beside.stat().st_size
        _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 2_000_000
    assert most < size / 3


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real").write_bytes(b"old")
    write_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_link_that_leads_nowhere_but_back_is_told(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "link")
    for write_to in (write.check_writable, lambda path: write_file(path, b"new")):
        with pytest.raises(ReportError, match="link: cannot be written: it is a link that leads back to itself"):
            write_to(tmp_path / "link")


def test_a_device_is_written_to() -> None:
    write_file(Path("/dev/null"), b"gone")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("in_memory", [1, 10**6])
def test_bytes_laid_aside_come_back_whole_from_their_beginning(in_memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "_IN_MEMORY", in_memory)
    with aside(iter([b"one", b"", b"two" * 1000])) as file:
        assert file.read() == b"one" + b"two" * 1000


def test_bytes_that_cannot_be_laid_aside_are_told(monkeypatch: pytest.MonkeyPatch, full_disk) -> None:
    monkeypatch.setattr(write, "_IN_MEMORY", 10)
    told = pytest.raises(ReportError, match=r"^a temporary file cannot be written: file too large$")
    with full_disk(1000), told, aside([b"x" * 999_999]):
        pass


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="cannot be written: no such file or directory"):
        write_file(tmp_path / "none" / "a.csv", b"")
    with pytest.raises(ReportError, match="is a folder"):
        write_file(tmp_path, b"")
