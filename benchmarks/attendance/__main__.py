"""Makes an archive of a bank's attendance.

    python -m benchmarks.attendance --rows 1_000_000 --out FOLDER [--seed 1] [--weeks 13]

`auditor check --archive FOLDER --config FOLDER/auditor.yaml` judges it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import polars as pl

from benchmarks.attendance.archive import ROWS_A_COMMIT, Scale, make


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--weeks", type=int, default=13)
    parser.add_argument("--commit", type=int, default=ROWS_A_COMMIT, help="attendee rows that become visible at once")
    asked = parser.parse_args()
    began, used = time.perf_counter(), time.process_time()
    archive = make(asked.out, Scale(asked.rows, asked.seed, asked.weeks, asked.commit))
    took, used = time.perf_counter() - began, time.process_time() - used
    for name in ("attendees", "meetings", "participants", "devices"):
        print(f"{name:<14}{archive.scan(name).select(pl.len()).collect().item():>12,} rows")
    print(f"made in {took:.0f} s, {used:.0f} CPU-s")


if __name__ == "__main__":
    main()
