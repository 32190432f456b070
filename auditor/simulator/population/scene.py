"""The story while it is written: a calendar without clashes, and sessions that can still be changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from auditor.simulator.population.cast import DOMAIN, OFFICE, Cast
from auditor.simulator.population.dice import Dice
from auditor.simulator.population.model import Label, Line, Person, Presence, Session, Stay

FIRST_HOUR = 6
SLOTS = 9
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
OFFICE_SHARE = 0.6


class Scene:
    """The sessions of one company over some days, each in an hour of its own for everybody in it.

    A day has nine hours from 06:00 UTC, working days only; a session ends before its hour does, so nobody is in two
    at once unless somebody plants it.
    """

    def __init__(self, cast: Cast, dice: Dice, *, first: datetime, days: int) -> None:
        self.cast = cast
        self.dice = dice
        self.days = [day for offset in range(days) if (day := first + timedelta(days=offset)).weekday() < 5]
        self.sessions: dict[str, Session] = {}
        self.labels: list[Label] = []
        self._busy: set[tuple[str, int, int]] = set()
        self._numbers: Counter[str] = Counter()

    def meet(
        self,
        unit: str,
        title: str,
        host: Person,
        members: Iterable[Person],
        *,
        day: int,
        slot: int,
        minutes: int = 40,
        series: str | None = None,
        invited: bool = True,
        showing: float = 1.0,
        webinar: bool = False,
        quiet: bool = False,
        tracking: tuple[tuple[str, str], ...] = (),
    ) -> str:
        """The key of a new session at the asked hour or the next one at which everybody is free.

        `showing` is the share of members who come; all of them count as invited when `invited`. In a `quiet` one
        everybody joins once.
        """
        guests = list(members)
        chosen_day, chosen_slot = self._free([host, *guests], day=day, slot=slot)
        self._numbers[unit] += 1
        key = f"{unit}-{self._numbers[unit]:03d}"
        dice = self.dice.child(key)
        start = self.days[chosen_day] + timedelta(hours=FIRST_HOUR + chosen_slot, minutes=dice.pick((0, 0, 5)))
        session = Session(
            key,
            unit,
            series or key,
            title,
            start,
            timedelta(minutes=min(minutes, 45)),
            host,
            (),
            len(guests) + 1 if invited else 0,
            webinar=webinar,
            tracking=tracking,
        )
        coming = [person for person in guests if dice.child(person.key).chance(showing)]
        present = [
            self.presence(session, person, host=person is host, invited=invited, quiet=quiet)
            for person in (host, *coming)
        ]
        if webinar:
            present = [replace(each, registered=True) for each in present]
        self.sessions[key] = replace(session, presences=tuple(present))
        for person in (host, *guests):
            self._busy.add((person.key, chosen_day, chosen_slot))
        return key

    def presence(
        self, session: Session, person: Person, *, host: bool = False, invited: bool | None = True, quiet: bool = True
    ) -> Presence:
        """How an ordinary person attends: on time or a little late, to the end or nearly; now and then in two joins."""
        dice = self.dice.child(f"{session.key}/{person.key}")
        length = int(session.length.total_seconds())
        if host:
            joined = session.start - dice.between(30, 150) * SECOND
            left = session.end + dice.between(0, 60) * SECOND
        else:
            joined = session.start + dice.between(-25, max(20, length // 14)) * SECOND
            left = session.end - dice.between(0, max(15, length // 18)) * SECOND
        line = self.line(session, person)
        whole = Stay(joined, left, line)
        if host or quiet or not dice.chance(0.16):
            return Presence(person, (whole,), host=host, invited=invited)
        if dice.chance(0.15) and (person.email or "").endswith(DOMAIN):
            second = replace(
                whole, joined=joined + 2 * MINUTE, line=replace(person.mobile, ip=line.ip), audio="inactive"
            )
            return Presence(person, (whole, second), invited=invited)
        pause = joined + dice.between(length // 4, length // 2) * SECOND
        back = pause + dice.between(15, 70) * SECOND
        other = person.mobile if dice.chance(0.3) else line
        return Presence(person, (replace(whole, left=pause), replace(whole, joined=back, line=other)), invited=invited)

    def line(self, session: Session, person: Person) -> Line:
        """Where the person works that day: in the office behind its one address, or at home."""
        if not (person.email or "").endswith(f"@{DOMAIN}"):
            return person.home
        day = session.start.date().isoformat()
        in_office = self.dice.child(f"place/{person.key}/{day}").chance(OFFICE_SHARE)
        return replace(person.home, ip=OFFICE) if in_office else person.home

    def add(self, key: str, *presences: Presence) -> None:
        """These people were there, too; the invited ones among them count as invitations."""
        session = self.sessions[key]
        more = sum(1 for each in presences if each.invited)
        self.sessions[key] = replace(
            session,
            presences=session.presences + presences,
            invitees=session.invitees + more if session.invitees else 0,
        )

    def change(self, key: str, person: Person, change: Callable[[Presence], Presence]) -> None:
        """The person's presence in a session is another one."""
        session = self.sessions[key]
        if all(each.person.key != person.key for each in session.presences):
            raise ValueError(f"{person.key} is not in {key}")
        self.sessions[key] = replace(
            session,
            presences=tuple(change(each) if each.person.key == person.key else each for each in session.presences),
        )

    def label(self, behaviour: str, kind: str, subject: str, *sessions: str) -> None:
        """Remember what was done on purpose."""
        self.labels.append(Label(behaviour, kind, subject, sessions))

    def of_unit(self, unit: str) -> Sequence[Session]:
        """The sessions of a unit, earliest first."""
        return sorted((each for each in self.sessions.values() if each.unit == unit), key=lambda each: each.start)

    def hour_of(self, session: Session) -> tuple[int, int]:
        """Day and hour of a session, as `meet` counts them."""
        day = next(rank for rank, day in enumerate(self.days) if day.date() == session.start.date())
        return day, session.start.hour - FIRST_HOUR

    def is_free(self, person: Person, *, day: int, slot: int) -> bool:
        """True when the person is expected nowhere in that hour."""
        return (person.key, day, slot) not in self._busy

    def _free(self, people: Sequence[Person], *, day: int, slot: int) -> tuple[int, int]:
        """The first hour from the asked one at which nobody of them has another session; round to the first day."""
        total = len(self.days) * SLOTS
        for offset in range(total):
            index = (day * SLOTS + slot + offset) % total
            candidate = divmod(index, SLOTS)
            if all((person.key, *candidate) not in self._busy for person in people):
                return candidate
        raise ValueError("the calendar is full: more days or fewer people are needed")
