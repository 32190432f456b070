"""Small archives, written page by page, and small rules."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from auditor.evidence.entry import Request, Response, Unit
from auditor.evidence.writer import Writer
from auditor.model.coverage import Gap
from auditor.model.window import Window
from auditor.tables.archive import Archive
from auditor.tables.ingest import ingest

SITE = "example.webex.com"
SEPTEMBER = Window.period("2026-09")
COLLECTED = datetime(2026, 10, 5, 6, tzinfo=UTC)
NOW = "2026-10-06T06:00Z"

EVE = {
    "meetingId": "m1",
    "meetingNumber": "1",
    "meetingTitle": "Board Q3",
    "displayName": "Eve",
    "email": "eve@example.org",
    "joinedTime": "2026-09-14T10:00:00Z",
    "leftTime": "2026-09-14T10:30:00Z",
    "duration": 30,
    "participantType": "attendee",
    "ipAddress": "203.0.113.7",
    "clientAgent": "WINDOWS,Webex",
    "registered": False,
    "invited": False,
}
HOST = {**EVE, "displayName": "Ada", "email": "ada@example.com", "participantType": "host", "invited": True}
MALLORY = {**EVE, "displayName": "Mallory", "email": "mallory@example.org", "joinedTime": "2026-09-15T10:00:00Z"}

UNINVITED = """\
schema: 1
id: TST-001
name: uninvited
title: Meetings are attended by invited people only
status: {status}
severity: {severity}
confidence: high
description: Looks at the invitation of every attendee.
remediation: Lock the meeting.
controls: {{soc2: [CC6.1]}}
params:
  title: {{type: string, default: Board, description: Word of a title}}
detect: {{from: attendees, where: "not invited and contains(meeting_title, param.title)"}}
finding:
  subject: "{{email}}"
  message: "{{email}} was not invited to {{meeting_title}}"
  evidence: [ip_address, joined_time]
  fingerprint: [meeting_id, email]
tests:
  - {{name: found, given: {{attendees: [{{meeting_title: Board, invited: false, email: a@x.org}}]}}, expect: 1}}
"""


def rule_file(
    folder: Path, *, name: str = "rules.yaml", status: str = "stable", severity: str = "high", extra: str = ""
) -> Path:
    """A file with the rule TST-001 and whatever is added."""
    path = folder / name
    path.write_text(UNINVITED.format(status=status, severity=severity) + extra, encoding="utf-8")
    return path


def small_archive(
    folder: Path,
    attendees: Sequence[Mapping[str, object]] = (HOST, EVE),
    *,
    gaps: Sequence[Gap] = (),
    window: Window = SEPTEMBER,
) -> Archive:
    """An archive of one site and window; `gaps` are those the collection of attendees left.

    One that was asked for before is copied.
    """
    asked = json.dumps([attendees, repr(gaps), repr(window)])
    if folder.exists():
        return _written(folder, attendees, gaps=gaps, window=window)
    if asked not in _MADE:
        _MADE[asked] = Path(_KEPT.name) / str(len(_MADE))
        _written(_MADE[asked], attendees, gaps=gaps, window=window)
    shutil.copytree(_MADE[asked], folder)
    return Archive(folder)


_KEPT = TemporaryDirectory(prefix="auditor-small-")
_MADE: dict[str, Path] = {}


def _written(
    folder: Path, attendees: Sequence[Mapping[str, object]], *, gaps: Sequence[Gap], window: Window
) -> Archive:
    archive = Archive.create(folder)
    with Writer.open(folder, now=lambda: COLLECTED) as writer:
        writer.begin_run({"sites": [SITE]})
        for endpoint, path, items in (
            ("attendees", "meetingReports/attendees", attendees),
            ("usage", "meetingReports/usage", ()),
            ("participants", "meetingParticipants", ()),
        ):
            page = writer.add_page(
                Request("GET", path, (("siteUrl", SITE),)),
                Response(200, COLLECTED),
                json.dumps({"items": items, "of": endpoint}).encode(),
            )
            told = tuple(gaps) if endpoint == "attendees" else ()
            writer.commit_unit(
                Unit(
                    key=f"{endpoint} {SITE}",
                    endpoint=endpoint,
                    site_url=SITE,
                    window=window,
                    pages=(page.seq,),
                    complete=not told,
                    rows=len(items),
                    gaps=told,
                )
            )
    ingest(archive)
    return archive
