"""What every endpoint answers from: sites, clock, credentials, and the points the documentation leaves open."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from auditor.simulator.site import Row, Site
from auditor.simulator.wire import Refusal

KEPT_LISTINGS = 64


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The choices the documentation leaves open.

    `site_wide`: attendees of a whole site may be asked without naming a meeting. `dated_by`: the time that
    `from` and `to` of the attendee report filter, `joined` or `start` (of the meeting). `to_included`: `to` itself
    belongs to the span. `phone_numbers`: the token belongs to a compliance officer, who sees them.
    """

    site_wide: bool = True
    dated_by: str = "joined"
    to_included: bool = False
    phone_numbers: bool = True

    def __post_init__(self) -> None:
        if self.dated_by not in {"joined", "start"}:
            raise ValueError(f"dated_by is {self.dated_by!r}; joined or start")


class Credentials:
    """Access and refresh token of the one account; a refresh replaces both."""

    def __init__(self, token: str) -> None:
        self._first = token
        self._generation = 0
        self._refusing = False
        self._expired = False
        self._lock = threading.Lock()

    @property
    def access(self) -> str:
        """The access token that is valid now, unless it has expired."""
        return self._first if self._generation == 0 else f"{self._first}-{self._generation}"

    @property
    def refresh(self) -> str:
        """The refresh token that is valid now."""
        return f"refresh-of-{self.access}"

    def accepts(self, token: str | None) -> bool:
        """True for the current access token while it has not expired."""
        with self._lock:
            return not self._expired and token == self.access

    def expire(self) -> None:
        """From now on the current access token is refused, until it is refreshed."""
        with self._lock:
            self._expired = True

    def renew(self, refresh: str | None) -> tuple[str, str]:
        """New access and refresh token for the current refresh token, which is spent by it."""
        with self._lock:
            if refresh != self.refresh:
                raise Refusal(400, "The refresh token is invalid or expired.")
            self._generation += 1
            self._expired = False
            return self.access, self.refresh


@dataclass(slots=True)
class Service:
    """The simulated Webex. `now` is its clock, `origin` the `http://host:port` its links name."""

    sites: Mapping[str, Site]
    now: datetime
    credentials: Credentials
    behaviour: Behaviour = field(default_factory=Behaviour)
    origin: str = ""
    _listings: OrderedDict[Hashable, Sequence[Row]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def site(self, url: str | None) -> Site:
        """The site of a required `siteUrl`; refused when it is missing or unknown."""
        if url is None:
            raise Refusal(400, "'siteUrl' is required.")
        if url not in self.sites:
            raise Refusal(404, f"The site '{url}' could not be found.")
        return self.sites[url]

    def listing(self, key: Hashable, make: Callable[[], Sequence[Row]]) -> Sequence[Row]:
        """The rows of one query, made once and kept for its further pages."""
        with self._lock:
            if key in self._listings:
                self._listings.move_to_end(key)
                return self._listings[key]
        made = make()
        with self._lock:
            self._listings[key] = made
            while len(self._listings) > KEPT_LISTINGS:
                self._listings.popitem(last=False)
        return made
