"""Times as Webex writes and reads them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from auditor.simulator.wire import Json, Record, Refusal

UNKNOWN_TIME = "1970-01-01T00:00:00.000Z"
_NESTED = ("devices", "breakoutSessionsAttended")


def written(moment: datetime) -> str:
    """The moment in UTC, whole seconds and `Z`.

    >>> written(datetime(2026, 9, 1, 8, 30, tzinfo=UTC))
    '2026-09-01T08:30:00Z'
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(value: Json) -> datetime | None:
    """The moment a record's time field names; None when it is absent, unknown or no time."""
    if not isinstance(value, str) or value == UNKNOWN_TIME:
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def zone_named(name: str | None) -> ZoneInfo:
    """The zone of a `timezone` header; UTC without one."""
    try:
        return ZoneInfo("UTC" if name is None else name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refusal(400, f"The time zone '{name}' is not an IANA time zone.") from None


def asked(text: str, name: str, *, zone: ZoneInfo) -> datetime:
    """The moment a request's parameter names; without an offset it is read in `zone`."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(400, f"'{name}' must be an ISO 8601 date and time.") from None
    return (read.replace(tzinfo=zone) if read.tzinfo is None else read).astimezone(UTC)


def in_zone(record: Record, fields: Iterable[str], *, zone: ZoneInfo) -> Record:
    """The record with its times written in the zone's offset; unknown times stay as they are."""
    names = frozenset(fields)
    shifted: Record = {}
    for name, value in record.items():
        if name in names:
            shifted[name] = _shifted(value, zone)
        elif name in _NESTED and isinstance(value, list):
            shifted[name] = [in_zone(each, names, zone=zone) if isinstance(each, dict) else each for each in value]
        else:
            shifted[name] = value
    return shifted


def _shifted(value: Json, zone: ZoneInfo) -> Json:
    read = moment(value)
    return value if read is None else read.astimezone(zone).isoformat(timespec="seconds")
