"""The audit's window cut into days, weeks or months of the report's zone, and what lies in each."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from auditor.frozen import dataclass
from auditor.model.coverage import Gap
from auditor.model.window import Window
from auditor.reports.view.wording import Wording

MOST_DAYS = 62
MOST_WEEKS = 62 * 7
_QUARTER = 900
"""Clocks of all zones are whole quarters of an hour apart."""


@dataclass(frozen=True, slots=True)
class Periods:
    """Consecutive periods that cover the window; `unit` is day, week or month; `starts` are aware and sorted."""

    unit: str
    starts: tuple[datetime, ...]
    end: datetime

    def windows(self) -> tuple[Window, ...]:
        """Each period as a window."""
        return tuple(Window(a, b) for a, b in zip(self.starts, (*self.starts[1:], self.end), strict=True))


def periods(window: Window, wording: Wording) -> Periods:
    """Days up to two months, weeks (from Monday) up to a year and more, then months; cut at the window's ends."""
    days = window.length / timedelta(days=1)
    unit = "day" if days <= MOST_DAYS else "week" if days <= MOST_WEEKS else "month"
    start = window.start.astimezone(wording.zone)
    at = datetime(start.year, start.month, start.day, tzinfo=wording.zone)
    if unit == "week":
        at -= timedelta(days=at.weekday())
    elif unit == "month":
        at = at.replace(day=1)
    starts: list[datetime] = []
    while at < window.end:
        starts.append(max(at.astimezone(UTC), window.start))
        at = _next(at, unit)
    return Periods(unit, tuple(starts), window.end)


def _next(at: datetime, unit: str) -> datetime:
    """The start of the next period on the clock of the zone, whatever summer time does."""
    if unit == "month":
        return at.replace(year=at.year + at.month // 12, month=at.month % 12 + 1)
    return at + timedelta(days=1 if unit == "day" else 7)


def labels(spans: Periods, wording: Wording) -> tuple[tuple[int, str], ...]:
    """The first period, and each that begins a month or (for days) a week, with its date in words."""
    months = wording.words.listed("months_short")
    marked = []
    for index, start in enumerate(spans.starts):
        local = start.astimezone(wording.zone)
        begins = local.day == 1 or (spans.unit == "day" and local.weekday() == 0)
        if spans.unit == "week":
            before = spans.starts[index - 1].astimezone(wording.zone) if index else None
            begins = before is not None and before.month != local.month
        if index == 0 or begins:
            year = f" {local.year}" if index == 0 else ""
            marked.append((index, f"{local.day} {months[local.month - 1]}{year}"))
    return tuple(marked)


def counted(stamps: Iterable[float], spans: Periods) -> tuple[list[int], int]:
    """How many of the moments, seconds of the epoch, lie in each period, and how many in none."""
    stamps = sorted(stamps)
    cuts = [bisect_left(stamps, edge.timestamp()) for edge in (*spans.starts, spans.end)]
    counts = [after - before for before, after in pairwise(cuts)]
    return counts, len(stamps) - sum(counts)


def touched(gaps: Sequence[Gap], spans: Periods) -> list[bool]:
    """Which periods a gap reaches into."""
    return [any(gap.window.overlaps(span) for gap in gaps) for span in spans.windows()]


def by_hour(stamps: Iterable[float], wording: Wording) -> list[list[int]]:
    """Counts of moments, seconds of the epoch, by weekday, Monday first, and hour of the zone."""
    counts = [[0] * 24 for _ in range(7)]
    quarters = Counter([stamp // _QUARTER for stamp in stamps])
    for quarter, count in quarters.items():
        local = datetime.fromtimestamp(quarter * _QUARTER, wording.zone)
        counts[local.weekday()][local.hour] += count
    return counts


def hours_seen(window: Window, gaps: Sequence[Gap], wording: Wording) -> list[list[bool]]:
    """Which weekdays and hours the evidence can tell of: those that some hour of the window outside all gaps has."""
    seen = [[False] * 24 for _ in range(7)]
    left = 7 * 24
    hour = timedelta(hours=1)
    at = window.start.replace(minute=0, second=0, microsecond=0)
    while at < window.end and left:
        local = at.astimezone(wording.zone)
        span = Window(at, at + hour)
        if not seen[local.weekday()][local.hour] and not any(gap.window.overlaps(span) for gap in gaps):
            seen[local.weekday()][local.hour] = True
            left -= 1
        at += hour
    return seen
