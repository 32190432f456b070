"""The endpoints of Webex that are asked, as data.

Limits and scopes are those of the public API documents "Webex Meetings" and "Webex Admin". A limit of None
means that no document states one.
"""

from __future__ import annotations

from datetime import timedelta

from auditor.frozen import dataclass

PUBLIC_BASE = "https://webexapis.com/v1"

LOOKBACK = timedelta(days=90)
"""How far back reports are kept: `from` may not be earlier (API page of the attendee reports)."""

SERVICE_TYPES = ("MeetingCenter", "EventCenter", "SupportCenter", "TrainingCenter")
"""Every `serviceType` of the usage report, the default one first."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint: how it is asked, what it fills, which scopes open it.

    `largest` bounds `max`. `filters` are the parameters a next link must repeat unchanged. `tables` names what stays
    empty when it is refused.
    """

    name: str
    method: str
    path: str
    parameters: frozenset[str]
    scopes: tuple[str, ...]
    tables: tuple[str, ...]
    items: str = "items"
    largest: int | None = None
    zoned: bool = True

    @property
    def filters(self) -> frozenset[str]:
        """The parameters that say what is asked, all but the page size."""
        return self.parameters - {"max"}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ATTENDEES = Endpoint(
    name="attendees",
    method="GET",
    path="/meetingReports/attendees",
    parameters=_words("siteUrl meetingId meetingNumber meetingTitle from to max"),
    scopes=("meeting:admin_config_read",),
    tables=("attendees",),
    largest=1000,
)

USAGE = Endpoint(
    name="usage",
    method="GET",
    path="/meetingReports/usage",
    parameters=_words("siteUrl serviceType from to max"),
    scopes=("meeting:admin_config_read",),
    tables=("meetings",),
    largest=1000,
)

PARTICIPANTS = Endpoint(
    name="participants",
    method="GET",
    path="/meetingParticipants",
    parameters=_words(
        "meetingId breakoutSessionId meetingStartTimeFrom meetingStartTimeTo hostEmail joinTimeFrom joinTimeTo max"
    ),
    scopes=("meeting:admin_participants_read",),
    tables=("participants", "devices", "breakouts"),
    largest=100,
)

PARTICIPANTS_BY_EMAIL = Endpoint(
    name="participants",
    method="POST",
    path="/meetingParticipants/query",
    parameters=_words("meetingId meetingStartTimeFrom meetingStartTimeTo hostEmail"),
    scopes=("meeting:admin_participants_read",),
    tables=("participants", "devices", "breakouts"),
)

SITES = Endpoint(
    name="sites",
    method="GET",
    path="/meetingPreferences/sites",
    parameters=_words("userEmail siteUrl"),
    scopes=("meeting:admin_preferences_read",),
    tables=(),
    items="sites",
    zoned=False,
)

MEETINGS = Endpoint(
    name="settings",
    method="GET",
    path="/meetings",
    parameters=_words("meetingType state scheduledType from to hostEmail siteUrl max"),
    scopes=("meeting:admin_schedule_read",),
    tables=("settings",),
    largest=100,
)

INVITEES = Endpoint(
    name="invitees",
    method="GET",
    path="/meetingInvitees",
    parameters=_words("meetingId hostEmail panelist max"),
    scopes=("meeting:admin_schedule_read",),
    tables=("invitees",),
    largest=100,
    zoned=False,
)

ME = Endpoint(
    name="me",
    method="GET",
    path="/people/me",
    parameters=frozenset(),
    scopes=("spark:people_read",),
    tables=(),
    zoned=False,
)

SCOPES = (
    "meeting:admin_config_read",
    "meeting:admin_participants_read",
    "meeting:admin_schedule_read",
    "meeting:admin_preferences_read",
)
"""What an administrator's token needs for a complete collection."""
