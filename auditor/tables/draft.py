"""Changes to one table that become visible together."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from auditor.tables.files import (
    CLUSTER,
    DERIVED,
    ROWS_A_FILE,
    ROWS_COMPACTED,
    DataFile,
    cluster,
    cluster_columns,
    clustered,
    frame_schema,
    write_files,
)
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
        """The rows now held of every cluster that `rows` (with `frame_schema`) have a part in, with `CLUSTER`.

        With `parents`, which are the records the rows were listed in, only rows whose record is among them stay:
        of two answers about one person the newer one's list counts as a whole.
        """
        rows = clustered(rows, self.table).select(*frame_schema(self.table), CLUSTER)
        touching = rows[CLUSTER].unique()
        if parents is not None:
            touching = pl.concat([touching, parents.select(cluster(self.table)).to_series()]).unique()
        shared = self._held.clusters.filter(self._held.clusters["cluster"].is_in(touching.implode()))
        touched = sorted(shared["file"].unique())
        if not touched and parents is None:
            fresh = self._newest(rows.clear(), rows).drop(_NEW) if self._repeats(rows) else rows
            self.duplicates += rows.height - fresh.height
            self._write(fresh)
            return fresh
        is_held = pl.col(CLUSTER).is_in(shared["cluster"].unique().implode())
        fresh = self._newest(rows.clear(), rows.filter(~is_held) if touched else rows)
        mine = self._read(touched, is_held)
        merged = self._newest(mine, rows.filter(is_held) if touched else rows.clear())
        self.duplicates += mine.height + rows.height - fresh.height - merged.height
        if parents is not None:
            columns = [*cluster_columns(self.table), *_LINEAGE]
            fresh, merged = (
                some.join(parents.select(columns), on=columns, how="semi", nulls_equal=True) for some in (fresh, merged)
            )
        current = pl.concat([fresh, merged]).drop(_NEW)
        if merged[_NEW].any() or merged.height != mine.height:
            self._replace(touched, pl.concat([self._read(touched, ~is_held), merged.drop(_NEW)]))
        self._replace((), fresh.drop(_NEW))
        return current

    def commit(self, applied: int) -> None:
        """The changes are part of the table, which now has the rows of the manifest up to `applied`."""
        small = [number for number, rows in self._held.rows.items() if rows < _SMALL]
        if len(small) > _MANY:
            self._replace(small, self._read(small, pl.lit(True)))
        if not self._added and not self._removed:
            return
        self._store.commit(
            self.table, self._held, added=list(self._added.values()), removed=self._removed, applied=applied
        )

    def compact(self) -> None:
        """All rows lie in few files, in order of time from file to file; no more is read at once than a file holds."""
        numbers = list(self._held.rows)
        spans = [self._spans(number) for number in numbers]
        if len(numbers) < 2 or _is_compact(spans):
            return
        whole = pl.concat(spans).sort("first", "cluster", nulls_last=False)
        count = max(1, round(whole["rows"].sum() / ROWS_COMPACTED))
        share = (pl.col("rows").cum_sum() - 1) * count // pl.col("rows").sum()
        for part in whole.with_columns(share.alias("part")).partition_by("part", maintain_order=True):
            wanted = pl.col(CLUSTER).is_in(part["cluster"].implode())
            self._write(self._read(sorted(part["file"].unique()), wanted), most=2 * ROWS_COMPACTED)
        self._replace(numbers, frame_schema(self.table).to_frame())

    def _spans(self, number: int) -> pl.DataFrame:
        """The clusters of a file: when each begins, how many rows it has."""
        rows = self._store.scan(self.table, [self._held.names[number]])
        time = pl.lit(None, pl.Int64) if self.table.time is None else pl.col(self.table.time).to_physical()
        return (
            rows.select(cluster(self.table).alias("cluster"), time.alias("first"))
            .group_by("cluster")
            .agg(pl.col("first").min(), pl.len().alias("rows"))
            .with_columns(file=pl.lit(number, pl.Int32))
            .collect()
        )

    def _read(self, numbers: Sequence[int], wanted: pl.Expr) -> pl.DataFrame:
        """The rows of some files that are `wanted`, with `CLUSTER`."""
        names = [self._held.names[number] for number in numbers]
        rows = self._store.scan(self.table, names)
        return rows.with_columns(cluster(self.table)).filter(wanted).collect()

    def _newest(self, held: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
        """One row a key: a usage record before a derived meeting, then the newest page, then the last item.

        `_NEW` says which rows are none of `held`.
        """
        if held.is_empty() and not self._repeats(rows):
            return rows.with_columns(pl.lit(True).alias(_NEW))
        order = [ORDER, "item"]
        descending = [False, False, True]
        if DERIVED in rows.columns:
            held = _told(held, rows.filter(pl.col(DERIVED)), by=self.table.key)
            order, descending = [DERIVED, *order], [True, *descending]
        both = pl.concat([held.with_columns(pl.lit(False).alias(_NEW)), rows.with_columns(pl.lit(True).alias(_NEW))])
        return both.sort(*order, _NEW, descending=descending).unique(
            subset=self._identity(), keep="last", maintain_order=True
        )

    def _repeats(self, rows: pl.DataFrame) -> bool:
        """Whether two of the rows may have one key: two numbers alike may be chance, two keys alike never differ."""
        number = pl.col(CLUSTER)
        for seed, part in enumerate(self._identity(known=cluster_columns(self.table)), start=len(self.table.key)):
            number ^= part.hash(seed)
        return bool(rows.select(number.n_unique() != pl.len()).item())

    def _identity(self, known: Sequence[str] = ()) -> list[pl.Expr]:
        """What tells rows apart, beside the columns that are `known`."""
        table = self.table
        key = [pl.col(name) for name in table.key if name not in known]
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
        self._write(rows)

    def _write(self, rows: pl.DataFrame, *, most: int = ROWS_A_FILE) -> None:
        """New files hold the rows."""
        if rows.is_empty():
            return
        folder = self._store.made(self.table)
        for file in write_files(folder, rows, self.table, most=most):
            self._added[file.name] = file
            add_file(self._held, file.name, file.rows, file.clusters)


def _told(held: pl.DataFrame, derived: pl.DataFrame, *, by: Sequence[str]) -> pl.DataFrame:
    """The rows held, without meetings derived from records that, of all attendees held now, are not the earliest.

    An older page may tell of a meeting again once the record that came between was replaced.
    """
    place = pl.struct(ORDER, "item")
    now = derived.select(*by, place.alias("_now"))
    stale = pl.col(DERIVED) & (place != pl.col("_now"))
    return held.join(now, on=by, how="left", nulls_equal=True).filter(~stale.fill_null(False)).drop("_now")


def _is_compact(spans: Sequence[pl.DataFrame]) -> bool:
    """Whether files are few enough for their rows, and each begins where the one before ends, or later."""
    first = pl.col("first")
    files = pl.concat(
        each.select(low=first.min(), high=first.max(), nulls=first.null_count(), rows=pl.col("rows").sum())
        for each in spans
    ).sort("low")
    follow = (files["high"].shift() <= files["low"]).all() and files["nulls"].sum() == 0
    return bool(follow and files["rows"].sum() >= files.height * ROWS_COMPACTED * 2 // 3)
