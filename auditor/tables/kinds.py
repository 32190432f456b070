"""The kinds of records Webex sends and operators import, field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from auditor.tables import schema
from auditor.tables.record import Child, Field, Form, Kind


def _field(name: str, form: Form = Form.TEXT, *, column: str | None = None) -> Field:
    return Field(name, column or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(), form)


def _texts(names: str) -> tuple[Field, ...]:
    return tuple(_field(name) for name in names.split())


def _of(form: Form, names: str) -> tuple[Field, ...]:
    return tuple(_field(name, form) for name in names.split())


def _also(names: str) -> frozenset[str]:
    return frozenset(names.split())


_ATTENDEES = Kind(
    "attendees",
    schema.ATTENDEES,
    (
        *_texts("meetingId meetingTitle displayName ipAddress clientAgent company phoneNumber"),
        *_texts("address1 address2 city country zipCode"),
        _field("meetingNumber", Form.NUMBER),
        _field("email", Form.EMAIL),
        *_of(Form.TIME, "joinedTime leftTime"),
        _field("duration", Form.MINUTES),
        *_of(Form.LOWER, "siteUrl participantType state"),
        *_of(Form.FLAG, "registered invited"),
    ),
    site=True,
)

_DEVICES = Child(
    "devices",
    schema.DEVICES,
    (
        *_texts("correlationId phoneNumber"),
        *_of(Form.LOWER, "deviceType audioType callType"),
        *_of(Form.TIME, "joinedTime leftTime"),
        _field("durationSecond", Form.SECONDS, column="duration"),
    ),
    ("participant_id", "meeting_id", "site_url", "email", "display_name"),
)

_BREAKOUTS = Child(
    "breakoutSessionsAttended",
    schema.BREAKOUTS,
    (_field("id", column="breakout_session_id"), _field("name"), *_of(Form.TIME, "joinedTime leftTime")),
    ("participant_id", "meeting_id", "site_url", "email"),
)

_PARTICIPANTS = Kind(
    "participants",
    schema.PARTICIPANTS,
    (
        _field("id", column="participant_id"),
        *_texts("orgId displayName breakoutSessionId meetingId sourceId"),
        *_of(Form.FLAG, "host coHost spaceModerator invitee muted"),
        *_of(Form.EMAIL, "email hostEmail"),
        *_of(Form.TIME, "meetingStartTime joinedTime leftTime"),
        *_of(Form.LOWER, "siteUrl video state"),
    ),
    (_DEVICES, _BREAKOUTS),
    site=True,
)

_USAGE = Kind(
    "usage",
    schema.MEETINGS,
    (
        *_texts("meetingId hostDisplayName"),
        _field("meetingNumber", Form.NUMBER),
        _field("meetingTitle", column="title"),
        _field("start", Form.TIME, column="start_time"),
        _field("end", Form.TIME, column="end_time"),
        _field("duration", Form.MINUTES),
        _field("hostEmail", Form.EMAIL),
        *_of(Form.LOWER, "siteUrl scheduledType serviceType"),
        *_of(Form.COUNT, "totalParticipants totalInvitee peakAttendee totalRegistered"),
        *_of(Form.COUNT, "totalParticipantsVoip totalParticipantsCallIn totalParticipantsCallOut"),
        *_of(Form.COUNT, "totalCallOutDomestic totalCallOutInternational"),
        _field("trackingCodes", Form.CODES),
    ),
    site=True,
)

_INVITEES = Kind(
    "invitees",
    schema.INVITEES,
    (_field("meetingId"), _field("email", Form.EMAIL), *_of(Form.FLAG, "coHost panelist")),
    also=_also("id displayName"),
)

_PEOPLE = Kind(
    "people",
    schema.PEOPLE,
    (
        _field("emails", Form.EMAILS, column="email"),
        *_texts("displayName department type"),
        _field("loginEnabled", Form.FLAG),
        *_of(Form.TIME, "lastActivity created"),
        _field("aliases", Form.ALIASES),
    ),
)

_SETTINGS = Kind(
    "settings",
    schema.SETTINGS,
    (
        _field("id", column="meeting_id"),
        _field("title"),
        _field("hostEmail", Form.EMAIL),
        *_of(Form.FLAG, "enabledJoinBeforeHost publicMeeting excludePassword enableAutomaticLock"),
        *_of(Form.FLAG, "enabledAutoRecordMeeting allowAnyUserToBeCoHost"),
        _field("registration", Form.PRESENT),
        _field("unlockedMeetingJoinSecurity", Form.OPEN),
        _field("scheduledType", Form.LOWER),
    ),
    also=_also(
        "meetingSeriesId scheduledMeetingId meetingNumber agenda meetingType state timezone start end hostUserId"
        " hostDisplayName siteUrl webLink trackingCodes"
    ),
)

_SIGN_INS = Kind(
    "sign_ins",
    schema.SIGN_INS,
    (
        _field("actorEmail", Form.EMAIL, column="email"),
        _field("created", Form.TIME),
        _field("actorIp", column="ip_address"),
        _field("actorUserAgent", column="user_agent"),
        _field("actionText", column="action"),
    ),
    inside="data",
)

_ADMIN_CHANGES = Kind(
    "admin_changes",
    schema.ADMIN_CHANGES,
    (
        _field("created", Form.TIME),
        _field("actorEmail", Form.EMAIL, column="email"),
        _field("eventCategory", column="category"),
        _field("targetName", column="target"),
        _field("actionText", column="description"),
    ),
    inside="data",
)

_RECORDINGS = Kind(
    "recordings",
    schema.RECORDINGS,
    (
        _field("meetingId"),
        _field("hostEmail", Form.EMAIL),
        _field("createTime", Form.TIME, column="created"),
        _field("status"),
        _field("durationSeconds", Form.SECONDS, column="duration"),
    ),
    also=_also("id siteUrl serviceType hostDisplayName topic timeRecorded"),
)

_RECORDING_ACCESS = Kind(
    "recording_access",
    schema.RECORDING_ACCESS,
    (
        *_texts("recordingId meetingId"),
        _field("email", Form.EMAIL),
        _field("accessTime", Form.TIME, column="accessed_at"),
        *_of(Form.FLAG, "viewed downloaded"),
    ),
)

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            _ATTENDEES,
            _PARTICIPANTS,
            _USAGE,
            _INVITEES,
            _PEOPLE,
            _SETTINGS,
            _SIGN_INS,
            _ADMIN_CHANGES,
            _RECORDINGS,
            _RECORDING_ACCESS,
        )
    }
)
"""Each kind of record by its name, which is also the `endpoint` of units that collect it."""
