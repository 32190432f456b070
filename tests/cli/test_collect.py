from __future__ import annotations

import json

import pytest

from auditor.simulator import Fault, Regular, serve

pytestmark = pytest.mark.slow

TOKEN = "a-token-for-the-command-line"
ATTENDEES = "/meetingReports/attendees"


@pytest.fixture(scope="module")
def small():
    return Regular(meetings=3, people=3).site()


@pytest.fixture
def collected(auditor, tmp_path):
    """Runs `collect` against a server with faults; gives the process and the server."""

    def run(site, *options, faults=(), before=(), env=None):
        with serve(site, faults=faults, token=TOKEN) as server:
            result = auditor(
                *before,
                "collect",
                "--archive",
                tmp_path / "archive",
                "--base-url",
                server.base_url,
                "--now",
                server.now.isoformat(),
                *options,
                env={"WEBEX_ACCESS_TOKEN": TOKEN} if env is None else env,
            )
            assert TOKEN not in result.stdout + result.stderr
            return result, server

    return run


def test_a_whole_collection_leaves_0_and_a_summary(collected, small, tmp_path) -> None:
    result, _ = collected(small, "--days", "30")
    assert result.returncode == 0
    assert "nothing is missing" in result.stderr
    assert "attendees" in result.stderr
    assert result.stdout == ""
    assert (tmp_path / "archive" / "archive.json").stat().st_mode & 0o777 == 0o600


def test_a_lost_file_of_a_table_is_named_and_a_rebuild_lets_collecting_go_on(
    collected, small, auditor, tmp_path
) -> None:
    archive = tmp_path / "archive"
    collected(small, "--days", "20")
    (lost,) = (archive / "tables/meetings").glob("*.parquet")
    lost.unlink()
    result, _ = collected(small, "--days", "30")
    advice = "archive rebuild makes the tables again from evidence"
    assert (result.returncode, result.stderr.splitlines()[-1]) == (2, f"{lost}: the file is lost; {advice}")
    assert auditor("archive", "rebuild", "--archive", archive).returncode == 0
    assert collected(small, "--days", "30")[0].returncode == 0


def test_a_failed_unit_leaves_3_and_names_the_gap_and_does_so_again(collected, small) -> None:
    fault = Fault("forbidden-endpoint", value="/usage")
    for _ in range(2):
        result, _ = collected(small, "--days", "30", faults=[fault])
        assert result.returncode == 3
        assert "forbidden in meetings of example.webex.com" in result.stderr
        assert "needs meeting:admin_config_read" in result.stderr
    assert collected(small, "--days", "30")[0].returncode == 0


def test_a_span_that_webex_forgot_leaves_3(collected, small) -> None:
    result, _ = collected(small, "--days", "200")
    assert result.returncode == 3
    assert "beyond-lookback in attendees" in result.stderr


def test_a_refused_token_leaves_4(collected, small) -> None:
    result, _ = collected(small, "--days", "30", env={"WEBEX_ACCESS_TOKEN": "wrong"})
    assert result.returncode == 4
    assert "Webex refused the access token" in result.stderr


@pytest.mark.parametrize("after", [0, 6])
def test_a_run_that_a_refused_token_ended_does_not_say_that_nothing_is_missing(collected, small, after: int) -> None:
    result, _ = collected(small, "--days", "30", faults=[Fault("unauthorized", after=after)])
    assert result.returncode == 4
    assert "it ended before all was asked for" in result.stderr
    assert "nothing is missing" not in result.stderr


def test_everything_refused_leaves_4_and_names_the_scope(collected, small) -> None:
    result, _ = collected(small, "--days", "30", "--site", "example.webex.com", faults=[Fault("forbidden")])
    assert result.returncode == 4
    assert "needs meeting:admin_config_read" in result.stderr


def test_a_token_is_refreshed_from_the_environment(collected, small) -> None:
    env = {
        "WEBEX_CLIENT_ID": "id",
        "WEBEX_CLIENT_SECRET": "secret",
        "WEBEX_REFRESH_TOKEN": f"refresh-of-{TOKEN}",
    }
    result, server = collected(small, "--days", "30", env=env)
    assert result.returncode == 0
    assert next(iter(server.requests)).request.path == "/v1/access_token"
    assert "WEBEX_REFRESH_TOKEN may be spent" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--site", "exampel.webex.com"], "did you mean example.webex.com"),
        (["--days", "3", "--period", "2026-09"], "exclude each other"),
        (["--period", "2026-13"], "2026-13"),
        (["--meeting-id", "1_I_2", "--meeting-title", "x"], "exclude each other"),
        (["--meeting-id", "aseries"], "ids of ended instances"),
        (["--base-url", "http://webexapis.com/v1"], "loopback only"),
        (["--participants", "some"], "some"),
        (["--concurrency", "0"], "0"),
        (["--emails", "missing.txt"], "missing.txt"),
    ],
)
def test_wrong_options_leave_2_and_say_what_is_wrong(collected, small, options, message) -> None:
    result, _ = collected(small, *options)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_a_list_of_people_may_be_utf_8_or_utf_16(collected, small, tmp_path, encoding) -> None:
    people = tmp_path / "people.txt"
    people.write_text("# two\r\nP0@northbank.example\r\n\r\np1@northbank.example", encoding=encoding)
    result, server = collected(small, "--days", "12", "--emails", str(people))
    assert result.returncode == 0
    bodies = [json.loads(served.request.body) for served in server.requests if served.request.method == "POST"]
    assert {tuple(body["emails"]) for body in bodies} == {("p0@northbank.example", "p1@northbank.example")}


def test_a_list_of_people_in_another_encoding_leaves_2_and_names_the_place(collected, small, tmp_path) -> None:
    people = tmp_path / "people.txt"
    people.write_bytes("jörg@northbank.example\n".encode("latin-1"))
    result, server = collected(small, "--emails", str(people))
    assert result.returncode == 2
    assert "people.txt: it is neither UTF-8 nor UTF-16" in result.stderr
    assert server.requests == ()


def test_no_token_leaves_2_and_tells_where_one_may_come_from(collected, small) -> None:
    result, server = collected(small, env={})
    assert result.returncode == 2
    assert "WEBEX_ACCESS_TOKEN" in result.stderr
    assert server.requests == ()


def test_half_of_an_integration_leaves_2_and_names_the_other_half(collected, small) -> None:
    result, _ = collected(small, env={"WEBEX_REFRESH_TOKEN": "r"})
    assert result.returncode == 2
    assert "set WEBEX_CLIENT_ID, WEBEX_CLIENT_SECRET too" in result.stderr


def test_a_plan_prints_the_requests_and_makes_none(collected, small, tmp_path) -> None:
    result, server = collected(small, "--plan", "--site", "example.webex.com", "--days", "14", env={})
    assert result.returncode == 0
    assert server.requests == ()
    lines = result.stdout.splitlines()
    assert lines[0] == f"GET {server.base_url}/meetingPreferences/sites"
    assert sum(ATTENDEES in line for line in lines) == 4
    assert all("max=1000" in line for line in lines if ATTENDEES in line)
    assert not (tmp_path / "archive").exists()


def test_a_plan_after_a_collection_names_only_what_is_due_again(collected, small) -> None:
    collected(small, "--days", "14")
    result, _ = collected(small, "--plan", "--days", "14")
    due = [line for line in result.stdout.splitlines() if ATTENDEES in line]
    assert len(due) == 2
    assert "meetingParticipants" not in "".join(line for line in result.stdout.splitlines() if line.startswith("GET"))


def test_a_plan_names_a_file_that_was_changed(collected, small, tmp_path) -> None:
    collected(small, "--days", "14")
    for file in (tmp_path / "archive/tables/attendees").glob("*.parquet"):
        file.write_bytes(b"")
    result, _ = collected(small, "--plan", "--days", "14")
    assert result.returncode == 2
    assert "the file was changed; archive rebuild makes the tables again" in result.stderr
    assert result.stdout == ""


def test_a_plan_names_lost_spans(collected, small) -> None:
    result, _ = collected(small, "--plan", "--site", "example.webex.com", "--days", "200")
    assert "# lost: attendees of example.webex.com" in result.stdout


def test_people_are_read_from_a_file(collected, small, tmp_path) -> None:
    people = tmp_path / "people.txt"
    people.write_text("# the board\n\nP1@Northbank.example\n  p2@northbank.example \n")
    result, server = collected(small, "--days", "30", "--emails", people)
    assert result.returncode == 0
    bodies = [json.loads(served.request.body) for served in server.requests if served.request.body]
    assert {tuple(body["emails"]) for body in bodies} == {("p1@northbank.example", "p2@northbank.example")}


def test_every_wrong_line_of_the_file_is_named(collected, small, tmp_path) -> None:
    people = tmp_path / "people.txt"
    people.write_text("p1@northbank.example\nnobody\n\ntwo@example.com, three@example.com\n")
    result, _ = collected(small, "--emails", people)
    assert result.returncode == 2
    assert "people.txt:2:1" in result.stderr
    assert "people.txt:4:1" in result.stderr


def test_the_summary_is_one_json_line_for_machines(collected, small) -> None:
    result, _ = collected(
        small, "--days", "30", before=["--log-format", "json"], faults=[Fault("forbidden-endpoint", value="/usage")]
    )
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    summary = next(line for line in lines if line["message"] == "collected")
    assert {gap["reason"] for gap in summary["gaps"]} == {"forbidden"}
    assert {"site_url": "example.webex.com", "endpoint": "attendees", "units": 7, "records": 9} in summary["fetched"]


def test_quiet_says_nothing_when_nothing_is_wrong(collected, small) -> None:
    result, _ = collected(small, "--days", "30", before=["-q"])
    assert result.returncode == 0
    assert result.stderr == ""


def test_quiet_says_what_is_missing(collected, small) -> None:
    faults = [Fault("forbidden-endpoint", value="/usage")]
    result, _ = collected(small, "--days", "30", before=["-q"], faults=faults)
    assert result.returncode == 3
    assert result.stderr.startswith("forbidden in meetings of example.webex.com from ")


def test_what_the_configuration_says_is_collected_too(collected, small, tmp_path) -> None:
    (tmp_path / "auditor.yaml").write_text("sites: [example.webex.com]\ncollect: {also: [invitees], settle: 1h}\n")
    result, server = collected(small, "--days", "30")
    assert result.returncode == 0
    assert any(served.request.path.endswith("/meetingInvitees") for served in server.requests)


def test_a_folder_with_other_things_is_not_made_an_archive(collected, small, tmp_path) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "letter.txt").write_text("dear")
    result, server = collected(small, "--days", "30")
    assert result.returncode == 2
    assert "other things" in result.stderr
    assert server.requests == ()
