"""Files of tables that are lost or no longer as they were written: named, since evidence makes tables again."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

import polars as pl

from auditor.errors import ArchiveError, AuditorError, is_full, said
from auditor.evidence.places import TABLES as FOLDER
from auditor.evidence.places import Place
from auditor.evidence.remote import Remote
from auditor.evidence.verify import MOST_UNREAD, Fault, unread
from auditor.tables.archive import Archive
from auditor.tables.files import digest_in, listed_in
from auditor.tables.schema import TABLES
from auditor.tables.units import UNITS

ADVICE = "archive rebuild makes the tables again from evidence"
_CHANGED, _LOST = "the file was changed", "the file is lost"
_NO_TABLE, _NO_LOG, _CUT = "the table is lost", "its log cannot be read", "its log has lost its end"
_ELSEWHERE = "its log names a file that does not lie beside it"


@dataclass(slots=True)
class Compared:
    """What comparing the files of tables with the digests in their names gave.

    `unnamed` counts files written before names told digests, which could be read but not compared.
    """

    faults: list[Fault] = field(default_factory=list)
    files: int = 0
    unnamed: int = 0


def compared(archive: Archive) -> Compared:
    """The tables compared with the versions they had, and every file of them with the digest in its name."""
    found = Compared([*_lost(archive)])
    unreadable = {fault.where for fault in found.faults if fault.what in {_NO_LOG, _ELSEWHERE}}
    in_a_row = 0
    for table in (*TABLES, UNITS.name):
        if not archive.has(table) or f"{FOLDER}/{table}" in unreadable:
            continue
        for name in _names(archive, table):
            where = f"{FOLDER}/{table}/{name}"
            try:
                harm = _harm(archive.tables / table / name, name)
            except (OSError, ArchiveError) as error:
                found.faults.append(unread(where, error))
                in_a_row += 1
                if in_a_row == MOST_UNREAD and isinstance(archive.tables, Remote):
                    found.faults.append(Fault(FOLDER, "no further file was asked for after that", unread=True))
                    return found
                harm = None
            else:
                in_a_row = 0
            if harm == _LOST and name not in _names(archive, table):
                continue  # replaced by whoever writes meanwhile
            found.files += 1
            found.unnamed += digest_in(name) is None
            if harm is not None:
                found.faults.append(Fault(where, harm))
    return found


@contextmanager
def damage_told(archive: Archive, *, read: Archive | None = None) -> Iterator[None]:
    """Raises `ArchiveError` where a table or the manifest is lost, or a file that cannot be read fails what is inside.

    `read` is the archive as it is read inside, where that is not `archive` as it may be by then.
    """
    hold_to_evidence(read or archive)
    for fault in _lost(read or archive):
        _refuse(archive, fault)
    try:
        yield
    except (AuditorError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        if not is_full(error):
            refuse_damage(archive, cause=error)
        raise


def hold_to_evidence(archive: Archive) -> None:
    """Raise `ArchiveError` where the manifest is not the one the tables were made from, or ends before they do."""
    state = archive.state()
    if not state.chain.entries or archive.evidence.hash_before(state.offset) == state.chain.head:
        return
    if archive.evidence.size() < state.offset:
        raise ArchiveError(
            f"{archive.place}/evidence/manifest.jsonl was lost or cut, and the tables hold more than it tells; see "
            "archive verify and bring it back: archive rebuild would make tables of what is left"
        )
    raise ArchiveError(
        f"the tables of {archive.place} were made from other evidence; see archive verify, then run archive rebuild"
    )


def refuse_damage(archive: Archive, *, cause: BaseException | None = None) -> None:
    """Raise `ArchiveError` where a file of a table is lost or was changed; all are read to find it.

    Those on an object store are not: that may take longer than what failed.
    """
    for fault in () if isinstance(archive.tables, Remote) else compared(archive).faults:
        _refuse(archive, fault, cause=cause)


def _refuse(archive: Archive, fault: Fault, *, cause: BaseException | None = None) -> NoReturn:
    raise ArchiveError(f"{archive.place}/{fault}" + ("" if fault.unread else f"; {ADVICE}")) from cause


def _lost(archive: Archive) -> Iterator[Fault]:
    """The tables that are not what they were when rows were last brought: gone, cut, or made of other files."""
    versions = archive.state().versions
    for table in (*TABLES, UNITS.name):
        where = f"{FOLDER}/{table}"
        if not archive.has(table):
            if table in versions:
                yield Fault(where, _NO_TABLE)
        elif (version := _version(archive, table)) is None:
            yield Fault(where, _NO_LOG)
        elif version < versions.get(table, 0):
            yield Fault(where, _CUT)
        elif _leads_out(archive, table):
            yield Fault(where, _ELSEWHERE)


def _version(archive: Archive, table: str) -> int | None:
    """The table's newest version, or None where its log cannot be read."""
    from deltalake.exceptions import DeltaError

    try:
        return archive.log(table).version()
    except (DeltaError, OSError):
        return None


def _leads_out(archive: Archive, table: str) -> bool:
    try:
        listed_in(archive.log(table))
    except ArchiveError:
        return True
    return False


def _names(archive: Archive, table: str) -> list[str]:
    """The files of the table's newest version."""
    return sorted(listed_in(archive.log(table)))


def _harm(file: Place, name: str) -> str | None:
    """What became of a file, or None. One whose name tells no digest is sound if it can be read.

    Raises `OSError`, or `ArchiveError` of an object store, where it is not given out.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return _LOST
    except IsADirectoryError as error:
        return said(error)
    if (digest := digest_in(name)) is not None:
        return None if hashlib.sha256(content).hexdigest() == digest else _CHANGED
    try:
        pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return _CHANGED
    return None
