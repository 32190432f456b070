"""Rows of a table by the files that hold them, for readers that share the files among them."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from auditor.evidence.remote import OPTIONS
from auditor.frozen import dataclass
from auditor.tables.files import shown, stored_schema
from auditor.tables.schema import TABLES, Table


@dataclass(frozen=True, slots=True)
class File:
    """A Parquet file of a table by its address, which every reader of the archive can open, and its rows."""

    address: str
    rows: int


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
    return held.select(shown(table))
