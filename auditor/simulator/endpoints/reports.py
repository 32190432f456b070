"""Attendee and usage reports of a site."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from auditor.simulator.paging import page, page_size
from auditor.simulator.service import Service
from auditor.simulator.site import Asked, Row, Site
from auditor.simulator.times import asked, written, zone_named
from auditor.simulator.wire import Answer, Refusal, Request

LARGEST_PAGE = 1000
LONGEST = timedelta(days=30)
LOOK_BACK = timedelta(days=90)
DEFAULT_SPAN = timedelta(days=7)
SERVICE_TYPES = ("MeetingCenter", "EventCenter", "SupportCenter", "TrainingCenter")


def attendees(service: Service, request: Request) -> Answer:
    """Attendee rows of ended meetings, grouped by meeting, latest first."""
    site = service.site(request.value("siteUrl"))
    zone = zone_named(request.headers.get("timezone"))
    start, end = _span(request, now=service.now, zone=zone)
    page_size(request, largest=LARGEST_PAGE)
    meeting = _meeting_asked(request)
    if meeting is None and not service.behaviour.site_wide:
        raise Refusal(400, "At least one of 'meetingId', 'meetingNumber' or 'meetingTitle' must be specified.")
    by_start = service.behaviour.dated_by == "start"
    asked_for = Asked(start, _last(service, end), service.now, by_start, meeting)
    rows = service.listing(("attendees", site.url, asked_for), lambda: site.attendee_rows(asked_for))
    fixed = {"from": written(start), "to": written(end)}
    return page(service, request, rows, largest=LARGEST_PAGE, times=("joinedTime", "leftTime"), zone=zone, fixed=fixed)


def usage(service: Service, request: Request) -> Answer:
    """Usage records of ended meetings of one service type, latest start first."""
    site = service.site(request.value("siteUrl"))
    zone = zone_named(request.headers.get("timezone"))
    kind = request.value("serviceType") or SERVICE_TYPES[0]
    if kind not in SERVICE_TYPES:
        raise Refusal(400, f"'serviceType' must be one of {', '.join(SERVICE_TYPES)}.")
    start, end = _span(request, now=service.now, zone=zone)
    key = ("usage", site.url, kind, start, end, service.now)
    rows = service.listing(key, lambda: _usage_rows(service, site, kind, start=start, end=end))
    fixed = {"from": written(start), "to": written(end)}
    return page(service, request, rows, largest=LARGEST_PAGE, times=("start", "end"), zone=zone, fixed=fixed)


def _meeting_asked(request: Request) -> tuple[str, str] | None:
    """The first of the three meeting parameters that is given, with its value; the others are ignored."""
    for name in ("meetingId", "meetingNumber", "meetingTitle"):
        value = request.value(name)
        if value is None:
            continue
        if name == "meetingId" and "_I_" not in value:
            raise Refusal(400, "'meetingId' must be the ID of an ended meeting instance.")
        return name, value
    return None


def _span(request: Request, *, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The asked span with its defaults; refused when turned round, too long or too far back."""
    first, last = request.value("from"), request.value("to")
    end = None if last is None else asked(last, "to", zone=zone)
    if first is not None:
        start = asked(first, "from", zone=zone)
        end = start + DEFAULT_SPAN if end is None else end
    else:
        end = now if end is None else end
        start = end - DEFAULT_SPAN
    if start > end:
        raise Refusal(400, "'from' cannot be after 'to'.")
    if end - start > LONGEST:
        raise Refusal(400, "The interval between 'to' and 'from' cannot exceed 30 days.")
    if start < now - LOOK_BACK:
        raise Refusal(400, "'from' cannot be earlier than 90 days ago.")
    return start, end


def _last(service: Service, end: datetime) -> datetime:
    """The first moment after the span: `to` itself, or the second after it where `to` is included."""
    return end + timedelta(seconds=1) if service.behaviour.to_included else end


def _usage_rows(service: Service, site: Site, kind: str, *, start: datetime, end: datetime) -> Sequence[Row]:
    last, meetings = _last(service, end), site.meetings
    return [
        row
        for row in site.usage
        if start <= row.at < last
        and str(row.raw.get("serviceType", SERVICE_TYPES[0])) == kind
        and meetings[row.meeting_id].end <= service.now
    ]
