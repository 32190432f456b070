"""Archives that are read while somebody writes: rows are seen together or not at all, and no file goes away."""

import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor.audit.judge import Request, check
from auditor.errors import ArchiveError
from auditor.evidence.lock import alone
from auditor.evidence.swap import reading
from auditor.tables.archive import Archive
from auditor.tables.ingest import ingest
from auditor.tables.remake import compact, erase, rebuild
from auditor.tables.schema import TABLES
from auditor.tables.still import Still, held_still
from auditor.tables.units import UNITS
from tests.pack import bundled_rules

SITE = "example.webex.com"
NOW = datetime(2026, 2, 1, tzinfo=UTC)
BROUGHT = ("attendees", "meetings", UNITS.name, "collections")
"""The tables a unit of attendees changes, in the order they are committed."""


def attendee(meeting: int, name: str) -> dict[str, object]:
    return {
        "siteUrl": SITE,
        "meetingId": f"m{meeting}",
        "email": f"{name}@example.com",
        "joinedTime": f"2026-01-{meeting + 1:02d}T10:00:00Z",
        "leftTime": f"2026-01-{meeting + 1:02d}T11:00:00Z",
    }


def held(archive: Archive) -> dict[str, list[tuple[object, ...]]]:
    found = {name: archive.scan(name).collect() for name in TABLES} | {UNITS.name: archive.units().collect()}
    return {name: sorted(frame.rows(), key=repr) for name, frame in found.items()}


def left_half_way(site, committed: int) -> dict[str, list[tuple[object, ...]]]:
    """Two units, the second of which only the first so many tables have; what was there before it."""
    tables = site.archive.path / "tables"
    site.add("attendees", [attendee(1, "a"), attendee(1, "b")])
    before, state = held(site.archive), (tables / "state.json").read_bytes()
    site.add("attendees", [attendee(9, "c")], days=(7, 14))
    for name in BROUGHT[committed:]:
        max((tables / name / "_delta_log").glob("*.json")).unlink()
    (tables / "state.json").write_bytes(state)
    return before


@pytest.mark.parametrize("committed", range(len(BROUGHT) + 1))
def test_rows_that_not_all_tables_have_yet_are_not_seen(site, committed) -> None:
    before = left_half_way(site, committed)
    assert held(Still(site.archive)) == before
    ingest(site.archive)
    after = held(Still(Archive(site.archive.path)))
    assert [len(after[name]) - len(before[name]) for name in BROUGHT] == [1, 1, 1, 1]


def test_the_first_rows_are_not_seen_before_all_tables_have_them(site) -> None:
    site.add("attendees", [attendee(1, "a")])
    tables = site.archive.path / "tables"
    (tables / "state.json").unlink()
    assert len(held(Still(site.archive))["attendees"]) == 1
    for name in (UNITS.name, "collections"):
        for file in (tables / name / "_delta_log").glob("*"):
            file.unlink()
        (tables / name / "_delta_log").rmdir()
    assert {name: len(rows) for name, rows in held(Still(site.archive)).items()} == dict.fromkeys(
        [*TABLES, UNITS.name], 0
    )


def test_an_audit_counts_the_rows_that_all_tables_have(site) -> None:
    left_half_way(site, 2)
    audit = check(site.archive, bundled_rules(), request=Request(only=("IDN-001",)), now=NOW)
    assert audit.coverage.tables["attendees"].rows == 2
    ingest(site.archive)
    audit = check(Archive(site.archive.path), bundled_rules(), request=Request(only=("IDN-001",)), now=NOW)
    assert audit.coverage.tables["attendees"].rows == 3


@pytest.mark.parametrize("committed", range(len(BROUGHT) + 1))
def test_compaction_first_does_what_was_left_undone(site, committed) -> None:
    left_half_way(site, committed)
    compact(site.archive.path, now=lambda: NOW)
    found = held(Still(Archive(site.archive.path)))
    assert [len(found[name]) for name in BROUGHT] == [3, 2, 2, 2]
    assert all(len(list((site.archive.path / "tables" / name).glob("*.parquet"))) == 1 for name in BROUGHT)


def waiting(caplog: pytest.LogCaptureFixture) -> bool:
    return any("waiting" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda path: compact(path, now=lambda: NOW), 8),
        (lambda path: rebuild(path, now=lambda: NOW), 8),
        (lambda path: erase(path, "b@example.com", now=lambda: NOW), 4),
    ],
    ids=["compact", "rebuild", "erase"],
)
def test_files_stay_while_somebody_reads(site, caplog, change: Callable[[Path], object], left: int) -> None:
    caplog.set_level(logging.WARNING, logger="auditor")
    for day in range(4):
        site.add("attendees", [attendee(day, "a"), attendee(day, "b")], days=(day, day + 1))
    before = held(site.archive)
    with held_still(site.archive) as still:
        rows = still.scan("attendees")
        files = {path for path in site.archive.path.rglob("*") if path.suffix in {".parquet", ".zst"}}
        changing = threading.Thread(target=change, args=(site.archive.path,))
        changing.start()
        while not waiting(caplog):
            assert changing.is_alive()
            time.sleep(0.01)
        assert all(path.exists() for path in files)
        assert rows.collect().height == 8
        assert held(still) == before
    changing.join()
    assert not all(path.exists() for path in files)
    assert Archive(site.archive.path).scan("attendees").collect().height == left


def test_readers_do_not_wait_for_each_other_but_for_who_takes_files_away(site, caplog) -> None:
    caplog.set_level(logging.WARNING, logger="auditor")
    done = threading.Event()

    def read() -> None:
        with reading(site.archive.place):
            done.set()

    with reading(site.archive.place), reading(site.archive.place):
        assert not waiting(caplog)
    with alone(site.archive.path):
        reader = threading.Thread(target=read)
        reader.start()
        while not waiting(caplog):
            assert reader.is_alive()
            time.sleep(0.01)
        assert not done.is_set()
    reader.join()
    assert done.is_set()


def test_whoever_will_not_wait_leaves_the_archive_as_it_was(site, interrupted) -> None:
    site.add("attendees", [attendee(1, "a")])
    before = held(site.archive)
    with reading(site.archive.place):
        asked = [sys.executable, "-m", "auditor", "archive", "rebuild", "--archive", str(site.archive.path)]
        with subprocess.Popen(asked, stderr=subprocess.PIPE, text=True) as child:
            assert child.stderr is not None
            assert "waiting" in child.stderr.readline()
            interrupted(child)
        assert child.returncode == 130
    assert not (site.archive.path / "next").exists()
    assert held(Archive(site.archive.path)) == before


@pytest.mark.parametrize("moved", range(5))
def test_who_reads_ends_a_replacement_that_was_killed(site, tmp_path: Path, moved: int) -> None:
    """As if killed after the first so many of the moves by which evidence and tables take the place of the old ones."""
    site.add("attendees", [attendee(1, "a"), attendee(2, "b")])
    folder, following = site.archive.path, site.archive.path / "next"
    shutil.copytree(folder, tmp_path / "anew")
    erase(tmp_path / "anew", "a@example.com", now=lambda: NOW)
    following.mkdir()
    for name in ("evidence", "tables"):
        (tmp_path / "anew" / name).rename(following / name)
    (following / "ready").touch()
    moves = [
        move
        for name in ("evidence", "tables")
        for move in ((folder / name, following / f"old-{name}"), (following / name, folder / name))
    ]
    for source, target in moves[:moved]:
        source.rename(target)
    with held_still(Archive(folder)) as still:
        assert still.scan("attendees").collect()["email"].to_list() == ["b@example.com"]
        assert still.evidence.verify() == ()
    assert list(following.iterdir()) == []


def test_a_replacement_that_cannot_be_ended_is_told(site) -> None:
    site.add("attendees", [attendee(1, "a")])
    following = site.archive.path / "next"
    (following / "tables").mkdir(parents=True)
    (following / "ready").mkdir()
    (following / "old-tables").write_text("in the way")
    with (
        pytest.raises(ArchiveError, match="a run was killed while what it made took its place"),
        reading(following.parent),
    ):
        pass
