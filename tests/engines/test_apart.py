"""Rules judged in parts give the audit of one machine, byte for byte."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import polars as pl
import pytest

from auditor.audit import Request, check
from auditor.engines import apart
from auditor.engines.parcels import bucket_numbers, heard, told
from auditor.engines.sharing import planned
from auditor.model.window import Window
from auditor.reports.audit_json import dump
from auditor.rules.outcome import Crashed, NotEvaluated
from auditor.rules.reading.bind import bind
from auditor.rules.reading.load import load_rules
from auditor.rules.task import Task
from auditor.settings import load
from auditor.tables.archive import Archive
from auditor.tables.listed import File, rows_in
from auditor.tables.schema import TABLES
from benchmarks.attendance.archive import Scale
from tests.audit.small import SITE, rule_file, small_archive
from tests.engines.bank import bank as made
from tests.engines.inline import Inline
from tests.pack import bundled_rules

SCALE = Scale(5_000, seed="1", weeks=9, commit=1_200)
RULES = bundled_rules()


@pytest.fixture(scope="module")
def bank(tmp_path_factory) -> Archive:
    return Archive(made(tmp_path_factory.mktemp("bank"), SCALE))


def audits(
    archive: Archive, request: Request, cluster: Inline, rules=RULES, now=SCALE.now
) -> tuple[bytes, bytes, list[str]]:
    said: list[str] = []
    parts = partial(apart.run, cluster=cluster, say=said.append)
    here = check(archive, rules, request=request, now=now)
    there = check(archive, rules, request=request, now=now, engine=parts)
    return dump(here), dump(there), said


@pytest.mark.slow
def test_every_rule_of_the_pack_ends_the_same(bank):
    cluster = Inline()
    window = Window(SCALE.end.replace(day=1), SCALE.end)
    request = Request(window=window, settings=load(bank.path / "auditor.yaml"))
    here, there, said = audits(bank, request, cluster)
    assert there == here
    assert b'"id":"GEO-002","' in here.replace(b" ", b"")
    assert b"GeoIP database" in here
    assert len(cluster.pieces) > 8
    assert cluster.parcels_sent > 50
    assert any("ANM-002" in line and "different columns" in line for line in said)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 7])
def test_the_number_of_workers_and_buckets_makes_no_difference(bank, workers):
    request = Request(
        settings=load(bank.path / "auditor.yaml"), only=("ACC-001", "IDN-002", "IDN-006", "ANM-009", "HST-005")
    )
    here, there, _ = audits(bank, request, Inline(workers))
    assert there == here


def test_an_archive_without_rows_ends_the_same(tmp_path):
    archive = small_archive(tmp_path / "archive", ())
    here, there, _ = audits(archive, Request(), Inline())
    assert there == here


@pytest.mark.slow
def test_rows_without_a_key_and_without_a_time_are_counted_alike(tmp_path):
    rows = [
        {
            "meetingId": meeting,
            "email": email,
            "ipAddress": address,
            "joinedTime": joined,
            "leftTime": None,
            "invited": None,
        }
        for meeting in (None, "m1", "m2")
        for email in (None, "a@example.com", "b@example.org")
        for address in (None, "192.0.2.1")
        for joined in (None, "2026-09-14T10:00:00Z")
    ]
    archive = small_archive(tmp_path / "archive", rows)
    here, there, _ = audits(
        archive,
        Request(sites=(SITE,), only=tuple(rule.id for rule in RULES.rules if rule.status != "disabled")),
        Inline(),
    )
    assert there == here


def test_rules_with_a_key_in_common_share_a_shuffle():
    tasks = [Task(one.rule, one.values) for one in (bind(rule, now=SCALE.now, lists={}) for rule in RULES.rules)]
    plan = planned(tasks, sites=2)
    assert len(plan.shuffles) < 15
    assert max(len(shuffle.tasks) for shuffle in plan.shuffles) > 10
    split = [task.rule.id for shuffle in plan.shuffles for task in shuffle.tasks]
    rows = [task.rule.id for some in plan.by_row.values() for task in some]
    assert sorted([*split, *rows, *plan.whole]) == sorted(rule.id for rule in RULES.rules)
    assert {"ANM-002"} <= set(plan.whole)


def test_a_key_lies_in_the_same_bucket_on_every_machine():
    keys = pl.Series(["m1", None, "m2", "m1"])
    assert bucket_numbers(keys, 8, nulls=5).to_list() == [7, 5, 5, 7]
    assert bucket_numbers(keys.clear(), 8, nulls=5).to_list() == []


@pytest.mark.parametrize("part", [Crashed("ComputeError"), NotEvaluated("too few weeks", not_evaluable=3)])
def test_parts_that_ended_early_travel_with_their_words(part):
    rule_id, found = heard(told("ABC-001", part, bucket=3))
    assert (rule_id, type(found), str(found)) == ("ABC-001", type(part), str(part))
    assert getattr(found, "not_evaluable", 0) == getattr(part, "not_evaluable", 0)


def test_files_of_a_table_hold_what_the_table_shows(bank):
    for name in ("attendees", "meetings", "devices", "people"):
        files = bank.files(name)
        shown = bank.scan(name).collect()
        held = rows_in(name, [file.address for file in files]).collect()
        assert held.schema == TABLES[name].schema
        assert held.sort(pl.all()).equals(shown.sort(pl.all()))
        assert sum(file.rows for file in files) == shown.height
    assert bank.files("breakouts") == ()
    assert rows_in("breakouts", ()).collect().is_empty()


def test_pieces_hold_every_file_once_and_are_of_a_size():
    files = [File(f"f{number}", 100_000) for number in range(40)]
    pieces = apart.pieces_of({"attendees": files, "devices": files[:1]}, 2)
    assert [piece.number for piece in pieces] == list(range(len(pieces)))
    assert [name for piece in pieces if piece.table == "attendees" for name in piece.files] == [
        file.address for file in files
    ]
    assert {len(piece.files) for piece in pieces if piece.table == "attendees"} == {6, 4}


def test_a_rule_that_crashes_on_a_part_crashes_alone(tmp_path):
    archive = small_archive(tmp_path / "archive")
    rules = load_rules([rule_file(tmp_path)], bundled=False)
    cluster = Inline()

    def broken(work, pieces):
        for parcel in Inline.parcels(cluster, work, pieces):
            yield told(heard(parcel)[0], Crashed("ComputeError"), bucket=0)

    cluster.parcels = broken
    audit = check(
        archive, rules, request=Request(), now=SCALE.now, engine=partial(apart.run, cluster=cluster, say=print)
    )
    assert audit.rules[0].reason == "the rule crashed: ComputeError"


def test_addresses_are_absolute_so_that_every_worker_finds_them(tmp_path, monkeypatch):
    small_archive(tmp_path / "archive")
    monkeypatch.chdir(tmp_path)
    assert all(Path(file.address).is_absolute() for file in Archive("archive").files("attendees"))
