"""`auditor waivers list|lint|add`."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import Popen

import click
import pytest
from click.testing import CliRunner, Result

from auditor.cli import _root
from auditor.triage.waiver_file import load
from tests.audit.small import rule_file, small_archive

NOW = "2026-10-06T00:00Z"
FILE = """\
waivers:
  - {id: W-1, rule: TST-001, match: {email: eve@example.org}, reason: known, owner: o, expires: 2027-10-06,
     approved_by: c}
  - {id: W-2, rule: uninvited, match: {email: bob@example.org}, reason: known, owner: o, expires: 2027-10-06}
  - {id: W-3, rule: TST-001, match: {email: x@example.org}, reason: known, owner: o, expires: 2026-10-05}
  - {id: W-4, rule: ZZZ-001, match: {email: x@example.org}, reason: known, owner: o, expires: 2027-10-05}
attestations:
  - {framework: soc2, control: CC1.1, verdict: pass, by: ciso@example.com, date: 2026-01-01, expires: 2026-12-31}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "waivers.yaml").write_text(FILE)
    rule_file(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(_root, ["waivers", *arguments], standalone_mode=False)


def states(done: Result) -> dict[str, str]:
    return {line.split()[0]: line.split()[1] for line in done.stdout.splitlines() if line.startswith("W-")}


def test_list_tells_states_without_an_audit(folder: Path) -> None:
    done = run("list", "--rules", "rules.yaml", "--now", NOW)
    assert done.return_value == 0
    assert states(done) == {"W-1": "active", "W-2": "active", "W-3": "expired", "W-4": "unknown-rule"}
    assert "attestation      in force" in done.stdout


@pytest.mark.parametrize(
    ("day", "held"),
    [("2025-12-31", "not yet"), ("2026-01-01", "in force"), ("2026-12-31", "in force"), ("2027-01-01", "expired")],
)
def test_an_attestation_is_in_force_from_its_date_through_the_day_it_expires(folder: Path, day: str, held: str) -> None:
    line = run("list", "--rules", "rules.yaml", "--now", f"{day}T12:00Z").stdout.splitlines()[-1]
    assert line.startswith(f"attestation      {held} ")


def test_list_tells_from_an_audit_which_waivers_are_unused(folder: Path) -> None:
    (folder / "known.yaml").write_text(FILE.replace("ZZZ-001", "TST-001"))
    small_archive(folder / "archive")
    words = "check --archive archive --rules rules.yaml --no-bundled-rules --waivers known.yaml --format json=a.json"
    CliRunner().invoke(_root, [*words.split(), "--now", NOW], standalone_mode=False)
    done = run("list", "--rules", "rules.yaml", "--audit", "a.json", "--now", NOW)
    assert states(done) == {"W-1": "active", "W-2": "unused", "W-3": "expired", "W-4": "unknown-rule"}
    assert "1 finding " in done.stdout


def test_lint_names_what_is_unknown_and_warns_of_what_ends(folder: Path) -> None:
    done = run("lint", "--rules", "rules.yaml", "--now", NOW)
    assert done.return_value == 1
    assert "waivers.yaml:6:21: unknown rule 'ZZZ-001'" in done.stdout
    assert "warning: waiver W-3 expired on 2026-10-05" in done.stdout


def test_lint_is_content_with_a_good_file(folder: Path) -> None:
    (folder / "waivers.yaml").write_text("\n".join(FILE.splitlines()[:3]))
    done = run("lint", "--rules", "rules.yaml", "--now", NOW)
    assert (done.return_value, done.stdout) == (0, "")


def test_a_file_that_does_not_load_is_exit_two(folder: Path) -> None:
    (folder / "waivers.yaml").write_text("waivers: [{id: W}]")
    for verb in ("list", "lint"):
        done = run(verb)
        assert done.return_value == 2
        assert "waivers.yaml:1:11: missing key 'reason'" in done.stderr


def test_add_writes_the_waiver_behind_the_others(folder: Path) -> None:
    words = ["--id", "W-9", "--rule", "TST-001", "--match", "email=new@example.org", "--reason", "a guest: known"]
    done = run("add", *words, "--owner", "o", "--expires", "2026-12-31", "--ticket", "SEC-1", "--now", NOW)
    assert done.return_value == 0
    added = load(folder / "waivers.yaml").waivers[-1]
    assert (added.id, added.reason, added.ticket) == ("W-9", "a guest: known", "SEC-1")
    assert str(added.created) == "2026-10-06"
    assert (folder / "waivers.yaml").read_text().endswith(FILE[FILE.index("attestations:") :])


def test_of_several_added_at_one_moment_none_is_lost(folder: Path) -> None:
    (folder / "kept").mkdir()
    words = [sys.executable, "-m", "auditor", "waivers", "add", "--rule", "IDN-002", "--match", "ip_address=192.0.2.1"]
    words += ["--reason", "r", "--owner", "o", "--expires", "2026-12-31", "--now", NOW, "--waivers", "kept/new.yaml"]
    started = [Popen([*words, "--id", f"W-{number}"]) for number in range(3)]
    assert [each.wait(60) for each in started] == [0] * 3
    assert sorted(waiver.id for waiver in load(folder / "kept" / "new.yaml").waivers) == ["W-0", "W-1", "W-2"]
    assert [path.name for path in (folder / "kept").iterdir()] == ["new.yaml"]


def test_add_makes_the_file_when_there_is_none(folder: Path) -> None:
    words = ["--id", "W-9", "--fingerprint", "0" * 64, "--reason", "r", "--owner", "o", "--expires", "2026-12-31"]
    run("add", "--waivers", "new.yaml", *words, "--now", NOW)
    assert [waiver.id for waiver in load(folder / "new.yaml").waivers] == ["W-9"]


def test_add_leaves_the_file_alone_when_the_waiver_is_wrong(folder: Path) -> None:
    words = ["--id", "W-1", "--rule", "TST-001", "--match", "email=x", "--reason", "r", "--owner", "o"]
    done = run("add", *words, "--expires", "2026-12-31", "--now", NOW)
    assert done.return_value == 2
    assert "waiver id 'W-1' is already used on line 2" in done.stderr
    assert (folder / "waivers.yaml").read_text() == FILE


def test_a_match_needs_a_name_and_a_value(folder: Path) -> None:
    words = ["--id", "W-9", "--rule", "TST-001", "--match", "email", "--reason", "r", "--owner", "o"]
    done = run("add", *words, "--expires", "2026-12-31")
    assert isinstance(done.exception, click.UsageError)


def test_a_file_without_a_waiver_says_so(folder: Path) -> None:
    (folder / "waivers.yaml").write_text("")
    listed, linted = run("list"), run("lint")
    assert (listed.return_value, listed.stdout, listed.stderr) == (0, "", "waivers.yaml: holds no waiver\n")
    assert (linted.return_value, linted.stdout, linted.stderr) == (0, "", "0 waivers: 0 errors, 0 warnings\n")


def test_lint_counts_what_it_told(folder: Path) -> None:
    done = run("lint", "--rules", "rules.yaml", "--now", NOW)
    assert len(done.stdout.splitlines()) == 5
    assert done.stderr == "4 waivers: 1 error, 4 warnings\n"


def test_add_says_that_check_does_not_read_a_file_nobody_names(folder: Path) -> None:
    words = ("--id", "W-9", "--rule", "HST-002", "--match", "email=a@example.org", "--reason", "r", "--owner", "o")
    hint = "check reads that file where --waivers, or waivers in auditor.yaml, names waivers.yaml"
    assert hint in run("add", *words, "--expires", "2026-12-31", "--now", NOW).stderr
    (folder / "auditor.yaml").write_text("waivers: waivers.yaml\n", encoding="utf-8")
    again = run("add", "--id", "W-10", *words[2:], "--expires", "2026-12-31", "--now", NOW)
    assert "added waiver W-10" in again.stderr
    assert "check reads" not in again.stderr


WORDS = ("--id", "W-9", "--match", "email=a@example.org", "--reason", "r", "--owner", "o", "--expires", "2026-12-31")


@pytest.mark.parametrize(
    ("rule", "more", "told"),
    [
        ("HST-02", (), "unknown rule 'HST-02'; did you mean 'HST-002'?"),
        ("HST-999", (), "unknown rule 'HST-999'"),
        ("", (), "unknown rule ''"),
        ("uninvitd", ("--rules", "rules.yaml"), "unknown rule 'uninvitd'; did you mean 'uninvited'?"),
        ("TST-002", ("--rules", "rules.yaml"), "unknown rule 'TST-002'"),
        ("TST-001", ("--rules", "rules.yaml", "--match", "emial=x"), "did you mean 'email'?"),
    ],
)
def test_add_refuses_what_check_would(folder: Path, rule: str, more: tuple[str, ...], told: str) -> None:
    done = run("add", *WORDS, "--rule", rule, *more, "--now", NOW)
    assert done.return_value == 2
    assert done.stderr.startswith("waivers.yaml:7:")
    assert told in done.stderr
    assert (folder / "waivers.yaml").read_text() == FILE


@pytest.mark.parametrize("rule", ["TST-001", "uninvited"])
def test_add_knows_the_rules_of_the_configuration(folder: Path, rule: str) -> None:
    (folder / "auditor.yaml").write_text("rules: {paths: [rules.yaml]}\n", encoding="utf-8")
    done = run("add", *WORDS, "--rule", rule, "--now", NOW)
    assert done.return_value == 0
    assert "is known here" not in done.stderr


def test_add_takes_an_id_of_a_family_nobody_here_has_and_says_what_check_asks_for(folder: Path) -> None:
    done = run("add", *WORDS, "--rule", "TST-001", "--now", NOW)
    assert done.return_value == 0
    assert "no rule TST-001 is known here; check takes its waiver only where --rules, or rules.paths" in done.stderr
