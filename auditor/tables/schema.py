"""One `pl.Schema` a table, with the columns that identify a row and place it in time.

Column names are the API's field names in snake_case. `LINEAGE` ends every schema: `page`, the SHA-256 of
the decompressed page in 64 hex digits, and `item`, the index of the record in the page's `items`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from auditor.frozen import dataclass

TEXT = pl.String()
FLAG = pl.Boolean()
COUNT = pl.Int64()
TIME = pl.Datetime("us", "UTC")
SPAN = pl.Duration("us")
TEXTS = pl.List(pl.String())

LINEAGE = pl.Schema({"page": TEXT, "item": COUNT})


@dataclass(frozen=True, slots=True)
class Table:
    """What a table holds: `schema` with lineage, natural `key`, and the column that places a row in time.

    `time` is None for tables whose rows are always in the window. `key` columns compare nulls as equal. Where the
    `identifier` is null the `unnamed` columns join the key, so that people without an e-mail address and records
    without an id stay apart. `lasting` rows tell of other times than the one that places them: rules that look
    beyond the window see those after it, too.
    """

    name: str
    schema: pl.Schema
    key: tuple[str, ...]
    time: str | None
    optional: bool = False
    identifier: str | None = None
    unnamed: tuple[str, ...] = ()
    lasting: bool = False


def _table(
    name: str,
    columns: dict[str, pl.DataType],
    *,
    key: tuple[str, ...],
    time: str | None = "joined_time",
    optional: bool = False,
    unnamed: tuple[str, tuple[str, ...]] | None = None,
    lasting: bool = False,
) -> Table:
    identifier, others = unnamed or (None, ())
    return Table(name, pl.Schema({**columns, **LINEAGE}), key, time, optional, identifier, others, lasting)


def _texts(names: str) -> dict[str, pl.DataType]:
    return dict.fromkeys(names.split(), TEXT)


ATTENDEES = _table(
    "attendees",
    {
        **_texts("site_url meeting_id meeting_number meeting_title display_name email"),
        "joined_time": TIME,
        "left_time": TIME,
        "duration": SPAN,
        **_texts(
            "participant_type ip_address client_agent company phone_number"
            " address1 address2 city state country zip_code"
        ),
        "registered": FLAG,
        "invited": FLAG,
    },
    key=("site_url", "meeting_id", "email", "joined_time", "client_agent", "ip_address"),
    unnamed=("email", ("display_name",)),
)

PARTICIPANTS = _table(
    "participants",
    {
        **_texts("participant_id org_id"),
        "host": FLAG,
        "co_host": FLAG,
        "space_moderator": FLAG,
        **_texts("email display_name"),
        "invitee": FLAG,
        "muted": FLAG,
        "meeting_start_time": TIME,
        **_texts("video state breakout_session_id"),
        "joined_time": TIME,
        "left_time": TIME,
        **_texts("site_url meeting_id host_email source_id"),
    },
    key=("site_url", "meeting_id", "participant_id"),
    unnamed=("participant_id", ("email", "display_name", "joined_time")),
)

DEVICES = _table(
    "devices",
    {
        **_texts("participant_id meeting_id site_url email display_name correlation_id device_type audio_type"),
        "joined_time": TIME,
        "left_time": TIME,
        "duration": SPAN,
        **_texts("call_type phone_number"),
    },
    key=(
        *("site_url", "meeting_id", "participant_id", "correlation_id", "device_type", "audio_type", "joined_time"),
        *("left_time", "duration", "call_type", "phone_number"),
    ),
)

BREAKOUTS = _table(
    "breakouts",
    {
        **_texts("participant_id meeting_id site_url email breakout_session_id name"),
        "joined_time": TIME,
        "left_time": TIME,
    },
    key=("site_url", "meeting_id", "participant_id", "breakout_session_id", "joined_time", "left_time", "name"),
)

MEETINGS = _table(
    "meetings",
    {
        **_texts("site_url meeting_id meeting_number title"),
        "start_time": TIME,
        "end_time": TIME,
        "duration": SPAN,
        **_texts("host_email host_display_name scheduled_type service_type"),
        **dict.fromkeys(
            (
                "total_participants",
                "total_invitee",
                "peak_attendee",
                "total_registered",
                "total_participants_voip",
                "total_participants_call_in",
                "total_participants_call_out",
                "total_call_out_domestic",
                "total_call_out_international",
            ),
            COUNT,
        ),
        "tracking_codes": TEXTS,
    },
    key=("site_url", "meeting_id"),
    time="start_time",
    unnamed=("meeting_id", ("meeting_number", "title", "start_time")),
)

COLLECTIONS = _table(
    "collections",
    {
        **_texts("site_url endpoint"),
        "from_time": TIME,
        "to_time": TIME,
        "finished_at": TIME,
        "complete": FLAG,
        "rows": COUNT,
    },
    key=("site_url", "endpoint", "from_time", "to_time", "finished_at", "page"),
    time="finished_at",
    lasting=True,
)

PEOPLE = _table(
    "people",
    {
        **_texts("email display_name department type"),
        "login_enabled": FLAG,
        "last_activity": TIME,
        "created": TIME,
        "aliases": TEXTS,
    },
    key=("email",),
    time=None,
    optional=True,
    unnamed=("email", ("display_name",)),
)

INVITEES = _table(
    "invitees",
    {**_texts("meeting_id email"), "co_host": FLAG, "panelist": FLAG},
    key=("meeting_id", "email"),
    time=None,
    optional=True,
)

SIGN_INS = _table(
    "sign_ins",
    {"email": TEXT, "created": TIME, **_texts("ip_address user_agent action")},
    key=("email", "created", "ip_address", "user_agent", "action"),
    time="created",
    optional=True,
)

ADMIN_CHANGES = _table(
    "admin_changes",
    {"created": TIME, **_texts("email category target description")},
    key=("created", "email", "category", "target", "description"),
    time="created",
    optional=True,
)

SETTINGS = _table(
    "settings",
    {
        **_texts("meeting_id title host_email"),
        **dict.fromkeys(
            (
                "enabled_join_before_host",
                "unlocked_meeting_join_security",
                "public_meeting",
                "exclude_password",
                "enable_automatic_lock",
                "enabled_auto_record_meeting",
                "allow_any_user_to_be_co_host",
                "registration",
            ),
            FLAG,
        ),
        "scheduled_type": TEXT,
    },
    key=("meeting_id",),
    time=None,
    optional=True,
    unnamed=("meeting_id", ("title", "host_email")),
)

RECORDINGS = _table(
    "recordings",
    {**_texts("meeting_id host_email"), "created": TIME, "status": TEXT, "duration": SPAN},
    key=("meeting_id", "host_email", "created"),
    time="created",
    optional=True,
)

RECORDING_ACCESS = _table(
    "recording_access",
    {
        **_texts("recording_id meeting_id email"),
        "accessed_at": TIME,
        "viewed": FLAG,
        "downloaded": FLAG,
    },
    key=("recording_id", "email", "accessed_at"),
    time="accessed_at",
    optional=True,
)

TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table.name: table
        for table in (
            ATTENDEES,
            PARTICIPANTS,
            DEVICES,
            BREAKOUTS,
            MEETINGS,
            COLLECTIONS,
            PEOPLE,
            INVITEES,
            SIGN_INS,
            ADMIN_CHANGES,
            SETTINGS,
            RECORDINGS,
            RECORDING_ACCESS,
        )
    }
)
