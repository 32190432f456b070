"""Evidence as it is written: durable, private, reproducible, one writer at a time."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import FrameType

import pytest

from auditor.errors import ArchiveError
from auditor.evidence.entry import GENESIS, PageEntry, Request, Response, RunEntry, Unit, UnitEntry
from auditor.evidence.line import canonical, chained
from auditor.evidence.lock import acquire
from auditor.evidence.page import Sealed, sealed
from auditor.evidence.reader import Evidence, last_line
from auditor.evidence.writer import Writer
from auditor.model.coverage import Gap
from auditor.model.vocabulary import GapReason
from auditor.model.window import Window

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
WEEK = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 8, tzinfo=UTC))
ASKED = Request("GET", "meetingReports/attendees", (("siteUrl", "example.webex.com"),))
ANSWER = Response(200, NOON)

Write = Callable[..., None]


def test_a_page_comes_back_byte_for_byte(tmp_path: Path) -> None:
    body = b'{"items":[{"email":"\xff\xfe\\ud800"}]}'
    with Writer.open(tmp_path, now=lambda: NOON) as writer:
        page = writer.add_page(ASKED, ANSWER, body)
    assert Evidence(tmp_path).page(page.sha256) == body


def test_an_empty_page_is_a_page(tmp_path: Path) -> None:
    with Writer.open(tmp_path, now=lambda: NOON) as writer:
        page = writer.add_page(ASKED, Response(204, NOON), b"")
    assert Evidence(tmp_path).page(page.sha256) == b""
    assert Evidence(tmp_path).verify() == ()


def test_entries_come_back_equal(tmp_path: Path) -> None:
    gap = Gap("attendees", "example.webex.com", WEEK, GapReason.RATE_LIMITED, "429 for an hour")
    with Writer.open(tmp_path, now=lambda: NOON) as writer:
        run = writer.begin_run({"window": None, "emails": ["eve@example.com"]})
        request = Request("POST", "meetingParticipants/query", (("meetingId", "m_I_1"),), (), {"emails": ["a", None]})
        page = writer.add_page(request, Response(200, NOON, (("link", '<x>; rel="next"'),)), b"{}")
        unit = writer.commit_unit(
            Unit("k", "participants", None, WEEK, (page.seq,), complete=False, rows=3, gaps=(gap,), options={"a": "b"})
        )
    assert list(Evidence(tmp_path).entries()) == [run, page, unit]
    assert isinstance(run, RunEntry)
    assert isinstance(page, PageEntry)
    assert isinstance(unit, UnitEntry)


def test_equal_bodies_are_stored_once(tmp_path: Path) -> None:
    with Writer.open(tmp_path, now=lambda: NOON) as writer:
        first, second = (writer.add_page(ASKED, ANSWER, b'{"items":[]}') for _ in range(2))
    assert (first.sha256, first.seq + 1) == (second.sha256, second.seq)
    assert len(list((tmp_path / "evidence/pages").rglob("*.zst"))) == 1


def test_a_page_made_ready_before_is_stored_as_any_page_is(tmp_path: Path) -> None:
    body = b'{"items":[{"email":"a@example.com"}]}'
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with Writer.open(tmp_path / "one", now=lambda: NOON) as writer:
        page = writer.add_page(ASKED, ANSWER, body)
    ready = Sealed(page.sha256, len(body), sealed(body))
    with Writer.open(tmp_path / "two", now=lambda: NOON) as writer:
        assert writer.add_sealed(ASKED, ANSWER, ready) == page
        assert writer.add_sealed(ASKED, ANSWER, ready).seq == page.seq + 1
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.zst")} for name in ("one", "two"))
    assert one == two
    assert ready.body() == body
    assert Evidence(tmp_path / "two").verify() == ()


@pytest.mark.parametrize("names", [(), ("at",), ("zone",), ("asked", "at", "kind", "zone")])
def test_a_line_is_the_canonical_json_of_its_entry_and_hash(names: tuple[str, ...]) -> None:
    fields = dict.fromkeys(names, "ä")
    line, link = chained(fields, 3, GENESIS)
    assert line == canonical({**fields, "seq": 3, "prev": GENESIS, "hash": link.hash})


def test_the_chain_is_a_function_of_what_was_asked_and_answered(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "one", range(3))
    write(tmp_path / "two", range(3))
    one, two = (tmp_path / name / "evidence/manifest.jsonl" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_a_second_writer_goes_on_with_the_chain(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(2))
    write(tmp_path, range(2, 4))
    evidence = Evidence(tmp_path)
    assert [entry.link.seq for entry in evidence.entries()] == list(range(14))
    assert evidence.verify() == ()


def test_the_latest_unit_of_a_key_speaks(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(3))
    write(tmp_path, range(1, 2), pages=5)
    assert [(entry.unit.key, entry.unit.rows) for entry in Evidence(tmp_path).units()] == [
        ("attendees 0", 2),
        ("attendees 2", 2),
        ("attendees 1", 5),
    ]


def test_the_head_of_nothing_is_zeros(tmp_path: Path) -> None:
    assert Evidence(tmp_path).head == GENESIS


def test_the_head_is_that_of_the_last_entry_however_long_it_is(tmp_path: Path) -> None:
    with Writer.open(tmp_path, now=lambda: NOON) as writer:
        writer.begin_run({"text": "a"})
        writer.begin_run({"text": "x" * 200_000})
        assert Evidence(tmp_path).head == GENESIS
        writer.flush()
        assert Evidence(tmp_path).head == writer.head


def test_the_end_of_a_long_last_entry_is_not_read_over_and_over(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_bytes(b"{}\n" + b"x" * 16_000_000 + b"\n")
    began = time.process_time()
    assert last_line(manifest) == b"x" * 16_000_000
    assert time.process_time() - began < 2


@pytest.mark.parametrize("end", [b"\n", b"\n\n", b"{}\n\n"])
def test_a_blank_last_line_is_a_damaged_entry_and_no_empty_chain(tmp_path: Path, write: Write, end: bytes) -> None:
    write(tmp_path, range(1))
    manifest = tmp_path / "evidence" / "manifest.jsonl"
    manifest.write_bytes(before := manifest.read_bytes() + end)
    with pytest.raises(ArchiveError, match="damaged entry"):
        assert Evidence(tmp_path).head
    with pytest.raises(ArchiveError, match="damaged entry"):
        write(tmp_path, range(1, 2))
    assert manifest.read_bytes() == before


def test_files_and_folders_belong_to_their_owner_alone(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "a", range(1))
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "a").rglob("*") if path.is_file()}
    folders = {path.stat().st_mode & 0o777 for path in (tmp_path / "a").rglob("*") if path.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})


def test_a_unit_cannot_cite_a_page_of_another_run(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(1))
    with Writer.open(tmp_path, now=lambda: NOON) as writer, pytest.raises(ArchiveError, match="did not add"):
        writer.commit_unit(Unit("k", "attendees", None, WEEK, (1,), complete=True, rows=0))


def test_a_second_writer_is_told_who_has_the_archive(tmp_path: Path) -> None:
    with (
        Writer.open(tmp_path, now=lambda: NOON),
        pytest.raises(ArchiveError, match=r"in use by process \d+ on .+ since 2026-01-05T12:00:00.000000Z"),
        Writer.open(tmp_path, now=lambda: NOON),
    ):
        pass


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    script = (
        "import os, sys\nfrom datetime import UTC, datetime\nfrom pathlib import Path\n"
        "from auditor.evidence.writer import Writer\n"
        "Writer.open(Path(sys.argv[1]), now=lambda: datetime.now(UTC))\nos.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert json.loads((tmp_path / "lock").read_bytes())["pid"]
    with Writer.open(tmp_path, now=lambda: NOON) as writer:
        writer.begin_run({})
    assert (tmp_path / "lock").read_bytes() == b""


def test_who_could_not_write_who_has_the_archive_does_not_have_it(tmp_path: Path, full_disk) -> None:
    with full_disk(0), pytest.raises(OSError, match="too large"):
        acquire(tmp_path, NOON)
    acquire(tmp_path, NOON).release()


def test_a_torn_last_line_is_cut(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(1))
    manifest = tmp_path / "evidence/manifest.jsonl"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole + b'{"at":"2026-01')
    assert len(list(Evidence(tmp_path).entries())) == 4
    write(tmp_path, range(1, 2))
    assert manifest.read_bytes().startswith(whole)
    assert Evidence(tmp_path).verify() == ()


def test_pages_without_an_entry_go_after_a_kill_only(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(1))
    stray = tmp_path / "evidence/pages/ab" / f"ab{'0' * 62}.zst"
    stray.parent.mkdir()
    stray.write_bytes(b"x")
    write(tmp_path, range(1, 2))
    assert stray.exists()
    (tmp_path / "lock").write_bytes(b"{}")
    write(tmp_path, range(2, 3))
    assert not stray.exists()
    assert Evidence(tmp_path).verify() == ()


def test_pages_older_than_what_was_killed_stay_when_the_manifest_is_lost(tmp_path: Path, write: Write) -> None:
    """They are all the evidence there is: nothing that was killed lately left them."""
    write(tmp_path, range(3))
    pages = sorted((tmp_path / "evidence/pages").rglob("*.zst"))
    for path in pages:
        os.utime(path, (path.stat().st_mtime - 3_600,) * 2)
    stray = tmp_path / "evidence/pages/ab" / f"ab{'0' * 62}.zst"
    stray.parent.mkdir(exist_ok=True)
    (tmp_path / "lock").write_bytes(b"{}")
    (tmp_path / "evidence/manifest.jsonl").unlink()
    stray.write_bytes(b"x")
    with Writer.open(tmp_path, now=lambda: NOON):
        pass
    assert not stray.exists()
    assert [path for path in pages if path.exists()] == pages


def test_what_a_killed_run_left_goes_also_when_the_next_one_was_killed_at_once(tmp_path: Path, write: Write) -> None:
    """The second left its name in the lock before it removed anything: the first is still the one that left pages."""
    write(tmp_path, range(1))
    lock, stray = tmp_path / "lock", tmp_path / "evidence/pages/ab" / f"ab{'0' * 62}.zst"
    stray.parent.mkdir(exist_ok=True)
    for path, ago in ((lock, 200), (stray, 100)):
        path.write_bytes(b"{}")
        os.utime(path, (path.stat().st_mtime - ago,) * 2)
    script = (
        "import os, sys\nfrom datetime import UTC, datetime\nfrom pathlib import Path\n"
        "from auditor.evidence.lock import acquire\n"
        "acquire(Path(sys.argv[1]), datetime.now(UTC))\nos.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert json.loads(lock.read_bytes())["pid"]
    assert stray.exists()
    with Writer.open(tmp_path, now=lambda: NOON):
        pass
    assert not stray.exists()


def test_what_a_killed_run_left_goes_also_when_the_clock_was_set_back_during_it(tmp_path: Path) -> None:
    script = (
        "import os, sys\nfrom datetime import UTC, datetime\nfrom pathlib import Path\n"
        "from auditor.evidence.writer import Writer\n"
        "folder = Path(sys.argv[1])\nwriter = Writer.open(folder, now=lambda: datetime.now(UTC))\n"
        "began = (folder / 'lock').stat().st_mtime + 3_600\nos.utime(folder / 'lock', (began, began))\n"
        "writer.store(b'{}')\nos.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert [*(tmp_path / "evidence/pages").rglob("*.zst")]
    with Writer.open(tmp_path, now=lambda: NOON):
        pass
    assert not [*(tmp_path / "evidence/pages").rglob("*.zst")]


def test_threads_share_a_writer(tmp_path: Path) -> None:
    with Writer.open(tmp_path, now=lambda: NOON) as writer:

        def add(number: int) -> None:
            for part in range(20):
                writer.add_page(ASKED, ANSWER, f"{number} {part % 7}".encode())

        threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert Evidence(tmp_path).chain().pages == 120
    assert Evidence(tmp_path).verify() == ()


def test_the_facts_of_the_chain_add_up(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(3))
    chain = Evidence(tmp_path).chain()
    assert (chain.entries, chain.pages, chain.head) == (10, 6, Evidence(tmp_path).head)
    assert (chain.first_fetched_at, chain.last_fetched_at) == (NOON, NOON)


FULL = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from auditor.evidence.entry import Request, Response
from auditor.evidence.writer import Writer

now = datetime(2026, 1, 5, 12, tzinfo=UTC)
with Writer.open(Path(sys.argv[1]), now=lambda: now) as writer:
    for number in range(40):
        writer.begin_run({"number": number})
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
        try:
            writer.add_page(Request("GET", "x"), Response(200, now), bytes(range(256)) * number)
            writer.flush()
        except OSError:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            writer.flush()
"""


def test_a_full_disk_tears_nothing_and_the_writer_goes_on(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    evidence = Evidence(tmp_path)
    assert evidence.verify() == ()
    assert [entry.link.seq for entry in evidence.entries()] == list(range(evidence.chain().entries))
    assert sum(isinstance(entry, RunEntry) for entry in evidence.entries()) == 40
    assert (tmp_path / "lock").read_bytes() == b""


def _interrupted(folder: Path, *, call: int) -> bool:
    """Two pages and a unit, with an interrupt where Python sees one: at a call the writer makes; whether it came."""
    before, seen = sys.getprofile(), 0

    def profile(frame: FrameType, event: str, _: object) -> None:
        nonlocal seen
        asks = frame.f_back if event == "call" else frame
        if asks is None or not asks.f_code.co_filename.endswith("auditor/evidence/writer.py"):
            return
        seen += event in {"call", "c_return"}
        if seen == call:
            sys.setprofile(before)
            raise KeyboardInterrupt

    folder.mkdir()
    try:
        with Writer.open(folder, now=lambda: NOON) as writer:
            page = Sealed(sha256(b'{"items":[2]}').hexdigest(), 13, sealed(b'{"items":[2]}'))
            sys.setprofile(profile)
            first = writer.add_page(ASKED, ANSWER, b'{"items":[1]}')
            second = writer.add_sealed(ASKED, ANSWER, page)
            pages = (first.seq, second.seq)
            writer.commit_unit(Unit("k", "attendees", None, WEEK, pages, complete=True, rows=2))
            sys.setprofile(before)
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(before)
    return False


def test_an_interrupt_leaves_no_page_without_an_entry_and_no_entry_without_a_page(tmp_path: Path) -> None:
    call = 1
    while _interrupted(folder := tmp_path / str(call), call=call):
        assert (folder / "lock").read_bytes() == b""
        assert Evidence(folder).verify() == (), call
        call += 1
    assert call > 50
