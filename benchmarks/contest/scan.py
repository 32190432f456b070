"""The floor: the columns of the twenty rules decoded and touched once.

python -m benchmarks.contest.scan TASK.json
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import polars as pl

COLUMNS = {
    "attendees": (
        "site_url", "meeting_id", "meeting_title", "display_name", "email", "joined_time", "left_time", "duration",
        "participant_type", "ip_address", "client_agent", "invited",
    ),
    "devices": ("site_url", "meeting_id", "email", "audio_type", "joined_time", "left_time"),
}  # fmt: skip
"""What conditions and groups of the twenty rules read; not what their findings show."""


def main() -> None:
    asked = json.loads(Path(sys.argv[1]).read_bytes())
    began = time.process_time()
    for table, columns in COLUMNS.items():
        frame = pl.scan_parquet(asked["files"][table], glob=False).select(columns)
        texts = [name for name, dtype in frame.collect_schema().items() if dtype == pl.String()]
        touched = frame.select(
            pl.col(texts).str.len_bytes().sum(), pl.col([name for name in columns if name not in texts]).max()
        )
        touched.collect(engine="streaming")
    print(json.dumps({"cpu": time.process_time() - began}))


if __name__ == "__main__":
    main()
