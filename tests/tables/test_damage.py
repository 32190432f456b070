"""A table that cannot be read is told by the file at fault and what to do; nothing is judged of it."""

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.audit.explained import explain
from auditor.audit.judge import DEFAULTS, Request, check
from auditor.cli.archive import command
from auditor.cli.calendar import show
from auditor.cli.context import Session
from auditor.cli.examined import archive as examined
from auditor.errors import ArchiveError
from auditor.evidence.verify import Fault
from auditor.rules.reading.load import RuleSet
from auditor.tables import damage
from auditor.tables.bring import Asked, bring
from auditor.tables.damage import compared, refuse_damage
from auditor.tables.export import export
from auditor.tables.remake import compact, rebuild
from tests.pack import bundled_rules

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PEOPLE = [
    {
        "meetingId": f"m{number % 40}",
        "email": f"p{number}@example.com",
        "displayName": f"Person {number}" if number % 50 else "iPhone",
        "joinedTime": "2026-01-02T10:00:00Z",
    }
    for number in range(900)
]
LOST, CHANGED, LOG = "the file is lost", "the file was changed", "its log cannot be read"
FOLDER = "is a directory"


@pytest.fixture
def archive(site):
    site.add("attendees", PEOPLE)
    return site.archive


@pytest.fixture
def sound(archive):
    """An archive that has no fault before whatever the test does to it, and none once that was undone."""
    assert compared(archive).faults == []
    yield archive
    assert compared(archive).faults == []


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return bundled_rules()


def lose(table: Path) -> Path:
    (path,) = table.glob("*.parquet")
    path.unlink()
    return path


def cut(table: Path) -> Path:
    (path,) = table.glob("*.parquet")
    path.write_bytes(path.read_bytes()[:-700])
    return path


def change(table: Path) -> Path:
    (path,) = table.glob("*.parquet")
    whole = path.read_bytes()
    path.write_bytes(whole[:600] + bytes(len(whole) - 600 - 6000) + whole[-6000:])
    return path


def spoil_log(table: Path) -> Path:
    for path in table.glob("_delta_log/*"):
        path.write_bytes(b"{")
    return table


def replace(table: Path) -> Path:
    path = lose(table)
    path.mkdir()
    return path


def lose_table(table: Path) -> Path:
    shutil.rmtree(table)
    return table


def cut_log(table: Path) -> Path:
    max(table.glob("_delta_log/*.json")).unlink()
    return table


def lead_out(table: Path) -> Path:
    """The log of a stranger who has rows elsewhere, or wants those of others."""
    (path,) = table.glob("*.parquet")
    elsewhere = path.rename(table.parent.parent.parent / "elsewhere.parquet")
    for log in table.glob("_delta_log/*.json"):
        log.write_text(log.read_text().replace(f'"{path.name}"', f'"../../../{elsewhere.name}"'))
    return table


HARM = {
    "lost": (lose, LOST),
    "cut": (cut, CHANGED),
    "changed": (change, CHANGED),
    "folder": (replace, FOLDER),
    "log": (spoil_log, LOG),
    "no table": (lose_table, "the table is lost"),
    "log cut": (cut_log, "its log has lost its end"),
    "log leads out": (lead_out, "its log names a file that does not lie beside it"),
}


@pytest.mark.parametrize("harm", HARM)
def test_whatever_is_asked_the_file_is_named_and_a_rebuild_mends_it(archive, rules, tmp_path, harm):
    finding_rule = ("IDN-003",)
    audit = check(archive, rules, request=Request(only=finding_rule), now=NOW)
    assert audit.findings
    rows = archive.scan("attendees").sort("item").collect()
    do, words = HARM[harm]
    place = do(archive.path / "tables/attendees")
    asked = {
        "check": lambda: check(archive, rules, request=Request(), now=NOW),
        "one rule": lambda: check(archive, rules, request=Request(only=finding_rule), now=NOW),
        "status": lambda: show(archive, sites=(), now=NOW, settle=timedelta(days=1)),
        "export": lambda: export(archive, "attendees", tmp_path / "out.csv", form="csv"),
    }
    if harm == "changed":
        # days are told by times alone, which stand at the end of the file
        del asked["status"]
    told = f"^{re.escape(str(place))}: {words}; archive rebuild makes the tables again from evidence$"
    for name, ask in asked.items():
        with pytest.raises(ArchiveError, match=told):
            ask()
        assert not (tmp_path / "out.csv").exists(), name
    rebuild(archive.path, now=lambda: NOW)
    assert archive.scan("attendees").sort("item").collect().equals(rows)
    assert check(archive, rules, request=Request(only=finding_rule), now=NOW) == audit


@pytest.mark.parametrize("harm", HARM)
def test_the_harm_alone_is_a_fault_and_all_other_files_are_compared(archive, harm):
    files = len([*archive.path.glob("tables/*/*.parquet")])
    assert (compared(archive).faults, compared(archive).files) == ([], files)
    do, words = HARM[harm]
    place = do(archive.path / "tables/attendees")
    found = compared(archive)
    assert found.faults == [Fault(str(place.relative_to(archive.path)), words)]
    assert found.files == files - (words not in {LOST, CHANGED, FOLDER})


def test_files_replaced_while_they_are_compared_are_not_lost(archive, monkeypatch):
    more = archive.path.parent / "more.json"
    more.write_text(json.dumps({"items": [{**PEOPLE[0], "email": "new@example.com"}]}))
    harm, waiting = damage._harm, [True]

    def harm_of_a_file_just_replaced(file, name):
        if waiting:
            waiting.clear()
            bring(archive.path, [more], Asked(site_url="example.webex.com", kind="attendees"), now=lambda: NOW)
            compact(archive.path, now=lambda: NOW)
            assert not file.exists()
        return harm(file, name)

    monkeypatch.setattr(damage, "_harm", harm_of_a_file_just_replaced)
    assert compared(archive).faults == []
    assert not waiting


@pytest.mark.parametrize("harm", HARM)
def test_what_is_brought_later_waits_for_the_rebuild(archive, tmp_path, harm):
    do, words = HARM[harm]
    place = do(archive.path / "tables/attendees")
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"items": [{**PEOPLE[0], "email": "new@example.com"}]}))
    asked = Asked(site_url="example.webex.com", kind="attendees")
    with pytest.raises(ArchiveError, match=f"^{re.escape(str(place))}: {words}"):
        bring(archive.path, [more], asked, now=lambda: NOW)
    rebuild(archive.path, now=lambda: NOW)
    bring(archive.path, [more], asked, now=lambda: NOW)
    assert archive.scan("attendees").collect().height == len(PEOPLE) + 1


@pytest.mark.parametrize("harm", [harm for harm in HARM if harm != "changed"])
def test_a_harmed_table_is_not_made_compact(archive, harm):
    do, words = HARM[harm]
    place = do(archive.path / "tables/attendees")
    with pytest.raises(ArchiveError, match=f"^{re.escape(str(place))}: {words}"):
        compact(archive.path, now=lambda: NOW)


@pytest.mark.parametrize("harm", HARM)
def test_doctor_tells_of_harmed_tables(archive, harm):
    assert ("tables", "ok") in {(each.name, each.state) for each in examined(archive.path)}
    do, words = HARM[harm]
    place = do(archive.path / "tables/attendees").relative_to(archive.path)
    (told,) = [each for each in examined(archive.path) if each.name == "tables"]
    assert (told.state, told.detail) == ("missing", f"{place}: {words}; {damage.ADVICE}")


def test_a_finding_is_not_explained_from_a_damaged_table(archive, rules):
    audit = check(archive, rules, request=Request(only=("IDN-003",)), now=NOW)
    finding = audit.findings[0]
    assert explain(finding, audit, archive, rules=rules, settings=DEFAULTS).found
    place = change(archive.path / "tables/attendees")
    with pytest.raises(ArchiveError, match=f"^{re.escape(str(place))}: {CHANGED}"):
        explain(finding, audit, archive, rules=rules, settings=DEFAULTS)


def test_sound_tables_are_not_refused_and_other_errors_stay_what_they_are(archive):
    refuse_damage(archive)
    with pytest.raises(ZeroDivisionError), damage.damage_told(archive):
        _ = 1 / 0


@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), table=st.sampled_from(["attendees", "meetings"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_flipped_bit_of_a_table_shows(sound, where, bit, table):
    (path,) = (sound.path / "tables" / table).glob("*.parquet")
    whole = bytearray(path.read_bytes())
    flipped = whole[:]
    flipped[int(where * len(whole))] ^= 1 << bit
    path.write_bytes(flipped)
    assert compared(sound).faults == [Fault(f"tables/{table}/{path.name}", CHANGED)]
    path.write_bytes(whole)


def test_a_file_whose_name_tells_no_digest_counts_apart_and_is_sound_if_it_can_be_read(archive):
    (path,) = (archive.path / "tables/attendees").glob("*.parquet")
    older = path.with_name("0" * 32 + ".parquet")
    path.rename(older)
    for commit in (archive.path / "tables/attendees/_delta_log").glob("*.json"):
        commit.write_text(commit.read_text().replace(path.name, older.name))
    found = compared(archive)
    assert (found.faults, found.unnamed) == ([], 1)
    assert found.files > 1
    older.write_bytes(older.read_bytes()[:-9])
    assert compared(archive).faults == [Fault(f"tables/attendees/{older.name}", CHANGED)]


def test_verify_tells_of_tables_too(archive):
    def verified():
        session = Session(config=None, verbosity=0, progress=False, log_format="text")
        return CliRunner().invoke(
            command, ["verify", "--archive", str(archive.path)], obj=session, standalone_mode=False
        )

    told = verified()
    assert told.return_value == 0
    assert re.search(r"archive: \d+ files of tables are as they were written$", told.stderr, re.MULTILINE)
    place = lose(archive.path / "tables/attendees")
    told = verified()
    assert told.return_value == 1
    assert told.stdout == f"tables/attendees/{place.name}: {LOST}\n"
    assert told.stderr.splitlines() == [f"{archive.path}: 1 fault", damage.ADVICE]
    rebuild(archive.path, now=lambda: NOW)
    assert verified().stdout == ""


def test_tables_that_went_on_since_the_state_was_written_are_sound(archive):
    """A kill between the last table and the state, and compaction, leave versions the state does not know."""
    state = archive.path / "tables/state.json"
    before = state.read_bytes()
    more = archive.path.parent / "more.json"
    more.write_text(json.dumps({"items": [{**PEOPLE[0], "email": "new@example.com"}]}))
    bring(archive.path, [more], Asked(site_url="example.webex.com", kind="attendees"), now=lambda: NOW)
    assert state.read_bytes() != before
    compact(archive.path, now=lambda: NOW)
    for written in (state.read_bytes(), before):
        state.write_bytes(written)
        assert compared(archive).faults == []


DEEP = pytest.param(b"[" * 100_000, id="deep")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"offset": 0}', b'{"offset": 1e999}', DEEP])
def test_a_damaged_state_is_told(archive, rules, content):
    state = archive.path / "tables/state.json"
    state.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"^tables/state\.json is damaged; run archive rebuild$"):
        check(archive, rules, request=Request(), now=NOW)
    rebuild(archive.path, now=lambda: NOW)
    assert archive.scan("attendees").collect().height == len(PEOPLE)


@pytest.mark.parametrize("versions", ['{"attendees": "x"}', "7"])
def test_versions_that_are_none_are_a_damaged_state(archive, versions):
    state = archive.path / "tables/state.json"
    fields = json.loads(state.read_bytes())
    state.write_text(json.dumps({**fields, "versions": json.loads(versions)}))
    with pytest.raises(ArchiveError, match=r"state\.json is damaged"):
        compared(archive)


@pytest.mark.parametrize("offset", [-5, 2**63 - 1, 10**30])
def test_an_offset_where_no_file_can_be_read_is_a_damaged_state(archive, rules, offset):
    state = archive.path / "tables/state.json"
    state.write_text(json.dumps({**json.loads(state.read_bytes()), "offset": offset}))
    with pytest.raises(ArchiveError, match=r"state\.json is damaged"):
        check(archive, rules, request=Request(), now=NOW)


def test_a_state_of_before_versions_were_told_says_nothing_of_tables(archive):
    state = archive.path / "tables/state.json"
    fields = json.loads(state.read_bytes())
    assert fields.pop("versions").keys() >= {"attendees", "meetings", "collections", "_units"}
    state.write_text(json.dumps(fields))
    assert compared(archive).faults == []
