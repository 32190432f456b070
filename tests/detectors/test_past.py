"""What is counted quickly, group by group, is what a plain count gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from auditor.detectors.detection import Aggregate
from auditor.detectors.past import Past
from auditor.entities.episodes import visits

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ROWS = st.lists(st.tuples(st.integers(0, 12), st.one_of(st.none(), st.integers(0, 2)), st.integers(0, 1)), max_size=14)


@given(ROWS, st.one_of(st.none(), st.integers(1, 6)))
def test_earlier_rows_of_a_group_are_counted_within_the_history(rows, days: int | None) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    times = pl.Series([START + timedelta(days=row[0]) for row in rows], dtype=pl.Datetime("us", "UTC"))
    past = Past.of(times, None if days is None else timedelta(days=days))
    groups, within = (pl.Series([row[place] for row in rows], dtype=pl.Int64()) for place in (1, 2))

    def plain(day: int, group: int | None, among: list[tuple[int, int | None, int]]) -> int | None:
        since = -1 if days is None else day - days
        return None if group is None else sum(row[1] == group and since <= row[0] < day for row in among)

    assert past.earlier(groups).to_list() == [plain(row[0], row[1], rows) for row in rows]
    # the same of groups within others, which stand one after another
    own, order, _ = past.apart(within)
    expected = [plain(row[0], row[1], [other for other in rows if other[2] == row[2]]) for row in rows]
    counted = own.earlier((groups + 3 * within).gather(order))
    assert counted.to_list() == [expected[row] for row in order]


LEGS = st.lists(
    st.tuples(st.sampled_from("abcde"), st.sampled_from("xy"), st.integers(0, 90), st.integers(0, 60)), max_size=14
)


@given(LEGS, st.booleans())
def test_visits_of_single_legs_are_valued_as_all_visits_are(joins, ended) -> None:
    rows = [
        {
            "site_url": "s",
            "meeting_id": meeting,
            "email": who,
            "joined_time": START + timedelta(minutes=begin),
            "end": START + timedelta(minutes=begin + long),
            "meeting.start_time": START,
            "meeting.end_time": START + timedelta(minutes=120) if ended or meeting == "x" else None,
        }
        for who, meeting, begin, long in sorted(joins, key=lambda join: join[2])
    ]
    times = ("joined_time", "end", "meeting.start_time", "meeting.end_time")
    schema = dict.fromkeys(("site_url", "meeting_id", "email"), pl.String()) | dict.fromkeys(
        times, pl.Datetime("us", "UTC")
    )
    frame = pl.DataFrame(rows, schema=schema).with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64()))
    length = pl.col("meeting_length")
    plain = visits(frame, entity=("email",), carried=[length.max()])
    quick = visits(frame, entity=("email",), carried=[length.max()], alone=[length], named=False)
    assert quick.equals(plain.select(quick.columns))


@given(st.lists(st.tuples(st.integers(0, 3), st.one_of(st.none(), st.sampled_from("abc"))), max_size=14))
def test_kinds_counted_by_their_pairs_are_those_counted_in_each_group(rows) -> None:
    frame = pl.DataFrame(
        {
            "group": pl.Series([row[0] for row in rows], dtype=pl.Int64()),
            "text": pl.Series([row[1] for row in rows], dtype=pl.String()),
        }
    )
    kinds = pl.col("text").drop_nulls().n_unique().cast(pl.Int64()).alias("kinds")
    plain = Aggregate(("kinds",), (kinds,), lambda grouped: grouped, frozenset({"text"}))
    quick = Aggregate(("kinds",), (kinds,), lambda grouped: grouped, frozenset({"text"}), kinds={"kinds": "text"})
    found = [each.summed(frame, frame["group"]).sort("_group") for each in (plain, quick)]
    assert found[1].equals(found[0].select(found[1].columns))
