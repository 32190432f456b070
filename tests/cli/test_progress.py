from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from datetime import timedelta
from types import SimpleNamespace

import pytest

from auditor.cli.progress import State, lines
from auditor.simulator import Fault, Regular, serve
from auditor.webex.progress import Decoding, PageCame, Planned, UnitDone


def state(*, seconds: float, requests: int) -> State:
    client = SimpleNamespace(requests=requests, waited=timedelta(seconds=12))
    return State(client, lambda: seconds, 0.0)  # type: ignore[arg-type]


def test_a_line_a_site_tells_units_rows_rate_wait_and_estimate() -> None:
    here = state(seconds=60.0, requests=30)
    here.heard(Planned("example.webex.com", 20))
    here.heard(Planned(None, 1))
    for _ in range(5):
        here.heard(PageCame("example.webex.com", 1000))
        here.heard(UnitDone("example.webex.com", 0))
    assert lines(here) == [
        "example.webex.com: 5 of 20 units, 5000 rows, 0.5 requests/s, 12 s waited, about 0:03:00 left"
    ]


def test_there_is_no_estimate_before_the_first_unit() -> None:
    here = state(seconds=1.0, requests=1)
    here.heard(Planned("example.webex.com", 20))
    here.heard(Decoding())
    assert "left" not in lines(here)[0]


@pytest.mark.slow
def test_a_terminal_shows_a_line_while_it_goes_on(tmp_path) -> None:
    with serve(Regular(meetings=3, people=3).site(), faults=[Fault("slow", value="0.02", times=0)]) as server:
        reader, writer = pty.openpty()
        arguments = ["--archive", tmp_path / "a", "--base-url", server.base_url, "--now", server.now.isoformat()]
        with subprocess.Popen(
            [sys.executable, "-m", "auditor", "collect", *map(str, arguments)],
            env={**os.environ, "WEBEX_ACCESS_TOKEN": server.token, "TERM": "xterm", "COLUMNS": "120"},
            stdout=subprocess.DEVNULL,
            stderr=writer,
        ) as process:
            os.close(writer)
            shown = b""
            while True:
                try:
                    part = os.read(reader, 65536)
                except OSError:
                    break
                shown += part
            process.wait()
        os.close(reader)
    text = shown.decode("utf-8", "replace")
    assert process.returncode == 0
    assert "requests/s" in text
    assert "example.webex.com" in text
    assert "nothing is missing" in text


@pytest.mark.slow
def test_no_progress_shows_none_and_json_stays_json(auditor, tmp_path) -> None:
    with serve(Regular(meetings=2, people=2).site()) as server:
        arguments = ["--archive", tmp_path / "a", "--base-url", server.base_url, "--now", server.now.isoformat()]
        result = auditor(
            *("--log-format", "json", "--no-progress", "collect"), *arguments, env={"WEBEX_ACCESS_TOKEN": server.token}
        )
    assert all(json.loads(line) for line in result.stderr.splitlines())
