"""Half-open spans of UTC time."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Self
from zoneinfo import ZoneInfo

from auditor.frozen import dataclass

MINUTE = "%Y-%m-%d %H:%M"
_TWO = tuple(f"{number:02}" for number in range(60))


def instant(text: str) -> datetime:
    """The moment an ISO 8601 text names, in UTC; without an offset it is UTC already.

    Raises `ValueError` when the text is no ISO 8601 date or date-time, or one outside the years 1 to 9999 of UTC.

    >>> instant("2026-01-05T10:00+02:00").isoformat()
    '2026-01-05T08:00:00+00:00'
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no ISO 8601 time such as 2026-01-05T10:00Z") from None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is outside the years 1 to 9999 of UTC") from None


def on_clock(moment: datetime, zone: tzinfo) -> datetime:
    """The moment on the clock of the zone; in UTC where that clock is before year 1 or after 9999."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)


def dated(moment: datetime, form: str = "%Y-%m-%d") -> str:
    """The moment in a form of `strftime`, its year in four digits on every system.

    >>> dated(datetime(33, 4, 3, tzinfo=UTC))
    '0033-04-03'
    """
    return moment.strftime(form.replace("%Y", f"{moment.year:04}"))


def iso(moment: datetime) -> str:
    """The moment as machine formats write it, microseconds and `Z` always.

    >>> iso(datetime(2026, 1, 5, 10, tzinfo=UTC))
    '2026-01-05T10:00:00.000000Z'
    """
    at = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    day, time = f"{at.year:04}-{_TWO[at.month]}-{_TWO[at.day]}", f"{_TWO[at.hour]}:{_TWO[at.minute]}:{_TWO[at.second]}"
    return f"{day}T{time}.{at.microsecond:06}Z"


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """The span from `start` up to but not including `end`, both aware and kept in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            moment = getattr(self, name)
            if moment.tzinfo is None:
                raise ValueError(f"the {name} of a window needs a time zone")
            object.__setattr__(self, name, moment.astimezone(UTC))
        if self.start >= self.end:
            raise ValueError(f"a window must end after it starts: {iso(self.start)} to {iso(self.end)}")

    @classmethod
    def period(cls, text: str, *, zone: str = "UTC") -> Self:
        """The calendar period `text` names: year, quarter, month, ISO week or day of `zone`.

        >>> Window.period("2026-Q3").start.date().isoformat()
        '2026-07-01'
        """
        first, last = _calendar(text.strip())
        place = ZoneInfo(zone)
        return cls(
            datetime(first.year, first.month, first.day, tzinfo=place),
            datetime(last.year, last.month, last.day, tzinfo=place),
        )

    @property
    def length(self) -> timedelta:
        """How long the window lasts."""
        return self.end - self.start

    def contains(self, moment: datetime) -> bool:
        """Whether the moment lies inside; the end does not."""
        return self.start <= moment < self.end

    def overlaps(self, other: Window) -> bool:
        """Whether the two share at least one moment; windows that only touch do not."""
        return self.start < other.end and other.start < self.end

    def intersect(self, other: Window) -> Window | None:
        """What both cover, or None."""
        return Window(max(self.start, other.start), min(self.end, other.end)) if self.overlaps(other) else None

    def split(self, longest: timedelta) -> tuple[Window, ...]:
        """Consecutive windows no longer than `longest` that cover this one exactly."""
        if longest <= timedelta():
            raise ValueError("a window is split into spans longer than nothing")
        parts = []
        start = self.start
        while start < self.end:
            end = min(start + longest, self.end)
            parts.append(Window(start, end))
            start = end
        return tuple(parts)


_FORMS = (
    (re.compile(r"(\d{4})"), "year"),
    (re.compile(r"(\d{4})-Q([1-4])"), "quarter"),
    (re.compile(r"(\d{4})-W(\d{2})"), "week"),
    (re.compile(r"(\d{4})-(\d{2})"), "month"),
    (re.compile(r"(\d{4})-(\d{2})-(\d{2})"), "day"),
)


def _calendar(text: str) -> tuple[date, date]:
    """First day of the period and first day after it."""
    for pattern, kind in _FORMS:
        found = pattern.fullmatch(text)
        if found is None:
            continue
        numbers = [int(group) for group in found.groups()]
        try:
            return _span(kind, numbers)
        except ValueError:
            break
    raise ValueError(f"{text!r} is no period; write 2026, 2026-Q3, 2026-09, 2026-W38 or 2026-09-14")


def _span(kind: str, numbers: list[int]) -> tuple[date, date]:
    year = numbers[0]
    match kind:
        case "year":
            return date(year, 1, 1), date(year + 1, 1, 1)
        case "quarter" | "month":
            months = 3 if kind == "quarter" else 1
            month = (numbers[1] - 1) * 3 + 1 if kind == "quarter" else numbers[1]
            after = month + months
            return date(year, month, 1), date(year + (after - 1) // 12, (after - 1) % 12 + 1, 1)
        case "week":
            monday = date.fromisocalendar(year, numbers[1], 1)
            return monday, monday + timedelta(weeks=1)
        case _:
            day = date(*numbers)
            return day, day + timedelta(days=1)
