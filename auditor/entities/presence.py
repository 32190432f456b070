"""One person across joins: visits with their rejoins, telephones beside a computer, one device in another's place.

Each function takes rows of attendances and gives the fact and its reason in words. `visits` and `telephones` take rows
with `row` (their place by time and lineage) and `end`, and give a row for each they can speak of.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import polars as pl

from auditor.entities.columns import flags, picked
from auditor.entities.episodes import END, in_visits
from auditor.entities.groups import dense, greatest, smallest
from auditor.entities.pairs import HAND_OFF, MOBILE, soon

MINUTE = timedelta(minutes=1)

_STAY = ("site_url", "meeting_id", "person_key")
_MEETING = ("site_url", "meeting_id")


def visits(legs: pl.DataFrame) -> pl.DataFrame:
    """`visit_number`, which of the person's visits to the meeting a leg is part of, from 1, and `visit_number_why`."""
    known = legs.filter(pl.col("person_key").is_not_null() & pl.col("meeting_id").is_not_null())
    placed = known.rename({"row": "_row"}).with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
    numbered = in_visits(placed, key=_STAY).with_columns(
        visit_number=pl.col("_new").cast(pl.Int64).cum_sum().over("_stay")
    )
    away = pl.col("joined_time") - pl.col("_reach")
    again = (
        pl.when(pl.col("_reach").is_null())
        .then(pl.lit("first join of the meeting"))
        .when(away <= pl.duration())
        .then(pl.lit("joined while another join of the same person lasted"))
        .when("_new")
        .then(
            pl.concat_str(
                pl.lit("joined again "), _minutes(away), pl.lit(" after leaving, too late for the same visit")
            )
        )
        .otherwise(pl.concat_str(pl.lit("joined again "), _minutes(away), pl.lit(" after leaving")))
    )
    return numbered.select("visit_number", row="_row", visit_number_why=again)


def handoffs(rows: pl.DataFrame, *, wanted: Collection[str]) -> pl.DataFrame:
    """`handoff`, whether a leg took over from one of the person's on a client of the other kind, and `handoff_why`.

    It did where it began after the other and within five minutes of the other's end. It did not where the client is
    known and no such leg is. Those wanted, of each of the rows; texts may be packed.
    """
    legs = rows.select("joined_time", "client_os", END.alias("end"), who=dense(rows["person_key"]))
    ended = pl.col("end") >= pl.col("joined_time")
    known = legs.select(ended & pl.col("who").is_not_null() & pl.col("client_os").is_not_null()).to_series()
    known = known.fill_null(value=False)
    pairs = _taken_over(legs.with_row_index("row").filter(known))
    found: dict[str, pl.Series] = {}
    if "handoff" in wanted:
        found["handoff"] = pl.select(pl.when(known).then(pl.lit(False))).to_series().scatter(pairs["row"], True)
    if "handoff_why" in wanted:
        none = f"nothing of the same person on another kind of client ended within {HAND_OFF // MINUTE} min"
        gap = pl.col("joined_time_b") - pl.col("end_a")
        words = pl.concat_str(
            pl.col("client_os_b").cast(pl.String()),
            pl.lit(" took over from "),
            pl.col("client_os_a"),
            pl.lit(", which left "),
            _minutes(gap.abs()),
            pl.when(gap >= pl.duration()).then(pl.lit(" before")).otherwise(pl.lit(" after")),
        )
        told = pl.select(pl.when(known).then(pl.lit(none))).to_series()
        found["handoff_why"] = told.scatter(pairs["row"], pairs.select(words).to_series())
    return pl.DataFrame([found[name].alias(name) for name in wanted])


def _taken_over(legs: pl.DataFrame) -> pl.DataFrame:
    """Each leg that took over from another, by its `row`, with the one nearest to it: `end_a`, `client_os_a`."""
    both = legs.with_columns(mobile=pl.col("client_os").is_in(list(MOBILE)))
    kinds = [_named(both["who"], both["who"].filter(kind)) for kind in (both["mobile"], ~both["mobile"])]
    sides = both.filter(kinds[0] & kinds[1])
    width = HAND_OFF // HAND_OFF.resolution
    first, last = (
        smallest(sides["joined_time"].dt.epoch("us")) // width,
        greatest(sides["end"].dt.epoch("us")) // width,
    )

    def near(moment: str, mobile: pl.Expr) -> pl.Expr:
        """One number for a person, a kind of client and five minutes."""
        when = pl.col(moment).dt.epoch("us") // width - first + 1
        return (pl.col("who") * 2 + mobile.cast(pl.Int64)) * (last - first + 3) + when

    earlier = sides.select("joined_time", "end", "client_os", near=near("end", pl.col("mobile")))
    later = sides.select("row", "joined_time", "client_os", near=near("joined_time", ~pl.col("mobile")))
    return (
        earlier.join(
            pl.concat(later.with_columns(pl.col("near") + step) for step in (-1, 0, 1)), on="near", suffix="_b"
        )
        .rename({"joined_time": "joined_time_a", "end": "end_a", "client_os": "client_os_a"})
        .filter((pl.col("joined_time_a") < pl.col("joined_time_b")) & soon())
        .with_columns(pl.col("client_os_a").cast(pl.String()))
        .sort((pl.col("joined_time_b") - pl.col("end_a")).abs(), "end_a", "joined_time_a", "client_os_a")
        .unique("row", keep="first", maintain_order=True)
    )


def _named(values: pl.Series, some: pl.Series) -> pl.Series:
    """Which of the numbers are among `some` of them."""
    return picked(flags(greatest(values) + 1).scatter(some, True), values)


def telephones(rows: pl.DataFrame) -> pl.DataFrame:
    """`phone_leg_of`, the person already present whom a telephone leg belongs to, and `phone_leg_why`.

    `phone_leg` says of each row whether it is one. A leg belongs to the person of its own address, else to the one of
    the same name, who was there at the same time; else to the only person of the meeting with an address.
    """
    phones = rows.filter("phone_leg").select(
        "row", *_MEETING, "joined_time", "end", own="person_key", name=_name(), named=pl.col("person_key").is_not_null()
    )
    people = (
        rows.filter(~pl.col("phone_leg") & pl.col("person_key").is_not_null())
        .join(phones.select(_MEETING).unique(), on=_MEETING, how="semi")
        .select(*_MEETING, "person_key", "joined_time", "end", name=_name())
    )
    persons = people.with_columns(several=pl.col("person_key").n_unique().over(_MEETING) > 1)
    nameless = phones.filter(~pl.col("named"))
    ways = {
        "its own address": phones.filter("named").join(
            people, left_on=[*_MEETING, "own"], right_on=[*_MEETING, "person_key"], suffix="_b", coalesce=False
        ),
        "the same name": nameless.drop_nulls("name").join(people, on=[*_MEETING, "name"], suffix="_b"),
        "the only person with an address in the meeting": nameless.join(
            persons.filter(~pl.col("several")), on=_MEETING, suffix="_b"
        ),
    }
    overlap = (pl.col("joined_time_b") < pl.col("end")) & (pl.col("joined_time") < pl.col("end_b"))
    found = pl.concat(
        joined.filter(overlap)
        .group_by("row")
        .agg(pl.col("person_key").unique())
        .filter(pl.col("person_key").list.len() == 1)
        .select("row", phone_leg_of=pl.col("person_key").list.first(), phone_leg_why=pl.lit(way), rank=pl.lit(rank))
        for rank, (way, joined) in enumerate(ways.items())
    )
    best = found.sort("row", "rank").unique("row", keep="first", maintain_order=True)
    return best.select(
        "row",
        "phone_leg_of",
        phone_leg_why=pl.concat_str(
            pl.lit("the telephone of "), "phone_leg_of", pl.lit(", who was present: "), "phone_leg_why"
        ),
    )


def _name() -> pl.Expr:
    folded = pl.col("display_name").str.to_lowercase().str.strip_chars()
    return pl.when(folded != "").then(folded)


def _minutes(span: pl.Expr) -> pl.Expr:
    """A span in minutes and seconds."""
    seconds = span.dt.total_seconds()
    minutes = pl.when(seconds >= 60).then(pl.concat_str((seconds // 60).cast(pl.String()), pl.lit(" min ")))
    return pl.concat_str(minutes.otherwise(pl.lit("")), (seconds % 60).cast(pl.String()), pl.lit(" s"))
