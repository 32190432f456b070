"""Evidence written anew without some of its items: new pages, a new chain, a tombstone at its end."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from auditor.errors import ArchiveError
from auditor.evidence.entry import (
    ERASED,
    FILE,
    GENESIS,
    Entry,
    JsonValue,
    PageEntry,
    Request,
    Response,
    RunEntry,
    TombstoneEntry,
    Unit,
    UnitEntry,
)
from auditor.evidence.line import Fields, chained, page_fields, run_fields, tombstone_fields, unit_fields
from auditor.evidence.page import page_name, seal_of, sealed
from auditor.evidence.person import Person
from auditor.evidence.places import make_private, manifest_path, pages_path, sync_folder, write_private
from auditor.evidence.reader import Evidence
from auditor.evidence.redact import without_person
from auditor.evidence.verify import chain_faults


class Removal(Protocol):
    """What is to be removed."""

    @property
    def reason(self) -> str:
        """`erase` or `prune`."""

    @property
    def before(self) -> datetime | None:
        """The moment everything before which is removed."""

    def page(self, sha256: str, body: bytes) -> tuple[bytes, int]:
        """The page without it, and how many items it made null."""

    def request(self, request: Request, *, sha256: str, at: datetime) -> Request:
        """The request without it, which was answered at a moment."""

    def response(self, response: Response, *, sha256: str) -> Response:
        """What was answered without it."""

    def asked(self, asked: JsonValue, *, at: datetime) -> JsonValue:
        """What a run was asked for, at a moment, without it."""

    def text(self, text: str) -> str:
        """A text of the manifest without it, which stays a text."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What a rewriting changed: pages, and items made null in them."""

    pages: int
    items: int


@dataclass(frozen=True, slots=True)
class _Now:
    """A page as it is now; size and seal of one that was changed."""

    sha256: str
    size: int | None = None
    seal: str | None = None


@dataclass(frozen=True, slots=True)
class Erasure:
    """Removal of everything that names a person."""

    person: Person
    reason: str = "erase"
    before: datetime | None = None

    def page(self, sha256: str, body: bytes) -> tuple[bytes, int]:
        """The page with the items null that name the person."""
        del sha256
        return without_person(body, self.person)

    def request(self, request: Request, *, sha256: str, at: datetime) -> Request:
        """The request with null in its body for the person; null as a whole when its address names them."""
        del sha256, at
        if request.method == FILE and self.person.within(request.path):
            return ERASED
        pairs = [*request.query, *request.headers]
        if self.person.named_in(request.path) or any(self.person.named_in(text) for pair in pairs for text in pair):
            return ERASED
        return replace(request, body=self.person.without(request.body))

    def response(self, response: Response, *, sha256: str) -> Response:
        """What was answered without the headers that name the person; in links a plus may be a blank."""
        del sha256
        named = self.person.named_in
        kept = tuple(pair for pair in response.headers if not named([pair[1], pair[1].replace("+", " ")]))
        return replace(response, headers=kept)

    def asked(self, asked: JsonValue, *, at: datetime) -> JsonValue:
        """The value with null for every text that names the person, and for every such name of a file."""
        del at
        left = self.person.without(asked)
        if not isinstance(left, Mapping) or not isinstance(files := left.get("import"), Sequence):
            return left
        return {**left, "import": [self._file(file) for file in files]}

    def text(self, text: str) -> str:
        """The text with the address masked."""
        return self.person.masked(text)

    def _file(self, file: JsonValue) -> JsonValue:
        """What tells of an imported file, without its name if that holds the address."""
        if not isinstance(file, Mapping) or not isinstance(name := file.get("file"), str):
            return file
        return {**file, "file": None} if self.person.within(name) else file


def rewrite(folder: Path, target: Path, removal: Removal, *, at: datetime) -> Removed:
    """What was removed from the evidence of `folder` on its way to `target`; unchanged pages are linked, not copied.

    Every entry keeps its place, so `seq` stays; hashes change from the first changed entry on. The tombstone tells
    which page became which, and the hashes that runs ended with before. Raises `ArchiveError` where a page is lost or
    the chain does not hold together, since a new one would hide that.
    """
    for fault in chain_faults(folder):
        raise ArchiveError(f"{fault}; a chain made anew would hide that: see archive verify")
    evidence = Evidence(folder)
    pages: dict[str, _Now] = {}
    items = 0
    for digest in dict.fromkeys(entry.sha256 for entry in evidence.entries() if isinstance(entry, PageEntry)):
        body, count = removal.page(digest, evidence.page(digest))
        pages[digest] = _placed(folder, target, digest, body if count else None)
        items += count
    changed = {old: new.sha256 for old, new in pages.items() if old != new.sha256}
    lines, heads, head = _entries(evidence, removal, pages)
    tombstone = tombstone_fields(at, removal.reason, items=items, pages=changed, heads=heads, before=removal.before)
    lines.append(chained(tombstone, len(lines), head)[0])
    make_private(pages_path(target))
    parents = {(pages_path(target) / page_name(new.sha256)).parent for new in pages.values()}
    for parent in (*sorted(parents), pages_path(target)):
        sync_folder(parent)
    write_private(manifest_path(target), b"".join(line + b"\n" for line in lines))
    sync_folder(manifest_path(target).parent)
    return Removed(len(changed), items)


def _placed(folder: Path, target: Path, digest: str, body: bytes | None) -> _Now:
    """The page in `target`: the old file linked when `body` is None, else a new one."""
    new = digest if body is None else sha256(body).hexdigest()
    path = pages_path(target) / page_name(new)
    make_private(path.parent)
    if body is None:
        if not path.exists():
            os.link(pages_path(folder) / page_name(digest), path)
        return _Now(digest)
    stored = sealed(body)
    write_private(path, stored)
    return _Now(new, len(body), seal_of(stored))


def _entries(evidence: Evidence, removal: Removal, pages: Mapping[str, _Now]) -> tuple[list[bytes], list[str], str]:
    """The lines of the new manifest, the old hashes that runs ended with, and the new head."""
    lines: list[bytes] = []
    heads: list[str] = []
    head = before = GENESIS
    for entry in evidence.entries():
        if isinstance(entry, RunEntry) and before != GENESIS:
            heads.append(before)
        before = entry.link.hash
        line, link = chained(_fields(entry, removal, pages), entry.link.seq, head)
        lines.append(line)
        head = link.hash
    return lines, [*heads, before] if before != GENESIS else heads, head


def _fields(entry: Entry, removal: Removal, pages: Mapping[str, _Now]) -> Fields:
    match entry:
        case PageEntry():
            now = pages[entry.sha256]
            return page_fields(
                removal.request(entry.request, sha256=entry.sha256, at=entry.response.received_at),
                removal.response(entry.response, sha256=entry.sha256),
                sha256=now.sha256,
                size=entry.size if now.size is None else now.size,
                seal=entry.seal if now.seal is None else now.seal,
            )
        case UnitEntry():
            hashes = [pages[digest].sha256 for digest in entry.hashes]
            redacted = entry.redacted or tuple(hashes) != entry.hashes
            return unit_fields(entry.at, _unit(entry.unit, removal), hashes, redacted=redacted)
        case RunEntry():
            asked = removal.asked(entry.asked, at=entry.at)
            return run_fields(entry.at, asked if isinstance(asked, Mapping) else {})
        case TombstoneEntry():
            return tombstone_fields(
                entry.at,
                entry.reason,
                items=entry.items,
                pages=entry.pages,
                heads=entry.heads,
                before=entry.before,
            )


def _unit(unit: Unit, removal: Removal) -> Unit:
    return replace(
        unit,
        key=removal.text(unit.key),
        gaps=tuple(replace(gap, detail=removal.text(gap.detail)) for gap in unit.gaps),
        options={name: removal.text(text) for name, text in unit.options.items()},
    )
