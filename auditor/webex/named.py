"""The meetings that a narrowed attendee report turned out to name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor.webex.fetch import Fetched, Sink, Source, fetch
from auditor.webex.pages import Page
from auditor.webex.work import Work


@dataclass(slots=True)
class Named:
    """Fetches attendee reports; of those narrowed by number or title it remembers the meetings."""

    found: set[str] = field(default_factory=set)

    def __call__(self, source: Source, work: Work, sink: Sink) -> Fetched:
        """The report as it is fetched."""
        return fetch(source, work, sink if work.whole_site else _Noting(sink, self.found))


@dataclass(frozen=True, slots=True)
class _Noting:
    sink: Sink
    found: set[str]

    def keep(self, page: Page) -> None:
        ids = (record.get("meetingId") for record in page.records if isinstance(record, Mapping))
        self.found.update(each for each in ids if isinstance(each, str))
        self.sink.keep(page)

    def drop(self, count: int) -> None:
        self.sink.drop(count)
