"""How rows lie in files: whole meetings, in order of time, in files of a size that suits readers."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from auditor.tables.files import ROWS_A_FILE, ROWS_COMPACTED, frame_schema, in_order
from auditor.tables.remake import compact
from auditor.tables.schema import ATTENDEES

DAY0 = datetime(2026, 1, 1, tzinfo=UTC)
NOW = DAY0 + timedelta(days=90)
MEETING = 250


def record(meeting: int, person: int) -> dict[str, object]:
    joined = DAY0 + timedelta(minutes=meeting * 7 + person % 11)
    return {"meetingId": f"m{meeting}", "email": f"p{person}@example.com", "joinedTime": joined.isoformat()}


def page(meeting: int) -> bytes:
    """The records of a meeting, put together as text: there are half a million of them."""
    times = [record(meeting, person)["joinedTime"] for person in range(11)]
    items = [
        f'{{"meetingId":"m{meeting}","email":"p{person}@example.com","joinedTime":"{times[person % 11]}"}}'
        for person in range(MEETING)
    ]
    return f'{{"items":[{",".join(items)}]}}'.encode()


def pages(meetings: Sequence[int]) -> list[bytes]:
    return [page(meeting) for meeting in meetings]


def files(folder: Path) -> list[pl.DataFrame]:
    """The files of the table's newest version, by their first time."""
    commits = [path.read_text() for path in sorted(folder.glob("_delta_log/*.json"))]
    log = [json.loads(line) for commit in commits for line in commit.splitlines()]
    gone = {line["remove"]["path"] for line in log if "remove" in line}
    names = {line["add"]["path"] for line in log if "add" in line} - gone
    return sorted((pl.read_parquet(folder / name) for name in names), key=lambda frame: frame["joined_time"].min())


def check_layout(found: Sequence[pl.DataFrame], *, ordered: bool) -> None:
    whole = [frame.select("site_url", "meeting_id").unique() for frame in found]
    assert pl.concat(whole).is_unique().all()
    for frame in found:
        assert_frame_equal(in_order(frame.sample(fraction=1, shuffle=True, seed=1), ATTENDEES), frame)
    begins = [frame.group_by("meeting_id").agg(pl.col("joined_time").min())["joined_time"] for frame in found]
    if ordered:
        assert all(one.max() <= other.min() for one, other in pairwise(begins))


@pytest.mark.slow
def test_meetings_stay_whole_and_compaction_puts_them_in_order_of_time(site) -> None:
    count = 3 * ROWS_COMPACTED // 2 // MEETING
    site.add("attendees", *pages(range(0, count, 2)), days=(0, 1))
    site.add("attendees", *pages(range(1, count, 2)), days=(1, 2))
    site.add("attendees", *pages(range(40)), days=(2, 3))
    folder = site.archive.path / "tables/attendees"
    before = site.archive.scan("attendees").sort("meeting_id", "email").collect()
    scattered = files(folder)
    assert before.height == count * MEETING
    assert max(frame.height for frame in scattered) <= ROWS_A_FILE + MEETING
    check_layout(scattered, ordered=False)
    compact(site.archive.path, now=lambda: NOW)
    after = site.archive.scan("attendees").sort("meeting_id", "email").collect()
    assert_frame_equal(after, before)
    together = files(folder)
    assert [abs(frame.height - ROWS_COMPACTED * 3 // 4) <= MEETING for frame in together] == [True, True]
    check_layout(together, ordered=True)
    names = {path.name for path in folder.glob("*.parquet")}
    compact(site.archive.path, now=lambda: NOW)
    assert {path.name for path in folder.glob("*.parquet")} == names


@pytest.mark.slow
def test_a_meeting_that_goes_on_after_compaction_stays_in_one_file(site) -> None:
    site.add("attendees", *pages(range(800)), days=(0, 1))
    compact(site.archive.path, now=lambda: NOW)
    more = [{**record(5, 900), "displayName": "late"}, record(5, 3), record(900, 1)]
    site.add("attendees", more, days=(1, 2))
    found = files(site.archive.path / "tables/attendees")
    assert sum(frame.height for frame in found) == 800 * MEETING + 2
    check_layout(found, ordered=False)


def test_rows_without_a_time_stand_last_in_their_meeting_and_meetings_without_one_first() -> None:
    rows = pl.DataFrame(
        {
            "site_url": ["s"] * 5,
            "meeting_id": ["b", "a", "b", "c", None],
            "joined_time": [None, DAY0, DAY0 - timedelta(days=1), None, DAY0 + timedelta(days=1)],
            "page": list("vwxyz"),
            "item": [0, 0, 0, 0, 0],
            "_seq": [5, 4, 3, 2, 1],
        },
        schema_overrides={"joined_time": pl.Datetime("us", "UTC")},
    )
    assert in_order(rows, ATTENDEES)["page"].to_list() == ["y", "x", "v", "w", "z"]


MOMENTS = (
    st.none()
    | st.sampled_from([DAY0, DAY0 + timedelta(microseconds=1), NOW])
    | st.just(datetime.max.replace(tzinfo=UTC))
)
ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "b", None]), MOMENTS, st.integers(0, 2) | st.just(2**62), st.integers(0, 3)),
    max_size=12,
)


def in_order_by_hand(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """The rows sorted by what `in_order` promises, one key after the other."""

    def key(row: dict[str, object]) -> tuple[object, ...]:
        times = [other["joined_time"] for other in rows if other["meeting_id"] == row["meeting_id"]]
        first = min((time for time in times if time is not None), default=None)
        own = row["joined_time"]
        meeting = row["meeting_id"]
        return (
            (first is not None, first),
            (meeting is not None, meeting),
            (own is None, own or DAY0),
            row["_seq"],
            row["item"],
        )

    return sorted(rows, key=key)


@given(drawn=ROWS, alike=st.booleans())
def test_rows_stand_in_the_same_order_however_they_come(drawn, alike) -> None:
    told = [
        {"site_url": "s", "meeting_id": meeting, "joined_time": time, "_seq": seq, "item": item}
        for meeting, time, seq, item in (sorted(drawn, key=lambda row: row[2:]) if alike else drawn)
    ]
    schema = frame_schema(ATTENDEES)
    rows = pl.DataFrame([dict.fromkeys(schema) | row for row in told], schema=schema, orient="row")
    shown = in_order(rows, ATTENDEES).select(*told[0]).rows(named=True) if told else []
    assert shown == in_order_by_hand(told)
