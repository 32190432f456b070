"""The audit's window cut into days, weeks or longer periods of the report's zone, and what lies in each."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from auditor.frozen import dataclass
from auditor.model.coverage import Gap
from auditor.model.window import Window
from auditor.reports.view.wording import Wording

MOST_DAYS = 62
MOST_WEEKS = 62 * 7
MOST_MONTHS = 20 * 366
MOST_YEARS = 62 * 366
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND, _HOUR = timedelta(seconds=1), timedelta(hours=1)
_QUARTER = 900
"""Clocks of all zones are whole quarters of an hour apart."""


@dataclass(frozen=True, slots=True)
class Periods:
    """Consecutive periods that cover the window; `unit` is day to century; `starts` are aware and sorted."""

    unit: str
    starts: tuple[datetime, ...]
    end: datetime

    def windows(self) -> tuple[Window, ...]:
        """Each period as a window."""
        return tuple(Window(a, b) for a, b in zip(self.starts, (*self.starts[1:], self.end), strict=True))


def periods(window: Window, wording: Wording) -> Periods:
    """Days up to two months, weeks (from Monday) up to a year and more, then months; cut at the window's ends.

    One record with a time of its own stretches a window over centuries; then a period is a year, or a hundred.
    """
    unit = _unit(window.length / timedelta(days=1))
    start = wording.local(window.start)
    at = datetime(start.year, start.month, start.day, tzinfo=wording.zone)
    if unit == "week":
        at -= timedelta(days=at.weekday())
    elif unit == "month":
        at = at.replace(day=1)
    elif unit == "year":
        at = at.replace(month=1, day=1)
    elif unit == "century":
        at = at.replace(year=max(at.year // 100 * 100, 1), month=1, day=1)
    starts = [window.start]
    while (following := _next(at, unit)) is not None and following < window.end:
        starts.append(following.astimezone(UTC))
        at = following
    return Periods(unit, tuple(starts), window.end)


def _unit(days: float) -> str:
    most = {"day": MOST_DAYS, "week": MOST_WEEKS, "month": MOST_MONTHS, "year": MOST_YEARS}
    return next((unit for unit, longest in most.items() if days <= longest), "century")


def _next(at: datetime, unit: str) -> datetime | None:
    """The start of the next period on the clock of the zone, whatever summer time does; None past the last year."""
    try:
        match unit:
            case "day" | "week":
                return at + timedelta(days=1 if unit == "day" else 7)
            case "month":
                return at.replace(year=at.year + at.month // 12, month=at.month % 12 + 1)
            case _:
                return at.replace(year=at.year + (1 if unit == "year" else 100 - at.year % 100))
    except (ValueError, OverflowError):
        return None


def labels(spans: Periods, wording: Wording) -> tuple[tuple[int, str], ...]:
    """The first period, and each that begins a month or (for days) a week, with its date in words, or each year."""
    if spans.unit in {"year", "century"}:
        return tuple((index, f"{wording.local(start).year}") for index, start in enumerate(spans.starts))
    months = wording.words.listed("months_short")
    marked = []
    for index, start in enumerate(spans.starts):
        local = wording.local(start)
        begins = local.day == 1 or (spans.unit == "day" and local.weekday() == 0)
        if spans.unit == "week":
            before = wording.local(spans.starts[index - 1]) if index else None
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
        local = wording.local(_EPOCH + quarter * _QUARTER * _SECOND)
        counts[local.weekday()][local.hour] += count
    return counts


def hours_seen(window: Window, gaps: Sequence[Gap], wording: Wording) -> list[list[bool]]:
    """Which weekdays and hours the evidence can tell of: those that some hour of the window outside all gaps has."""
    seen = [[False] * 24 for _ in range(7)]
    left = 7 * 24
    for at in _whole_hours(window, gaps):
        local = wording.local(at)
        if not seen[local.weekday()][local.hour]:
            seen[local.weekday()][local.hour] = True
            left -= 1
            if not left:
                break
    return seen


def _whole_hours(window: Window, gaps: Sequence[Gap]) -> Iterator[datetime]:
    """The hours of the window that no gap reaches into, without a look at each hour of a gap."""
    first = window.start.replace(minute=0, second=0, microsecond=0)
    hours = -((first - window.end) // _HOUR)
    at = 0
    for gap in sorted({gap.window for gap in gaps}):
        for number in range(at, min((gap.start - first) // _HOUR, hours)):
            yield first + number * _HOUR
        at = max(at, -((first - gap.end) // _HOUR), (gap.start - first) // _HOUR)
    for number in range(at, hours):
        yield first + number * _HOUR
