"""What was asked of the source for each table, and how many people its meetings state against those received."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from auditor.evidence.entry import IMPORT
from auditor.model.coverage import Asked, People
from auditor.model.window import Window
from auditor.tables.archive import Archive
from auditor.tables.units import UNITS

_FILLED = {
    "attendees": ("attendees",),
    "usage": ("meetings",),
    "meetings": ("meetings",),
    "participants": ("participants", "devices", "breakouts"),
}
"""The tables that the answers of an endpoint, or files of a kind, fill."""
_MEETING = ("site_url", "meeting_id")
_MEETING_CODE = pl.col("site_url").hash(1) ^ pl.col("meeting_id").hash(2)
"""A number for each meeting: 64 bits, which serve to count and never to tell who was there."""
_PERSON_SEED = 3


def asked(archive: Archive, window: Window, sites: Sequence[str]) -> dict[str, Asked]:
    """For each table the requests or files that reach into the window, and how many of them came whole."""
    if not archive.has(UNITS.name):
        return {}
    counts = (
        archive.units()
        .filter(
            pl.col("site_url").is_in(list(sites)), pl.col("from_time") < window.end, pl.col("to_time") > window.start
        )
        .group_by(pl.col("endpoint").str.strip_prefix(IMPORT))
        .agg(pl.len(), pl.col("complete").sum())
        .sort("endpoint")
        .collect()
        .rows()
    )
    found: dict[str, Asked] = {}
    for endpoint, count, whole in counts:
        for table in _FILLED.get(endpoint, (endpoint,)):
            before = found.get(table, Asked(0, 0))
            found[table] = Asked(before.spans + count, before.whole + whole)
    return found


def people(archive: Archive, window: Window, sites: Sequence[str]) -> dict[str, People]:
    """How many people the usage records of the window's meetings state, and how many different ones were received.

    A person counts once a meeting, by e-mail address and else by name. Tables without rows of these meetings are
    left out: whether they were asked for at all is told elsewhere.
    """
    if not archive.has("meetings"):
        return {}
    meetings = archive.scan("meetings").filter(
        pl.col("site_url").is_in(list(sites)),
        pl.col("start_time") >= window.start,
        pl.col("start_time") < window.end,
        pl.col("total_participants").is_not_null(),
    )
    stated = meetings.select(pl.col("total_participants").sum()).collect().item()
    found: dict[str, People] = {}
    known = meetings.drop_nulls(_MEETING).select(meeting=_MEETING_CODE)
    who = pl.col("meeting") ^ pl.coalesce("email", "display_name").hash(_PERSON_SEED)
    for table in ("attendees", "participants") if stated else ():
        received = (
            archive.scan(table)
            .drop_nulls(_MEETING)
            .with_columns(meeting=_MEETING_CODE)
            .join(known, on="meeting", how="semi")
            .select(who.n_unique())
            .collect(engine="streaming")
            .item()
        )
        if received:
            found[table] = People(stated, received)
    return found
