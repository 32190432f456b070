"""Which spans of a listing are still to be asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from auditor.errors import ConfigError
from auditor.frozen import dataclass
from auditor.model.spans import subtract
from auditor.model.window import Window

SLICE = timedelta(days=7)
MARGIN = timedelta(days=1)
_OVERLAP = timedelta(seconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Horizon:
    """What can be asked now: from `earliest` to `latest`; what ends after `settled` may still change."""

    earliest: datetime
    latest: datetime
    settled: datetime

    def __post_init__(self) -> None:
        if self.earliest >= self.latest:
            raise ConfigError("the time of this run lies so far before Webex's clock that nothing can be asked")

    @classmethod
    def at(cls, now: datetime, *, lookback: timedelta, settle: timedelta, skew: timedelta = timedelta()) -> Horizon:
        """The horizon at a moment, in whole seconds, with an hour's distance from the server's own limit.

        `skew` is how far the server's clock is ahead of ours. The clock that allows less counts: the later one
        for how far back may be asked, the earlier one for what is over and settled.
        """
        ours = now.astimezone(UTC).replace(microsecond=0)
        earlier, later = sorted((ours, ours + skew))
        return cls(later - lookback + timedelta(hours=1), earlier, earlier - settle)


@dataclass(frozen=True, slots=True)
class Held:
    """A span asked for before. `done` when it need not be asked again, `lacking` when some of it is absent."""

    key: str
    window: Window
    done: bool
    lacking: bool


@dataclass(frozen=True, slots=True)
class Span:
    """One span to ask for: `window` is what it covers, `asked` what the request names. `key` is that of a repeat."""

    window: Window
    asked: Window
    settled: bool
    key: str | None


@dataclass(frozen=True, slots=True)
class Missing:
    """What to ask for, and what the server forgot before it was asked."""

    spans: tuple[Span, ...]
    lost: tuple[Window, ...]


def missing(wanted: Window, held: Sequence[Held], *, horizon: Horizon) -> Missing:
    """What of the wanted span is not held for good, in slices of at most a week.

    Spans that were refused or too fresh are repeated under their own key. What may still change is cut at
    midnights, so that a schedule of many runs a day repeats few requests. The requests reach a day over the
    outer edges, because no document tells which of a record's times the server compares.
    """
    lost = subtract(_cut(wanted, None, horizon.earliest), (each.window for each in held if not each.lacking))
    reachable = _cut(wanted, horizon.earliest, horizon.latest)
    done = [each.window for each in held if each.done]
    again = [
        (window, each.key)
        for each in held
        if not each.done and _touches(each.window, reachable)
        for window in _cut(each.window, horizon.earliest, horizon.latest)
    ]
    fresh = [
        piece
        for span in subtract(reachable, [*done, *(window for window, _ in again)])
        for piece in _sliced(span, horizon)
    ]
    pieces = _grown([*again, *((window, None) for window in fresh)], settled=horizon.settled)
    return Missing(tuple(_spans(pieces, horizon)), lost)


def _cut(window: Window, start: datetime | None, end: datetime) -> tuple[Window, ...]:
    """The part of the window between two moments, as a tuple of none or one."""
    first = window.start if start is None else max(window.start, start)
    last = min(window.end, end)
    return (Window(first, last),) if first < last else ()


def _touches(window: Window, others: Iterable[Window]) -> bool:
    return any(window.overlaps(other) for other in others)


def _sliced(span: Window, horizon: Horizon) -> list[Window]:
    """Slices of a week, and of a day of the calendar where data may still change."""
    slices = [piece for part in _cut(span, None, horizon.settled) for piece in part.split(SLICE)]
    for part in _cut(span, horizon.settled, span.end):
        start = part.start
        while start < part.end:
            midnight = start.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
            slices.append(Window(start, min(midnight, part.end)))
            start = midnight
    return slices


def _grown(pieces: list[tuple[Window, str | None]], *, settled: datetime) -> list[tuple[Window, str | None]]:
    """The pieces in order; one that was too fresh takes in the new one that goes on with its day."""
    grown: list[tuple[Window, str | None]] = []
    for window, key in sorted(pieces, key=lambda piece: piece[0]):
        if grown and key is None:
            before, name = grown[-1]
            same_day = before.start.date() == window.start.date() and window.start.time() != datetime.min.time()
            if name is not None and before.end == window.start and same_day and window.end > settled:
                grown[-1] = (Window(before.start, window.end), name)
                continue
        grown.append((window, key))
    return grown


def _spans(pieces: list[tuple[Window, str | None]], horizon: Horizon) -> Iterable[Span]:
    starts = {window.start for window, _ in pieces}
    ends = {window.end for window, _ in pieces}
    for window, key in pieces:
        start = window.start - (_OVERLAP if window.start in ends else MARGIN)
        end = window.end if window.end in starts else window.end + MARGIN
        asked = Window(max(start, horizon.earliest), min(end, horizon.latest))
        yield Span(window, asked, settled=window.end <= horizon.settled, key=key)
