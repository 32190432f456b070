"""Participants of one meeting, listed or asked for by e-mail."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from auditor.simulator.paging import body, page
from auditor.simulator.service import Service
from auditor.simulator.site import Meeting, Row
from auditor.simulator.times import asked, moment, written, zone_named
from auditor.simulator.wire import Answer, Json, Record, Refusal, Request

LARGEST_PAGE = 100
LONGEST_JOIN_SPAN = timedelta(days=90)
DEFAULT_JOIN_SPAN = timedelta(days=7)
MONTH = timedelta(days=30)
TIMES = ("meetingStartTime", "joinedTime", "leftTime")


def listed(service: Service, request: Request) -> Answer:
    """Participants of a running or ended meeting in order of joining, at most 100 a page."""
    zone = zone_named(request.headers.get("timezone"))
    start, end = _join_span(request.value("joinTimeFrom"), request.value("joinTimeTo"), now=service.now, zone=zone)
    meeting = _meeting(service, request, zone=zone)
    breakout = request.value("breakoutSessionId")
    rows = [
        row
        for row in _present(service, meeting)
        if start <= row.at < end and (breakout is None or _was_in(row.raw, breakout))
    ]
    fixed = {"joinTimeFrom": written(start), "joinTimeTo": written(end)}
    return page(service, request, rows, largest=LARGEST_PAGE, times=TIMES, zone=zone, fixed=fixed)


def queried(service: Service, request: Request) -> Answer:
    """Participants of a meeting whose e-mail is asked for; one answer, never paged."""
    zone = zone_named(request.headers.get("timezone"))
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "The request body must be application/json.")
    asked_for = _body(request)
    emails = asked_for.get("emails")
    if not isinstance(emails, list) or not emails or not all(isinstance(each, str) for each in emails):
        raise Refusal(400, "'emails' must be a list with at least one e-mail address.")
    wanted = {str(each).strip().lower() for each in emails}
    start, end = _join_span(
        _text(asked_for, "joinTimeFrom"), _text(asked_for, "joinTimeTo"), now=service.now, zone=zone
    )
    meeting = _meeting(service, request, zone=zone)
    rows = [
        row
        for row in _present(service, meeting)
        if start <= row.at < end and str(row.raw.get("email", "")).strip().lower() in wanted
    ]
    return Answer(200, body(rows, times=TIMES, zone=zone))


def _body(request: Request) -> Record:
    try:
        value: Json = json.loads(request.body)
    except ValueError:
        raise Refusal(400, "The request body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise Refusal(400, "The request body must be a JSON object.")
    return value


def _text(record: Record, name: str) -> str | None:
    value = record.get(name)
    if value is not None and not isinstance(value, str):
        raise Refusal(400, f"'{name}' must be an ISO 8601 date and time.")
    return value


def _join_span(first: str | None, last: str | None, *, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The asked span of join times; seven days where one bound is missing, the last seven where both are."""
    start = None if first is None else asked(first, "joinTimeFrom", zone=zone)
    end = None if last is None else asked(last, "joinTimeTo", zone=zone)
    if start is None:
        end = now if end is None else end
        start = end - DEFAULT_JOIN_SPAN
    end = start + DEFAULT_JOIN_SPAN if end is None else end
    if start > end:
        raise Refusal(400, "'joinTimeFrom' cannot be after 'joinTimeTo'.")
    if end - start > LONGEST_JOIN_SPAN:
        raise Refusal(400, "The interval between 'joinTimeFrom' and 'joinTimeTo' must be within 90 days.")
    return start, end


def _meeting(service: Service, request: Request, *, zone: ZoneInfo) -> Meeting:
    """The instance asked for; of a series the last one that started in the asked span."""
    asked_id = request.value("meetingId")
    if asked_id is None:
        raise Refusal(400, "'meetingId' is required.")
    first, last = request.value("meetingStartTimeFrom"), request.value("meetingStartTimeTo")
    start = None if first is None else asked(first, "meetingStartTimeFrom", zone=zone)
    end = None if last is None else asked(last, "meetingStartTimeTo", zone=zone)
    end = end or (service.now if start is None else min(start + MONTH, service.now))
    start = start or end - MONTH
    host = (request.value("hostEmail") or "").lower()
    found = [
        meeting
        for site in service.sites.values()
        for meeting in _named(site.meetings, asked_id, start=start, end=end)
        if meeting.start <= service.now and (not host or str(meeting.raw.get("hostEmail", "")).lower() == host)
    ]
    if not found:
        raise Refusal(404, f"The meeting '{asked_id}' could not be found.")
    return max(found, key=lambda meeting: meeting.start)


def _named(meetings: Mapping[str, Meeting], asked_id: str, *, start: datetime, end: datetime) -> Sequence[Meeting]:
    if "_I_" in asked_id:
        return [meetings[asked_id]] if asked_id in meetings else []
    return [each for each in meetings.values() if each.series == asked_id and start < each.start < end]


def _was_in(raw: Record, breakout: str) -> bool:
    attended = raw.get("breakoutSessionsAttended")
    return isinstance(attended, list) and any(
        isinstance(each, dict) and each.get("id") == breakout for each in attended
    )


def _present(service: Service, meeting: Meeting) -> Sequence[Row]:
    """Everyone who joined an ended meeting; of a running one who is present now, as far as is known by now."""
    rows = [row for site in service.sites.values() for row in site.participants.get(meeting.id, ())]
    if not service.behaviour.phone_numbers:
        rows = [_changed(row, _without_numbers(row.raw)) for row in rows]
    if meeting.end <= service.now:
        return rows
    return [
        _changed(row, _running(row.raw))
        for row in rows
        if row.at <= service.now and (moment(row.raw.get("leftTime")) or meeting.end) > service.now
    ]


def _changed(row: Row, raw: Record) -> Row:
    return Row(raw, at=row.at, start=row.start)


def _without_numbers(raw: Record) -> Record:
    devices = raw.get("devices")
    if not isinstance(devices, list):
        return raw
    seen: list[Json] = [
        {name: value for name, value in each.items() if name != "phoneNumber"} if isinstance(each, dict) else each
        for each in devices
    ]
    return {**raw, "devices": seen}


def _running(raw: Record) -> Record:
    """The record of somebody who is still there: state joined, no left time, no breakout sessions yet."""
    kept = {name: value for name, value in raw.items() if name not in {"leftTime", "breakoutSessionsAttended"}}
    devices = raw.get("devices")
    if isinstance(devices, list):
        kept["devices"] = [
            {name: value for name, value in each.items() if name not in {"leftTime", "durationSecond"}}
            if isinstance(each, dict)
            else each
            for each in devices
        ]
    return {**kept, "state": "joined", "orgId": "00000000-0000-4000-8000-000000000001"}
