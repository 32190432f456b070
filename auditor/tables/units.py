"""Finished units as rows: the table `collections`, and the internal table of what each key last brought."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import polars as pl

from auditor.evidence.entry import UnitEntry
from auditor.evidence.line import gap_fields
from auditor.model.coverage import Gap
from auditor.tables.files import frame_schema
from auditor.tables.schema import COLLECTIONS, COUNT, FLAG, LINEAGE, TEXT, TIME, Table
from auditor.tables.typed import ORDER

UNITS = Table(
    "_units",
    pl.Schema(
        {
            "key": TEXT,
            "endpoint": TEXT,
            "site_url": TEXT,
            "meeting_id": TEXT,
            "service_type": TEXT,
            "from_time": TIME,
            "to_time": TIME,
            "finished_at": TIME,
            "complete": FLAG,
            "settled": FLAG,
            "rows": COUNT,
            "gaps": TEXT,
            **LINEAGE,
        }
    ),
    ("key",),
    None,
)
"""Internal: the latest unit of each key. `gaps` is a JSON list, null when there are none; decoding adds its own."""


def unit_rows(entries: Sequence[UnitEntry], decoded: Mapping[int, Sequence[Gap]]) -> pl.DataFrame:
    """The rows of `UNITS`; `decoded` has the gaps that decoding found, by the `seq` of the unit."""
    rows = []
    for entry in entries:
        found = [*entry.unit.gaps, *decoded.get(entry.link.seq, ())]
        rows.append(
            {
                **_span(entry),
                "key": entry.unit.key,
                "meeting_id": entry.unit.meeting_id,
                "service_type": entry.unit.service_type,
                "complete": entry.unit.complete and not found,
                "settled": entry.unit.settled,
                "gaps": json.dumps([gap_fields(gap) for gap in found]) if found else None,
            }
        )
    return pl.DataFrame(rows, schema=frame_schema(UNITS), orient="row")


def collection_rows(entries: Sequence[UnitEntry], decoded: Mapping[int, Sequence[Gap]]) -> pl.DataFrame:
    """The rows of `collections`: one a unit, with the unit's first page as lineage and no item."""
    rows = [{**_span(entry), "complete": entry.unit.complete and not decoded.get(entry.link.seq)} for entry in entries]
    return pl.DataFrame(rows, schema=frame_schema(COLLECTIONS), orient="row")


def _span(entry: UnitEntry) -> dict[str, object]:
    unit = entry.unit
    return {
        "endpoint": unit.endpoint,
        "site_url": unit.site_url,
        "from_time": None if unit.window is None else unit.window.start,
        "to_time": None if unit.window is None else unit.window.end,
        "finished_at": entry.at,
        "rows": unit.rows,
        "page": entry.hashes[0] if entry.hashes else None,
        ORDER: entry.link.seq,
    }
