"""The Delta tables below one folder, as their one writer sees them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from auditor.evidence.places import make_private
from auditor.tables.files import DataFile, cluster_columns, clusters_of, frame_schema, listed_in, stored_schema
from auditor.tables.schema import COUNT, FLAG, TEXT, TEXTS, TIME, Table

if TYPE_CHECKING:
    from deltalake import DeltaTable, Schema

APPLICATION = "auditor"
"""Whose transactions tell the `seq` up to which a table has the rows of the manifest."""

_PRIMITIVE: Mapping[pl.DataType, str] = {COUNT: "long", FLAG: "boolean", TEXT: "string", TIME: "timestamp"}


@dataclass(slots=True)
class Held:
    """What a table holds at one version: rows by file, and which cluster lies in which file.

    A file is named by its number in `names`, which only grows.
    """

    version: int
    names: list[str] = field(default_factory=list)
    rows: dict[int, int] = field(default_factory=dict)
    clusters: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"cluster": pl.UInt64, "file": pl.Int32})
    )


class Store:
    """Reads and commits the tables below `folder`.

    It remembers between commits which clusters lie in which file, so that a long collection reads them once;
    a table that somebody else changed is read again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: dict[str, Held] = {}

    def place(self, table: Table) -> Path:
        """Where the table lies."""
        return self.folder / table.name

    def versions(self) -> dict[str, int]:
        """The versions of the tables that were read or changed here, by name, as they were last seen."""
        return {name: held.version for name, held in self._held.items() if held.version >= 0}

    def applied(self, table: Table) -> int:
        """The `seq` of the last manifest entry whose rows the table has; -1 when there is none."""
        opened = self._open(table)
        version = None if opened is None else opened.transaction_version(APPLICATION)
        return -1 if version is None else version

    def held(self, table: Table) -> Held:
        """What the table holds now; a draft's own copy, to be changed as the draft goes on."""
        opened = self._open(table)
        version = -1 if opened is None else opened.version()
        held = self._held.get(table.name)
        if held is None or held.version != version:
            held = Held(version)
            for name, rows in ({} if opened is None else listed_in(opened)).items():
                add_file(held, name, rows, clusters_of(self._clusters(table, name), table))
            self._held[table.name] = held
        return Held(held.version, list(held.names), dict(held.rows), held.clusters)

    def rows(self, table: Table) -> pl.LazyFrame:
        """All rows of the table, with `frame_schema`."""
        held = self.held(table)
        return self.scan(table, [held.names[number] for number in held.rows])

    def scan(self, table: Table, names: Sequence[str]) -> pl.LazyFrame:
        """The rows of some of the table's files, with `frame_schema`; a column a file does not know is null."""
        schema = frame_schema(table)
        if not names:
            return schema.to_frame().lazy()
        held = pl.scan_parquet(
            [self.place(table) / name for name in names],
            schema=stored_schema(table),
            missing_columns="insert",
            extra_columns="ignore",
            glob=False,
            hive_partitioning=False,
        )
        return held.select(pl.col(name).cast(dtype) for name, dtype in schema.items())

    def _clusters(self, table: Table, name: str) -> pl.DataFrame:
        """The columns of a file that name its clusters."""
        columns = [*cluster_columns(table)]
        return pl.read_parquet(self.place(table) / name, columns=columns, glob=False, hive_partitioning=False)

    def commit(
        self, table: Table, held: Held, *, added: Sequence[DataFile], removed: Sequence[str], applied: int
    ) -> None:
        """The files are added and removed at once; the table then holds `held` and has the rows up to `applied`."""
        from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
        from deltalake.transaction import RemoveAction

        schema = _delta_schema(table)
        actions = [file.action for file in added]
        with private():
            opened = self._open(table) or DeltaTable.create(self.made(table), schema, name=table.name)
            _widen(opened, schema)
            opened.create_write_transaction(
                [*actions, *(RemoveAction(name, True, 0) for name in removed)],
                "append",
                schema,
                commit_properties=CommitProperties(app_transactions=[Transaction(APPLICATION, applied)]),
                # until all tables have the rows, readers need the version before, however old its log is
                post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
            )
        held.version = opened.version() + 1
        self._held[table.name] = held

    def sweep(self, table: Table) -> None:
        """Files that are no longer, or never became, part of the table are gone, and so are logs of old versions."""
        opened = self._open(table)
        if opened is not None:
            opened.cleanup_metadata()
        active = {} if opened is None else listed_in(opened)
        for path in self.place(table).glob("*.parquet"):
            if path.name not in active:
                path.unlink()

    def _open(self, table: Table) -> DeltaTable | None:
        from deltalake import DeltaTable

        place = self.place(table)
        return DeltaTable(place) if DeltaTable.is_deltatable(str(place)) else None

    def made(self, table: Table) -> Path:
        """Where the table lies, made when it is not there."""
        make_private(self.place(table))
        return self.place(table)


def add_file(held: Held, name: str, rows: int, clusters: pl.Series) -> None:
    """Remember a file and the clusters it holds."""
    number = len(held.names)
    held.names.append(name)
    held.rows[number] = rows
    held.clusters = held.clusters.vstack(
        pl.DataFrame({"cluster": clusters}).with_columns(file=pl.lit(number, pl.Int32))
    )


def drop_files(held: Held, numbers: Sequence[int]) -> None:
    """Forget files."""
    for number in numbers:
        del held.rows[number]
    held.clusters = held.clusters.filter(~pl.col("file").is_in(list(numbers)))


def _delta_schema(table: Table) -> Schema:
    """The columns anybody who reads the table sees: those of its schema, without what files hold for our own use."""
    from deltalake import Field, Schema
    from deltalake.schema import ArrayType, PrimitiveType

    types = {dtype: PrimitiveType(name) for dtype, name in _PRIMITIVE.items()}
    delta: dict[pl.DataType, PrimitiveType | ArrayType] = {**types, TEXTS: ArrayType(types[TEXT])}
    stored = stored_schema(table)
    return Schema([Field(name, delta[stored[name]]) for name in table.schema])


def _widen(opened: DeltaTable, schema: Schema) -> None:
    """The table has every column of the schema: one made before a column was known gets it, null in its rows."""
    known = {field.name for field in opened.schema().fields}
    missing = [field for field in schema.fields if field.name not in known]
    if missing:
        opened.alter.add_columns(missing)


@contextmanager
def private() -> Iterator[None]:
    """Files made meanwhile, by whatever library, belong to their owner alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
