"""The loopback address a browser is sent back to when access was granted."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from auditor.errors import AuthError, ConfigError

_PAGE = b"<!doctype html><meta charset=utf-8><title>auditor</title><p>%s You may close this window."


class Redirect(HTTPServer):
    """Waits on 127.0.0.1 for one answer that carries our state; everything else is turned away."""

    allow_reuse_address = True

    def __init__(self, port: int, *, state: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.state = state
        self.code: str | None = None
        self.refusal: str | None = None

    @property
    def uri(self) -> str:
        """The redirect URI, which must be registered with the integration."""
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def granted(self, patience: timedelta, *, monotonic: Callable[[], float] = time.monotonic) -> str:
        """The authorization code. Raises `AuthError` when access is refused or nobody answers in time."""
        deadline = monotonic() + patience.total_seconds()
        while self.code is None and self.refusal is None:
            self.timeout = deadline - monotonic()
            if self.timeout <= 0:
                raise AuthError(f"nobody granted access within {patience.total_seconds() / 60:.0f} minutes")
            self.handle_request()
        if self.code is None:
            raise AuthError(f"access was not granted: {self.refusal}")
        return self.code

    def handle_error(self, request: object, client_address: object) -> None:
        """A visitor that went away, or asks for what is no address, is no news."""
        del request, client_address


@contextmanager
def listening(port: int, *, state: str) -> Iterator[Redirect]:
    """A redirect address for as long as the block lasts."""
    try:
        redirect = Redirect(port, state=state)
    except OSError as error:
        raise ConfigError(f"port {port} is in use; choose another with --redirect-port") from error
    with redirect:
        yield redirect


class _Handler(BaseHTTPRequestHandler):
    """One visit of the browser."""

    server: Redirect
    timeout = 10

    def do_GET(self) -> None:
        """Take the code when the state is ours."""
        parts = urlsplit(self.path)
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path != "/" or not hmac.compare_digest(given.get("state", "").encode(), self.server.state.encode()):
            self._say(404, b"Nothing is here.")
        elif "code" in given:
            self.server.code = given["code"]
            self._say(200, b"Access was granted.")
        else:
            self.server.refusal = "".join(c for c in given.get("error", "no code came") if c.isprintable())[:200]
            self._say(200, b"Access was not granted.")

    def _say(self, status: int, words: bytes) -> None:
        body = _PAGE % words
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Say nothing: the address holds the code."""
