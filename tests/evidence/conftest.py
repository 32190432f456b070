"""Small evidence, written as a collection writes it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor.evidence.entry import Request, Response, Unit
from auditor.evidence.writer import Writer
from auditor.model.window import Window

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
WEEK = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 8, tzinfo=UTC))


def body_of(number: int) -> bytes:
    return f'{{"items":[{{"meetingId":"m{number}","email":"p{number}@example.com"}}]}}'.encode()


def write_units(folder: Path, numbers: range, *, pages: int = 2) -> None:
    """A run of units with distinct pages each."""
    folder.mkdir(exist_ok=True)
    with Writer.open(folder, now=lambda: NOON) as writer:
        writer.begin_run({"sites": ["example.webex.com"]})
        for number in numbers:
            added = [
                writer.add_page(
                    Request("GET", "meetingReports/attendees", (("siteUrl", "example.webex.com"), ("page", str(page)))),
                    Response(200, NOON, (("content-type", "application/json"),)),
                    body_of(number * 100 + page),
                )
                for page in range(pages)
            ]
            writer.commit_unit(
                Unit(
                    f"attendees {number}",
                    "attendees",
                    "example.webex.com",
                    WEEK,
                    tuple(page.seq for page in added),
                    complete=True,
                    rows=pages,
                )
            )


@pytest.fixture
def write() -> Callable[..., None]:
    return write_units
