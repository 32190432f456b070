"""Collections that are killed, repeated, raced: what an undisturbed run would have left, and little asked twice."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from auditor.errors import ArchiveError
from auditor.evidence.reader import Evidence
from auditor.evidence.writer import Writer
from auditor.model.window import iso
from auditor.simulator import Fault, Regular, Server, serve
from auditor.tables.archive import Archive

TABLES = ("attendees", "participants", "devices", "breakouts", "meetings")
SETTLED = Regular(meetings=40, people=12)


def command(server: Server, folder: Path, *options: str) -> list[str]:
    """A collection of a span that has settled, so that nothing is due to be asked again."""
    start, end = SETTLED.start(SETTLED.meetings), SETTLED.now
    return [
        *(sys.executable, "-m", "auditor", "--no-progress", "collect", "--archive", str(folder)),
        *("--base-url", server.base_url, "--now", iso(SETTLED.now), "--from", iso(start)),
        *("--to", iso(end.replace(day=end.day - 1)), *options),
    ]


def environment(server: Server) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("WEBEX_", "AUDITOR_"))}
    return {**inherited, "WEBEX_ACCESS_TOKEN": server.token}


def finished(server: Server, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(server, folder, *options),
        env=environment(server),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def killed_after(server: Server, folder: Path, requests: int) -> int:
    """Kill the collection once the server has seen so many more requests; gives the exit code."""
    seen = len(server.requests)
    with subprocess.Popen(
        command(server, folder), env=environment(server), stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 60
        while process.poll() is None and len(server.requests) < seen + requests and time.monotonic() < deadline:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        return process.returncode


def tables(folder: Path) -> dict[str, pl.DataFrame]:
    archive = Archive(folder)
    return {name: archive.scan(name).collect().select(pl.exclude("page", "item")).sort(pl.all()) for name in TABLES}


def asked(server: Server) -> Counter[str]:
    return Counter(f"{served.request.method} {served.request.target}" for served in server.requests)


def kill_and_resume(folder: Path, truth: dict[str, pl.DataFrame], moments: list[int], *, clean: int) -> int:
    """The number of requests made more than once; the tables must equal the truth."""
    with serve(SETTLED.site()) as server:
        for moment in moments:
            killed_after(server, folder, moment)
        last = finished(server, folder)
        assert last.returncode == 0, last.stderr
        repeated = sum(asked(server).values()) - clean
    found = tables(folder)
    for name, rows in truth.items():
        assert found[name].equals(rows), name
    assert Evidence(folder).verify() == ()
    return repeated


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, pl.DataFrame], int, str]:
    """The tables, the number of requests and the head of a collection that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed") / "archive"
    with serve(SETTLED.site()) as server:
        result = finished(server, folder)
        assert result.returncode == 0, result.stderr
        return tables(folder), len(server.requests), Evidence(folder).head


def test_no_url_is_fetched_twice_without_a_reason(undisturbed, fast_path) -> None:
    with serve(SETTLED.site()) as server:
        assert finished(server, fast_path / "archive").returncode == 0
        assert max(asked(server).values()) == 1


@pytest.mark.parametrize("threads", ["1", "7"])
def test_the_head_of_the_evidence_does_not_depend_on_the_threads(threads, undisturbed, fast_path) -> None:
    with serve(SETTLED.site(), faults=[Fault("slow", value="0.002", times=0)]) as server:
        assert finished(server, fast_path / "archive", "--concurrency", threads).returncode == 0
    assert Evidence(fast_path / "archive").head == undisturbed[2]


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_collection_is_carried_on(seed, undisturbed, fast_path) -> None:
    truth, clean, _ = undisturbed
    moment = random.Random(seed).randrange(1, clean)
    repeated = kill_and_resume(fast_path / "archive", truth, [moment], clean=clean)
    assert repeated < 0.1 * clean + 1


@pytest.mark.soak
def test_a_hundred_kills_lose_nothing_and_repeat_little(undisturbed, fast_path) -> None:
    truth, clean, _ = undisturbed
    chance = random.Random(2026)
    repeated = 0
    for number in range(100):
        folder = fast_path / str(number)
        repeated += kill_and_resume(folder, truth, [chance.randrange(1, clean)], clean=clean)
    assert repeated < 0.1 * clean * 100


def test_a_collection_killed_again_and_again_ends_with_the_same_tables(undisturbed, fast_path) -> None:
    truth, clean, _ = undisturbed
    kill_and_resume(fast_path / "archive", truth, [3, 30, 20, 5], clean=clean)


def test_a_second_collector_stops_and_names_the_holder(site, bench_of) -> None:
    bench = bench_of(site)
    bench.run(participants=False)
    with (
        Writer.open(bench.folder, now=lambda: bench.server.now),
        pytest.raises(ArchiveError, match=rf"process {os.getpid()} on"),
    ):
        bench.run(participants=False)
    assert bench.run(participants=False).outcome.gaps == ()


def test_an_interrupted_collection_leaves_130_and_is_carried_on(undisturbed, fast_path, interrupted) -> None:
    truth, clean, _ = undisturbed
    folder = fast_path / "archive"
    with serve(SETTLED.site(), faults=[Fault("slow", value="0.02", times=0)]) as server:
        with subprocess.Popen(
            command(server, folder), env=environment(server), stderr=subprocess.PIPE, text=True
        ) as process:
            while len(server.requests) < clean // 2 and process.poll() is None:
                time.sleep(0.005)
            words = interrupted(process)
        assert process.returncode == 130
        assert "Traceback" not in words
        assert finished(server, folder).returncode == 0
    found = tables(folder)
    for name, rows in truth.items():
        assert found[name].equals(rows), name


def test_an_interrupt_ends_a_collection_that_waits_for_webex(fast_path, interrupted) -> None:
    fault = Fault("rate-limit-seconds", times=0, value="120", path="/meetingReports/attendees")
    with serve(SETTLED.site(), faults=[fault]) as server:
        line = command(server, fast_path / "archive")
        with subprocess.Popen(line, env=environment(server), stderr=subprocess.PIPE, text=True) as process:
            while not server.strikes[fault.name] and process.poll() is None:
                time.sleep(0.005)
            time.sleep(0.5)
            interrupted(process)
        assert process.returncode == 130


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("slow", "/meetingPreferences/sites"),
        ("slow", "/meetingReports/attendees"),
        ("stall", "/meetingReports/attendees"),
        ("slow", "/meetingParticipants"),
    ],
)
def test_an_interrupt_ends_a_collection_that_waits_for_a_slow_answer(
    fast_path, interrupted, name: str, path: str
) -> None:
    folder = fast_path / "archive"
    with serve(SETTLED.site(), faults=[Fault(name, times=0, value="30", path=path)]) as server:
        with subprocess.Popen(
            command(server, folder), env=environment(server), stderr=subprocess.PIPE, text=True
        ) as process:
            while not server.strikes[name] and process.poll() is None:
                time.sleep(0.005)
            time.sleep(0.5)
            begun = time.monotonic()
            words = interrupted(process)
        assert (process.returncode, words.strip()) == (130, "")
        assert time.monotonic() - begun < 8
    assert Evidence(folder).verify() == ()
    with serve(SETTLED.site()) as server:
        assert finished(server, folder).returncode == 0


def test_a_full_disk_stops_the_collection_and_the_next_one_carries_on(undisturbed, fast_path) -> None:
    truth, _, _ = undisturbed
    folder = fast_path / "archive"
    with serve(SETTLED.site()) as server:
        # measuring coverage would itself write a file, and fail
        unmeasured = {name: value for name, value in environment(server).items() if not name.startswith("COVERAGE")}
        full = subprocess.run(
            command(server, folder),
            env=unmeasured,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (24_000, resource.RLIM_INFINITY)),
        )
        assert full.returncode == 2
        assert "the archive cannot be written: file too large" in full.stderr
        assert "Traceback" not in full.stderr
        assert finished(server, folder).returncode == 0
    found = tables(folder)
    for name, rows in truth.items():
        assert found[name].equals(rows), name
    assert Evidence(folder).verify() == ()
