"""The one writer of evidence: pages first, then the entries that speak of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

from auditor.errors import ArchiveError
from auditor.evidence.entry import GENESIS, JsonValue, Link, PageEntry, Request, Response, RunEntry, Unit, UnitEntry
from auditor.evidence.line import chained, page_fields, parse, run_fields, unit_fields
from auditor.evidence.lock import Lock, acquire
from auditor.evidence.mend import mend
from auditor.evidence.page import Sealed, page_files, page_name, seal_of, sealed
from auditor.evidence.places import half_written, make_private, manifest_path, pages_path, sync_folder, written
from auditor.evidence.reader import last_line
from auditor.evidence.swap import finish_swap

_ENTRIES_HELD = 1000


class Writer:
    """Appends to the evidence of one archive, holding its lock; safe to share between threads.

    A page's bytes are on disk before its entry is, and the entries of a unit's pages before the unit's.
    What was added but not committed when the writer leaves stays in the chain, cited by no unit.

    >>> from datetime import UTC
    >>> from tempfile import TemporaryDirectory
    >>> noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    >>> with TemporaryDirectory() as folder, Writer.open(Path(folder), now=lambda: noon) as writer:
    ...     page = writer.add_page(Request("GET", "meetingReports/attendees"), Response(200, noon), b'{"items":[]}')
    ...     page.seq, page.size
    (0, 12)
    """

    def __init__(self, folder: Path, lock: Lock, *, now: Callable[[], datetime]) -> None:
        self._folder = folder
        self._pages = pages_path(folder)
        self._lock = lock
        self._now = now
        self._guard = threading.RLock()
        self._lines: list[bytes] = []
        self._unsynced: list[Path] = []
        self._hashes: dict[int, str] = {}
        self._waiting: dict[str, str] = {}
        self._folders: set[Path] = set()
        self._grown = {self._pages, self._pages.parent, folder}
        last = last_line(manifest_path(folder))
        link = None if last is None else parse(last).link
        self._seq = 0 if link is None else link.seq + 1
        self._head = GENESIS if link is None else link.hash
        # one that was lost, so that pages are there without it, is not made again before there is something to tell
        lost = not manifest_path(folder).exists() and page_files(self._pages)
        self._manifest = None if lost else self._opened()

    @classmethod
    def open(cls, folder: Path, *, now: Callable[[], datetime]) -> Self:
        """The writer of the archive in `folder`, with what a killed writer left behind mended.

        Raises `ArchiveError` when another writer holds the lock; the message names it.
        """
        lock = acquire(folder, now())
        try:
            finish_swap(folder)
            make_private(pages_path(folder))
            mend(folder, killed=lock.killed)
            return cls(folder, lock, now=now)
        except BaseException:
            lock.abandon()
            raise

    @property
    def head(self) -> str:
        """The hash of the last entry added."""
        return self._head

    def begin_run(self, asked: Mapping[str, JsonValue]) -> RunEntry:
        """The entry that says what this run was asked for."""
        with self._guard:
            at = self._now()
            return RunEntry(self._append(run_fields(at, asked)), at, asked)

    def add_page(self, request: Request, response: Response, body: bytes) -> PageEntry:
        """The entry of a page whose bytes are stored, once for all pages with the same bytes."""
        return self.add_stored(request, response, sha256=self.store(body), size=len(body))

    def add_sealed(self, request: Request, response: Response, page: Sealed) -> PageEntry:
        """The entry of a page that was made ready for its file before."""
        self._keep(self._pages / page_name(page.sha256), page.sha256, page.stored)
        return self.add_stored(request, response, sha256=page.sha256, size=page.size)

    def store(self, body: bytes) -> str:
        """The SHA-256 of a body whose bytes wait for their entry; without one they go when the writer leaves."""
        digest = sha256(body).hexdigest()
        path = self._pages / page_name(digest)
        if not path.exists():
            self._keep(path, digest, sealed(body))
        return digest

    def _keep(self, path: Path, digest: str, stored: bytes) -> None:
        """The file is there, and waits for its entry when it was not there before."""
        with self._guard:
            if not path.exists():
                self._waiting[digest] = seal_of(stored)
                self._store(path, stored)

    def add_stored(self, request: Request, response: Response, *, sha256: str, size: int) -> PageEntry:
        """The entry of a page whose body `store` took; the first one of a file written now tells its seal."""
        with self._guard:
            seal = self._waiting.get(sha256)
            link = self._append(page_fields(request, response, sha256=sha256, size=size, seal=seal))
            self._waiting.pop(sha256, None)
            self._hashes[link.seq] = sha256
            if len(self._lines) > _ENTRIES_HELD:
                self.flush()
            return PageEntry(link, request, response, sha256, size, seal)

    def commit_unit(self, unit: Unit) -> UnitEntry:
        """The entry of a finished unit, on disk with everything before it: the point from which it is kept."""
        return self.commit_units([unit])[0]

    def commit_units(self, units: list[Unit]) -> tuple[UnitEntry, ...]:
        """The entries of several finished units, brought to disk together."""
        with self._guard:
            entries = tuple(self._unit(unit) for unit in units)
            self.flush()
            return entries

    def flush(self) -> None:
        """Everything added is on disk: the pages, their folders, then the entries."""
        with self._guard:
            if not self._lines and not self._unsynced:
                return
            if self._lines and self._manifest is None:
                self._manifest = self._opened()
            for path in self._unsynced:
                _sync_file(path)
            for folder in sorted({path.parent for path in self._unsynced} | self._grown):
                sync_folder(folder)
            self._grown.clear()
            self._unsynced.clear()
            if self._lines and self._manifest is not None:
                _append(self._manifest, b"".join(self._lines))
                self._lines.clear()

    def _opened(self) -> int:
        return os.open(manifest_path(self._folder), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._remove_waiting()
            self.flush()
        except BaseException:
            self._lock.abandon()
            raise
        finally:
            if self._manifest is not None:
                os.close(self._manifest)
        self._lock.release()

    def _remove_waiting(self) -> None:
        """No page is left whose entry was never added; one that was just added when the user interrupted is."""
        with self._guard:
            added = b"".join(self._lines)
            gone = {self._pages / page_name(digest) for digest in self._waiting if digest.encode() not in added}
            for path in gone:
                path.unlink(missing_ok=True)
            self._unsynced = [path for path in self._unsynced if path not in gone]
            self._waiting.clear()

    def _unit(self, unit: Unit) -> UnitEntry:
        at = self._now()
        try:
            hashes = tuple(self._hashes[seq] for seq in unit.pages)
        except KeyError as error:
            raise ArchiveError(f"unit {unit.key} cites page {error}, which this run did not add") from None
        return UnitEntry(self._append(unit_fields(at, unit, hashes, redacted=False)), at, unit, hashes)

    def _append(self, fields: Mapping[str, JsonValue]) -> Link:
        line, link = chained(fields, self._seq, self._head)
        self._lines.append(line + b"\n")
        self._seq, self._head = link.seq + 1, link.hash
        return link

    def _store(self, path: Path, stored: bytes) -> None:
        folder = path.parent
        if folder not in self._folders:
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
                self._grown.add(self._pages)
            self._folders.add(folder)
        temporary = half_written(path)
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                _write(descriptor, stored)
                self._lock.keep_younger(descriptor)
            finally:
                os.close(descriptor)
            temporary.rename(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        self._unsynced.append(path)


@contextmanager
def writing(folder: Path, *, now: Callable[[], datetime]) -> Iterator[Writer]:
    """The writer of the archive in `folder`, as `Writer.open` gives it.

    Raises `ArchiveError` also when the system refuses to write: a full disk, a folder without permission.
    """
    with written(folder), Writer.open(folder, now=now) as writer:
        yield writer


def _append(descriptor: int, content: bytes) -> None:
    """The content stands at the end of the file and on disk, or, when the disk is full, nothing of it."""
    before = os.fstat(descriptor).st_size
    try:
        _write(descriptor, content)
        os.fsync(descriptor)
    except BaseException:
        os.ftruncate(descriptor, before)
        raise


def _write(descriptor: int, content: bytes) -> None:
    """All of the content, however little of it one call takes."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
