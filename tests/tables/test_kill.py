"""kill -9 at any moment: nothing lost, nothing doubled, nothing torn."""

import json
import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from auditor.evidence.writer import Writer
from auditor.tables.archive import Archive
from auditor.tables.damage import compared, damage_told
from auditor.tables.ingest import ingest
from auditor.tables.remake import compact
from auditor.tables.schema import ATTENDEES
from auditor.tables.still import Still
from auditor.tables.store import Store
from auditor.tables.units import UNITS

NOW = datetime(2026, 2, 1, tzinfo=UTC)
FINISHED = 12

COLLECT = f"""
import json, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from auditor.evidence.entry import Request, Response, Unit
from auditor.evidence.writer import Writer
from auditor.model.window import Window
from auditor.tables.archive import Archive
from auditor.tables.ingest import ingest

now = datetime(2026, 2, 1, tzinfo=UTC)
archive = Archive.create(Path(sys.argv[1]))
with Writer.open(archive.path, now=lambda: now) as writer:
    print("begun", flush=True)
    ingest(archive)
    held = {{entry.unit.key for entry in archive.evidence.units()}}
    for number in range({FINISHED}):
        if f"unit {{number}}" in held:
            continue
        start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)
        pages = []
        for part in range(3):
            items = [
                {{"meetingId": f"m{{number}}-{{row % 4}}", "email": f"p{{part}}-{{row}}@example.com",
                  "joinedTime": (start + timedelta(minutes=row)).isoformat()}}
                for row in range(40)
            ]
            body = json.dumps({{"items": items}}).encode()
            pages.append(writer.add_page(Request("GET", "attendees"), Response(200, now), body).seq)
        window = Window(start, start + timedelta(days=1))
        writer.commit_unit(Unit(f"unit {{number}}", "attendees", "s", window, tuple(pages), True, 120))
        if number % 2:
            ingest(archive)
    ingest(archive)
"""


def _killed_often(folder: Path, *, kills: int, seed: int) -> int:
    """Start again and again, killing each run at a random moment after it began; the number of runs it took."""
    chance = random.Random(seed)
    for run in range(1000):
        child = subprocess.Popen([sys.executable, "-c", COLLECT, str(folder)], stdout=subprocess.PIPE)
        with child:
            assert child.stdout is not None
            child.stdout.readline()
            if run < kills:
                time.sleep(chance.uniform(0, 0.6))
                child.kill()
        if child.returncode == 0:
            return run
    raise AssertionError("it never came to its end")


def _check(folder: Path) -> None:
    archive = Archive(folder)
    assert archive.evidence.verify() == ()
    held = archive.scan("attendees").select("meeting_id", "email", "joined_time").collect()
    assert held.height == held.unique().height == FINISHED * 120
    assert archive.scan("meetings").collect().height == FINISHED * 4
    assert archive.scan("collections").select(pl.col("rows").sum()).collect().item() == FINISHED * 120
    for page, item in archive.scan("attendees").select("page", "item").head(50).collect().rows():
        assert json.loads(archive.evidence.page(page))["items"][item]["email"]


@pytest.mark.slow
def test_a_collection_killed_again_and_again_ends_with_every_row_once(tmp_path: Path) -> None:
    _killed_often(tmp_path / "a", kills=4, seed=1)
    _check(tmp_path / "a")


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_kills_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    _killed_often(tmp_path / "a", kills=10, seed=seed)
    _check(tmp_path / "a")


def test_tables_left_half_way_are_completed(site) -> None:
    """The state says less than the tables have: as if killed between a table's commit and the state."""
    site.add("attendees", [{"meetingId": "m1", "email": "a@example.com"}])
    state = site.archive.path / "tables/state.json"
    before = state.read_bytes()
    site.add("attendees", [{"meetingId": "m2", "email": "b@example.com"}], days=(7, 8))
    state.write_bytes(before)
    again = ingest(Archive(site.archive.path))
    assert again.units == 1
    assert site.archive.scan("attendees").collect().height == 2
    assert site.archive.scan("collections").collect().height == 2
    assert site.archive.chain() == site.archive.evidence.chain()


def test_pages_of_a_unit_that_was_never_committed_bring_no_rows(site) -> None:
    from auditor.evidence.entry import Request, Response

    site.add("attendees", [{"meetingId": "m1", "email": "a@example.com"}])
    with Writer.open(site.archive.path, now=lambda: NOW) as writer:
        writer.add_page(Request("GET", "x"), Response(200, NOW), b'{"items":[{"email":"b@example.com"}]}')
    assert ingest(site.archive).units == 0
    assert site.archive.scan("attendees").collect().height == 1
    assert site.archive.evidence.verify() == ()


def test_a_table_whose_first_version_was_never_written_is_not_there_and_is_made(site) -> None:
    """As if killed, or out of room, between the folder of the log and the first version in it."""
    log = site.archive.path / "tables/attendees/_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json#1").write_bytes(b'{"protocol":')
    assert not site.archive.has("attendees")
    assert compared(site.archive).faults == []
    with damage_told(site.archive):
        site.add("attendees", [{"meetingId": "m1", "email": "a@example.com"}])
    assert site.archive.scan("attendees").collect().height == 1


def test_a_table_made_by_a_batch_that_was_not_finished_is_not_there_for_a_check(site) -> None:
    """As if killed before the rows were in the table, or before all other tables had theirs."""
    site.add("attendees", [{"meetingId": "m1", "email": "a@example.com"}])
    state = site.archive.path / "tables/state.json"
    before = state.read_bytes()
    site.add("people", [{"email": "a@example.com"}])
    state.write_bytes(before)
    assert site.archive.has("people")
    assert not Still(site.archive).has("people")
    (site.archive.path / "tables/people/_delta_log/00000000000000000001.json").unlink()
    assert not Still(site.archive).has("people")
    assert ingest(Archive(site.archive.path)).units == 1
    assert Still(site.archive).has("people")


def test_nothing_is_seen_of_a_first_batch_before_collections_have_it(site) -> None:
    """As if killed before the last commit of the first batch: the units are there, there is no state yet."""
    site.add("attendees", [{"meetingId": "m1", "email": "a@example.com"}])
    (site.archive.path / "tables/state.json").unlink()
    assert Still(site.archive).scan("attendees").collect().height == 1
    (site.archive.path / "tables/collections/_delta_log/00000000000000000001.json").unlink()
    assert not any(Still(site.archive).has(table) for table in ("attendees", "meetings", "collections", UNITS.name))
    assert Still(site.archive).units().collect().is_empty()


@pytest.mark.slow
def test_the_version_a_check_needs_stays_though_its_log_is_old(site) -> None:
    """As if killed before the state was written, where the log is old and due for a checkpoint."""
    site.add("attendees", [{"meetingId": "m1", "email": "a@example.com"}])
    store = Store(site.archive.path / "tables")
    while (held := store.held(ATTENDEES)).version < 98:
        store.commit(ATTENDEES, held, added=[], removed=[], applied=store.applied(ATTENDEES))
    log = site.archive.path / "tables/attendees/_delta_log"
    for path in log.iterdir():
        os.utime(path, (0, 0))
    state = site.archive.path / "tables/state.json"
    before = state.read_bytes()
    site.add("attendees", [{"meetingId": "m2", "email": "b@example.com"}], days=(7, 8))
    assert list(log.glob("*.checkpoint.parquet"))
    state.write_bytes(before)
    assert Still(site.archive).scan("attendees").collect().height == 1
    compact(site.archive.path, now=lambda: NOW)
    assert not (log / "00000000000000000098.json").exists()
    assert Still(site.archive).scan("attendees").collect().height == 2
