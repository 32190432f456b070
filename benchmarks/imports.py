"""Attendee records a second and core through `import`: saved pages and saved lines, evidence and tables included.

    python benchmarks/imports.py [--rows 1000000]

CPU is that of the whole process, its start included, as the kernel counts it: user and system, all threads.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path

from auditor.simulator import Regular

PEOPLE = 100
A_PAGE = 1000
AIM = 150_000


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args(words).rows
    regular = Regular(meetings=max(1, rows // PEOPLE), people=PEOPLE, apart=timedelta(minutes=30))
    with tempfile.TemporaryDirectory() as folder:
        measure("saved pages", pages(regular, Path(folder, "pages")), regular.url, rows)
    with tempfile.TemporaryDirectory() as folder:
        measure("saved lines", [lines(regular, Path(folder, "attendees.ndjson"))], regular.url, rows)


def measure(name: str, files: Sequence[Path], site: str, rows: int) -> None:
    """Print what importing the files costs."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["import", "--archive", f"{folder}/archive", "--site", site, "--as", "attendees", *map(str, files)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "auditor", "-q", *arguments], check=True)
        seconds = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"auditor import, {name}: {rows / cpu:>9,.0f} rows a second and core (at least {AIM:,}), "
        f"{rows / seconds:,.0f} rows a second, peak {after.ru_maxrss * 1024 / 1e6:.0f} MB",
        flush=True,
    )


def pages(regular: Regular, folder: Path) -> list[Path]:
    """The records as the responses they came in, a file each."""
    folder.mkdir()
    files = []
    for number, items in enumerate(chunks(regular)):
        files.append(folder / f"{number:06}.json")
        files[-1].write_text(json.dumps({"items": items}, separators=(",", ":")), encoding="utf-8")
    return files


def lines(regular: Regular, file: Path) -> Path:
    """The records one a line."""
    with file.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(record, separators=(",", ":")) + "\n" for record in regular.attendees())
    return file


def chunks(regular: Regular) -> Iterator[list[object]]:
    records = iter(regular.attendees())
    while items := list(islice(records, A_PAGE)):
        yield items


if __name__ == "__main__":
    main(sys.argv[1:])
