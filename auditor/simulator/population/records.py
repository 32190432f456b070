"""Sessions as the records the API would answer with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from auditor.frozen import dataclass
from auditor.simulator.population.cast import BOARD
from auditor.simulator.population.dice import Dice
from auditor.simulator.population.model import Line, Person, Presence, Session, Stay
from auditor.simulator.times import written
from auditor.simulator.wire import Json, Record


@dataclass(frozen=True, slots=True)
class Clerk:
    """Writes the records of one site; ids follow from the dice's seed."""

    site_url: str
    dice: Dice

    def meeting_id(self, session: Session) -> str:
        """The instance id: the series' hex digits, `_I_`, the instance's number."""
        return f"{self.dice.hexadecimal(f'series/{session.series}')}_I_{self.dice.digits(f'id/{session.key}', 18)}"

    def number(self, session: Session) -> str:
        """The meeting number, the same for every instance of a series."""
        return f"25{self.dice.digits(f'number/{session.series}', 9)}"

    def attendees(self, session: Session) -> Iterator[Record]:
        """One row a join."""
        for presence in session.presences:
            if presence.reported:
                for stay in presence.stays:
                    if stay.row:
                        yield self._attendee(session, presence, stay)

    def participants(self, session: Session) -> Iterator[Record]:
        """One record a person, its joins as devices."""
        for presence in session.presences:
            if presence.recorded:
                yield self._participant(session, presence)

    def usage(self, session: Session) -> Record:
        """The totals; they count the people of the attendee rows."""
        start, end = span(session)
        rows = [
            (presence, stay)
            for presence in session.presences
            if presence.reported
            for stay in presence.stays
            if stay.row
        ]
        voip, call_in, call_out = (_with_audio(session, *kind) for kind in _AUDIO)
        people = {presence.person.key for presence, _ in rows}
        record: Record = {
            "meetingId": self.meeting_id(session),
            "meetingNumber": self.number(session),
            "meetingTitle": session.title,
            "start": written(start),
            "end": written(end),
            "duration": _minutes(end - start),
            "scheduledType": "webinar" if session.webinar else "meeting",
            "hostDisplayName": session.host.name,
            "hostEmail": session.host.email or "",
            "totalPeopleMinutes": sum(_minutes(stay.left - stay.joined) for _, stay in rows),
            "totalCallInMinutes": _total_minutes(call_in),
            "totalCallOutDomestic": _total_minutes(call_out),
            "totalCallInTollFreeMinutes": 0,
            "totalCallOutInternational": 0,
            "totalVoipMinutes": _total_minutes(voip),
            "totalParticipants": len(people) + session.extra_people,
            "totalParticipantsVoip": len({presence.person.key for presence, _ in voip}),
            "totalParticipantsCallIn": len({presence.person.key for presence, _ in call_in}),
            "totalParticipantsCallOut": len({presence.person.key for presence, _ in call_out}),
            "peakAttendee": _peak(stay for _, stay in rows),
            "totalRegistered": sum(1 for presence in session.presences if presence.registered),
            "totalInvitee": session.invitees,
            "serviceType": "EventCenter" if session.webinar else "MeetingCenter",
        }
        if session.tracking:
            codes: list[Json] = [{"name": name, "value": value} for name, value in session.tracking]
            record["trackingCodes"] = codes
        return record

    def person(self, person: Person) -> Record:
        """The directory's record of a colleague."""
        emails: list[Json] = [person.email]
        return {
            "id": self.dice.uuid(f"person/{person.key}"),
            "emails": emails,
            "displayName": person.name,
            "department": person.team,
            "title": "Director" if person.team == BOARD else "Associate",
            "orgId": self.dice.uuid("organisation"),
            "created": "2024-02-01T08:00:00.000Z",
            "type": "person",
            "loginEnabled": True,
            "invitePending": False,
        }

    def _attendee(self, session: Session, presence: Presence, stay: Stay) -> Record:
        person = presence.person
        record: Record = {
            "meetingId": self.meeting_id(session),
            "meetingNumber": self.number(session),
            "meetingTitle": session.title,
            "displayName": person.name,
        }
        if person.email is not None:
            record["email"] = person.email
        record |= {
            "joinedTime": written(stay.joined),
            "leftTime": written(stay.left),
            "duration": _minutes(stay.left - stay.joined) if stay.minutes is None else stay.minutes,
            "participantType": "host" if presence.host else "attendee",
        }
        if stay.line.ip is not None:
            record["ipAddress"] = stay.line.ip
        if stay.line.agent is not None:
            record["clientAgent"] = stay.line.agent
        if stay.number is not None:
            record["phoneNumber"] = stay.number
        record |= dict(person.profile)
        if presence.invited is not None:
            record |= {"registered": presence.registered, "invited": presence.invited}
        return record

    def _participant(self, session: Session, presence: Presence) -> Record:
        person, meeting_id = presence.person, self.meeting_id(session)
        key = f"{session.key}/{person.key}"
        record: Record = {
            "id": f"{meeting_id.partition('_I_')[0]}_{self.dice.uuid(key)}",
            "host": presence.host,
            "coHost": presence.co_host,
        }
        if person.email is not None:
            record["email"] = person.email
        record["displayName"] = person.name
        if presence.invited is not None:
            record["invitee"] = presence.invited
        record |= {
            "muted": not presence.host,
            "video": "on" if _has_video(presence.stays[0].line) else "off",
            "state": "end",
            "meetingStartTime": written(span(session)[0]),
            "joinedTime": written(min(stay.joined for stay in presence.stays)),
            "leftTime": written(max(stay.left for stay in presence.stays)),
            "siteUrl": self.site_url,
            "meetingId": meeting_id,
            "hostEmail": session.host.email or "",
            "devices": [self._device(f"{key}/{rank}", stay) for rank, stay in enumerate(presence.stays)],
        }
        if presence.breakouts:
            record["breakoutSessionsAttended"] = [
                {
                    "id": visit.id,
                    "name": visit.name,
                    "joinedTime": written(visit.joined),
                    "leftTime": written(visit.left),
                }
                for visit in presence.breakouts
            ]
        return record

    def _device(self, key: str, stay: Stay) -> Record:
        device: Record = {
            "correlationId": self.dice.uuid(f"join/{key}"),
            "deviceType": stay.line.device,
            "audioType": stay.audio,
            "joinedTime": written(stay.joined).replace("Z", ".000Z"),
            "leftTime": written(stay.left).replace("Z", ".000Z"),
            "durationSecond": stay.seconds,
        }
        if stay.call is not None:
            device["callType"] = stay.call
        if stay.number is not None:
            device["phoneNumber"] = stay.number
        return device


_AUDIO = (("voip", None), ("pstn", "callIn"), ("pstn", "callBack"))


def span(session: Session) -> tuple[datetime, datetime]:
    """When the session really began and ended: its first join and last leaving, else as planned."""
    stays = [stay for presence in session.presences for stay in presence.stays]
    if not stays:
        return session.start, session.end
    return min(stay.joined for stay in stays), max(stay.left for stay in stays)


def _with_audio(session: Session, audio: str, call: str | None) -> list[tuple[Presence, Stay]]:
    return [
        (presence, stay)
        for presence in session.presences
        for stay in presence.stays
        if stay.audio == audio and stay.call == call
    ]


def _total_minutes(stays: Iterable[tuple[Presence, Stay]]) -> int:
    return sum(_minutes(stay.left - stay.joined) for _, stay in stays)


def _minutes(length: timedelta) -> int:
    """Whole minutes, rounded half up, at least one: how the report writes durations."""
    return max(1, int(length.total_seconds() + 30) // 60)


def _peak(stays: Iterable[Stay]) -> int:
    """Most joins at one moment."""
    edges = sorted(edge for stay in stays for edge in ((stay.joined, 1), (stay.left, -1)))
    highest = present = 0
    for _, step in edges:
        present += step
        highest = max(highest, present)
    return highest


def _has_video(line: Line) -> bool:
    return line.agent is not None and line.agent.endswith(("Webex", "Safari"))
