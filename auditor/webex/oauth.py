"""The token endpoint of Webex: codes and refresh tokens exchanged for access tokens."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from math import isnan
from urllib.parse import urlencode

from auditor.errors import AuthError, ConfigError, SourceError
from auditor.frozen import dataclass
from auditor.model.vocabulary import GapReason
from auditor.webex.auth import Token
from auditor.webex.backoff import backoff, told
from auditor.webex.failures import Failed
from auditor.webex.wire import Answer, TransferFailed, Wire

_ATTEMPTS = 5
_LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Integration:
    """A registered OAuth integration; its secret never shows in a repr."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Asks BASE/access_token over the wire; `sleep` takes seconds."""

    wire: Wire
    integration: Integration
    now: Callable[[], datetime]
    sleep: Callable[[float], None]

    def refreshed(self, refresh_token: str) -> Token:
        """The token a refresh token stands for; keeps the old refresh token when no new one came."""
        token = self._token({"grant_type": "refresh_token", "refresh_token": refresh_token})
        if token.refresh is not None:
            return token
        return Token(token.access, token.expires, refresh_token, token.refresh_expires, token.scopes)

    def redeemed(self, code: str, *, redirect_uri: str, verifier: str) -> Token:
        """The token an authorization code stands for."""
        return self._token(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": verifier,
            }
        )

    def _token(self, form: Mapping[str, str]) -> Token:
        fields = {**form, "client_id": self.integration.client_id, "client_secret": self.integration.client_secret}
        answer = self._answer(urlencode(fields).encode())
        if answer.status in {400, 401, 403}:
            renewing = "refresh_token" in form
            what, then = ("refresh token", "; run auditor auth login") if renewing else ("granted code", "")
            raise AuthError(
                f"Webex refused the {what} or the integration: {answer.status}{then}",
                status=answer.status,
                tracking_id=answer.header("trackingid"),
            )
        if answer.status != 200:
            raise _unavailable(f"the token endpoint answered {answer.status}", status=answer.status)
        return _read(answer.body, now=self.now())

    def _answer(self, content: bytes) -> Answer:
        """The answer of the token endpoint, asked again while it is in trouble."""
        url = f"{self.wire.origin.base}/access_token"
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        trouble = "no answer"
        for attempt in range(1, _ATTEMPTS + 1):
            pause = backoff(attempt, seed="access_token")
            try:
                answer = self.wire.send("POST", url, headers=headers, content=content)
            except TransferFailed as error:
                trouble = str(error)
            else:
                if answer.status not in {423, 429} and answer.status < 500:
                    return answer
                trouble = str(answer.status)
                pause = told(answer.header("retry-after"), now=self.now()) or pause
            if attempt < _ATTEMPTS:
                self.sleep(min(pause, _LONGEST_PAUSE).total_seconds())
        raise _unavailable(f"the token endpoint did not answer: {trouble}")


def challenge(verifier: str) -> str:
    """The S256 code challenge of a verifier (RFC 7636 §4.2).

    >>> challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    """
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def authorize_url(
    base: str, *, client_id: str, redirect_uri: str, scopes: tuple[str, ...], state: str, verifier: str
) -> str:
    """Where the person grants access in a browser."""
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
    }
    return f"{base}/authorize?{urlencode(query)}"


def _read(body: bytes, *, now: datetime) -> Token:
    """The token of a token response; `expires_in` is believed, never a constant."""
    try:
        told_ = json.loads(body)
    except (ValueError, RecursionError):
        told_ = None
    access = told_.get("access_token") if isinstance(told_, dict) else None
    if not isinstance(told_, dict) or not isinstance(access, str):
        raise Failed(GapReason.INVALID_BODY, "the token endpoint answered without a token")
    refresh = told_.get("refresh_token")
    scope = told_.get("scope")
    try:
        return Token(
            access,
            _after(now, told_.get("expires_in")),
            refresh if isinstance(refresh, str) and refresh else None,
            _after(now, told_.get("refresh_token_expires_in")),
            tuple(scope.split()) if isinstance(scope, str) else (),
        )
    except ConfigError as error:
        raise Failed(GapReason.INVALID_BODY, f"the token endpoint answered with an unusable token: {error}") from None


def _after(now: datetime, seconds: object) -> datetime | None:
    number = seconds if isinstance(seconds, int | float) and not isinstance(seconds, bool) else None
    if number is None or (isinstance(number, float) and isnan(number)):
        return None
    return now + timedelta(seconds=min(max(number, 0), 10**9))


def _unavailable(message: str, *, status: int | None = None) -> SourceError:
    return Failed(GapReason.UNAVAILABLE, message, status=status)
