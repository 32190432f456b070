"""Participants of a meeting, completed by asking for the people a full page may have left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from auditor.model.coverage import Gap
from auditor.model.vocabulary import GapReason
from auditor.webex.endpoints import PARTICIPANTS, PARTICIPANTS_BY_EMAIL
from auditor.webex.fetch import Fetched, Sink, Source, fetch
from auditor.webex.pages import Page
from auditor.webex.payload import Json
from auditor.webex.seen import Roll
from auditor.webex.work import Work
from auditor.words import counted

_Person = tuple[str, str, str]
"""Id, address and name of a record, each empty where it has none."""


@dataclass(slots=True)
class _Present:
    """Passes pages on and remembers who is on them."""

    sink: Sink
    pages: list[frozenset[_Person]] = field(default_factory=list)

    def keep(self, page: Page) -> None:
        self.pages.append(frozenset(_person(record) for record in page.records if isinstance(record, Mapping)))
        self.sink.keep(page)

    def drop(self, count: int) -> None:
        del self.pages[len(self.pages) - count :]
        self.sink.drop(count)

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(number for number, _, _ in self._all())

    @property
    def emails(self) -> frozenset[str]:
        return frozenset(email for _, email, _ in self._all() if email)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for _, _, name in self._all() if name)

    @property
    def people(self) -> frozenset[str]:
        """Who is there; somebody who joined again may have several ids."""
        return frozenset(email or name or number for number, email, name in self._all())

    def _all(self) -> Iterator[_Person]:
        return chain.from_iterable(self.pages)


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
        seen = present.people if found.full else present.ids
        if len(seen) >= total if total is not None else not found.full:
            return found
        attended = self.attended(work.site_url or "", work.meeting_id or "")
        unseen = attended.emails - present.emails
        if unseen:
            more = replace(work, endpoint=PARTICIPANTS_BY_EMAIL, emails=tuple(sorted(unseen)))
            found.gaps += fetch(source, more, present).gaps
        lacking = len(attended.emails - present.emails) + len(attended.names - present.names)
        seen = present.ids if attended.emails or attended.names else present.people
        lacking = max(lacking, 0 if total is None else total - len(seen))
        if lacking or not (attended.emails or attended.names or total is not None):
            found.gaps += _truncated(work, seen=len(seen), lacking=lacking)
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


def _person(record: Mapping[str, Json]) -> _Person:
    email, name = (text.strip() if isinstance(text := record.get(key), str) else "" for key in ("email", "displayName"))
    return str(record.get("id")), "" if email.lower() == "n/a" else email.lower(), name
