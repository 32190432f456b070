"""Participants of a meeting, completed by asking for the people a full page may have left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from auditor.model.coverage import Gap
from auditor.model.vocabulary import GapReason
from auditor.webex.endpoints import PARTICIPANTS, PARTICIPANTS_BY_EMAIL
from auditor.webex.fetch import Fetched, Sink, Source, fetch
from auditor.webex.pages import Page
from auditor.webex.payload import Json
from auditor.webex.seen import Roll
from auditor.webex.work import Work
from auditor.words import counted


@dataclass(slots=True)
class _Present:
    """Passes pages on and remembers who is on them."""

    sink: Sink
    pages: list[tuple[frozenset[str], frozenset[str], frozenset[str]]] = field(default_factory=list)

    def keep(self, page: Page) -> None:
        records = [record for record in page.records if isinstance(record, Mapping)]
        ids = frozenset(str(record.get("id")) for record in records)
        self.pages.append((ids, _texts(records, "email", fold=True), _texts(records, "displayName", fold=False)))
        self.sink.keep(page)

    def drop(self, count: int) -> None:
        del self.pages[len(self.pages) - count :]
        self.sink.drop(count)

    @property
    def ids(self) -> frozenset[str]:
        return frozenset().union(*(ids for ids, _, _ in self.pages))

    @property
    def emails(self) -> frozenset[str]:
        return frozenset().union(*(emails for _, emails, _ in self.pages))

    @property
    def names(self) -> frozenset[str]:
        return frozenset().union(*(names for _, _, names in self.pages))


@dataclass(frozen=True, slots=True)
class PeopleOf:
    """Fetches participants. `attended` tells who attended by the attendee rows, `totals` the usage reports' counts."""

    attended: Callable[[str, str], Roll]
    totals: Mapping[str, int]

    def __call__(self, source: Source, work: Work, sink: Sink) -> Fetched:
        """All participants of the meeting; a gap for those that no request brought."""
        present = _Present(sink)
        found = fetch(source, work, present)
        if work.endpoint is not PARTICIPANTS or found.gaps or not (found.full or len(present.pages) > 1):
            return found
        total = self.totals.get(work.meeting_id or "")
        if len(present.ids) >= total if total is not None else not found.full:
            return found
        attended = self.attended(work.site_url or "", work.meeting_id or "")
        unseen = attended.emails - present.emails
        if unseen:
            more = replace(work, endpoint=PARTICIPANTS_BY_EMAIL, emails=tuple(sorted(unseen)))
            found.gaps += fetch(source, more, present).gaps
        lacking = len(attended.emails - present.emails) + len(attended.names - present.names)
        lacking = max(lacking, 0 if total is None else total - len(present.ids))
        if lacking or not (attended.emails or attended.names or total is not None):
            found.gaps += _truncated(work, seen=len(present.ids), lacking=lacking)
        return found


def _truncated(work: Work, *, seen: int, lacking: int) -> list[Gap]:
    if work.window is None:
        return []
    people = f"at least {lacking} more" if lacking else "an unknown number more"
    words = f"{work.meeting_id}: {counted(seen, 'person', 'people')} seen, {people}"
    return [
        Gap(table, work.site_url or "", work.window, GapReason.POSSIBLY_TRUNCATED, words)
        for table in work.endpoint.tables
    ]


def _texts(records: list[Mapping[str, Json]], name: str, *, fold: bool) -> frozenset[str]:
    texts = (record.get(name) for record in records)
    found = (text.strip() for text in texts if isinstance(text, str) and text.strip())
    return frozenset(text.lower() for text in found) if fold else frozenset(found)
