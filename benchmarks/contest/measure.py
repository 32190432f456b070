"""What a process costs: CPU of user and system, wall time, peak memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.cli import ALLOCATOR


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU and wall in seconds, peak of resident memory in MB, and what the process wrote to stdout."""

    cpu: float
    wall: float
    peak: float
    said: str
    code: int


def cost(
    words: Sequence[str], *, runs: int = 1, env: Mapping[str, str] | None = None, codes: Sequence[int] = (0,)
) -> Cost:
    """The cheapest of so many runs of the command, each in a process of its own.

    Polars keeps memory in all of them as the command line has it.
    """
    return min((_run(words, env or {}, codes) for _ in range(runs)), key=lambda run: run.cpu)


def module(name: str, *words: str) -> list[str]:
    """The command that runs a module with this interpreter."""
    return [sys.executable, "-m", name, *words]


def _run(words: Sequence[str], env: Mapping[str, str], codes: Sequence[int]) -> Cost:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as told:
        began = time.perf_counter()
        process = subprocess.Popen(words, env={**dict([ALLOCATOR]), **os.environ, **env}, stdout=out, stderr=told)
        peak, status, used = _watched(process.pid)
        wall = time.perf_counter() - began
        process.returncode = code = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read().decode()
        if code not in codes:
            told.seek(0)
            raise SystemExit(f"{' '.join(words)} ended with {code}\n{told.read().decode()[-2000:]}")
    return Cost(used.ru_utime + used.ru_stime, wall, peak * 1024 / 1e6, said, code)


def _watched(pid: int) -> tuple[int, int, resource.struct_rusage]:
    """The most memory of the process in KiB, seen every few milliseconds, how it ended, and what it used.

    What the system tells of its use counts what its parent held when it began, and serves only where nothing is seen.
    """
    peak = 0
    while True:
        peak = max(peak, _high_water(pid))
        ended, status, used = os.wait4(pid, os.WNOHANG)
        if ended:
            return peak or used.ru_maxrss, status, used
        time.sleep(0.005)


def _high_water(pid: int) -> int:
    """The most memory the process held so far, in KiB; 0 where nobody tells."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
