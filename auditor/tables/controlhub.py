"""Lines of a Control Hub attendee export as the records the API would have sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping

from auditor.tables.convert import Json

MEETING_START = "meetingStart"
"""Not a field of attendee records: with the title it tells one meeting of a file from another."""


def prepared(mapping: str) -> Callable[[Json], Json]:
    """What turns a line, an object of cells by heading, into a record; `mapping` is JSON of field names to headings.

    An export names no meeting ids. So that the rows of one meeting belong together, its id is `controlhub-` and
    the start of the SHA-256 of title and start as written.
    """
    headings: Mapping[str, str] = json.loads(mapping)

    def record(item: Json) -> Json:
        if not isinstance(item, dict):
            return item
        cells: dict[str, Json] = {name: item.get(heading) for name, heading in headings.items()}
        known = json.dumps([cells.get("meetingTitle"), cells.pop(MEETING_START, None)])
        return {**cells, "meetingId": f"controlhub-{hashlib.sha256(known.encode()).hexdigest()[:24]}"}

    return record
