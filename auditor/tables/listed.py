"""Tables as lists of files, for readers that share the files among them."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from auditor.evidence.remote import OPTIONS, Remote
from auditor.frozen import dataclass
from auditor.tables.archive import Archive
from auditor.tables.files import listed_in, stored_schema
from auditor.tables.schema import SPAN, TABLES, Table


@dataclass(frozen=True, slots=True)
class File:
    """A Parquet file of a table by its address, which every reader of the archive can open, and its rows."""

    address: str
    rows: int


def files_of(archive: Archive, table: str) -> tuple[File, ...]:
    """The files of a table's version that the archive reads."""
    if not archive.has(table):
        return ()
    place = archive.tables / table
    where = str(place) if isinstance(place, Remote) else str(Path(place).resolve())
    return tuple(File(f"{where}/{name}", rows) for name, rows in listed_in(archive.log(table)).items())


def rows_in(table: str, addresses: Sequence[str]) -> pl.LazyFrame:
    """The rows of a table's files, as `Archive.scan` shows the whole table."""
    return rows_of(TABLES[table], addresses)


def rows_of(table: Table, addresses: Sequence[str]) -> pl.LazyFrame:
    """Rows of files of a table, which may be one that `Archive.scan` does not show.

    Raises `IsADirectoryError` where a folder has taken the place of a file: Polars would read what is in it.
    """
    if not addresses:
        return table.schema.to_frame().lazy()
    for address in addresses:
        if Path(address).is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), address)
    stored = stored_schema(table)
    held = pl.scan_parquet(
        list(addresses),
        schema=pl.Schema({name: stored[name] for name in table.schema}),
        missing_columns="insert",
        extra_columns="ignore",
        glob=False,
        hive_partitioning=False,
        storage_options=dict(OPTIONS) if "://" in addresses[0] else None,
    )
    return held.select(
        pl.col(name).cast(SPAN) if dtype != stored[name] else pl.col(name) for name, dtype in table.schema.items()
    )
