"""What `archive status` shows: a calendar of what is held, the gaps, and what will soon be lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

import click
import polars as pl
from rich.console import Console
from rich.text import Text

from auditor.model.coverage import Gap
from auditor.model.vocabulary import GapReason
from auditor.model.window import MINUTE, Window, dated
from auditor.tables.archive import Archive
from auditor.tables.coverage import coverage
from auditor.tables.damage import damage_told
from auditor.tables.schema import TABLES
from auditor.words import counted

LOOKBACK = timedelta(days=90)
"""How long Webex keeps reports."""

_DAY = timedelta(days=1)
_MARKS = {
    "held": ("■", "green"),
    "open": ("~", "yellow"),
    "missing": ("·", "cyan"),
    "failed": ("×", "red"),
    "lost": ("-", "dim"),
}
_LEGEND = {
    "held": "held",
    "open": "not known to be whole: imported, too fresh, or with records that cannot be read",
    "missing": "not collected, Webex still has it",
    "failed": "asked for, but absent",
    "lost": "not collected, and no longer to be had",
}
_SHOWN = ("attendees", "meetings", "participants")
_OPEN = frozenset({GapReason.TOO_FRESH, GapReason.IMPORTED, GapReason.UNDECODABLE_RECORD})
_GAPS_SHOWN = 30


def show(archive: Archive, *, sites: Sequence[str], now: datetime, settle: timedelta) -> None:
    """Print the state of an archive to stdout; in colour where a terminal shows it."""
    console = Console(highlight=False, soft_wrap=True)
    with damage_told(archive):
        named = tuple(sites) or archive.sites()
        span = _span(archive, now)
        found = coverage(archive, window=span, sites=named, now=now, settle=settle)
    for line in _facts(archive):
        click.echo(line)
    for site in named:
        console.print()
        console.print(Text(site, style="bold"))
        console.print(Text("         " + " ".join(f"{day:<4}" for day in range(1, 32, 5)), style="dim"))
        mine = [gap for gap in found.gaps if gap.site_url == site]
        for row in _months(mine, span, now):
            console.print(row)
        console.print(Text(_horizon(mine, now)))
    if named:
        console.print()
        console.print(
            Text("  ").join(
                Text(f"{_MARKS[state][0]} {words}", style=_MARKS[state][1]) for state, words in _LEGEND.items()
            )
        )
    for line in _gap_lines(found.gaps):
        console.print(Text(line))


def _span(archive: Archive, now: datetime) -> Window:
    """From the first day held, and at least the time Webex still knows, to now."""
    held = archive.span()
    first = now - LOOKBACK
    start = first if held is None else min(held.start, first)
    return Window(start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0), now)


def _facts(archive: Archive) -> Iterator[str]:
    chain = archive.chain()
    size = f"{counted(chain.entries, 'entry', 'entries')}, {counted(chain.pages, 'page')}"
    yield f"{archive.place}: {size}, {chain.bytes / 1e6:,.1f} MB as received"
    yield f"head sha256:{chain.head}"
    held = {name: archive.scan(name).select(pl.len()).collect().item() for name in TABLES if archive.has(name)}
    yield f"rows: {', '.join(f'{rows:,} {name}' for name, rows in held.items()) or 'none'}"


def _months(gaps: Sequence[Gap], span: Window, now: datetime) -> Iterator[Text]:
    """A line a month and a table, a mark a day; tables that are alike the whole month share a line."""
    by_table = {table: [gap for gap in gaps if gap.table == table] for table in _SHOWN}
    days = [Window(day, min(day + _DAY, span.end)) for day in _days(span)]
    for month, some in groupby(days, key=lambda day: dated(day.start, "%Y-%m")):
        mine = list(some)
        alike: dict[tuple[str, ...], list[str]] = {}
        for table, found in by_table.items():
            alike.setdefault(tuple(_state(found, day, now) for day in mine), []).append(table)
        before = mine[0].start.day - 1
        for place, (states, tables) in enumerate(alike.items()):
            line = Text(f"{'' if place else month:<9}" + " " * before)
            for state in states:
                line.append(*_MARKS[state])
            yield line.append(" " * (33 - before - len(states)) + ", ".join(tables), style="dim")


def _days(span: Window) -> Iterator[datetime]:
    day = span.start
    while day < span.end:
        yield day
        day += _DAY


def _state(gaps: Sequence[Gap], day: Window, now: datetime) -> str:
    reasons = {gap.reason for gap in gaps if gap.window.overlaps(day)}
    failed = {reason for reason in reasons if reason.is_failure} - _OPEN - {GapReason.NOT_COLLECTED}
    if GapReason.BEYOND_LOOKBACK in failed or GapReason.GONE in failed:
        return "lost"
    if failed:
        return "failed"
    if GapReason.NOT_COLLECTED in reasons:
        return "lost" if day.end <= now - LOOKBACK else "missing"
    return "open" if reasons & _OPEN else "held"


def _horizon(gaps: Sequence[Gap], now: datetime) -> str:
    """How long until Webex forgets the oldest day that is missing and can still be had."""
    edge = now - LOOKBACK
    missing = [max(gap.window.start, edge) for gap in gaps if gap.reason.is_failure and gap.window.end > edge]
    if not missing:
        unsure = any(gap.reason is GapReason.IMPORTED for gap in gaps)
        return f"nothing is {'known to be ' if unsure else ''}missing of what Webex still has"
    left = min(missing) - edge
    days = f"in {counted(left.days, 'day')}" if left.days else "within a day"
    return f"Webex forgets the oldest missing day, {dated(min(missing))}, {days}; collect before that"


def _gap_lines(gaps: Sequence[Gap]) -> Iterator[str]:
    if gaps:
        yield ""
        yield f"gaps: {len(gaps):,}"
    for gap in gaps[:_GAPS_SHOWN]:
        span = f"{dated(gap.window.start, MINUTE)} to {dated(gap.window.end, MINUTE)}"
        yield f"  {gap.table}  {gap.site_url}  {span}  {gap.reason.value}  {gap.detail}"
    if len(gaps) > _GAPS_SHOWN:
        yield f"  … and {len(gaps) - _GAPS_SHOWN:,} more"
