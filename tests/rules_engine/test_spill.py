"""Rows set aside come back, whether they waited in memory or on disk."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor.entities.packed import texts
from auditor.rules.rows.spill import Room, Spill

ROWS = pl.DataFrame(
    {
        "email": ["a@example.com", "b@example.com", None, "a@example.com"],
        "codes": [["x", None], [], None, ["y"]],
        "number": [1, 2, 3, None],
    }
)


def back(spill: Spill) -> pl.DataFrame:
    parts = [spill.rows(bucket, like=ROWS.head(0)) for bucket in range(spill.buckets)]
    return pl.concat([texts(part) for part in parts]).sort("number")


@pytest.mark.parametrize("room", [0, 10**9], ids=["disk", "memory"])
@pytest.mark.parametrize("buckets", [1, 3])
def test_every_row_comes_back_once(tmp_path: Path, room: int, buckets: int) -> None:
    spill = Spill("email", buckets, Room(tmp_path, room))
    spill.add(ROWS[:2])
    spill.add(ROWS[2:])
    assert bool(list(tmp_path.iterdir())) is (room == 0)
    assert back(spill).equals(ROWS.sort("number"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("room", [0, 10**9], ids=["disk", "memory"])
@pytest.mark.parametrize("third", [9, None], ids=["always the same", "once not"])
def test_a_column_that_is_another_once_more_comes_back(tmp_path: Path, room: int, third: int | None) -> None:
    rows = pl.DataFrame({"at": [5, 7, 9, 2], "time": [5, 7, third, 2], "name": ["d", "c", "b", "a"]})
    shared = Room(tmp_path, room)

    def spill(buckets: int) -> Spill:
        found = Spill("name", buckets, shared, twins=("at", "time"))
        found.add(rows[:2])
        found.add(rows[2:])
        return found

    def names() -> set[str]:
        return {name for file in tmp_path.iterdir() for name in pl.read_ipc_stream(file).columns}

    split, whole = spill(3), spill(1)
    if room == 0:
        assert ("at" in names()) is (third is None)
    seen = pl.concat([texts(split.seen(bucket, ["at"], like=rows.head(0))) for bucket in range(3)])
    assert sorted(seen["at"]) == [2, 5, 7, 9]
    assert seen.columns == ["at"]
    every = pl.concat([texts(split.rows(bucket, like=rows.head(0))) for bucket in range(3)])
    assert every.sort("at").equals(rows.sort("at"))
    columns = whole.columns(like=rows.head(0), order=lambda found: found["at"].arg_sort(), by=["at"])
    assert texts(columns.rows(["name", "at"]))["at", "name"].equals(rows.sort("at")["at", "name"])
    assert columns.rows(["time"])["time"].equals(rows.sort("at")["time"], null_equal=True)
    columns.clear()
    assert list(tmp_path.iterdir()) == []


def test_two_tables_set_aside_by_one_column_keep_apart(tmp_path: Path) -> None:
    room = Room(tmp_path, 0)
    one, other = Spill("email", 1, room), Spill("email", 1, room)
    one.add(ROWS[:2])
    other.add(ROWS[2:])
    assert back(one).equals(ROWS[:2].sort("number"))
    assert back(other).equals(ROWS[2:].sort("number"))


def test_equal_values_of_all_parts_are_in_one_bucket(tmp_path: Path) -> None:
    spill = Spill("email", 5, Room(tmp_path, 0))
    for start in range(4):
        spill.add(ROWS[start : start + 1])
    seen = [set(texts(spill.rows(bucket, like=ROWS.head(0)))["email"]) for bucket in range(5)]
    assert sum(len(emails) for emails in seen) == 3


@pytest.mark.parametrize(
    "parts",
    [
        [[59.5, -3.25], [-3.25, 10.125], [10.125, 59.5, 70.0]],
        [[0.0, 1.5, -7.0], [-0.0, 1.5]],
        [[-7, 5, 9], [-7, 5, 9, 1 << 40]],
        [[timedelta(minutes=2), timedelta(minutes=3)], [timedelta(minutes=3), timedelta(days=30_000)]],
    ],
    ids=["fractions", "zeros", "sizes", "spans"],
)
def test_equal_numbers_of_all_parts_are_in_one_bucket(tmp_path: Path, parts: list[list[float]]) -> None:
    frames = [pl.DataFrame({"row": range(len(values)), "number": values}) for values in parts]
    spill = Spill("number", 64, Room(tmp_path, 0))
    for frame in frames:
        spill.add(frame)
    seen = [set(spill.rows(bucket, like=frames[0].head(0))["number"]) for bucket in range(64)]
    assert sum(len(numbers) for numbers in seen) == len({number for values in parts for number in values})


def test_buckets_that_are_split_off_together_keep_apart(tmp_path: Path) -> None:
    rows = pl.DataFrame({"name": [f"n{number % 41}" for number in range(300_000)], "row": range(300_000)})
    spill = Spill("name", 9, Room(tmp_path, 4_000_000))
    spill.add(rows[:280_000])
    spill.add(rows[280_000:])
    found = [texts(spill.rows(bucket, like=rows.head(0))) for bucket in range(9)]
    assert pl.concat(found).sort("row").equals(rows)
    assert all(one["row"].is_sorted() for one in found)
    assert sum(one["name"].n_unique() for one in found) == 41
    assert list(tmp_path.iterdir()) == []


def test_files_hold_no_text_of_a_person(tmp_path: Path) -> None:
    spill = Spill("email", 1, Room(tmp_path, 0))
    spill.add(ROWS.select("email", "number"))
    (file,) = tmp_path.iterdir()
    assert b"example.com" not in file.read_bytes()


def test_a_column_named_by_a_stranger_names_no_file(tmp_path: Path) -> None:
    name = "meeting.tracking_code./../../escaped"
    spill = Spill(name, 2, Room(tmp_path, 0))
    spill.add(ROWS.rename({"email": name}))
    assert {path.parent for path in tmp_path.rglob("*")} == {tmp_path}
    assert back(spill)["number"].to_list() == [None, 1, 2, 3]


def test_rows_that_know_nothing_come_back(tmp_path: Path) -> None:
    nothing = ROWS.clear(3).with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in ROWS.schema.items())
    spill = Spill("email", 2, Room(tmp_path, 0))
    spill.add(nothing)
    spill.add(ROWS.with_columns(pl.lit(1 << 40, dtype=pl.Int64).alias("number")))
    assert back(spill)["number"].to_list() == [None, None, None, *[1 << 40] * 4]
    assert back(Spill("email", 2, Room(tmp_path, 0))).schema == ROWS.schema


@pytest.mark.parametrize("room", [0, 10**9], ids=["disk", "memory"])
def test_columns_come_back_in_order_and_no_others_do(tmp_path: Path, room: int) -> None:
    spill = Spill("", 1, Room(tmp_path, room))
    flagged = ROWS.with_columns(pl.Series("flag", [True, False, None, True]), pl.lit(None, dtype=pl.String).alias("no"))
    spill.add(flagged[:2].with_columns(pl.lit(None, dtype=pl.Boolean).alias("flag")))
    spill.add(flagged[2:])
    kept = spill.columns(
        like=flagged.head(0), order=lambda rows: rows["number"].arg_sort(descending=True), by=["number"]
    )
    expected = flagged.with_columns(flag=pl.Series([None, None, None, True]))[[3, 2, 1, 0]]
    for names in (["email", "no"], ["email", "codes", "flag"], ["flag"], ["number"]):
        assert texts(kept.rows(names)).equals(expected.select(names)), names
    assert kept.height == 4
    kept.clear()
    assert list(tmp_path.iterdir()) == []
