"""Rows as a rule hands them to a detector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from tests.detectors.company import Site
from tests.detectors.company import site as company

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)

SCHEMA = pl.Schema(
    {
        "site_url": pl.String(),
        "meeting_id": pl.String(),
        "meeting_number": pl.String(),
        "meeting_title": pl.String(),
        "email": pl.String(),
        "joined_time": pl.Datetime("us", "UTC"),
        "left_time": pl.Datetime("us", "UTC"),
        "meeting.start_time": pl.Datetime("us", "UTC"),
        "meeting.end_time": pl.Datetime("us", "UTC"),
        "ip_address": pl.String(),
        "ip_network": pl.String(),
        "client_agent": pl.String(),
        "client_os": pl.String(),
        "client_app": pl.String(),
        "geo_country": pl.String(),
        "geo_city": pl.String(),
        "geo_latitude": pl.Float64(),
        "geo_longitude": pl.Float64(),
        "geo_radius_km": pl.Float64(),
        "asn": pl.Int64(),
        "country": pl.String(),
        "is_internal": pl.Boolean(),
        "page": pl.String(),
        "item": pl.Int64(),
    }
)

USUAL = {
    "site_url": "example.webex.com",
    "meeting_id": "m1",
    "meeting_title": "Sync",
    "email": "ann@example.com",
    "ip_network": "198.51.100.0/24",
    "client_agent": "WINDOWS,Webex",
    "client_os": "windows",
    "client_app": "webex",
    "is_internal": True,
}

Build = Callable[[Sequence[dict[str, object]]], pl.LazyFrame]


@pytest.fixture(scope="session")
def build() -> Build:
    """A function that makes a frame of rows; what a row does not name is usual, lineage is its place."""

    def made(rows: Sequence[dict[str, object]]) -> pl.LazyFrame:
        full = [
            {**dict.fromkeys(SCHEMA), **USUAL, "page": "0" * 64, "item": place, **row} for place, row in enumerate(rows)
        ]
        return pl.DataFrame(full, schema=SCHEMA, orient="row").lazy()

    return made


def at(days: float = 0, *, minutes: float = 0) -> datetime:
    """A moment after the first Monday."""
    return MONDAY + timedelta(days=days, minutes=minutes)


@pytest.fixture(scope="session")
def site() -> Site:
    """The invented company and what all rules with a detector find there."""
    return company()
