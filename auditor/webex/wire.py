"""One HTTP exchange, complete or failed: the only place that sends."""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

import httpx

from auditor.errors import ConfigError
from auditor.frozen import dataclass
from auditor.version import VERSION
from auditor.webex.awaited import awaited
from auditor.webex.origin import Origin, is_loopback

_LARGEST_BODY = 256 * 2**20
_GZIP = 16 + zlib.MAX_WBITS
_LEFT_OUT = "[token]"
_SHORTEST = 8
"""Fewest characters of a secret that is looked for: a shorter one stands by chance in links that must stay whole."""


class TransferFailed(Exception):  # noqa: N818 - says what happened; it is retried, not shown as an error
    """No complete answer came: connection, time-out, reset, or a body cut or wrongly packed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete response; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header, several of one name joined by commas; None when absent."""
        return self.headers.get(name)

    def without(self, secret: str, *, body: bool) -> Answer:
        """The answer without a secret that the server sent back in a header, and on request in the body."""
        if len(secret) < _SHORTEST:
            return self
        headers = {name: value.replace(secret, _LEFT_OUT) for name, value in self.headers.items()}
        kept = self.body.replace(secret.encode(), _LEFT_OUT.encode()) if body else self.body
        return Answer(self.status, headers, kept)


@dataclass(frozen=True, slots=True)
class Transport:
    """How the line is built. A proxy sees only what TLS shows; `ca_file` is a bundle of PEM certificates."""

    proxy: str | None = None
    ca_file: Path | None = None
    connect: timedelta = timedelta(seconds=15)
    read: timedelta = timedelta(seconds=60)
    total: timedelta = timedelta(minutes=5)
    connections: int = 16
    inner: httpx.BaseTransport | None = None


class Wire:
    """Sends to one origin and nowhere else; no redirects, TLS always verified, environment never read.

    Once it is left nothing is sent, and no answer is waited for.
    """

    def __init__(self, origin: Origin, transport: Transport, *, monotonic: Callable[[], float]) -> None:
        self._origin = origin
        self._left = Event()
        self._monotonic = monotonic
        self._total = transport.total.total_seconds()
        read = transport.read.total_seconds()
        try:
            self._http = httpx.Client(
                headers={"User-Agent": f"auditor/{VERSION}", "Accept-Encoding": "gzip"},
                timeout=httpx.Timeout(read, connect=transport.connect.total_seconds(), pool=None),
                limits=httpx.Limits(max_connections=transport.connections),
                follow_redirects=False,
                trust_env=False,
                proxy=None if is_loopback(origin.host) else transport.proxy,
                verify=True if transport.inner else _trusted(origin, transport.ca_file),
                transport=transport.inner,
            )
        except (ValueError, httpx.InvalidURL, ImportError) as error:  # SOCKS would need another library
            raise ConfigError("the proxy is not a URL such as http://proxy.example.com:3128") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    @property
    def origin(self) -> Origin:
        """The only server this wire leads to."""
        return self._origin

    def send(self, method: str, url: str, *, headers: Mapping[str, str], content: bytes | None = None) -> Answer:
        """The complete answer; raises `TransferFailed` when none came, `Stopped` when the line is left first."""
        if not self._origin.covers(url):
            raise ConfigError(f"refused to send anything to a server other than {self._origin.root}")
        return awaited(partial(self._exchanged, method, url, headers, content), self._left)

    def leave(self) -> None:
        """Wait for no answer any more; those who wait end with `Stopped`."""
        self._left.set()

    def _exchanged(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        deadline = self._monotonic() + self._total
        try:
            with self._http.stream(method, url, headers=dict(headers), content=content) as response:
                body = self._read(response, deadline=deadline)
                return Answer(response.status_code, dict(response.headers.items()), body)
        except (httpx.RequestError, httpx.InvalidURL, UnicodeError, ssl.SSLError, OSError) as error:
            raise TransferFailed(_told(error)) from None

    def _read(self, response: httpx.Response, *, deadline: float) -> bytes:
        """The whole body, unpacked here because a stream that ends too early must not pass for a whole one."""
        unpack = _unpacker(response.headers.get("content-encoding", "").strip().lower())
        parts: list[bytes] = []
        left = _LARGEST_BODY
        for part in response.iter_raw():
            parts.append(unpack.fed(part, left))
            left -= len(parts[-1])
            if left <= 0:
                raise TransferFailed(f"the answer is larger than {_LARGEST_BODY // 2**20} MB")
            if self._monotonic() > deadline:
                raise TransferFailed(f"the answer took longer than {self._total:.0f} s")
        unpack.end()
        return b"".join(parts)


class _Plain:
    """Bytes that are not packed."""

    def fed(self, part: bytes, most: int) -> bytes:
        """The bytes themselves."""
        del most
        return part

    def end(self) -> None:
        """Nothing is ever missing: the length of the transfer was checked below."""


class _Gzip(_Plain):
    """One or more gzip members (RFC 1952), complete with their check sums."""

    def __init__(self) -> None:
        self._member: zlib._Decompress | None = None

    def fed(self, part: bytes, most: int) -> bytes:
        """What the bytes unpack to, a little more than `most` at the most."""
        found = bytearray()
        try:
            while part and len(found) <= most:
                member = self._member or zlib.decompressobj(_GZIP)
                found += member.decompress(part, most + 1 - len(found))
                part = member.unused_data if member.eof else member.unconsumed_tail
                self._member = None if member.eof else member
        except zlib.error:
            raise TransferFailed("the answer was packed wrongly") from None
        return bytes(found)

    def end(self) -> None:
        """Raise when the last member is cut."""
        if self._member is not None:
            raise TransferFailed("the answer was cut short")


def _unpacker(encoding: str) -> _Plain:
    if encoding in {"", "identity"}:
        return _Plain()
    if encoding in {"gzip", "x-gzip"}:
        return _Gzip()
    raise TransferFailed("the answer is packed in a way that was not asked for")


def _told(error: Exception) -> str:
    """What went wrong, without the address: it may hold names."""
    kinds = (
        (httpx.ConnectTimeout, "no connection in time"),
        (httpx.TimeoutException, "no answer in time"),
        (httpx.ProxyError, "the proxy refused"),
        (httpx.RemoteProtocolError, "the answer was cut short"),
    )
    for kind, words in kinds:
        if isinstance(error, kind):
            return words
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "the server's certificate is not trusted; a company CA goes into collect.ca_file"
    return "the connection failed"


def _trusted(origin: Origin, ca_file: Path | None) -> ssl.SSLContext:
    """Whom to trust: the bundle, else the certificates that ship with httpx; on plain loopback nobody."""
    if origin.scheme == "http":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{ca_file} holds no certificates: {error}") from error
