"""Attendances written in a test, as the tables facts are made from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from auditor.tables.facts import fact_type, with_facts
from auditor.tables.schema import TABLES

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""A Monday."""

LAPTOP, PHONE = "WINDOWS,Webex", "IOS,Webex"


def join(
    email: str | None, day: float = 0, *, at: float = 0, stay: float | None = 30, **more: object
) -> dict[str, object]:
    """A join so many days and minutes after the start, for so many minutes; a day's joins share a meeting."""
    begin = START + timedelta(days=day, minutes=at)
    end = None if stay is None else begin + timedelta(minutes=stay)
    told = {"email": email, "meeting_id": f"m{day}", "joined_time": begin, "left_time": end, "client_agent": LAPTOP}
    return told | more


def tables(rows: Sequence[dict[str, object]], **others: Sequence[dict[str, object]]) -> dict[str, pl.LazyFrame]:
    """Every table, with facts where rows give them."""
    found = {}
    for name, table in TABLES.items():
        listed = [
            {"site_url": "a.webex.com", "page": "0" * 64, "item": item, **row}
            for item, row in enumerate(rows if name == "attendees" else others.get(name, ()))
        ]
        given = {column for row in listed for column in row} - set(table.schema) - {"site_url"}
        columns = dict(table.schema) | {fact: fact_type(name, fact) for fact in sorted(given)}
        found[name] = pl.LazyFrame(
            {name_: pl.Series([row.get(name_) for row in listed], dtype=dtype) for name_, dtype in columns.items()}
        )
    return found


def told(
    rows: Sequence[dict[str, object]],
    *names: str,
    offices: Sequence[str] = (),
    people: Sequence[dict[str, object]] = (),
) -> list[object]:
    """The facts of each row in turn, our people being those of example.com; one name gives bare values."""
    made = with_facts(
        tables(rows, people=people), "attendees", needed=names, internal_domains=["example.com"], offices=offices
    )
    found = made.select(names).collect().rows()
    return [row[0] if len(names) == 1 else row for row in found]
