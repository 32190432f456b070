"""Tables that were made before a column was known."""

from dataclasses import replace

import polars as pl
import pytest

from auditor.tables.archive import Archive
from auditor.tables.draft import Draft
from auditor.tables.files import frame_schema
from auditor.tables.listed import rows_in
from auditor.tables.pieces import pieces
from auditor.tables.schema import PEOPLE
from auditor.tables.store import Store

OLDER = replace(PEOPLE, schema=pl.Schema({name: kind for name, kind in PEOPLE.schema.items() if name != "aliases"}))


def rows(table, *people):
    schema = frame_schema(table)
    filled = [{"page": "a" * 64, "item": item, "_seq": item, **person} for item, person in enumerate(people)]
    return pl.DataFrame([{name: person.get(name) for name in schema} for person in filled], schema=schema)


def put(archive, table, *people, applied):
    draft = Draft(Store(archive.tables), table)
    draft.upsert(rows(table, *people))
    draft.commit(applied)


@pytest.fixture
def archive(tmp_path):
    """An archive whose people were written without aliases."""
    made = Archive.create(tmp_path / "archive")
    put(made, OLDER, {"email": "ann@example.com"}, {"email": "bo@example.com"}, applied=1)
    return made


def aliases(archive):
    return dict(archive.scan("people").select("email", "aliases").collect().rows())


def test_the_column_is_null_in_old_rows(archive):
    assert aliases(archive) == {"ann@example.com": None, "bo@example.com": None}
    assert [piece.collect().height for piece in pieces(archive, "people")] == [2]
    assert pl.concat(pieces(archive, "people")).collect_schema() == PEOPLE.schema


def test_new_rows_bring_it(archive):
    put(archive, PEOPLE, {"email": "cy@example.com", "aliases": ["c@example.com"]}, applied=2)
    assert aliases(archive) == {
        "ann@example.com": None,
        "bo@example.com": None,
        "cy@example.com": ["c@example.com"],
    }
    assert sum(piece.collect().height for piece in pieces(archive, "people")) == 3


def test_an_old_row_is_replaced_by_one_that_has_it(archive):
    put(
        archive,
        PEOPLE,
        {"email": "x@example.com"},
        {"email": "ann@example.com", "aliases": ["a@example.com"]},
        applied=2,
    )
    assert aliases(archive)["ann@example.com"] == ["a@example.com"]
    assert aliases(archive)["bo@example.com"] is None


def test_old_and_new_files_are_compacted_into_one(archive):
    for number in range(3):
        put(
            archive,
            PEOPLE,
            {"email": f"p{number}@example.com", "aliases": [f"{number}@example.com"]},
            applied=2 + number,
        )
    before = aliases(archive)
    draft = Draft(Store(archive.tables), PEOPLE)
    draft.compact()
    draft.commit(9)
    assert aliases(archive) == before
    assert len(pieces(archive, "people")) == 1


def test_no_addresses_are_no_rows():
    assert rows_in("people", []).collect().height == 0


def test_a_column_without_any_value_takes_no_room_and_is_null(archive):
    put(archive, PEOPLE, {"email": "cy@example.com", "aliases": ["c@example.com"]}, applied=2)
    stored = [set(pl.read_parquet_schema(path)) for path in (archive.path / "tables/people").glob("*.parquet")]
    assert sorted(stored, key=len) == [
        {"email", "page", "item", "_seq"},
        {"email", "aliases", "page", "item", "_seq"},
    ]
    people = archive.scan("people")
    assert people.collect_schema() == PEOPLE.schema
    assert people.filter(pl.col("display_name").is_null()).select("email").collect().height == 3
    assert people.filter(pl.col("aliases").is_not_null()).collect()["email"].to_list() == ["cy@example.com"]
    assert people.filter("login_enabled").collect().is_empty()
    assert people.group_by("department").agg(pl.len()).collect().rows() == [(None, 3)]
    held = Store(archive.tables).rows(PEOPLE)
    assert held.filter(pl.col("aliases").is_null()).select("email").collect().height == 2
