"""What a process costs is its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.contest.measure import cost

HOLD = "held = bytearray({size}); held[::4096] = b'x' * len(held[::4096])"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system tells no process's memory while it runs")
def test_the_most_memory_of_a_process_is_not_that_of_its_parent():
    parent = bytearray(400_000_000)
    parent[::4096] = b"x" * len(parent[::4096])
    small = cost([sys.executable, "-c", "import time; time.sleep(0.1)"])
    large = cost([sys.executable, "-c", f"{HOLD.format(size=150_000_000)}; import time; time.sleep(0.1)"])
    assert small.peak < 60
    assert 140 < large.peak < 250
    assert len(parent) == 400_000_000
