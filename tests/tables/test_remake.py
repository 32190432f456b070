"""Archives made anew: a person erased, old records removed, nothing else changed."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlencode

import polars as pl
import pytest
import zstandard
from polars.testing import assert_frame_equal

from auditor.audit import Request as Judging
from auditor.audit import check
from auditor.errors import ArchiveError
from auditor.evidence.entry import ERASED, PageEntry, Request, Response, TombstoneEntry, Unit, UnitEntry
from auditor.evidence.page import page_name, seal_of
from auditor.evidence.person import Person
from auditor.evidence.reader import Evidence
from auditor.evidence.writer import Writer
from auditor.model.window import Window
from auditor.tables.archive import Archive
from auditor.tables.bring import bring
from auditor.tables.ingest import ingest
from auditor.tables.load import Asked
from auditor.tables.remake import compact, erase, prune, rebuild
from tests.pack import bundled_rules

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY0 = datetime(2026, 1, 1, tzinfo=UTC)
EVE = "eve.smith+x@example.com"
TABLES = ("attendees", "participants", "devices", "breakouts", "meetings")


def attendee(person: str, day: float = 1, **more: object) -> dict[str, object]:
    return {
        "meetingId": f"m{int(day)}",
        "email": person,
        "joinedTime": (DAY0 + timedelta(days=day)).isoformat(),
        "leftTime": (DAY0 + timedelta(days=day, hours=1)).isoformat(),
        **more,
    }


@pytest.fixture
def people(site) -> Archive:
    """Eve is an attendee, a participant with devices, a host, a name in a request and in a run."""
    with Writer.open(site.archive.path, now=lambda: NOW) as writer:
        writer.begin_run({"emails": [EVE, "bob@example.com"], "sites": ["example.webex.com"]})
        request = Request(
            "POST",
            "meetingParticipants/query",
            (("meetingId", "m1"),),
            (),
            {"emails": [EVE.upper(), "bob@example.com"]},
        )
        body = [
            {"id": "p1", "meetingId": "m1", "email": EVE, "devices": [{"correlationId": "c"}]},
            {"id": "p2", "meetingId": "m1", "email": "bob@example.com", "breakoutSessionsAttended": [{"id": "b"}]},
        ]
        page = writer.add_page(request, Response(200, NOW), json.dumps({"items": body}).encode())
        query = (("meetingId", "m1"), ("hostEmail", EVE))
        link = ("link", f'</v1/meetings?hostEmail={quote(EVE, safe="")}>; rel="next"')
        other = writer.add_page(Request("GET", "meetings", query), Response(200, NOW, (link,)), b'{"items":[]}')
        week = Window(DAY0, DAY0 + timedelta(days=7))
        pages = (page.seq, other.seq)
        writer.commit_unit(Unit("participants m1", "participants", "s", week, pages, complete=True, rows=2))
        writer.add_page(Request("GET", "broken"), Response(200, NOW), f"<html>{EVE}".encode())
    escaped = json.dumps({"items": [attendee(EVE), attendee("bob@example.com")]}).replace("@", "\\u0040").encode()
    site.add("attendees", escaped)
    site.add("attendees", [attendee("steve.smith+x@example.com"), attendee("Eve.Smith+x@EXAMPLE.com", 2)], days=(7, 8))
    site.add("usage", [{"meetingId": "m1", "hostEmail": EVE}, {"meetingId": "m2", "hostEmail": "bob@example.com"}])
    return site.archive


def everything(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file of an archive, and every page and column of text decompressed."""
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            yield path, content
            if path.suffix == ".zst":
                yield path, zstandard.ZstdDecompressor().decompress(content)
            if path.suffix == ".parquet":
                yield path, pl.read_parquet(path).write_ndjson().encode()
            if path.suffix in {".json", ".jsonl"}:
                yield path, b"\n".join(content.replace(b"\\u0040", b"@").splitlines())


def test_no_byte_of_the_archive_holds_the_person(people: Archive) -> None:
    erase(people.path, EVE, now=lambda: NOW)
    forms = {EVE, quote(EVE), quote(EVE, safe=""), json.dumps(EVE).replace("@", "\\u0040").strip('"')}
    for path, content in everything(people.path):
        for form in forms:
            assert form.lower().encode() not in content.lower().replace(b"steve.smith", b"somebody"), path
        assert not Person(EVE).named_in(content.decode("utf-8", "replace")), path


@pytest.mark.parametrize("name", [f"{EVE}.json", f"export-{EVE}_1.json", f"{EVE.upper()}.csv.json"])
def test_the_name_of_an_imported_file_is_forgotten_too(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(json.dumps([attendee(EVE, participantType="HOST"), attendee("bob@example.com")]), encoding="utf-8")
    folder = tmp_path / "archive"
    bring(folder, [file], Asked(site_url="example.webex.com"), now=lambda: NOW)
    erase(folder, EVE, now=lambda: NOW)
    for path, content in everything(folder):
        assert EVE.lower().encode() not in content.lower(), path
    archive = Archive(folder)
    assert archive.evidence.verify() == ()
    assert archive.scan("attendees").collect()["email"].to_list() == ["bob@example.com"]


@pytest.mark.parametrize(
    "remake",
    [
        lambda path: erase(path, EVE, now=lambda: NOW),
        lambda path: prune(path, DAY0 + timedelta(days=5), now=lambda: NOW),
    ],
)
def test_every_page_made_anew_has_the_seal_its_entry_tells(people: Archive, remake: Callable[[Path], object]) -> None:
    remake(people.path)
    entries = [entry for entry in Evidence(people.path).entries() if isinstance(entry, PageEntry)]
    pages = people.path / "evidence" / "pages"
    assert [entry.seal for entry in entries] == [
        seal_of((pages / page_name(entry.sha256)).read_bytes()) for entry in entries
    ]


def test_the_archive_verifies_and_its_tables_are_those_of_its_evidence(people: Archive) -> None:
    erase(people.path, EVE, now=lambda: NOW)
    archive = Archive(people.path)
    assert archive.evidence.verify() == ()
    before = {name: archive.scan(name).collect().sort("page", "item") for name in TABLES}
    rebuild(people.path, now=lambda: NOW)
    for name, frame in before.items():
        assert_frame_equal(Archive(people.path).scan(name).collect().sort("page", "item"), frame)


def test_indexes_stay_and_everybody_else_is_still_there(people: Archive) -> None:
    before = people.scan("attendees").select("email", "item", "joined_time").collect()
    erase(people.path, EVE, now=lambda: NOW)
    after = Archive(people.path).scan("attendees").select("email", "item", "joined_time").collect()
    kept = before.filter(pl.col("email") != EVE)
    assert_frame_equal(after.sort(pl.all()), kept.sort(pl.all()))
    assert sorted(after["email"]) == ["bob@example.com", "steve.smith+x@example.com"]
    assert Archive(people.path).scan("devices").collect().is_empty()
    assert Archive(people.path).scan("breakouts").collect().height == 1


def test_an_erased_item_is_no_gap(people: Archive) -> None:
    erase(people.path, EVE, now=lambda: NOW)
    assert Archive(people.path).units().collect()["gaps"].null_count() == 4


def test_a_record_that_has_the_address_under_a_name_that_stands_twice_is_erased(site) -> None:
    twice = json.dumps(attendee("bob@example.com"))[:-1] + f', "hostEmail": "{EVE}", "hostEmail": "x@example.com"}}'
    site.add("attendees", f'{{"items": [{twice}, {json.dumps(attendee("carol@example.com"))}]}}'.encode())
    assert erase(site.archive.path, EVE, now=lambda: NOW).items == 1
    assert Archive(site.archive.path).scan("attendees").collect()["email"].to_list() == ["carol@example.com"]


def test_requests_and_runs_name_the_person_no_more(people: Archive) -> None:
    erase(people.path, EVE, now=lambda: NOW)
    entries = list(Evidence(people.path).entries())
    pages = [entry for entry in entries if isinstance(entry, PageEntry)]
    assert pages[0].request.body == {"emails": [None, "bob@example.com"]}
    assert pages[1].request == Request("", "")
    assert pages[1].response.headers == ()
    assert entries[0].asked == {"emails": [None, "bob@example.com"], "sites": ["example.webex.com"]}


@pytest.mark.parametrize("title", ["talk with bob@example.com", "bob@example.com"])
def test_a_link_that_names_the_person_goes(site, title: str) -> None:
    link = ("link", f'</v1/meetingReports/attendees?{urlencode({"meetingTitle": title})}>; rel="next"')
    with Writer.open(site.archive.path, now=lambda: NOW) as writer:
        request = Request("GET", "meetingReports/attendees", (("meetingTitle", title),))
        writer.add_page(request, Response(200, NOW, (link, ("date", "x"))), b'{"items":[]}')
    erase(site.archive.path, "bob@example.com", now=lambda: NOW)
    (entry,) = (entry for entry in site.archive.evidence.entries() if isinstance(entry, PageEntry))
    assert (entry.request, entry.response.headers) == (ERASED, (("date", "x"),))


def test_a_tombstone_maps_old_pages_to_new_ones(people: Archive) -> None:
    old = [entry for entry in people.evidence.entries() if isinstance(entry, PageEntry)]
    head = people.evidence.head
    removed = erase(people.path, EVE, now=lambda: NOW)
    entries = list(Evidence(people.path).entries())
    tombstone = entries[-1]
    assert isinstance(tombstone, TombstoneEntry)
    assert (tombstone.reason, tombstone.at, tombstone.items, len(tombstone.pages)) == ("erase", NOW, 5, 5)
    assert (removed.items, removed.pages) == (5, 5)
    assert head in tombstone.heads
    new = [entry for entry in entries if isinstance(entry, PageEntry)]
    for before, after in zip(old, new, strict=True):
        assert after.sha256 == tombstone.pages.get(before.sha256, before.sha256)


def test_an_earlier_head_is_named_with_its_erasure(people: Archive) -> None:
    head = people.evidence.head
    erase(people.path, EVE, now=lambda: NOW)
    (fault,) = Evidence(people.path).verify(head)
    assert "claims this head for an erasure" in fault.what


def test_units_say_that_their_null_items_are_meant(people: Archive) -> None:
    erase(people.path, EVE, now=lambda: NOW)
    units = [entry for entry in Evidence(people.path).entries() if isinstance(entry, UnitEntry)]
    assert [entry.redacted for entry in units] == [True, True, True, True]


def test_an_erased_archive_grows_on(people: Archive, site) -> None:
    erase(people.path, EVE, now=lambda: NOW)
    site.archive = Archive(people.path)
    site.add("attendees", [attendee("carol@example.com", 9)], days=(8, 10))
    assert "carol@example.com" in site.archive.scan("attendees").collect()["email"]
    assert site.archive.evidence.verify() == ()
    erase(people.path, "carol@example.com", now=lambda: NOW)
    assert Evidence(people.path).verify() == ()
    assert "carol@example.com" not in Archive(people.path).scan("attendees").collect()["email"]


def test_pruning_removes_what_ended_before(site) -> None:
    site.add("attendees", [attendee("a@example.com", day) for day in (0.5, 3, 5)] + [{"email": "b@example.com"}])
    site.add("participants", [{"id": "p", "meetingId": "m0"}], days=(0, 1), meeting_id="m0")
    site.add("participants", [{"id": "q", "meetingId": "m5"}], days=(5, 6), meeting_id="m5")
    before = DAY0 + timedelta(days=4)
    removed = prune(site.archive.path, before, now=lambda: NOW)
    archive = Archive(site.archive.path)
    assert removed.items == 3
    assert archive.scan("attendees").collect().sort("item").select("email", "item").rows() == [
        ("a@example.com", 2),
        ("b@example.com", 3),
    ]
    assert archive.scan("participants").collect()["participant_id"].to_list() == ["q"]
    assert archive.evidence.verify() == ()
    assert list(archive.evidence.entries())[-1].before == before


def test_pruning_forgets_old_requests_and_links_also_of_a_page_that_came_again(site) -> None:
    """An empty answer is one page however often it comes, so it is as young as the newest request for it."""
    old, young = NOW - timedelta(days=400), NOW - timedelta(days=4)
    link = ("link", f'</v1/meetings?hostEmail={quote(EVE, safe="")}>; rel="next"')
    kind = ("content-type", "application/json")
    host = Request("GET", "meetings", (("hostEmail", EVE),))
    people = Request("POST", "meetingParticipants/query", body={"emails": [EVE]})
    with Writer.open(site.archive.path, now=lambda: NOW) as writer:
        for at in (old, young):
            for request in (host, people):
                writer.add_page(request, Response(200, at, (kind, link)), b'{"items":[]}')
    prune(site.archive.path, NOW - timedelta(days=90), now=lambda: NOW)
    entries = [entry for entry in Evidence(site.archive.path).entries() if isinstance(entry, PageEntry)]
    assert [entry.request for entry in entries] == [ERASED, replace(people, body=None), host, people]
    assert [entry.response.headers for entry in entries] == [(kind,), (kind,), (kind, link), (kind, link)]
    assert Evidence(site.archive.path).verify() == ()


def test_pruning_twice_removes_nothing_more(site) -> None:
    site.add("attendees", [attendee("a@example.com", day) for day in (0.5, 5)])
    before = DAY0 + timedelta(days=4)
    assert prune(site.archive.path, before, now=lambda: NOW).items == 1
    assert prune(site.archive.path, before, now=lambda: NOW).items == 0


def test_an_archive_without_pages_forgets_whom_a_run_asked_for(site) -> None:
    with Writer.open(site.archive.path, now=lambda: NOW) as writer:
        writer.begin_run({"emails": [EVE]})
    erase(site.archive.path, EVE, now=lambda: NOW)
    assert next(iter(Evidence(site.archive.path).entries())).asked == {"emails": [None]}
    assert Evidence(site.archive.path).verify() == ()


def test_a_held_archive_is_not_rewritten(people: Archive) -> None:
    with (
        Writer.open(people.path, now=lambda: NOW),
        pytest.raises(ArchiveError, match="in use by process"),
    ):
        erase(people.path, EVE, now=lambda: NOW)


KILLED = """
import os, sys, threading, time
from datetime import UTC, datetime
from pathlib import Path
from auditor.tables.remake import erase
import polars, deltalake
print("ready", flush=True)
threading.Thread(target=lambda: (time.sleep(float(sys.argv[2])), os.kill(os.getpid(), 9)), daemon=True).start()
erase(Path(sys.argv[1]), sys.argv[3], now=lambda: datetime(2026, 3, 1, tzinfo=UTC))
"""


@pytest.mark.parametrize("after", [0.01, 0.05, 0.1, 0.2, 0.4])
def test_an_erasure_killed_midway_can_be_done_again(people: Archive, after: float) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(people.path), str(after), EVE], check=False, capture_output=True)
    erase(people.path, EVE, now=lambda: NOW)
    archive = Archive(people.path)
    ingest(archive)
    assert archive.evidence.verify() == ()
    assert sorted(archive.scan("attendees").collect()["email"]) == ["bob@example.com", "steve.smith+x@example.com"]
    assert sorted(path.name for path in people.path.iterdir()) == ["archive.json", "evidence", "lock", "tables"]
    for _, content in everything(people.path):
        assert not Person(EVE).named_in(content.decode("utf-8", "replace"))


@pytest.mark.parametrize("harm", ["changed", "swapped", "twice", "lost", "emptied", "cut"])
def test_a_manifest_that_does_not_hold_together_is_not_written_anew(people: Archive, harm: str) -> None:
    """Afterwards nobody could tell what was done to it, nor find the pages it told of."""
    manifest = people.path / "evidence/manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    harmed = {
        "changed": [lines[0].replace(b"bob@", b"rob@"), *lines[1:]],
        "swapped": [lines[1], lines[0], *lines[2:]],
        "twice": [lines[0], *lines],
        "lost": None,
        "emptied": [],
        "cut": lines[:-1],
    }[harm]
    assert harmed != lines
    if harmed is None:
        manifest.unlink()
    else:
        manifest.write_bytes(b"".join(harmed))
    before = {path: path.read_bytes() for path in people.path.rglob("*") if path.is_file()}
    for work in (
        lambda: erase(people.path, EVE, now=lambda: NOW),
        lambda: prune(people.path, NOW, now=lambda: NOW),
    ):
        with pytest.raises(ArchiveError, match="see archive verify"):
            work()
    assert {path: path.read_bytes() for path in people.path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("left", [None, 0, 1])
def test_whoever_needs_the_manifest_that_was_lost_says_so(people: Archive, left: int | None, tmp_path: Path) -> None:
    manifest = people.path / "evidence/manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.unlink() if left is None else manifest.write_bytes(b"".join(lines[:left]))
    file = tmp_path / "a.json"
    file.write_text(json.dumps([attendee("bob@example.com")]), encoding="utf-8")
    before = {path: path.read_bytes() for path in people.path.rglob("*") if path.is_file()}
    for work in (
        lambda: compact(people.path, now=lambda: NOW),
        lambda: bring(people.path, [file], Asked(kind="attendees", site_url="s"), now=lambda: NOW),
        # a rule that finds nothing cites no page
        lambda: check(people, bundled_rules(), request=Judging(only=("BOT-001",)), now=NOW),
    ):
        with pytest.raises(ArchiveError, match="was lost or cut, and the tables hold more than it tells"):
            work()
    if not left:
        with pytest.raises(ArchiveError, match="is lost, and tables cannot be made of pages alone"):
            rebuild(people.path, now=lambda: NOW)
    assert {path: path.read_bytes() for path in people.path.rglob("*") if path.is_file()} == before


def test_a_folder_that_is_no_archive_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("x")
    for work in (lambda: rebuild(tmp_path, now=lambda: NOW), lambda: erase(tmp_path, EVE, now=lambda: NOW)):
        with pytest.raises(ArchiveError, match="is no archive"):
            work()
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_requests_and_files_of_what_was_pruned_name_nobody(tmp_path: Path) -> None:
    folder, file = tmp_path / "archive", tmp_path / f"{EVE}.json"
    file.write_text(json.dumps([attendee("bob@example.com", 0)]), encoding="utf-8")
    bring(folder, [file], Asked(kind="attendees", site_url="s"), now=lambda: DAY0)
    with Writer.open(folder, now=lambda: NOW) as writer:
        for day in (0, 9):
            query = (("meetingId", "m"), ("hostEmail", f"host{day}@example.com"))
            link = ("link", f'</v1/meetingParticipants?hostEmail=host{day}%40example.com&cursor=1>; rel="next"')
            response = Response(200, NOW, (("content-type", "application/json"), link))
            page = writer.add_page(Request("GET", "meetingParticipants", query), response, b'{"items":[%d]}' % day)
            week = Window(DAY0 + timedelta(days=day), DAY0 + timedelta(days=day + 1))
            writer.commit_unit(
                Unit(f"participants m{day}", "participants", "s", week, (page.seq,), complete=True, rows=1)
            )
    prune(folder, DAY0 + timedelta(days=5), now=lambda: NOW)
    file_page, old, new = (entry for entry in Evidence(folder).entries() if isinstance(entry, PageEntry))
    assert (file_page.request, old.request) == (Request("", ""), Request("", ""))
    assert old.response.headers == (("content-type", "application/json"),)
    assert new.request.query[1] == ("hostEmail", "host9@example.com")
    assert len(new.response.headers) == 2
    assert EVE.encode() not in (folder / "evidence/manifest.jsonl").read_bytes()
    assert Evidence(folder).verify() == ()
