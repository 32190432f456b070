"""The rows of an embedded test as the tables a rule is judged on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache, lru_cache

import polars as pl

from auditor.rules.language.spec import GivenRow
from auditor.rules.language.tree import LiteralValue
from auditor.tables.facts import fact_type, with_facts
from auditor.tables.schema import TABLES

SITE = "test.webex.com"
PAGE = "0" * 64
_SPANS = {"attendees": ("joined_time", "left_time"), "devices": ("joined_time", "left_time")} | {
    "meetings": ("start_time", "end_time")
}
_MEETING = {"site_url": "site_url", "meeting_id": "meeting_id", "meeting_number": "meeting_number"} | {
    "title": "meeting_title"
}


def frames_of(
    given: Mapping[str, tuple[GivenRow, ...]], *, internal_domains: Collection[str] | None
) -> dict[str, pl.LazyFrame]:
    """Every table; those without rows are empty. Facts a row gives win over those made from its columns."""
    rows = {table: list(_rows(table, given.get(table, ()))) for table in TABLES}
    rows["meetings"] += _meetings(rows["attendees"], rows["meetings"])
    frames = {table: _frame(table, found).lazy() for table, found in rows.items()}
    for table, found in rows.items():
        facts = sorted({name for row in found for name in row} - set(TABLES[table].schema))
        for fact in facts:
            frames[table] = _with_fact(frames, table, fact, found, internal_domains=internal_domains)
    return frames


def _rows(table: str, given: tuple[GivenRow, ...]) -> Iterator[dict[str, LiteralValue]]:
    """The rows with what the language fills in, repeated ones written out."""
    item = 0
    for row in given:
        for count in range(row.repeat):
            filled: dict[str, LiteralValue] = {"site_url": SITE, "page": PAGE, "item": item}
            filled |= {name: _moved(value, row.every * count) for name, value in row.values.items()}
            yield _completed(table, filled)
            item += 1


def _moved(value: LiteralValue, by: timedelta) -> LiteralValue:
    return value + by if isinstance(value, datetime) else value


def _completed(table: str, row: dict[str, LiteralValue]) -> dict[str, LiteralValue]:
    schema = TABLES[table].schema
    row = {name: value for name, value in row.items() if name in schema or name != "site_url"}
    if table in _SPANS and "duration" not in row:
        start, end = (row.get(name) for name in _SPANS[table])
        if isinstance(start, datetime) and isinstance(end, datetime):
            row["duration"] = end - start
    if "participant_type" in schema and "participant_type" not in row and isinstance(row.get("is_host"), bool):
        row["participant_type"] = "host" if row["is_host"] else "attendee"
    return row


def _meetings(
    attendees: list[dict[str, LiteralValue]], meetings: list[dict[str, LiteralValue]]
) -> list[dict[str, LiteralValue]]:
    """A row for each meeting that only attendees speak of."""
    known = {(row.get("site_url"), row.get("meeting_id")) for row in meetings}
    found = []
    for row in attendees:
        key = (row.get("site_url"), row.get("meeting_id"))
        if key not in known and key[1] is not None:
            known.add(key)
            made = {name: row.get(source) for name, source in _MEETING.items()}
            found.append(made | {"page": row["page"], "item": row["item"]})
    return found


def _column(rows: list[dict[str, LiteralValue]], name: str, dtype: pl.DataType) -> pl.Series:
    values = [row.get(name) for row in rows]
    return pl.Series(name, [list(value) if isinstance(value, tuple) else value for value in values], dtype=dtype)


def _frame(table: str, rows: list[dict[str, LiteralValue]]) -> pl.DataFrame:
    if not rows:
        return _empty(table)
    given = {name for row in rows for name in row}
    return pl.DataFrame(
        [
            _column(rows, name, dtype) if name in given else _nulls(name, dtype, len(rows))
            for name, dtype in TABLES[table].schema.items()
        ]
    )


@cache
def _empty(table: str) -> pl.DataFrame:
    return pl.DataFrame(schema=TABLES[table].schema)


@lru_cache(maxsize=2_000)
def _nulls(name: str, dtype: pl.DataType, length: int) -> pl.Series:
    return pl.Series(name, [None] * length, dtype=dtype)


def _with_fact(
    frames: Mapping[str, pl.LazyFrame],
    table: str,
    fact: str,
    rows: list[dict[str, LiteralValue]],
    *,
    internal_domains: Collection[str] | None,
) -> pl.LazyFrame:
    """The table with the fact as its rows give it, made from the other columns in rows that do not."""
    dtype = fact_type(table, fact)
    if dtype is None:
        raise ValueError(f"{table} has no column and no fact {fact!r}")
    made = with_facts(frames, table, needed={fact}, internal_domains=internal_domains).collect()
    told = pl.Series([fact in row for row in rows])
    value = pl.select(pl.when(told).then(_column(rows, fact, dtype)).otherwise(made[fact]).alias(fact))
    return made.with_columns(value.to_series()).lazy()
