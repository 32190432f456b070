"""Spark gives the audit of one machine, byte for byte, also when a worker is killed in the middle.

Run by `make spark`, in an environment of its own.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from auditor.engines.java import java
from benchmarks.attendance.archive import Scale
from tests.cloud.loopback import BUCKET, served
from tests.engines.bank import bank as made

FOUND = java(os.environ)
pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(find_spec("pyspark") is None, reason="PySpark is not installed: make spark"),
    pytest.mark.skipif(FOUND is None or not FOUND.serves, reason="there is no Java 17 or newer"),
]
SCALE = Scale(30_000, seed="2", weeks=9, commit=2_000)
PATIENCE = 600


@pytest.fixture(scope="module")
def bank(tmp_path_factory) -> Path:
    """An archive with its configuration, and the audit this machine makes of it."""
    folder = tmp_path_factory.mktemp("bank")
    made(folder, SCALE)
    done = check(folder, "local.json")
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def command(folder: Path, name: str, *more: str, archive: str | None = None) -> list[str]:
    config = folder / "archive" / "auditor.yaml"
    place = archive or str(folder / "archive")
    return [
        *(sys.executable, "-m", "auditor", "--config", str(config), "check", "--archive", place),
        *("--now", SCALE.now.isoformat(), "--fail-on", "never", "--format", f"json={folder / name}", *more),
    ]


def check(
    folder: Path, name: str, *more: str, archive: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, name, *more, archive=archive),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def same(folder: Path, name: str) -> bool:
    here = (folder / "local.json").read_bytes()
    assert json.loads(here)["summary"]["findings"] > 100
    return (folder / name).read_bytes() == here


def test_local_spark_gives_the_same_audit(bank):
    done = check(bank, "spark.json", "--engine", "spark=local[2]")
    assert done.returncode == 0, done.stderr[-2000:]
    assert same(bank, "spark.json")
    assert "judged on the driver, not split: ANM-002: its parts relate rows by different columns" in done.stderr


def test_workers_read_an_archive_on_an_object_store(bank):
    with served(bank) as bucket:
        place = f"s3://{BUCKET}/archive"
        done = check(bank, "store.json", "--engine", "spark=local[2]", archive=place, **bucket.environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert same(bank, "store.json")


def test_a_worker_without_the_program_is_told_of(bank, tmp_path):
    venv.create(tmp_path / "bare", symlinks=True)
    bare = str(tmp_path / "bare" / "bin" / "python")
    done = check(bank, "none.json", "--engine", "spark=local[2]", PYSPARK_PYTHON=bare)
    assert done.returncode == 2
    assert "the Python of Spark's workers lacks" in done.stderr
    assert not (bank / "none.json").exists()


@pytest.mark.parametrize("master", ["nonsense", "spark://127.0.0.1:9"])
def test_a_master_that_is_none_is_told_of(master, bank):
    done = check(bank, "none.json", "--engine", f"spark={master}", SPARK_LOCAL_IP="127.0.0.1")
    assert done.returncode == 2
    assert f"Spark did not start on {master}" in done.stderr


class Standalone:
    """A master and two workers of one core on loopback."""

    def __init__(self, folder: Path) -> None:
        import pyspark

        self.spark_class = Path(pyspark.__file__).parent / "bin" / "spark-class"
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.port = free_port()
        self.address = f"spark://127.0.0.1:{self.port}"

    def start(self) -> None:
        ports = ("--host", "127.0.0.1", "--webui-port", "0")
        self._spawn("master.Master", *ports, "--port", str(self.port))
        until(lambda: answers(self.port))
        for _ in range(2):
            self._spawn("worker.Worker", *ports, "--cores", "1", "--memory", "1g", self.address)

    def _spawn(self, name: str, *arguments: str) -> None:
        environment = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_WORKER_DIR": str(self.folder), "SPARK_NO_DAEMONIZE": "1"}
        asked = [self.spark_class, f"org.apache.spark.deploy.{name}", *arguments]
        with (self.folder / f"{name}-{len(self.processes)}.log").open("wb") as log:
            running = subprocess.Popen(asked, env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT)
        self.processes.append(running)

    def stop(self) -> None:
        for process in reversed(self.processes):
            for child in children(process.pid):
                kill(child)
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path) -> Iterator[Standalone]:
    cluster = Standalone(tmp_path)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def test_a_worker_and_its_executor_killed_in_the_middle_cost_no_finding(bank, cluster):
    asked = command(bank, "killed.json", "--engine", f"spark={cluster.address}")
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
    with subprocess.Popen(asked, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        victim = cluster.processes[-1]
        until(lambda: busy(victim.pid) or running.poll() is not None)
        assert running.poll() is None, running.communicate()
        executors = children(victim.pid)
        assert executors
        for process in (*executors, victim.pid):
            kill(process)
        victim.wait()
        _, told = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0, told[-2000:]
    assert same(bank, "killed.json")


def busy(worker: int) -> bool:
    """Whether a Python of an executor of the worker has computed for a while."""
    return any(
        seconds(python) > 1.5
        for executor in children(worker)
        for daemon in children(executor)
        for python in children(daemon)
    )


def children(process: int) -> list[int]:
    found = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        found += [int(number) for number in path.read_text().split()]
    return found


def seconds(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def kill(process: int) -> None:
    for child in children(process):
        kill(child)
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(condition: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < PATIENCE
        time.sleep(0.1)
