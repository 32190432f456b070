"""Which kind of records a unit's pages hold, and how they are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from auditor.evidence.entry import IMPORT
from auditor.tables.controlhub import prepared
from auditor.tables.convert import Json
from auditor.tables.decode import Reading
from auditor.tables.kinds import KINDS
from auditor.tables.record import Kind

NAMES = "names"
"""Option of an imported unit: `api`, `columns` (named as the table's columns are), `mixed` or `controlhub`."""

ZONE = "timezone"
"""Option of an imported unit: the zone of times without an offset."""

MAPPING = "mapping"
"""Option of a mixed or Control Hub file: JSON of API field names to the file's headings."""

FORMATS = "time_formats"
"""Option of a Control Hub file: the patterns of its times, one a line."""


def reading_of(endpoint: str, options: Mapping[str, str]) -> tuple[Kind, Reading] | None:
    """The kind of a unit's records and how to read them; None when its pages hold none for the tables."""
    kind = KINDS.get(endpoint.removeprefix(IMPORT))
    if kind is None:
        return None
    zone = ZoneInfo(options.get(ZONE, "UTC"))
    names = options.get(NAMES, "api")
    if names == "columns":
        return kind.by_column(), Reading(zone)
    if names == "mixed":
        return kind.renamed(json.loads(options[MAPPING])), Reading(zone)
    if names == "controlhub":
        formats = tuple(filter(None, options.get(FORMATS, "").split("\n")))
        return kind, Reading(zone, formats, prepared(options[MAPPING]))
    return kind, Reading(zone, prepare=None if kind.inside is None else _opened(kind.inside))


def _opened(name: str) -> Callable[[Json], Json]:
    """What puts the fields of the object `name` beside those of the record it stands in."""

    def record(item: Json) -> Json:
        held = item.get(name) if isinstance(item, dict) else None
        return {**held, **item} if isinstance(held, dict) and isinstance(item, dict) else item

    return record
