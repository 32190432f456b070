"""Parquet files of a table: their schema, their order, how many rows each holds.

A cluster is the rows that must stay in one file: a meeting's, or where a table knows no meetings a key's.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from auditor.entities.columns import run_starts, runs_of, where_true
from auditor.errors import ArchiveError
from auditor.frozen import dataclass
from auditor.model.window import iso
from auditor.tables.schema import COLLECTIONS, COUNT, FLAG, SPAN, Table
from auditor.tables.typed import ORDER

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction

DERIVED = "_derived"
"""Column of the files of `meetings` that the table does not show: drawn from attendees, not a usage record."""

ROWS_A_FILE = 150_000
ROWS_COMPACTED = 300_000
_ROWS_A_GROUP = 1 << 16
_LARGEST = 2**63 - 1
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)  # no bound above it can be written
_NAME = re.compile(r"[0-9a-f]{16}-([0-9a-f]{64})\.parquet")
CLUSTER = "_cluster"
"""Column of rows on their way to files, never stored: the number of the row's cluster."""

_RUN, _TIME, _ROW, _RANK = "_run", "_time", "_row", "_rank"


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that is written but not yet part of its table; `clusters` are the numbers of those it holds."""

    name: str
    rows: int
    clusters: pl.Series
    action: AddAction


def listed_in(opened: DeltaTable) -> dict[str, int]:
    """The rows of each file of a version of a table, by the file's name.

    Raises `ArchiveError` for a name that leads out of the table's folder: an archive may come from a stranger.
    """
    actions = pl.DataFrame(opened.get_add_actions()).sort("path")
    for name in actions["path"]:
        if "/" in name:
            raise ArchiveError(
                f"{opened.table_uri}: its log names {name!r}, but files of a table lie beside its log; "
                "archive rebuild makes the tables again from evidence"
            )
    return dict(zip(actions["path"], actions["num_records"], strict=True))


def frame_schema(table: Table) -> pl.Schema:
    """The columns of a table's rows on their way to its files."""
    derived = {DERIVED: FLAG} if table.name == "meetings" else {}
    return pl.Schema({**table.schema, ORDER: COUNT, **derived})


def stored_schema(table: Table) -> pl.Schema:
    """The columns of a table's files: Delta Lake has no durations, so they are whole microseconds."""
    return pl.Schema({name: COUNT if dtype == SPAN else dtype for name, dtype in frame_schema(table).items()})


def shown(table: Table) -> list[pl.Expr]:
    """The columns of a table as `Archive.scan` shows them, of those of its files.

    A collection, of which no item is written, rests on the first record of its first page.
    """
    stored = stored_schema(table)
    columns = {
        name: pl.col(name).cast(SPAN) if dtype != stored[name] else pl.col(name) for name, dtype in table.schema.items()
    }
    if table is COLLECTIONS:
        columns["item"] = pl.when(pl.col("page").is_not_null()).then(pl.col("item").fill_null(0))
    return list(columns.values())


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
    return number.alias(CLUSTER)


def clustered(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The rows with the column `CLUSTER`."""
    return rows if CLUSTER in rows.columns else rows.with_columns(cluster(table))


def clusters_of(rows: pl.DataFrame, table: Table) -> pl.Series:
    """The numbers of the clusters in the rows, each once."""
    return clustered(rows, table)[CLUSTER].unique()


def in_order(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The rows by the first time of their cluster, so that time runs on and clusters stay together.

    Inside a cluster time runs on, too; at one moment pages and items decide. Rows without a time stand last.
    """
    columns = cluster_columns(table)
    if table.time is None or table.time in columns:
        return rows.sort(*columns, "page", "item")
    time = rows[table.time].rechunk().to_physical()
    rank = _ranks(rows, table, time)
    place, line = _as_one(rank, time), _as_one(rows[ORDER], rows["item"])
    if place is None or line is None or not line.is_sorted():
        keys = pl.DataFrame({_RANK: rank, _TIME: time, ORDER: rows[ORDER], "item": rows["item"]})
        order = keys.select(pl.arg_sort_by(_RANK, _TIME, ORDER, "item", nulls_last=True)).to_series()
        return rows if order.is_sorted() else _gathered(rows, order)
    if place.is_sorted():
        return rows
    return _gathered(rows, place.to_frame(_TIME).select(pl.arg_sort_by(_TIME, maintain_order=True)).to_series())


def _gathered(rows: pl.DataFrame, order: pl.Series) -> pl.DataFrame:
    """The rows in another order; a column without any value is the same in every order."""
    filled = [column.name for column in rows if column.null_count() < rows.height]
    return rows.with_columns(rows.select(filled).rechunk()[order])


def _ranks(rows: pl.DataFrame, table: Table, time: pl.Series) -> pl.Series:
    """The place of each row's cluster among all clusters by first time; rows of a cluster often stand together."""
    columns = cluster_columns(table)
    numbers = clustered(rows, table)[CLUSTER]
    begins, run = runs_of(numbers)
    firsts = pl.DataFrame({_RUN: run, _TIME: time}).group_by(_RUN, maintain_order=True).agg(pl.col(_TIME).min())
    runs = pl.DataFrame({CLUSTER: numbers.gather(begins), _TIME: firsts[_TIME], _ROW: begins})
    clusters = runs.group_by(CLUSTER).agg(pl.col(_TIME).min(), pl.col(_ROW).first())
    named = clusters.hstack(rows.select(columns)[clusters[_ROW]])
    ranked = named.sort(_TIME, *columns, nulls_last=False).select(CLUSTER).with_row_index(_RANK)
    return runs.join(ranked, on=CLUSTER, how="left", maintain_order="left")[_RANK].gather(run)


def _as_one(high: pl.Series, low: pl.Series) -> pl.Series | None:
    """A number a pair, in the order of the pairs; None where one is null or the numbers would be too large."""
    if high.is_empty() or high.null_count() or low.null_count():
        return None
    least, most = low.min(), low.max()
    first, last = high.min(), high.max()
    if not (isinstance(least, int) and isinstance(most, int) and isinstance(first, int) and isinstance(last, int)):
        raise TypeError("only whole numbers become one")
    step = most - least + 1
    if (last - first + 1) * step > _LARGEST:
        return None
    return (high.cast(COUNT) - first) * step + (low.cast(COUNT) - least)


def write_files(folder: Path, rows: pl.DataFrame, table: Table, *, most: int = ROWS_A_FILE) -> Iterator[DataFile]:
    """Files with all the rows, about equal in size and none much larger than `most` unless one cluster is."""
    ordered = in_order(clustered(rows, table), table)
    for part in _parts(ordered, -(-rows.height // most)):
        yield _write(folder, part, table)


def _parts(rows: pl.DataFrame, count: int) -> Iterator[pl.DataFrame]:
    """Slices of ordered rows, cut between clusters only."""
    if count <= 1:
        yield rows
        return
    numbers = rows[CLUSTER]
    starts = where_true(run_starts(numbers))
    start = 0
    for number in range(1, count + 1):
        later = starts.filter(starts >= max(start + 1, rows.height * number // count))
        end = int(later[0]) if len(later) and number < count else rows.height
        if end > start:
            yield rows[start:end]
        start = end


def _write(folder: Path, rows: pl.DataFrame, table: Table) -> DataFile:
    from deltalake.transaction import AddAction

    content = _encoded(_stored(rows, table), _group(rows.height))
    name = named(content)
    path = folder / name
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
    action = AddAction(name, path.stat().st_size, {}, 0, True, _statistics(rows, table))
    return DataFile(name, rows.height, clusters_of(rows, table), action)


def named(content: bytes) -> str:
    """A name nobody has yet for a file of the content, which tells its SHA-256."""
    return f"{secrets.token_hex(8)}-{hashlib.sha256(content).hexdigest()}.parquet"


def digest_in(name: str) -> str | None:
    """The SHA-256 a file of the name was written with; None of names that tell none.

    >>> digest_in(named(b""))[:8]
    'e3b0c442'
    """
    found = _NAME.fullmatch(name)
    return None if found is None else found[1]


def _encoded(rows: pl.DataFrame, group: int) -> bytes:
    """The rows as Parquet, in memory: of a full disk Python then tells what Polars words as a mistake in the file."""
    encoded = io.BytesIO()
    rows.write_parquet(encoded, compression="zstd", compression_level=1, row_group_size=group)
    return encoded.getvalue()


def _stored(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """What a file holds of the rows: a column without any value that is no part of the key is left out, and so null."""
    return rows.select(
        pl.col(column).to_physical().cast(COUNT) if dtype == SPAN else pl.col(column)
        for column, dtype in frame_schema(table).items()
        if column in table.key or rows[column].null_count() < rows.height
    )


def _group(rows: int) -> int:
    """How many rows a group of a file has, so that its groups are about equal."""
    return -(-rows // max(1, round(rows / _ROWS_A_GROUP)))


def _statistics(rows: pl.DataFrame, table: Table) -> str:
    """What the log says of a file, so that readers skip it: rows, and bounds of its time in whole milliseconds."""
    statistics: dict[str, object] = {"numRecords": rows.height}
    if table.time is not None and rows.height:
        times = rows[table.time]
        statistics["nullCount"] = {table.time: times.null_count()}
        low, high = times.min(), times.max()
        if isinstance(low, datetime) and isinstance(high, datetime):
            statistics["minValues"] = {table.time: f"{iso(low)[:-4]}Z"}
            if high < _LAST:
                statistics["maxValues"] = {table.time: f"{iso(high + timedelta(milliseconds=1))[:-4]}Z"}
    return json.dumps(statistics)
