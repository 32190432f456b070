"""Files of tables that are lost or no longer as they were written: named, since evidence makes tables again."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import polars as pl

from auditor.errors import ArchiveError, AuditorError, is_full, said
from auditor.evidence.places import TABLES as FOLDER
from auditor.evidence.places import Place
from auditor.evidence.verify import Fault
from auditor.tables.archive import Archive
from auditor.tables.files import digest_in
from auditor.tables.schema import TABLES
from auditor.tables.units import UNITS

ADVICE = "archive rebuild makes the tables again from evidence"
_CHANGED, _LOST, _NO_LOG = "the file was changed", "the file is lost", "its log cannot be read"


@dataclass(slots=True)
class Compared:
    """What comparing the files of tables with the digests in their names gave.

    `unnamed` counts files written before names told digests, which could be read but not compared.
    """

    faults: list[Fault] = field(default_factory=list)
    files: int = 0
    unnamed: int = 0


def compared(archive: Archive) -> Compared:
    """Every file of the tables compared with the digest in its name."""
    found = Compared()
    for table in (*TABLES, UNITS.name):
        if not archive.has(table):
            continue
        try:
            names = _names(archive, table)
        except ArchiveError:
            found.faults.append(Fault(f"{FOLDER}/{table}", _NO_LOG))
            continue
        for name in names:
            harm = _harm(archive.tables / table / name, name)
            if harm == _LOST and name not in _names(archive, table):
                continue  # replaced by whoever writes meanwhile
            found.files += 1
            found.unnamed += digest_in(name) is None
            if harm is not None:
                found.faults.append(Fault(f"{FOLDER}/{table}/{name}", harm))
    return found


@contextmanager
def damage_told(archive: Archive) -> Iterator[None]:
    """What fails inside because a file of a table cannot be read raises `ArchiveError` and names the file."""
    try:
        yield
    except (AuditorError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        if not is_full(error):
            refuse_damage(archive, cause=error)
        raise


def refuse_damage(archive: Archive, *, cause: BaseException | None = None) -> None:
    """Raise `ArchiveError` where a file of a table is lost or was changed; all are read to find it."""
    for fault in compared(archive).faults:
        raise ArchiveError(f"{archive.place}/{fault}; {ADVICE}") from cause


def _names(archive: Archive, table: str) -> list[str]:
    """The files of the table's newest version. Raises `ArchiveError` where its log cannot be read."""
    from deltalake.exceptions import DeltaError

    try:
        return sorted(pl.DataFrame(archive.log(table).get_add_actions())["path"])
    except (DeltaError, OSError) as error:
        raise ArchiveError(f"{archive.tables / table}: {_NO_LOG}") from error


def _harm(file: Place, name: str) -> str | None:
    """What became of a file, or None. One whose name tells no digest is sound if it can be read."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return _LOST
    except OSError as error:
        return said(error)
    if (digest := digest_in(name)) is not None:
        return None if hashlib.sha256(content).hexdigest() == digest else _CHANGED
    try:
        pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return _CHANGED
    return None
