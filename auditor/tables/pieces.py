"""A table of an archive file by file, so that it can be read a part at a time."""

from __future__ import annotations

import polars as pl

from auditor.evidence.remote import Remote
from auditor.tables.archive import Archive
from auditor.tables.listed import rows_in


def pieces(archive: Archive, table: str) -> tuple[pl.LazyFrame, ...]:
    """The table's files as frames of its schema; of an archive on an object store the table as one."""
    folder = archive.tables / table
    if isinstance(folder, Remote) or not archive.has(table):
        return (archive.scan(table),)
    return tuple(rows_in(table, [file.address]) for file in archive.files(table)) or (archive.scan(table),)
