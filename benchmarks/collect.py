"""Rows a second through `collect`, as a multiple of wxc_sdk's generic paging on the same server.

    python benchmarks/collect.py [--rows 200000] [--peer PYTHON]

The simulator runs in a process of its own. Our side is the whole of `auditor collect` on attendee reports: fetch,
evidence, hash chain, tables. The peer's side is fetching alone, with its retries on: `RestSession.follow_pagination`
once into a typed model of the SDK, once into plain dictionaries. PYTHON is an interpreter that has the package
`wxc-sdk` (group `bench`, installed by `make bench`); this one unless named. The floor is httpx alone, which fetches the
same pages one after another and looks at nothing but their links: what the server and the line cost anybody.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from auditor.simulator import Regular, Site, serve

PEOPLE = 100
TOKEN = "benchmark-token"

PEER = """
import json, sys, time
from datetime import datetime
from typing import Optional
from wxc_sdk import WebexSimpleApi
from wxc_sdk.base import ApiModel

class Attendee(ApiModel):
    meeting_id: Optional[str] = None
    meeting_number: Optional[str] = None
    meeting_title: Optional[str] = None
    display_name: Optional[str] = None
    email: Optional[str] = None
    joined_time: Optional[datetime] = None
    left_time: Optional[datetime] = None
    duration: Optional[int] = None
    participant_type: Optional[str] = None
    ip_address: Optional[str] = None
    client_agent: Optional[str] = None
    registered: Optional[bool] = None
    invited: Optional[bool] = None

base, site, model, *spans = sys.argv[1:]
api = WebexSimpleApi(tokens="benchmark-token", retry_429=True)
began, cpu, rows = time.perf_counter(), time.process_time(), 0
for span in spans:
    start, end = span.split(",")
    params = {"siteUrl": site, "from": start, "to": end, "max": "1000"}
    found = api.session.follow_pagination(
        f"{base}/meetingReports/attendees", model=Attendee if model == "typed" else None, params=params
    )
    rows += sum(1 for _ in found)
print(json.dumps({"rows": rows, "seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}))
"""


FLOOR = """
import json, sys, time
import httpx

base, site, *spans = sys.argv[1:]
client = httpx.Client(headers={"Authorization": "Bearer benchmark-token"}, timeout=60)
began, cpu, size = time.perf_counter(), time.process_time(), 0
for span in spans:
    start, end = span.split(",")
    url = f"{base}/meetingReports/attendees?siteUrl={site}&from={start}&to={end}&max=1000"
    while url:
        answer = client.get(url)
        size += len(answer.content)
        url = answer.links.get("next", {}).get("url")
print(json.dumps({"bytes": size, "seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}))
"""


def crowd(rows: int) -> tuple[Regular, Site]:
    """A site with so many attendee rows over 80 days, and no participants."""
    meetings = max(1, rows // PEOPLE)
    regular = Regular(meetings=meetings, people=PEOPLE, apart=timedelta(days=80) / meetings)
    return regular, Site(attendees=regular.attendees(), usage=regular.usage(), now=regular.now)


def served(rows: int) -> None:
    """The server's process: prints its address, ends with its stdin."""
    _, site = crowd(rows)
    with serve(site, token=TOKEN) as server:
        print(server.base_url, flush=True)
        sys.stdin.read()


@contextmanager
def server(rows: int) -> Iterator[str]:
    command = [sys.executable, __file__, "--serve", str(rows)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def ours(base: str, regular: Regular, rows: int) -> dict[str, float]:
    """`auditor collect` of the attendees, from the start of the process to its end."""
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        arguments = ["--archive", f"{folder}/archive", "--base-url", base, "--now", regular.now.isoformat()]
        subprocess.run(
            [sys.executable, "-m", "auditor", "-q", "collect", *arguments, "--participants", "none", "--days", "85"],
            env={**os.environ, "WEBEX_ACCESS_TOKEN": TOKEN},
            check=True,
        )
        seconds = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"rows": rows, "seconds": seconds, "cpu": cpu, "megabytes": after.ru_maxrss * 1024 / 1e6}


def spans_of(regular: Regular) -> list[str]:
    """The weeks that are asked for."""
    spans = []
    start = regular.now - timedelta(days=85)
    while start < regular.now:
        end = min(start + timedelta(days=7), regular.now)
        spans.append(f"{start:%Y-%m-%dT%H:%M:%SZ},{end:%Y-%m-%dT%H:%M:%SZ}")
        start = end
    return spans


def asked(python: str, program: str, *arguments: str) -> dict[str, float]:
    """What a program of its own measured."""
    result = subprocess.run([python, "-c", program, *arguments], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(result.stdout)
    return found


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--peer", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(words)
    if given.serve:
        served(given.serve)
        return
    regular, _ = Regular(), None
    meetings = max(1, given.rows // PEOPLE)
    regular = Regular(meetings=meetings, people=PEOPLE, apart=timedelta(days=80) / meetings)
    rows = meetings * PEOPLE
    with server(given.rows) as base:
        floor = {"rows": rows, **asked(sys.executable, FLOOR, base, "example.webex.com", *spans_of(regular))}
        theirs_first = peer_runs(base, regular, python=given.peer)
        mine = ours(base, regular, rows)
    tell("floor: httpx alone", floor)
    print(f"{'':<44}{floor['cpu'] / rows * 1e6:>10.1f} CPU s a million rows, {floor['bytes'] / rows:.0f} bytes a row")
    tell("auditor collect (evidence and tables)", mine)
    print(f"{'':<44}{mine['cpu'] / rows * 1e6:>10.1f} CPU s a million rows, peak {mine['megabytes']:.0f} MB")
    for model, found in theirs_first.items():
        tell(f"wxc_sdk paging, {model}", found)
        ratio = (mine["rows"] / mine["seconds"]) / (found["rows"] / found["seconds"])
        print(
            f"{'':<44}{ratio:>10.1f} times as many rows a second; its CPU {found['cpu'] / rows * 1e6:.1f} s a million"
        )


def peer_runs(base: str, regular: Regular, *, python: str) -> dict[str, dict[str, float]]:
    """The peer's figures by model; none when the package is not there."""
    probe = subprocess.run([python, "-c", "import wxc_sdk"], capture_output=True, check=False)
    if probe.returncode:
        print("wxc_sdk is not installed for", python)
        return {}
    spans = spans_of(regular)
    return {model: asked(python, PEER, base, "example.webex.com", model, *spans) for model in ("typed", "plain")}


def tell(name: str, found: dict[str, float]) -> None:
    print(f"{name:<44}{found['rows'] / found['seconds']:>10,.0f} rows/s in {found['seconds']:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
