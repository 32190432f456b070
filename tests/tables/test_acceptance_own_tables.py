"""Tables of one's own, whose headings are spelled as people spell them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from auditor.errors import ConfigError
from auditor.tables.archive import Archive
from auditor.tables.bring import Asked, bring
from auditor.tables.remake import rebuild

NOW = datetime(2026, 10, 1, tzinfo=UTC)
ROW = ("eve@example.com", "Eve", "Sales")


def people(folder: Path, name: str, content: str, kind: str | None) -> list[tuple[object, ...]]:
    file = folder / name
    file.write_text(content, encoding="utf-8")
    bring(folder / "archive", [file], Asked(kind=kind), now=lambda: NOW)
    found = Archive(folder / "archive").scan("people").select("email", "display_name", "department")
    return found.collect().rows()


@pytest.mark.parametrize(
    ("headings", "kind"),
    [
        ("email,displayName,department,loginEnabled", None),
        ("email,display_name,department,loginEnabled", None),
        ("Email,Display Name,Department,Login enabled", "people"),
        ("EMAIL,displayname,department,login-enabled", "people"),
    ],
)
def test_a_heading_is_known_however_it_is_spelled(tmp_path: Path, headings: str, kind: str | None) -> None:
    assert people(tmp_path, "people.csv", f"{headings}\nEve@example.com,Eve,Sales,true\n", kind) == [ROW]
    rebuild(tmp_path / "archive", now=lambda: NOW)
    table = Archive(tmp_path / "archive").scan("people")
    assert table.select("email", "display_name", "department").collect().rows() == [ROW]


def test_names_of_the_api_and_of_columns_may_stand_side_by_side_in_json(tmp_path: Path) -> None:
    record = {"email": "Eve@example.com", "displayName": "Eve", "department": "Sales"}
    assert people(tmp_path, "people.json", json.dumps([record]), None) == [ROW]


def test_a_file_without_any_heading_of_its_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none of its fields"):
        people(tmp_path, "people.csv", "Vorname,Nachname\nEve,Adams\n", "people")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("people.csv", "email,aliases\neve@example.com,E.Adams@example.com; eve.a@example.com\nbob@example.com,\n"),
        (
            "people.csv",
            'email,aliases\neve@example.com,"[""e.adams@example.com"",""eve.a@example.com""]"\nb@example.com,[\n',
        ),
        ("people.json", '[{"emails": ["eve@example.com"], "aliases": ["E.Adams@example.com", " eve.a@example.com "]}]'),
        ("people.json", '[{"email": "eve@example.com", "aliases": "e.adams@example.com, eve.a@example.com"}]'),
    ],
)
def test_a_directory_names_aliases_as_a_list_or_in_one_text(tmp_path: Path, name: str, content: str) -> None:
    people(tmp_path, name, content, "people")
    found = Archive(tmp_path / "archive").scan("people").filter(pl.col("email") == "eve@example.com").collect()
    assert found["aliases"].to_list() == [["e.adams@example.com", "eve.a@example.com"]]
    rebuild(tmp_path / "archive", now=lambda: NOW)
    again = Archive(tmp_path / "archive").scan("people").filter(pl.col("email") == "eve@example.com").collect()
    assert again["aliases"].to_list() == found["aliases"].to_list()
