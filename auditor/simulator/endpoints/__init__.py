"""The simulated endpoints by method and path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from auditor.simulator.endpoints import account, meetings, participants, reports
from auditor.simulator.service import Service
from auditor.simulator.wire import Answer, Refusal, Request, refused

Endpoint = Callable[[Service, Request], Answer]

OPEN = "/v1/access_token"

ROUTES: Mapping[tuple[str, str], Endpoint] = MappingProxyType(
    {
        ("GET", "/v1/meetingReports/attendees"): reports.attendees,
        ("GET", "/v1/meetingReports/usage"): reports.usage,
        ("GET", "/v1/meetingParticipants"): participants.listed,
        ("POST", "/v1/meetingParticipants/query"): participants.queried,
        ("GET", "/v1/meetingPreferences/sites"): account.sites,
        ("GET", "/v1/meetings"): meetings.meetings,
        ("GET", "/v1/meetingInvitees"): meetings.invitees,
        ("GET", "/v1/people"): account.people,
        ("GET", "/v1/people/me"): account.me,
        ("POST", OPEN): account.refreshed,
    }
)

_PATHS = frozenset(path for _, path in ROUTES)


def answered(service: Service, request: Request) -> Answer:
    """What a faithful server answers, refusals included."""
    try:
        return _answer(service, request)
    except Refusal as refusal:
        return refused(request, refusal.status, message=refusal.message, description=refusal.description)


def _answer(service: Service, request: Request) -> Answer:
    if request.path not in _PATHS:
        raise Refusal(404, "The requested resource could not be found.", description=f"No resource at {request.path}.")
    endpoint = ROUTES.get((request.method, request.path))
    if endpoint is None:
        raise Refusal(405, f"The method {request.method} is not supported for this resource.")
    if request.path != OPEN and not service.credentials.accepts(request.token):
        raise Refusal(401, "The request requires a valid access token set in the Authorization request header.")
    return endpoint(service, request)
