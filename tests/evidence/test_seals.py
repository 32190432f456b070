"""Seals told by the manifest: a page's file that has the one told of it is known, any other is hashed as before."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import zstandard

from auditor.errors import ArchiveError
from auditor.evidence.entry import GENESIS, PageEntry
from auditor.evidence.line import chained
from auditor.evidence.page import page_name, seal_of, sealed
from auditor.evidence.places import manifest_path, pages_path
from auditor.evidence.reader import Evidence

Write = Callable[..., None]
WRONG = b'{"items":[{"email":"somebody.else@example.com"}]}'


def entries(folder: Path) -> list[PageEntry]:
    return [entry for entry in Evidence(folder).entries() if isinstance(entry, PageEntry)]


def file_of(folder: Path, entry: PageEntry) -> Path:
    return pages_path(folder) / page_name(entry.sha256)


def read(folder: Path) -> list[bytes]:
    """The bodies of all pages, as `check` reads those it cites."""
    evidence = Evidence(folder)
    told = evidence.asked({entry.sha256 for entry in entries(folder)})
    return list(evidence.bodies(told, seals={page: entry.seal for page, entry in told.items()}))


def rewritten(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    """The chain made anew as a whole, with some fields of its entries changed."""
    lines, before = [], GENESIS
    for place, line in enumerate(manifest_path(folder).read_bytes().splitlines()):
        fields = json.loads(line)
        fields.pop("hash")
        change(fields)
        text, link = chained(fields, place, before)
        before = link.hash
        lines.append(text)
    save(folder, lines)


def save(folder: Path, lines: Iterable[bytes]) -> None:
    manifest_path(folder).write_bytes(b"".join(line + b"\n" for line in lines))


def compressed_otherwise(body: bytes) -> bytes:
    """A whole file of the page, by another compressor than ours."""
    frame = zstandard.ZstdCompressor(level=1, write_checksum=False).compress(body)
    return frame + b"\x50\x2a\x4d\x18\x20\x00\x00\x00" + hashlib.sha256(frame).digest()


def test_the_first_entry_of_a_page_tells_the_seal_of_its_file(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(2))
    assert [entry.seal for entry in entries(tmp_path)] == [
        seal_of(file_of(tmp_path, entry).read_bytes()) for entry in entries(tmp_path)
    ]


def test_a_page_that_was_there_before_keeps_the_seal_of_its_first_entry(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(1))
    first = {entry.sha256: entry.seal for entry in entries(tmp_path)}
    write(tmp_path, range(2))
    assert [entry.seal for entry in entries(tmp_path)][2:4] == [None, None]
    told = Evidence(tmp_path).asked(first)
    assert {page: entry.seal for page, entry in told.items()} == first
    assert Evidence(tmp_path).verify() == ()


def test_a_page_in_place_of_another_is_refused(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(1))
    one, two = (file_of(tmp_path, entry) for entry in entries(tmp_path))
    one.write_bytes(two.read_bytes())
    with pytest.raises(ArchiveError, match=f"{one.stem} was changed: it holds sha256:{two.stem}"):
        read(tmp_path)


def test_a_page_in_place_of_another_is_refused_where_the_entry_was_changed_to_fit(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(1))
    entry = entries(tmp_path)[0]
    stored = sealed(WRONG)
    file_of(tmp_path, entry).write_bytes(stored)
    assert entry.seal is not None
    manifest = manifest_path(tmp_path)
    manifest.write_bytes(manifest.read_bytes().replace(entry.seal.encode(), seal_of(stored).encode()))
    with pytest.raises(ArchiveError, match=f"it holds sha256:{hashlib.sha256(WRONG).hexdigest()}"):
        read(tmp_path)


@pytest.mark.parametrize("number", [b"NaN", b"1"])
def test_an_entry_with_a_number_of_no_json_vouches_for_nothing(tmp_path: Path, write: Write, number: bytes) -> None:
    write(tmp_path, range(1))
    manifest = manifest_path(tmp_path)
    manifest.write_bytes(manifest.read_bytes().replace(b'"body":null', b'"body":%b' % number))
    told = Evidence(tmp_path).asked({entry.sha256 for entry in entries(tmp_path)})
    assert {entry.seal for entry in told.values()} == {None}


def test_only_verify_tells_a_wrong_body_from_a_chain_rewritten_to_fit(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(1))
    entry, *_ = entries(tmp_path)
    stored = sealed(WRONG)
    file_of(tmp_path, entry).write_bytes(stored)
    rewritten(
        tmp_path, lambda fields: fields.update(seal=seal_of(stored)) if fields.get("page") == entry.sha256 else None
    )
    assert read(tmp_path)[0] == WRONG
    named = str(file_of(tmp_path, entry).relative_to(tmp_path))
    holds = f"the page was changed: it holds sha256:{hashlib.sha256(WRONG).hexdigest()}"
    assert {str(fault) for fault in Evidence(tmp_path).verify()} >= {f"{named}: {holds}"}


def test_a_page_compressed_otherwise_is_the_same_evidence(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(1))
    bodies = read(tmp_path)
    for entry, body in zip(entries(tmp_path), bodies, strict=True):
        file_of(tmp_path, entry).write_bytes(compressed_otherwise(body))
    assert read(tmp_path) == bodies
    assert Evidence(tmp_path).verify() == ()


def test_a_manifest_from_before_seals_reads_as_it_did(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(1))
    bodies = read(tmp_path)
    rewritten(tmp_path, lambda fields: fields.pop("seal", None) and None)
    assert [entry.seal for entry in entries(tmp_path)] == [None, None]
    assert read(tmp_path) == bodies
    write(tmp_path, range(2))
    assert Evidence(tmp_path).verify() == ()
    one, two, *_ = (file_of(tmp_path, entry) for entry in entries(tmp_path))
    one.write_bytes(two.read_bytes())
    with pytest.raises(ArchiveError, match=f"it holds sha256:{two.stem}"):
        read(tmp_path)


def test_a_flipped_bit_is_refused_whatever_the_manifest_tells(tmp_path: Path, write: Write) -> None:
    write(tmp_path, range(1))
    page = file_of(tmp_path, entries(tmp_path)[0])
    content = bytearray(page.read_bytes())
    for place in range(len(content)):
        page.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(ArchiveError, match=r"was changed: "):
            read(tmp_path)


@pytest.mark.parametrize("seal", [1, ["a"], {}])
def test_a_seal_that_is_no_text_is_a_damaged_entry(tmp_path: Path, write: Write, seal: object) -> None:
    write(tmp_path, range(1))
    rewritten(tmp_path, lambda fields: fields.update(seal=seal) if fields["kind"] == "page" else None)
    with pytest.raises(ArchiveError, match="damaged entry"):
        read(tmp_path)
