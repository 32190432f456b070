"""The requests that brought given pages, found without reading the other entries."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from auditor.errors import ArchiveError
from auditor.evidence.entry import PageEntry
from auditor.evidence.places import manifest_path
from auditor.evidence.reader import Evidence

Write = Callable[..., None]


def brought(folder: Path) -> dict[str, PageEntry]:
    """The first entry of each page, found by reading all of them."""
    first: dict[str, PageEntry] = {}
    for entry in Evidence(folder).entries():
        if isinstance(entry, PageEntry):
            first.setdefault(entry.sha256, entry)
    return first


def rewritten(folder: Path, lines: Iterable[bytes]) -> None:
    manifest_path(folder).write_bytes(b"".join(lines))


def lines_of(folder: Path) -> list[bytes]:
    return manifest_path(folder).read_bytes().splitlines(keepends=True)


def test_every_page_is_found_with_its_first_request(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(3))
    write(tmp_path, range(1, 4))
    everything = brought(tmp_path)
    assert Evidence(tmp_path).asked(everything) == everything
    one = next(iter(everything))
    assert Evidence(tmp_path).asked([one, one]) == {one: everything[one]}


def test_a_page_nobody_asked_for_is_left_out(tmp_path: Path, write: Write) -> None:
    assert Evidence(tmp_path).asked(["0" * 64]) == {}
    write(tmp_path, range(1))
    assert Evidence(tmp_path).asked(["0" * 64, "é", ""]) == {}


def test_an_entry_in_another_spelling_is_found(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(2))
    everything = brought(tmp_path)
    rewritten(tmp_path, (json.dumps(json.loads(line)).encode() + b"\n" for line in lines_of(tmp_path)))
    assert Evidence(tmp_path).asked(everything) == everything


def test_an_unfinished_last_line_is_no_entry(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(1))
    lines = [line for line in lines_of(tmp_path) if b'"kind":"page"' in line]
    page = json.loads(lines[1])["page"]
    rewritten(tmp_path, [lines[0], lines[1][:-1]])
    assert Evidence(tmp_path).asked([page]) == {}


DEEP = b'{"asked":' + b"[" * 100_000 + b"\n"


@pytest.mark.parametrize(
    "spoilt",
    [
        *(b"\x00\x00\x00\n", b'{"hash":"12\n', b'{"at":"2026\n', b'{"kind":"page"}\n', b"\n"),
        pytest.param(DEEP, id="deep"),
    ],
)
def test_a_damaged_entry_on_the_way_is_an_error(tmp_path: Path, write: Write, spoilt: bytes) -> None:
    write(tmp_path, range(1))
    last = list(brought(tmp_path))[-1]
    rewritten(tmp_path, [spoilt, *lines_of(tmp_path)])
    with pytest.raises(ArchiveError, match="damaged entry"):
        Evidence(tmp_path).asked([last])
