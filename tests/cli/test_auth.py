from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest

from auditor.simulator import Fault, Regular, serve

KEYRING = """
import json, os
from pathlib import Path
from keyring.errors import KeyringError
STORE = Path(os.environ["KEYRING_FILE"])

def _read():
    if os.environ.get("KEYRING_LOCKED"):
        raise KeyringError("locked")
    return json.loads(STORE.read_text()) if STORE.exists() else {}

def get_password(service, username):
    return _read().get(f"{service} {username}")

def set_password(service, username, password):
    STORE.write_text(json.dumps({**_read(), f"{service} {username}": password}))

def delete_password(service, username):
    STORE.write_text(json.dumps({k: v for k, v in _read().items() if k != f"{service} {username}"}))
"""


@pytest.fixture
def keychain(tmp_path: Path) -> dict[str, str]:
    """The environment with a package `keyring` that keeps its entries in a file."""
    package = tmp_path / "site" / "keyring"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(KEYRING)
    (package / "errors.py").write_text("class KeyringError(Exception):\n    pass\n")
    return {"PYTHONPATH": str(tmp_path / "site"), "KEYRING_FILE": str(tmp_path / "keys.json")}


@pytest.fixture(scope="module")
def small():
    return Regular(meetings=2, people=2).site()


@pytest.mark.slow
def test_a_pasted_token_is_tried_kept_used_and_forgotten(auditor, small, keychain, tmp_path) -> None:
    with serve(small, token="pasted-token") as server:
        base = ["--base-url", server.base_url]
        login = auditor("auth", "login", "--token", *base, stdin="pasted-token\n", env=keychain)
        assert login.returncode == 0, login.stderr
        assert "Webex accepts it" in login.stderr
        status = auditor("auth", "status", *base, env=keychain)
        assert status.returncode == 0
        assert "keychain" in status.stdout
        assert "pasted-token" not in login.stdout + login.stderr + status.stdout + status.stderr
        collect = auditor("collect", "--archive", tmp_path / "a", *base, "--now", server.now.isoformat(), env=keychain)
        assert collect.returncode == 0, collect.stderr
        logout = auditor("auth", "logout", *base, env=keychain)
        assert "is gone" in logout.stderr
        assert auditor("auth", "status", *base, env=keychain).returncode == 2
        assert "pasted-token" not in Path(keychain["KEYRING_FILE"]).read_text()


def test_a_refused_token_is_not_kept(auditor, small, keychain) -> None:
    with serve(small) as server:
        login = auditor("auth", "login", "--token", "--base-url", server.base_url, stdin="wrong\n", env=keychain)
    assert login.returncode == 4
    assert not Path(keychain["KEYRING_FILE"]).exists()


def test_without_a_keychain_login_says_what_to_install(auditor, small) -> None:
    login = auditor("auth", "login", "--token", stdin="token\n")
    assert login.returncode == 2
    assert "webex-auditor[keyring]" in login.stderr


def test_a_locked_keychain_is_told_as_such(auditor, keychain) -> None:
    locked = {**keychain, "KEYRING_LOCKED": "1"}
    status = auditor("auth", "status", "--base-url", "http://127.0.0.1:9/v1", env=locked)
    assert status.returncode == 2
    assert "the system keychain does not answer" in status.stderr


@pytest.mark.parametrize("listens", [False, True])
def test_status_says_soon_that_nobody_answers(auditor, listens) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listens:
            server.listen()
        base = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        began = time.monotonic()
        status = auditor("auth", "status", "--base-url", base, env={"WEBEX_ACCESS_TOKEN": "a-token"})
    assert time.monotonic() - began < 15
    assert status.returncode == 2
    assert "environment" in status.stdout
    assert "accepted" not in status.stdout
    assert status.stderr.startswith("127.0.0.1 did not answer within 5 s" if listens else "127.0.0.1 cannot be reached")
    assert "is the network there?" in status.stderr


def test_an_empty_paste_is_refused(auditor, keychain) -> None:
    login = auditor("auth", "login", "--token", stdin="\n", env=keychain)
    assert login.returncode == 2
    assert "one word" in login.stderr


@pytest.mark.slow
def test_a_token_in_the_keychain_is_refreshed_and_the_new_one_kept(auditor, small, keychain, tmp_path) -> None:
    with serve(small, faults=[Fault("unauthorized", after=2)], token="first") as server:
        entry = {
            "access": "first",
            "expires": None,
            "refresh": "refresh-of-first",
            "refresh_expires": None,
            "scopes": [],
            "client_id": "id",
            "client_secret": "secret",
        }
        name = f"webex-auditor {server.base_url}"
        store = Path(keychain["KEYRING_FILE"])
        store.write_text(json.dumps({name: json.dumps(entry)}))
        arguments = ["--archive", tmp_path / "a", "--base-url", server.base_url, "--now", server.now.isoformat()]
        collect = auditor("collect", *arguments, env=keychain)
        assert collect.returncode == 0, collect.stderr
        kept = json.loads(json.loads(store.read_text())[name])
        assert (kept["access"], kept["refresh"]) == (server.token, server.refresh_token)
        assert kept["client_id"] == "id"


class Authority(BaseHTTPRequestHandler):
    """A token endpoint that checks the verifier against the challenge of the address."""

    challenge = ""

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        fits = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == Authority.challenge
        fine = fits and form["code"] == ["the-code"] and form["client_secret"] == ["the-secret"]
        body = {"access_token": "granted", "refresh_token": "again", "expires_in": 60_000, "scope": "a b"}
        self._say(200 if fine else 400, body if fine else {})

    def do_GET(self) -> None:
        fine = self.headers["Authorization"] == "Bearer granted"
        self._say(200 if fine else 401, {})

    def _say(self, status: int, value: dict[str, object]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        del format, args


@contextmanager
def authority() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Authority) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def login(
    base: str, keychain: dict[str, str], *, browser: str | None = None
) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A login that waits for the browser, with the parameters of the address it printed."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WEBEX_")}
    secrets = {"WEBEX_CLIENT_ID": "the-id", "WEBEX_CLIENT_SECRET": "the-secret"}
    opening = ["--no-browser"] if browser is None else []
    arguments = ["auth", "login", *opening, "--redirect-port", str(port), "--base-url", base]
    with subprocess.Popen(
        [sys.executable, "-m", "auditor", *arguments],
        env={**inherited, **secrets, **keychain, "BROWSER": browser or ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = urlsplit(process.stdout.readline().strip())
        yield process, {name: values[0] for name, values in parse_qs(address.query).items()}
        process.wait(timeout=30)


def visit(url: str) -> int:
    try:
        with urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except OSError as error:
        return int(getattr(error, "code", 0))


def test_access_granted_in_the_browser_is_redeemed_with_the_verifier(keychain) -> None:
    with authority() as base, login(base, keychain) as (process, asked):
        Authority.challenge = asked["code_challenge"]
        assert asked["code_challenge_method"] == "S256"
        assert "meeting:admin_config_read" in asked["scope"]
        assert visit(f"{asked['redirect_uri']}?code=stolen&state=guessed") == 404
        assert visit(f"{asked['redirect_uri']}favicon.ico") == 404
        assert visit(f"{asked['redirect_uri']}?code=the-code&state={asked['state']}") == 200
        process.wait(timeout=30)
        assert process.returncode == 0
        kept = json.loads(json.loads(Path(keychain["KEYRING_FILE"]).read_text())[f"webex-auditor {base}"])
    assert (kept["access"], kept["refresh"], kept["scopes"]) == ("granted", "again", ["a", "b"])


def test_access_that_is_denied_keeps_nothing(keychain) -> None:
    with authority() as base, login(base, keychain) as (process, asked):
        assert visit(f"{asked['redirect_uri']}?error=access_denied&state={asked['state']}") == 200
        process.wait(timeout=30)
        assert process.returncode == 4
        assert process.stderr is not None
        assert "access_denied" in process.stderr.read()
    assert not Path(keychain["KEYRING_FILE"]).exists()


def test_visitors_that_go_away_leave_no_word(keychain) -> None:
    with authority() as base, login(base, keychain) as (process, asked):
        Authority.challenge = asked["code_challenge"]
        place = urlsplit(asked["redirect_uri"])
        for sent in (b"GET http://[x/ HTTP/1.1\r\n\r\n", b"GET / HT", f"GET /?state={asked['state']}x".encode()):
            with socket.create_connection((place.hostname, place.port)) as visitor:
                visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                visitor.sendall(sent)
        assert visit(f"{asked['redirect_uri']}?code=the-code&state={asked['state']}") == 200
        process.wait(timeout=30)
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
        assert process.returncode == 0


def test_a_browser_that_stays_is_answered(keychain, tmp_path) -> None:
    """Browsers of a terminal come back only once they have been answered."""
    script = tmp_path / "browser"
    script.write_text(
        f"#!{sys.executable}\n"
        "import sys, urllib.request, urllib.parse\n"
        "asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(sys.argv[1]).query))\n"
        "url = asked['redirect_uri'] + '?error=access_denied&state=' + asked['state']\n"
        f"open({str(tmp_path / 'seen')!r}, 'w').write(str(urllib.request.urlopen(url, timeout=5).status))\n"
    )
    script.chmod(0o755)
    with authority() as base, login(base, keychain, browser=f"{script} %s") as (process, _):
        process.wait(timeout=30)
    assert process.returncode == 4
    assert (tmp_path / "seen").read_text() == "200"


def test_a_code_that_is_refused_is_told_as_such(keychain) -> None:
    with authority() as base, login(base, keychain) as (process, asked):
        assert visit(f"{asked['redirect_uri']}?code=another&state={asked['state']}") == 200
        process.wait(timeout=30)
        assert process.stderr is not None
        assert process.stderr.read().splitlines()[-1] == "Webex refused the granted code or the integration: 400"
    assert process.returncode == 4
