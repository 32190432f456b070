"""What was done on purpose, and who only looks as if: the labels of a company."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from auditor.simulator.scale.made import Made, behaviour
from auditor.simulator.scale.people import PARTNER, ROOM, STAFF
from auditor.simulator.times import written
from auditor.simulator.wire import Json, Record


def episodes(made: Made, known: pl.DataFrame) -> pl.DataFrame:
    """One row an episode: `plant`, `behaviour`, `subjects`, `meetings`, `first`, `last`."""
    legs = made.legs.filter(pl.col("plant").is_not_null()).select(
        "plant", "meeting", "joined", "left", subject=pl.coalesce("email", "name"), address="ip"
    )
    rights = made.rights.join(made.people.select("who", subject="email"), on="who").join(
        made.meetings.select("meeting", joined="began", left="ended"), on="meeting"
    )
    both = pl.concat([legs, rights.select("plant", "meeting", "joined", "left", "subject", address=pl.lit(None))])
    return (
        both.join(known.select("meeting", "meeting_id"), on="meeting")
        .group_by("plant")
        .agg(
            subjects=pl.col("subject").unique().sort(),
            addresses=pl.col("address").drop_nulls().unique().sort(),
            meetings=pl.col("meeting_id").unique().sort(),
            first=pl.col("joined").min(),
            last=pl.col("left").max(),
        )
        .with_columns(behaviour=behaviour(pl.col("plant")))
        .sort("plant")
    )


def labels(made: Made, known: pl.DataFrame) -> list[Record]:
    """Every episode, then whatever may be mistaken for one, then how often each kind of join is."""
    found: list[Record] = [
        {
            "behaviour": row["behaviour"],
            "kind": "plant",
            "subjects": row["subjects"],
            "addresses": row["addresses"],
            "meetingIds": row["meetings"],
            "from": _time(row["first"]),
            "to": _time(row["last"]),
            "effect": made.scale.effect,
        }
        for row in episodes(made, known).iter_rows(named=True)
    ]
    found += [*_people(made), *_journeys(made)]
    counts = made.legs.filter(pl.col("plant").is_null()).group_by("cause").len().sort("cause")
    found += [{"behaviour": cause, "kind": "confounder", "joins": count} for cause, count in counts.iter_rows()]
    return found


def _time(value: datetime) -> Json:
    return written(value)


def _people(made: Made) -> list[Record]:
    last = made.scale.days
    staff = pl.col("kind") == STAFF
    traits = {
        "new-hire": staff & (pl.col("first") > 0),
        "leaver": staff & (pl.col("last") < last),
        "changed-name": pl.col("married").is_not_null(),
        "alias": pl.col("aliased"),
        "shared-household": pl.col("couple"),
        "private-vpn": pl.col("veil"),
        "vpn-split-tunnel": pl.col("vpn") == 1,
        "vpn-full-tunnel": pl.col("vpn") == 2,
        "ipv6-home": staff & pl.col("v6"),
        "new-laptop": pl.col("renewal").is_not_null(),
        "support": pl.col("support"),
        "room": pl.col("kind") == ROOM,
        "partner": pl.col("kind") == PARTNER,
    }
    return [
        {"behaviour": name, "kind": "confounder", "subjects": made.people.filter(trait)["email"].sort().to_list()}
        for name, trait in traits.items()
    ]


def _journeys(made: Made) -> list[Record]:
    named = made.tours.join(made.people.select("who", "email"), on="who").sort("departs", "who")
    return [
        {
            "behaviour": "offsite" if row["offsite"] else "trip",
            "kind": "confounder",
            "subjects": [row["email"]],
            "from": _time(row["departs"]),
            "to": _time(row["home"]),
        }
        for row in named.iter_rows(named=True)
    ]
