"""People and sessions before they become records."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime, timedelta

from auditor.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody joins with: public address, client text of the attendee report, device type."""

    ip: str | None
    agent: str | None
    device: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who attends. `profile` is what the person typed when registering."""

    name: str
    email: str | None
    home: Line
    mobile: Line
    phone: str = ""
    team: str = ""
    profile: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """Who this is within a meeting: the e-mail, else the name."""
        return self.email or self.name


@dataclass(frozen=True, slots=True)
class Stay:
    """One join of one device. `row` is False for a device that is no row of its own in the attendee report.

    `minutes` is the duration the report claims, where it is not the one the times give.
    """

    joined: datetime
    left: datetime
    line: Line
    audio: str = "voip"
    call: str | None = None
    number: str | None = None
    row: bool = True
    minutes: int | None = None

    @property
    def seconds(self) -> int:
        """How long the device stayed."""
        return int((self.left - self.joined).total_seconds())


@dataclass(frozen=True, slots=True)
class Breakout:
    """One visit of a breakout session."""

    id: str
    name: str
    joined: datetime
    left: datetime


@dataclass(frozen=True, slots=True)
class Presence:
    """One person in one session. `invited` is None where Webex would not say.

    `reported` and `recorded`: the attendee report, the participant records know of it.
    """

    person: Person
    stays: tuple[Stay, ...]
    host: bool = False
    co_host: bool = False
    invited: bool | None = True
    registered: bool = False
    breakouts: tuple[Breakout, ...] = ()
    reported: bool = True
    recorded: bool = True


@dataclass(frozen=True, slots=True)
class Session:
    """One meeting instance. `start` and `length` are as planned; the record takes them from who was there.

    `invitees` is the number of invitations; `extra_people` is added to the usage report's total.
    """

    key: str
    unit: str
    series: str
    title: str
    start: datetime
    length: timedelta
    host: Person
    presences: tuple[Presence, ...]
    invitees: int
    webinar: bool = False
    tracking: tuple[tuple[str, str], ...] = ()
    extra_people: int = 0

    @property
    def end(self) -> datetime:
        """When it was planned to end."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Label:
    """What was done on purpose: the behaviour's name, whether it is a plant or a near-miss, on whom, where."""

    behaviour: str
    kind: str
    subject: str
    sessions: tuple[str, ...] = field(default=())
