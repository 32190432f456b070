"""Archives made anew: tables from evidence alone, and both without a person or without what is too old."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from auditor.errors import ArchiveError
from auditor.evidence.lock import alone
from auditor.evidence.page import page_files
from auditor.evidence.person import Person
from auditor.evidence.places import NEXT, TABLES, make_private, pages_path
from auditor.evidence.rewrite import Erasure, Removal, Removed, rewrite
from auditor.evidence.swap import finish_swap, swap
from auditor.evidence.writer import writing
from auditor.tables.archive import Archive, mark
from auditor.tables.damage import damage_told, hold_to_evidence
from auditor.tables.draft import Draft
from auditor.tables.ingest import Ingested, ingest
from auditor.tables.retention import retention
from auditor.tables.schema import TABLES as KNOWN
from auditor.tables.units import UNITS


def rebuild(path: Path, *, now: Callable[[], datetime], progress: Callable[[int], None] | None = None) -> Ingested:
    """The tables made again from evidence alone, with equal rows; the old ones stand until the new are whole.

    Raises `ArchiveError` where pages are there and no manifest tells of them: nothing could be made of those.
    """
    evidence = Archive(path).evidence
    with _beside(path, now=now) as following:
        if not evidence.size() and page_files(pages_path(path)):
            raise ArchiveError(f"{path}: evidence/manifest.jsonl is lost, and tables cannot be made of pages alone")
        made = ingest(Archive.rebuilt_in(path, following / TABLES), progress=progress)
        make_private(following / TABLES)
        swap(path)
        mark(path)
    return made


def erase(path: Path, email: str, *, now: Callable[[], datetime]) -> Removed:
    """What named the person is gone from evidence and tables."""
    erasure = Erasure(Person(email))
    return _without(path, lambda _: erasure, now=now)


def prune(path: Path, before: datetime, *, now: Callable[[], datetime]) -> Removed:
    """The records of everything that ended before a moment are gone from evidence and tables."""
    return _without(path, lambda archive: retention(archive.evidence, before), now=now)


def _without(path: Path, removal: Callable[[Archive], Removal], *, now: Callable[[], datetime]) -> Removed:
    """A new archive is prepared beside the old one and takes its place; killed midway, one of the two stands.

    Raises `ArchiveError` where evidence is damaged, since nobody could tell afterwards.
    """
    Archive(path)
    with _beside(path, now=now) as following:
        hold_to_evidence(Archive(path))
        removed = rewrite(path, following, removal(Archive(path)), at=now())
        mark(following)
        ingest(Archive(following))
        make_private(following / TABLES)
        swap(path)
    return removed


@contextmanager
def _beside(path: Path, *, now: Callable[[], datetime]) -> Iterator[Path]:
    """Where what will replace parts of the archive is prepared; gone afterwards, however that ends."""
    with writing(path, now=now):
        try:
            yield path / NEXT
        except BaseException:
            finish_swap(path)
            raise


def compact(path: Path, *, now: Callable[[], datetime]) -> None:
    """Each table lies in as few files as it can, and files that are no part of it are gone.

    What a killed run left undone is done first: until then readers need files of before. Raises `ArchiveError` where
    tables are lost or were changed.
    """
    archive = Archive(path)
    with writing(path, now=now), damage_told(archive):
        ingest(archive)
        tables = [table for table in (*KNOWN.values(), UNITS) if archive.has(table.name)]
        for table in tables:
            draft = Draft(archive.store, table)
            draft.compact()
            draft.commit(archive.store.applied(table))
        with alone(path):
            for table in tables:
                archive.store.sweep(table)
