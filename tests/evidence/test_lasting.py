"""What is on disk before an entry speaks of it: the names in folders too, as the system is asked for them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.evidence.reader import Evidence

TRACED = ["strace", "-f", "-y", "-s", "300", "-e", "trace=fsync,mkdir,rename,write"]
PREPARE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from auditor.evidence.entry import Request, Response, Unit
from auditor.evidence.writer import Writer
from auditor.model.window import Window
from auditor.tables import remake
from auditor.tables.archive import Archive

noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
week = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 8, tzinfo=UTC))
archive = Archive.create(Path(sys.argv[1]))
"""
COLLECT = """
with Writer.open(archive.path, now=lambda: noon) as writer:
    for number in range(3):
        body = b'{"items":[{"meetingId":"m%d","email":"p%d@example.com"}]}' % (number, number)
        page = writer.add_page(Request("GET", "meetingReports/attendees"), Response(200, noon), body)
        done = Unit(f"{number}", "attendees", "example.webex.com", week, (page.seq,), complete=True, rows=1)
        writer.commit_unit(done)
"""
ERASE = "remake.erase(archive.path, 'p1@example.com', now=lambda: noon)"


def _may_be_traced() -> bool:
    try:
        return subprocess.run([*TRACED, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not _may_be_traced(), reason="nobody may look at what a process asks of the system")


def calls(script: str, folder: Path, log: Path) -> list[tuple[str, str]]:
    """What the script asked of the system, in order: the name of the call, and the path it was about."""
    asked = [*TRACED, "-o", str(log), sys.executable, "-c", PREPARE + script, str(folder)]
    subprocess.run(asked, check=True, env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"})
    found = re.finditer(r'(\w+)\((?:\d+<([^>]*)>|"([^"]*)")(?:, "([^"]*)")?.*= \d+', log.read_text(errors="replace"))
    return [(call[1], call[4] if call[1] == "rename" else call[2] or call[3]) for call in found]


def unsynced(done: list[tuple[str, str]], below: Path) -> set[str]:
    """The folders made, and files put in place, of which nobody brought the name to disk."""
    names: set[str] = set()
    for call, path in done:
        if call in {"mkdir", "rename"} and path.startswith(str(below)):
            names.add(path)
        elif call == "fsync":
            names = {name for name in names if str(Path(name).parent) != path}
    return names


def test_the_folders_of_pages_and_entries_are_on_disk_before_the_first_entry_and_each_after_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "archive"
    done = calls(COLLECT, folder, tmp_path / "calls")
    manifest = str(folder / "evidence" / "manifest.jsonl")
    entries = [place for place, call in enumerate(done) if call == ("write", manifest)]
    assert len(entries) == 3
    assert str(folder / "evidence/pages") in {path for call, path in done if call == "mkdir"}
    for place in entries:
        assert unsynced(done[:place], tmp_path) == set()
    assert sum(call == ("fsync", str(folder / "evidence")) for call in done) == 1


def test_the_folders_of_new_evidence_are_on_disk_before_it_takes_the_place_of_the_old(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    done = calls(COLLECT + ERASE, folder, tmp_path / "calls")
    following = folder / "next" / "evidence"
    placed = done.index(("rename", str(folder / "evidence")))
    assert ("mkdir", str(following / "pages")) in done[:placed]
    assert unsynced(done[:placed], following) == set()
    assert Evidence(folder).verify() == ()
