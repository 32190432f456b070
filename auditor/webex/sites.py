"""The sites a token may read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from auditor.errors import AuthError, ConfigError, SourceError
from auditor.webex.fetch import Fetched, Sink, Source, fetch
from auditor.webex.pages import Page
from auditor.webex.work import Work


@dataclass(slots=True)
class SiteList:
    """Fetches the list of sites and remembers it."""

    found: list[str] = field(default_factory=list)
    fault: SourceError | None = None

    def __call__(self, source: Source, work: Work, sink: Sink) -> Fetched:
        """The list as it is fetched; one that cannot be read is as good as refused."""
        fetched = fetch(source, work, _Noting(sink, self))
        fetched.refused = fetched.refused or self.fault
        return fetched

    def note(self, page: Page) -> None:
        """Remember the sites of a page, or why it names none."""
        self.fault = page.fault or self.fault
        for record in page.records:
            url = record.get("siteUrl") if isinstance(record, Mapping) else None
            if isinstance(url, str) and url.strip():
                self.found.append(url.strip().lower())


@dataclass(frozen=True, slots=True)
class _Noting:
    sink: Sink
    sites: SiteList

    def keep(self, page: Page) -> None:
        self.sites.note(page)
        self.sink.keep(page)

    def drop(self, count: int) -> None:
        self.sink.drop(count)


def chosen(wanted: Sequence[str], found: Sequence[str], *, refused: SourceError | None) -> tuple[str, ...]:
    """The sites to ask: those wanted, which the token must see, or all it sees.

    A list that was refused proves nothing about wanted sites. Raises `ConfigError` for an unknown site or when
    there is none, `SourceError` when the list could not be had and no site was named.
    """
    if refused is not None:
        if wanted:
            return tuple(dict.fromkeys(site.lower() for site in wanted))
        words = f"the sites could not be listed; name a site with --site ({refused})"
        kind = AuthError if isinstance(refused, AuthError) else SourceError
        raise kind(words, status=refused.status, tracking_id=refused.tracking_id)
    known = tuple(dict.fromkeys(found))
    unknown = [site for site in wanted if site.lower() not in known]
    if unknown and known:
        close = get_close_matches(unknown[0].lower(), known, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; it sees {', '.join(known)}"
        raise ConfigError(f"the token sees no site {unknown[0]}{hint}")
    if not wanted and not known:
        raise ConfigError("the token sees no site; name one with --site")
    return tuple(dict.fromkeys(site.lower() for site in wanted)) or known
