"""Legs and visits: what a person did, out of the joins a report lists.

A *leg* is one row. A *visit* is the rows of one person in one meeting whose joins follow each other with gaps of
at most `merge_gap`; presence is the union of its legs, never their sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import polars as pl

from auditor.entities.columns import filtered, flags, picked, rows_at, run_starts, uniform, where_true
from auditor.entities.groups import ids, keyed, own_numbers, paired, places, repeated, spread

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
    """One row a visit, in order: `visit`, the row of its first leg, `joined_time`, `presence` and what is carried.

    Beside them its entity, site and meeting, `end`, the count of `legs`, and `rows`, the numbers of the legs;
    `with_records` turns them into records.

    `carried` are further aggregates over the legs of a visit; they may read `presence` and `meeting_length`,
    which are the same on every leg of a visit.
    """
    key = _key(entity)
    legs, _ = _numbered(frame, *_stays(frame, key), flags(frame.height, value=True), key=key, gap=gap)
    own = [
        pl.col("joined_time").min(),
        pl.col("presence").first(),
        pl.col(key).first(),
        pl.col("end").max(),
        pl.len().cast(pl.Int64).alias("legs"),
        pl.col("row").alias("rows"),
    ]
    return legs.group_by("visit").agg(*own, *carried).sort("visit")


def of_first_legs(
    frame: pl.DataFrame,
    *,
    entity: Sequence[str],
    gap: timedelta = MERGE_GAP,
    carried: Sequence[pl.Expr],
    alone: Sequence[pl.Expr] | None,
    finish: Callable[[pl.LazyFrame], pl.LazyFrame],
) -> pl.DataFrame:
    """What is `carried` of each visit, as `visits` has it, and finished, on the row of its first leg; null on others.

    `row` is the place of a leg in `frame`, which may be in any order. `alone` are what `carried` give of one leg, where
    that tells it.
    """
    key = _key(entity)
    meeting, stay = _stays(frame, key)
    several = flags(frame.height, value=True) if alone is None else repeated(stay)
    legs, length = _numbered(frame, meeting, stay, several, key=key, gap=gap)
    of_many = legs.group_by("visit").agg(*carried)
    found = finish(of_many.lazy()).collect(engine="in-memory")
    if alone is None:
        return spread(found.drop("visit", strict=False), of_many["visit"], height=frame.height)
    # legs of which there are several are valued too, and forgotten
    single = frame.lazy().with_columns(length.alias("meeting_length"), presence=pl.col("end") - pl.col("joined_time"))
    told = finish(single.select(*alone)).collect(engine="in-memory")
    return told.select(
        column.set(several, None).scatter(of_many["visit"], found[column.name].cast(column.dtype)) for column in told
    )


def visits_of(legs: pl.DataFrame, *, entity: Sequence[str], gap: timedelta = MERGE_GAP) -> tuple[pl.Series, pl.Series]:
    """The number of the visit of each leg, and how long it was; `row` is the place of a leg, in any order."""
    placed = legs.rename({"row": "_leg"}).sort("joined_time").with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
    found = in_visits(placed, key=_key(entity), gap=gap)
    found = found.with_columns(presence=pl.col("_added").sum().over("visit")).sort("_leg")
    return found["visit"], found["presence"]


def _key(entity: Sequence[str]) -> list[str]:
    """What legs of one stay have in common."""
    return list(dict.fromkeys(("site_url", "meeting_id", *entity)))


def _stays(frame: pl.DataFrame, key: Sequence[str]) -> tuple[pl.Series, pl.Series]:
    """Whole numbers for the meeting of each leg and for what has the same key, which names the meeting."""
    meeting = ids(frame, ["site_url", "meeting_id"])
    rest = [name for name in key if name not in ("site_url", "meeting_id")]
    return meeting, paired(meeting, own_numbers(frame, rest))


def _numbered(
    frame: pl.DataFrame, meeting: pl.Series, stay: pl.Series, several: pl.Series, *, key: Sequence[str], gap: timedelta
) -> tuple[pl.DataFrame, pl.Series]:
    """The `several` legs, all of their stays, with `visit`, `presence` and `meeting_length`; and that of each leg.

    A meeting was as long as from its start to its end, yet no longer than the longest stay of the others, if at least
    three: whoever stays alone keeps it from ending, so its end may be the inflated stay itself. Of one whose end is
    unknown it is the median presence of at least three others, else null.
    """
    mates = frame.filter(several)
    mates = mates if mates["joined_time"].is_sorted() else mates.sort("joined_time")
    placed = mates.with_columns(_row="row", row=pl.int_range(pl.len(), dtype=pl.Int64))
    legs = in_visits(placed, key=key, gap=gap, stay=picked(stay, mates["row"]))
    legs = legs.with_columns(
        row="_row",
        visit=picked(mates["row"], legs["visit"]),
        presence=pl.col("_added").sum().over("visit"),
        _stayed=pl.col("_added").sum().over("_stay"),
        _first=pl.col("_row").first().over("_stay"),
    )
    # one leg speaks for each stay
    speaks = (~several).scatter(legs["_first"], True)
    stayed = (frame["end"] - frame["joined_time"]).dt.total_microseconds()
    stayed = stayed.scatter(legs["row"], legs["_stayed"].dt.total_microseconds())
    length = _longest_of_others(meeting, stayed, speaks).cast(pl.Duration("us"))
    stated = frame.select(pl.col("meeting.end_time") - pl.col("meeting.start_time")).to_series()
    length = pl.select(pl.min_horizontal(stated.alias("stated"), length)).to_series()
    if stated.null_count():
        first = pl.int_range(frame.height, dtype=pl.Int64, eager=True).scatter(legs["row"], legs["_first"])
        stays = pl.DataFrame({"meeting": meeting.filter(speaks), "stay": stayed.filter(speaks)})
        middle = _middle_of_others(stays, meeting.filter(stated.is_null()).unique()).cast(pl.Duration("us"))
        length = length.zip_with(stated.is_not_null(), picked(middle, picked(speaks.cum_sum() - 1, first)))
    return legs.with_columns(picked(length, legs["row"]).alias("meeting_length")), length


def in_visits(
    frame: pl.DataFrame, *, key: Sequence[str], gap: timedelta = MERGE_GAP, stay: pl.Series | None = None
) -> pl.DataFrame:
    """The legs, stay after stay, each with the number of its `visit`, which is the row of the visit's first leg.

    `row` is the place of a leg in `frame`, which is in order of time; `stay`, if at hand, is a number for each key.

    A stay, `_stay`, is what has the same `key`; `_new` begins a visit, `_reach` is the latest end before in the stay,
    `_added` what the leg adds to the union of the stay.
    """
    own = places(_stays(frame, key)[1] if stay is None else stay)[1]
    keys, size = keyed(own.cast(pl.Int64()))
    ordered = rows_at(frame.with_columns(own.cast(pl.Int64()).alias("_stay")), keys.sort() % size)
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


def _longest_of_others(meeting: pl.Series, stay: pl.Series, speaks: pl.Series) -> pl.Series:
    """Of the stay of each leg, a whole number, the longest other one of its meeting; null with too few others.

    Of each stay one leg speaks.
    """
    own = run_starts(meeting).cum_sum() - 1 if meeting.is_sorted() else places(meeting)[1]
    stays = pl.DataFrame({"meeting": own.set_sorted() if own.is_sorted() else own, "stay": stay})
    most = pl.col("stay").max()
    of_all = filtered(stays, speaks).group_by("meeting").agg(pl.len(), most).sort("meeting")
    longest = picked(of_all["stay"], own)
    below = filtered(stays, speaks & (stay != longest)).group_by("meeting").agg(pl.len(), most)
    shorter = uniform(0, of_all.height, pl.UInt32()).scatter(below["meeting"], below["len"])
    second = of_all["stay"].clear().extend_constant(None, of_all.height).scatter(below["meeting"], below["stay"])
    # where two stayed longest each is the longest other one of the other
    second = second.zip_with(of_all["len"] - shorter == 1, of_all["stay"])
    few = of_all["len"] <= OTHERS
    return picked(second.set(few, None), own).zip_with(stay == longest, picked(of_all["stay"].set(few, None), own))


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
