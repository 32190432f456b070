from __future__ import annotations

import gzip
import logging
from threading import Event, Thread

import httpx
import pytest

from auditor.errors import AuthError, ConfigError, RateLimited, SourceError
from auditor.model.vocabulary import GapReason
from auditor.webex.auth import Fixed, Token
from auditor.webex.awaited import Stopped
from auditor.webex.client import Ask
from auditor.webex.endpoints import ATTENDEES, PARTICIPANTS, SITES
from auditor.webex.failures import Failed, clean
from auditor.webex.origin import Origin
from auditor.webex.wire import Transport, Wire

OK = (200, {}, {"items": []})


class Renewable:
    """Two tokens; counts how often the second was asked for."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.current = Token("first")
        self.renewals = 0
        self.refuses = refuses

    def token(self) -> Token:
        return self.current

    def renewed(self, stale: Token) -> Token:
        self.renewals += 1
        if self.refuses:
            raise AuthError("the refresh token is spent")
        self.current = Token("second")
        return self.current


def ask(bench, endpoint=ATTENDEES, *, shrinks: bool = False) -> Ask:
    return Ask(endpoint, bench.client.url(endpoint, ()), "label", shrinks=shrinks)


def test_every_request_carries_token_zone_and_tracking_id(bench, answers) -> None:
    made = bench(answers(OK))
    made.client.send(ask(made))
    headers = made.sent[0].headers
    assert headers["authorization"] == "Bearer the-secret-token"
    assert headers["timezone"] == "UTC"
    assert headers["accept"] == "application/json"
    assert headers["trackingid"].startswith("AUDITOR_")


def test_an_endpoint_without_the_zone_header_is_not_sent_one(bench, answers) -> None:
    made = bench(answers((200, {}, {"sites": []})))
    made.client.send(ask(made, SITES))
    assert "timezone" not in made.sent[0].headers


def test_an_undocumented_parameter_is_never_sent(bench, answers) -> None:
    made = bench(answers(OK))
    with pytest.raises(ValueError, match="has no parameter siteURL"):
        made.client.url(ATTENDEES, (("siteURL", "x"),))


@pytest.mark.parametrize("status", [500, 502, 503, 504, 202, 507])
def test_trouble_of_the_server_is_asked_again_five_times_with_growing_waits(bench, answers, status: int) -> None:
    made = bench(answers((status, {"trackingid": "T-1"}, {"message": "busy"})))
    with pytest.raises(Failed, match="busy, trackingid T-1") as failed:
        made.client.send(ask(made))
    assert failed.value.reason is GapReason.UNAVAILABLE
    assert len(made.sent) == 5
    assert len(made.standing.slept) == 4
    assert sorted(made.standing.slept) == made.standing.slept


def test_a_gateway_timeout_is_left_to_a_caller_that_asks_for_less(bench, answers) -> None:
    made = bench(answers((504, {}, {})))
    with pytest.raises(Failed) as failed:
        made.client.send(ask(made, shrinks=True))
    assert failed.value.status == 504
    assert len(made.sent) == 1


@pytest.mark.parametrize("status", [429, 423])
def test_a_limit_is_waited_for_as_long_as_told(bench, answers, status: int) -> None:
    made = bench(answers((status, {"retry-after": "17"}, {}), OK))
    made.client.send(ask(made))
    assert made.standing.seconds == 17
    assert made.client.waited.total_seconds() == 17


def test_a_retry_date_is_measured_by_the_servers_clock(bench, answers) -> None:
    headers = {"date": "Sun, 01 Nov 2026 09:00:00 GMT", "retry-after": "Sun, 01 Nov 2026 09:00:40 GMT"}
    made = bench(answers((429, headers, {}), OK))
    made.client.send(ask(made))
    assert made.standing.seconds == 40


def test_a_limit_without_a_time_waits_five_seconds_doubling(bench, answers) -> None:
    made = bench(answers((429, {}, {}), (429, {"retry-after": "later"}, {}), OK))
    made.client.send(ask(made))
    first, second = made.standing.slept
    assert 5 <= first <= 6.25
    assert 10 <= second <= 12.5


def test_an_endless_limit_ends_by_the_budget(bench, answers) -> None:
    made = bench(answers((429, {"retry-after": "60"}, {})))
    with pytest.raises(RateLimited, match="waiting without an answer"):
        made.client.send(ask(made))
    assert len(made.sent) == 31
    assert made.standing.seconds == 1800


def test_a_locked_resource_is_tried_five_times(bench, answers) -> None:
    made = bench(answers((423, {}, {})))
    with pytest.raises(RateLimited):
        made.client.send(ask(made))
    assert len(made.sent) == 5


def test_a_limit_met_by_one_thread_pauses_the_others(bench) -> None:
    met, held = Event(), []

    def answering(request: httpx.Request) -> httpx.Response:
        if not met.is_set():
            met.set()
            return httpx.Response(429, headers={"retry-after": "30"})
        held.append(made.standing.seconds)
        return httpx.Response(200, json={"items": []})

    made = bench(answering)
    first = Thread(target=made.client.send, args=(ask(made),))
    first.start()
    first.join()
    made.client.send(ask(made))
    assert held == [30.0, 30.0]


def test_a_refused_token_is_renewed_once_and_the_request_repeated(bench) -> None:
    def answering(request: httpx.Request) -> httpx.Response:
        fine = request.headers["authorization"] == "Bearer second"
        return httpx.Response(200 if fine else 401, json={"items": []})

    credentials = Renewable()
    made = bench(answering, credentials=credentials)
    assert made.client.send(ask(made)).status == 200
    assert credentials.renewals == 1
    assert len(made.sent) == 2


def test_a_token_refused_twice_ends_the_run(bench, answers) -> None:
    credentials = Renewable()
    made = bench(answers((401, {"trackingid": "T-9"}, {"message": "no"})), credentials=credentials)
    with pytest.raises(AuthError, match="T-9") as refused:
        made.client.send(ask(made))
    assert refused.value.status == 401
    assert credentials.renewals == 1
    assert len(made.sent) == 2


def test_a_token_that_was_never_taken_since_it_was_renewed_is_not_renewed_again(bench, answers) -> None:
    credentials = Renewable()
    made = bench(answers((401, {}, {"message": "no"})), credentials=credentials)
    for _ in range(3):
        with pytest.raises(AuthError):
            made.client.send(ask(made))
    assert credentials.renewals == 1


def test_a_renewed_token_that_was_taken_is_renewed_when_it_ends(bench, answers) -> None:
    credentials = Renewable()
    made = bench(answers((401, {}, {}), OK, (401, {}, {}), OK), credentials=credentials)
    assert [made.client.send(ask(made)).status for _ in range(2)] == [200, 200]
    assert credentials.renewals == 2


def test_a_refused_refresh_ends_the_run(bench, answers) -> None:
    made = bench(answers((401, {}, {})), credentials=Renewable(refuses=True))
    with pytest.raises(AuthError, match="the refresh token is spent"):
        made.client.send(ask(made))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, GapReason.REJECTED),
        (404, GapReason.NOT_FOUND),
        (405, GapReason.REJECTED),
        (409, GapReason.REJECTED),
        (410, GapReason.GONE),
        (415, GapReason.REJECTED),
        (428, GapReason.REJECTED),
        (418, GapReason.REJECTED),
        (206, GapReason.UNEXPECTED_STATUS),
        (302, GapReason.UNEXPECTED_STATUS),
    ],
)
def test_what_asking_again_does_not_mend_is_asked_once(bench, answers, status: int, reason: GapReason) -> None:
    made = bench(answers((status, {"location": "https://evil.example/"}, {})))
    with pytest.raises(Failed) as failed:
        made.client.send(ask(made))
    assert failed.value.reason is reason
    assert len(made.sent) == 1


def test_a_refusal_names_the_missing_scope(bench, answers) -> None:
    made = bench(answers((403, {}, {"message": "no", "errors": [{"description": "not allowed"}]})))
    with pytest.raises(AuthError, match="no not allowed; needs meeting:admin_participants_read") as refused:
        made.client.send(ask(made, PARTICIPANTS))
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("incomplete"),
    ],
)
def test_a_failed_transfer_is_repeated(bench, failure: Exception) -> None:
    tries = []

    def answering(request: httpx.Request) -> httpx.Response:
        tries.append(1)
        if len(tries) < 5:
            raise failure
        return httpx.Response(200, json={"items": []})

    made = bench(answering)
    assert made.client.send(ask(made)).status == 200
    assert len(tries) == 5


def test_a_line_that_stays_dead_is_a_gap(bench) -> None:
    def answering(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Name or service not known for mallory@example.com")

    made = bench(answering)
    with pytest.raises(Failed, match="the connection failed, 5 times") as failed:
        made.client.send(ask(made))
    assert failed.value.reason is GapReason.UNAVAILABLE
    assert "mallory" not in str(failed.value)


def test_a_dead_line_is_not_waited_for_again_and_again_until_it_answers(bench) -> None:
    dead = [True]

    def answering(request: httpx.Request) -> httpx.Response:
        if dead:
            raise httpx.ConnectError("down")
        return httpx.Response(200, json={"items": []})

    made = bench(answering)
    for _ in range(10):
        with pytest.raises(Failed):
            made.client.send(ask(made))
    assert len(made.sent) == 3 * 5 + 7
    dead.clear()
    assert made.client.send(ask(made)).status == 200
    dead.append(True)
    with pytest.raises(Failed):
        made.client.send(ask(made))
    assert len(made.sent) == 3 * 5 + 7 + 1 + 5


def test_a_wrongly_packed_body_is_a_failed_transfer(bench) -> None:
    bodies = [gzip.compress(b"{}")[:-12], b"not gzip", gzip.compress(b'{"items": []}')]

    def answering(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(bodies.pop(0)))

    made = bench(answering)
    assert made.client.send(ask(made)).body == b'{"items": []}'


def test_an_answer_on_its_way_is_taken_though_the_run_is_stopped(bench) -> None:
    asked, ended = Event(), Event()

    def answering(request: httpx.Request) -> httpx.Response:
        del request
        asked.set()
        ended.wait(20)
        return httpx.Response(200, json={"items": []})

    made, found = bench(answering), []
    thread = Thread(target=lambda: found.append(made.client.send(ask(made)).status))
    thread.start()
    asked.wait(20)
    made.client.stop()
    thread.join(0.5)
    assert thread.is_alive()
    ended.set()
    thread.join()
    assert found == [200]


def test_nothing_is_sent_once_the_run_is_stopped(bench, answers) -> None:
    made = bench(answers(OK))
    made.client.stop()
    with pytest.raises(Stopped):
        made.client.send(ask(made))
    assert made.sent == []


def test_the_wire_refuses_any_other_server(bench, answers) -> None:
    made = bench(answers(OK))
    with pytest.raises(ConfigError, match="refused to send"):
        made.client.send(Ask(ATTENDEES, "https://evil.example/v1/x", "label"))
    assert made.sent == []


def test_the_token_shows_in_no_log_and_no_error(bench, answers, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    made = bench(answers((403, {}, {"message": "refused"})))
    with pytest.raises(AuthError) as refused:
        made.client.send(ask(made))
    assert "the-secret-token" not in caplog.text
    assert "the-secret-token" not in f"{refused.value!r} {refused.value.url} {Token('the-secret-token')!r}"


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_token_the_server_sends_back_is_left_out(bench, answers, caplog, status: int) -> None:
    caplog.set_level(logging.DEBUG)
    sent = "Bearer the-secret-token"
    body = {"message": f"cannot read {sent}", "errors": [{"description": sent}]}
    made = bench(answers(*[(status, {"trackingid": sent, "warning": sent}, body)] * 2))
    with pytest.raises(SourceError) as refused:
        made.client.send(ask(made))
    assert "Bearer [token]" in str(refused.value)
    told = f"{caplog.text} {refused.value!r} {refused.value.tracking_id} {refused.value.__context__!r}"
    assert "the-secret-token" not in told


@pytest.mark.parametrize("access", ["x", "none", "1", "max", "meeting"])
def test_what_a_short_token_has_in_common_with_headers_stays(bench, answers, access: str) -> None:
    """A next link or a time to wait that lost a letter to `[token]` would lose the pages behind it."""
    headers = {"link": '</v1/meetingReports/attendees?max=10&x=none>; rel="next"', "retry-after": "1"}
    made = bench(answers((200, headers, {"items": []})), credentials=Fixed(Token(access)))
    assert {name: made.client.send(ask(made)).header(name) for name in headers} == headers


def test_addresses_in_the_words_of_webex_are_left_out(bench, answers) -> None:
    assert clean("no such user eve@example.com\r\nnext") == "no such user [address] next"


def test_a_clock_that_differs_is_measured_once(bench, answers, caplog) -> None:
    made = bench(answers((200, {"date": "Sun, 01 Nov 2026 09:00:00 GMT"}, {"items": []})))
    made.client.send(ask(made))
    made.client.send(ask(made))
    assert made.client.skew.total_seconds() == -3 * 3600
    assert caplog.text.count("differ by 180 minutes") == 1


def test_a_warning_header_is_logged(bench, answers, caplog) -> None:
    made = bench(answers((200, {"warning": '299 - "1001 unsupported"'}, {"items": []})))
    made.client.send(ask(made))
    assert "1001 unsupported" in caplog.text


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("http://webexapis.com/v1", "loopback only"),
        ("ftp://webexapis.com", "must start with https"),
        ("https://user:pw@webexapis.com", "no user"),
        ("https://webexapis.com/v1?x=1", "no user, query"),
        ("https://", "name a host"),
        ("https://webexapis.com:port", "not a URL"),
        ("http://127.0.0.1.evil.example/", "loopback only"),
    ],
)
def test_a_base_that_would_betray_the_token_is_refused(base: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Origin.of(base)


@pytest.mark.parametrize("base", ["http://127.0.0.1:8080/v1", "http://localhost/v1", "http://[::1]:9/v1"])
def test_plain_http_is_allowed_on_loopback(base: str) -> None:
    assert Origin.of(base).base == base


def test_a_ca_file_without_certificates_is_a_configuration_error(tmp_path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ConfigError, match="holds no certificates"):
        Wire(Origin.of("https://webexapis.com/v1"), Transport(ca_file=tmp_path / "ca.pem"), monotonic=lambda: 0.0)


def test_a_proxy_that_is_no_url_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="the proxy is not a URL"):
        Wire(Origin.of("https://webexapis.com/v1"), Transport(proxy="nonsense"), monotonic=lambda: 0.0)


def test_a_dripping_answer_ends_at_the_total_time() -> None:
    clock = iter(range(0, 10_000, 100))

    class Drip(httpx.SyncByteStream):
        def __iter__(self):
            while True:
                yield b"x"

    inner = httpx.MockTransport(lambda request: httpx.Response(200, stream=Drip()))
    wire = Wire(Origin.of("https://webexapis.com/v1"), Transport(inner=inner), monotonic=lambda: float(next(clock)))
    with pytest.raises(Exception, match="longer than 300 s"):
        wire.send("GET", "https://webexapis.com/v1/x", headers={})
