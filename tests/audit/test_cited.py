"""Raw records behind findings, read back from evidence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.audit.cited import RECORDS_PER_FINDING, asked, cited, compact, records
from auditor.errors import ArchiveError
from auditor.evidence.entry import Request, Response, Unit
from auditor.evidence.writer import Writer
from auditor.model.finding import Record
from auditor.tables.archive import Archive
from auditor.tables.ingest import ingest
from tests.audit.small import COLLECTED, EVE, HOST, MALLORY, small_archive
from tests.triage.conftest import Make

MAKE = Make()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    people = [{**EVE, "displayName": f"Guest {n}", "email": f"guest{n}@example.org"} for n in range(30)]
    return small_archive(tmp_path_factory.mktemp("cited") / "archive", [HOST, EVE, MALLORY, *people])


@pytest.fixture(scope="module")
def page(archive: Archive) -> str:
    return archive.scan("attendees").collect()["page"][0]


@settings(max_examples=15)
@given(items=st.lists(st.integers(0, 32), min_size=1, max_size=12))
def test_every_record_of_a_finding_resolves_to_its_item(archive: Archive, page: str, items: list[int]) -> None:
    wanted = [Record(page, item) for item in items]
    body = json.loads(archive.evidence.page(page))["items"]
    found = list(records(wanted, archive.evidence))
    assert [entry.record for entry in found] == wanted
    assert [json.loads(entry.raw) for entry in found] == [body[item] for item in items]
    assert {entry.fetched_at for entry in found} == {COLLECTED}


def test_every_row_of_every_table_names_a_record_that_is_there(archive: Archive) -> None:
    for table in ("attendees", "meetings"):
        rows = archive.scan(table).select("page", "item", "meeting_id").collect()
        wanted = [Record(row["page"], row["item"]) for row in rows.iter_rows(named=True)]
        told = [json.loads(entry.raw)["meetingId"] for entry in records(wanted, archive.evidence)]
        assert told == rows["meeting_id"].to_list()


def test_the_first_findings_of_each_rule_are_cited_with_their_first_records(archive: Archive, page: str) -> None:
    many = MAKE.finding("a", records=tuple(Record(page, item) for item in range(RECORDS_PER_FINDING + 5)))
    later = MAKE.finding("b", records=(Record(page, 30),))
    other = replace(later, rule_id="IDN-002", records=(Record(page, 31),))
    found = cited([many, later, other], archive.evidence, findings_per_rule=1)
    assert [entry.record.item for entry in found] == [*range(RECORDS_PER_FINDING), 31]


def test_a_record_two_findings_share_is_cited_once(archive: Archive, page: str) -> None:
    both = [MAKE.finding(name, records=(Record(page, 1),)) for name in "ab"]
    assert len(cited(both, archive.evidence, findings_per_rule=9)) == 1


def test_nothing_is_read_when_nothing_is_cited(tmp_path: Path) -> None:
    assert cited([], Archive.create(tmp_path / "empty").evidence, findings_per_rule=9) == ()


@pytest.mark.parametrize(
    ("record", "message"), [(Record("0" * 64, 0), "is not in the manifest"), (Record("", 33), "has no item 33")]
)
def test_a_record_that_is_not_there_is_an_error(archive: Archive, page: str, record: Record, message: str) -> None:
    wanted = record if record.page else Record(page, record.item)
    with pytest.raises(ArchiveError, match=message):
        list(records([wanted], archive.evidence))


def test_of_equal_keys_the_record_shows_what_the_row_was_made_of(tmp_path: Path) -> None:
    twice = json.dumps(EVE).replace('"email":', '"email": "first@example.org", "email":')
    archive = Archive.create(tmp_path / "archive")
    with Writer.open(archive.path, now=lambda: COLLECTED) as writer:
        page = writer.add_page(
            Request("GET", "meetingReports/attendees"), Response(200, COLLECTED), b'{"items":[%s]}' % twice.encode()
        )
        unit = Unit("attendees", "attendees", "example.webex.com", None, (page.seq,), complete=True, rows=1)
        writer.commit_unit(unit)
        ingest(archive)
    row = archive.scan("attendees").collect().row(0, named=True)
    (record,) = records([Record(row["page"], row["item"])], archive.evidence)
    assert json.loads(record.raw)["email"] == row["email"] == "first@example.org"


def test_a_request_with_a_body_shows_it() -> None:
    request = Request("POST", "meetingParticipants/query", (("meetingId", "a b"),), body={"emails": ["a@x.org"]})
    assert asked(request) == 'POST meetingParticipants/query?meetingId=a%20b {"emails":["a@x.org"]}'


def test_a_lone_surrogate_is_kept_as_its_escape() -> None:
    assert compact({"a": "\ud800é"}) == '{"a":"\\ud800\\u00e9"}'
    assert compact({"a": "é"}) == '{"a":"é"}'
