from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.validation.response.exceptions import InvalidData

from auditor.resources import resource
from auditor.simulator import Fault, Site, serve

DOCUMENT = Path(__file__).parents[1] / "data" / "webex-openapi-strict.json"
SITE = "example.webex.com"
WEEK = {"siteUrl": SITE, "from": "2026-09-07T00:00:00Z", "to": "2026-09-14T00:00:00Z"}
JOINS = {"joinTimeFrom": "2026-08-30T00:00:00Z", "joinTimeTo": "2026-10-01T00:00:00Z"}


class Asked:
    """A request as openapi-core wants to see it."""

    def __init__(self, request: httpx.Request) -> None:
        self.host_url = f"{request.url.scheme}://{request.url.netloc.decode()}"
        self.path = request.url.path
        self.method = request.method.lower()
        self.body = request.content or None
        self.content_type = request.headers.get("content-type", "application/json")
        self.parameters = RequestParameters(query=dict(request.url.params), header=request.headers)


class Answered:
    """An answer as openapi-core wants to see it."""

    def __init__(self, response: httpx.Response) -> None:
        self.data = response.content
        self.status_code = response.status_code
        self.content_type = response.headers["content-type"]
        self.headers = response.headers


@pytest.fixture(scope="module")
def sample():
    return Site.load(resource("sample_data"))


@pytest.fixture(scope="module")
def checked(sample):
    """Requests to the sample's server; every request and every answer must obey the document."""
    document = json.loads(DOCUMENT.read_bytes())
    with serve(sample) as server, httpx.Client(base_url=server.base_url, verify=False) as client:
        client.headers["Authorization"] = f"Bearer {server.token}"
        document["servers"] = [{"url": server.base_url}]
        openapi = OpenAPI.from_dict(document)

        def send(method, path, **rest):
            response = client.request(method, path, **rest)
            if response.status_code == 200:
                openapi.validate_request(Asked(response.request))
            openapi.validate_response(Asked(response.request), Answered(response))
            return response

        yield send


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
@pytest.mark.parametrize("path", ["/meetingReports/attendees", "/meetingReports/usage"])
def test_reports_obey_the_document(checked, path, zone):
    response = checked("GET", path, params={**WEEK, "max": 1000}, headers={"timezone": zone})
    assert response.json()["items"]


def test_followed_links_obey_the_document(checked):
    response = checked("GET", "/meetingReports/usage", params={**WEEK, "max": 20})
    pages = 1
    while "next" in response.links:
        response = checked("GET", response.links["next"]["url"])
        pages += 1
    assert pages > 2


@pytest.mark.parametrize("kind", ["MeetingCenter", "EventCenter", "SupportCenter", "TrainingCenter"])
def test_usage_of_every_service_type_obeys_the_document(checked, kind):
    assert checked("GET", "/meetingReports/usage", params={**WEEK, "serviceType": kind}).status_code == 200


@pytest.mark.slow
def test_participants_of_every_meeting_obey_the_document(checked, sample):
    for meeting_id in [*sample.meetings][:60]:
        response = checked("GET", "/meetingParticipants", params={"meetingId": meeting_id, "max": 100, **JOINS})
        people = response.json()["items"]
        emails = [person["email"] for person in people if "email" in person]
        if emails:
            asked = {"emails": emails, **JOINS}
            found = checked("POST", "/meetingParticipants/query", params={"meetingId": meeting_id}, json=asked)
            assert found.json()["items"] == [person for person in people if "email" in person]


def test_sites_meetings_and_invitees_obey_the_document(checked, sample):
    assert checked("GET", "/meetingPreferences/sites").json()["sites"]
    assert checked("GET", "/meetings", params={"meetingType": "meeting", "state": "ended"}).json()["items"]
    assert checked("GET", "/meetingInvitees", params={"meetingId": sample.usage[5].meeting_id}).status_code == 200


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/meetingReports/attendees", {}, 400),
        ("/meetingReports/attendees", {"siteUrl": "other.webex.com"}, 404),
        ("/meetingReports/usage", {**WEEK, "max": "0"}, 400),
        ("/meetingParticipants", {"meetingId": "0_I_0"}, 404),
    ],
)
def test_refusals_obey_the_document(checked, path, params, status):
    assert checked("GET", path, params=params).status_code == status


def test_a_missing_token_obeys_the_document(checked):
    assert checked("GET", "/meetingPreferences/sites", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_the_document_refuses_a_broken_answer(sample, client_of):
    document = json.loads(DOCUMENT.read_bytes())
    with serve(sample, faults=[Fault("types-broken")]) as server, client_of(server) as client:
        document["servers"] = [{"url": server.base_url}]
        response = client.get("/meetingReports/attendees", params=WEEK)
    with pytest.raises(InvalidData):
        OpenAPI.from_dict(document).validate_response(Asked(response.request), Answered(response))
