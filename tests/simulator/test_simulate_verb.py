from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading

import httpx
import pytest

from auditor.simulator import KINDS

AUDITOR = [sys.executable, "-m", "auditor"]


def run(*arguments):
    return subprocess.run([*AUDITOR, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_prints_its_address_first_and_ends_cleanly(number):
    command = [*AUDITOR, "simulate", "serve", "--now", "2026-10-01T00:00Z", "--token", "own", "--faults", "error-503"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        guard = threading.Timer(30, server.kill)
        guard.start()
        url = server.stdout.readline().strip()
        headers = {"Authorization": "Bearer own"}
        answers = [httpx.get(f"{url}/meetingPreferences/sites", headers=headers) for _ in range(2)]
        server.send_signal(number)
        _, words = server.communicate()
        guard.cancel()
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/v1")
    assert [answer.status_code for answer in answers] == [503, 200]
    assert answers[1].headers["date"] == "Thu, 01 Oct 2026 00:00:00 GMT"
    assert server.returncode == 0
    assert "Traceback" not in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--faults", "nothing"], "unknown fault 'nothing'"),
        (["--faults", "slow=abc"], "fault 'slow' takes a number such as 0.05, not 'abc'"),
        (["--now", "soon"], "--now"),
        (["--port", "70000"], "70000"),
        (["--data", "/nowhere/at/all"], "does not exist"),
    ],
)
def test_serve_refuses_wrong_arguments(arguments, words):
    done = run("simulate", "serve", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_refuses_data_that_is_no_json(tmp_path):
    (tmp_path / "attendees.json").write_text("{")
    done = run("simulate", "serve", "--data", str(tmp_path))
    assert done.returncode == 2
    assert "attendees.json is no JSON" in done.stderr


def test_serve_refuses_a_folder_without_records(tmp_path):
    done = run("simulate", "serve", "--data", str(tmp_path))
    assert done.returncode == 2
    assert f"{tmp_path} holds no records of a site" in done.stderr


def test_serve_tells_that_the_port_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("simulate", "serve", "--port", str(port))
    assert (done.returncode, done.stderr) == (2, f"port {port} of 127.0.0.1 cannot be had: address already in use\n")


def test_generate_refuses_an_effect_that_is_no_number(tmp_path):
    done = run("simulate", "generate", "--effect", "nan", "--out", str(tmp_path / "site"))
    assert done.returncode == 2
    assert "the effect is between 0.05 and 20" in done.stderr


@pytest.mark.slow
def test_generate_writes_a_company_of_the_asked_size(tmp_path):
    done = run("simulate", "generate", "--users", "24", "--days", "7", "--seed", "x", "--out", str(tmp_path / "site"))
    assert done.returncode == 0
    names = {path.name for path in (tmp_path / "site").iterdir()}
    assert names >= {"attendees.ndjson", "usage.ndjson", "participants.ndjson", "labels.json", "geo.json"}
    assert {line.rpartition("/")[2] for line in done.stdout.splitlines()} == names


def test_the_sample_has_no_other_size(tmp_path):
    done = run("simulate", "generate", "--sample", "--users", "30", "--out", str(tmp_path))
    assert done.returncode == 2


def test_faults_lists_every_kind():
    done = run("simulate", "faults")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(KINDS)
