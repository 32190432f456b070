"""The machine and the libraries a figure was measured with."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("polars", "deltalake", "duckdb", "pandas", "numpy", "pyarrow")


def described() -> Iterator[str]:
    """One line a fact."""
    yield f"measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    load = os.getloadavg()[0]
    yield f"{os.cpu_count()} cores: {_processor()}; {_memory():.0f} GB of memory; load {load:.1f} at the start"
    yield f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    yield ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
