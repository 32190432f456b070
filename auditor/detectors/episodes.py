"""Legs and visits: what a person did, out of the joins a report lists.

A *leg* is one row. A *visit* is the rows of one person in one meeting whose joins follow each other with gaps of
at most `merge_gap`; presence is the union of its legs, never their sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from auditor.detectors.detection import records

ORDER = ("joined_time", "end", "page", "item")
MERGE_GAP = timedelta(minutes=10)


def legs(rows: pl.LazyFrame, *, entity: Sequence[str], needed: Sequence[str]) -> tuple[pl.DataFrame, int]:
    """Rows with a known `end` and all of `needed`, ordered; and the number of rows that lack one of them.

    `end` is `left_time`, else the meeting's end. A row that ends before it starts is not evaluable.
    """
    ended = rows.with_columns(end=pl.coalesce("left_time", "meeting.end_time"))
    usable = pl.all_horizontal(
        pl.col("end") >= pl.col("joined_time"), *[pl.col(name).is_not_null() for name in (*entity, *needed)]
    ).fill_null(value=False)
    frame = ended.with_columns(_usable=usable).collect()
    kept = frame.filter("_usable").drop("_usable").sort(*ORDER).with_row_index("row")
    return kept.with_columns(pl.col("row").cast(pl.Int64)), frame.height - kept.height


def visits(frame: pl.DataFrame, *, entity: Sequence[str], carried: Sequence[pl.Expr] = ()) -> pl.DataFrame:
    """One row a visit: entity, site and meeting, `joined_time`, `end`, `presence`, `legs`, `records`.

    `carried` are further aggregates over the legs of a visit.
    """
    key = list(dict.fromkeys(("site_url", "meeting_id", *entity)))
    ordered = frame.sort(*key, *ORDER, nulls_last=True)
    reach = pl.col("end").cum_max().shift(1).over(key)
    start = pl.col("joined_time")
    numbered = ordered.with_columns(
        _new=(reach.is_null() | (start > reach + MERGE_GAP)).fill_null(value=True),
        _added=pl.when(reach.is_null() | (start > reach))
        .then(pl.col("end") - start)
        .otherwise(pl.max_horizontal(pl.col("end") - reach, pl.lit(timedelta()))),
    ).with_columns(visit=pl.col("_new").cast(pl.Int64).cum_sum())
    return (
        numbered.group_by("visit", *key, maintain_order=True)
        .agg(
            pl.col("joined_time").min(),
            pl.col("end").max(),
            pl.col("_added").sum().alias("presence"),
            pl.len().cast(pl.Int64).alias("legs"),
            records().alias("records"),
            *carried,
        )
        .sort("joined_time", "end", *key, nulls_last=True)
    )
