"""The order rows are judged in: time, then lineage."""

from __future__ import annotations

import polars as pl

from auditor.tables.schema import LINEAGE, TABLES

AT = "__at"
"""The moment that places a row: its own time, else that of its meeting."""

PLACE = "__place"
"""The place of a row among those of its table by time and lineage, in frames that stand in that order."""


def placed(rows: pl.DataFrame, time: str | None) -> pl.DataFrame:
    """The rows in order, with `PLACE`."""
    return rows.sort(*order(time), nulls_last=True, maintain_order=True).with_row_index(PLACE)


def order(time: str | None, rows: pl.DataFrame | None = None, *, table: str = "") -> tuple[str, ...]:
    """The columns rows are ordered by: time, then lineage; `PLACE` alone where the rows have it for that time."""
    if rows is not None and PLACE in rows.columns and TABLES[table].time == time:
        return (PLACE,)
    return (time or AT, *LINEAGE)
