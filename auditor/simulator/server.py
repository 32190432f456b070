"""The HTTP server in front of sites: loopback only, keep-alive, its own clock, every request remembered."""

from __future__ import annotations

import logging
import os
import socket
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from email.utils import format_datetime
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

from auditor.errors import ConfigError, said
from auditor.frozen import dataclass
from auditor.simulator.endpoints import answered
from auditor.simulator.faults import KINDS, Fault, Injector
from auditor.simulator.service import Behaviour, Credentials, Service
from auditor.simulator.site import Site
from auditor.simulator.wire import Answer, Delivery, Request, refused

TOKEN = "simulated-token"  # noqa: S105 - the invented credential of an invented site
HOST = "127.0.0.1"

_Connection: TypeAlias = "socket.socket | tuple[bytes, socket.socket]"

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """One request and how it was answered; `request.token` is dropped, `authorized` remembers whether it was right."""

    request: Request
    status: int
    headers: tuple[tuple[str, str], ...]
    authorized: bool


class Server:
    """A running server. Made by `serve`."""

    def __init__(self, service: Service, injector: Injector, *, port: int) -> None:
        self.service = service
        self.injector = injector
        self._served: list[Served] = []
        self._crashes: list[BaseException] = []
        self._lock = threading.Lock()
        self._http = _Http((HOST, port), self)
        self.port: int = self._http.server_address[1]
        service.origin = f"http://{HOST}:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="simulator")

    @property
    def base_url(self) -> str:
        """What a client takes for `https://webexapis.com/v1`."""
        return f"{self.service.origin}/v1"

    @property
    def token(self) -> str:
        """The access token that is valid now."""
        return self.service.credentials.access

    @property
    def refresh_token(self) -> str:
        """The refresh token that is valid now."""
        return self.service.credentials.refresh

    @property
    def now(self) -> datetime:
        """The server's clock, which stands still until it is set."""
        return self.service.now

    @now.setter
    def now(self, moment: datetime) -> None:
        self.service.now = moment

    @property
    def requests(self) -> tuple[Served, ...]:
        """Everything served so far, in order of arrival."""
        with self._lock:
            return tuple(self._served)

    @property
    def strikes(self) -> Mapping[str, int]:
        """How often each fault has struck, by name."""
        return self.injector.strikes

    def start(self) -> None:
        """From now on requests are answered."""
        self._thread.start()

    def stop(self) -> None:
        """Every connection is closed and every thread has ended; an error of our own is raised again."""
        self._http.shutdown()
        self._thread.join()
        self._http.hang_up()
        self._http.server_close()
        if self._crashes:
            raise self._crashes[0]

    def answer(self, request: Request) -> Answer:
        """The answer with all its headers, remembered beside the request."""
        authorized = self.service.credentials.accepts(request.token)
        made = self._answered(request)
        now = made.header("Date") or format_datetime(self.service.now, usegmt=True)
        full = made.with_header("Date", now).with_header("trackingid", request.tracking_id)
        shown = Request(request.method, request.path, request.query, request.headers, request.body, None)
        with self._lock:
            self._served.append(Served(shown, full.status, full.headers, authorized))
        return full

    def _answered(self, request: Request) -> Answer:
        try:
            return self.injector.answer(self.service, request, clean=lambda: answered(self.service, request))
        except Exception as error:  # noqa: BLE001 - a mistake of the simulator is raised again by stop
            _LOG.warning("the simulator failed", exc_info=error)
            self._crashes.append(error)
            return refused(request, 500)


@contextmanager
def serve(
    sites: Site | Sequence[Site],
    *,
    now: datetime | None = None,
    faults: Sequence[Fault] = (),
    behaviour: Behaviour | None = None,
    token: str = TOKEN,
    port: int = 0,
) -> Iterator[Server]:
    """A server in front of the sites, on loopback, for as long as the block lasts.

    `now` is the server's clock; without it the clock the first site was made with. The first site is the default.
    """
    listed = (sites,) if isinstance(sites, Site) else tuple(sites)
    clock = now or next((site.now for site in listed if site.now is not None), None)
    if clock is None:
        raise ValueError("a site without its own clock needs now")
    if clock.tzinfo is None:
        raise ValueError("now needs a time zone")
    service = Service({site.url: site for site in listed}, clock, Credentials(token), behaviour or Behaviour())
    try:
        server = Server(service, Injector(faults, kinds=KINDS), port=port)
    except OSError as error:
        raise ConfigError(f"port {port} of 127.0.0.1 cannot be had: {said(error)}") from error
    server.start()
    try:
        yield server
    finally:
        server.stop()


class _Http(ThreadingHTTPServer):
    """The listening socket; knows its open connections, so that stopping never waits for a client."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: Server) -> None:
        self.owner = owner
        self.stopping = threading.Event()
        self.connections: set[socket.socket] = set()
        self.guard = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: _Connection, client_address: object) -> None:
        """The connection is known before its thread starts."""
        if isinstance(request, socket.socket):
            with self.guard:
                self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: _Connection) -> None:
        """The connection is forgotten before it is closed."""
        if isinstance(request, socket.socket):
            with self.guard:
                self.connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close what is open; sleeping answers wake up."""
        self.stopping.set()
        with self.guard:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    _LOG.debug("a connection was closed already")

    def handle_error(self, request: _Connection, client_address: object) -> None:
        """A client that went away is no news."""
        del request
        _LOG.debug("connection of %s ended early", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """One connection, any number of requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        _LOG.debug(format, *args)

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        body = self.rfile.read(int(length)) if length.isdigit() else b""
        request = Request.read(self.command, self.path, dict(self.headers.items()), body)
        self._deliver(self.server.owner.answer(request))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 - names the base class looks for

    def _deliver(self, answer: Answer) -> None:
        if answer.wait:
            self.server.stopping.wait(answer.wait)
        if answer.delivery is Delivery.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
        if answer.delivery in {Delivery.RESET, Delivery.STALL}:
            self.close_connection = True
            return
        cut = answer.delivery is Delivery.CUT
        body = answer.body[: len(answer.body) // 2] if cut else answer.body
        self.close_connection = self.close_connection or cut or answer.header("Connection") == "close"
        self.wfile.write(_head(answer) + (b"" if self.command == "HEAD" else body))


def _head(answer: Answer) -> bytes:
    """Status line and headers; the length is the body's unless the answer names another."""
    lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if answer.header("Content-Length") is None and answer.status != 204:
        lines.append(f"Content-Length: {len(answer.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
