"""A table written to a file that other programs read."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import polars as pl

from auditor.errors import ArchiveError, is_full, said
from auditor.evidence.places import half_written
from auditor.tables.archive import Archive
from auditor.tables.damage import damage_told
from auditor.tables.schema import SPAN, TABLES, TEXTS
from auditor.tables.still import held_still

_FORMULA = r"^'*[=+\-@\t\r]"
_PHONE = r"^\+[\d ()./-]+$"


def export(archive: Archive, table: str, target: Path | IO[bytes], *, form: str) -> int:
    """Rows written; a file is there as a whole or not at all. Rows are in order of time, meeting and lineage."""
    known = TABLES.get(table)
    if known is None:
        raise ArchiveError(f"there is no table {table!r}; one of {', '.join(TABLES)}")
    order = [name for name in (known.time, *known.key, "page", "item") if name is not None]
    with held_still(archive) as still, damage_told(archive, read=still):
        rows = still.scan(table).sort(list(dict.fromkeys(order)), nulls_last=True).collect()
    if isinstance(target, Path):
        _write(rows, target, form=form)
    else:
        FORMATS[form](rows, target)
    return rows.height


def _write(rows: pl.DataFrame, path: Path, *, form: str) -> None:
    temporary = half_written(path)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            FORMATS[form](rows, file)
        temporary.replace(path)
    except (OSError, pl.exceptions.ComputeError) as error:
        if is_full(error):
            raise OSError(errno.ENOSPC, said(error), str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _parquet(rows: pl.DataFrame, file: IO[bytes]) -> None:
    rows.write_parquet(file, compression="zstd")


def _arrow(rows: pl.DataFrame, file: IO[bytes]) -> None:
    rows.write_ipc(file)


def _csv(rows: pl.DataFrame, file: IO[bytes]) -> None:
    """Durations as whole microseconds in `<name>_us`, lists as JSON text, times in ISO 8601 with `Z`."""
    columns = [_cell(name, dtype) for name, dtype in rows.schema.items()]
    rows.select(columns).write_csv(file, datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")


def _cell(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype == SPAN:
        return column.dt.total_microseconds().alias(f"{name}_us")
    if dtype == TEXTS:
        written = pl.struct(column).struct.json_encode()
        return (
            pl.when(column.is_not_null())
            .then(written.str.strip_prefix(f'{{"{name}":').str.strip_suffix("}"))
            .alias(name)
        )
    return _guarded(column).alias(name) if dtype == pl.String else column


def _guarded(text: pl.Expr) -> pl.Expr:
    """Text that no spreadsheet takes for a formula: a quote stands before one that begins so, telephones excepted.

    It stands before one that begins with such a quote, too: `auditor.tables.csvfile.unguarded` gives each back.
    """
    return (
        pl.when(text.str.contains(_FORMULA) & ~text.str.contains(_PHONE))
        .then(pl.concat_str(pl.lit("'"), text))
        .otherwise(text)
    )


FORMATS: Mapping[str, Callable[[pl.DataFrame, IO[bytes]], None]] = {
    "parquet": _parquet,
    "csv": _csv,
    "arrow": _arrow,
}
