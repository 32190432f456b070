"""Legs and visits: what a person did, out of the joins a report lists.

A *leg* is one row. A *visit* is the rows of one person in one meeting whose joins follow each other with gaps of
at most `merge_gap`; presence is the union of its legs, never their sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from auditor.entities.columns import flags, picked, uniform, where_true
from auditor.entities.groups import first_places, greatest, ids, paired, places, repeated

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
    frame: pl.DataFrame,
    *,
    entity: Sequence[str],
    gap: timedelta = MERGE_GAP,
    carried: Sequence[pl.Expr] = (),
    alone: Sequence[pl.Expr] | None = None,
    named: bool = True,
) -> pl.DataFrame:
    """One row a visit, in order: `visit`, the row of its first leg, `joined_time`, `presence` and what is carried.

    Visits that are `named` have their entity, site and meeting, `end`, the count of `legs`, and `rows`, the numbers of
    the legs; `with_records` turns them into records.

    `carried` are further aggregates over the legs of a visit; they may read `presence` and `meeting_length`,
    which are the same on every leg of a visit. `alone` are what they give of one leg, where that tells it.
    """
    found, _ = visits_of_legs(frame, entity=entity, gap=gap, carried=carried, alone=alone, named=named)
    return found.sort("visit")


def visits_of_legs(
    frame: pl.DataFrame,
    *,
    entity: Sequence[str],
    gap: timedelta = MERGE_GAP,
    carried: Sequence[pl.Expr] = (),
    alone: Sequence[pl.Expr] | None = None,
    named: bool = False,
) -> tuple[pl.DataFrame, pl.Series]:
    """The `visits`, in no order, and the one of each leg; `row` is its place in `frame`, which may be in any order."""
    if named:
        alone = None
    key = list(dict.fromkeys(("site_url", "meeting_id", *entity)))
    meeting, stay = _stays(frame, key)
    several = flags(frame.height, value=True) if alone is None else repeated(stay)
    single = frame.with_columns(meeting=places(meeting)[1], presence=pl.col("end") - pl.col("joined_time"))
    single, mates = single.filter(~several), single.filter(several).drop("presence")
    mates = mates if mates["joined_time"].is_sorted() else mates.sort("joined_time")
    numbered = in_visits(mates.with_columns(_row="row", row=pl.int_range(pl.len(), dtype=pl.Int64)), key=key, gap=gap)
    numbered = numbered.with_columns(
        row="_row", visit=picked(mates["row"], numbered["visit"]), presence=pl.col("_added").sum().over("visit")
    )
    single, numbered = _with_meeting_length(single, numbered)
    names = [
        pl.col(key).first(),
        pl.col("end").max(),
        pl.len().cast(pl.Int64).alias("legs"),
        pl.col("row").alias("rows"),
    ]
    moments = pl.col("joined_time").min(), pl.col("presence").first()
    found = numbered.group_by("visit").agg(*moments, *(names if named else ()), *carried)
    if alone is not None:
        one = single.select(pl.col("row").alias("visit"), "joined_time", "presence", *alone)
        found = pl.concat([one.cast(found.schema), found])
    own = pl.int_range(frame.height, dtype=pl.Int64, eager=True).scatter(numbered["row"], numbered["visit"])
    return found, own


def _stays(frame: pl.DataFrame, key: Sequence[str]) -> tuple[pl.Series, pl.Series]:
    """Whole numbers for the meeting of each leg and for what has the same key, which names the meeting."""
    meeting = ids(frame, ["site_url", "meeting_id"])
    return meeting, paired(meeting, ids(frame, [name for name in key if name not in ("site_url", "meeting_id")]))


def in_visits(frame: pl.DataFrame, *, key: Sequence[str], gap: timedelta = MERGE_GAP) -> pl.DataFrame:
    """The legs, stay after stay, each with the number of its `visit`, which is the row of the visit's first leg.

    `row` is the place of a leg in `frame`, which is in order of time.

    A stay, `_stay`, is what has the same `key`; `_new` begins a visit, `_reach` is the latest end before in the stay,
    `_added` what the leg adds to the union of the stay.
    """
    ordered = frame.with_columns(_stay=first_places(_stays(frame, key)[1])).sort(
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
    return picked(ends, before)


def _with_meeting_length(single: pl.DataFrame, several: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`meeting_length`: from start to end, yet no longer than the longest stay of the others, if at least three.

    Whoever stays alone keeps a meeting from ending, so its end may be the inflated stay itself. Of a meeting whose
    end is unknown it is the median presence of at least three others, else null. `single` are the legs that are a stay
    each, `several` those that are not.
    """
    own = several.group_by("_stay").agg(pl.col("meeting").first(), presence=pl.col("_added").sum())
    stays = pl.concat([single.select("meeting", "presence"), own.select("meeting", "presence")]).select(
        "meeting", stay=pl.col("presence").dt.total_microseconds()
    )
    places_ = pl.int_range(single.height, stays.height, dtype=pl.Int64(), eager=True)
    at = uniform(0, greatest(own["_stay"]) + 1, pl.Int64()).scatter(own["_stay"], places_)
    stated = pl.col("meeting.end_time") - pl.col("meeting.start_time")
    unknown = [legs.filter(stated.is_null())["meeting"] for legs in (single, several)]
    longest = _longest_of_others(stays)
    middle = _middle_of_others(stays, pl.concat(unknown).unique())
    known = pl.when(stated.is_null()).then("_middle").otherwise(pl.min_horizontal(stated, "_longest"))
    told = pl.DataFrame([longest.cast(pl.Duration("us")), middle.cast(pl.Duration("us"))])
    return (
        single.hstack(told.head(single.height)).with_columns(meeting_length=known),
        several.hstack(told[picked(at, several["_stay"])]).with_columns(meeting_length=known),
    )


def _longest_of_others(stays: pl.DataFrame) -> pl.Series:
    """Of each stay the longest other `stay` of its `meeting`, a number below their count; null with too few others."""
    size, meetings = greatest(stays["stay"]) + 1, greatest(stays["meeting"]) + 1
    if meetings > (1 << 62) // size:
        ordered = stays.sort("meeting", "stay")
    else:
        keys = (stays["meeting"].cast(pl.Int64()) * size + stays["stay"]).sort()
        ordered = pl.DataFrame({"meeting": keys // size, "stay": keys % size})
    last = where_true((ordered["meeting"] != ordered["meeting"].shift(-1)).fill_null(value=True)).cast(pl.Int64())
    many = last - last.shift(1, fill_value=-1)
    of_meeting = pl.DataFrame(
        {
            "first": picked(ordered["stay"], last),
            "second": picked(ordered["stay"], (last - 1).clip(0)),
            "several": many > OTHERS,
        }
    )
    places_ = uniform(0, meetings, pl.Int64())
    own = of_meeting[
        picked(
            places_.scatter(picked(ordered["meeting"], last), pl.int_range(last.len(), eager=True)), stays["meeting"]
        )
    ]
    longest = pl.when(stays["stay"] == pl.col("first")).then("second").otherwise("first")
    return own.select(pl.when("several").then(longest).alias("_longest")).to_series()


def _middle_of_others(stays: pl.DataFrame, meetings: pl.Series) -> pl.Series:
    """Of each stay in those meetings the median other stay of its meeting; null with too few others."""
    rows = where_true(stays["meeting"].is_in(meetings.implode()))
    n, at = pl.len().over("meeting").cast(pl.Int64), pl.int_range(pl.len(), dtype=pl.Int64)
    placed = (
        stays[rows]
        .with_columns(_row=rows)
        .sort("meeting", "stay")
        .with_columns(_rank=pl.int_range(pl.len(), dtype=pl.Int64).over("meeting"), _n=n)
        .with_columns(_first=at - pl.col("_rank"), _half=pl.col("_n") // 2)
    )

    def ranked(step: int) -> pl.Expr:
        # sorted by meeting, so the stay of a rank lies that far behind the first of the meeting
        return pl.col("stay").gather((pl.col("_first") + pl.col("_half") + step).clip(0, placed.height - 1))

    # what is said of the others follows from a few stays of all and one's own rank
    low = pl.when(pl.col("_rank") >= pl.col("_half")).then(ranked(-1)).otherwise(ranked(0))
    high = pl.when(pl.col("_rank") > pl.col("_half")).then(ranked(0)).otherwise(ranked(1))
    median = pl.when(pl.col("_n") % 2 == 0).then(low).otherwise(low + (high - low) // 2)
    found = placed.select("_row", middle=pl.when(pl.col("_n") > OTHERS).then(median))
    none = pl.Series("_middle", [None], dtype=pl.Int64()).new_from_index(0, stays.height)
    return none.scatter(found["_row"], found["middle"])
