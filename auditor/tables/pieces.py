"""A table of an archive file by file, so that it can be read a part at a time."""

from __future__ import annotations

import polars as pl

from auditor.evidence.remote import Remote
from auditor.tables.archive import Archive
from auditor.tables.files import stored_schema
from auditor.tables.schema import SPAN, TABLES


def pieces(archive: Archive, table: str) -> tuple[pl.LazyFrame, ...]:
    """The table's files as frames of its schema; of an archive on an object store the table as one."""
    folder = archive.tables / table
    if isinstance(folder, Remote) or not archive.has(table):
        return (archive.scan(table),)
    from deltalake import DeltaTable

    known = TABLES[table]
    stored = stored_schema(known)
    columns = [
        pl.col(name).cast(SPAN) if dtype != stored[name] else pl.col(name) for name, dtype in known.schema.items()
    ]
    files = DeltaTable(folder).file_uris()
    return tuple(pl.scan_parquet(file).select(columns) for file in sorted(files)) or (archive.scan(table),)
