"""What anybody who opens a table of an archive sees."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from auditor.tables.schema import SPAN, TABLES


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shown")
    (folder / "attendees.json").write_text(
        '{"items": [{"meetingId": "m1", "meetingTitle": "Sync", "email": "Ann@Example.com",'
        ' "joinedTime": "2026-09-07T09:00:00Z", "leftTime": "2026-09-07T10:00:00Z", "duration": 60}]}'
    )
    command = [sys.executable, "-m", "auditor", "import", "--archive", "archive", "--site", "example.webex.com"]
    subprocess.run([*command, "attendees.json"], cwd=folder, check=True, capture_output=True)
    return folder / "archive" / "tables"


@pytest.mark.parametrize("name", ["attendees", "meetings", "collections"])
def test_a_table_shows_exactly_the_columns_of_its_schema(tables: Path, name: str) -> None:
    shown = pl.scan_delta(str(tables / name)).collect_schema()
    schema = {column: pl.Int64() if dtype == SPAN else dtype for column, dtype in TABLES[name].schema.items()}
    assert dict(shown) == schema


def test_a_second_import_still_knows_what_it_put_there(tables: Path) -> None:
    folder = tables.parent.parent
    command = [sys.executable, "-m", "auditor", "import", "--archive", "archive", "--site", "example.webex.com"]
    subprocess.run([*command, "attendees.json"], cwd=folder, check=True, capture_output=True)
    assert pl.scan_delta(str(tables / "attendees")).collect().height == 1
