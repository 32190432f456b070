"""Rows a second through `import`, from a file of saved attendee records.

python benchmarks/imports.py [--rows 200000]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from auditor.simulator import Regular

PEOPLE = 100


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    rows = parser.parse_args(words).rows
    regular = Regular(meetings=max(1, rows // PEOPLE), people=PEOPLE, apart=timedelta(minutes=30))
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder, "attendees.ndjson")
        with saved.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(record) + "\n" for record in regular.attendees())
        arguments = ["import", "--archive", f"{folder}/archive", "--site", regular.url, "--as", "attendees", str(saved)]
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "auditor", "-q", *arguments], check=True)
        seconds = time.perf_counter() - began
    print(f"{'auditor import (evidence and tables)':<44}{rows / seconds:>10,.0f} rows/s in {seconds:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
