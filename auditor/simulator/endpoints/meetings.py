"""Meeting instances of the sites, and who was invited to them."""

from __future__ import annotations

from auditor.simulator.paging import listed
from auditor.simulator.service import Service
from auditor.simulator.site import Meeting, Site
from auditor.simulator.times import asked, in_zone, written, zone_named
from auditor.simulator.wire import Answer, Record, Refusal, Request

LARGEST_PAGE = 100
MOST_INSTANCES = 10_000


def meetings(service: Service, request: Request) -> Answer:
    """Ended instances when asked for with `meetingType=meeting`, latest first; the site plans no series."""
    zone = zone_named(request.headers.get("timezone"))
    first, last = request.value("from"), request.value("to")
    start = None if first is None else asked(first, "from", zone=zone)
    end = None if last is None else asked(last, "to", zone=zone)
    state, wanted = request.value("state"), request.value("meetingType") or "meetingSeries"
    if wanted not in {"meetingSeries", "scheduledMeeting", "meeting"}:
        raise Refusal(400, "'meetingType' must be one of meetingSeries, scheduledMeeting, meeting.")
    url, number = request.value("siteUrl"), request.value("meetingNumber")
    sites = service.sites.values() if url is None else (service.site(url),)
    found = [
        (meeting.start, _instance(site, meeting, running=meeting.end > service.now))
        for site in sites
        for meeting in site.meetings.values()
        if wanted == "meeting"
        and meeting.start <= service.now
        and (number is None or str(meeting.raw.get("meetingNumber")) == number)
        and (start is None or number is not None or meeting.start >= start)
        and (end is None or number is not None or meeting.start < end)
    ]
    records = [
        in_zone(record, ("start", "end"), zone=zone) if zone.key != "UTC" else record
        for _, record in sorted(found, key=lambda pair: (pair[0], str(pair[1]["id"])), reverse=True)
        if state is None or record["state"] == state
    ]
    return listed(service, request, records[:MOST_INSTANCES], largest=LARGEST_PAGE)


def invitees(service: Service, request: Request) -> Answer:
    """People invited to one meeting, in order of their e-mail."""
    meeting_id = request.value("meetingId")
    if meeting_id is None:
        raise Refusal(400, "'meetingId' is required.")
    panelist = request.value("panelist")
    for site in service.sites.values():
        if meeting_id in site.meetings:
            records = [
                record
                for record in site.invitees.get(meeting_id, ())
                if panelist in {None, "null"} or record.get("panelist") is (panelist == "true")
            ]
            return listed(service, request, records, largest=LARGEST_PAGE)
    raise Refusal(404, f"The meeting '{meeting_id}' could not be found.")


def _instance(site: Site, meeting: Meeting, *, running: bool) -> Record:
    """What `GET /meetings` tells of an instance; its number and join settings belong to the series."""
    raw = meeting.raw
    return {
        "id": meeting.id,
        "meetingSeriesId": meeting.series,
        "title": raw.get("meetingTitle", ""),
        "meetingType": "meeting",
        "state": "inProgress" if running else "ended",
        "timezone": "UTC",
        "start": written(meeting.start),
        "end": written(meeting.end),
        "hostDisplayName": raw.get("hostDisplayName", ""),
        "hostEmail": raw.get("hostEmail", ""),
        "siteUrl": site.url,
        "scheduledType": raw.get("scheduledType", "meeting"),
        "hasChat": False,
        "hasRecording": False,
        "hasTranscription": False,
    }
