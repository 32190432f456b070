"""How long a meeting was for whoever was in it, and how far earlier legs reach."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from statistics import median

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from auditor.detectors.detection import with_records
from auditor.entities.episodes import legs, visits

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def stays(build, minutes: list[int], *, end: int | None) -> dict[str, float | None]:
    """The meeting's length in minutes for people who stayed so long; it ended after `end` minutes."""
    rows = [
        {
            "email": f"p{number}",
            "joined_time": START,
            "left_time": START + timedelta(minutes=long),
            "meeting.start_time": START if end else None,
            "meeting.end_time": START + timedelta(minutes=end) if end else None,
        }
        for number, long in enumerate(minutes)
    ]
    frame, _ = legs(build(rows), entity=("email",), needed=("meeting_id",))
    found = visits(frame, entity=("email",), carried=[pl.col("meeting_length").first()])
    return {
        person: None if length is None else length / timedelta(minutes=1)
        for person, length in found.select("email", "meeting_length").iter_rows()
    }


def test_whoever_stays_alone_does_not_lengthen_the_meeting(build) -> None:
    assert stays(build, [55, 60, 50, 240], end=240)["p3"] == 60


def test_nor_do_others_who_looked_in(build) -> None:
    assert stays(build, [60, 59, 1, 1, 1, 1, 1, 1], end=60)["p0"] == 59


def test_two_others_are_too_few_to_tell(build) -> None:
    assert stays(build, [50, 50, 240], end=240)["p2"] == 240


@given(st.lists(st.integers(1, 300), min_size=1, max_size=9))
def test_of_an_unknown_end_the_middle_of_the_others_counts(build, minutes) -> None:
    found = stays(build, minutes, end=None)
    for number in range(len(minutes)):
        others = minutes[:number] + minutes[number + 1 :]
        assert found[f"p{number}"] == (median(others) if len(others) >= 3 else None)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=9))
def test_of_a_known_end_the_longest_of_the_others_is_the_limit(build, minutes) -> None:
    found = stays(build, minutes, end=120)
    for number in range(len(minutes)):
        others = minutes[:number] + minutes[number + 1 :]
        assert found[f"p{number}"] == (min(120, max(others)) if len(others) >= 3 else 120)


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 90), st.integers(0, 60)), max_size=12
    )
)
def test_visits_are_what_a_walk_over_the_legs_gives(build, joins) -> None:
    rows = [
        {
            "email": who,
            "meeting_id": meeting,
            "joined_time": START + timedelta(minutes=begin),
            "left_time": START + timedelta(minutes=begin + long),
        }
        for who, meeting, begin, long in joins
    ]
    frame, _ = legs(build(rows), entity=("email",), needed=("meeting_id",))
    found = visits(frame, entity=("email",), gap=timedelta(minutes=10))
    got = sorted(
        (meeting, who, (begin - START) / timedelta(minutes=1), stay / timedelta(minutes=1), count)
        for meeting, who, begin, stay, count in found.select(
            "meeting_id", "email", "joined_time", "presence", "legs"
        ).iter_rows()
    )
    assert got == sorted(walked(joins))


def walked(joins: list[tuple[str, str, int, int]]) -> list[tuple[str, str, float, float, int]]:
    found: list[tuple[str, str, float, float, int]] = []
    for meeting, who in sorted({(meeting, who) for who, meeting, *_ in joins}):
        own = sorted((begin, begin + long) for person, room, begin, long in joins if (room, person) == (meeting, who))
        groups: list[list[tuple[int, int]]] = []
        for begin, end in own:
            if groups and begin <= max(last for _, last in groups[-1]) + 10:
                groups[-1].append((begin, end))
            else:
                groups.append([(begin, end)])
        for group in groups:
            minutes = {minute for begin, end in group for minute in range(begin, end)}
            found.append((meeting, who, group[0][0], len(minutes), len(group)))
    return found


def test_a_visits_records_are_those_of_its_legs(build) -> None:
    rows = [
        {"email": "a", "joined_time": START + timedelta(minutes=first), "left_time": START + timedelta(minutes=last)}
        for first, last in ((0, 10), (12, 20), (50, 60))
    ]
    frame, _ = legs(build(rows), entity=("email",), needed=("meeting_id",))
    found = with_records(visits(frame, entity=("email",)), frame)
    assert [[record["item"] for record in records] for records in found["records"]] == [[0, 1], [2]]
