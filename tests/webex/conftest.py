"""A client over a transport that answers from a list, with a clock that moves only by sleeping."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event, Lock

import httpx
import pytest

from auditor.webex.auth import Credentials, Fixed, Token
from auditor.webex.client import Client
from auditor.webex.limiter import Clock, Limiter
from auditor.webex.origin import Origin
from auditor.webex.wire import Transport, Wire

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
BASE = "https://webex.example.com/v1"


class Standing:
    """A clock that stands still until somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []
        self._lock = Lock()

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.seconds += seconds

    def clock(self) -> Clock:
        return Clock(self.monotonic, self.sleep)


Answering = Callable[[httpx.Request], httpx.Response]


@dataclass
class Bench:
    """A client and what stands around it."""

    client: Client
    standing: Standing
    limiter: Limiter
    stopped: Event
    sent: list[httpx.Request] = field(default_factory=list)


@pytest.fixture
def bench() -> Callable[..., Bench]:
    def made(answering: Answering, *, credentials: Credentials | None = None, base: str = BASE) -> Bench:
        standing, stopped, sent = Standing(), Event(), []

        def remembered(request: httpx.Request) -> httpx.Response:
            sent.append(request)
            response = answering(request)
            if not response.is_stream_consumed:
                return response
            return httpx.Response(
                response.status_code, headers=response.headers, stream=httpx.ByteStream(response.content)
            )

        wire = Wire(Origin.of(base), Transport(inner=httpx.MockTransport(remembered)), monotonic=standing.monotonic)
        limiter = Limiter(standing.clock(), stopped=stopped.is_set)
        client = Client(
            wire,
            credentials or Fixed(Token("the-secret-token")),
            limiter=limiter,
            clock=standing.clock(),
            now=lambda: NOW,
            stopped=stopped,
        )
        return Bench(client, standing, limiter, stopped, sent)

    return made


@pytest.fixture
def answers() -> Callable[..., Answering]:
    """Answers in order, the last one for ever after."""

    def made(*responses: tuple[int, dict[str, str], object]) -> Answering:
        left = list(responses)

        def answering(request: httpx.Request) -> httpx.Response:
            status, headers, body = left.pop(0) if len(left) > 1 else left[0]
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            return httpx.Response(status, headers=headers, content=content)

        return answering

    return made
