"""Evidence as others read it: entries, units, pages, the head."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from auditor.errors import ArchiveError, naming
from auditor.evidence.entry import GENESIS, Entry, PageEntry, UnitEntry
from auditor.evidence.line import is_whole, parse
from auditor.evidence.page import page_name, unsealed
from auditor.evidence.places import Place, manifest_path, pages_path
from auditor.evidence.remote import Remote
from auditor.frozen import dataclass
from auditor.model.audit import Chain

if TYPE_CHECKING:
    from auditor.evidence.verify import Fault

_BLOCK = 1 << 16
_AT_ONCE = 16
_PAGE = re.compile(rb'\{"hash":"[0-9a-f]{64}","kind":"page","page":"([0-9a-f]{64})",')
_OTHER = b'{"a'
"""How canonical lines of other kinds begin: with `asked` or `at`."""
_END = b"}\n"
NO_SEALS: Mapping[str, str | None] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of the archive in `folder`; reading needs no lock."""

    folder: Place

    @property
    def head(self) -> str:
        """The hash of the last entry; 64 zeros when there is none. Reads the end of the manifest only."""
        last = last_line(manifest_path(self.folder))
        return GENESIS if last is None else parse(last).link.hash

    def entries(self, *, offset: int = 0) -> Iterator[Entry]:
        """Every entry in order, from a byte offset that `positions` gave; an unfinished last line is left out."""
        for entry, _ in self.positions(offset=offset):
            yield entry

    def positions(self, *, offset: int = 0) -> Iterator[tuple[Entry, int]]:
        """Every entry with the byte offset behind it."""
        for line in self._lines(offset):
            offset += len(line)
            yield parse(line[:-1]), offset

    def asked(self, pages: Collection[str]) -> Mapping[str, PageEntry]:
        """The entry of the first request that brought each of the pages; one that none brought is left out.

        Entries of other pages and other kinds are passed over, whatever they hold. An entry that has not the hash it
        claims vouches for no seal.
        """
        found: dict[str, PageEntry] = {}
        missing = set(pages)
        lines = self._lines(0)
        while missing and (line := next(lines, None)) is not None:
            page = _PAGE.match(line)
            if line.endswith(_END) and (page[1].decode() not in missing if page else line.startswith(_OTHER)):
                continue
            entry = parse(line[:-1])
            if isinstance(entry, PageEntry) and entry.sha256 in missing:
                missing.remove(entry.sha256)
                found[entry.sha256] = entry if entry.seal is None or is_whole(line[:-1]) else replace(entry, seal=None)
        return found

    def _lines(self, offset: int) -> Iterator[bytes]:
        """The lines of the manifest with their ends, from a byte offset; an unfinished last one is left out."""
        try:
            file = manifest_path(self.folder).open("rb")
        except FileNotFoundError:
            return
        with file, naming(manifest_path(self.folder)):
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                yield line

    def size(self) -> int:
        """Bytes of the manifest; 0 where there is none."""
        try:
            with manifest_path(self.folder).open("rb") as file, naming(manifest_path(self.folder)):
                return file.seek(0, os.SEEK_END)
        except FileNotFoundError:
            return 0

    def hash_before(self, offset: int) -> str | None:
        """The hash of the entry that ends at a byte offset; None when none does."""
        last = last_line(manifest_path(self.folder), end=offset)
        try:
            return None if last is None else parse(last).link.hash
        except ArchiveError:
            return None

    def units(self) -> tuple[UnitEntry, ...]:
        """The latest unit of each key, in the order they were finished."""
        latest: dict[str, UnitEntry] = {}
        for entry in self.entries():
            if isinstance(entry, UnitEntry):
                latest.pop(entry.unit.key, None)
                latest[entry.unit.key] = entry
        return tuple(latest.values())

    def page(self, sha256: str) -> bytes:
        """The body of a page, checked against its hash.

        Raises `ArchiveError` when it is lost or was changed.
        """
        return _body(pages_path(self.folder), sha256)

    def bodies(self, pages: Iterable[str], *, seals: Mapping[str, str | None] = NO_SEALS) -> Iterator[bytes]:
        """The bodies of many pages, in their order; from an object store several are fetched at a time.

        Where a page's file has the seal told of it, its body is not hashed again.
        """
        place = pages_path(self.folder)
        if not isinstance(self.folder, Remote):
            for page in pages:
                yield _body(place, page, seals.get(page))
            return
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            coming: deque[Future[bytes]] = deque()
            for page in pages:
                coming.append(pool.submit(_body, place, page, seals.get(page)))
                if len(coming) > _AT_ONCE:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()

    def verify(self, head: str | None = None) -> tuple[Fault, ...]:
        """Every difference between the evidence and its hashes; see `auditor.evidence.verify`."""
        from auditor.evidence.verify import verify

        return verify(self.folder, head=head)

    def chain(self) -> Chain:
        """The facts of the chain that a report prints. Reads the whole manifest."""
        return extended(EMPTY_CHAIN, self.entries())


def _body(pages: Place, sha256: str, seal: str | None = None) -> bytes:
    """The body of a page below `pages/`, checked against its hash, or the file against the seal told of it."""
    try:
        with naming(pages / page_name(sha256)):
            stored = (pages / page_name(sha256)).read_bytes()
    except FileNotFoundError:
        raise ArchiveError(f"page sha256:{sha256} is lost; see archive verify") from None
    try:
        return unsealed(stored, sha256=sha256, seal=seal)
    except ArchiveError as error:
        raise ArchiveError(f"page sha256:{sha256} was changed: {error}; see archive verify") from error


EMPTY_CHAIN = Chain(GENESIS, 0, 0, 0, None, None)


def extended(chain: Chain, entries: Iterable[Entry]) -> Chain:
    """The facts of a chain with more entries at its end; bytes are those of page bodies, decompressed."""
    head, count, pages, size = chain.head, chain.entries, chain.pages, chain.bytes
    first, last = chain.first_fetched_at, chain.last_fetched_at
    for entry in entries:
        head, count = entry.link.hash, count + 1
        if isinstance(entry, PageEntry):
            moment = entry.response.received_at
            pages, size = pages + 1, size + entry.size
            first = moment if first is None else min(first, moment)
            last = moment if last is None else max(last, moment)
    return Chain(head, count, pages, size, first, last)


def last_line(manifest: Place, *, end: int | None = None) -> bytes | None:
    """The last complete line before byte `end` of the manifest, without its newline; None when there is none.

    A blank one is a line, too, which no entry is.
    """
    try:
        file = manifest.open("rb")
    except FileNotFoundError:
        return None
    with file, naming(manifest):
        size = file.seek(0, os.SEEK_END)
        start = size if end is None else min(end, size)
        tail = b""
        while start and tail.count(b"\n") < 2:
            step = min(max(_BLOCK, len(tail)), start)
            start -= step
            file.seek(start)
            tail = file.read(step) + tail
    lines = tail.split(b"\n")
    return lines[-2] if len(lines) > 1 else None
