from __future__ import annotations

import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from auditor.simulator import Behaviour, LazySite, Regular, Site, serve

SITE = "example.webex.com"
REPORT = {"siteUrl": SITE, "from": "2026-09-20T00:00:00Z", "to": "2026-10-05T00:00:00Z"}
ATTENDEES = "/meetingReports/attendees"
USAGE = "/meetingReports/usage"
JOINS = {"joinTimeFrom": "2026-09-01T00:00:00Z", "joinTimeTo": "2026-10-05T00:00:00Z"}


def all_items(client, path, params):
    response = client.get(path, params=params)
    items = list(response.json()["items"])
    while "next" in response.links:
        response = client.get(response.links["next"]["url"])
        items += response.json()["items"]
    return items


@pytest.fixture
def plain(client_of):
    with serve(Regular().site()) as server, client_of(server) as client:
        yield client


def test_pages_join_to_the_whole_listing(client_of):
    with serve(Regular(meetings=7, people=9).site()) as server, client_of(server) as client:
        paged = all_items(client, ATTENDEES, {**REPORT, "max": 10})
        whole = client.get(ATTENDEES, params={**REPORT, "max": 1000})
    assert paged == whole.json()["items"]
    assert len(paged) == 63
    assert "link" not in whole.headers


def test_a_page_holds_ten_rows_unless_asked_otherwise(plain):
    assert len(plain.get(ATTENDEES, params=REPORT).json()["items"]) == 10


def test_next_links_are_absolute_and_keep_every_parameter(plain):
    link = httpx.URL(plain.get(ATTENDEES, params={**REPORT, "max": 3}).links["next"]["url"])
    assert (link.scheme, link.host, link.port) == ("http", "127.0.0.1", plain.base_url.port)
    assert {**REPORT, "max": "3"}.items() <= dict(link.params).items()


def test_next_links_name_the_defaults_that_were_used(plain):
    link = httpx.URL(plain.get(ATTENDEES, params={"siteUrl": SITE, "max": 3}).links["next"]["url"])
    assert (link.params["from"], link.params["to"]) == ("2026-09-28T06:00:00Z", "2026-10-05T06:00:00Z")


def test_attendees_are_grouped_by_meeting_and_descend_by_join_time(plain):
    rows = plain.get(ATTENDEES, params={**REPORT, "max": 1000}).json()["items"]
    meetings = list(dict.fromkeys(row["meetingId"] for row in rows))
    groups = [[row["joinedTime"] for row in rows if row["meetingId"] == each] for each in meetings]
    assert [row for group in groups for row in group] == [row["joinedTime"] for row in rows]
    assert all(group == sorted(group, reverse=True) for group in groups)
    assert [group[0] for group in groups] == sorted((group[0] for group in groups), reverse=True)


def test_usage_descends_by_start(plain):
    starts = [row["start"] for row in plain.get(USAGE, params={**REPORT, "max": 1000}).json()["items"]]
    assert starts == sorted(starts, reverse=True)
    assert len(starts) == 5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"siteUrl": ""}, "'siteUrl' is required"),
        ({"max": "0"}, "'max' must be"),
        ({"max": "1001"}, "'max' must be"),
        ({"max": "ten"}, "'max' must be"),
        ({"max": "-5"}, "'max' must be"),
        ({"from": "yesterday"}, "'from' must be an ISO 8601"),
        ({"from": "2026-10-05T00:00:01Z"}, "cannot be after"),
        ({"from": "2026-09-04T23:59:59Z"}, "cannot exceed 30 days"),
        ({"from": "2026-07-07T05:59:59Z", "to": "2026-07-20T00:00:00Z"}, "90 days ago"),
        ({"meetingId": "0123"}, "ended meeting instance"),
        ({"cursor": "x"}, "cursor"),
    ],
)
def test_attendees_refuse_what_is_out_of_bounds(plain, change, words):
    response = plain.get(ATTENDEES, params={**REPORT, **change})
    body = response.json()
    assert response.status_code == 400
    assert words in body["message"]
    assert body["errors"][0]["description"]
    assert body["trackingId"] == response.headers["trackingid"]


def test_the_longest_span_and_the_earliest_start_are_allowed(plain):
    span = {"siteUrl": SITE, "from": "2026-07-07T06:00:00Z", "to": "2026-08-06T06:00:00Z", "max": "1000"}
    assert plain.get(ATTENDEES, params=span).status_code == 200


def test_from_is_included_and_to_is_not(plain):
    span = {"siteUrl": SITE, "from": "2026-10-03T06:01:00Z", "to": "2026-10-03T06:03:00Z"}
    joined = [row["joinedTime"] for row in plain.get(ATTENDEES, params=span).json()["items"]]
    assert joined == ["2026-10-03T06:02:00Z", "2026-10-03T06:01:00Z"]


def test_to_can_be_included(client_of):
    span = {"siteUrl": SITE, "from": "2026-10-03T06:01:00Z", "to": "2026-10-03T06:03:00Z"}
    with serve(Regular().site(), behaviour=Behaviour(to_included=True)) as server, client_of(server) as client:
        assert len(client.get(ATTENDEES, params=span).json()["items"]) == 3


def test_attendees_can_be_dated_by_the_start_of_their_meeting(client_of):
    span = {"siteUrl": SITE, "from": "2026-10-03T06:00:00Z", "to": "2026-10-03T06:00:01Z"}
    with serve(Regular().site(), behaviour=Behaviour(dated_by="start")) as server, client_of(server) as client:
        assert len(client.get(ATTENDEES, params=span).json()["items"]) == 5


def test_a_time_without_offset_is_read_in_the_asked_zone(plain):
    span = {"siteUrl": SITE, "from": "2026-10-03T08:00:00", "to": "2026-10-03T08:01:00"}
    rows = plain.get(ATTENDEES, params=span, headers={"timezone": "Europe/Oslo"}).json()["items"]
    assert [row["joinedTime"] for row in rows] == ["2026-10-03T08:00:00+02:00"]


def test_times_are_written_in_the_asked_zone_and_mean_the_same_moment(plain):
    utc = plain.get(ATTENDEES, params=REPORT).json()["items"]
    shanghai = plain.get(ATTENDEES, params=REPORT, headers={"timezone": "Asia/Shanghai"}).json()["items"]
    assert shanghai[0]["joinedTime"].endswith("+08:00")
    moments = [[datetime.fromisoformat(row["joinedTime"]) for row in rows] for rows in (utc, shanghai)]
    assert moments[0] == moments[1]


def test_devices_follow_the_asked_zone(plain):
    params = {"meetingId": Regular().meeting_id(0), **JOINS}
    person = plain.get("/meetingParticipants", params=params, headers={"timezone": "Asia/Kathmandu"}).json()["items"][0]
    assert person["devices"][0]["joinedTime"].endswith("+05:45")


def test_an_unknown_zone_is_refused(plain):
    assert plain.get(ATTENDEES, params=REPORT, headers={"timezone": "Mars/Olympus"}).status_code == 400


def test_of_several_meeting_parameters_the_first_counts(plain):
    params = {**REPORT, "meetingId": Regular().meeting_id(1), "meetingTitle": "Meeting 2", "max": "100"}
    rows = plain.get(ATTENDEES, params=params).json()["items"]
    assert {row["meetingTitle"] for row in rows} == {"Meeting 1"}


@pytest.mark.parametrize("params", [{"meetingNumber": "25500000001"}, {"meetingTitle": "meeting 1"}])
def test_a_meeting_can_be_named_by_number_or_title(plain, params):
    rows = plain.get(ATTENDEES, params={**REPORT, **params}).json()["items"]
    assert {row["meetingId"] for row in rows} == {Regular().meeting_id(1)}


def test_a_whole_site_can_be_refused(client_of):
    with serve(Regular().site(), behaviour=Behaviour(site_wide=False)) as server, client_of(server) as client:
        assert client.get(ATTENDEES, params=REPORT).status_code == 400
        params = {**REPORT, "meetingId": Regular().meeting_id(0)}
        assert len(client.get(ATTENDEES, params=params).json()["items"]) == 5


def test_meetings_that_have_not_ended_are_not_reported(client_of):
    now = datetime(2026, 10, 3, 6, 30, tzinfo=UTC)
    with serve(Regular().site(), now=now) as server, client_of(server) as client:
        span = {"siteUrl": SITE, "from": "2026-09-20T00:00:00Z", "to": "2026-10-05T00:00:00Z", "max": "1000"}
        assert len(client.get(ATTENDEES, params=span).json()["items"]) == 20
        assert len(client.get(USAGE, params=span).json()["items"]) == 4
        server.now += timedelta(hours=1)
        assert len(client.get(USAGE, params=span).json()["items"]) == 5


def test_a_running_meeting_lists_who_is_present_without_a_left_time(client_of):
    now = datetime(2026, 10, 3, 6, 2, 30, tzinfo=UTC)
    with serve(Regular().site(), now=now) as server, client_of(server) as client:
        params = {"meetingId": Regular().meeting_id(0), "joinTimeFrom": "2026-10-01T00:00:00Z"}
        people = client.get("/meetingParticipants", params=params).json()["items"]
    assert [person["displayName"] for person in people] == ["Person 0", "Person 1", "Person 2"]
    assert all(person["state"] == "joined" and "leftTime" not in person and person["orgId"] for person in people)


def test_usage_is_of_one_service_type(client_of):
    usage = [*Regular(meetings=1).usage()]
    site = Site(usage=[*usage, {**usage[0], "meetingId": "f_I_1", "serviceType": "EventCenter"}])
    with serve(site, now=datetime(2026, 10, 5, 6, tzinfo=UTC)) as server, client_of(server) as client:
        assert [row["meetingId"] for row in client.get(USAGE, params=REPORT).json()["items"]] == [
            Regular().meeting_id(0)
        ]
        events = client.get(USAGE, params={**REPORT, "serviceType": "EventCenter"}).json()["items"]
        assert [row["meetingId"] for row in events] == ["f_I_1"]
        assert client.get(USAGE, params={**REPORT, "serviceType": "Other"}).status_code == 400


def test_participants_are_paged_by_at_most_a_hundred(client_of):
    regular = Regular(meetings=1, people=150)
    with serve(regular.site()) as server, client_of(server) as client:
        params = {"meetingId": regular.meeting_id(0), **JOINS}
        assert client.get("/meetingParticipants", params={**params, "max": "101"}).status_code == 400
        people = all_items(client, "/meetingParticipants", {**params, "max": "100"})
    assert len({person["id"] for person in people}) == 150


def test_participants_of_the_last_seven_days_unless_asked_otherwise(plain):
    old, fresh = Regular(apart=timedelta(days=10)), Regular()
    with serve(old.site()) as server:
        hidden = httpx.get(
            f"{server.base_url}/meetingParticipants",
            params={"meetingId": old.meeting_id(1)},
            headers={"Authorization": f"Bearer {server.token}"},
        )
    assert hidden.json()["items"] == []
    assert plain.get("/meetingParticipants", params={"meetingId": fresh.meeting_id(1)}).json()["items"]


def test_a_series_id_means_its_last_instance(client_of):
    records = [*Regular(meetings=2, people=2).participants()]
    for number, record in enumerate(records):
        record["meetingId"] = f"{'a' * 32}_I_{number // 2}"
    with serve(Site(participants=records), now=datetime(2026, 10, 5, tzinfo=UTC)) as server, client_of(server) as c:
        items = c.get("/meetingParticipants", params={"meetingId": "a" * 32, **JOINS}).json()["items"]
        earlier = {"meetingId": "a" * 32, **JOINS, "meetingStartTimeTo": "2026-10-03T00:00:00Z"}
        before = c.get("/meetingParticipants", params=earlier).json()["items"]
    assert {item["meetingId"] for item in items} == {f"{'a' * 32}_I_0"}
    assert {item["meetingId"] for item in before} == {f"{'a' * 32}_I_1"}


def test_the_query_answers_the_asked_people_only(plain):
    asked = {"emails": ["P1@northbank.example ", "p3@northbank.example", "nobody@northbank.example"], **JOINS}
    response = plain.post("/meetingParticipants/query", params={"meetingId": Regular().meeting_id(0)}, json=asked)
    assert [each["email"] for each in response.json()["items"]] == ["p1@northbank.example", "p3@northbank.example"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"emails":[]}', "application/json", 400),
        (b"{}", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"emails":["a@b.example"],"joinTimeFrom":5}', "application/json", 400),
        (
            b'{"emails":["a@b.example"],"joinTimeFrom":"2026-01-01T00:00:00Z","joinTimeTo":"2026-04-02T00:00:00Z"}',
            "application/json",
            400,
        ),
        (b'{"emails":["a@b.example"]}', "text/plain", 415),
    ],
)
def test_the_query_refuses_a_wrong_body(plain, body, kind, status):
    response = plain.post(
        "/meetingParticipants/query",
        params={"meetingId": Regular().meeting_id(0)},
        content=body,
        headers={"Content-Type": kind},
    )
    assert response.status_code == status


@pytest.mark.parametrize("path", ["/meetingParticipants", "/meetingInvitees"])
def test_a_meeting_must_be_named_and_known(plain, path):
    assert plain.get(path).status_code == 400
    assert plain.get(path, params={"meetingId": "0_I_9"}).status_code == 404


def test_telephone_numbers_are_for_the_compliance_officer(client_of):
    params = {"meetingId": Regular().meeting_id(0), **JOINS}
    for seen in (True, False):
        with serve(Regular().site(), behaviour=Behaviour(phone_numbers=seen)) as server, client_of(server) as client:
            devices = client.get("/meetingParticipants", params=params).json()["items"][1]["devices"]
        assert ("phoneNumber" in devices[0]) is seen


def test_sites_are_listed_under_their_own_key(client_of):
    sites = [Regular().site(), Regular(url="second.webex.com").site()]
    with serve(sites) as server, client_of(server) as client:
        assert client.get("/meetingPreferences/sites").json() == {
            "sites": [{"siteUrl": SITE, "default": True}, {"siteUrl": "second.webex.com", "default": False}]
        }
        assert client.get(USAGE, params={"siteUrl": "third.webex.com"}).status_code == 404


def test_ended_instances_are_listed_only_when_asked_for(plain):
    assert plain.get("/meetings").json()["items"] == []
    params = {"meetingType": "meeting", "state": "ended", "max": "3"}
    items = all_items(plain, "/meetings", params)
    assert [item["title"] for item in items] == [f"Meeting {number}" for number in range(5)]


def test_invitees_ascend_by_email(plain):
    emails = [item["email"] for item in all_items(plain, "/meetingInvitees", {"meetingId": Regular().meeting_id(0)})]
    assert emails == sorted(emails)
    assert len(emails) == 5


def test_people_me_is_the_account(plain):
    assert plain.get("/people/me").json()["type"] == "person"


def test_nothing_is_answered_without_the_token(client_of):
    with serve(Regular().site()) as server:
        bare = httpx.get(f"{server.base_url}/meetingPreferences/sites")
        wrong = httpx.get(f"{server.base_url}/people/me", headers={"Authorization": "Bearer other"})
    assert (bare.status_code, wrong.status_code) == (401, 401)
    assert bare.json()["trackingId"]


def test_unknown_paths_and_methods_are_refused_as_such(plain):
    assert plain.get("/meetingReports/other").status_code == 404
    assert plain.delete("/meetings").status_code == 405


def test_a_refresh_token_works_once(client_of):
    form = {"grant_type": "refresh_token", "client_id": "a", "client_secret": "b"}
    with serve(Regular().site()) as server, client_of(server) as client:
        old = server.refresh_token
        answer = client.post("/access_token", data={**form, "refresh_token": old})
        assert answer.json()["access_token"] == server.token
        assert answer.json()["refresh_token"] == server.refresh_token != old
        assert client.post("/access_token", data={**form, "refresh_token": old}).status_code == 400
        assert client.get("/people/me").status_code == 401


def test_the_same_requests_get_the_same_bytes(client_of):
    seen = []
    for _ in range(2):
        with serve(Regular().site()) as server, client_of(server) as client:
            answers = [client.get(ATTENDEES, params=REPORT), client.get("/nope"), client.get(USAGE, params=REPORT)]
            host = str(server.port)
            seen.append([(a.content, {k: v.replace(host, "") for k, v in a.headers.items()}) for a in answers])
    assert seen[0] == seen[1]


def test_the_clock_is_the_servers_own(plain):
    assert plain.get("/people/me").headers["date"] == "Mon, 05 Oct 2026 06:00:00 GMT"


def test_a_site_without_a_clock_needs_one():
    with pytest.raises(ValueError, match="needs now"), serve(Site()):
        pass


def test_requests_are_remembered_without_the_token(client_of):
    with serve(Regular().site(), token="hidden-token") as server, client_of(server) as client:
        client.get(USAGE, params=REPORT, headers={"timezone": "UTC"})
        client.post("/meetingParticipants/query", params={"meetingId": "x"}, json={"emails": ["a@b.example"]})
        first, second = server.requests
    assert (first.request.method, first.request.path, first.status) == ("GET", "/v1/meetingReports/usage", 200)
    assert dict(first.request.query) == REPORT
    assert first.request.headers["timezone"] == "UTC"
    assert first.authorized
    assert "hidden-token" not in repr(first)
    assert (second.status, second.request.body) == (404, b'{"emails":["a@b.example"]}')


def test_one_connection_serves_many_requests():
    with serve(Regular().site()) as server, socket.create_connection(("127.0.0.1", server.port)) as line:
        for _ in range(3):
            line.sendall(b"GET /v1/nope HTTP/1.1\r\nHost: x\r\n\r\n")
            assert line.recv(65536).startswith(b"HTTP/1.1 404")


def test_stopping_does_not_wait_for_an_idle_client():
    with serve(Regular().site()) as server:
        line = socket.create_connection(("127.0.0.1", server.port))
        line.sendall(b"GET /v1/nope HTTP/1.1\r\nHost: x\r\n\r\n")
        assert line.recv(65536)
    with line:
        assert line.recv(1) == b""
    assert not [thread for thread in threading.enumerate() if thread.name == "simulator"]


@pytest.mark.parametrize("behaviour", [Behaviour(), Behaviour(dated_by="start")])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"from": "2026-10-02T06:02:00Z", "to": "2026-10-03T06:02:00Z"},
        {"meetingTitle": "Meeting 3"},
        {"meetingId": Regular().meeting_id(2)},
        {"to": "2026-09-21T00:00:00Z"},
    ],
)
def test_rows_made_when_asked_for_are_the_same_rows(client_of, change, behaviour):
    regular, params = Regular(meetings=9, people=6), {**REPORT, **change, "max": "7"}
    with serve(regular.site(), behaviour=behaviour) as server, client_of(server) as client:
        kept = all_items(client, ATTENDEES, params)
    with serve(LazySite(regular), behaviour=behaviour) as server, client_of(server) as client:
        assert all_items(client, ATTENDEES, params) == kept


def test_a_listing_of_millions_needs_no_memory_to_speak_of(client_of):
    regular = Regular(meetings=1_000, people=5_000, apart=timedelta(hours=1))
    with serve(LazySite(regular)) as server, client_of(server) as client:
        start = time.perf_counter()
        params = {"siteUrl": SITE, "from": "2026-09-10T00:00:00Z", "to": "2026-10-05T00:00:00Z", "max": "1000"}
        link = client.get(ATTENDEES, params=params).links["next"]["url"]
        last = client.get(f"{link.rpartition('=')[0]}=2600000")
    assert len(last.json()["items"]) == 1_000
    assert time.perf_counter() - start < 30


def test_people_are_listed_all_or_by_email(client_of):
    people = [{"id": name, "emails": [f"{name}@northbank.example"], "displayName": name} for name in ("ada", "bo")]
    with serve(Site(people=people), now=Regular().now) as server, client_of(server) as client:
        assert len(client.get("/people").json()["items"]) == 2
        found = client.get("/people", params={"email": "BO@northbank.example"}).json()["items"]
    assert [person["id"] for person in found] == ["bo"]


def test_one_site_can_be_looked_up(plain):
    assert plain.get("/meetingPreferences/sites", params={"siteUrl": "second.webex.com"}).json() == {"sites": []}


def test_meetings_of_another_host_are_not_found(plain):
    params = {"meetingId": Regular().meeting_id(0), **JOINS, "hostEmail": "p1@northbank.example"}
    assert plain.get("/meetingParticipants", params=params).status_code == 404
    params["hostEmail"] = "P0@northbank.example"
    assert plain.get("/meetingParticipants", params=params).status_code == 200


def test_people_of_one_breakout_session(client_of):
    records = [*Regular(meetings=1, people=3).participants()]
    records[2]["breakoutSessionsAttended"] = [{"id": "room", "name": "Room"}]
    params = {"meetingId": Regular().meeting_id(0), **JOINS, "breakoutSessionId": "room"}
    with serve(Site(participants=records), now=Regular().now) as server, client_of(server) as client:
        people = client.get("/meetingParticipants", params=params).json()["items"]
    assert [person["displayName"] for person in people] == ["Person 2"]


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/meetings", {"meetingType": "other"}),
        ("/meetingParticipants", {"meetingId": "0_I_0", "joinTimeFrom": "2026-10-02", "joinTimeTo": "2026-10-01"}),
        ("/meetingParticipants", {"meetingId": "0_I_0", "joinTimeFrom": "2026-06-02", "joinTimeTo": "2026-10-01"}),
    ],
)
def test_further_parameters_have_bounds(plain, path, params):
    assert plain.get(path, params=params).status_code == 400


def test_a_mistake_of_the_simulator_is_not_hidden(client_of):
    broken = Regular().site()
    broken.attendees = None
    with pytest.raises(TypeError), serve(broken) as server, client_of(server) as client:
        assert client.get(ATTENDEES, params=REPORT).status_code == 500


@pytest.mark.parametrize("option", [{"dated_by": "end"}])
def test_unknown_behaviour_is_refused(option):
    with pytest.raises(ValueError, match="joined or start"):
        Behaviour(**option)


def test_a_clock_needs_a_zone():
    with pytest.raises(ValueError, match="needs a time zone"), serve(Site(), now=datetime(2026, 10, 5)):  # noqa: DTZ001
        pass
