"""Legs and visits: what a person did, out of the joins a report lists.

A *leg* is one row. A *visit* is the rows of one person in one meeting whose joins follow each other with gaps of
at most `merge_gap`; presence is the union of its legs, never their sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from auditor.entities.groups import first_places, greatest, ids, paired

ORDER = ("joined_time", "end", "page", "item")
MERGE_GAP = timedelta(minutes=10)
OTHERS = 3

END = pl.coalesce("left_time", "meeting.end_time")
"""When a leg ended, as far as that is known."""


def legs(rows: pl.LazyFrame, *, entity: Sequence[str], needed: Sequence[str]) -> tuple[pl.DataFrame, int]:
    """Rows with a known `end` and all of `needed`, ordered; and the number of rows that lack one of them.

    `end` is `left_time`, else the meeting's end. A row that ends before it starts is not evaluable.
    """
    ended = rows.with_columns(END.alias("end"))
    usable = pl.all_horizontal(
        pl.col("end") >= pl.col("joined_time"), *[pl.col(name).is_not_null() for name in (*entity, *needed)]
    ).fill_null(value=False)
    frame = ended.with_columns(_usable=usable).collect()
    kept = frame.filter("_usable").drop("_usable").sort(*ORDER).with_row_index("row")
    return kept.with_columns(pl.col("row").cast(pl.Int64)), frame.height - kept.height


def visits(
    frame: pl.DataFrame, *, entity: Sequence[str], gap: timedelta = MERGE_GAP, carried: Sequence[pl.Expr] = ()
) -> pl.DataFrame:
    """One row a visit, in order: entity, site and meeting, `joined_time`, `end`, `presence`, `legs`, `rows`.

    `rows` are the numbers of its legs; `with_records` turns them into records.

    `carried` are further aggregates over the legs of a visit; they may read `presence` and `meeting_length`,
    which are the same on every leg of a visit.
    """
    key = list(dict.fromkeys(("site_url", "meeting_id", *entity)))
    numbered = in_visits(frame, key=key, gap=gap).with_columns(presence=pl.col("_added").sum().over("visit"))
    return (
        _with_meeting_length(numbered)
        .group_by("visit")
        .agg(
            pl.col(key).first(),
            pl.col("joined_time").min(),
            pl.col("end").max(),
            pl.col("presence").first(),
            pl.len().cast(pl.Int64).alias("legs"),
            pl.col("row").alias("rows"),
            *carried,
        )
        .sort("visit")
    )


def in_visits(frame: pl.DataFrame, *, key: Sequence[str], gap: timedelta = MERGE_GAP) -> pl.DataFrame:
    """The legs, stay after stay, each with the number of its `visit`, which is the row of the visit's first leg.

    `row` is the place of a leg in `frame`, which is in order of time.

    A stay, `_stay`, is what has the same `key`; `_new` begins a visit, `_reach` is the latest end before in the stay,
    `_added` what the leg adds to the union of the stay.
    """
    meeting = ids(frame, ["site_url", "meeting_id"])
    stay = paired(meeting, ids(frame, [name for name in key if name not in ("site_url", "meeting_id")]))
    ordered = frame.with_columns(_stay=first_places(stay), _meeting=first_places(meeting)).sort(
        pl.col("_stay") * frame.height + pl.col("row")
    )
    reach, start = pl.col("_reach"), pl.col("joined_time")
    return (
        ordered.with_columns(_reach=_reach_before(ordered))
        .with_columns(
            _new=(reach.is_null() | (start > reach + gap)).fill_null(value=True),
            _added=pl.when(reach.is_null() | (start > reach))
            .then(pl.col("end") - start)
            .otherwise(pl.max_horizontal(pl.col("end") - reach, pl.lit(timedelta()))),
        )
        .with_columns(visit=pl.when("_new").then("row").forward_fill())
    )


def _reach_before(ordered: pl.DataFrame) -> pl.Series:
    """The latest end of the earlier rows of the same stay, in rows sorted by it; null on the first.

    One running maximum over all rows: ranks of ends never reach those of the next stay.
    """
    first = (pl.col("_stay") != pl.col("_stay").shift(1)).fill_null(value=True)
    ends = ordered["end"].unique().sort()
    ranks = ordered.select(first=first, rank=pl.col("end").rank("dense").cast(pl.Int64) - 1)
    lifted = ranks.with_columns(lift=pl.col("first").cast(pl.Int64).cum_sum() * (ordered.height + 1))
    before = lifted.select(
        pl.when(~pl.col("first")).then((pl.col("rank") + pl.col("lift")).cum_max().shift(1) - pl.col("lift"))
    ).to_series()
    return ends.gather(before)


def _with_meeting_length(numbered: pl.DataFrame) -> pl.DataFrame:
    """`meeting_length`: from start to end, yet no longer than the longest stay of the others, if at least three.

    Whoever stays alone keeps a meeting from ending, so its end may be the inflated stay itself. Of a meeting whose
    end is unknown it is the median presence of at least three others, else null.
    """
    length = numbered.group_by("_stay").agg(
        pl.col("_meeting").first(), stay=pl.col("_added").sum().dt.total_microseconds()
    )
    longest_stay = greatest(length["stay"]) + 1
    packs = longest_stay < (1 << 62) // max(numbered.height, 1) and (length["stay"] >= 0).all()
    order = [pl.col("_meeting") * longest_stay + pl.col("stay")] if packs else [pl.col("_meeting"), pl.col("stay")]
    stays = length.sort(order).with_columns(
        _rank=pl.int_range(pl.len(), dtype=pl.Int64).over("_meeting"), _n=pl.len().over("_meeting").cast(pl.Int64)
    )
    half, n, at = pl.col("_n") // 2, pl.col("_n"), pl.int_range(pl.len(), dtype=pl.Int64)
    placed = stays.with_columns(_half=half, _first=at - pl.col("_rank"))

    def ranked(rank: pl.Expr) -> pl.Expr:
        # sorted by meeting, so the stay of a rank lies that far behind the first of the meeting
        return pl.col("stay").gather((pl.col("_first") + rank).clip(0, placed.height - 1))

    # what is said of the others follows from a few stays of all and one's own rank
    below, middle, above = (ranked(pl.col("_half") + step) for step in (-1, 0, 1))
    low = pl.when(pl.col("_rank") >= pl.col("_half")).then(below).otherwise(middle)
    high = pl.when(pl.col("_rank") > pl.col("_half")).then(middle).otherwise(above)
    median = pl.when(n % 2 == 0).then(low).otherwise(low + (high - low) // 2)
    last = n - 1
    longest = pl.when(pl.col("_rank") == last).then(ranked(last - 1)).otherwise(ranked(last))
    several = n > OTHERS
    others = placed.select(
        "_stay",
        _median=pl.when(several).then(median).cast(pl.Duration("us")),
        _longest=pl.when(several).then(longest).cast(pl.Duration("us")),
    )
    stated = pl.col("meeting.end_time") - pl.col("meeting.start_time")
    known = pl.when(stated.is_null()).then("_median").otherwise(pl.min_horizontal(stated, "_longest"))
    # a stay is the place of its first leg, so what is said of it can be put there and fetched
    spread = [
        pl.Series(name, [None], dtype=pl.Duration("us"))
        .new_from_index(0, numbered.height)
        .scatter(others["_stay"], others[name])
        .gather(numbered["_stay"])
        for name in ("_median", "_longest")
    ]
    return numbered.with_columns(spread).with_columns(meeting_length=known).drop("_median", "_longest")
