"""One unit of work, asked for until it is complete or a gap says what of it is absent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from auditor.errors import AuthError, SourceError
from auditor.model.coverage import Gap
from auditor.model.vocabulary import GapReason
from auditor.model.window import Window
from auditor.webex.client import GATEWAY_TIMEOUT, Client
from auditor.webex.failures import Failed, reason_of
from auditor.webex.links import Pairs
from auditor.webex.pages import Bounds, Listing, Page, pages
from auditor.webex.work import Work, chunks, email_body, stamp

SMALLEST_PAGE = 10
_SHORTEST_SPAN = timedelta(hours=1)
_MOST_TIMEOUTS = 40
_REPORTS = frozenset({"attendees", "usage"})
_MAX = re.compile(r"\bmax\b", re.IGNORECASE)


class Sink(Protocol):
    """Where a unit's pages go."""

    def keep(self, page: Page) -> None:
        """Take the next page."""
        ...

    def drop(self, count: int) -> None:
        """Forget the last pages as parts of the unit; they stay as evidence."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """What fetching needs of the world."""

    client: Client
    bounds: Bounds
    now: Callable[[], datetime]


@dataclass(slots=True)
class Fetched:
    """What became of a unit: its gaps, whether its last page was full, what refused its very first request."""

    gaps: list[Gap] = field(default_factory=list)
    answered: bool = False
    refused: SourceError | None = None
    full: bool = False


def fetch(source: Source, work: Work, sink: Sink) -> Fetched:
    """The unit's pages go to the sink; what is absent comes back as gaps.

    Raises `AuthError` with status 401 when the credentials are refused for good.
    """
    return _Fetching(source, work, sink).run()


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a unit: a span, or a list of addresses, or all of it."""

    span: Window | None = None
    emails: tuple[str, ...] = ()

    def halves(self) -> tuple[_Part, ...]:
        """Two pieces that make up this one; none when it is as small as it may be."""
        if len(self.emails) > 1:
            middle = len(self.emails) // 2
            return _Part(self.span, self.emails[:middle]), _Part(self.span, self.emails[middle:])
        if self.emails or self.span is None or self.span.length <= _SHORTEST_SPAN:
            return ()
        middle_time = (self.span.start + self.span.length / 2).replace(microsecond=0)
        return _Part(Window(self.span.start, middle_time)), _Part(Window(middle_time, self.span.end))


class _Fetching:
    """The state of one unit while it is fetched: page size, time-outs so far, what was found."""

    def __init__(self, source: Source, work: Work, sink: Sink) -> None:
        self._source = source
        self._work = work
        self._sink = sink
        largest = work.endpoint.largest
        self._size = None if largest is None else min(largest, source.bounds.largest)
        self._timeouts = 0
        self._found = Fetched()

    def run(self) -> Fetched:
        for part in _parts(self._work):
            refused = self._found.refused
            if refused is not None and not self._found.answered and _refuses_like(refused):
                self._gap(refused, part)
            else:
                self._part(part)
        return self._found

    def _part(self, part: _Part) -> None:
        """Fetch one piece; what goes wrong is asked for once more in another way, or is a gap."""
        restarted = False
        while True:
            kept = 0
            try:
                for page in self._pages(part):
                    self._keep(page, part)
                    kept += 1
            except SourceError as error:
                if isinstance(error, AuthError) and error.status != 403:
                    raise
                if self._smaller(error) or self._default_size(error) or (_is_stale(error, kept) and not restarted):
                    restarted = restarted or _is_stale(error, kept)
                    self._sink.drop(kept)
                    continue
                if not (self._is_slow(error) and self._halved(part, kept)):
                    self._refuse(error, part, after=kept)
            else:
                self._mistrust(part, kept)
            return

    def _halved(self, part: _Part, kept: int) -> bool:
        """Fetch the piece in two halves; false when it is as small as it may be."""
        halves = part.halves()
        if halves:
            self._sink.drop(kept)
        for half in halves:
            self._part(half)
        return bool(halves)

    def _mistrust(self, part: _Part, kept: int) -> None:
        """One full page without a next link may lack it, so the halves of its span are asked for."""
        if kept != 1 or not self._found.full or part.span is None or self._work.endpoint.name not in _REPORTS:
            return
        if not self._halved(part, kept):
            words = f"{self._work.endpoint.path}: the listing ended at a full page of {self._size}"
            self._gap(Failed(GapReason.POSSIBLY_TRUNCATED, words), part)

    def _pages(self, part: _Part) -> Iterator[Page]:
        listing = Listing(
            endpoint=self._work.endpoint,
            query=self._query(part),
            label=f"{self._work.key} {part.span and stamp(part.span.start)} {len(part.emails)} {self._timeouts}",
            body=email_body(part.emails, part.span) if part.emails and part.span else None,
            divisible=len(part.emails) > 1,
        )
        return pages(self._source.client, listing, size=self._size, bounds=self._source.bounds, now=self._source.now)

    def _query(self, part: _Part) -> Pairs:
        if part.span is None or part.emails:
            return self._work.query
        first, last = self._work.span_names
        return (*self._work.query, (first, stamp(part.span.start)), (last, stamp(part.span.end)))

    def _keep(self, page: Page, part: _Part) -> None:
        self._found.answered = True
        self._found.full = len(page.records) == self._size
        self._sink.keep(page)
        if page.fault is not None:
            self._gap(page.fault, part)

    def _is_slow(self, error: SourceError) -> bool:
        """Whether the server ran out of time, and not for the last time it may in one unit."""
        return error.status == GATEWAY_TIMEOUT and self._timeouts < _MOST_TIMEOUTS

    def _smaller(self, error: SourceError) -> bool:
        """Half the page size from now on, for the whole unit; false when that is no remedy."""
        if not self._is_slow(error):
            return False
        self._timeouts += 1
        if self._size is None or self._size <= SMALLEST_PAGE:
            return False
        self._size = max(SMALLEST_PAGE, self._size // 2)
        return True

    def _default_size(self, error: SourceError) -> bool:
        """Try the documented default size once when the server says that `max` is wrong."""
        if error.status != 400 or self._size in {None, SMALLEST_PAGE} or not _MAX.search(str(error)):
            return False
        self._size = SMALLEST_PAGE
        return True

    def _refuse(self, error: SourceError, part: _Part, *, after: int) -> None:
        if not self._found.answered and not after and self._found.refused is None:
            self._found.refused = error
        self._gap(error, part, again=after > 0)

    def _gap(self, error: SourceError, part: _Part, *, again: bool = False) -> None:
        reason = reason_of(error)
        if reason is GapReason.GONE and again:
            reason = GapReason.UNAVAILABLE
        window = self._absent(part)
        gaps = _named_gaps(self._work, window, reason=reason, error=error)
        self._found.gaps += [gap for gap in gaps if gap not in self._found.gaps]

    def _absent(self, part: _Part) -> Window:
        """The span a failure of a part leaves empty, no wider than the unit covers."""
        covered = self._work.window
        if covered is None or part.span is None or self._work.meeting_id is not None:
            return covered or part.span or _ever(self._source.now())
        return covered.intersect(part.span) or covered


def _is_stale(error: SourceError, kept: int) -> bool:
    """Whether a next link is gone, so that the listing must begin anew."""
    return error.status == 410 and kept > 0


def _refuses_like(error: SourceError) -> bool:
    """Whether what refused one part would refuse the others: a client error, not trouble or a limit that passes."""
    return error.status is not None and 400 <= error.status < 500 and reason_of(error) is not GapReason.RATE_LIMITED


def _parts(work: Work) -> Sequence[_Part]:
    if work.emails:
        return [_Part(span, some) for span in work.spans for some in chunks(work.emails)]
    return [_Part(span) for span in work.spans] or [_Part()]


def _ever(now: datetime) -> Window:
    return Window(now - timedelta(days=90), now)


def gaps_of(work: Work, error: SourceError, *, now: datetime) -> list[Gap]:
    """The gaps of a unit that was not asked for because a request like it was refused."""
    return _named_gaps(work, work.window or _ever(now), reason=reason_of(error), error=error)


def _named_gaps(work: Work, window: Window, *, reason: GapReason, error: SourceError) -> list[Gap]:
    detail = str(error) if work.service_type is None else f"{work.service_type}: {error}"
    if reason is GapReason.NOT_FOUND and work.meeting_id is None and not work.emails:
        detail += "; check site and base URL"
    return [Gap(table, work.site_url or "", window, reason, detail) for table in work.endpoint.tables]
