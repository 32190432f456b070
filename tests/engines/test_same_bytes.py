"""One archive judged in different ways gives the same bytes."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor.tables.remake import compact
from benchmarks.attendance.archive import Scale, make

NOW = "2026-10-05T06:00Z"


@pytest.fixture(scope="module")
def fragmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight weeks in the many small files a collector leaves."""
    folder = tmp_path_factory.mktemp("bank") / "archive"
    make(folder, Scale(4_000, weeks=8, commit=300))
    assert len(list((folder / "tables" / "attendees").glob("*.parquet"))) > 8
    return folder


@pytest.fixture(scope="module")
def compacted(fragmented: Path) -> Path:
    folder = fragmented.parent / "compacted"
    shutil.copytree(fragmented, folder)
    compact(folder, now=lambda: datetime(2026, 10, 5, 6, tzinfo=UTC))
    return folder


@pytest.fixture(scope="module")
def audit(fragmented: Path) -> bytes:
    found = judged(fragmented, threads=1)
    assert found.count(b'"fingerprint"') > 100
    return found


def judged(archive: Path, *, threads: int, affinity: str = "in-memory") -> bytes:
    """`audit.json` of the whole pack over the archive."""
    path = archive.parent / "audit.json"
    config, output = ("--config", str(archive / "auditor.yaml")), ("--format", f"json={path}")
    words = ("check", "--archive", str(archive), "--now", NOW, "--fail-on", "never", *output)
    env = {**os.environ, "POLARS_MAX_THREADS": str(threads), "POLARS_ENGINE_AFFINITY": affinity}
    subprocess.run([sys.executable, "-m", "auditor", "-q", *config, *words], check=True, env=env, timeout=300)
    return path.read_bytes()


@pytest.mark.slow
def test_two_threads_find_what_one_finds(fragmented: Path, audit: bytes) -> None:
    assert judged(fragmented, threads=2) == audit


@pytest.mark.slow
def test_streaming_finds_what_is_found_in_memory(fragmented: Path, audit: bytes) -> None:
    assert judged(fragmented, threads=2, affinity="streaming") == audit


@pytest.mark.slow
def test_a_compacted_archive_holds_the_same_findings(compacted: Path, audit: bytes) -> None:
    assert len(list((compacted / "tables" / "attendees").glob("*.parquet"))) == 1
    assert judged(compacted, threads=2) == audit
