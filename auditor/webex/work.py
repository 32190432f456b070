"""Units of work: what one commit to the archive is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from auditor.evidence.entry import JsonValue
from auditor.frozen import dataclass
from auditor.model.window import Window, dated
from auditor.webex.endpoints import (
    ATTENDEES,
    INVITEES,
    MEETINGS,
    PARTICIPANTS,
    PARTICIPANTS_BY_EMAIL,
    SITES,
    USAGE,
    Endpoint,
)
from auditor.webex.links import Pairs
from auditor.webex.spans import MARGIN, Horizon, Span

EMAILS_A_REQUEST = 50
"""Our own choice: no document states how many addresses a query may name."""

NARROWED = ("meetingId", "meetingNumber", "meetingTitle")
"""The parameters that narrow the attendee report; Webex looks at the first given, in this order."""

PEOPLE = " people "
"""What stands in the key of a unit between the key of its meeting's participants and the people it was asked about."""

HOST = " host "
"""The same in front of the host in whose name a meeting was asked about that may be another one's."""

_LONGEST_REPORT = timedelta(days=30)
_LONGEST_JOIN = timedelta(days=90)
"""The longest spans that one request for attendees, and one for participants, may name."""


@dataclass(frozen=True, slots=True)
class Work:
    """One unit to ask for.

    `spans` are asked one after another with the names `span_names` as parameters; without any the listing is
    asked once. `window` is what the unit covers, None when it covers no span. `shared` is text that is equal
    for all work that a refusal of the first one refuses too. `apart` is the key under which an answer without
    records is kept where it says nothing of the meeting.
    """

    key: str
    endpoint: Endpoint
    site_url: str | None
    window: Window | None
    settled: bool = True
    query: Pairs = ()
    spans: tuple[Window, ...] = ()
    span_names: tuple[str, str] = ("from", "to")
    emails: tuple[str, ...] = ()
    meeting_id: str | None = None
    service_type: str | None = None
    shared: str | None = None
    apart: str | None = None
    whole_site: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A meeting the archive knows: when it was, who hosted it, how many took part as far as Webex tells.

    `listed` when a usage report names it; else it is known from its attendees alone.
    """

    site_url: str
    meeting_id: str
    start: datetime
    end: datetime
    host_email: str | None = None
    title: str | None = None
    number: str | None = None
    total: int | None = None
    listed: bool = True

    @property
    def window(self) -> Window:
        """From start to end, never empty."""
        return Window(self.start, max(self.end, self.start + timedelta(seconds=1)))


def attendees_of_site(site: str, span: Span) -> Work:
    """Attendees of a whole site in one span."""
    return Work(
        key=span.key or f"attendees {site} {stamp(span.window.start)}",
        endpoint=ATTENDEES,
        site_url=site,
        window=span.window,
        settled=span.settled,
        query=(("siteUrl", site),),
        spans=(span.asked,),
        shared=f"attendees {site}",
        whole_site=True,
    )


def attendees_narrowed(site: str, name: str, value: str, *, window: Window, spans: Sequence[Span]) -> Work:
    """Attendees of the meetings one parameter names, in all spans of a window."""
    return Work(
        key=f"attendees {site} {name}={_named(name, value)} {stamp(window.start)} {stamp(window.end)}",
        endpoint=ATTENDEES,
        site_url=site,
        window=window if name == "meetingId" else None,
        settled=all(span.settled for span in spans),
        query=(("siteUrl", site), (name, value)),
        spans=tuple(span.asked for span in spans),
        meeting_id=value if name == "meetingId" else None,
    )


def attendees_of_meeting(meeting: Seen, horizon: Horizon) -> Work:
    """Attendees of one meeting, where a whole site may not be asked."""
    start = max(meeting.start - MARGIN, horizon.earliest)
    end = min(meeting.end + MARGIN, horizon.latest)
    return Work(
        key=f"attendees {meeting.site_url} meeting {meeting.meeting_id}",
        endpoint=ATTENDEES,
        site_url=meeting.site_url,
        window=meeting.window,
        settled=meeting.end <= horizon.settled,
        query=(("siteUrl", meeting.site_url), ("meetingId", meeting.meeting_id)),
        spans=Window(start, max(end, start + timedelta(seconds=1))).split(_LONGEST_REPORT),
        meeting_id=meeting.meeting_id,
    )


def usage(site: str, service_type: str, span: Span) -> Work:
    """Meetings of one service type in one span."""
    return Work(
        key=span.key or f"usage {site} {service_type} {stamp(span.window.start)}",
        endpoint=USAGE,
        site_url=site,
        window=span.window,
        settled=span.settled,
        query=(("siteUrl", site), ("serviceType", service_type)),
        spans=(span.asked,),
        service_type=service_type,
        shared=f"usage {site} {service_type}",
    )


def participants(meeting: Seen, horizon: Horizon, *, host_email: str | None) -> Work:
    """Everybody who joined one meeting; the bounds lie a day outside it, so that nobody is too late for the default.

    Asked in the name of a host who may be another one's, a meeting may come empty though people were there.
    """
    joined = _joined(meeting)
    key = f"participants {meeting.site_url} {meeting.meeting_id}"
    guessed = _guessed(meeting, host_email)
    return Work(
        key=key,
        endpoint=PARTICIPANTS,
        site_url=meeting.site_url,
        window=meeting.window,
        settled=meeting.end <= horizon.settled,
        query=(("meetingId", meeting.meeting_id), *_host(host_email)),
        spans=(joined,),
        span_names=("joinTimeFrom", "joinTimeTo"),
        meeting_id=meeting.meeting_id,
        apart=key + guessed if guessed else None,
    )


def participants_by_email(meeting: Seen, horizon: Horizon, *, emails: Iterable[str], host_email: str | None) -> Work:
    """Named people in one meeting; the unit covers neither meeting nor span, because it leaves out the others."""
    wanted = tuple(sorted(set(emails)))
    people = f"{PEOPLE}{_digest(chr(10).join(wanted))}{_guessed(meeting, host_email)}"
    return Work(
        key=f"participants {meeting.site_url} {meeting.meeting_id}{people}",
        endpoint=PARTICIPANTS_BY_EMAIL,
        site_url=meeting.site_url,
        window=None,
        settled=meeting.end <= horizon.settled,
        query=(("meetingId", meeting.meeting_id), *_host(host_email)),
        spans=(_joined(meeting),),
        emails=wanted,
    )


def invitees(meeting: Seen, horizon: Horizon) -> Work:
    """Everybody who was invited to one meeting."""
    return Work(
        key=f"invitees {meeting.site_url} {meeting.meeting_id}",
        endpoint=INVITEES,
        site_url=meeting.site_url,
        window=meeting.window,
        settled=meeting.end <= horizon.settled,
        query=(("meetingId", meeting.meeting_id),),
        meeting_id=meeting.meeting_id,
    )


def series_settings(site: str, window: Window, *, host_email: str | None) -> Work:
    """Settings of a host's series on a site, of the token's own without a host; they change, so each run asks."""
    host = "own" if host_email is None else _digest(host_email)
    return Work(
        key=f"settings {site} {host}",
        endpoint=MEETINGS,
        site_url=site,
        window=window,
        settled=False,
        query=(("meetingType", "meetingSeries"), ("siteUrl", site), *_host(host_email)),
        spans=(window,),
    )


def sites() -> Work:
    """The sites the token may read."""
    return Work(key="sites", endpoint=SITES, site_url=None, window=None, settled=False)


def chunks(emails: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The addresses, fifty a request."""
    return tuple(tuple(emails[start : start + EMAILS_A_REQUEST]) for start in range(0, len(emails), EMAILS_A_REQUEST))


def email_body(emails: Sequence[str], joined: Window) -> JsonValue:
    """The body of a query for people."""
    return {"emails": list(emails), "joinTimeFrom": stamp(joined.start), "joinTimeTo": stamp(joined.end)}


def stamp(moment: datetime) -> str:
    """A time as requests write it: whole seconds and `Z`."""
    return dated(moment, "%Y-%m-%dT%H:%M:%SZ")


def _joined(meeting: Seen) -> Window:
    start = (meeting.start - MARGIN).replace(microsecond=0)
    end = min((meeting.end + MARGIN).replace(microsecond=0), start + _LONGEST_JOIN)
    return Window(start, end)


def _host(host_email: str | None) -> Pairs:
    return () if host_email is None else (("hostEmail", host_email),)


def _named(name: str, value: str) -> str:
    """The value as a key shows it; titles are written by people and stay out of the manifest's keys."""
    return _digest(value) if name == "meetingTitle" else value


def _guessed(meeting: Seen, host_email: str | None) -> str:
    """What the key of a question says of the host in whose name it is asked; nothing where the host is known."""
    return "" if host_email is None or meeting.host_email is not None else f"{HOST}{_digest(host_email)}"


def _digest(text: str) -> str:
    """What stands for a text that stays out of keys."""
    return sha256(text.encode()).hexdigest()[:16]
