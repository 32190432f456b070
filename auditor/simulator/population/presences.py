"""Ways of attending that are out of the ordinary, as changes of an ordinary presence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from auditor.simulator.population.model import Line, Person, Presence, Session, Stay

TELEPHONE = Line(None, None, "telephone")


def on_line(presence: Presence, line: Line) -> Presence:
    """The same presence from another address or client."""
    return replace(presence, stays=tuple(replace(stay, line=line) for stay in presence.stays))


def from_to(presence: Presence, first: timedelta, last: timedelta, *, session: Session) -> Presence:
    """One join, from `first` to `last` after the planned start."""
    stay = replace(presence.stays[0], joined=session.start + first, left=session.start + last)
    return replace(presence, stays=(stay,))


def in_pieces(presence: Presence, pieces: list[tuple[timedelta, timedelta]], *, session: Session) -> Presence:
    """Several joins, each from and to so long after the planned start."""
    stays = tuple(
        replace(presence.stays[0], joined=session.start + first, left=session.start + last) for first, last in pieces
    )
    return replace(presence, stays=stays)


def by_own_telephone(presence: Presence, call: str) -> Presence:
    """A web attendee whose audio is a telephone that Webex knows to be theirs."""
    web = presence.stays[0]
    leg = Stay(web.joined + timedelta(seconds=20), web.left, TELEPHONE, "pstn", call, presence.person.phone, row=False)
    return replace(presence, stays=(replace(web, audio="inactive"), leg))


def caller(session: Session, name: str, number: str, *, after: timedelta, until: timedelta) -> Presence:
    """Somebody who is nothing but a telephone: no e-mail, no address, no client, never on the list of invited."""
    person = Person(name, None, TELEPHONE, TELEPHONE)
    stay = Stay(session.start + after, session.start + until, TELEPHONE, "pstn", "callIn", number)
    return Presence(person, (stay,), invited=None)


def stranger(session: Session, person: Person, *, after: timedelta, until: timedelta) -> Presence:
    """Somebody of whom Webex does not say whether they were invited."""
    stay = Stay(session.start + after, session.start + until, person.home)
    return Presence(person, (stay,), invited=None)
