"""What the speed benchmarks run on."""

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

import benchmarks.attendance
from auditor.tables.archive import Archive
from benchmarks.attendance.archive import Scale, make
from tests.pack import bundled_rules

RULES = Path(benchmarks.attendance.__file__).parents[1] / "rules.txt"


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return make(tmp_path_factory.mktemp("bank") / "archive", Scale(2_000, weeks=1))


def test_twenty_bundled_rules_are_named() -> None:
    lines = [line.split() for line in RULES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert Counter(line[1] for line in lines) == {"row": 10, "meeting": 6, "person": 2, "network": 1, "device": 1}
    assert {line[0] for line in lines} <= {rule.id for rule in bundled_rules().rules}


@pytest.mark.slow
def test_about_as_many_rows_are_made_as_asked_for(bank: Archive) -> None:
    assert 1_500 < bank.scan("attendees").select(pl.len()).collect().item() < 2_500


def test_its_evidence_holds_what_its_tables_cite(bank: Archive) -> None:
    assert bank.evidence.verify() == ()
    cited = pl.concat([bank.scan(name).select("page") for name in ("attendees", "meetings", "participants", "devices")])
    pages = {entry.sha256 for entry in bank.evidence.entries() if hasattr(entry, "sha256")}
    assert set(cited.collect()["page"]) == pages


@pytest.mark.slow
def test_a_seed_makes_one_archive(bank: Archive, tmp_path: Path) -> None:
    again = make(tmp_path / "archive", Scale(2_000, weeks=1))
    assert again.evidence.head == bank.evidence.head
    for table in ("attendees", "meetings", "participants", "devices"):
        assert again.scan(table).collect().equals(bank.scan(table).collect())
