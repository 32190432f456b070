"""Comparison of evidence with its own hashes: every difference, named."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from auditor.errors import ArchiveError, naming, said
from auditor.evidence.entry import GENESIS, PageEntry, TombstoneEntry, UnitEntry
from auditor.evidence.line import canonical, parse
from auditor.evidence.page import is_page_name, page_files, page_name, unsealed
from auditor.evidence.places import EVIDENCE, Place, manifest_path, pages_path
from auditor.evidence.remote import Remote
from auditor.words import counted

_MOST_NAMED = 20
MOST_UNREAD = 10
"""After so many objects in a row that a store does not give out the others are not asked for: each may take minutes."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One difference. `where` is a file below the archive, `entry N` or a span of them; `what` became of it.

    `unread` where nobody can tell, because what lies there could not be read.
    """

    where: str
    what: str
    unread: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class _Place:
    """The place in the chain of a line whose own hash is right."""

    seq: int
    prev: str
    hash: str


@dataclass(slots=True)
class _Seen:
    """What reading the manifest gathers: sound places, page sizes, heads that tombstones claim, faults."""

    places: list[_Place] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    replaced: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def verify(folder: Place, *, head: str | None = None) -> tuple[Fault, ...]:
    """Every page and entry of the archive in `folder` that was changed, lost, added, swapped or moved.

    Without an earlier `head` (64 hex digits) a chain that was cut at its end, or rewritten as a whole, holds
    together: only against a head kept elsewhere does it show. What the system or the store does not give out is named
    as that, and the rest is compared.
    """
    seen = _read(manifest_path(folder))
    faults = [*_chain_faults(seen), *_page_faults(folder, seen.sizes), *_foreign_files(folder)]
    if head is not None and head != GENESIS and all(place.hash != head for place in seen.places):
        faults.append(Fault(f"head {head}", _lost_head(seen.replaced.get(head))))
    return tuple(faults)


def unread(where: str, error: OSError | ArchiveError) -> Fault:
    """What lies there could not be read, and may be as it was written."""
    why = said(error) if isinstance(error, OSError) else str(error)
    return Fault(where, f"it could not be read, so nothing can be said of it: {why}", unread=True)


def chain_faults(folder: Place) -> tuple[Fault, ...]:
    """Every entry of the manifest that was changed, lost, swapped or moved; nothing is said of pages."""
    return _chain_faults(_read(manifest_path(folder)))


def _chain_faults(seen: _Seen) -> tuple[Fault, ...]:
    return (*seen.faults, *_order_faults(seen.places))


def _lost_head(tombstone: int | None) -> str:
    if tombstone is None:
        return "it is not in the chain: the end was cut off, or the chain was rewritten"
    return (
        f"the chain was rewritten since; entry {tombstone} claims this head for an erasure or a retention run: "
        "compare with a head taken after it"
    )


def _read(manifest: Place) -> _Seen:
    """The whole manifest, a line at a time."""
    seen = _Seen()
    try:
        file = manifest.open("rb")
    except FileNotFoundError:
        seen.faults.append(Fault("evidence/manifest.jsonl", "it is lost"))
        return seen
    with file, naming(manifest):
        for number, line in enumerate(file):
            if not line.endswith(b"\n"):
                seen.faults.append(Fault("evidence/manifest.jsonl", "its last line is unfinished"))
                continue
            place = _sound(line[:-1])
            if place is None:
                seen.faults.append(Fault(f"entry {number}", "it was changed"))
                continue
            seen.places.append(place)
            _note(seen, line[:-1])
    return seen


def _sound(text: bytes) -> _Place | None:
    """The place of a line, or None when a byte of it is not what its hash covers."""
    try:
        fields = json.loads(text)
        claimed = fields.pop("hash")
        if hashlib.sha256(canonical(fields)).hexdigest() != claimed or canonical({**fields, "hash": claimed}) != text:
            return None
        return _Place(int(fields["seq"]), str(fields["prev"]), claimed)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _note(seen: _Seen, text: bytes) -> None:
    """Add what a sound line says of pages and heads."""
    try:
        entry = parse(text)
    except ArchiveError:
        seen.faults.append(Fault(f"entry {seen.places[-1].seq}", "its hash is right, but it is no entry known here"))
        return
    if isinstance(entry, PageEntry):
        seen.sizes[entry.sha256] = entry.size
    elif isinstance(entry, UnitEntry):
        for sha256 in entry.hashes:
            seen.sizes.setdefault(sha256, -1)
    elif isinstance(entry, TombstoneEntry):
        seen.replaced.update(dict.fromkeys(entry.heads, entry.link.seq))


def _order_faults(places: list[_Place]) -> list[Fault]:
    """What the sound places say of their order: each `seq` once, rising by one, `prev` the hash before."""
    faults = []
    first: dict[int, _Place] = {}
    highest = -1
    for line in places:
        if line.seq in first:
            what = "it stands here twice" if first[line.seq].hash == line.hash else "it was inserted or replaced"
            faults.append(Fault(f"entry {line.seq}", what))
            continue
        if line.seq < highest:
            faults.append(Fault(f"entry {line.seq}", "it was moved behind a later entry"))
        first[line.seq] = line
        highest = max(highest, line.seq)
    faults += _missing(sorted(first))
    for seq, line in first.items():
        before = first.get(seq - 1)
        expected = GENESIS if seq == 0 else before.hash if before else line.prev
        if line.prev != expected:
            faults.append(Fault(f"entry {seq}", f"it does not follow entry {seq - 1}: one of the two was replaced"))
    return faults


def _missing(present: Sequence[int]) -> Iterator[Fault]:
    """The entries before the last that are not there: each of them, or the span where many are missing."""
    after = 0
    for seq in present:
        if seq - after > _MOST_NAMED:
            yield Fault(f"entries {after} to {seq - 1}", "they are lost or were changed")
        else:
            yield from (Fault(f"entry {lost}", "it is lost or was changed") for lost in range(after, seq))
        after = max(after, seq + 1)


def _page_faults(folder: Place, sizes: dict[str, int]) -> list[Fault]:
    """Pages with an entry that are lost, changed or cannot be read, and files below `pages/` without one."""
    pages = pages_path(folder)
    faults = []
    in_a_row = 0
    for number, (sha256, size) in enumerate(sorted(sizes.items()), 1):
        fault = _page_fault(pages, sha256, size)
        in_a_row = in_a_row + 1 if fault is not None and fault.unread else 0
        if fault is not None:
            faults.append(fault)
        if in_a_row == MOST_UNREAD and number < len(sizes) and isinstance(pages, Remote):
            left = counted(len(sizes) - number, "further page")
            return [*faults, Fault("evidence/pages", f"not asked for after that: {left}", unread=True)]
    try:
        names = page_files(pages) if pages.exists() else []
    except (OSError, ArchiveError) as error:
        return [*faults, unread("evidence/pages", error)]
    added = [name for name in names if not is_page_name(name) or Path(name).stem not in sizes]
    return faults + [Fault(f"evidence/pages/{name}", "the file was added: no entry names it") for name in added]


def _page_fault(pages: Place, sha256: str, size: int) -> Fault | None:
    """What is wrong with one page."""
    name = page_name(sha256)
    where = f"evidence/pages/{name}"
    try:
        stored = (pages / name).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return Fault(where, "the page is lost")
    except IsADirectoryError:
        return Fault(where, "the page was changed: it is a folder")
    except (OSError, ArchiveError) as error:
        looped = isinstance(error, OSError) and error.errno == errno.ELOOP
        return Fault(where, "the page was changed: it is a link to itself") if looped else unread(where, error)
    try:
        body = unsealed(stored, sha256=sha256)
    except ArchiveError as error:
        return Fault(where, f"the page was changed: {error}")
    if size not in {-1, len(body)}:
        return Fault(where, f"the page has {len(body)} bytes, its entry says {size}")
    return None


def _foreign_files(folder: Place) -> list[Fault]:
    """Whatever lies in `evidence/` beside the manifest and the pages."""
    evidence = folder / EVIDENCE
    try:
        if not evidence.exists():
            return []
        if isinstance(evidence, Remote):
            found = {name.partition("/")[0] for name in evidence.names()}
        else:
            found = {path.name for path in evidence.iterdir()}
    except (OSError, ArchiveError) as error:
        return [unread(EVIDENCE, error)]
    names = sorted(found - {"manifest.jsonl", "pages"})
    return [Fault(f"evidence/{name}", "it was added: evidence holds a manifest and pages only") for name in names]
