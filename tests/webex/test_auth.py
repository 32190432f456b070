from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from urllib.parse import parse_qs

import httpx
import pytest

from auditor.errors import AuthError, ConfigError, SourceError
from auditor.webex.auth import Fixed, Refreshing, Token
from auditor.webex.keychain import Saved, forget, save, saved
from auditor.webex.oauth import Integration, TokenEndpoint, authorize_url
from auditor.webex.origin import Origin
from auditor.webex.wire import Transport, Wire

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def refreshing(
    token: Token | None, refresh: Callable[[Token | None], Token], stored: list[Token] | None = None
) -> Refreshing:
    kept = [] if stored is None else stored
    return Refreshing(token, refresh=refresh, store=kept.append, now=lambda: NOW)


def endpoint(answering: Callable[[httpx.Request], httpx.Response], slept: list[float]) -> TokenEndpoint:
    def streamed(request: httpx.Request) -> httpx.Response:
        response = answering(request)
        return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(response.content))

    origin = Origin.of("https://webex.example.com/v1")
    wire = Wire(origin, Transport(inner=httpx.MockTransport(streamed)), monotonic=lambda: 0.0)
    return TokenEndpoint(wire, Integration("the-id", "the-secret"), lambda: NOW, slept.append)


@pytest.mark.parametrize("text", ["", "two words", "line\nbreak", "ünïcode", " padded"])
def test_a_token_is_one_word(text: str) -> None:
    with pytest.raises(ConfigError):
        Token(text)


def test_a_token_never_shows_itself() -> None:
    token = Token("hidden-access", refresh="hidden-refresh")
    assert "hidden" not in f"{token!r} {token} {Integration('id', 'hidden-secret')!r}"


def test_a_fixed_token_cannot_be_renewed() -> None:
    with pytest.raises(AuthError, match="wrong or expired"):
        Fixed(Token("a")).renewed(Token("a"))


def test_a_token_with_little_left_is_refreshed_before_it_is_used() -> None:
    source = refreshing(Token("old", expires=NOW + timedelta(minutes=9)), lambda _: Token("new"))
    assert source.token().access == "new"


def test_a_token_with_enough_left_is_used() -> None:
    source = refreshing(Token("old", expires=NOW + timedelta(minutes=11)), lambda _: Token("new"))
    assert source.token().access == "old"


@pytest.mark.parametrize("access", ["fresh", "stale"])
def test_threads_that_meet_the_same_refusal_share_one_refresh(access: str) -> None:
    calls: list[int] = []
    stale = Token("stale")

    def refresh(_: Token | None) -> Token:
        calls.append(1)
        return Token(access)

    source, barrier, seen = refreshing(stale, refresh), Barrier(8), []

    def meet() -> None:
        barrier.wait()
        seen.append(source.renewed(stale).access)

    threads = [Thread(target=meet) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [access] * 8
    assert calls == [1]


def test_a_rotated_token_is_stored_before_it_is_used() -> None:
    stored: list[Token] = []

    def store(token: Token) -> None:
        stored.append(token)
        raise OSError("no disk")

    source = Refreshing(None, refresh=lambda _: Token("new", refresh="r2"), store=store, now=lambda: NOW)
    with pytest.raises(OSError, match="no disk"):
        source.token()
    assert [token.refresh for token in stored] == ["r2"]


def test_a_refused_refresh_is_not_tried_again() -> None:
    calls: list[int] = []

    def refresh(_: Token | None) -> Token:
        calls.append(1)
        raise AuthError("spent")

    source = refreshing(None, refresh)
    for _ in range(3):
        with pytest.raises(AuthError, match="spent"):
            source.token()
    assert calls == [1]


def dead(calls: list[int]) -> Callable[[Token | None], Token]:
    def refresh(_: Token | None) -> Token:
        calls.append(1)
        raise SourceError("the token endpoint did not answer: 503")

    return refresh


def test_a_refused_token_that_nobody_replaces_is_a_refusal_and_not_asked_for_again() -> None:
    calls: list[int] = []
    source = refreshing(Token("old"), dead(calls))
    for _ in range(3):
        with pytest.raises(AuthError, match="did not answer: 503") as refused:
            source.renewed(Token("old"))
        assert refused.value.status == 401
    assert calls == [1]


def test_a_fading_token_that_nobody_replaces_is_used_while_it_lasts() -> None:
    calls: list[int] = []
    source = refreshing(Token("old", expires=NOW + timedelta(minutes=2)), dead(calls))
    assert [source.token().access for _ in range(3)] == ["old"] * 3
    assert calls == [1]
    with pytest.raises(AuthError, match="did not answer"):
        refreshing(Token("old", expires=NOW), dead(calls)).token()


def test_an_ending_refresh_token_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    fresh = [Token("a", expires=NOW, refresh_expires=NOW + timedelta(days=3)) for _ in range(2)]
    source = refreshing(None, lambda _: fresh.pop())
    source.token()
    source.token()
    assert caplog.text.count("the refresh token ends in 3 days") == 1


def test_a_refresh_believes_what_the_server_says() -> None:
    sent: list[httpx.Request] = []

    def answering(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        body = {"access_token": "a2", "expires_in": 3600, "refresh_token": "r2", "refresh_token_expires_in": 86400}
        return httpx.Response(200, json={**body, "scope": "x y"})

    token = endpoint(answering, []).refreshed("r1")
    assert (token.access, token.refresh, token.scopes) == ("a2", "r2", ("x", "y"))
    assert token.expires == NOW + timedelta(hours=1)
    assert token.refresh_expires == NOW + timedelta(days=1)
    form = parse_qs(sent[0].content.decode())
    assert str(sent[0].url) == "https://webex.example.com/v1/access_token"
    assert form["grant_type"] == ["refresh_token"]
    assert form["client_secret"] == ["the-secret"]
    assert "authorization" not in sent[0].headers


def test_a_refresh_that_brings_no_new_refresh_token_keeps_the_old_one() -> None:
    token = endpoint(lambda _: httpx.Response(200, json={"access_token": "a2"}), []).refreshed("r1")
    assert (token.refresh, token.expires) == ("r1", None)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_refresh_token_is_an_auth_error(status: int) -> None:
    with pytest.raises(AuthError, match="run auditor auth login"):
        endpoint(lambda _: httpx.Response(status), []).refreshed("r1")


def test_trouble_of_the_token_endpoint_is_waited_out() -> None:
    left = [httpx.Response(503), httpx.Response(429, headers={"retry-after": "7"}), httpx.Response(200, json={})]
    left[-1] = httpx.Response(200, json={"access_token": "a2"})
    slept: list[float] = []
    assert endpoint(lambda _: left.pop(0), slept).refreshed("r1").access == "a2"
    assert slept[1] == 7


def test_a_dead_token_endpoint_is_named() -> None:
    with pytest.raises(SourceError, match="the token endpoint did not answer: 503"):
        endpoint(lambda _: httpx.Response(503), []).refreshed("r1")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"access_token": 5}', b"<html>", json.dumps({}).encode()])
def test_an_answer_without_a_token_is_named(body: bytes) -> None:
    with pytest.raises(SourceError, match="without a token"):
        endpoint(lambda _: httpx.Response(200, content=body), []).refreshed("r1")


@pytest.mark.parametrize("access", ["", "two words", "ünïcode"])
def test_an_answer_whose_token_is_none_is_named_and_not_repeated(access: str) -> None:
    body = json.dumps({"access_token": access})
    with pytest.raises(SourceError, match="an unusable token") as named:
        endpoint(lambda _: httpx.Response(200, content=body), []).refreshed("r1")
    assert not access or access not in str(named.value)


@pytest.mark.parametrize("seconds", ["NaN", '"3600"', "null", "true"])
def test_a_lifetime_that_is_no_number_is_unknown(seconds: str) -> None:
    body = f'{{"access_token": "a2", "expires_in": {seconds}}}'
    assert endpoint(lambda _: httpx.Response(200, content=body), []).refreshed("r1").expires is None


@pytest.mark.parametrize("seconds", ["1e999", "1" + "0" * 400])
def test_a_lifetime_without_end_is_a_long_one(seconds: str) -> None:
    body = f'{{"access_token": "a2", "expires_in": {seconds}}}'
    expires = endpoint(lambda _: httpx.Response(200, content=body), []).refreshed("r1").expires
    assert expires is not None
    assert expires > NOW + timedelta(days=3650)


def test_the_login_page_gets_state_and_challenge_but_no_secret() -> None:
    url = authorize_url(
        "https://webex.example.com/v1",
        client_id="the-id",
        redirect_uri="http://127.0.0.1:8765/",
        scopes=("a", "b"),
        state="s",
        verifier="v" * 43,
    )
    assert "code_challenge_method=S256" in url
    assert "state=s" in url
    assert "v" * 43 not in url


class Chain(dict[tuple[str, str], str]):
    """A keychain in memory."""

    def get_password(self, service: str, username: str) -> str | None:
        return self.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self[service, username]


def test_what_a_keychain_keeps_comes_back_until_it_is_forgotten() -> None:
    chain = Chain()
    token = Token("access", NOW, "again", NOW + timedelta(days=1), ("a", "b"))
    for kept in (Saved(token, Integration("id", "secret")), Saved(Token("alone"))):
        save(chain, "base", kept)
        assert saved(chain, "base") == kept
    assert saved(chain, "other") is None
    assert [forget(chain, "base"), forget(chain, "base"), saved(chain, "base")] == [True, False, None]


@pytest.mark.parametrize(
    "text", ["", "{", "5", "null", "[]", "{}", '{"access": 1}', "[" * 100_000], ids=lambda text: text[:9]
)
def test_an_entry_of_a_keychain_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read; run auditor auth login"):
        saved(Chain({("webex-auditor", "base"): text}), "base")
