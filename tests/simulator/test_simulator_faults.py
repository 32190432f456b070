from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from auditor.errors import ConfigError
from auditor.simulator import KINDS, Fault, Regular, parse_faults, serve

SITE = "example.webex.com"
REPORT = {"siteUrl": SITE, "from": "2026-09-20T00:00:00Z", "to": "2026-10-05T00:00:00Z"}
JOINS = {"joinTimeFrom": "2026-09-01T00:00:00Z", "joinTimeTo": "2026-10-05T00:00:00Z"}
ATTENDEES = "/meetingReports/attendees"
PEOPLE = "/meetingParticipants"


@pytest.fixture
def ask(client_of):
    """Attendee reports asked of a server with faults, as often as wanted."""

    def asked(*faults, times=1, path=ATTENDEES, **parameters):
        with serve(Regular().site(), faults=faults) as server, client_of(server) as client:
            params = (JOINS if path == PEOPLE else REPORT) | parameters
            answers = [client.get(path, params=params) for _ in range(times)]
            answers[0].extensions["server"] = server.strikes
        return answers[0] if times == 1 else answers

    return asked


def rows_of(response):
    return response.json()["items"]


def test_next_links_loop(client_of):
    with serve(Regular().site(), faults=[Fault("link-loop")]) as server, client_of(server) as client:
        urls = []
        response = client.get(ATTENDEES, params=REPORT)
        for _ in range(4):
            urls.append(response.links["next"]["url"])
            response = client.get(urls[-1])
    assert urls[0] == urls[2] != urls[1] == urls[3]


def test_a_single_page_loops_too(client_of):
    with serve(Regular().site(), faults=[Fault("link-loop")]) as server, client_of(server) as client:
        first = client.get(ATTENDEES, params={**REPORT, "max": 1000})
        second = client.get(first.links["next"]["url"])
        assert rows_of(second) == rows_of(first)
        assert "next" in second.links


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("link-foreign-host", lambda url: url.host == "localhost"),
        ("link-foreign-scheme", lambda url: url.scheme == "ftp"),
        ("link-user-info", lambda url: url.userinfo == b"user:secret"),
        ("link-max-null", lambda url: url.params.get("max") == "null"),
        ("link-lost-site", lambda url: "siteUrl" not in url.params),
        ("link-lost-from", lambda url: "from" not in url.params and "to" in url.params),
        ("link-lost-to", lambda url: "to" not in url.params and "from" in url.params),
        ("link-changed-filter", lambda url: url.params["siteUrl"] == "other.webex.com"),
    ],
)
def test_one_next_link_is_wrong(ask, name, check):
    wrong, right = ask(Fault(name), times=2)
    assert check(httpx.URL(wrong.links["next"]["url"]))
    assert not check(httpx.URL(right.links["next"]["url"]))


def test_a_next_link_names_another_port(ask):
    response = ask(Fault("link-foreign-port"))
    assert httpx.URL(response.links["next"]["url"]).port == response.url.port + 1


def test_a_next_link_names_the_port_it_is_told(ask):
    assert ":9/" in ask(Fault("link-foreign-port", value="9")).headers["link"]


def test_a_next_link_loses_its_meeting(ask):
    response = ask(Fault("link-lost-meeting"), path=PEOPLE, meetingId=Regular().meeting_id(0), max="2")
    assert "meetingId" not in httpx.URL(response.links["next"]["url"]).params


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("link-malformed", "cursor=10; rel"),
        ("link-many", 'rel="first"'),
        ("link-single-quotes", "rel='next'"),
        ("link-upper-rel", 'REL="next"'),
        ("link-relative", "</v1/meetingReports"),
    ],
)
def test_one_link_header_has_another_shape(ask, name, words):
    odd, usual = ask(Fault(name), times=2)
    assert words in odd.headers["link"]
    assert words not in usual.headers["link"]


def test_a_next_link_can_be_missing(ask):
    odd, usual = ask(Fault("link-missing"), times=2)
    assert "link" not in odd.headers
    assert rows_of(odd) == rows_of(usual)


def test_empty_pages_come_first_and_lose_nothing(client_of):
    with serve(Regular().site(), faults=[Fault("empty-page", times=3)]) as server, client_of(server) as client:
        response = client.get(ATTENDEES, params=REPORT)
        counts = [len(rows_of(response))]
        while "next" in response.links:
            response = client.get(response.links["next"]["url"])
            counts.append(len(rows_of(response)))
    assert counts == [0, 0, 0, 10, 10, 5]


@pytest.mark.parametrize(
    ("name", "status", "header"),
    [
        ("rate-limit-seconds", 429, "1"),
        ("rate-limit-silent", 429, None),
        ("rate-limit-unreadable", 429, "soon"),
        ("locked", 423, None),
        ("locked-seconds", 423, "1"),
    ],
)
def test_a_wait_is_asked_for_once(ask, name, status, header):
    odd, usual = ask(Fault(name), times=2)
    assert (odd.status_code, odd.headers.get("retry-after")) == (status, header)
    assert odd.json()["trackingId"]
    assert usual.status_code == 200


@pytest.mark.parametrize(("name", "seconds"), [("rate-limit-date", 1), ("rate-limit-date-past", -3600)])
def test_a_wait_can_be_a_date(ask, name, seconds):
    response = ask(Fault(name))
    told = parsedate_to_datetime(response.headers["retry-after"])
    assert told - parsedate_to_datetime(response.headers["date"]) == timedelta(seconds=seconds)


@pytest.mark.parametrize("name", ["rate-limit-endless", "gateway-timeout-endless", "unauthorized-forever", "forbidden"])
def test_some_faults_never_end(ask, name):
    assert {response.status_code for response in ask(Fault(name), times=4)} <= {401, 403, 429, 504}


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("error-500", 500),
        ("error-502", 502),
        ("error-503", 503),
        ("accepted", 202),
        ("conflict", 409),
        ("redirect", 302),
    ],
)
def test_one_request_gets_another_status(ask, name, status):
    odd, usual = ask(Fault(name), times=2)
    assert (odd.status_code, usual.status_code) == (status, 200)


@pytest.mark.parametrize(("name", "value"), [("reset", None), ("stall", "0.01")])
def test_the_line_breaks_without_an_answer(ask, name, value):
    with pytest.raises(httpx.TransportError):
        ask(Fault(name, value=value))


def test_a_stalled_answer_does_not_hold_up_the_end(client_of):
    with serve(Regular().site(), faults=[Fault("stall")]) as server, client_of(server) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.get("/people/me", timeout=0.05)
        assert server.strikes == {"stall": 1}


def test_large_pages_time_out_and_small_ones_do_not(ask):
    assert ask(Fault("gateway-timeout"), max="101").status_code == 504
    assert ask(Fault("gateway-timeout"), max="100").status_code == 200
    assert ask(Fault("gateway-timeout", value="9")).status_code == 504


def test_long_lists_of_emails_time_out(client_of):
    with serve(Regular().site(), faults=[Fault("gateway-timeout", value="1")]) as server, client_of(server) as client:
        where = {"meetingId": Regular().meeting_id(0)}
        emails = ["p0@northbank.example", "p1@northbank.example"]
        assert client.post(f"{PEOPLE}/query", params=where, json={"emails": emails}).status_code == 504
        assert client.post(f"{PEOPLE}/query", params=where, json={"emails": emails[:1]}).status_code == 200


def test_long_spans_time_out(ask):
    assert ask(Fault("gateway-timeout-span")).status_code == 504
    assert ask(Fault("gateway-timeout-span", value="999")).status_code == 200


def test_answers_can_be_slow_and_warned_of(ask):
    response = ask(Fault("slow", value="0.02"), Fault("warning"))
    assert response.elapsed >= timedelta(seconds=0.02)
    assert "1001" in response.headers["warning"]


def test_an_expired_token_is_healed_by_a_refresh(client_of):
    form = {"grant_type": "refresh_token"}
    with serve(Regular().site(), faults=[Fault("unauthorized", after=1)]) as server, client_of(server) as client:
        statuses = [client.get("/people/me").status_code for _ in range(3)]
        fresh = client.post("/access_token", data={**form, "refresh_token": server.refresh_token}).json()
        again = client.get("/people/me", headers={"Authorization": f"Bearer {fresh['access_token']}"})
    assert statuses == [200, 401, 401]
    assert again.status_code == 200


def test_a_token_can_expire_while_paging(client_of):
    with serve(Regular().site(), faults=[Fault("unauthorized-paging")]) as server, client_of(server) as client:
        first = client.get(ATTENDEES, params=REPORT)
        assert client.get(first.links["next"]["url"]).status_code == 401


def test_a_refresh_can_be_refused(client_of):
    with serve(Regular().site(), faults=[Fault("refresh-refused")]) as server, client_of(server) as client:
        form = {"grant_type": "refresh_token", "refresh_token": server.refresh_token}
        assert client.post("/access_token", data=form).status_code == 400
        assert client.get("/people/me").status_code == 200


@pytest.mark.parametrize(
    ("name", "status"), [("forbidden-meeting", 403), ("not-found-meeting", 404), ("gone-meeting", 410)]
)
def test_one_meeting_is_refused(client_of, name, status):
    fault = Fault(name, seed=2)
    with serve(Regular().site(), faults=[fault]) as server, client_of(server) as client:
        ids = [Regular().meeting_id(number) for number in range(5)]
        statuses = [client.get(PEOPLE, params={"meetingId": each, **JOINS}).status_code for each in ids]
    assert statuses == [200, 200, status, 200, 200]


def test_the_refused_meeting_can_be_named(client_of):
    fault = Fault("gone-meeting", value=Regular().meeting_id(4))
    with serve(Regular().site(), faults=[fault]) as server, client_of(server) as client:
        assert client.get(PEOPLE, params={"meetingId": fault.value, **JOINS}).status_code == 410


def test_one_site_is_refused(client_of):
    sites = [Regular().site(), Regular(url="second.webex.com").site()]
    with serve(sites, faults=[Fault("forbidden-site")]) as server, client_of(server) as client:
        assert client.get(ATTENDEES, params=REPORT).status_code == 200
        refused = client.get(ATTENDEES, params={**REPORT, "siteUrl": "second.webex.com"})
    assert refused.status_code == 403
    assert "scopes" in refused.json()["errors"][0]["description"]


def test_one_endpoint_is_refused(client_of):
    with serve(Regular().site(), faults=[Fault("forbidden-endpoint")]) as server, client_of(server) as client:
        assert client.get("/meetingReports/usage", params=REPORT).status_code == 403
        assert client.get(ATTENDEES, params=REPORT).status_code == 200


def test_a_next_link_can_be_gone(client_of):
    with serve(Regular().site(), faults=[Fault("gone-link")]) as server, client_of(server) as client:
        url = client.get(ATTENDEES, params=REPORT).links["next"]["url"]
        assert [client.get(url).status_code for _ in range(2)] == [410, 200]


def test_a_body_is_cut(ask):
    with pytest.raises(httpx.RemoteProtocolError):
        ask(Fault("body-cut"))


def test_a_body_is_no_gzip(ask):
    with pytest.raises(httpx.DecodingError):
        ask(Fault("gzip-wrong"))


@pytest.mark.parametrize("name", ["length-wrong", "invalid-json", "html"])
def test_a_body_is_no_json(ask, name):
    odd, usual = ask(Fault(name), times=2)
    assert odd.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        odd.json()
    assert usual.json()


@pytest.mark.parametrize("names", [("invalid-json", "types-broken"), ("types-broken", "html")])
def test_records_of_a_body_that_is_no_json_are_left_alone(ask, names):
    answer = ask(*map(Fault, names))
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("items-null", {"items": None}),
        ("items-missing", {"other": []}),
        ("body-list", []),
        ("body-null", None),
        ("body-text", "x"),
    ],
)
def test_a_body_has_another_shape(ask, name, body):
    odd = ask(Fault(name))
    assert odd.status_code == 200
    assert odd.json() == body


@pytest.mark.parametrize(("name", "status"), [("no-content", 204), ("created-empty", 201)])
def test_an_answer_has_no_records(ask, name, status):
    odd = ask(Fault(name))
    assert odd.status_code == status
    assert odd.content in {b"", b"{}"}


def test_records_can_come_with_201(ask):
    odd = ask(Fault("created"))
    assert odd.status_code == 201
    assert rows_of(odd)


def test_values_of_other_types_lose_nothing(ask):
    plain, loose = rows_of(ask())[0], rows_of(ask(Fault("types-lossless")))[0]
    assert loose["duration"] == str(plain["duration"])
    assert loose["invited"] == "true"
    assert loose["meetingNumber"] == int(plain["meetingNumber"])


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("types-broken", lambda row: isinstance(row["displayName"], dict)),
        ("types-broken-time", lambda row: row["joinedTime"] == "soon"),
        ("value-nul", lambda row: "\x00" in row["displayName"]),
        ("value-surrogate", lambda row: row["displayName"].endswith("\ud83d")),
        ("value-megabyte", lambda row: len(row["displayName"]) == 1_000_000),
        ("value-huge", lambda row: row["duration"] > 10**300),
        ("value-nan", lambda row: row["duration"] != row["duration"]),
    ],
)
def test_one_record_is_hostile(ask, name, check):
    rows = json.loads(ask(Fault(name, seed=3)).content)["items"]
    assert [check(row) for row in rows] == [index == 3 for index in range(10)]


def test_every_record_can_be_changed_or_enlarged(ask):
    assert all(row["company"] == "Changed AS" for row in rows_of(ask(Fault("values-changed"))))
    assert all(row["novelty"] for row in rows_of(ask(Fault("fields-unknown"))))


def test_times_have_another_shape(ask):
    assert rows_of(ask(Fault("times-zone")))[0]["joinedTime"].endswith("+02:00")
    assert rows_of(ask(Fault("times-naive")))[0]["joinedTime"] == "2026-10-03T06:04:00"
    assert {row["leftTime"] for row in rows_of(ask(Fault("times-unknown")))} == {"1970-01-01T00:00:00.000Z"}


def test_rows_are_doubled_within_and_across_pages(client_of):
    with serve(Regular().site(), faults=[Fault("rows-doubled")]) as server, client_of(server) as client:
        first = client.get(ATTENDEES, params=REPORT)
        second = client.get(first.links["next"]["url"])
    assert rows_of(first)[10] == rows_of(first)[0]
    assert rows_of(second)[0] == rows_of(first)[9]


@pytest.mark.parametrize(("name", "step"), [("rows-shifted", 1), ("rows-inserted", -1)])
def test_rows_move_while_pages_are_read(client_of, name, step):
    with serve(Regular().site(), faults=[Fault(name)]) as server, client_of(server) as client:
        whole = rows_of(client.get(ATTENDEES, params={**REPORT, "max": 1000}))
        first = client.get(ATTENDEES, params=REPORT)
        moved, steady = (client.get(first.links["next"]["url"]) for _ in range(2))
    assert rows_of(moved) == whole[10 + step : 20 + step]
    assert rows_of(steady) == whole[10:20]


def test_rows_of_young_meetings_come_late(client_of):
    now = Regular().now - timedelta(days=1)
    with serve(Regular().site(), now=now, faults=[Fault("rows-late")]) as server, client_of(server) as client:
        young = client.get(ATTENDEES, params={**REPORT, "max": 1000})
        server.now += timedelta(days=3)
        settled = client.get(ATTENDEES, params={**REPORT, "max": 1000})
    assert len(rows_of(young)) == 23
    assert len(rows_of(settled)) == 25


@pytest.mark.parametrize(("name", "hours"), [("clock-ahead", 5), ("clock-behind", -5)])
def test_the_clock_is_wrong(ask, name, hours):
    told = parsedate_to_datetime(ask(Fault(name)).headers["date"])
    assert told - Regular().now == timedelta(hours=hours)


def test_a_clock_that_is_ahead_forgets_earlier(ask):
    edge = {"from": "2026-07-07T07:00:00Z", "to": "2026-07-20T00:00:00Z"}
    assert ask(**edge).status_code == 200
    assert ask(Fault("clock-ahead"), **edge).status_code == 400


def test_a_fault_lets_pass_what_comes_before(ask):
    fault = Fault("error-500", times=2, after=1)
    assert [each.status_code for each in ask(fault, times=5)] == [200, 500, 500, 200, 200]


def test_a_fault_can_strike_each_distinct_request(client_of):
    with serve(Regular().site(), faults=[Fault("error-503", each=True)]) as server, client_of(server) as client:
        paths = ["/people/me", "/people/me", "/meetingPreferences/sites", "/meetingPreferences/sites"]
        assert [client.get(path).status_code for path in paths] == [503, 200, 503, 200]
        assert server.strikes == {"error-503": 2}


def test_a_fault_can_be_narrowed_to_a_path(ask):
    assert ask(Fault("error-500", path="/usage")).status_code == 200
    assert ask(Fault("error-500", path="/attendees")).status_code == 500


def test_several_faults_strike_together(ask):
    response = ask(Fault("link-max-null"), Fault("times-zone"))
    assert "max=null" in response.headers["link"]
    assert rows_of(response)[0]["joinedTime"].endswith("+02:00")


def test_a_fault_leaves_the_site_as_it_was(client_of):
    site = Regular().site()
    before = [row.text for row in site.attendees]
    for kind in ("types-lossless", "values-changed", "times-zone"):
        with serve(site, faults=[Fault(kind)]) as server, client_of(server) as client:
            client.get(ATTENDEES, params=REPORT)
    assert [row.text for row in site.attendees] == before


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_fault_answers_and_stays_within_its_number(client_of, name):
    fault = Fault(name, value="0.01" if name in {"stall", "slow"} else None)
    now = Regular().now - timedelta(days=1)
    with serve(Regular(people=12).site(), now=now, faults=[fault]) as server, client_of(server) as client:
        for path, params in (
            (ATTENDEES, REPORT),
            (ATTENDEES, {**REPORT, "max": "500"}),
            ("/meetingReports/usage", REPORT),
            (ATTENDEES, {**REPORT, "cursor": "10"}),
            (PEOPLE, {"meetingId": Regular().meeting_id(0), **JOINS}),
            ("/meetingPreferences/sites", {}),
        ):
            try:
                client.get(path, params=params)
            except httpx.TransportError:
                continue
            except httpx.DecodingError:
                continue
        client.post("/access_token", data={"grant_type": "refresh_token", "refresh_token": server.refresh_token})
        struck = server.strikes[name]
    assert struck >= 1
    assert KINDS[name].times == 0 or struck <= KINDS[name].times


def test_faults_are_read_from_words():
    assert parse_faults("reset:2, rate-limit-seconds=3,html:0,error-500:1each") == (
        Fault("reset", times=2),
        Fault("rate-limit-seconds", value="3"),
        Fault("html", times=0),
        Fault("error-500", times=1, each=True),
    )
    assert parse_faults("") == ()


@pytest.mark.parametrize(("text", "words"), [("nothing", "unknown fault 'nothing'"), ("reset:x", "does not read")])
def test_wrong_words_are_refused(text, words):
    with pytest.raises(ConfigError, match=words):
        parse_faults(text)


def test_an_unknown_fault_is_refused():
    with pytest.raises(ValueError, match="unknown fault"), serve(Regular().site(), faults=[Fault("other")]):
        pass


def test_a_fault_kind_is_told_in_words():
    assert all(isinstance(kind.strike, Callable) and kind.does for kind in KINDS.values())


def test_the_page_on_the_simulator_tells_every_fault_as_it_is():
    page = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()
    told = re.findall(r"^\| `([a-z0-9-]+)` \| (.+?) \| (always|\d+) \| (.+?) \|$", page, re.MULTILINE)
    assert told == [
        (kind.name, kind.does, str(kind.times or "always"), f"`{kind.value}`" if kind.value else "–")
        for kind in KINDS.values()
    ]
