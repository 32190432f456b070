"""Tables as they are filled: one row a key, the newest page wins, whatever the order and however often."""

import json
import os
import random
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import FrameType

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from auditor.errors import ArchiveError
from auditor.evidence.entry import Request, Response, Unit
from auditor.evidence.writer import Writer
from auditor.model.window import Window
from auditor.tables.archive import Archive
from auditor.tables.draft import Draft
from auditor.tables.files import frame_schema
from auditor.tables.ingest import ingest
from auditor.tables.pieces import pieces
from auditor.tables.remake import compact, rebuild
from auditor.tables.schema import ATTENDEES, TABLES
from auditor.tables.still import held_still
from auditor.tables.store import Store

pytestmark = pytest.mark.slow

NOW = datetime(2026, 2, 1, tzinfo=UTC)
CORE = ("attendees", "participants", "devices", "breakouts", "meetings", "collections")


def attendee(meeting: int, person: str, *, minute: int = 0, **more: object) -> dict[str, object]:
    joined = datetime(2026, 1, 1 + meeting % 7, 10, minute, tzinfo=UTC)
    return {
        "meetingId": f"m{meeting}",
        "meetingTitle": f"Title {meeting}",
        "meetingNumber": str(meeting),
        "email": f"{person}@example.com",
        "joinedTime": joined.strftime("%Y-%m-%dT%H:%M:%SZ"),
        **more,
    }


def rows(archive: Archive, table: str) -> pl.DataFrame:
    return archive.scan(table).collect().sort(pl.all().exclude(pl.List), nulls_last=True)


def test_an_empty_archive_has_empty_tables_of_the_right_schema(site) -> None:
    for name, table in TABLES.items():
        frame = site.archive.scan(name).collect()
        assert (frame.schema, frame.height, site.archive.has(name)) == (table.schema, 0, False)


def test_rows_are_there_after_their_unit_was_committed(site) -> None:
    site.add("attendees", [attendee(1, "a"), attendee(1, "b")], [attendee(2, "a", duration=3)])
    found = rows(site.archive, "attendees")
    assert found.schema == ATTENDEES.schema
    assert found.select("meeting_id", "email", "duration", "item").rows() == [
        ("m1", "a@example.com", None, 0),
        ("m1", "b@example.com", None, 1),
        ("m2", "a@example.com", timedelta(minutes=3), 0),
    ]


def test_every_row_resolves_to_a_raw_record(site) -> None:
    people = [
        {"id": f"p{n}", "meetingId": "m1", "devices": [{"correlationId": "c"}], "breakoutSessionsAttended": [{}]}
        for n in range(3)
    ]
    site.add("attendees", [attendee(1, "a"), {"duration": "x"}, attendee(2, "b")])
    site.add("participants", people, meeting_id="m1")
    site.add("usage", [{"meetingId": "m9", "start": "2026-01-02T10:00:00Z"}])
    for name in CORE[:-1]:
        found = site.archive.scan(name).select("page", "item").collect()
        assert found.height
        for page, item in found.rows():
            assert isinstance(json.loads(site.archive.evidence.page(page))["items"][item], dict)


def test_the_same_window_again_adds_nothing_and_loses_nothing(site) -> None:
    page = [attendee(n, "a") for n in range(20)]
    site.add("attendees", page)
    before = rows(site.archive, "attendees")
    site.add("attendees", page)
    assert_frame_equal(rows(site.archive, "attendees"), before)
    assert site.made.duplicates == 20


def test_the_newest_page_wins_and_older_rows_that_are_gone_stay(site) -> None:
    site.add("attendees", [attendee(1, "a", leftTime=None), attendee(1, "b")])
    site.add("attendees", [attendee(1, "a", leftTime="2026-01-02T11:00:00Z")])
    found = rows(site.archive, "attendees")
    assert found["left_time"].to_list() == [datetime(2026, 1, 2, 11, tzinfo=UTC), None]


def test_the_last_of_equal_records_of_a_page_wins(site) -> None:
    site.add("attendees", [attendee(1, "a", duration=1), attendee(1, "b"), attendee(1, "a", duration=2)])
    assert rows(site.archive, "attendees").select("duration", "item").row(0) == (timedelta(minutes=2), 2)


def test_people_without_an_address_are_told_apart_by_name(site) -> None:
    nameless = [attendee(1, "a") | {"email": "", "displayName": name} for name in ("Call-in 1", "Call-in 2")]
    site.add("attendees", [*nameless, attendee(1, "a", displayName="A"), attendee(1, "a", displayName="Renamed")])
    assert rows(site.archive, "attendees")["display_name"].to_list() == ["Call-in 1", "Call-in 2", "Renamed"]


def test_nulls_in_a_key_are_equal(site) -> None:
    record = {"email": "a@example.com"}
    site.add("attendees", [record, record])
    assert rows(site.archive, "attendees").height == 1


def test_participants_without_an_id_stay_apart(site) -> None:
    people = [{"meetingId": "m1", "displayName": name, "devices": [{"audioType": "pstn"}]} for name in ("A", "B", "A")]
    site.add("participants", people, meeting_id="m1")
    assert rows(site.archive, "participants").height == 2
    assert rows(site.archive, "devices")["display_name"].to_list() == ["A", "B"]


def test_the_devices_of_the_newest_record_count_as_a_whole(site) -> None:
    first = {"id": "p1", "meetingId": "m1", "devices": [{"correlationId": "c1"}, {"correlationId": "c2"}]}
    other = {"id": "p2", "meetingId": "m1", "devices": [{"correlationId": "c1"}]}
    site.add("participants", [first, other], meeting_id="m1")
    site.add(
        "participants", [first | {"devices": [{"correlationId": "c3"}]}, other | {"devices": None}], meeting_id="m1"
    )
    assert rows(site.archive, "devices").select("participant_id", "correlation_id").rows() == [("p1", "c3")]


def test_devices_and_breakouts_of_a_record_stay_apart_whatever_tells_them_apart(site) -> None:
    calls = [{"audioType": "pstn", "phoneNumber": number} for number in ("+1", "+2", "+2")]
    rooms = [{"id": "b1", "leftTime": f"2026-01-02T1{hour}:00:00Z"} for hour in range(2)]
    site.add("participants", [{"id": "p1", "meetingId": "m1", "devices": calls, "breakoutSessionsAttended": rooms}])
    assert rows(site.archive, "devices")["phone_number"].to_list() == ["+1", "+2"]
    assert rows(site.archive, "breakouts")["left_time"].dt.hour().to_list() == [10, 11]


def test_a_meeting_seen_only_by_its_attendees_is_derived_from_the_earliest(site) -> None:
    site.add("attendees", [attendee(1, "b", minute=5), attendee(1, "a", meetingTitle="First")])
    (meeting,) = rows(site.archive, "meetings").rows(named=True)
    known = {name: value for name, value in meeting.items() if value is not None}
    (earliest,) = site.archive.scan("attendees").filter(pl.col("email") == "a@example.com").collect().rows(named=True)
    assert known == {
        "site_url": "example.webex.com",
        "meeting_id": "m1",
        "meeting_number": "1",
        "title": "First",
        "page": earliest["page"],
        "item": earliest["item"],
    }


def test_an_earlier_attendee_that_comes_later_tells_the_meeting(site) -> None:
    site.add("attendees", [attendee(1, "b", minute=5)])
    site.add("attendees", [attendee(1, "a", meetingTitle="First")], days=(7, 14))
    assert rows(site.archive, "meetings")["title"].to_list() == ["First"]


def test_a_derived_meeting_lets_go_of_a_record_that_a_newer_one_replaced(site) -> None:
    """Of two who joined first the one whose page has the smaller hash tells the meeting, while it has a row."""
    pages = [[attendee(1, "b", meetingTitle=f"Title {number}")] for number in range(20)]
    smallest, *_, largest = sorted(pages, key=lambda page: sha256(json.dumps({"items": page}).encode()).digest())
    site.add("attendees", [attendee(1, "a", meetingTitle="First")])
    site.add("attendees", smallest)
    assert rows(site.archive, "meetings")["title"].to_list() == [smallest[0]["meetingTitle"]]
    site.add("attendees", largest)
    assert rows(site.archive, "meetings")["title"].to_list() == ["First"]


def test_a_derived_meeting_is_the_same_whichever_way_its_records_came(site) -> None:
    """Answers and files are put into the tables one after the other when they are made again, and by turns before."""
    site.add("attendees", [attendee(1, "c", minute=20, meetingTitle="Third")])
    site.add("import:attendees", [attendee(1, "a", meetingTitle="First")], options={"names": "api"})
    site.add("attendees", [attendee(1, "b", minute=10, meetingTitle="Second")], days=(7, 14))
    before = rows(site.archive, "meetings")
    assert before["title"].to_list() == ["First"]
    rebuild(site.archive.path, now=lambda: NOW)
    assert_frame_equal(rows(Archive(site.archive.path), "meetings"), before)


@pytest.mark.parametrize("usage_first", [True, False])
def test_a_usage_record_stands_in_place_of_a_derived_meeting(site, *, usage_first: bool) -> None:
    usage = [{"meetingId": "m1", "meetingTitle": "Usage", "start": "2026-01-02T10:00:00Z"}]
    if usage_first:
        site.add("usage", usage)
    site.add("attendees", [attendee(1, "a")])
    if not usage_first:
        site.add("usage", usage)
    found = rows(site.archive, "meetings")
    assert found.select("meeting_id", "title", "start_time").rows() == [
        ("m1", "Usage", datetime(2026, 1, 2, 10, tzinfo=UTC))
    ]


def test_a_unit_is_one_collection(site) -> None:
    site.add("attendees", [attendee(1, "a")], days=(0, 7))
    site.add("participants", [{"id": "p", "duration": 1, "muted": "x"}], meeting_id="m1", days=(1, 2))
    found = rows(site.archive, "collections")
    assert found.select("endpoint", "complete", "rows").rows() == [("attendees", True, 1), ("participants", False, 1)]
    assert found["from_time"].to_list() == [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)]


def test_a_meeting_never_lies_in_two_files(site) -> None:
    chance = random.Random(3)
    for day in range(12):
        page = [
            attendee(chance.randrange(30), f"p{chance.randrange(9)}", minute=chance.randrange(50)) for _ in range(40)
        ]
        site.add("attendees", page, days=(day, day + 1))
    files = Store(site.archive.path / "tables").held(ATTENDEES)
    spread = files.clusters.group_by("cluster").len()
    assert spread["len"].max() == 1
    assert sum(files.rows.values()) == rows(site.archive, "attendees").height


def test_many_small_files_become_few(site) -> None:
    for day in range(18):
        site.add("attendees", [attendee(day, "a")], days=(day, day + 1))
    assert len(Store(site.archive.path / "tables").held(ATTENDEES).rows) < 18
    assert rows(site.archive, "attendees").height == 18


def test_compacting_changes_no_row_and_leaves_one_file(site) -> None:
    for day in range(5):
        site.add("attendees", [attendee(day, "a"), attendee(day + 1, "b")], days=(day, day + 1))
    before = {name: rows(site.archive, name) for name in CORE}
    compact(site.archive.path, now=lambda: NOW)
    again = Archive(site.archive.path)
    for name, frame in before.items():
        assert_frame_equal(rows(again, name), frame)
    assert len(list((site.archive.path / "tables/attendees").glob("*.parquet"))) == 1


def test_a_lost_page_stops_the_rebuilding_and_the_old_tables_stay(site) -> None:
    site.add("attendees", [attendee(1, "a")])
    next((site.archive.path / "evidence/pages").rglob("*.zst")).unlink()
    with pytest.raises(ArchiveError, match="is lost"):
        rebuild(site.archive.path, now=lambda: NOW)
    assert rows(Archive(site.archive.path), "attendees").height == 1


def test_tables_of_other_evidence_are_refused(site, new_site: Callable[[Path], object], tmp_path: Path) -> None:
    other = new_site(tmp_path / "other")
    site.add("attendees", [attendee(1, "a")])
    other.add("attendees", [attendee(2, "b")])
    (tmp_path / "other/evidence").rename(tmp_path / "taken")
    (site.archive.path / "evidence").rename(tmp_path / "other/evidence")
    with pytest.raises(ArchiveError, match="run archive rebuild"):
        ingest(Archive(tmp_path / "other"))


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    Archive.create(tmp_path / "a")
    (tmp_path / "a/archive.json").write_text('{"format": 2}')
    with pytest.raises(ArchiveError, match="format 2; this version reads up to 1"):
        Archive(tmp_path / "a")


@pytest.mark.parametrize("written", ["", "{}", "[1]", "[" * 100_000], ids=["empty", "none", "list", "deep"])
def test_a_damaged_mark_says_what_it_should_read(tmp_path: Path, written: str) -> None:
    Archive.create(tmp_path / "a")
    (tmp_path / "a/archive.json").write_text(written)
    with pytest.raises(ArchiveError, match=r'archive\.json is damaged; it should read \{"format": 1\}'):
        Archive(tmp_path / "a")


@pytest.mark.parametrize("made", ["missing", "folder", "file"])
def test_what_is_no_archive_is_refused(tmp_path: Path, made: str) -> None:
    place = tmp_path / "a"
    if made == "folder":
        place.mkdir()
    if made == "file":
        place.write_text("x")
    with pytest.raises(ArchiveError, match="is no archive"):
        Archive(place)


@pytest.mark.parametrize("left", [".archive.json.tmp", "evidence/.manifest.jsonl.tmp", "evidence/manifest.jsonl"])
def test_an_archive_whose_making_was_killed_is_made_again(tmp_path: Path, left: str) -> None:
    (tmp_path / left).parent.mkdir(exist_ok=True)
    (tmp_path / left).touch()
    assert Archive.create(tmp_path).evidence.verify() == ()
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")} - {left} == {
        "archive.json",
        "evidence",
        "evidence/manifest.jsonl",
    } - {left}


def test_of_two_who_make_one_archive_none_takes_away_what_the_other_wrote(tmp_path: Path) -> None:
    folder, before = tmp_path / "a", sys.getprofile()
    writers: list[Writer] = []

    def profile(frame: FrameType, event: str, arg: object) -> None:
        if event == "call" and frame.f_code.co_name == "make_private":
            sys.setprofile(before)
            Archive.create(folder)
            writers.append(Writer.open(folder, now=lambda: NOW))
            writers[0].add_page(Request("GET", "a"), Response(200, NOW), b"[1]")
            writers[0].flush()

    sys.setprofile(profile)
    try:
        Archive.create(folder)
    finally:
        sys.setprofile(before)
    with writers[0]:
        writers[0].add_page(Request("GET", "b"), Response(200, NOW), b"[2]")
    evidence = Archive(folder).evidence
    assert (len([*evidence.entries()]), evidence.verify()) == (2, ())


def test_all_who_make_one_archive_at_the_same_time_have_it(tmp_path: Path) -> None:
    at_once = threading.Barrier(4)

    def made(number: int) -> Path:
        at_once.wait(20)
        return Archive.create(tmp_path / str(number // 4)).path

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(made, range(40))] == [tmp_path / str(number // 4) for number in range(40)]


@pytest.mark.parametrize("left", ["evidence/manifest.jsonl", "evidence/letter.txt", "tables/attendees"])
def test_what_an_archive_holds_is_not_taken_for_one_being_made(tmp_path: Path, left: str) -> None:
    (tmp_path / left).parent.mkdir(exist_ok=True)
    (tmp_path / left).write_text("x", encoding="utf-8")
    with pytest.raises(ArchiveError, match="other things"):
        Archive.create(tmp_path)


def test_a_folder_with_other_things_does_not_become_an_archive(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("x")
    with pytest.raises(ArchiveError, match="other things"):
        Archive.create(tmp_path)


def test_everything_belongs_to_its_owner_alone(site) -> None:
    site.add("attendees", [attendee(1, "a")])
    site.add("usage", [{"meetingId": "m1"}])
    paths = [site.archive.path, *site.archive.path.rglob("*")]
    assert {oct(path.stat().st_mode & 0o777) for path in paths if path.is_dir()} == {"0o700"}
    assert {oct(path.stat().st_mode & 0o777) for path in paths if path.is_file()} == {"0o600"}


def test_sites_and_span_are_those_that_were_asked(site) -> None:
    site.add("attendees", [], days=(3, 10))
    site.add("attendees", [], days=(20, 21), site_url="other.webex.com")
    assert site.archive.sites() == ("example.webex.com", "other.webex.com")
    assert site.archive.span() == Window(datetime(2026, 1, 4, tzinfo=UTC), datetime(2026, 1, 22, tzinfo=UTC))
    assert site.archive.span(["other.webex.com"]) == Window(
        datetime(2026, 1, 21, tzinfo=UTC), datetime(2026, 1, 22, tzinfo=UTC)
    )


def test_a_site_is_known_from_attendees_of_no_meeting_too(site) -> None:
    """Such rows name no meeting that could tell of it, and the file they came in may be one of several sites."""
    site.add("attendees", [attendee(1, "a")])
    site.add("import:attendees", [{"siteUrl": "other.example", "displayName": "A"}], site_url=None)
    assert site.archive.sites() == ("example.webex.com", "other.example")


def test_the_facts_of_the_chain_are_the_same_from_the_tables(site) -> None:
    for day in range(3):
        site.add("attendees", [attendee(day, "a")], days=(day, day + 1))
    site.add("attendees", [attendee(9, "a")], days=(9, 10), visible=False)
    assert site.archive.chain() == site.archive.evidence.chain()


people = st.sampled_from(["a", "b", "c"])
some_rows = st.lists(
    st.builds(
        attendee,
        st.integers(0, 3),
        people,
        minute=st.integers(0, 2),
        duration=st.integers(0, 3),
        displayName=st.sampled_from(["A", "B"]),
    ),
    max_size=5,
)


def _batches(pages: list[list[dict[str, object]]]) -> list[pl.DataFrame]:
    from auditor.tables.decode import Page, decode
    from auditor.tables.kinds import KINDS

    return [
        decode(
            [Page(f"{seq:064x}", seq, json.dumps({"items": page}).encode(), "example.webex.com")], KINDS["attendees"]
        ).frames["attendees"]
        for seq, page in enumerate(pages)
    ]


def _put(folder: Path, batches: list[pl.DataFrame]) -> pl.DataFrame:
    store = Store(folder)
    for number, batch in enumerate(batches):
        draft = Draft(store, ATTENDEES)
        draft.upsert(batch)
        draft.commit(number)
    held = store.scan(ATTENDEES, list(Store(folder).held(ATTENDEES).names)).collect()
    assert held.schema == frame_schema(ATTENDEES)
    return held.sort(pl.all(), nulls_last=True)


@settings(max_examples=15)
@given(st.lists(some_rows, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_matters(
    tmp_path_factory: pytest.TempPathFactory, pages: list[list[dict[str, object]]], chance: random.Random
) -> None:
    batches = _batches(pages)
    shuffled = chance.sample(batches, len(batches)) + chance.sample(batches, len(batches))
    together = pl.concat(batches)
    one = _put(tmp_path_factory.mktemp("one"), batches)
    assert_frame_equal(_put(tmp_path_factory.mktemp("two"), shuffled), one)
    assert_frame_equal(_put(tmp_path_factory.mktemp("three"), [together]), one)


@settings(max_examples=6)
@given(st.lists(some_rows, min_size=1, max_size=5), st.lists(some_rows, max_size=2))
def test_rebuilding_gives_equal_rows(
    tmp_path_factory: pytest.TempPathFactory,
    pages: list[list[dict[str, object]]],
    usage: list[list[dict[str, object]]],
) -> None:
    archive = Archive.create(tmp_path_factory.mktemp("a") / "archive")
    week = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 8, tzinfo=UTC))
    for number, (endpoint, page) in enumerate(
        [*(("attendees", page) for page in pages), *(("usage", u) for u in usage)]
    ):
        with Writer.open(archive.path, now=lambda: NOW) as writer:
            body = json.dumps({"items": page}).encode()
            entry = writer.add_page(Request("GET", endpoint), Response(200, NOW), body)
            unit = Unit(f"{endpoint} {number % 3}", endpoint, "s", week, (entry.seq,), complete=True, rows=len(page))
            writer.commit_unit(unit)
        ingest(archive)
    before = {name: rows(archive, name) for name in CORE}
    units = archive.units().collect().sort("key")
    rebuild(archive.path, now=lambda: NOW)
    again = Archive(archive.path)
    for name, frame in before.items():
        assert_frame_equal(rows(again, name), frame)
    assert_frame_equal(again.units().collect().sort("key"), units)


@pytest.mark.parametrize("name", ["a%20b", "x/50%ab/y"])
def test_a_name_that_delta_lake_takes_for_another_one_is_refused(tmp_path: Path, name: str) -> None:
    """It would look for the tables in a folder called `a b`."""
    with pytest.raises(ArchiveError, match="choose another name"):
        Archive.create(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_no_utf8_is_refused(new_site, tmp_path: Path) -> None:
    name = os.fsdecode(b"a\xffb")
    with pytest.raises(ArchiveError, match="is no UTF-8; choose another name"):
        Archive.create(tmp_path / name / "x")
    assert list(tmp_path.iterdir()) == []
    new_site(tmp_path / "x").archive.path.rename(tmp_path / name)
    with pytest.raises(ArchiveError, match="is no UTF-8; choose another name"):
        Archive(tmp_path / name)


def test_a_percent_sign_that_stands_for_itself_is_not(new_site, tmp_path: Path) -> None:
    site = new_site(tmp_path / "100% of b")
    site.add("attendees", [{"meetingId": "m", "email": "a@example.com"}])
    assert site.archive.scan("attendees").collect().height == 1


@pytest.mark.parametrize("name", ["two words", "ümlaut 会议", "a#b?c"])
def test_an_archive_may_lie_in_a_folder_of_any_name(new_site, tmp_path: Path, name: str) -> None:
    """A log gives addresses of its files, in which such characters stand as %20 and the like."""
    site = new_site(tmp_path / name)
    archive = site.archive
    for day in (0, 7):
        site.add("attendees", [{"meetingId": f"m{day}", "email": "a@example.com"}], days=(day, day + 7))
    assert archive.scan("attendees").collect().height == 2
    with held_still(archive) as still:
        assert still.scan("attendees").collect().height == still.units().collect().height == 2
        assert sum(piece.collect().height for piece in pieces(still, "attendees")) == 2
