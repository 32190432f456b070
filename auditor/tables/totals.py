"""What was asked of the source for each table, and how many people its meetings state against those received."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from auditor.evidence.entry import IMPORT
from auditor.model.coverage import Asked, People
from auditor.model.window import Window
from auditor.tables.archive import Archive
from auditor.tables.pieces import pieces
from auditor.tables.sites import of_sites
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


def asked(archive: Archive, window: Window, sites: Sequence[str]) -> dict[str, Asked]:
    """For each table the requests or files that reach into the window, and how many of them came whole.

    Files that name no site hold records of any.
    """
    if not archive.has(UNITS.name):
        return {}
    counts = (
        archive.units()
        .filter(of_sites(sites) | pl.col("site_url").is_null())
        .filter(pl.col("from_time") < window.end, pl.col("to_time") > window.start)
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
        of_sites(sites),
        pl.col("start_time") >= window.start,
        pl.col("start_time") < window.end,
        pl.col("total_participants").is_not_null(),
    )
    stated = meetings.select(pl.col("total_participants").sum()).collect().item()
    if not stated:
        return {}
    known = meetings.drop_nulls(_MEETING).select(meeting=_MEETING_CODE).collect()
    received = {table: _received(archive, table, known) for table in ("attendees", "participants")}
    return {table: People(stated, count) for table, count in received.items() if count}


def _received(archive: Archive, table: str, known: pl.DataFrame) -> int:
    """How many different people the rows of the known meetings tell, each counted once a meeting.

    Rows of a meeting mostly stand together in one file and are counted there; where they do not they are counted again.
    """
    counts = pl.concat([_together(piece) for piece in pieces(archive, table)])
    counts = counts.join(known, on="meeting", how="semi")
    if counts["meeting"].n_unique() == counts.height:
        return int(counts["people"].sum())
    apart = counts.filter(pl.col("meeting").is_duplicated()).select(pl.col("meeting").unique())
    received = int(counts.join(apart, on="meeting", how="anti")["people"].sum())
    again = _people(archive.scan(table)).join(apart.lazy(), on="meeting", how="semi").unique()
    return received + again.collect(engine="streaming").height


def _together(rows: pl.LazyFrame) -> pl.DataFrame:
    """For each run of rows of one meeting how many different people they tell."""
    people = _people(rows).collect().with_columns(run=pl.col("meeting").rle_id())
    runs = people.lazy().set_sorted("run").group_by("run")
    return runs.agg(pl.col("meeting").first(), people=pl.col("who").n_unique()).select("meeting", "people").collect()


def _people(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows of meetings, as a number for each meeting and one for each person."""
    email, name = pl.col("email"), pl.col("display_name")
    who = pl.when(email.is_not_null()).then(email.hash(3)).otherwise(name.hash(3))
    return rows.drop_nulls(_MEETING).select(meeting=_MEETING_CODE, who=who)
