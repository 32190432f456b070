"""Which records are older than an archive may keep them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import polars as pl

from auditor.evidence.entry import ERASED, FILE, JsonValue, PageEntry, Request, Response, Unit, UnitEntry
from auditor.evidence.reader import Evidence
from auditor.evidence.redact import without_items
from auditor.frozen import dataclass
from auditor.tables.convert import Context, Tally
from auditor.tables.decode import Page, decode
from auditor.tables.exact import InvalidBody, items_of
from auditor.tables.reading import reading_of

_NAMING = frozenset({"hostEmail", "meetingTitle"})
"""Parameters of requests that name people, or may."""


@dataclass(frozen=True, slots=True)
class _Use:
    """The unit that last cited a page, and the latest moment the page may speak of."""

    unit: Unit | None
    latest: datetime


@dataclass(frozen=True, slots=True)
class Retention:
    """Removal of every record that ended before a moment.

    A record without a time of its own is as old as the end of the span its unit covers, or else as its page.
    """

    before: datetime | None
    uses: Mapping[str, _Use]
    reason: str = "prune"

    def page(self, sha256: str, body: bytes) -> tuple[bytes, int]:
        """The page with its old items null."""
        use = self.uses[sha256]
        if use.unit is not None and reading_of(use.unit.endpoint, use.unit.options) is None:
            return body, 0
        try:
            count = len(items_of(body, Context(Tally())))
        except InvalidBody:
            return (b"null", 1) if self._is_old(use.latest) and body != b"null" else (body, 0)
        times = {} if use.unit is None else _times(body, use.unit)
        return without_items(body, {item for item in range(count) if self._is_old(times.get(item, use.latest))})

    def request(self, request: Request, *, sha256: str, at: datetime) -> Request:
        """The request without its body, null where it may name people, once it or all its page may tell is old."""
        if not self._is_done(sha256, at):
            return request
        if request.method == FILE or any(name in _NAMING for name, _ in request.query):
            return ERASED
        return replace(request, body=None)

    def response(self, response: Response, *, sha256: str) -> Response:
        """What was answered without the link to what was asked next, once it or all its page may speak of is old."""
        if not self._is_done(sha256, response.received_at):
            return response
        return replace(response, headers=tuple(pair for pair in response.headers if pair[0] != "link"))

    def asked(self, asked: JsonValue, *, at: datetime) -> JsonValue:
        """Nothing of what a run was asked for that is old itself; it may name people."""
        return {} if self._is_old(at) else asked

    def text(self, text: str) -> str:
        """The text: what is left of the manifest names nobody."""
        return text

    def _is_done(self, sha256: str, at: datetime) -> bool:
        """Whether an answer is old, or its page; a page that comes again, such as an empty one, is as young as then."""
        return self._is_old(at) or self._is_old(self.uses[sha256].latest)

    def _is_old(self, moment: datetime) -> bool:
        return self.before is not None and moment < self.before


def retention(evidence: Evidence, before: datetime) -> Retention:
    """The removal of what ended before a moment, knowing which unit each page was collected for."""
    uses: dict[str, _Use] = {}
    for entry in evidence.entries():
        if isinstance(entry, PageEntry):
            known = uses.get(entry.sha256)
            moment = entry.response.received_at
            uses[entry.sha256] = (
                _Use(None, moment) if known is None else replace(known, latest=max(known.latest, moment))
            )
    last: dict[str, _Use] = {}
    for entry in evidence.entries():
        if isinstance(entry, UnitEntry):
            for sha256 in entry.hashes:
                end = uses[sha256].latest if entry.unit.window is None else entry.unit.window.end
                earlier = last.get(sha256)
                last[sha256] = _Use(entry.unit, end if earlier is None else max(end, earlier.latest))
    return Retention(before, uses | last)


def _times(body: bytes, unit: Unit) -> dict[int, datetime]:
    """When each record of a page ended, or else happened; records without a time are left out."""
    how = reading_of(unit.endpoint, unit.options)
    if how is None:
        return {}
    kind, reading = how
    rows = decode([Page("", 0, body, redacted=True)], kind, reading=reading).frames[kind.table.name]
    names = [name for name in ("left_time", "end_time", kind.table.time) if name in rows.columns]
    if not names:
        return {}
    timed = rows.select("item", ended=pl.max_horizontal(names)).drop_nulls()
    return dict(timed.rows())
