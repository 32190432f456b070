"""What an archive holds of a window, and what it does not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl

from auditor.evidence.line import gap_from
from auditor.frozen import dataclass
from auditor.model.coverage import Coverage, Gap, TableCoverage
from auditor.model.vocabulary import GapReason
from auditor.model.window import Window
from auditor.tables.absent import PEOPLE, REPORTS, Span, gaps_of_site, mended
from auditor.tables.archive import Archive
from auditor.tables.placement import unplaced
from auditor.tables.schema import MEETINGS, TABLES, Table
from auditor.tables.sites import of_sites
from auditor.tables.state import read_state
from auditor.tables.totals import asked, people
from auditor.tables.units import UNITS
from auditor.words import counted

PLACED = (*REPORTS.values(), *PEOPLE)
"""The tables whose rows stand at a moment of a meeting."""

_OF_RECORDS = frozenset({GapReason.UNDECODABLE_RECORD, GapReason.CHANGED_WHILE_READING})
"""Reasons that speak of single records and known meetings, whatever span they name."""


def coverage(archive: Archive, *, window: Window, sites: Sequence[str], now: datetime, settle: timedelta) -> Coverage:
    """What the archive holds of the window for the sites, and every gap in it.

    A gap that was told when a unit was collected stands until a later unit of the same key heals it; what lay beyond
    the look-back is `imported` where files of it were. Spans that no unit covers, and meetings whose participants
    were never asked for, are `not-collected`. Where reports failed, so that meetings are not known, participants
    lack for the same reason. Where only files were imported nothing tells whether they are whole: `imported`. What
    was collected less than `settle` after it happened, or happened less than that before `now`, is `too-fresh`.
    Reads the tables alone, never the manifest.
    """
    spans = _spans(archive)
    of_spans, of_records = _told(archive, window, sites)
    told = [part for gap in (*of_spans, *of_records) for part in mended(gap, spans) if part.window.overlaps(window)]
    gaps = [*told, *_pruned(archive, window, sites)]
    for site in sites:
        mine = [span for span in spans if span.site_url in {site, None}]
        failed = [gap for gap in of_spans if gap.site_url in {site, ""}]
        gaps += gaps_of_site(archive, mine, failed, site, window=window, now=now, settle=settle)
    held = _held(archive, window, sites)
    gaps += _unplaced(archive, window, sites, held)
    if not sites:
        gaps.append(Gap("attendees", "", window, GapReason.NOT_COLLECTED, "the tables of the archive hold nothing yet"))
    ordered = tuple(sorted(set(gaps), key=lambda gap: (gap.table, gap.site_url, gap.window, gap.reason, gap.detail)))
    return Coverage(not ordered, _tables(archive, window, sites, held), ordered)


def _spans(archive: Archive) -> list[Span]:
    """Units that cover a span, and not a meeting."""
    if not archive.has(UNITS.name):
        return []
    rows = (
        archive.units()
        .filter(pl.col("meeting_id").is_null(), pl.col("from_time").is_not_null())
        .select("endpoint", "site_url", "service_type", "from_time", "to_time", "finished_at")
        .sort(pl.all())
        .collect()
        .rows()
    )
    return [Span(endpoint, site, kind, Window(start, end), at) for endpoint, site, kind, start, end, at in rows]


def _told(archive: Archive, window: Window, sites: Sequence[str]) -> tuple[list[Gap], list[Gap]]:
    """Gaps that units and decoding named: those of spans, and those of records and meetings.

    Those of single meetings are counted together.
    """
    if not archive.has(UNITS.name):
        return [], []
    rows = (
        archive.units()
        .filter(pl.col("gaps").is_not_null())
        .select("meeting_id", "gaps")
        .sort("meeting_id", "gaps")
        .collect()
        .rows()
    )
    spans: list[Gap] = []
    records: list[Gap] = []
    apart: dict[tuple[str, str, GapReason], dict[str, list[Gap]]] = {}
    for meeting, text in rows:
        for gap in map(gap_from, json.loads(text)):
            if not gap.window.overlaps(window) or gap.site_url not in {*sites, ""}:
                continue
            if gap.reason in _OF_RECORDS:
                records.append(gap)
            elif meeting is None:
                spans.append(gap)
            else:
                apart.setdefault((gap.table, gap.site_url, gap.reason), {}).setdefault(meeting, []).append(gap)
    return spans, [*records, *(gap for meetings in apart.values() for gap in _together(meetings))]


def _together(meetings: Mapping[str, Sequence[Gap]]) -> Sequence[Gap]:
    """The gaps of one kind, by meeting, as one of them all; those of a single meeting as they are."""
    gaps = [gap for found in meetings.values() for gap in found]
    if len(meetings) == 1:
        return gaps
    first, many = gaps[0], counted(len(meetings), "meeting")
    whole = Window(min(gap.window.start for gap in gaps), max(gap.window.end for gap in gaps))
    return [replace(first, window=whole, detail=f"{many}, the first: {first.detail}")]


def _pruned(archive: Archive, window: Window, sites: Sequence[str]) -> list[Gap]:
    """The part of the window that a retention run removed."""
    before = read_state(archive.tables).pruned_before
    if before is None or before <= window.start:
        return []
    lost = Window(window.start, min(before, window.end))
    tables = (*REPORTS.values(), *PEOPLE)
    return [
        Gap(table.name, site, lost, GapReason.GONE, "removed from the archive when its retention time was over")
        for table in tables
        for site in sites
    ]


def _unplaced(archive: Archive, window: Window, sites: Sequence[str], held: Mapping[str, _Held]) -> list[Gap]:
    """Rows that nothing places in time: they may belong to any window, so each lacks them."""
    gaps = []
    for table in (table for table in PLACED if table.name in held and held[table.name].timeless):
        frames = {name: archive.scan(name) for name in ("meetings", table.name)}
        timeless = {**frames, table.name: frames[table.name].filter(pl.col(table.time or "").is_null())}
        pages = archive.scan("attendees").select(pl.col("page").unique()).collect() if table is MEETINGS else None
        for site, count in unplaced(timeless, table.name, pages=None if pages is None else pages["page"]).items():
            if site is not None and site in sites:
                rows = f"{counted(count, 'row')} {'has' if count == 1 else 'have'}"
                words = f"{rows} no time, and nothing else tells in which window to look"
                gaps.append(Gap(table.name, site, window, GapReason.UNDECODABLE_RECORD, words))
    return gaps


@dataclass(frozen=True, slots=True)
class _Held:
    """The rows of a table whose own time lies in the window, and how many of the sites have no time."""

    rows: int
    first: datetime | None = None
    last: datetime | None = None
    timeless: int = 0


def _held(archive: Archive, window: Window, sites: Sequence[str]) -> dict[str, _Held]:
    """What every table that is there holds; each is read once."""
    there = [table for table in TABLES.values() if archive.has(table.name)]
    found = pl.collect_all([_of_sites(archive, table, sites).select(_counts(table, window)) for table in there])
    return {table.name: _Held(*counts.row(0)) for table, counts in zip(there, found, strict=True)}


def _of_sites(archive: Archive, table: Table, sites: Sequence[str]) -> pl.LazyFrame:
    rows = archive.scan(table.name)
    return rows.filter(of_sites(sites)) if "site_url" in table.schema else rows


def _counts(table: Table, window: Window) -> list[pl.Expr]:
    if table.time is None:
        return [pl.len()]
    time = pl.col(table.time)
    inside = (time >= window.start) & (time < window.end)
    within = time.filter(inside)
    return [inside.sum().alias("rows"), within.min().alias("first"), within.max().alias("last"), time.null_count()]


def _tables(
    archive: Archive, window: Window, sites: Sequence[str], held: Mapping[str, _Held]
) -> dict[str, TableCoverage]:
    """Rows of every table that is there or ought to be, inside the window."""
    named = [table for table in TABLES.values() if not table.optional or table.name in held]
    spans, stated = asked(archive, window, sites), people(archive, window, sites)
    found = {}
    for table in named:
        inside = held.get(table.name, _Held(0))
        if inside.timeless and "meeting_id" in table.schema:
            inside = _by_meeting(archive, table, window, sites)
        first, last = (moment and moment.astimezone(UTC) for moment in (inside.first, inside.last))
        found[table.name] = TableCoverage(
            inside.rows, first, last, asked=spans.get(table.name), people=stated.get(table.name)
        )
    return found


def _by_meeting(archive: Archive, table: Table, window: Window, sites: Sequence[str]) -> _Held:
    """The rows that lie in the window by their time, or for want of one by the start of their meeting."""
    began = archive.scan("meetings").select("site_url", "meeting_id", began="start_time").unique()
    on = [name for name in ("site_url", "meeting_id") if name in table.schema]
    rows = _of_sites(archive, table, sites).join(began.unique(subset=on, keep="first"), on=on, how="left")
    own = [name for name in ("meeting_start_time",) if name in table.schema]
    time = pl.coalesce(table.time or "", "began", *own)
    inside = rows.filter(time >= window.start, time < window.end)
    return _Held(*inside.select(pl.len(), time.min().alias("first"), time.max().alias("last")).collect().row(0))
