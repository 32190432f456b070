"""What follows from the units a site has: spans never asked for, meetings never asked about, data too young."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl

from auditor.evidence.entry import IMPORT
from auditor.frozen import dataclass
from auditor.model.coverage import Gap
from auditor.model.spans import intersection, subtract, union
from auditor.model.vocabulary import GapReason
from auditor.model.window import Window
from auditor.tables.archive import Archive
from auditor.tables.schema import ATTENDEES, BREAKOUTS, DEVICES, MEETINGS, PARTICIPANTS, Table
from auditor.words import counted

REPORTS = {"attendees": ATTENDEES, "usage": MEETINGS}
"""Endpoints asked span by span, and the table each fills."""

PEOPLE = (PARTICIPANTS, DEVICES, BREAKOUTS)
"""What is asked meeting by meeting."""

_FROM_FILES = "from imported files; nothing tells whether they are whole"
_INSTANT = timedelta(microseconds=1)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A finished unit that covers a span of time."""

    endpoint: str
    site_url: str | None
    service_type: str | None
    window: Window
    finished_at: datetime


def gaps_of_site(
    archive: Archive,
    spans: Sequence[Span],
    failed: Sequence[Gap],
    site: str,
    *,
    window: Window,
    now: datetime,
    settle: timedelta,
) -> list[Gap]:
    """Gaps of one site that no unit names, because nothing or too early was asked.

    `failed` are those that units name of whole spans.
    """
    imports = [span for span in spans if span.endpoint.startswith(IMPORT)]
    asked = _asked(archive, site)
    if imports and not asked:
        return _imported(imports, site, window)
    meetings = _meetings(archive, site, window)
    gaps: list[Gap] = []
    for endpoint, table in REPORTS.items():
        held = _held([span for span in spans if span.endpoint == endpoint])
        for part in subtract([window], held):
            gaps += _apart(table, site, part, _brought(imports, table))
    gaps += _people(meetings, spans, failed, imports, site, window=window)
    tables = [table for endpoint, table in REPORTS.items() if endpoint in asked]
    tables += PEOPLE if "participants" in asked else ()
    return gaps + _fresh(meetings, spans, tables, site, now=now, settle=settle)


def _asked(archive: Archive, site: str) -> frozenset[str]:
    """The endpoints a site was ever asked at."""
    found = (
        archive.units()
        .filter(pl.col("site_url") == site, pl.col("endpoint").is_in([*REPORTS, "participants"]))
        .select(pl.col("endpoint").unique())
        .collect()
    )
    return frozenset(found.to_series())


def _meetings(archive: Archive, site: str, window: Window) -> pl.DataFrame:
    """Meetings that began in the window, by usage report or else by their first attendee: start, end, asked.

    `end` is null when only attendees tell of a meeting, `asked` says whether its participants were asked for; a
    question that covers no span does not.
    """
    asked = (
        archive.units()
        .filter(pl.col("endpoint") == "participants", pl.col("site_url") == site)
        .filter(pl.col("meeting_id").is_not_null(), pl.col("from_time").is_not_null())
        .select("meeting_id", asked=pl.lit(True))
    )
    start = pl.col("start_time")
    meetings = (
        archive.scan("meetings")
        .filter(pl.col("site_url") == site, pl.col("meeting_id").is_not_null())
        .filter(start.is_null() | ((start >= window.start) & (start < window.end)))
        .join(asked, on="meeting_id", how="left")
        .select("meeting_id", start="start_time", end="end_time", asked=pl.col("asked").fill_null(False))
        .collect()
    )
    if meetings["start"].null_count():
        meetings = meetings.join(_first_joined(archive, site, window, meetings), on="meeting_id", how="left")
        meetings = meetings.with_columns(start=pl.coalesce("start", "first")).filter(pl.col("start").is_not_null())
    return meetings.select("start", "end", "asked")


def _first_joined(archive: Archive, site: str, window: Window, meetings: pl.DataFrame) -> pl.DataFrame:
    """When the first attendee of each meeting without a start joined in the window."""
    unknown = meetings.filter(pl.col("start").is_null()).select("meeting_id").unique()
    return (
        archive.scan("attendees")
        .filter(pl.col("site_url") == site)
        .filter(pl.col("joined_time") >= window.start, pl.col("joined_time") < window.end)
        .join(unknown.lazy(), on="meeting_id", how="semi")
        .group_by("meeting_id")
        .agg(first=pl.col("joined_time").min())
        .collect()
    )


def _held(spans: Sequence[Span]) -> tuple[Window, ...]:
    """What units cover; where service types are asked one by one, what every one of them covers."""
    kinds: dict[str | None, list[Window]] = {}
    for span in spans:
        kinds.setdefault(span.service_type, []).append(span.window)
    untyped = kinds.pop(None, [])
    return union([*untyped, *intersection(kinds.values())])


def _brought(imports: Sequence[Span], table: Table) -> list[Window]:
    """Spans for which a file of the table's records was imported."""
    kind = "usage" if table is MEETINGS else table.name
    return [span.window for span in imports if span.endpoint == f"{IMPORT}{kind}"]


def mended(gap: Gap, spans: Sequence[Span]) -> list[Gap]:
    """What is left of a gap once files were imported: what Webex had forgotten may come from them, and nothing else."""
    table = next((table for table in (*REPORTS.values(), *PEOPLE) if table.name == gap.table), None)
    if gap.reason is not GapReason.BEYOND_LOOKBACK or table is None:
        return [gap]
    mine = [span for span in spans if span.site_url in {gap.site_url, None}]
    absent = subtract([gap.window], _brought(mine, PARTICIPANTS if table in PEOPLE else table))
    return [
        *(replace(gap, window=part) for part in absent),
        *(
            Gap(gap.table, gap.site_url, part, GapReason.IMPORTED, _FROM_FILES)
            for part in subtract([gap.window], absent)
        ),
    ]


def _apart(table: Table, site: str, part: Window, brought: Sequence[Window]) -> list[Gap]:
    """A span that was not collected: imported where files cover it, absent elsewhere."""
    absent = subtract([part], brought)
    return [
        *(Gap(table.name, site, each, GapReason.IMPORTED, _FROM_FILES) for each in subtract([part], absent)),
        *(Gap(table.name, site, each, GapReason.NOT_COLLECTED, "never asked for") for each in absent),
    ]


def _imported(imports: Sequence[Span], site: str, window: Window) -> list[Gap]:
    """The gaps of a site known only through imported files.

    Files tell the times of their records, not what was asked for: from the first time of any file to the last
    nothing tells whether they are whole, and outside of that nothing was brought at all.
    """
    whole = Window(min(span.window.start for span in imports), max(span.window.end for span in imports))
    gaps: list[Gap] = []
    for table in (*REPORTS.values(), *PEOPLE):
        if _brought(imports, PARTICIPANTS if table in PEOPLE else table):
            gaps += _apart(table, site, window, [whole])
        else:
            words = "the site is known from imported files only, and none holds this"
            gaps.append(Gap(table.name, site, window, GapReason.IMPORTED, words))
    return gaps


def _people(
    meetings: pl.DataFrame,
    spans: Sequence[Span],
    failed: Sequence[Gap],
    imports: Sequence[Span],
    site: str,
    *,
    window: Window,
) -> list[Gap]:
    """Where nothing tells which meetings there were, and the meetings nobody asked about, counted together."""
    listed = _listed(spans, failed)
    told = [span.window for span in spans if span.endpoint == "participants"]
    brought = _brought(imports, PARTICIPANTS)
    missing = meetings.filter(~pl.col("asked"), ~_inside(told))
    never = missing.filter(~_inside(brought))
    nobody = 0 < never.height == meetings.height
    gaps: list[Gap] = []
    why, left = _unlisted(subtract([window], [*listed, *told]), failed)
    for table in () if nobody else PEOPLE:
        for gap in why:
            gaps += mended(replace(gap, table=table.name, site_url=site), spans)
        for part in left:
            gaps += _apart(table, site, part, brought)
    for reason, some in (
        (GapReason.IMPORTED, missing.filter(_inside(brought))),
        (GapReason.NOT_COLLECTED, never),
    ):
        if some.height:
            span = window if nobody else _around(some)
            words = f"{some.height:,} of {counted(meetings.height, 'meeting')} were never asked about"
            gaps += [Gap(table.name, site, span, reason, words) for table in PEOPLE]
    return gaps


def _listed(spans: Sequence[Span], failed: Sequence[Gap]) -> list[Window]:
    """Spans of which a report tells the meetings: what was asked for and did not fail."""
    listed: list[Window] = []
    for endpoint, table in REPORTS.items():
        asked = [span.window for span in spans if span.endpoint == endpoint]
        listed += subtract(asked, [gap.window for gap in failed if gap.table == table.name])
    return listed


def _unlisted(unknown: Sequence[Window], failed: Sequence[Gap]) -> tuple[list[Gap], Sequence[Window]]:
    """Why reports do not tell the meetings of some spans, and the spans that no failure explains."""
    why: list[Gap] = []
    left = unknown
    for table in (MEETINGS, ATTENDEES):
        mine = (gap for gap in failed if gap.table == table.name)
        for gap in sorted(mine, key=lambda gap: (gap.window, gap.reason, gap.detail)):
            words = f"its meetings are not known ({gap.detail})"
            why += [replace(gap, window=part, detail=words) for part in intersection([left, [gap.window]])]
            left = subtract(left, [gap.window])
    return why, left


def _inside(windows: Sequence[Window]) -> pl.Expr:
    """Whether a meeting began in one of the windows."""
    start = pl.col("start")
    return pl.any_horizontal(pl.lit(False), *((start >= each.start) & (start < each.end) for each in union(windows)))


def _around(meetings: pl.DataFrame) -> Window:
    """From the first start to the last end."""
    last = pl.max_horizontal(pl.col("end"), pl.col("start") + _INSTANT).max().alias("last")
    return Window(*meetings.select(pl.col("start").min(), last).row(0))


def _fresh(
    meetings: pl.DataFrame,
    spans: Sequence[Span],
    tables: Sequence[Table],
    site: str,
    *,
    now: datetime,
    settle: timedelta,
) -> list[Gap]:
    """Meetings that had ended less than `settle` before `now`, or before they were last collected.

    A meeting whose end is not known may have lasted to the end of the span it was collected in.
    """
    young: list[pl.DataFrame] = []
    for span in spans:
        ready = min(now, span.finished_at) - settle
        if span.endpoint not in REPORTS or span.window.end <= ready:
            continue
        end = pl.max_horizontal(pl.col("end").fill_null(span.window.end), pl.col("start") + _INSTANT)
        later = [
            each.window for each in spans if each.endpoint == span.endpoint and each.finished_at > span.finished_at
        ]
        young.append(
            meetings.filter(_inside([span.window]), ~_inside(later))
            .select("start", end=end)
            .filter(pl.col("end") > ready)
        )
    found = pl.concat(young).unique() if young else meetings.clear()
    many = counted(found.height, "meeting")
    words = f"{many} ended less than {settle / _HOUR:g} h before; their records may still change"
    windows = union(Window(*row) for row in found.select("start", "end").iter_rows())
    return [Gap(table.name, site, part, GapReason.TOO_FRESH, words) for part in windows for table in tables]
