"""Archives small enough to see through."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditor.evidence.entry import Request, Response, Unit
from auditor.evidence.writer import Writer
from auditor.model.coverage import Gap
from auditor.model.window import Window
from auditor.tables.archive import Archive
from auditor.tables.ingest import Ingested, ingest

SITE = "example.webex.com"
DAY0 = datetime(2026, 1, 1, tzinfo=UTC)


class Site:
    """An archive that is filled a unit at a time; every unit is ingested when it is written."""

    def __init__(self, path: Path) -> None:
        self.archive = Archive.create(path)
        self.made = Ingested()

    def add(
        self,
        endpoint: str,
        *pages: object,
        days: tuple[float, float] = (0, 7),
        at: datetime = DAY0 + timedelta(days=30),
        key: str | None = None,
        meeting_id: str | None = None,
        service_type: str | None = None,
        site_url: str | None = SITE,
        gaps: Sequence[Gap] = (),
        options: Mapping[str, str] | None = None,
        visible: bool = True,
    ) -> None:
        """One unit; a page is a list of records, or the bytes of a body."""
        window = Window(DAY0 + timedelta(days=days[0]), DAY0 + timedelta(days=days[1]))
        bodies = [page if isinstance(page, bytes) else json.dumps({"items": page}).encode() for page in pages]
        with Writer.open(self.archive.path, now=lambda: at) as writer:
            request = Request("GET", endpoint, (("siteUrl", str(site_url)),))
            added = [writer.add_page(request, Response(200, at), body) for body in bodies]
            writer.commit_unit(
                Unit(
                    key=key or f"{endpoint} {site_url} {meeting_id} {service_type} {days}",
                    endpoint=endpoint,
                    site_url=site_url,
                    window=window,
                    pages=tuple(page.seq for page in added),
                    complete=not gaps,
                    rows=sum(len(page) for page in pages if isinstance(page, list)),
                    meeting_id=meeting_id,
                    service_type=service_type,
                    gaps=tuple(gaps),
                    options=options or {},
                )
            )
            if visible:
                self.made = ingest(self.archive)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "archive")


@pytest.fixture
def new_site() -> Callable[[Path], Site]:
    return Site
