"""An archive held still is read at one version."""

from datetime import UTC, datetime, timedelta

from polars.testing import assert_frame_equal

from auditor.model.window import Window
from auditor.tables.coverage import coverage
from auditor.tables.pieces import pieces
from auditor.tables.schema import TABLES
from auditor.tables.still import Still
from auditor.tables.units import UNITS

SITE = "example.webex.com"
DAY0 = datetime(2026, 1, 1, tzinfo=UTC)
WEEK = Window(DAY0, DAY0 + timedelta(days=7))


def attendee(meeting, name):
    return {
        "siteUrl": SITE,
        "meetingId": f"m{meeting}",
        "email": f"{name}@example.com",
        "joinedTime": "2026-01-02T10:00:00Z",
        "leftTime": "2026-01-02T11:00:00Z",
    }


def rows(archive, table):
    return archive.scan(table).collect().height


def test_what_is_collected_after_the_first_reading_is_not_seen(site):
    site.add("attendees", [attendee(1, "a")])
    still = Still(site.archive)
    assert rows(still, "attendees") == 1
    site.add("attendees", [attendee(2, "b")], days=(7, 14))
    assert rows(still, "attendees") == 1
    assert sum(piece.collect().height for piece in pieces(still, "attendees")) == 1
    assert rows(site.archive, "attendees") == 2
    assert rows(Still(site.archive), "attendees") == 2


def test_a_table_that_was_not_there_stays_away(site):
    still = Still(site.archive)
    assert not still.has("attendees")
    assert rows(still, "attendees") == 0
    site.add("attendees", [attendee(1, "a")])
    assert not still.has("attendees")
    assert rows(still, "attendees") == 0
    assert site.archive.has("attendees")


def test_units_are_read_once(site):
    site.add("attendees", [attendee(1, "a")])
    still = Still(site.archive)
    before = still.units().collect()
    for file in (site.archive.tables / UNITS.name).glob("*.parquet"):
        file.unlink()
    assert still.units().collect().equals(before)
    assert before.height == 1


def test_it_tells_what_the_archive_tells(site):
    site.add("attendees", [attendee(1, "a"), attendee(1, "b")])
    still = Still(site.archive)
    assert (still.sites(), still.span(), still.chain()) == ((SITE,), site.archive.span(), site.archive.chain())
    told = [
        coverage(one, window=WEEK, sites=[SITE], now=DAY0 + timedelta(days=30), settle=timedelta())
        for one in (still, site.archive)
    ]
    assert told[0] == told[1]


def test_every_table_shows_what_its_log_shows(site):
    for day in range(3):
        site.add("attendees", [attendee(day, "a"), attendee(day, "b")], days=(day, day + 1))
    site.add("usage", [{"siteUrl": SITE, "meetingId": "m1", "start": "2026-01-02T10:00:00Z", "totalParticipants": 2}])
    still = Still(site.archive)
    for table in TABLES:
        assert_frame_equal(still.scan(table).collect(), site.archive.scan(table).collect())
    assert_frame_equal(still.units().collect(), site.archive.units().collect())
