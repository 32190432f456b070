"""The moment that places a row in time, and the rows that have none."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from auditor.tables.facts import with_facts
from auditor.tables.schema import LINEAGE, TABLES, TEXT

_DERIVED = frozenset({"site_url", "meeting_id", "meeting_number", "title", *LINEAGE})
"""The columns that attendees tell of their meeting."""


def placed_by(table: str) -> tuple[str, ...]:
    """The facts `placement` reads beside the table's own columns."""
    return ("meeting.start_time",) if "meeting_id" in TABLES[table].schema and table != "meetings" else ()


def placement(table: str) -> pl.Expr:
    """The row's own time, else the start of its meeting; null when neither is known.

    Raises `ValueError` for tables without a time, whose rows are always in the window.
    """
    time = TABLES[table].time
    if time is None:
        raise ValueError(f"rows of {table} have no time and are always in the window")
    own = [name for name in ("meeting_start_time",) if name in TABLES[table].schema]
    return pl.coalesce(time, *placed_by(table), *own)


def unplaced(
    frames: Mapping[str, pl.LazyFrame], table: str, *, pages: pl.Series | None = None
) -> Mapping[str | None, int]:
    """How many rows of each site nothing places in time: no window ever holds them, so they are a gap.

    A meeting known only through its attendees is no record of its own and is not counted. It rests on a page of
    theirs: with `pages`, the pages of attendees, a meeting that rests on another is counted whatever it tells.
    """
    if TABLES[table].time is None:
        return {}
    rows = with_facts(frames, table, needed=placed_by(table)).filter(placement(table).is_null())
    if table == "meetings":
        told = [name for name in TABLES[table].schema if name not in _DERIVED]
        apart = pl.lit(False) if pages is None else ~pl.col("page").is_in(pages.implode())
        rows = rows.filter(pl.any_horizontal(pl.col(told).is_not_null()) | apart)
    site = pl.col("site_url") if "site_url" in TABLES[table].schema else pl.lit(None, dtype=TEXT).alias("site_url")
    return dict(rows.group_by(site).len().sort("site_url").collect().iter_rows())
