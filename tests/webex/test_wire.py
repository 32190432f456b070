"""The line itself: TLS, certificates of one's own, proxies."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from threading import Event, Thread, Timer

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from auditor.errors import ConfigError
from auditor.webex.awaited import Stopped
from auditor.webex.oauth import Integration, TokenEndpoint
from auditor.webex.origin import Origin
from auditor.webex.wire import TransferFailed, Transport, Wire


class Plain(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        del format, args


class Quiet(HTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust us went away."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file with a self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    both = tmp_path_factory.mktemp("tls") / "both.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    both.write_bytes(signed.public_bytes(Encoding.PEM) + secret)
    return both


@contextmanager
def secure(certificate: Path) -> Iterator[Origin]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Quiet(("127.0.0.1", 0), Plain) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield Origin.of(f"https://127.0.0.1:{server.server_address[1]}/v1")
        server.shutdown()
        thread.join()


def answered(origin: Origin, transport: Transport) -> int:
    with Wire(origin, transport, monotonic=lambda: 0.0) as wire:
        return wire.send("GET", f"{origin.base}/x", headers={}).status


def test_a_certificate_nobody_vouches_for_is_refused(certificate) -> None:
    with secure(certificate) as origin, pytest.raises(TransferFailed, match=r"not trusted.*collect\.ca_file"):
        answered(origin, Transport())


def test_a_bundle_of_ones_own_is_trusted(certificate) -> None:
    with secure(certificate) as origin:
        assert answered(origin, Transport(ca_file=certificate)) == 200


def test_the_environment_names_a_bundle_for_the_command_line(certificate) -> None:
    with secure(certificate) as origin:
        script = (
            "from auditor.cli.connection import origin_of, wire_to; from auditor.settings import Collect;"
            f"wire = wire_to(origin_of({origin.base!r}), Collect());"
            f"print(wire.send('GET', {origin.base + '/x'!r}, headers={{}}).status)"
        )
        result = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "SSL_CERT_FILE": str(certificate)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.stdout == "200\n", result.stderr


@contextmanager
def proxy(heard: list[bytes]) -> Iterator[str]:
    """A proxy that refuses every tunnel and remembers what it was asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                heard.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        thread = Thread(target=refuse)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_a_proxy_is_asked_for_a_tunnel_and_never_sees_the_token() -> None:
    heard: list[bytes] = []
    origin = Origin.of("https://webex.example.com/v1")
    with (
        proxy(heard) as url,
        Wire(origin, Transport(proxy=url), monotonic=lambda: 0.0) as wire,
        pytest.raises(TransferFailed, match="the proxy refused"),
    ):
        wire.send("GET", f"{origin.base}/x", headers={"Authorization": "Bearer the-token"})
    assert heard[0].startswith(b"CONNECT webex.example.com:443")
    assert b"the-token" not in heard[0]


@pytest.mark.parametrize(("bypassed", "asked"), [("", True), ("webex.example.com", False)])
def test_the_environment_names_a_proxy_and_what_goes_past_it(bypassed, asked) -> None:
    script = (
        "from auditor.cli.connection import origin_of, proxy_of; from auditor.settings import Collect;"
        "print(proxy_of(origin_of('https://webex.example.com/v1'), Collect()))"
    )
    environment = {"HTTPS_PROXY": "http://proxy.example.com:3128", "NO_PROXY": bypassed, "PATH": os.environ["PATH"]}
    result = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ("http://proxy.example.com:3128" if asked else "None")


def test_nothing_on_loopback_goes_through_a_proxy() -> None:
    with HTTPServer(("127.0.0.1", 0), Plain) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        origin = Origin.of(f"http://127.0.0.1:{server.server_address[1]}/v1")
        assert answered(origin, Transport(proxy="http://127.0.0.1:9")) == 200
        thread.join()


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:1080", "socks5h://127.0.0.1:1080", "http://[::1", "ftp://x", "x"]
)
def test_a_proxy_of_another_kind_is_told(proxy: str) -> None:
    with pytest.raises(ConfigError, match=r"the proxy is not a URL such as http:"):
        Wire(Origin.of("https://webex.example.com/v1"), Transport(proxy=proxy), monotonic=lambda: 0.0)


@pytest.mark.parametrize("host", ["xn--", f"{'a' * 64}.invalid", "ä..b"])
def test_a_name_that_no_host_can_have_is_a_failed_transfer(host: str) -> None:
    origin = Origin.of(f"https://{host}/v1")
    with Wire(origin, Transport(), monotonic=lambda: 0.0) as wire, pytest.raises(TransferFailed):
        wire.send("GET", f"{origin.base}/x", headers={})


@contextmanager
def silent() -> Iterator[tuple[Wire, Event]]:
    """A line to a server that takes a request and says nothing until the block ends, and what tells of the request."""
    asked, ended = Event(), Event()

    def answering(request: httpx.Request) -> httpx.Response:
        del request
        asked.set()
        ended.wait(20)
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

    transport = Transport(inner=httpx.MockTransport(answering))
    with Wire(Origin.of("https://webex.example.com/v1"), transport, monotonic=lambda: 0.0) as wire:
        yield wire, asked
        ended.set()


def test_an_answer_is_not_waited_for_once_the_line_is_left() -> None:
    with silent() as (wire, asked):
        Timer(0.2, wire.leave).start()
        begun = time.monotonic()
        with pytest.raises(Stopped):
            wire.send("GET", f"{wire.origin.base}/x", headers={})
        assert asked.is_set()
        assert time.monotonic() - begun < 5


def test_a_token_is_not_waited_for_once_the_line_is_left() -> None:
    with silent() as (wire, asked):
        endpoint = TokenEndpoint(wire, Integration("id", "secret"), lambda: datetime.now(UTC), time.sleep)
        Timer(0.2, wire.leave).start()
        with pytest.raises(Stopped):
            endpoint.refreshed("refresh")
        assert asked.is_set()


def test_nothing_is_sent_on_a_line_that_was_left() -> None:
    with silent() as (wire, asked):
        wire.leave()
        with pytest.raises(Stopped):
            wire.send("GET", f"{wire.origin.base}/x", headers={})
        assert not asked.is_set()
