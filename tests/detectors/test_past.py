"""What is counted quickly, group by group, is what a plain count gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from auditor.detectors.detection import Aggregate
from auditor.detectors.past import Past, Uses
from auditor.entities.episodes import of_first_legs, visits

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ROWS = st.lists(st.tuples(st.integers(0, 12), st.one_of(st.none(), st.integers(0, 2)), st.integers(0, 1)), max_size=14)


@given(
    ROWS,
    st.one_of(st.none(), st.integers(1, 6)),
    st.sampled_from(["time", "group", "none"]),
    st.sampled_from([1, 2**59]),
)
def test_earlier_rows_of_a_group_are_counted_within_the_history(rows, days: int | None, order: str, wide: int) -> None:
    if order != "none":
        rows = sorted(rows, key=lambda row: (row[0],) if order == "time" else (row[2], row[0]))
    times = pl.Series([START + timedelta(days=row[0]) for row in rows], dtype=pl.Datetime("us", "UTC"))
    groups, within = (pl.Series([row[place] for row in rows], dtype=pl.Int64()) for place in (1, 2))

    def plain(row: tuple[int, int | None, int], *, alike: bool) -> int:
        since = -1 if days is None else row[0] - days
        past = [other for other in rows if other[2] == row[2] and since <= other[0] < row[0]]
        return sum(other[1] == row[1] for other in past) if alike else len(past)

    # numbers of groups may be so large that none has room for a time beside it
    own, placed, first = Past.within(within * wide, times, None if days is None else timedelta(days=days))
    assert sorted(placed) == list(range(len(rows)))
    assert [rows[row][2] for row in placed] == [rows[row][2] for row in placed.gather(first)]
    counted = own.length(first)
    assert counted.to_list() == [plain(rows[row], alike=False) for row in placed]
    alike = own.earlier((groups + 3 * within).gather(placed))
    assert alike.to_list() == [None if rows[row][1] is None else plain(rows[row], alike=True) for row in placed]
    uses = Uses.of(own, own.reach(first), (groups + 3 * within).gather(placed))
    assert uses.counted(pl.int_range(placed.len(), eager=True)).to_list() == alike.to_list()
    begins, new = uses.new()
    assert all(fresh for fresh, count in zip(new, alike, strict=True) if count == 0)
    assert not new.filter(alike.is_null()).any()
    kinds = (groups + 3 * within).gather(placed)
    assert sorted(kinds[begins]) == sorted(kinds.drop_nulls().unique())


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
    plain = visits(frame, entity=("email",), carried=[length.max(), pl.col("presence").max().alias("stayed")])
    shuffled = frame.sample(fraction=1, shuffle=True, seed=1).with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64()))
    carried, alone = (
        [length.max(), pl.col("presence").max().alias("stayed")],
        [length, pl.col("presence").alias("stayed")],
    )
    for rows_, one in ((frame, alone), (frame, None), (shuffled, alone), (shuffled, None)):
        told = of_first_legs(rows_, entity=("email",), carried=carried, alone=one, finish=lambda grouped: grouped)
        named = rows_.select("email", "meeting_id", "joined_time").hstack(told).drop_nulls("stayed")
        assert named.sort(pl.all()).equals(plain.select(named.columns).sort(pl.all()))


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
    # where groups stand together it is told by neighbours
    for rows_ in (frame, frame.sort("group", maintain_order=True)):
        found = [each.summed(rows_, rows_["group"]).sort("_group") for each in (plain, quick)]
        assert found[1].equals(found[0].select(found[1].columns))
