"""Parquet files of a table: their schema, their order, how many rows each holds.

A cluster is the rows that must stay in one file: a meeting's, or where a table knows no meetings a key's.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from auditor.frozen import dataclass
from auditor.model.window import iso
from auditor.tables.schema import COUNT, FLAG, SPAN, Table
from auditor.tables.typed import ORDER

if TYPE_CHECKING:
    from deltalake.transaction import AddAction

DERIVED = "_derived"
"""Column of the files of `meetings` that the table does not show: drawn from attendees, not a usage record."""

ROWS_A_FILE = 150_000
ROWS_COMPACTED = 300_000
_ROWS_A_GROUP = 1 << 16
_CLUSTER = "_cluster"
_TIME, _ROW, _RANK = "_time", "_row", "_rank"


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that is written but not yet part of its table; `clusters` are the numbers of those it holds."""

    name: str
    rows: int
    clusters: pl.Series
    action: AddAction


def frame_schema(table: Table) -> pl.Schema:
    """The columns of a table's rows on their way to its files."""
    derived = {DERIVED: FLAG} if table.name == "meetings" else {}
    return pl.Schema({**table.schema, ORDER: COUNT, **derived})


def stored_schema(table: Table) -> pl.Schema:
    """The columns of a table's files: Delta Lake has no durations, so they are whole microseconds."""
    return pl.Schema({name: COUNT if dtype == SPAN else dtype for name, dtype in frame_schema(table).items()})


def cluster_columns(table: Table) -> tuple[str, ...]:
    """The columns that name a row's cluster."""
    meeting = tuple(name for name in ("site_url", "meeting_id") if name in table.key)
    return meeting if "meeting_id" in meeting else table.key


def cluster(table: Table) -> pl.Expr:
    """A 64-bit number a cluster; two clusters may share one, which only costs work. Never stored."""
    first, *others = cluster_columns(table)
    number = pl.col(first).hash(0)
    for seed, name in enumerate(others, start=1):
        number ^= pl.col(name).hash(seed)
    return number.alias(_CLUSTER)


def clusters_of(rows: pl.DataFrame, table: Table) -> pl.Series:
    """The numbers of the clusters in the rows, each once."""
    return rows.select(cluster(table).unique()).to_series()


def in_order(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The rows by the first time of their cluster, so that time runs on and clusters stay together.

    Inside a cluster time runs on, too; at one moment pages and items decide. Rows without a time stand last.
    """
    columns = cluster_columns(table)
    if table.time is None or table.time in columns:
        return rows.sort(*columns, "page", "item")
    rows = rows.rechunk()
    keyed = rows.select(cluster(table), pl.col(table.time).to_physical().alias(_TIME), ORDER, "item").with_row_index(
        _ROW
    )
    clusters = keyed.group_by(_CLUSTER).agg(pl.col(_TIME).min(), pl.col(_ROW).first())
    named = clusters.hstack(rows.select(columns)[clusters[_ROW]])
    ranked = named.sort(_TIME, *columns, nulls_last=False).select(_CLUSTER).with_row_index(_RANK)
    placed = keyed.join(ranked, on=_CLUSTER, how="left", maintain_order="left")
    order = placed.select(pl.arg_sort_by(_RANK, _TIME, ORDER, "item", nulls_last=True)).to_series()
    return rows if order.is_sorted() else rows[order]


def write_files(folder: Path, rows: pl.DataFrame, table: Table, *, most: int = ROWS_A_FILE) -> Iterator[DataFile]:
    """Files with all the rows, about equal in size and none much larger than `most` unless one cluster is."""
    ordered = in_order(rows, table)
    for part in _parts(ordered, table, -(-rows.height // most)):
        yield _write(folder, part, table)


def _parts(rows: pl.DataFrame, table: Table, count: int) -> Iterator[pl.DataFrame]:
    """Slices of ordered rows, cut between clusters only."""
    if count <= 1:
        yield rows
        return
    begins = (cluster(table) != cluster(table).shift()).fill_null(True)
    starts = rows.select(pl.int_range(pl.len()).filter(begins)).to_series()
    start = 0
    for number in range(1, count + 1):
        later = starts.filter(starts >= max(start + 1, rows.height * number // count))
        end = int(later[0]) if len(later) and number < count else rows.height
        if end > start:
            yield rows[start:end]
        start = end


def _write(folder: Path, rows: pl.DataFrame, table: Table) -> DataFile:
    from deltalake.transaction import AddAction

    name = f"{secrets.token_hex(16)}.parquet"
    path = folder / name
    stored = rows.select(
        pl.col(column).to_physical().cast(COUNT) if dtype == SPAN else pl.col(column)
        for column, dtype in frame_schema(table).items()
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        stored.write_parquet(file, compression="zstd", compression_level=1, row_group_size=_ROWS_A_GROUP)
    action = AddAction(name, path.stat().st_size, {}, 0, True, _statistics(rows, table))
    return DataFile(name, rows.height, clusters_of(rows, table), action)


def _statistics(rows: pl.DataFrame, table: Table) -> str:
    """What the log says of a file, so that readers skip it: rows, and bounds of its time in whole milliseconds."""
    statistics: dict[str, object] = {"numRecords": rows.height}
    if table.time is not None and rows.height:
        times = rows[table.time]
        statistics["nullCount"] = {table.time: times.null_count()}
        low, high = rows.select(low=pl.col(table.time).min(), high=pl.col(table.time).max()).row(0)
        if low is not None:
            statistics["minValues"] = {table.time: f"{iso(low)[:-4]}Z"}
            statistics["maxValues"] = {table.time: f"{iso(high + timedelta(milliseconds=1))[:-4]}Z"}
    return json.dumps(statistics)
