"""Memory of a collection that is far larger than memory should be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from auditor.tables.archive import Archive

ROWS = 5_000_000
SLICES = 12

ENDLESS = """
import json, sys
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

rows, shared = int(sys.argv[1]), int(sys.argv[2])

def record(start, number):
    meeting = number // 100
    day, place = start, meeting
    if meeting >= rows // 100 - shared:
        day, place = start + timedelta(days=7), meeting - (rows // 100 - shared)
    joined = start + timedelta(days=1, seconds=meeting % 80_000)
    return (
        f'{{"meetingId":"{day:%Y%m%d}{place:024x}_I_{place:018d}","meetingNumber":"2550{place:07d}",'
        f'"meetingTitle":"Meeting {place}","displayName":"Person {number % 100}",'
        f'"email":"p{number % 100}@northbank.example","joinedTime":"{joined:%Y-%m-%dT%H:%M:%SZ}",'
        f'"leftTime":"{joined + timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}","duration":30,'
        f'"participantType":"attendee","ipAddress":"192.0.2.{number % 250}","clientAgent":"WINDOWS,Webex",'
        f'"registered":false,"invited":true}}'
    )

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        link = None
        if parts.path.endswith("/sites"):
            body = b'{"sites":[{"siteUrl":"example.webex.com"}]}'
        elif parts.path.endswith("/usage"):
            body = b'{"items":[]}'
        else:
            start = datetime.fromisoformat(query["from"])
            first, size = int(query.get("cursor", 0)), int(query["max"])
            found = [record(start, number) for number in range(first, min(first + size, rows))]
            body = ('{"items":[' + ",".join(found) + "]}").encode()
            if first + size < rows:
                link = f"<{parts.path}?{urlencode({**query, 'cursor': first + size})}>; rel=next"
        self.send_response(200)
        if link:
            self.send_header("Link", link)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp=None):
        # the day of the collection, not today: what is asked for must stay inside the look-back
        return "Fri, 20 Nov 2026 12:00:00 GMT"

    def log_message(self, *args):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
server.serve_forever()
"""


MEASURED = """
import os, sys

child = os.fork()
if child == 0:
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss / (1024 if sys.platform == "linux" else 2**20))
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Runs Python and prints the most megabytes it held; a child is said to hold what its parent held at the start."""


@contextmanager
def endless(rows: int, *, shared: int) -> Iterator[str]:
    """A server that makes so many rows up for every week it is asked for; so many meetings go on in the next week."""
    command = [sys.executable, "-c", ENDLESS, str(rows), str(shared)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def peak(base: str, folder: Path) -> float:
    """Megabytes at the most that a collection of twelve weeks held."""
    options = ["--base-url", base, "--now", "2026-11-20T12:00:00Z", "--from", "2026-08-24", "--to", "2026-11-16"]
    command = ["-m", "auditor", "-q", "collect", "--archive", str(folder), *options, "--participants", "none"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command],
        env=os.environ | {"WEBEX_ACCESS_TOKEN": "the-token"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout.splitlines()[-1])


@pytest.mark.soak
@pytest.mark.parametrize("shared", [0, 40], ids=["meetings of their own", "meetings that span slices"])
def test_millions_of_rows_need_less_than_half_a_gigabyte(shared: int, tmp_path) -> None:
    with endless(ROWS // SLICES, shared=shared) as base:
        megabytes = peak(base, tmp_path / "archive")
    assert Archive(tmp_path / "archive").scan("attendees").select(pl.len()).collect().item() == ROWS // SLICES * SLICES
    assert megabytes < 500
