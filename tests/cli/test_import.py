"""`auditor import`: saved responses, Control Hub exports and tables of one's own become evidence and rows."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from auditor.cli.context import Session
from auditor.cli.import_ import command
from auditor.errors import ArchiveError, ConfigError
from auditor.evidence.entry import PageEntry
from auditor.model.window import Window
from auditor.tables.archive import Archive
from auditor.tables.coverage import coverage
from auditor.tables.export import export
from auditor.tables.remake import rebuild

pytestmark = pytest.mark.slow

SITE = "example.webex.com"
HEADINGS = (
    "Meeting Name\tMeeting Start Time\tMeeting End Time\tDisplay Name\tFirst Name\tLast Name\tRole\tAttendee Email"
    "\tJoin Time\tLeave Time\tAttendance Duration\tConnection Type\tSession Name"
)
GERMAN = "Besprechung\tAnfang\tEnde\tName\tVorname\tNachname\tRolle\tMail\tRein\tRaus\tDauer\tVerbindung\tSitzung"
LINES = tuple(
    line.replace("|", "\t")
    for line in (
        "Weekly|2026-09-14 10:00:00|2026-09-14 11:00:00|Eve|Eve|Smith|Host|Eve@example.com|2026-09-14 10:01:00|{}",
        "Weekly|2026-09-14 10:00:00|2026-09-14 11:00:00|Call-in User 1|||Attendee||2026-09-14 10:02:00|{}",
        "Board|2026-09-15 08:00:00|2026-09-15 09:00:00|Bob|Bob|Jones|Attendee|bob@example.com|2026-09-15 08:00:00|{}",
    )
)
ENDS = (
    "2026-09-14 10:58:00|57 mins|Desktop app|",
    "2026-09-14 10:03:00|1 min|PSTN|",
    "2026-09-15 09:00:00|60 mins|Mobile app|",
)
LINES = tuple(line.format(end.replace("|", "\t")) for line, end in zip(LINES, ENDS, strict=True))


def attendee(number: int, **more: object) -> dict[str, object]:
    return {
        "meetingId": f"m{number}",
        "meetingTitle": "T",
        "email": f"p{number}@example.com",
        "joinedTime": f"2026-09-{number % 28 + 1:02}T10:00:00Z",
        "leftTime": f"2026-09-{number % 28 + 1:02}T11:00:00Z",
        "participantType": "ATTENDEE",
        "clientAgent": "WINDOWS,IE",
        **more,
    }


Bring = Callable[..., Result]


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    def run(*arguments: str | Path, site: str | None = SITE, verbosity: int = 0) -> Result:
        session = Session(config=None, verbosity=verbosity, progress=False, log_format="text")
        options = ["--archive", str(tmp_path / "archive"), "--now", "2026-11-20T00:00Z", *map(str, arguments)]
        return CliRunner().invoke(
            command, options + (["--site", site] if site else []), obj=session, standalone_mode=False
        )

    return run


@pytest.fixture
def archive(tmp_path: Path) -> Callable[[], Archive]:
    return lambda: Archive(tmp_path / "archive")


@pytest.fixture
def save(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def resolved(held: Archive, table: str) -> None:
    """Every row's page and item are a record in evidence."""
    for page, items in held.scan(table).group_by("page").agg("item").collect().rows():
        records = json.loads(held.evidence.page(page))["items"]
        assert all(isinstance(records[item], dict) for item in items)


def test_a_saved_response_is_a_page_as_it_is(bring: Bring, archive, save) -> None:
    content = json.dumps({"items": [attendee(1), attendee(2)]}, indent=1).encode()
    done = bring(save("a.json", content))
    held = archive()
    (page,) = [entry for entry in held.evidence.entries() if isinstance(entry, PageEntry)]
    assert done.return_value == 0
    assert held.evidence.page(page.sha256) == content
    assert (page.request.method, page.request.path) == ("IMPORT", "a.json")
    assert held.scan("attendees").select("site_url", "email").collect().sort("email").rows() == [
        (SITE, "p1@example.com"),
        (SITE, "p2@example.com"),
    ]
    assert held.evidence.verify() == ()


@pytest.mark.parametrize("form", ["array", "lines", "large", "responses"])
def test_every_form_of_json_gives_the_same_rows(bring: Bring, archive, save, form: str) -> None:
    records = [attendee(number, address1="x" * 2000 if form == "large" else "x") for number in range(2300)]
    written = {
        "array": json.dumps(records),
        "lines": "\n".join(map(json.dumps, records)),
        "large": json.dumps({"items": records}),
        "responses": "\n".join(json.dumps({"items": records[start : start + 500]}) for start in range(0, 2300, 500)),
    }[form]
    assert bring(save("a.json", written)).return_value == 0
    held = archive()
    found = held.scan("attendees").select("meeting_id", "email").collect()
    assert sorted(found.rows()) == sorted((f"m{n}", f"p{n}@example.com") for n in range(2300))
    resolved(held, "attendees")


def test_numbers_are_kept_letter_by_letter(bring: Bring, archive, save) -> None:
    bring(save("a.json", '[{"meetingId":"m1","email":"a@example.com","joinedTime":null,"duration":1.50}]'))
    (page,) = archive().scan("attendees").select("page").collect().to_series()
    assert b'"duration":1.50' in archive().evidence.page(page)


def test_records_of_a_large_response_are_kept_letter_by_letter(bring: Bring, archive, save) -> None:
    record = '{"meetingId":"m1","email":"a@example.com", "email":"b@example.com","duration":1.50,"clientAgent":"W"}'
    bring(save("a.json", f'{{"n":0,"items":[{record}, {json.dumps(attendee(2, address1="x" * (1 << 21)))}]}}'))
    rows = archive().scan("attendees").sort("item").collect()
    assert record.encode() in archive().evidence.page(rows["page"][0])
    assert rows["email"].to_list() == ["a@example.com", "p2@example.com"]


def test_a_table_that_was_exported_comes_back_with_its_durations(bring: Bring, archive, save, tmp_path) -> None:
    records = [attendee(1, duration=90), attendee(2, duration="0.5"), attendee(3)]
    bring(save("a.json", json.dumps(records)))
    held = archive().scan("attendees").drop("page", "item").sort("meeting_id").collect()
    written = tmp_path / "attendees.csv"
    export(archive(), "attendees", written, form="csv")
    lines = written.read_text().splitlines()
    assert "duration_us" in lines[0]
    (tmp_path / "archive").rename(tmp_path / "before")
    assert bring(written).return_value == 0
    assert archive().scan("attendees").drop("page", "item").sort("meeting_id").collect().equals(held)
    wrong = "\n".join([lines[0], lines[1].replace("5400000000", "1.5")])
    assert "a fraction where a whole number is expected" in bring(save("wrong.csv", wrong)).stderr


def test_a_table_that_was_exported_comes_back_without_the_guard_of_formulas(
    bring: Bring, archive, save, tmp_path
) -> None:
    names = ["=1+1", "'=1+1", "''@x", "-", "+47 22 00 00 00", "'quoted'", "+x", "'"]
    bring(save("a.json", json.dumps([attendee(n, displayName=name) for n, name in enumerate(names, start=1)])))
    written = tmp_path / "attendees.csv"
    export(archive(), "attendees", written, form="csv")
    text = written.read_text()
    assert all(f",{cell}," in text for cell in ("'=1+1", "''=1+1", "'''@x", "'-", "'+x", "+47 22 00 00 00"))
    (tmp_path / "archive").rename(tmp_path / "before")
    assert bring(written).return_value == 0
    assert archive().scan("attendees").sort("joined_time").collect()["display_name"].to_list() == names


def test_the_quote_of_a_table_that_is_no_export_is_kept(bring: Bring, archive, save) -> None:
    assert bring(save("p.csv", "email,display_name\na@example.com,'=1"), "--as", "people").return_value == 0
    assert archive().scan("people").collect()["display_name"].to_list() == ["'=1"]


@pytest.mark.parametrize(
    "lines",
    [
        ["sep=;", "email;department", "a@example.com;Sales", "b@example.com"],
        ["email;department;;", "a@example.com;Sales;;", "b@example.com;;;", ";;;"],
        ["email;department", "a@example.com;Sales;", "b@example.com;; ;"],
    ],
)
def test_what_spreadsheets_add_to_a_table_is_left_out(bring: Bring, archive, save, lines: list[str]) -> None:
    assert bring(save("people.csv", "\r\n".join(lines))).return_value == 0
    found = archive().scan("people").select("email", "department").collect()
    assert sorted(found.rows()) == [("a@example.com", "Sales"), ("b@example.com", None)]
    resolved(archive(), "people")


def test_a_cell_below_no_heading_is_refused(bring: Bring, save) -> None:
    done = bring(save("people.csv", "email;department;\na@example.com;Sales;x\n"))
    assert "line 2 has 3 cells, but there are 2 headings" in str(done.exception)


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        (
            "attendees",
            "site_url meeting_id meeting_title display_name email joined_time left_time duration a b c d e",
        ),
        (
            "usage",
            "site_url meeting_id title start_time end_time duration host_email service_type peak_attendee a b c d",
        ),
        ("people", "email display_name department type login_enabled last_activity created aliases a b c d e"),
        ("people", "email,name,display name,department"),
    ],
)
def test_a_table_of_ones_own_is_no_export_of_as_many_columns(bring: Bring, save, kind: str, columns: str) -> None:
    headings = columns.split("," if "," in columns else None)
    done = bring(save("own.csv", f"{','.join(headings)}\n{','.join('' for _ in headings[1:])}a@example.com\n"))
    assert done.exception is None
    assert f"own.csv: 1 record of {kind}" in done.stderr


def test_an_export_with_two_columns_of_one_meaning_is_refused(bring: Bring, save) -> None:
    headings = HEADINGS.replace("First Name", "Name")
    done = bring(save("e.csv", "\r\n".join([headings, *LINES])), "--timezone", "UTC")
    assert "'Display Name' and 'Name' cannot be told apart" in str(done.exception)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("form", ["[{},{}]", '{{"items":[{},{}]}}', "{}\r\n{}\r\n"])
def test_json_in_other_encodings(bring: Bring, archive, save, encoding: str, form: str) -> None:
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    written = form.format(json.dumps(attendee(1)), json.dumps(attendee(2, meetingTitle="é"), ensure_ascii=False))
    assert bring(save("a.json", mark + written.encode(encoding))).return_value == 0
    found = archive().scan("attendees").sort("meeting_id").collect()
    assert found["meeting_title"].to_list() == ["T", "é"]
    resolved(archive(), "attendees")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_lone_surrogate_in_utf_16_is_replaced(bring: Bring, archive, save, form: str) -> None:
    name = "Eve \ud83d"
    content = {
        "csv": "\r\n".join([HEADINGS, *LINES]).replace("Call-in User 1", name),
        "json": json.dumps([attendee(1), attendee(2, displayName=name)], ensure_ascii=False),
    }[form]
    done = bring(save("a", b"\xff\xfe" + content.encode("utf-16-le", "surrogatepass")), "--timezone", "UTC")
    assert done.return_value == 0
    assert "Eve \ufffd" in archive().scan("attendees").collect()["display_name"].to_list()
    resolved(archive(), "attendees")


def test_a_cell_may_be_as_long_as_it_likes(bring: Bring, archive, save) -> None:
    content = "\n".join([HEADINGS, *LINES]).replace("Call-in User 1", "x" * 200_000)
    assert bring(save("e.csv", content), "--timezone", "UTC").return_value == 0
    assert max(archive().scan("attendees").collect()["display_name"].str.len_chars()) == 200_000


def test_the_span_is_that_of_the_times(bring: Bring, archive, save) -> None:
    bring(save("a.json", json.dumps([attendee(3), attendee(1)])))
    (row,) = archive().scan("collections").collect().rows(named=True)
    assert (row["endpoint"], row["site_url"], row["rows"]) == ("import:attendees", SITE, 2)
    assert row["from_time"] == datetime(2026, 9, 2, 10, tzinfo=UTC)
    assert row["to_time"] == datetime(2026, 9, 4, 11, 0, 0, 1, tzinfo=UTC)


def test_the_span_is_also_that_of_devices_and_breakouts(bring: Bring, archive, save) -> None:
    devices = [{"correlationId": "c1", "audioType": "pstn", "joinedTime": "2026-09-14T09:59:30Z"}]
    breakouts = [{"id": "b1", "joinedTime": "2026-09-14T10:10:00Z", "leftTime": "2026-09-14T11:00:20Z"}]
    person = {"id": "p1", "meetingId": "m1", "joinedTime": "2026-09-14T10:00:00Z", "leftTime": "2026-09-14T11:00:00Z"}
    bring(save("a.json", json.dumps([{**person, "devices": devices, "breakoutSessionsAttended": breakouts}])))
    span = Window(datetime(2026, 9, 14, 9, 59, 30, tzinfo=UTC), datetime(2026, 9, 14, 11, 0, 20, 1, tzinfo=UTC))
    assert archive().span() == span


def test_the_span_reaches_over_people_placed_by_the_start_of_their_meeting(bring: Bring, archive, save) -> None:
    joined = "2026-09-14T10:00:00Z"
    people = [
        {"id": "p1", "meetingId": "m1", "meetingStartTime": "2026-09-14T09:00:00Z", "joinedTime": None},
        {"id": "p2", "meetingId": "m2", "meetingStartTime": "2026-09-14T09:55:00Z", "joinedTime": joined},
        {"id": "p3", "meetingId": "m3", "meetingStartTime": "2026-09-14T08:00:00Z", "joinedTime": joined},
    ]
    bring(save("a.json", json.dumps(people)))
    span = Window(datetime(2026, 9, 14, 9, tzinfo=UTC), datetime(2026, 9, 14, 10, 0, 0, 1, tzinfo=UTC))
    assert archive().span() == span


def test_times_in_the_last_millisecond_of_all_are_kept_and_found(bring: Bring, archive, save) -> None:
    late = attendee(1, joinedTime="9999-12-31T23:59:59.999998Z", leftTime=None)
    assert bring(save("a.json", json.dumps([late, attendee(2)]))).return_value == 0
    held = archive()
    after = pl.col("joined_time") > datetime(9999, 12, 31, 23, 59, 59, 999500, tzinfo=UTC)
    assert held.scan("attendees").filter(after).collect().height == 1
    resolved(held, "attendees")


def test_the_span_can_be_given(bring: Bring, archive, save) -> None:
    bring(save("a.json", json.dumps([attendee(3)])), "--from", "2026-09-01", "--to", "2026-10-01")
    held = archive()
    assert held.span() == Window(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))
    found = coverage(
        held, window=held.span(), sites=held.sites(), now=datetime(2026, 11, 20, tzinfo=UTC), settle=timedelta(hours=24)
    )
    assert {gap.reason.value for gap in found.gaps} == {"imported"}


def test_quiet_says_which_record_was_not_decoded_and_nothing_else(bring: Bring, save) -> None:
    done = bring(save("a.json", json.dumps([attendee(1), attendee(2, duration=[])])), verbosity=-1)
    assert done.return_value == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("a.json: not decoded: page sha256:")
    assert bring(save("b.json", json.dumps([attendee(3)])), verbosity=-1).stderr == ""


def test_a_record_that_cannot_be_decoded_is_exit_3_and_the_rest_is_there(bring: Bring, archive, save) -> None:
    file = save("a.json", json.dumps([attendee(1), attendee(2, duration=[]), attendee(3)]))
    done = bring(file)
    assert done.return_value == 3
    assert "item 1: duration: a list where a number is expected" in done.stderr
    assert archive().scan("attendees").collect().height == 2
    assert bring(file).return_value == 3


def test_a_line_that_is_no_json_is_a_gap_of_its_own(bring: Bring, archive, save) -> None:
    lines = [json.dumps(attendee(1)), '{"email": broken', json.dumps(attendee(2))]
    done = bring(save("a.ndjson", "\n".join(lines)))
    assert (done.return_value, archive().scan("attendees").collect().height) == (3, 2)
    assert "item 1: no object" in done.stderr


def test_a_first_line_that_is_no_json_is_a_gap_of_its_own_too(bring: Bring, archive, save) -> None:
    lines = ['{"email": broken', *(json.dumps(attendee(number)) for number in range(1, 4))]
    done = bring(save("a.ndjson", "\n".join(lines)))
    assert (done.return_value, archive().scan("attendees").collect().height) == (3, 3)
    assert "item 0: no object" in done.stderr


@pytest.mark.parametrize("form", ["[{},{}]", '{{"items":[{},{}]}}', '{{"n": 1, "items": [{}, {}]}}', "{}\n{}\n"])
def test_a_number_of_thousands_of_digits_is_a_gap_and_the_rest_is_there(bring: Bring, archive, save, form: str) -> None:
    long = json.dumps(attendee(1, duration=0)).replace('"duration": 0', f'"duration": {"9" * 5000}')
    done = bring(save("a.json", form.format(long, json.dumps(attendee(2)))))
    assert (done.return_value, archive().scan("attendees").collect()["meeting_id"].to_list()) == (3, ["m2"])
    assert "item 0: duration: a number out of range" in done.stderr


def test_a_response_that_is_broken_inside_is_refused_before_anything_is_written(bring: Bring, tmp_path, save) -> None:
    whole = json.dumps({"items": [attendee(number) for number in range(60)]})
    done = bring(save("a.json", whole), save("b.json", whole.replace('"m57"', '"m57')))
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception).startswith("b.json: it is no JSON")
    assert not (tmp_path / "archive").exists()


@pytest.mark.parametrize("odd", ['{"items": [{"email": broken]}', '{"items": 5}', '"text"', json.dumps(attendee(9))])
def test_a_line_that_is_no_response_among_responses_is_kept_as_a_record(bring: Bring, archive, save, odd: str) -> None:
    lines = [json.dumps({"items": [attendee(1), attendee(2)]}), odd, json.dumps({"items": [attendee(3)]})]
    done = bring(save("a.ndjson", "\n".join(lines)))
    held = archive()
    assert {"m1", "m2", "m3"} <= set(held.scan("attendees").collect()["meeting_id"])
    assert done.return_value == (0 if odd == json.dumps(attendee(9)) else 3)
    resolved(held, "attendees")


def test_two_records_on_a_line_are_not_taken_for_one(bring: Bring, tmp_path, save) -> None:
    lines = [f"{json.dumps(attendee(1))},{json.dumps(attendee(2))}", json.dumps(attendee(3))]
    done = bring(save("a.ndjson", "\n".join(lines)))
    assert isinstance(done.exception, ConfigError)
    assert not (tmp_path / "archive").exists()


def test_many_files_become_many_units_with_their_own_spans_and_gaps(bring: Bring, archive, save) -> None:
    files = [
        save(f"{number}.json", json.dumps({"items": [attendee(number), attendee(number, duration=[])]}))
        for number in range(1, 6)
    ]
    done = bring(*files)
    rows = archive().scan("collections").sort("from_time").collect().rows(named=True)
    assert done.return_value == 3
    assert [(row["rows"], row["from_time"].day, row["complete"]) for row in rows] == [
        (2, number + 1, False) for number in range(1, 6)
    ]
    assert [f"{number}.json: not decoded" in done.stderr for number in range(1, 6)] == [True] * 5
    resolved(archive(), "attendees")


def test_a_file_named_twice_or_known_already_is_written_once(bring: Bring, archive, save) -> None:
    first, second = (save(f"{name}.json", json.dumps([attendee(n)])) for n, name in ((1, "a"), (2, "b")))
    bring(first)
    done = bring(first, second, second)
    assert done.stderr.count("has it already") == 2
    assert sorted(archive().scan("attendees").collect()["meeting_id"]) == ["m1", "m2"]
    assert archive().scan("collections").collect().height == 2


def test_the_same_file_again_changes_nothing(bring: Bring, archive, save) -> None:
    file = save("a.json", json.dumps([attendee(1)]))
    bring(file)
    done = bring(file)
    assert (done.return_value, "the archive has it already" in done.stderr) == (0, True)
    assert archive().scan("collections").collect().height == 1


def test_the_same_file_for_another_span_is_of_that_span(bring: Bring, archive, save) -> None:
    file = save("a.json", json.dumps([attendee(1), attendee(2, duration=[])]))
    september = Window(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))
    bring(file)
    done = bring(file, "--from", "2026-09-01", "--to", "2026-10-01")
    assert (done.return_value, "has it already" in done.stderr) == (3, False)
    assert archive().span() == september
    assert archive().scan("attendees").collect().height == 1
    found = coverage(archive(), window=september, sites=[SITE], now=september.end, settle=timedelta())
    told = [(gap.reason.value, gap.window) for gap in found.gaps if gap.table == "attendees"]
    assert told == [("imported", september), ("undecodable-record", september)]
    for span in ((), ("--from", "2026-09-01", "--to", "2026-10-01")):
        again = bring(file, *span).stderr
        assert "2026-09-01 00:00 to 2026-10-01 00:00 UTC; the archive has it already" in again
    assert archive().scan("collections").collect().height == 2
    resolved(archive(), "attendees")


def test_participants_bring_their_devices(bring: Bring, archive, save) -> None:
    record = {"id": "p", "meetingId": "m", "siteUrl": SITE, "host": True, "devices": [{"correlationId": "c"}]}
    assert bring(save("p.json", json.dumps({"items": [record]})), site=None).return_value == 0
    assert archive().scan("devices").collect().height == 1
    resolved(archive(), "devices")


@pytest.mark.parametrize("form", ["csv", "semicolon", "json"])
def test_a_table_of_ones_own(bring: Bring, archive, save, form: str) -> None:
    content = {
        "csv": 'email,display_name,department,login_enabled\nEve@example.com,Eve,"Sales, EMEA",true\n,,,\n',
        "semicolon": "\ufeffemail;display_name;department;login_enabled\r\neve@example.com;Eve;Sales, EMEA;TRUE\r\n",
        "json": json.dumps(
            [{"email": "eve@example.com", "display_name": "Eve", "department": "Sales, EMEA", "login_enabled": True}]
        ),
    }[form]
    assert bring(save("people.csv", content), site=None).return_value == 0
    found = archive().scan("people").select("email", "display_name", "department", "login_enabled").collect()
    assert found.rows() == [("eve@example.com", "Eve", "Sales, EMEA", True)]
    resolved(archive(), "people")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("headings", [HEADINGS, GERMAN])
def test_a_control_hub_export(bring: Bring, archive, save, encoding: str, headings: str) -> None:
    file = save("export.csv", "\r\n".join([headings, *LINES]).encode(encoding))
    done = bring(file, "--timezone", "Europe/Berlin")
    assert done.return_value == 0
    found = archive().scan("attendees").sort("joined_time").collect()
    assert found.select("meeting_title", "display_name", "email", "participant_type", "duration").rows() == [
        ("Weekly", "Eve", "eve@example.com", "host", timedelta(minutes=57)),
        ("Weekly", "Call-in User 1", None, "attendee", timedelta(minutes=1)),
        ("Board", "Bob", "bob@example.com", "attendee", timedelta(minutes=60)),
    ]
    assert found["joined_time"][0] == datetime(2026, 9, 14, 8, 1, tzinfo=UTC)
    assert found["meeting_id"].n_unique() == 2
    assert "→ joinedTime" in done.stderr
    resolved(archive(), "attendees")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("09/14/2026 10:01 AM", "09/14/2026 10:58 PM", datetime(2026, 9, 14, 10, 1, tzinfo=UTC)),
        ("2026-09-14 10:01 AM", "2026-09-14 10:58 PM", datetime(2026, 9, 14, 10, 1, tzinfo=UTC)),
        ("14.09.2026 10:01", "14.09.2026 10:58", datetime(2026, 9, 14, 10, 1, tzinfo=UTC)),
        ("14/09/2026 10:01:30", "14/09/2026 10:58:00", datetime(2026, 9, 14, 10, 1, 30, tzinfo=UTC)),
    ],
)
def test_times_as_countries_write_them(
    bring: Bring, archive, save, first: str, second: str, expected: datetime
) -> None:
    line = f"W\t{first}\t{second}\tEve\t\t\tHost\teve@example.com\t{first}\t{second}\t57 mins\tx\t"
    assert bring(save("e.csv", f"{HEADINGS}\n{line}"), "--timezone", "UTC").return_value == 0
    assert archive().scan("attendees").collect()["joined_time"].item() == expected


@pytest.mark.parametrize("time", ["14/09/26 10:01", "14 September 2026 10:01", "46279.5"])
def test_times_that_follow_no_known_pattern_are_refused(bring: Bring, save, tmp_path, time: str) -> None:
    file = save("e.csv", f"{HEADINGS}\nW\t{time}\t{time}\tEve\t\t\tHost\te@example.com\t{time}\t{time}\t5 mins\tx\t")
    done = bring(file, "--timezone", "UTC", "--from", "2026-09-01", "--to", "2026-10-01")
    assert "e.csv: its times follow no known pattern; ISO 8601 would be read" in str(done.exception)
    assert not (tmp_path / "archive").exists()


def test_times_outside_of_the_span_that_should_tell_them_are_refused(bring: Bring, save) -> None:
    time = "03/04/2026 10:00"
    file = save("e.csv", f"{HEADINGS}\nW\t{time}\t{time}\tEve\t\t\tHost\te@example.com\t{time}\t{time}\t5 mins\tx\t")
    done = bring(file, "--timezone", "UTC", "--from", "2026-07-01", "--to", "2026-08-01")
    assert "e.csv: none of its times lies between --from and --to" in str(done.exception)


def test_day_and_month_that_cannot_be_told_apart_are_refused_until_a_span_tells(bring: Bring, archive, save) -> None:
    time = "03/04/2026 10:00"
    file = save("e.csv", f"{HEADINGS}\nW\t{time}\t{time}\tEve\t\t\tHost\te@example.com\t{time}\t{time}\t5 mins\tx\t")
    assert "cannot be told apart" in str(bring(file, "--timezone", "UTC").exception)
    span = ("--from", "2026-04-01", "--to", "2026-05-01")
    assert bring(file, "--timezone", "UTC", *span).return_value == 0
    assert archive().scan("attendees").collect()["joined_time"].item() == datetime(2026, 4, 3, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "arguments", "why"),
    [
        ("\r\n".join([HEADINGS, *LINES]), (), "--timezone tells"),
        ("a,b\n1,2\n", (), "--as would"),
        ('[{"email":"a@example.com","display_name":"A"}]', (), "--as would"),
        ('[{"x":1}]', (), "--as would"),
        ("", (), "it is empty"),
        ("email,email\na,b\n", (), "cannot be told apart"),
        (",".join(f"c{n}" for n in range(100_000)) + ",c7\n1\n", (), "two columns are called 'c7'"),
        ("email,type\na,b,c\n", (), "line 2 has 3 cells"),
        ('email,type\n\na,"b\nc"\na,b,c\n', (), "line 5 has 3 cells"),
        ('email,type\n\na,b\n"c,d\ne,f\n', (), "the record of line 4 opens a quote that nothing closes"),
        ('email,type\na,"b', (), "the record of line 2 opens a quote that nothing closes"),
        (f'email,type\na,"{"b" * 200_000}\n', (), "the record of line 2 opens a quote that nothing closes"),
        ("[1,", (), "it is no JSON from character"),
        ('[{"email":"a"}]\n[{"email":"b"}]\n', (), "it is no JSON from character 16 on, where its list"),
        ('\ufeff[{"email":"a"}]] ', (), "it is no JSON from character 15 on, where its list"),
        ('{"items":7}', (), "--as would"),
        (b"\xff\xfe\x00", (), "neither UTF-8 nor UTF-16"),
        (b"email,type\n\xff,x", (), "neither UTF-8 nor UTF-16"),
    ],
)
def test_a_file_that_is_not_understood_is_refused_and_nothing_is_written(
    bring: Bring, save, tmp_path: Path, content: str | bytes, arguments: tuple[str, ...], why: str
) -> None:
    done = bring(save("x", content), *arguments)
    assert isinstance(done.exception, ConfigError)
    assert why in str(done.exception)
    assert not (tmp_path / "archive").exists()


def test_one_file_that_is_not_understood_keeps_the_others_out(bring: Bring, save, tmp_path: Path) -> None:
    good, bad = save("a.json", json.dumps([attendee(1)])), save("b.json", '[{"x":1}]')
    assert isinstance(bring(good, bad).exception, ConfigError)
    assert not (tmp_path / "archive").exists()


def test_a_file_fills_nothing_of_sites_it_does_not_name(bring: Bring, archive, save) -> None:
    first = save(
        "a.json", json.dumps([attendee(1, siteUrl="one.webex.com"), attendee(2, siteUrl="one.webex.com", duration=[])])
    )
    bring(first, site=None)
    bring(
        save("b.json", json.dumps([attendee(5, siteUrl="two.webex.com"), attendee(9, siteUrl="two.webex.com")])),
        site=None,
    )
    held = archive().scan("collections").sort("from_time").collect()["site_url"].to_list()
    assert held == ["one.webex.com", "two.webex.com"]
    september = Window(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 8, tzinfo=UTC))

    def told() -> list[tuple[str, str, int]]:
        found = coverage(archive(), window=september, sites=archive().sites(), now=september.end, settle=timedelta())
        return [
            (gap.site_url, gap.reason.value, gap.window.start.day) for gap in found.gaps if gap.table == "attendees"
        ]

    expected = [
        ("one.webex.com", "not-collected", 1),
        ("one.webex.com", "imported", 2),
        ("one.webex.com", "undecodable-record", 2),
        ("one.webex.com", "not-collected", 2),
        ("two.webex.com", "not-collected", 1),
        ("two.webex.com", "imported", 6),
    ]
    assert told() == expected
    rebuild(archive().path, now=lambda: september.end)
    assert told() == expected


def test_a_file_is_of_the_site_its_records_name_whatever_site_is_given(bring: Bring, archive, save) -> None:
    file = save("a.json", json.dumps([attendee(1, siteUrl="one.webex.com"), attendee(2, siteUrl="one.webex.com")]))
    assert bring(file, site=SITE).return_value == 0
    held = archive()
    found = coverage(
        held, window=held.span(), sites=held.sites(), now=datetime(2026, 11, 20, tzinfo=UTC), settle=timedelta()
    )
    assert held.sites() == ("one.webex.com",)
    assert held.span(["one.webex.com"]) == held.span()
    assert {gap.reason.value for gap in found.gaps if gap.table == "attendees"} == {"imported"}


def test_a_file_of_two_sites_is_of_both_also_where_one_is_given(bring: Bring, archive, save) -> None:
    sites = [None, "one.webex.com"]
    records = [{**attendee(day), **({"siteUrl": site} if site else {})} for day, site in enumerate(sites, start=1)]
    assert bring(save("a.json", json.dumps(records)), site=SITE).return_value == 0
    held = archive()
    assert held.scan("attendees").collect().sort("joined_time")["site_url"].to_list() == [SITE, "one.webex.com"]
    assert held.scan("collections").collect()["site_url"].to_list() == [None]
    found = coverage(
        held, window=held.span(), sites=held.sites(), now=datetime(2026, 11, 20, tzinfo=UTC), settle=timedelta()
    )
    told = {(gap.site_url, gap.reason.value) for gap in found.gaps if gap.table == "attendees"}
    assert told == {(SITE, "imported"), ("one.webex.com", "imported")}


def test_records_that_name_no_site_need_one(bring: Bring, save) -> None:
    assert "--site tells" in str(bring(save("a.json", json.dumps([attendee(1)])), site=None).exception)


@pytest.mark.parametrize("form", ["array", "lines", "csv"])
def test_a_record_without_a_site_among_others_needs_one(bring: Bring, archive, save, form: str) -> None:
    records = [attendee(number, siteUrl="other.webex.com") for number in range(1, 1203)] + [attendee(7)] * 2
    cells = [{"siteUrl": "", **{name: str(value) for name, value in record.items()}} for record in records]
    content = {
        "array": json.dumps(records),
        "lines": "\n".join(map(json.dumps, records)),
        "csv": "\n".join([",".join(cells[0]), *(",".join(cell[name] for name in cells[0]) for cell in cells)]),
    }[form].replace("WINDOWS,IE", "WINDOWS")
    file, other = save("a", content), save("b.json", json.dumps([attendee(9, siteUrl="other.webex.com")]))
    assert "a: record 1203 names no site; --site tells" in str(bring(other, file, site=None).exception)
    assert bring(other, file).return_value == 0
    sites = archive().scan("attendees").collect()["site_url"]
    assert sorted(sites.unique()) == [SITE, "other.webex.com"]


def test_fields_in_a_spelling_of_their_own_need_no_site_among_them(bring: Bring, archive, save) -> None:
    headings = "Meeting ID,Email,Joined Time,Left Time,Display_Name"
    file = save("a.csv", f"{headings}\nm1,eve@example.com,2026-09-02T10:00:00Z,2026-09-02T11:00:00Z,Eve\n")
    assert bring(file, "--as", "attendees").return_value == 0
    rows = archive().scan("attendees").select("site_url", "meeting_id", "email", "display_name").collect().rows()
    assert rows == [(SITE, "m1", "eve@example.com", "Eve")]
    assert "--site tells" in str(bring(file, "--as", "attendees", site=None).exception)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("invitees", "id email displayName coHost meetingId panelist"),
        (
            "settings",
            "id title agenda state timezone start end hostUserId hostDisplayName hostEmail scheduledType",
        ),
        (
            "recordings",
            "id meetingId topic createTime timeRecorded siteUrl serviceType durationSeconds status hostEmail",
        ),
    ],
)
def test_an_answer_of_another_endpoint_is_not_taken_for_people_or_meetings(
    bring: Bring, archive, save, kind: str, names: str
) -> None:
    done = bring(save("a.json", json.dumps({"items": [dict.fromkeys(names.split())]})))
    assert (done.return_value, f"1 record of {kind}" in done.stderr) == (0, True)
    assert [archive().scan(name).collect().height for name in ("participants", "meetings")] == [0, 0]


@pytest.mark.parametrize(
    ("kind", "inner", "found"),
    [
        (
            "sign_ins",
            {"actorEmail": "Eve@example.com", "actorIp": "203.0.113.7", "actorUserAgent": "x", "actionText": "in"},
            ("eve@example.com", "203.0.113.7", "x", "in"),
        ),
        (
            "admin_changes",
            {"actorEmail": "Eve@example.com", "eventCategory": "USERS", "targetName": "t", "actionText": "made"},
            ("eve@example.com", "USERS", "t", "made"),
        ),
    ],
)
def test_events_are_read_with_what_stands_inside_their_data(
    bring: Bring, archive, save, kind: str, inner: dict[str, str], found: tuple[str, ...]
) -> None:
    event = {"id": "1", "actorId": "a", "created": "2026-09-01T10:00:00Z", "data": inner}
    flat = {"created": "2026-09-01T11:00:00Z", **inner}
    for name, items in (("a.json", [event]), ("b.json", [flat]), ("c.json", [{"created": None, "data": 7}])):
        assert bring(save(name, json.dumps({"items": items})), "--as", kind, site=None).return_value == 0
    rows = archive().scan(kind).sort("created", nulls_last=True).drop("created", "page", "item").collect().rows()
    assert rows == [found, found, (None,) * 4]


@pytest.mark.parametrize("site", [SITE.upper(), f"https://{SITE}/", f" {SITE} "])
def test_a_site_is_named_as_webex_names_it(bring: Bring, archive, save, site: str) -> None:
    assert bring(save("a.json", json.dumps([attendee(1)])), site=site).return_value == 0
    assert archive().sites() == (SITE,)


@pytest.mark.parametrize("site", [" ", "a/b", "eve@example.com", "two hosts"])
def test_what_is_no_site_is_refused(bring: Bring, tmp_path, save, site: str) -> None:
    assert "is no site such as" in str(bring(save("a.json", json.dumps([attendee(1)])), site=site).exception)
    assert not (tmp_path / "archive").exists()


def test_what_a_file_holds_can_be_said(bring: Bring, archive, save) -> None:
    file = save("a.json", '[{"email":"a@example.com","display_name":"A"}]')
    assert bring(file, "--as", "people", site=None).return_value == 0
    assert archive().scan("people").collect().height == 1
    assert "is no kind of records" in str(bring(file, "--as", "cats").exception)


def test_exit_codes_from_the_command_line(auditor, save, tmp_path: Path) -> None:
    good = save("a.json", json.dumps([attendee(1)]))
    bad = save("b.json", json.dumps([attendee(1, duration={})]))
    base = ("import", "--archive", tmp_path / "cli", "--site", SITE)
    assert auditor(*base, good).returncode == 0
    assert auditor(*base, bad).returncode == 3
    assert auditor(*base, tmp_path / "missing.json").returncode == 2
    assert auditor(*base).returncode == 2


def test_on_a_full_disk_the_archive_is_named_and_the_next_import_ends_what_was_begun(tmp_path: Path, full_disk) -> None:
    given = tmp_path / "saved.json"
    given.write_text(json.dumps([attendee(number) for number in range(200)]), encoding="utf-8")
    session = Session(config=None, verbosity=0, progress=False, log_format="text")
    options = ["--archive", str(tmp_path / "archive"), "--site", f"https://{SITE}", str(given)]

    def run() -> Result:
        return CliRunner().invoke(command, options, obj=session, standalone_mode=False, catch_exceptions=False)

    words = "archive: the archive cannot be written: file too large$"
    for most in (10, 300, 3000):
        with full_disk(most), pytest.raises(ArchiveError, match=words):
            run()
    assert run().return_value == 0
    archive = Archive(tmp_path / "archive")
    assert archive.scan("attendees").collect().height == 200
    assert archive.evidence.verify() == ()


@pytest.mark.parametrize("records", [1, 400, 9000])
@pytest.mark.parametrize(
    "form", ['{{"items":[{0}],"items":[{1}]}}', '{{"items":[{0}]}}\n{{"items":[{0}],"items":[{1}]}}\n']
)
def test_a_response_with_two_lists_of_items_is_no_list_whose_other_half_is_lost(
    bring: Bring, archive, save, form: str, records: int
) -> None:
    first = ",".join(json.dumps(attendee(number)) for number in range(records))
    done = bring(save("a.json", form.format(first, json.dumps(attendee(records)))))
    if done.exception is not None:
        assert "a.json: it has items twice, and nobody can tell which are meant" in str(done.exception)
        return
    assert done.return_value == 3
    assert "it has items twice, and nobody can tell which are meant" in done.stderr
    held = archive()
    assert held.scan("attendees").collect().height == (records if "\n" in form else 0)
    resolved(held, "attendees")
