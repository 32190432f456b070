"""Asking Webex: the token, the pauses, the second tries, the words for what was refused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event, Lock
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, uuid5

from auditor.errors import AuthError, RateLimited
from auditor.model.vocabulary import GapReason
from auditor.webex.auth import Credentials, Token
from auditor.webex.awaited import Stopped
from auditor.webex.backoff import backoff, http_date, told, untold
from auditor.webex.endpoints import Endpoint
from auditor.webex.failures import Failed, describe, refused
from auditor.webex.limiter import Clock, Limiter
from auditor.webex.links import Pairs
from auditor.webex.origin import Origin
from auditor.webex.wire import Answer, TransferFailed, Wire

log = logging.getLogger(__name__)

_SKEW = timedelta(minutes=5)
_FINE = frozenset({200, 201, 204})
_LIMITED = frozenset({423, 429})
GATEWAY_TIMEOUT = 504
_DEAD = 3
"""So many requests given up in a row make a dead line: each further one is tried once until one is answered."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `url` is absolute and of our origin; `label` is stable text that tells requests apart.

    `shrinks` is true when the caller asks for less after a 504, so that it is not repeated here.
    """

    endpoint: Endpoint
    url: str
    label: str
    body: bytes | None = None
    shrinks: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How often what is asked again. `locked` bounds 423, `trouble` bounds 5xx and failed transfers."""

    trouble: int = 5
    locked: int = 5


@dataclass(slots=True)
class _Tries:
    """What became of one request so far."""

    trouble: int = 0
    limited: int = 0
    locked: int = 0
    renewed: bool = False


@dataclass(slots=True)
class Tally:
    """What a client has done; guarded by its lock. `given_up` counts requests given up since the last answer.

    `renewal` is the last token that took the place of a refused one, `proved` whether Webex has taken it since.
    """

    requests: int = 0
    given_up: int = 0
    skew: timedelta | None = None
    renewal: Token | None = None
    proved: bool = False
    lock: Lock = field(default_factory=Lock)


class Client:
    """Asks one Webex; every method may be called from any thread."""

    def __init__(
        self,
        wire: Wire,
        credentials: Credentials,
        *,
        limiter: Limiter,
        clock: Clock,
        now: Callable[[], datetime],
        stopped: Event,
        patience: Patience = Patience(),
    ) -> None:
        self._wire = wire
        self._credentials = credentials
        self._limiter = limiter
        self._clock = clock
        self._now = now
        self._stopped = stopped
        self._patience = patience
        self._tally = Tally()
        self._run = f"{wire.origin.base} {now().isoformat()}"

    @property
    def origin(self) -> Origin:
        """The only server this client asks."""
        return self._wire.origin

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return self._tally.requests

    @property
    def waited(self) -> timedelta:
        """How long everybody was paused because Webex asked for it."""
        return self._limiter.waited

    @property
    def skew(self) -> timedelta:
        """How far the server's clock was ahead of ours at its first answer; nothing before one."""
        return self._tally.skew or timedelta()

    def stop(self) -> None:
        """Send nothing more; those who wait for their turn end with `Stopped`, answers on their way are taken."""
        self._stopped.set()

    def leave(self) -> None:
        """Send nothing more and wait for no answer, either."""
        self._stopped.set()
        self._wire.leave()

    def url(self, endpoint: Endpoint, query: Pairs) -> str:
        """The address of a first request."""
        unknown = {name for name, _ in query} - endpoint.parameters
        if unknown:
            raise ValueError(f"{endpoint.path} has no parameter {', '.join(sorted(unknown))}")
        return f"{self.origin.base}{endpoint.path}" + (f"?{urlencode(query)}" if query else "")

    def send(self, ask: Ask) -> Answer:
        """A clean answer: 200, 201 or 204.

        Raises `AuthError`, `RateLimited` or `Failed` when there is none, `Stopped` when the run ends first.
        """
        tries = _Tries()
        while True:
            answer, token = self._exchange(ask, tries)
            if answer is None:
                continue
            if answer.status in _FINE:
                self._limiter.answered()
                return answer
            self._weigh(ask, answer, token, tries)

    def _exchange(self, ask: Ask, tries: _Tries) -> tuple[Answer | None, Token]:
        """The answer of one try, None when the line failed and another try is due; with the token sent."""
        self._limiter.wait()
        token = self._credentials.token()
        if self._stopped.is_set():
            raise Stopped
        with self._tally.lock:
            self._tally.requests += 1
        try:
            answer = self._wire.send(
                ask.endpoint.method, ask.url, headers=self._headers(ask, token, tries), content=ask.body
            )
        except TransferFailed as error:
            tries.trouble += 1
            log.info("%s %s: %s", ask.endpoint.method, ask.endpoint.path, error)
            if tries.trouble >= self._patience.trouble or self._tally.given_up >= _DEAD:
                with self._tally.lock:
                    self._tally.given_up += 1
                words = f"{ask.endpoint.method} {ask.endpoint.path}: {error}, {tries.trouble} times"
                raise Failed(GapReason.UNAVAILABLE, words) from error
            self._rest(backoff(tries.trouble, seed=ask.label))
            return None, token
        # a body that is kept as evidence stays as it came; of others only the words are told
        answer = answer.without(token.access, body=answer.status not in _FINE)
        self._note(ask, answer)
        if answer.status != 401 and token is self._tally.renewal:
            self._tally.proved = True
        return answer, token

    def _weigh(self, ask: Ask, answer: Answer, token: Token, tries: _Tries) -> None:
        """Wait or renew so that the request may be repeated; raises when it may not."""
        error = refused(answer, ask.endpoint, url=f"{self.origin.base}{ask.endpoint.path}")
        status = answer.status
        if status == 401 and not tries.renewed and (token is not self._tally.renewal or self._tally.proved):
            tries.renewed = True
            try:
                self._renew(token)
            except AuthError as refusal:
                words = f"{refusal} ({describe(answer, ask.endpoint)})"
                raise AuthError(words, status=401, tracking_id=error.tracking_id) from refusal
        elif status in _LIMITED:
            self._limited(ask, answer, error, tries)
        elif (status >= 500 or status == 202) and not (status == GATEWAY_TIMEOUT and ask.shrinks):
            tries.trouble += 1
            if tries.trouble >= self._patience.trouble:
                raise error
            self._rest(backoff(tries.trouble, seed=ask.label))
        else:
            raise error

    def _renew(self, token: Token) -> None:
        """Another token for all who ask; one that is refused before it was ever taken is not renewed again."""
        renewal = self._credentials.renewed(token)
        with self._tally.lock:
            if renewal is not self._tally.renewal:
                self._tally.renewal, self._tally.proved = renewal, False

    def _limited(self, ask: Ask, answer: Answer, error: Exception, tries: _Tries) -> None:
        tries.limited += 1
        tries.locked += answer.status == 423
        pause = told(answer.header("retry-after"), now=self._server_time(answer))
        if tries.locked >= self._patience.locked:
            raise RateLimited(str(error), retry_after=pause, status=answer.status) from error
        self._limiter.pause(untold(tries.limited, seed=ask.label) if pause is None else pause)

    def _headers(self, ask: Ask, token: Token, tries: _Tries) -> dict[str, str]:
        name = f"{self._run} {ask.label} {tries.trouble} {tries.limited} {tries.renewed}"
        headers = {
            "Authorization": f"Bearer {token.access}",
            "Accept": "application/json",
            "TrackingID": f"AUDITOR_{uuid5(NAMESPACE_URL, name)}",
        }
        if ask.endpoint.zoned:
            headers["timezone"] = "UTC"
        if ask.body is not None:
            headers["Content-Type"] = "application/json"
        return headers

    def _note(self, ask: Ask, answer: Answer) -> None:
        """Log what is worth knowing of an answer, and compare clocks once."""
        self._tally.given_up = 0
        log.debug("%s %s: %d", ask.endpoint.method, ask.endpoint.path, answer.status)
        if answer.status in _FINE and answer.header("warning"):
            log.warning("%s", describe(answer, ask.endpoint))
        if self._tally.skew is not None:
            return
        with self._tally.lock:
            if self._tally.skew is None:
                skew = self._server_time(answer) - self._now()
                self._tally.skew = skew if abs(skew) > _SKEW else timedelta()
        if self._tally.skew:
            words = "the clock of Webex and ours differ by %.0f minutes; whichever allows less counts"
            log.warning(words, abs(self._tally.skew) / timedelta(minutes=1))

    def _server_time(self, answer: Answer) -> datetime:
        """What the server's clock showed; ours when it does not tell."""
        moment = http_date(answer.header("date") or "")
        return self._now().astimezone(UTC) if moment is None else moment

    def _rest(self, span: timedelta) -> None:
        self._clock.sleep(span.total_seconds())
