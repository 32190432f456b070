"""`auditor explain` of a finding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from auditor.cli import _root
from tests.audit.small import EVE, HOST, NOW, rule_file, small_archive

pytestmark = pytest.mark.slow

GROUP = """\
---
schema: 1
id: TST-002
name: joins
title: Nobody joins a meeting again and again
status: stable
severity: low
detect:
  from: attendees
  where: {all: [email is not None], none: [is_host]}
  group: {by: [meeting_id, email], aggregate: {joins: count()}, having: joins >= 2}
finding: {subject: "{email}", message: "{email} joined {joins} times", fingerprint: [meeting_id, email]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rule_file(tmp_path, extra=GROUP)
    again = {**EVE, "joinedTime": "2026-09-14T10:40:00Z", "leftTime": "2026-09-14T10:50:00Z"}
    small_archive(tmp_path / "archive", [HOST, EVE, again])
    words = "check --archive archive --rules rules.yaml --no-bundled-rules --format json=a.json --now"
    CliRunner().invoke(_root, [*words.split(), NOW, "--set", "TST-001.title=Boa"], standalone_mode=False)
    return tmp_path


def prints(folder: Path) -> dict[str, str]:
    return {one["rule_id"]: one["fingerprint"] for one in json.loads((folder / "a.json").read_text())["findings"]}


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(_root, ["explain", *arguments], standalone_mode=False)


def test_the_finding_and_its_records_are_shown_from_the_audit_alone(folder: Path) -> None:
    done = explain(prints(folder)["TST-001"], "a.json")
    assert done.return_value == 0
    assert "eve@example.org was not invited to Board Q3" in done.stdout
    assert '"email":"eve@example.org"' in done.stdout
    assert "name the archive by --archive" in done.stdout


def test_without_the_archive_the_clauses_are_shown_as_far_as_the_finding_decides_them(folder: Path) -> None:
    out = explain(prints(folder)["TST-002"], "a.json", "--rules", "rules.yaml").stdout
    assert "  true   email is not None\n" in out
    assert "  false  none of: is_host\n" in out
    assert "  true   joins >= 2\n" in out
    assert "may have been either" not in out
    assert "reads differently" not in out
    assert "name the archive by --archive to see every value" in out


def test_without_the_archive_a_rule_that_is_not_loaded_is_named(folder: Path) -> None:
    done = explain(prints(folder)["TST-002"], "a.json")
    assert done.return_value == 0
    assert "clauses: rule TST-002 is not loaded; name it by --rules" in done.stdout


def test_each_clause_is_shown_with_the_values_that_made_it_true(folder: Path) -> None:
    done = explain(prints(folder)["TST-001"][:8], "a.json", "--archive", "archive", "--rules", "rules.yaml")
    clause = "not invited and contains(meeting_title, param.title)"
    assert f"true   {clause}   [invited = false, meeting_title = Board Q3]" in done.stdout
    assert "title                Boa (command line)" in done.stdout


def test_clauses_of_rows_and_of_the_group_are_shown(folder: Path) -> None:
    out = explain(prints(folder)["TST-002"], "a.json", "--archive", "archive", "--rules", "rules.yaml").stdout
    assert "true   email is not None   [email = eve@example.org]" in out
    assert "false  none of: is_host   [is_host = false]" in out
    assert "true   joins >= 2   [joins = 2]" in out
    assert "records (2 of 2)" in out


def test_an_archive_that_does_not_make_the_finding_says_so(folder: Path) -> None:
    small_archive(folder / "other", [HOST])
    small_archive(folder / "third", [HOST, EVE])
    done = explain(prints(folder)["TST-002"], "a.json", "--archive", "other", "--rules", "rules.yaml")
    assert done.return_value == 2
    assert "is not in the manifest" in done.stderr


def test_a_rule_that_reads_differently_now_says_so(folder: Path) -> None:
    rule_file(folder, severity="low", extra=GROUP)
    done = explain(prints(folder)["TST-001"], "a.json", "--archive", "archive", "--rules", "rules.yaml")
    assert "reads differently now" in done.stdout


LISTED = """\
---
schema: 1
id: TST-003
name: listed
title: Nobody is at a meeting with one of these titles
status: stable
severity: low
params:
  titles: {type: list, default: [Weekly], description: Titles of meetings}
  least: {type: duration, default: 1h, description: How long somebody stays}
detect: {from: attendees, where: {all: [meeting_title in param.titles, duration < param.least]}}
finding: {subject: "{email}", message: "{email} was there", fingerprint: [email]}
"""


@pytest.mark.parametrize("now", ["{}", "params: {listed: {titles: [Else], least: 1m}}"])
def test_a_finding_is_made_again_with_the_parameters_of_its_audit(folder: Path, now: str) -> None:
    rule_file(folder, extra=LISTED)
    small_archive(folder / "titled", [HOST, {**EVE, "meetingTitle": "Board, Q3"}])
    (folder / "auditor.yaml").write_text('params: {TST-003: {titles: ["Board, Q3", Else]}}')
    words = "check --archive titled --rules rules.yaml --no-bundled-rules --only TST-003 --format json=a.json --now"
    CliRunner().invoke(_root, [*words.split(), NOW], standalone_mode=False)
    (folder / "auditor.yaml").write_text(now)
    done = explain(prints(folder)["TST-003"], "a.json", "--archive", "titled", "--rules", "rules.yaml")
    assert "judging this archive again does not make this finding" not in done.stdout
    assert "  true   meeting_title in param.titles   [meeting_title = Board, Q3]\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ffffffff", "a.json"), "no finding of the audit has a fingerprint that begins with 'ffffffff'"),
        (("", "a.json"), "2 findings have a fingerprint"),
        (("0", "gone.json"), "gone.json: cannot be read"),
        (("0", "rules.yaml"), "rules.yaml: is no audit.json of this version: Expecting value: line 1"),
    ],
)
def test_what_cannot_be_explained_is_exit_two(folder: Path, arguments: tuple[str, str], message: str) -> None:
    done = explain(*arguments)
    assert done.return_value == 2
    assert message in done.stderr


def test_an_edited_audit_sends_nothing_to_the_terminal_but_words(folder: Path) -> None:
    audit = json.loads((folder / "a.json").read_text())
    audit["rules"] = [{**rule, "name": "\x1b[2J"} for rule in audit["rules"]]
    audit["findings"] = [
        {**one, "fingerprint": one["fingerprint"] + "\x1b[1m", "evidence": {"\x9b31m": 1}} for one in audit["findings"]
    ]
    (folder / "edited.json").write_text(json.dumps(audit))
    done = explain(prints(folder)["TST-001"], "edited.json")
    assert done.return_value == 0
    assert "⟨U+009B⟩31m" in done.stdout
    assert not {"\x1b", "\x9b"}.intersection(done.stdout)


def test_nothing_is_printed_before_all_is_known(folder: Path) -> None:
    one = prints(folder)["TST-001"]
    for words in (("--archive", "gone"), ("--archive", "archive"), ("--rules", "gone.yaml")):
        done = explain(one, "a.json", *words)
        assert (done.return_value, done.stdout) == (2, "")


def test_a_rule_that_is_not_loaded_is_named(folder: Path) -> None:
    done = explain(prints(folder)["TST-001"], "a.json", "--archive", "archive")
    assert done.return_value == 2
    assert "rule TST-001 is not loaded" in done.stderr
