"""A site without surprises, for tests and benchmarks: every meeting lasts an hour and has the same people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from auditor.frozen import dataclass
from auditor.simulator.site import Site
from auditor.simulator.times import written
from auditor.simulator.wire import Record

REGULAR_NOW = datetime(2026, 10, 5, 6, tzinfo=UTC)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Regular:
    """The records of `meetings` meetings with `people` people each.

    Meeting 0 starts two days before `now`, each further one `apart` earlier; person i joins i minutes after the
    start (at most 59), all stay to the end. Person 0 hosts; person 1 calls in by telephone.
    """

    meetings: int = 5
    people: int = 5
    now: datetime = REGULAR_NOW
    apart: timedelta = timedelta(days=1)
    url: str = "example.webex.com"

    def site(self) -> Site:
        """The site with these records."""
        return Site(
            self.url,
            attendees=self.attendees(),
            usage=self.usage(),
            participants=self.participants(),
            now=self.now,
        )

    def start(self, meeting: int) -> datetime:
        """When a meeting starts."""
        return self.now - timedelta(days=2) - meeting * self.apart

    def meeting_id(self, meeting: int) -> str:
        """The instance id of a meeting."""
        return f"{meeting:032x}_I_{meeting:018d}"

    def usage(self) -> Iterator[Record]:
        """One usage record a meeting."""
        for meeting in range(self.meetings):
            start = self.start(meeting)
            yield {
                "meetingId": self.meeting_id(meeting),
                "meetingNumber": f"2550{meeting:07d}",
                "meetingTitle": f"Meeting {meeting}",
                "start": written(start),
                "end": written(start + _HOUR),
                "duration": 60,
                "scheduledType": "meeting",
                "hostDisplayName": "Person 0",
                "hostEmail": "p0@northbank.example",
                "totalParticipants": self.people,
                "totalInvitee": self.people,
                "serviceType": "MeetingCenter",
            }

    def attendees(self) -> Iterator[Record]:
        """One attendee row a person and meeting."""
        for meeting in range(self.meetings):
            for person in range(self.people):
                yield self.attendee(meeting, person)

    def attendee(self, meeting: int, person: int) -> Record:
        """The attendee row of one person in one meeting."""
        joined, left = self.stay(meeting, person)
        return {
            "meetingId": self.meeting_id(meeting),
            "meetingNumber": f"2550{meeting:07d}",
            "meetingTitle": f"Meeting {meeting}",
            "displayName": f"Person {person}",
            "email": f"p{person}@northbank.example",
            "joinedTime": written(joined),
            "leftTime": written(left),
            "duration": (left - joined) // timedelta(minutes=1),
            "participantType": "attendee" if person else "host",
            "ipAddress": f"192.0.2.{person % 250 + 1}",
            "clientAgent": "WINDOWS,Webex",
            "registered": False,
            "invited": True,
        }

    def participants(self) -> Iterator[Record]:
        """One participant record with one device a person and meeting."""
        for meeting in range(self.meetings):
            for person in range(self.people):
                joined, left = self.stay(meeting, person)
                device: Record = {
                    "correlationId": f"{meeting:08x}-0000-4000-8000-{person:012x}",
                    "deviceType": "webex_meeting_center_windows",
                    "audioType": "voip",
                    "joinedTime": written(joined).replace("Z", ".000Z"),
                    "leftTime": written(left).replace("Z", ".000Z"),
                    "durationSecond": (left - joined) // timedelta(seconds=1),
                }
                if person == 1:
                    device |= {"audioType": "pstn", "callType": "callIn", "phoneNumber": "12025550101"}
                yield {
                    "id": f"{meeting:032x}_{meeting:08x}-0000-4000-8000-{person:012x}",
                    "host": person == 0,
                    "coHost": False,
                    "email": f"p{person}@northbank.example",
                    "displayName": f"Person {person}",
                    "invitee": True,
                    "muted": True,
                    "video": "off",
                    "state": "end",
                    "meetingStartTime": written(self.start(meeting)),
                    "joinedTime": written(joined),
                    "leftTime": written(left),
                    "siteUrl": self.url,
                    "meetingId": self.meeting_id(meeting),
                    "hostEmail": "p0@northbank.example",
                    "devices": [device],
                }

    def stay(self, meeting: int, person: int) -> tuple[datetime, datetime]:
        """When a person joins a meeting and leaves it."""
        start = self.start(meeting)
        return start + timedelta(minutes=min(person, 59)), start + _HOUR
