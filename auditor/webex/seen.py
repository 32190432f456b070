"""What the archive already knows of meetings, for asking about them one by one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import polars as pl

from auditor.evidence.entry import Unit
from auditor.evidence.line import gap_from
from auditor.frozen import dataclass
from auditor.model.window import Window
from auditor.tables.archive import Archive
from auditor.tables.sites import of_sites
from auditor.webex.work import Seen

_MEETING = ["site_url", "meeting_id"]
_PERSON = pl.coalesce("email", "display_name")


@dataclass(frozen=True, slots=True)
class Roll:
    """Who attended a meeting by its attendee rows: addresses, and names of those without one."""

    emails: frozenset[str]
    names: frozenset[str]


def units_held(archive: Archive) -> dict[str, Unit]:
    """The latest unit of every key, without its pages; its gaps include those that decoding found."""
    columns = ("key", "endpoint", "site_url", "from_time", "to_time", "complete", "rows", "settled")
    frame = archive.units().select(*columns, "meeting_id", "service_type", "gaps").sort("key").collect()
    return {row[0]: _unit(*row) for row in frame.rows()}


def _unit(  # noqa: PLR0917 - the columns of a row, in their order
    key: str,
    endpoint: str,
    site_url: str | None,
    start: datetime | None,
    end: datetime | None,
    complete: bool,  # noqa: FBT001 - a column
    rows: int,
    settled: bool,  # noqa: FBT001 - a column
    meeting_id: str | None,
    service_type: str | None,
    gaps: str | None,
) -> Unit:
    return Unit(
        key,
        endpoint,
        site_url,
        None if start is None or end is None else Window(start, end),
        (),
        complete=complete,
        rows=rows,
        settled=settled,
        meeting_id=meeting_id,
        service_type=service_type,
        gaps=() if gaps is None else tuple(gap_from(gap) for gap in json.loads(gaps)),
    )


def meetings_seen(archive: Archive, window: Window, *, sites: Sequence[str]) -> tuple[Seen, ...]:
    """Every meeting of the sites that overlaps the window, by usage reports or else by its attendees.

    A meeting known from attendees alone lasts from the first join to the last leave.
    """
    attended = (
        archive.scan("attendees")
        .filter(of_sites(sites), pl.col("meeting_id").is_not_null())
        .group_by(_MEETING)
        .agg(
            pl.col("joined_time").min().alias("first"),
            pl.max_horizontal(pl.col("joined_time").max(), pl.col("left_time").max()).alias("last"),
            pl.col("meeting_title").drop_nulls().min().alias("attended_title"),
            pl.col("meeting_number").drop_nulls().min().alias("attended_number"),
        )
    )
    held = (
        archive.scan("meetings")
        .filter(of_sites(sites), pl.col("meeting_id").is_not_null())
        .select(*_MEETING, "start_time", "end_time", "host_email", "title", "meeting_number", "total_participants")
    )
    joined = held.join(attended, on=_MEETING, how="full", coalesce=True).select(
        *_MEETING,
        pl.coalesce("start_time", "first").alias("start"),
        pl.coalesce("end_time", "last", "start_time", "first").alias("end"),
        "host_email",
        pl.coalesce("title", "attended_title").alias("title"),
        pl.coalesce("meeting_number", "attended_number").alias("number"),
        "total_participants",
        pl.col("start_time").is_not_null().alias("listed"),
    )
    inside = joined.filter(pl.col("start") < window.end, pl.max_horizontal("start", "end") >= window.start)
    return tuple(Seen(*row) for row in inside.sort("site_url", "start", "meeting_id").collect().rows())


def short_meetings(archive: Archive, meetings: Sequence[Seen]) -> tuple[tuple[Seen, int], ...]:
    """The meetings with fewer distinct attendees than their usage report counts, with the attendees held."""
    counted = {(each.site_url, each.meeting_id): each for each in meetings if each.total}
    if not counted:
        return ()
    wanted = pl.LazyFrame(
        {
            "site_url": [site for site, _ in counted],
            "meeting_id": [meeting for _, meeting in counted],
            "total": [each.total for each in counted.values()],
        },
        schema={"site_url": pl.String, "meeting_id": pl.String, "total": pl.Int64},
    )
    people = archive.scan("attendees").group_by(_MEETING).agg(_PERSON.drop_nulls().n_unique().alias("people"))
    short = (
        wanted.join(people, on=_MEETING, how="left")
        .with_columns(pl.col("people").fill_null(0))
        .filter(pl.col("people") < pl.col("total"))
        .sort(_MEETING)
        .collect()
    )
    return tuple((counted[site, meeting], people) for site, meeting, _, people in short.rows())


def roll(archive: Archive, *, site_url: str, meeting_id: str) -> Roll:
    """Who attended one meeting."""
    rows = (
        archive.scan("attendees")
        .filter(pl.col("site_url") == site_url, pl.col("meeting_id") == meeting_id)
        .select("email", "display_name")
        .unique()
        .collect()
    )
    emails = rows["email"].drop_nulls()
    names = rows.filter(pl.col("email").is_null())["display_name"].drop_nulls()
    return Roll(frozenset(emails), frozenset(names))
