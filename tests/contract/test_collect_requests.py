"""Every request of every way to collect obeys the strict OpenAPI document."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.simulator import Behaviour, Fault, Regular, serve
from auditor.simulator.server import Served
from auditor.simulator.wire import Request

_SPEC = importlib.util.spec_from_file_location("openapi_check", Path(__file__).with_name("openapi_check.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
openapi_check = sys.modules.setdefault("openapi_check", importlib.util.module_from_spec(_SPEC))
_SPEC.loader.exec_module(openapi_check)

REGULAR = Regular(meetings=4, people=4)
WAYS = {
    "plain": [],
    "long": ["--days", "200"],
    "by-id": ["--days", "9", "--meeting-id", REGULAR.meeting_id(1)],
    "by-number": ["--days", "9", "--meeting-number", "25500000001"],
    "by-title": ["--days", "9", "--meeting-title", "Meeting 1"],
    "people": ["--days", "9", "--emails", "people.txt"],
    "host": ["--days", "9", "--host-email", "p0@northbank.example"],
    "also": ["--days", "9"],
    "one-by-one": ["--days", "9"],
    "slow-server": ["--days", "9"],
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_every_request_of_a_collection_is_legal(way, auditor, tmp_path) -> None:
    (tmp_path / "people.txt").write_text("p1@northbank.example\n")
    if way == "also":
        (tmp_path / "auditor.yaml").write_text("collect: {also: [invitees, settings]}\n")
    faults = [Fault("gateway-timeout", value="10"), Fault("link-lost-from", times=0)] if way == "slow-server" else []
    behaviour = Behaviour(site_wide=way != "one-by-one")
    with serve(REGULAR.site(), faults=faults, behaviour=behaviour, token="the-token") as server:
        arguments = ["--archive", "archive", "--base-url", server.base_url, "--now", server.now.isoformat()]
        result = auditor("collect", *arguments, *WAYS[way], env={"WEBEX_ACCESS_TOKEN": "the-token"})
        assert result.returncode in {0, 3}, result.stderr
        requests = server.requests
    assert openapi_check.illegal(requests) == []
    refused = {served.status for served in requests} - {200}
    assert refused <= {"one-by-one": {400}, "slow-server": {504}}.get(way, set())


@pytest.mark.slow
def test_every_request_of_doctor_is_legal(auditor) -> None:
    with serve(REGULAR.site(), token="the-token") as server:
        auditor("doctor", "--base-url", server.base_url, env={"WEBEX_ACCESS_TOKEN": "the-token"})
        requests = server.requests
    assert openapi_check.illegal(requests) == []


GOOD = Request(
    "GET",
    "/v1/meetingReports/attendees",
    (("siteUrl", "example.webex.com"), ("from", "2026-09-01T00:00:00Z"), ("max", "1000")),
    {"timezone": "UTC"},
    b"",
    None,
)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(GOOD, query=()),
        replace(GOOD, query=(*GOOD.query, ("siteURL", "x"))),
        replace(GOOD, query=(*GOOD.query, ("to", "yesterday"))),
        replace(GOOD, query=(*GOOD.query, ("from", "2026-09-01T00:00:00Z"))),
        replace(GOOD, query=(("siteUrl", "example.webex.com"), ("max", "1001"))),
        replace(GOOD, path="/v1/meetingReports/attendee"),
        replace(
            GOOD,
            method="POST",
            path="/v1/meetingParticipants/query",
            query=(("meetingId", "1_I_1"),),
            headers={"content-type": "application/json"},
            body=b'{"emails": [], "joinTimeFrom": "2026-09-01T00:00:00Z"}',
        ),
    ],
)
def test_an_illegal_request_is_found(wrong) -> None:
    assert openapi_check.illegal([Served(GOOD, 200, (), authorized=True)]) == []
    assert openapi_check.illegal([Served(wrong, 200, (), authorized=True)]) != []
