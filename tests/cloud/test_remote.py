"""Archives on an object store: read as folders are, never written, and clear about what is wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from auditor.errors import ArchiveError, ConfigError
from auditor.evidence.entry import Request, Response, Unit
from auditor.evidence.remote import reason, remote
from auditor.evidence.writer import Writer
from auditor.tables.archive import Archive
from auditor.tables.ingest import ingest
from tests.audit.small import EVE, HOST, MALLORY, NOW, rule_file, small_archive
from tests.cloud.loopback import BUCKET, SECRET, Bucket, served

PLACE = f"s3://{BUCKET}/audits/2026"
WHEN = datetime(2026, 11, 2, tzinfo=UTC)
MANY = [{**EVE, "meetingId": f"m{number}", "email": f"p{number}@example.org"} for number in range(200)]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory) -> Iterator[Bucket]:
    folder = tmp_path_factory.mktemp("bucket")
    (folder / "audits").mkdir()
    small_archive(folder / "audits" / "2026", (HOST, EVE, MALLORY, *MANY))
    with served(folder) as bucket:
        yield bucket


@pytest.fixture
def credentials(bucket, monkeypatch) -> Bucket:
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    return bucket


def local(bucket: Bucket) -> Path:
    return bucket.folder / "audits" / "2026"


@pytest.mark.slow
def test_check_gives_the_same_bytes_as_from_a_folder(bucket, auditor, tmp_path):
    rules = rule_file(tmp_path)
    for place, name in ((local(bucket), "local.json"), (PLACE, "remote.json")):
        done = auditor(
            "check",
            "--archive",
            place,
            "--rules",
            rules,
            "--now",
            NOW,
            "--format",
            f"json={name}",
            env=bucket.environment,
        )
        assert done.returncode == 1, done.stderr
    remote_audit = (tmp_path / "remote.json").read_bytes()
    assert remote_audit == (tmp_path / "local.json").read_bytes()
    assert json.loads(remote_audit)["summary"]["findings"] > 200


@pytest.mark.slow
def test_a_finding_leads_back_to_the_record_in_the_bucket(bucket, auditor, tmp_path):
    rules = rule_file(tmp_path)
    asked = ("--rules", rules, "--now", NOW, "--format", "json=audit.json")
    auditor("check", "--archive", PLACE, *asked, env=bucket.environment)
    found = json.loads((tmp_path / "audit.json").read_bytes())["findings"]
    mark = next(one["fingerprint"] for one in found if "mallory" in one["subject"])
    told = auditor("explain", mark, "audit.json", "--archive", PLACE, "--rules", rules, env=bucket.environment)
    assert told.returncode == 0, told.stderr
    assert '"displayName":"Mallory"' in told.stdout


def test_export_writes_the_rows_a_folder_would_give(bucket, auditor, tmp_path):
    for place, name in ((local(bucket), "local.csv"), (PLACE, "remote.csv")):
        asked = ("--table", "attendees", "--format", f"csv={name}")
        assert auditor("archive", "export", "--archive", place, *asked, env=bucket.environment).returncode == 0
    assert (tmp_path / "remote.csv").read_bytes() == (tmp_path / "local.csv").read_bytes()


@pytest.mark.slow
def test_verify_and_status_and_doctor_read_the_bucket(bucket, auditor):
    assert auditor("archive", "verify", "--archive", PLACE, env=bucket.environment).returncode == 0
    status = auditor("archive", "status", "--archive", PLACE, "--now", NOW, env=bucket.environment)
    assert f"{PLACE}: 7 entries" in status.stdout
    doctor = auditor("doctor", "--archive", PLACE, env=bucket.environment)
    assert "every page and entry is as it was written" in doctor.stdout


@pytest.mark.slow
def test_verify_names_an_object_that_the_store_does_not_give_out_and_goes_on(bucket, auditor):
    pages = sorted((local(bucket) / "evidence/pages").rglob("*.zst"))
    files = sorted((local(bucket) / "tables/attendees").glob("*.parquet"))
    bucket.kept = tuple(path.relative_to(bucket.folder).as_posix() for path in (pages[0], files[0]))
    try:
        done = auditor("archive", "verify", "--archive", PLACE, env=bucket.environment)
    finally:
        bucket.kept = ()
    assert done.returncode == 3, done.stderr
    assert [
        line.partition(": it could not be read, so nothing can be said of it: ")[0] for line in done.stdout.splitlines()
    ] == [path.relative_to(local(bucket)).as_posix() for path in (pages[0], files[0])]
    assert done.stdout.count("the store refuses access (403 Forbidden, AccessDenied)") == 2


@pytest.mark.slow
def test_verify_asks_a_store_that_gives_nothing_out_for_ten_pages_and_ten_files_and_no_more(tmp_path_factory, auditor):
    folder = tmp_path_factory.mktemp("refusing")
    archive = Archive.create(folder / "archive")
    with Writer.open(archive.path, now=lambda: WHEN) as writer:
        pages = [writer.add_page(Request("GET", "x"), Response(200, WHEN), b"%d" % number) for number in range(13)]
        writer.commit_unit(Unit("x", "x", None, None, tuple(page.seq for page in pages), complete=True, rows=0))
    for number in range(12):  # each brings a file of a table
        unit = Unit(f"{number}", "x", None, None, (), complete=True, rows=0)
        with Writer.open(archive.path, now=lambda: WHEN) as writer:
            writer.commit_unit(unit)
        ingest(archive)
    files = [path.relative_to(folder).as_posix() for path in (folder / "archive/tables").rglob("*.parquet")]
    with served(folder) as bucket:
        bucket.kept = ("archive/evidence/pages", *files)
        done = auditor("archive", "verify", "--archive", f"s3://{BUCKET}/archive", env=bucket.environment)
    assert done.returncode == 3, done.stderr
    told = [line.partition(": ")[2] for line in done.stdout.splitlines()]
    assert ["could not be read" in line for line in told] == [True] * 10 + [False] + [True] * 10 + [False]
    assert told[10] == "not asked for after that: 3 further pages"
    assert told[-1] == "no further file was asked for after that"


@pytest.mark.parametrize(
    "verb",
    [
        ("collect",),
        ("import", "file.json"),
        ("archive", "rebuild"),
        ("archive", "compact"),
        ("archive", "erase", "--email", "eve@example.org"),
        ("archive", "prune", "--older-than", "1y"),
    ],
    ids=" ".join,
)
def test_verbs_that_write_refuse_an_address(verb, bucket, auditor, tmp_path):
    asked = len(bucket.asked)
    done = auditor(*verb, "--archive", PLACE, env=bucket.environment)
    assert done.returncode == 2
    assert "an archive on an object store can only be read" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert len(bucket.asked) == asked


def test_nothing_is_ever_written(bucket):
    assert {line.partition(" ")[0] for line in bucket.asked} <= {"GET", "HEAD"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "environment", "words"),
    [
        ("s3://elsewhere/audits", {}, "s3://elsewhere/audits: there is no such bucket"),
        (f"{PLACE}/none", {}, "is no archive"),
        (PLACE, {"AWS_ACCESS_KEY_ID": "WRONG"}, "the store refuses access (403 Forbidden, InvalidAccessKeyId)"),
        (PLACE, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "the store does not answer"),
        ("ftp://host/archive", {}, "ftp://…: an archive is a folder, or below s3://, abfss://, gs://"),
        (f"s3://key:{SECRET}@evidence/x", {}, "s3://…: only letters"),
    ],
)
def test_what_is_wrong_is_said_without_a_secret(place, environment, words, bucket, auditor):
    done = auditor("check", "--archive", place, "--now", NOW, env=bucket.environment | environment)
    assert done.returncode == 2
    assert words in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert done.stderr.count("\n") == 1


def test_without_credentials_the_message_says_where_they_belong():
    told = reason(
        OSError("Generic S3 error: Error performing token request: Error performing GET http://169.254.169.254")
    )
    assert told == "no credentials were found in the environment; see docs/cloud.md"


def test_a_signed_address_in_an_error_is_not_repeated():
    told = reason(OSError(f"Error performing GET https://x.blob.example/c?sig={SECRET} - 403 Forbidden: denied"))
    assert told == "the store refuses access (403 Forbidden); the credentials are those of the environment"


def test_an_archive_in_python_knows_its_address_and_refuses_to_be_a_folder(credentials):
    archive = Archive(PLACE + "/")
    assert repr(archive) == f"Archive('{PLACE}')"
    assert archive.scan("attendees").select(pl.len()).collect().item() == len(MANY) + 3
    assert archive.scan("devices").collect().is_empty()
    for ask in (lambda: archive.path, lambda: archive.store):
        with pytest.raises(ArchiveError, match="read only"):
            ask()


def test_a_page_that_was_changed_or_lost_shows(tmp_path, monkeypatch):
    (tmp_path / "audits").mkdir()
    archive = small_archive(tmp_path / "audits" / "2026")
    one, other, *_ = sorted((archive.path / "evidence" / "pages").rglob("*.zst"))
    one.unlink()
    other.write_bytes(other.read_bytes()[:-1])
    (archive.path / "evidence" / "more").write_bytes(b"")
    with served(tmp_path) as changed:
        for name, value in changed.environment.items():
            monkeypatch.setenv(name, value)
        evidence = Archive(PLACE).evidence
        faults = [str(fault) for fault in evidence.verify()]
        assert faults == [str(fault) for fault in archive.evidence.verify()]
        assert [fault.rpartition("/")[2] for fault in faults] == [
            f"{one.name}: the page is lost",
            f"{other.name}: the page was changed: the file is not as it was written",
            "more: it was added: evidence holds a manifest and pages only",
        ]
        with pytest.raises(ArchiveError, match="lost"):
            list(evidence.bodies([one.stem]))


def test_an_object_is_read_in_blocks_as_a_file_is(credentials):
    place = remote(f"s3://{BUCKET}") / "blocks"
    content = os.urandom(1000) * 3000
    (credentials.folder / "blocks").write_bytes(content)
    with place.open("rb") as file:
        assert file.seek(0, os.SEEK_END) == len(content)
        file.seek(-5, os.SEEK_CUR)
        assert file.read() == content[-5:]
        file.seek(1_500_000)
        assert file.read(10) == content[1_500_000:1_500_010]
        file.seek(0)
        assert b"".join(file) == content
    with pytest.raises(ValueError, match="read only"):
        place.open("wb")
    with pytest.raises(FileNotFoundError):
        (place / "none").read_bytes()


def test_a_long_listing_is_read_to_its_end(credentials):
    (credentials.folder / "long").mkdir()
    for number in range(120):
        (credentials.folder / "long" / f"{number:03}").write_bytes(b"")
    names = (remote(f"s3://{BUCKET}") / "long").names()
    assert names == [f"{number:03}" for number in range(120)]


@pytest.mark.parametrize("place", ["s3://b/a b", "s3://b/x?sig=1", "s3://b//x", "https://host/x", "s3://"])
def test_an_address_that_cannot_be_one_is_refused(place: str):
    with pytest.raises(ConfigError):
        remote(place)


@pytest.mark.parametrize(
    "place", ["abfss://audits@account.dfs.core.windows.net/archive", "gs://bucket/archive", "s3://bucket"]
)
def test_addresses_of_every_cloud_are_understood(place: str):
    assert str(remote(place) / "archive.json") == f"{place}/archive.json"
