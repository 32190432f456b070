"""`auditor archive`: what each verb prints, writes and exits with."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner, Result

from auditor.cli import _root
from auditor.cli.archive import command
from auditor.cli.context import Session
from auditor.errors import ArchiveError, ConfigError
from auditor.evidence.entry import Request, Response, Unit
from auditor.evidence.writer import Writer
from auditor.model.coverage import Gap
from auditor.model.vocabulary import GapReason
from auditor.model.window import Window
from auditor.tables.archive import Archive
from auditor.tables.bring import Asked, bring
from auditor.tables.ingest import ingest

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ITEMS = [
    {"meetingId": "m1", "email": "eve@example.com", "displayName": "=1+1", "joinedTime": "2026-11-02T10:00:00Z"},
    {"meetingId": "m1", "email": "bob@example.com", "phoneNumber": "+47 55", "duration": 2},
]

Verb = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    archive = Archive.create(tmp_path / "archive")
    span = Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 8, tzinfo=UTC))
    later = Window(datetime(2026, 11, 8, tzinfo=UTC), datetime(2026, 11, 9, tzinfo=UTC))
    gap = Gap("attendees", "example.webex.com", later, GapReason.UNAVAILABLE, "503")
    with Writer.open(archive.path, now=lambda: NOW) as writer:
        page = writer.add_page(Request("GET", "attendees"), Response(200, NOW), json.dumps({"items": ITEMS}).encode())
        site = "example.webex.com"
        writer.commit_unit(Unit("a", "attendees", site, span, (page.seq,), complete=True, rows=2))
        writer.commit_unit(Unit("b", "attendees", site, later, (), complete=False, rows=0, gaps=(gap,)))
    ingest(archive)
    return archive.path


@pytest.fixture
def verb(folder: Path) -> Verb:
    def run(name: str, *arguments: str | Path) -> Result:
        session = Session(config=None, verbosity=0, progress=False, log_format="text")
        options = [name, "--archive", str(folder), *map(str, arguments)]
        return CliRunner().invoke(command, options, obj=session, standalone_mode=False)

    return run


def test_status_draws_a_calendar(verb: Verb) -> None:
    told = verb("status", "--now", "2026-11-20T00:00Z")
    lines = told.stdout.splitlines()
    november = [line for line in lines if line.startswith("2026-11")]
    assert (told.return_value, told.exception) == (0, None)
    assert november == ["2026-11  ~~~~~~~×···········              attendees"]
    assert "rows: 2 attendees, 1 meetings, 2 collections" in lines
    assert "Webex forgets the oldest missing day, 2026-08-22, within a day; collect before that" in lines
    assert any("unavailable  503" in line for line in lines)


def test_a_day_with_a_record_that_cannot_be_read_is_held_all_the_same(verb: Verb, tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "held")
    span = Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))
    body = json.dumps({"items": [{"meetingId": "m1", "joinedTime": "at noon"}]}).encode()
    with Writer.open(archive.path, now=lambda: NOW) as writer:
        page = writer.add_page(Request("GET", "attendees"), Response(200, NOW), body)
        writer.commit_unit(Unit("a", "attendees", "example.webex.com", span, (page.seq,), complete=True, rows=1))
    ingest(archive)
    told = verb("status", "--archive", archive.path, "--now", "2026-11-20T00:00Z").stdout
    assert "2026-11  ~~~~~~~~~~~~~~~~~~~              attendees" in told


def test_status_does_not_call_held_what_no_file_holds(verb: Verb, tmp_path: Path) -> None:
    file = tmp_path / "recordings.json"
    file.write_text('[{"meetingId": "m1", "createTime": "2026-11-02T10:00:00Z"}]', encoding="utf-8")
    bring(tmp_path / "brought", [file], Asked("recordings", "example.webex.com", None, None), now=lambda: NOW)
    shown = verb("status", "--archive", tmp_path / "brought", "--now", "2026-11-20T00:00Z").stdout
    assert "none holds this" in shown
    assert "~ not known to be whole: imported" in shown
    assert "nothing is known to be missing of what Webex still has" in shown


def test_status_tells_days_until_the_horizon(verb: Verb, tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "held")
    held = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 11, 18, tzinfo=UTC))
    with Writer.open(archive.path, now=lambda: NOW) as writer:
        for service in ("attendees", "usage"):
            writer.commit_unit(Unit(service, service, "example.webex.com", held, (), complete=True, rows=0))
    ingest(archive)
    told = verb("status", "--archive", archive.path, "--now", "2026-11-20T00:00Z").stdout
    assert "Webex forgets the oldest missing day, 2026-11-18, in 88 days" in told


def test_status_of_an_empty_archive(verb: Verb, tmp_path: Path) -> None:
    Archive.create(tmp_path / "empty")
    told = verb("status", "--archive", tmp_path / "empty", "--now", "2026-11-20T00:00Z")
    assert (told.return_value, "the tables of the archive hold nothing yet" in told.stdout) == (0, True)


def test_verify_says_that_no_head_was_given(verb: Verb) -> None:
    told = verb("verify")
    assert (told.return_value, told.stdout) == (0, "")
    assert "3 entries and 1 page are as they were written" in told.stderr
    assert "no earlier head was given" in told.stderr


def test_verify_names_every_fault_and_exits_1(verb: Verb, folder: Path) -> None:
    (page,) = (folder / "evidence/pages").rglob("*.zst")
    page.write_bytes(page.read_bytes() + b"x")
    told = verb("verify")
    assert told.return_value == 1
    assert told.stdout == f"{page.relative_to(folder)}: the page was changed: the file is not as it was written\n"


UNREADABLE = Path("/proc/self/mem")
"""A file that the system opens and does not give out: reading its beginning is an input/output error."""
unreadable = pytest.mark.skipif(not UNREADABLE.exists(), reason="only Linux has a file that opens and cannot be read")


@unreadable
@pytest.mark.parametrize("pattern", ["evidence/pages/*/*.zst", "tables/attendees/*.parquet"])
def test_verify_does_not_call_changed_what_it_cannot_read(verb: Verb, folder: Path, pattern: str) -> None:
    file = next(folder.glob(pattern))
    file.unlink()
    file.symlink_to(UNREADABLE)
    told = verb("verify")
    words = "it could not be read, so nothing can be said of it: input/output error"
    assert told.stdout == f"{file.relative_to(folder)}: {words}\n"
    assert "nothing is known of what could not be read" in told.stderr
    assert "archive rebuild" not in told.stderr
    assert told.return_value == 3
    (folder / "evidence/added").touch()
    assert verb("verify").return_value == 1


@unreadable
@pytest.mark.parametrize("name", ["evidence/manifest.jsonl", "archive.json", "tables/state.json"])
def test_a_file_of_the_archive_that_cannot_be_read_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to(UNREADABLE)
    for words in (["archive", "verify"], ["archive", "status"], ["check"], ["doctor"]):
        told = CliRunner().invoke(_root, [*words, "--archive", str(folder)], standalone_mode=False)
        assert f"{folder / name}: " in told.stdout + told.stderr, words
        assert told.return_value == (1 if words == ["doctor"] else 2)


@unreadable
def test_a_file_given_on_the_command_line_that_cannot_be_read_is_named(folder: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.symlink_to(UNREADABLE)
    waiver = ["--id", "W-1", "--fingerprint", "0" * 64, "--reason", "r", "--owner", "o", "--expires", "2026-12-31"]
    for words in (
        ["archive", "verify", "--archive", str(folder), "--audit"],
        ["collect", "--archive", str(folder), "--plan", "--emails"],
        ["waivers", "add", *waiver, "--waivers"],
    ):
        told = CliRunner().invoke(_root, [*words, str(given)], standalone_mode=False)
        assert (told.return_value, told.stderr) == (2, f"{given}: input/output error\n"), words


@unreadable
def test_a_page_that_cannot_be_read_is_named_where_it_is_needed(folder: Path) -> None:
    (page,) = (folder / "evidence/pages").rglob("*.zst")
    page.unlink()
    page.symlink_to(UNREADABLE)
    for words in (["rebuild"], ["erase", "--email", "eve@example.com"]):
        told = CliRunner().invoke(_root, ["archive", *words, "--archive", str(folder)], standalone_mode=False)
        assert (told.return_value, told.stderr) == (2, f"{page}: input/output error\n")


def test_verify_tells_what_took_the_place_of_a_page(verb: Verb, folder: Path) -> None:
    (page,) = (folder / "evidence/pages").rglob("*.zst")
    page.unlink()
    page.mkdir()
    told = verb("verify")
    assert told.return_value == 1
    assert f"{page.relative_to(folder)}: the page was changed: it is a folder\n" in told.stdout


@pytest.mark.parametrize("written", ["{}", "sha256:{}"])
def test_verify_takes_a_head(verb: Verb, folder: Path, written: str) -> None:
    told = verb("verify", "--head", written.format(Archive(folder).evidence.head))
    assert (told.return_value, "no earlier head" in told.stderr) == (0, False)
    assert verb("verify", "--head", written.format("ab" * 32)).return_value == 1


def test_verify_takes_the_head_of_an_audit(verb: Verb, folder: Path, tmp_path: Path) -> None:
    audit = tmp_path / "audit.json"
    audit.write_text(json.dumps({"audit": {"evidence_head": f"sha256:{Archive(folder).evidence.head}"}}))
    assert verb("verify", "--audit", audit).return_value == 0
    audit.write_text(json.dumps({"audit": {"evidence_head": f"sha256:{'ab' * 32}"}}))
    assert verb("verify", "--audit", audit).return_value == 1


@pytest.mark.parametrize(
    "written", ["[]", "[" * 100_000, *(f'{{"audit": {{"evidence_head": {x}}}}}' for x in ("null", "5", '"ab"'))]
)
def test_an_audit_without_a_head_does_not_pass_for_none_given(verb: Verb, tmp_path: Path, written: str) -> None:
    audit = tmp_path / "audit.json"
    audit.write_text(written)
    told = verb("verify", "--audit", audit)
    assert isinstance(told.exception, ConfigError)
    assert "no audit with an evidence_head" in str(told.exception)


def test_what_is_no_head_is_refused(verb: Verb) -> None:
    assert "no SHA-256 in 64 hex digits" in str(verb("verify", "--head", "abc").exception)


def test_rebuild_makes_equal_tables(verb: Verb, folder: Path) -> None:
    before = Archive(folder).scan("attendees").collect().sort("item")
    for path in (folder / "tables/attendees").glob("*.parquet"):
        path.unlink()
    told = verb("rebuild")
    assert (told.return_value, "2 units and 2 records" in told.stderr) == (0, True)
    assert Archive(folder).scan("attendees").collect().sort("item").equals(before)


def test_compact_keeps_the_rows(verb: Verb, folder: Path) -> None:
    assert verb("compact").return_value == 0
    assert Archive(folder).scan("attendees").collect().height == 2


def test_erase_counts_and_leaves_the_others(verb: Verb, folder: Path) -> None:
    told = verb("erase", "--email", "Eve@example.com")
    assert (told.return_value, "removed 1 record in 1 page" in told.stderr) == (0, True)
    assert Archive(folder).scan("attendees").collect()["email"].to_list() == ["bob@example.com"]
    assert verb("verify").return_value == 0


@pytest.mark.parametrize(("age", "left"), [("10d", 0), ("3w", 2), ("1y", 2), ("2027y", 2)])
def test_prune_keeps_what_is_younger(verb: Verb, folder: Path, age: str, left: int) -> None:
    assert verb("prune", "--older-than", age, "--now", "2026-11-20T00:00Z").return_value == 0
    assert Archive(folder).scan("attendees").collect().height == left


@pytest.mark.parametrize("age", ["", "0d", "10 months", "-3d", "999999d"])
def test_what_is_no_age_is_refused(verb: Verb, age: str) -> None:
    assert "is no age" in str(verb("prune", "--older-than", age).exception)


@pytest.mark.parametrize("age", ["2028y", "99999y"])
def test_an_age_before_the_calendar_is_refused(verb: Verb, age: str) -> None:
    done = verb("prune", "--older-than", age, "--now", "2026-11-20T00:00Z")
    assert isinstance(done.exception, click.BadParameter)
    assert f"'{age}' reaches back beyond the year 1" in str(done.exception)


def test_export_writes_parquet_and_arrow_with_durations(verb: Verb, folder: Path, tmp_path: Path) -> None:
    held = Archive(folder).scan("attendees").collect()
    for form, read in (("parquet", pl.read_parquet), ("arrow", pl.read_ipc)):
        out = tmp_path / f"t.{form}"
        assert verb("export", "--table", "attendees", "--format", f"{form}={out}").return_value == 0
        assert read(out).schema == held.schema
        assert read(out).height == 2
        assert out.stat().st_mode & 0o777 == 0o600


def test_export_writes_csv_that_no_spreadsheet_runs(verb: Verb, tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    verb("export", "--table", "attendees", "--format", f"csv={out}")
    rows = pl.read_csv(out, schema_overrides={"phone_number": pl.String}).sort("item")
    assert rows["display_name"].to_list() == ["'=1+1", None]
    assert rows["phone_number"].to_list() == [None, "+47 55"]
    assert rows["duration_us"].to_list() == [None, 120_000_000]
    assert rows["joined_time"].to_list() == ["2026-11-02T10:00:00.000000Z", None]


@pytest.mark.parametrize("form", ["parquet", "arrow", "csv"])
def test_export_writes_to_stdout_what_it_writes_to_a_file(
    verb: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.chdir(tmp_path)
    verb("export", "--table", "attendees", "--format", f"{form}=t")
    told = verb("export", "--table", "attendees", "--format", f"{form}=-")
    assert (told.return_value, told.stdout_bytes) == (0, Path("t").read_bytes())
    assert not Path("-").exists()


def test_export_of_an_unknown_table_or_format_is_refused(verb: Verb) -> None:
    assert isinstance(verb("export", "--table", "people2", "--format", "csv=x").exception, ArchiveError)
    assert "--format is 'xls=x'" in str(verb("export", "--table", "people", "--format", "xls=x").exception)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["status", "verify", "rebuild", "compact", "erase", "prune"])
def test_a_folder_that_is_no_archive_is_exit_2(auditor, tmp_path: Path, name: str) -> None:
    more = {"erase": ["--email", "a@example.com"], "prune": ["--older-than", "1d"]}.get(name, [])
    done = auditor("archive", name, "--archive", tmp_path / "none", *more)
    assert done.returncode == 2
    assert "is no archive" in done.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("asked", ["rebuild", "erase --email eve@example.com", "prune --older-than 1d"])
def test_on_a_full_disk_the_archive_stays_what_it_was(verb: Verb, folder: Path, asked: str, full_disk) -> None:
    def held() -> dict[str, bytes]:
        files = (path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    before = held()
    with full_disk(200):
        told = verb(*asked.split())
    assert isinstance(told.exception, ArchiveError)
    assert str(told.exception).endswith("archive: the archive cannot be written: file too large")
    assert held() == before
    assert verb("verify").return_value == 0
    assert verb(*asked.split()).return_value == 0


@pytest.mark.parametrize("form", ["parquet", "csv", "arrow"])
def test_an_export_that_does_not_fit_names_its_file_and_leaves_none(
    verb: Verb, tmp_path: Path, form: str, full_disk
) -> None:
    with full_disk(20):
        told = verb("export", "--table", "attendees", "--format", f"{form}={tmp_path / 'out'}")
    assert isinstance(told.exception, OSError)
    assert (told.exception.strerror, told.exception.filename) == ("file too large", str(tmp_path / "out"))
    assert not list(tmp_path.glob("*out*"))
