"""Rows set aside on disk by the value of a column, to be judged a bucket at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

_BUCKET = "__bucket"
_SEED = 23
_PAGE = "page"


@dataclass(slots=True)
class Spill:
    """Files below `folder` that hold rows by the value of `column`, equal values in one of `buckets`."""

    folder: Path
    column: str
    buckets: int
    _written: dict[tuple[str, int], list[Path]] = field(default_factory=dict, init=False)

    def add(self, table: str, rows: pl.DataFrame) -> None:
        """Set the rows aside."""
        if rows.is_empty():
            return
        # pages are long texts of few values
        numbered = rows.with_columns(
            (pl.col(self.column).hash(_SEED) % self.buckets).cast(pl.Int64).alias(_BUCKET),
            pl.col(_PAGE).cast(pl.Categorical),
        )
        for (bucket,), part in numbered.partition_by(_BUCKET, as_dict=True, include_key=False).items():
            files = self._written.setdefault((table, int(bucket)), [])
            path = self.folder / f"{self.column}-{table}-{bucket}-{len(files)}.arrow"
            part.write_ipc(path)
            files.append(path)

    def rows(self, table: str, bucket: int, *, like: pl.DataFrame) -> pl.DataFrame:
        """The rows of a bucket, whose files are then gone; none, with the columns of `like`, where it has none."""
        files = self._written.pop((table, bucket), [])
        if not files:
            return like
        read = pl.concat([pl.read_ipc(path) for path in files])
        for path in files:
            path.unlink()
        return read.with_columns(pl.col(_PAGE).cast(pl.String))
