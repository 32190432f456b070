"""Changes to one table that become visible together."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from auditor.tables.files import DERIVED, DataFile, cluster, cluster_columns, clusters_of, frame_schema, write_files
from auditor.tables.schema import Table
from auditor.tables.store import Held, Store, add_file, drop_files
from auditor.tables.typed import ORDER

_SMALL = 16_384
_MANY = 16
_NEW = "_new"
_LINEAGE = ("page", "item")


class Draft:
    """Rows put into one table by natural key, seen by nobody until `commit`.

    The row of the newest page wins, so the order in which rows arrive does not matter and putting them in twice
    changes nothing. Rows of clusters that no file holds yet become files of their own; files that hold one of
    them are written anew.
    """

    def __init__(self, store: Store, table: Table) -> None:
        self.table = table
        self._store = store
        self._held: Held = store.held(table)
        self._added: dict[str, DataFile] = {}
        self._removed: list[str] = []
        self.duplicates = 0

    def upsert(self, rows: pl.DataFrame, *, parents: pl.DataFrame | None = None) -> pl.DataFrame:
        """The rows now held of every cluster that `rows` (with `frame_schema`) have a part in.

        With `parents`, which are the records the rows were listed in, only rows whose record is among them stay:
        of two answers about one person the newer one's list counts as a whole.
        """
        touching = clusters_of(rows, self.table)
        if parents is not None:
            touching = pl.concat([touching, parents.select(cluster(self.table)).to_series()]).unique()
        touched = self._touched(touching)
        held = self._read(touched)
        mine = held.filter(cluster(self.table).is_in(touching.implode())) if held.height else held
        merged = self._newest(mine, rows)
        self.duplicates += mine.height + rows.height - merged.height
        if parents is not None:
            columns = [*cluster_columns(self.table), *_LINEAGE]
            merged = merged.join(parents.select(columns), on=columns, how="semi", nulls_equal=True)
        current = merged.drop(_NEW)
        if merged[_NEW].any() or merged.height != mine.height:
            others = held.filter(~cluster(self.table).is_in(touching.implode())) if held.height else held
            self._replace(touched, pl.concat([others, current]))
        return current

    def commit(self, applied: int) -> None:
        """The changes are part of the table, which now has the rows of the manifest up to `applied`."""
        small = [number for number, rows in self._held.rows.items() if rows < _SMALL]
        if len(small) > _MANY:
            self._replace(small, self._read(small))
        if not self._added and not self._removed:
            return
        self._store.commit(
            self.table, self._held, added=list(self._added.values()), removed=self._removed, applied=applied
        )

    def compact(self) -> None:
        """All rows lie in as few files as their clusters allow, in order of time."""
        numbers = list(self._held.rows)
        if len(numbers) > 1:
            self._replace(numbers, self._read(numbers))

    def _touched(self, touching: pl.Series) -> list[int]:
        found = self._held.clusters.filter(pl.col("cluster").is_in(touching.implode()))
        return sorted(found["file"].unique())

    def _read(self, numbers: Sequence[int]) -> pl.DataFrame:
        return self._store.read(self.table, [self._held.names[number] for number in numbers])

    def _newest(self, held: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
        """One row a key: a usage record before a derived meeting, then the newest page, then the last item."""
        order = [ORDER, "item"]
        descending = [False, False, True]
        if DERIVED in rows.columns:
            order, descending = [DERIVED, *order], [True, *descending]
        both = pl.concat([held.with_columns(pl.lit(False).alias(_NEW)), rows.with_columns(pl.lit(True).alias(_NEW))])
        return both.sort(*order, _NEW, descending=descending).unique(
            subset=self._identity(), keep="last", maintain_order=True
        )

    def _identity(self) -> list[pl.Expr]:
        table = self.table
        key = [pl.col(name) for name in table.key]
        if "participant_id" in table.schema and table.identifier is None:
            key += [pl.col(name) for name in _LINEAGE]
        if table.identifier is not None:
            key += [
                pl.when(pl.col(table.identifier).is_null()).then(pl.col(name)).alias(f"_{name}")
                for name in table.unnamed
            ]
        return key

    def _replace(self, numbers: Sequence[int], rows: pl.DataFrame) -> None:
        """The files are gone, and new ones hold the rows."""
        for name in [self._held.names[number] for number in numbers]:
            drafted = self._added.pop(name, None)
            if drafted is None:
                self._removed.append(name)
            else:
                (self._store.place(self.table) / name).unlink()
        drop_files(self._held, numbers)
        if rows.height:
            folder = self._store.made(self.table)
            for file in write_files(folder, rows.select(*frame_schema(self.table)), self.table):
                self._added[file.name] = file
                add_file(self._held, file.name, file.rows, file.clusters)
