"""Tampering, named: every page and every entry that is not as it was written."""

import json
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from auditor.errors import ArchiveError
from auditor.evidence.entry import GENESIS, PageEntry
from auditor.evidence.line import chained, run_fields
from auditor.evidence.page import sealed
from auditor.evidence.reader import Evidence

Write = Callable[..., None]
Tampering = Callable[[Path, random.Random], str]


def _pages(folder: Path) -> list[Path]:
    return sorted((folder / "evidence/pages").rglob("*.zst"))


def _manifest(folder: Path) -> Path:
    return folder / "evidence/manifest.jsonl"


def _lines(folder: Path) -> list[bytes]:
    return _manifest(folder).read_bytes().splitlines()


def _save(folder: Path, lines: list[bytes]) -> None:
    _manifest(folder).write_bytes(b"".join(line + b"\n" for line in lines))


def _named(folder: Path, path: Path) -> str:
    return str(path.relative_to(folder))


def flip_page(folder: Path, chance: random.Random) -> str:
    page = chance.choice(_pages(folder))
    content = bytearray(page.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    page.write_bytes(content)
    return _named(folder, page)


def truncate_page(folder: Path, chance: random.Random) -> str:
    page = chance.choice(_pages(folder))
    os.truncate(page, chance.randrange(page.stat().st_size))
    return _named(folder, page)


def grow_page(folder: Path, chance: random.Random) -> str:
    page = chance.choice(_pages(folder))
    page.write_bytes(page.read_bytes() + chance.randbytes(chance.randint(1, 50)))
    return _named(folder, page)


def delete_page(folder: Path, chance: random.Random) -> str:
    page = chance.choice(_pages(folder))
    page.unlink()
    return _named(folder, page)


def swap_pages(folder: Path, chance: random.Random) -> str:
    one, two = chance.sample(_pages(folder), 2)
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    return _named(folder, one)


def add_page(folder: Path, chance: random.Random) -> str:
    name = chance.randbytes(32).hex()
    page = folder / "evidence/pages" / name[:2] / f"{name}.zst"
    page.parent.mkdir(exist_ok=True)
    page.write_bytes(_pages(folder)[0].read_bytes())
    return _named(folder, page)


def add_file(folder: Path, chance: random.Random) -> str:
    place = folder / chance.choice(["evidence/notes.txt", "evidence/pages/x", "evidence/pages/.hidden"])
    place.write_bytes(b"x")
    return _named(folder, place)


def flip_entry(folder: Path, chance: random.Random) -> str:
    lines = _lines(folder)
    place = chance.randrange(len(lines))
    line = bytearray(lines[place])
    line[chance.randrange(len(line))] ^= 1 << chance.randrange(8)
    lines[place] = bytes(line)
    _save(folder, lines)
    return f"entry {place}"


def change_entry(folder: Path, chance: random.Random) -> str:
    """The hash of the entry is made right again; only its successor can tell."""
    lines = _lines(folder)
    place = chance.randrange(len(lines) - 1)
    fields = json.loads(lines[place])
    fields.pop("hash")
    fields["at"] = "2020-01-01T00:00:00.000000Z"
    lines[place] = chained(fields, place, fields["prev"])[0]
    _save(folder, lines)
    return f"entry {place + 1}"


def delete_entry(folder: Path, chance: random.Random) -> str:
    lines = _lines(folder)
    place = chance.randrange(len(lines) - 1)
    del lines[place]
    _save(folder, lines)
    return f"entry {place}"


def swap_entries(folder: Path, chance: random.Random) -> str:
    lines = _lines(folder)
    one, two = sorted(chance.sample(range(len(lines)), 2))
    lines[one], lines[two] = lines[two], lines[one]
    _save(folder, lines)
    return f"entry {one}"


def insert_entry(folder: Path, chance: random.Random) -> str:
    lines = _lines(folder)
    place = chance.randrange(1, len(lines))
    before = json.loads(lines[place - 1])
    line, _ = chained({"kind": "run", "at": "2026-01-05T12:00:00.000000Z", "asked": {}}, place, before["hash"])
    lines.insert(place, line)
    _save(folder, lines)
    return f"entry {place}"


def repeat_entry(folder: Path, chance: random.Random) -> str:
    lines = _lines(folder)
    place = chance.randrange(len(lines))
    lines.insert(chance.randrange(len(lines) + 1), lines[place])
    _save(folder, lines)
    return f"entry {place}"


def add_space(folder: Path, chance: random.Random) -> str:
    lines = _lines(folder)
    place = chance.randrange(len(lines))
    lines[place] = lines[place].replace(b":", b": ", 1)
    _save(folder, lines)
    return f"entry {place}"


def tear_the_end(folder: Path, chance: random.Random) -> str:
    os.truncate(_manifest(folder), _manifest(folder).stat().st_size - chance.randint(1, 20))
    return "evidence/manifest.jsonl"


def delete_manifest(folder: Path, chance: random.Random) -> str:
    del chance
    _manifest(folder).unlink()
    return "evidence/manifest.jsonl"


TAMPERINGS: tuple[Tampering, ...] = (
    flip_page,
    truncate_page,
    grow_page,
    delete_page,
    swap_pages,
    add_page,
    add_file,
    flip_entry,
    change_entry,
    delete_entry,
    swap_entries,
    insert_entry,
    repeat_entry,
    add_space,
    tear_the_end,
    delete_manifest,
)


def _undo(folder: Path, original: dict[Path, bytes]) -> None:
    for path in (folder / "evidence").rglob("*"):
        if path.is_file() and path not in original:
            path.unlink()
    for path, content in original.items():
        path.write_bytes(content)


def _campaign(folder: Path, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    original = {path: path.read_bytes() for path in (folder / "evidence").rglob("*") if path.is_file()}
    assert Evidence(folder).verify() == ()
    for number in range(rounds):
        tamper = TAMPERINGS[number % len(TAMPERINGS)]
        expected = tamper(folder, chance)
        named = {fault.where for fault in Evidence(folder).verify()}
        assert expected in named, f"round {number}: {tamper.__name__} of {expected} is not among {named}"
        _undo(folder, original)
    assert Evidence(folder).verify() == ()


@pytest.mark.slow
def test_two_hundred_tamperings_are_all_named(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(5))
    _campaign(tmp_path, 208, 1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_thousands_of_tamperings_are_all_named(tmp_path: Path, write: Write, seed: int) -> None:
    write(tmp_path, range(5))
    _campaign(tmp_path, 500, seed)


def test_a_swapped_page_tells_what_it_holds(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(1))
    one, two = _pages(tmp_path)
    swap_pages(tmp_path, random.Random(0))
    told = {str(fault) for fault in Evidence(tmp_path).verify()}
    assert f"{_named(tmp_path, one)}: the page was changed: it holds sha256:{two.stem}" in told


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"{", b"\xff", b"null", b"5", b"[1]", b"{}", b'{"hash":5}', b'{"hash":{},"seq":0,"prev":""}'),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"seq":' + b"1" * 5_000 + b"}", id="long"),
    ],
)
def test_a_line_that_is_no_entry_is_named_and_the_others_compared(tmp_path: Path, write: Write, line: bytes) -> None:
    write(tmp_path, range(1))
    _save(tmp_path, [*_lines(tmp_path), line])
    page = _pages(tmp_path)[0]
    page.unlink()
    last = f"entry {len(_lines(tmp_path)) - 1}"
    told = {fault.what: fault.where for fault in Evidence(tmp_path).verify()}
    assert told["it was changed"] == last
    assert told["the page is lost"] == _named(tmp_path, page)


def test_an_entry_said_to_be_very_far_on_is_told_with_the_span_before_it(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(1))
    lines = _lines(tmp_path)
    far = 10**15
    _save(
        tmp_path, [*lines, chained(run_fields(datetime(2026, 1, 5, tzinfo=UTC), {}), far, Evidence(tmp_path).head)[0]]
    )
    told = {fault.where: fault.what for fault in Evidence(tmp_path).verify()}
    assert told == {f"entries {len(lines)} to {far - 1}": "they are lost or were changed"}


@pytest.mark.parametrize(("lost", "told"), [(20, [f"entry {n}" for n in range(2, 22)]), (21, ["entries 2 to 22"])])
def test_entries_that_are_lost_side_by_side_are_named_one_by_one_or_as_a_span(
    tmp_path: Path, write: Write, lost: int, told: list[str]
) -> None:
    write(tmp_path, range(40))
    lines = _lines(tmp_path)
    _save(tmp_path, [*lines[:2], *lines[2 + lost :]])
    assert [fault.where for fault in Evidence(tmp_path).verify() if fault.where.startswith("entr")] == told


TOO_LARGE = bytes.fromhex("28b52ffdc000") + (1 << 62).to_bytes(8, "little") + b"\x01\0\0"
"""A zstd frame that tells of more bytes than there is memory."""


@pytest.mark.parametrize("frame", [b"", b"plain", TOO_LARGE])
def test_a_sealed_page_that_does_not_decompress_is_named_beside_the_others(
    tmp_path: Path, write: Write, frame: bytes
) -> None:
    write(tmp_path, range(1))
    one, two = _pages(tmp_path)
    mark = sealed(b"")[-40:-32]
    one.write_bytes(frame + mark + sha256(frame).digest())
    two.unlink()
    told = {fault.where: fault.what for fault in Evidence(tmp_path).verify()}
    assert told.keys() == {_named(tmp_path, one), _named(tmp_path, two)}
    assert told[_named(tmp_path, one)].startswith("the page was changed: the file does not decompress")


def test_a_cut_end_shows_only_against_an_earlier_head(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(3))
    head = Evidence(tmp_path).head
    last = [entry for entry in Evidence(tmp_path).entries() if isinstance(entry, PageEntry)][-2:]
    _save(tmp_path, _lines(tmp_path)[:-3])
    for page in last:
        (tmp_path / "evidence/pages" / page.sha256[:2] / f"{page.sha256}.zst").unlink()
    assert Evidence(tmp_path).verify() == ()
    assert [fault.where for fault in Evidence(tmp_path).verify(head)] == [f"head {head}"]


def test_a_chain_rewritten_as_a_whole_shows_only_against_an_earlier_head(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(2))
    head = Evidence(tmp_path).head
    lines, before = [], GENESIS
    for place, text in enumerate(_lines(tmp_path)):
        fields = json.loads(text)
        fields.pop("hash")
        if fields["kind"] == "run":
            fields["asked"] = {"sites": ["other.webex.com"]}
        line, link = chained(fields, place, before)
        before = link.hash
        lines.append(line)
    _save(tmp_path, lines)
    assert Evidence(tmp_path).verify() == ()
    assert [fault.where for fault in Evidence(tmp_path).verify(head)] == [f"head {head}"]


def test_an_earlier_head_stays_in_a_chain_that_grew(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(2))
    head = Evidence(tmp_path).head
    write(tmp_path, range(2, 4))
    assert Evidence(tmp_path).verify(head) == ()


def test_an_entry_too_deep_to_be_read_is_a_damaged_one(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(1))
    with (tmp_path / "evidence/manifest.jsonl").open("ab") as file:
        file.write(b"[" * 100_000 + b"\n")
    with pytest.raises(ArchiveError, match="holds a damaged entry"):
        list(Evidence(tmp_path).entries())
