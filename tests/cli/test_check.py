"""`auditor check` on small archives: exit codes, selection, files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import click
import pytest
from click.testing import CliRunner

from auditor.cli import _root
from auditor.evidence.entry import GENESIS, Request, Response, Unit
from auditor.evidence.line import chained
from auditor.evidence.page import page_name, sealed
from auditor.evidence.writer import Writer
from auditor.model.coverage import Gap
from auditor.model.vocabulary import GapReason
from auditor.model.window import Window
from auditor.tables.archive import Archive
from auditor.tables.ingest import ingest
from auditor.tables.remake import rebuild
from tests.audit.small import COLLECTED, EVE, HOST, MALLORY, NOW, SEPTEMBER, SITE, rule_file, small_archive

pytestmark = pytest.mark.slow

Run = Callable[..., CompletedProcess[str]]


@dataclass(frozen=True)
class Done:
    """How a run of the command line ended."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Check:
    """Runs `check` inside this process, on the archive of the folder with the rule TST-001."""

    folder: Path

    def __call__(
        self,
        *arguments: str | Path,
        config: str | None = None,
        env: dict[str, str] | None = None,
        before: tuple[str, ...] = (),
    ) -> Done:
        if config is not None:
            (self.folder / "auditor.yaml").write_text(config)
            before = (*before, "--config", str(self.folder / "auditor.yaml"))
        own = ["--archive", self.folder / "archive", "--no-bundled-rules", "--rules", "rules.yaml", "--now", NOW]
        words = [*before, "check", *map(str, [*own, *arguments])]
        clean = {"CI": None, "GITHUB_ACTIONS": None, "SOURCE_DATE_EPOCH": None}
        done = CliRunner().invoke(_root, words, env={**clean, **(env or {})}, standalone_mode=False)
        if isinstance(done.exception, click.ClickException):
            return Done(2, done.stdout, done.stderr + done.exception.format_message())
        if done.exception is not None:
            raise done.exception
        return Done(done.return_value, done.stdout, done.stderr)

    def audit(self, *arguments: str | Path, **options: Any) -> Any:
        done = self(*arguments, "--format", "json=audit.json", **options)
        assert done.returncode in {0, 1, 3}, done.stderr
        return json.loads((self.folder / "audit.json").read_text())


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.chdir(tmp_path)
    rule_file(tmp_path)
    small_archive(tmp_path / "archive")
    return Check(tmp_path)


def gap(**changes: Any) -> Gap:
    fields = {
        "table": "attendees",
        "site_url": SITE,
        "window": Window.period("2026-09-20"),
        "reason": GapReason.UNAVAILABLE,
        "detail": "503",
    }
    return Gap(**{**fields, **changes})


WAIVER = """\
waivers:
  - {id: W-1, rule: uninvited, match: {email: eve@example.org}, reason: known, owner: o@example.com,
     expires: 2026-10-06}
"""
CRASH = """\
---
schema: 1
id: TST-002
name: crashing
title: Nothing crashes in here at all
status: stable
severity: low
detect: {from: attendees, python: "nowhere:nothing"}
finding: {subject: "{email}", message: "{email}", fingerprint: [email]}
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 1),
        (["--fail-on", "critical"], 0),
        (["--fail-on", "info"], 1),
        (["--fail-on", "never"], 0),
        (["--exclude", "TST-001"], 2),
        (["--only", "TST-0001"], 2),
        (["--only", "uninvited"], 1),
        (["--period", "2026-09-15"], 0),
        (["--period", "September"], 2),
        (["--period", "2026-09", "--days", "3"], 2),
        (["--set", "TST-001.title=Nobody"], 0),
        (["--set", "TST-001.titel=x"], 2),
        (["--set", "TST-009.title=x"], 2),
        (["--set", "nonsense"], 2),
        (["--format", "docx=a.docx"], 2),
        (["--engine", "local"], 1),
        (["--engine", "spark=local[2]"], 2),
        (["--engine", "flink"], 2),
        (["--fail-on", "often"], 2),
        (["--waivers", "gone.yaml"], 2),
        (["--previous", "gone.json"], 2),
        (["--rules", "gone"], 2),
        (["--site", "other.webex.com"], 3),
        (["--now", "soon"], 2),
    ],
)
def test_the_exit_code_tells_how_it_went(check: Check, arguments: list[str], code: int) -> None:
    done = check(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("age", ["new", "old"])
def test_a_cited_page_in_place_of_another_is_refused(check: Check, age: str) -> None:
    archive = Archive(check.folder / "archive")
    if age == "old":
        older(archive)
    cited, other = archive.scan("attendees").collect()["page"][0], sealed(b'{"items":[{},{}]}')
    assert check("--format", "json=audit.json").returncode == 1
    (archive.path / "evidence" / "pages" / page_name(cited)).write_bytes(other)
    done = check("--format", "json=audit.json")
    assert done.returncode == 2
    assert f"page sha256:{cited} was changed: it holds sha256:" in done.stderr


def older(archive: Archive) -> None:
    """The archive as it was before entries told seals."""
    lines, head = [], GENESIS
    for place, line in enumerate((archive.path / "evidence" / "manifest.jsonl").read_bytes().splitlines()):
        fields = json.loads(line)
        fields.pop("hash")
        fields.pop("seal", None)
        text, link = chained(fields, place, head)
        head = link.hash
        lines.append(text + b"\n")
    (archive.path / "evidence" / "manifest.jsonl").write_bytes(b"".join(lines))
    rebuild(archive.path, now=lambda: COLLECTED)


def test_without_an_archive_it_says_so(auditor: Run, tmp_path: Path) -> None:
    done = auditor("check", "--archive", tmp_path / "gone")
    assert done.returncode == 2
    assert "is no archive" in done.stderr


def test_a_finding_names_its_record_and_the_record_is_what_webex_sent(check: Check) -> None:
    audit = check.audit()
    (finding,) = audit["findings"]
    assert finding["subject"] == "eve@example.org"
    (cited,) = audit["cited"]
    assert {key: cited[key] for key in ("page", "item")} == finding["records"][0]
    assert json.loads(cited["raw"]) == EVE
    assert cited["request"] == f"GET meetingReports/attendees?siteUrl={SITE}"


def test_an_unknown_rule_is_answered_by_the_nearest(check: Check) -> None:
    assert "unknown rule 'TST-01'; did you mean 'TST-001'?" in check("--only", "TST-01").stderr


def test_mistakes_of_options_and_rules_are_all_told(check: Check) -> None:
    done = check("--set", "TST-001.titel=x", "--set", "TST-001.title=")
    assert "unknown parameter 'titel'" in done.stderr


def test_a_value_of_the_configuration_is_shown_where_it_stands(check: Check) -> None:
    done = check(config="params: {uninvited: {title: 3}}\n")
    assert done.returncode == 2
    assert "auditor.yaml:1:29: expected text, got integer" in done.stderr


def test_the_command_line_outweighs_the_configuration(check: Check) -> None:
    settings = "params: {TST-001: {title: Nobody}}\nfail_on: never\n"
    assert check(config=settings).returncode == 0
    assert check("--set", "TST-001.title=Board", "--fail-on", "high", config=settings).returncode == 1


@pytest.mark.parametrize(
    "line", ["rules: {exclude: [TST-0011]}", "params: {TST-0011: {x: 1}}", "severity: {TST-0011: low}"]
)
def test_an_unknown_rule_in_the_configuration_is_shown_where_it_stands(check: Check, line: str) -> None:
    done = check(config=f"{line}\n")
    assert done.returncode == 2
    assert (
        f"auditor.yaml:1:{line.index('TST-0011') + 1}: unknown rule 'TST-0011'; did you mean 'TST-001'?" in done.stderr
    )


def test_an_unknown_rule_hides_no_other_mistake_of_the_configuration(check: Check) -> None:
    done = check(config="rules: {exclude: [NON-001]}\nparams: {NON-002: {x: 1}, TST-001: {title: 3, titel: x}}\n")
    assert done.returncode == 2
    assert [line.rpartition("/")[2] for line in done.stderr.splitlines()] == [
        "auditor.yaml:1:19: unknown rule 'NON-001'",
        "auditor.yaml:2:10: unknown rule 'NON-002'",
        "auditor.yaml:2:44: expected text, got integer",
        "auditor.yaml:2:54: unknown parameter 'titel' of TST-001; did you mean 'title'?",
    ]


def test_the_configured_severity_is_that_of_the_findings(check: Check) -> None:
    audit = check.audit(config="severity: {TST-001: low}\n")
    assert audit["findings"][0]["severity"] == "low"
    assert audit["summary"]["by_severity"]["low"] == 1


def test_a_bundled_rule_needs_the_least_status_and_a_rule_of_ones_own_does_not(check: Check) -> None:
    rule_file(check.folder, status="experimental")
    assert check().returncode == 1
    rule_file(check.folder, status="disabled")
    assert check("--only", "TST-001").returncode == 2


def test_a_deprecated_rule_runs_only_when_named(check: Check) -> None:
    path = rule_file(check.folder, status="deprecated")
    path.write_text(path.read_text().replace("severity: high", "replaced_by: TST-001\nseverity: high"))
    assert check().returncode == 2
    assert check("--only", "TST-001").returncode == 1


def test_rules_that_did_not_run_are_listed_with_the_reason(check: Check) -> None:
    extra = "---\n" + rule_file(check.folder).read_text().replace("TST-001", "TST-003").replace("uninvited", "other")
    rule_file(check.folder, extra=extra)
    audit = check.audit("--exclude", "TST-003")
    assert audit["rules_not_run"] == [{"id": "TST-003", "status": "stable", "why": "excluded by --exclude"}]


def test_a_gap_in_a_table_that_was_read_is_exit_three_and_files_are_written(check: Check, tmp_path: Path) -> None:
    small_archive(tmp_path / "gappy", gaps=[gap()])
    done = check("--archive", tmp_path / "gappy", "--format", "json=a.json,sarif=a.sarif,junit=a.xml")
    assert done.returncode == 3
    assert (tmp_path / "a.sarif").exists()
    assert json.loads((tmp_path / "a.json").read_text())["coverage"]["complete"] is False


@pytest.mark.parametrize(
    "change",
    [{"window": Window.period("2026-08-20")}, {"table": "devices"}, {"reason": GapReason.TOO_FRESH}],
)
def test_a_gap_that_does_not_touch_what_was_read_is_no_exit_three(
    check: Check, tmp_path: Path, change: dict[str, Any]
) -> None:
    small_archive(tmp_path / "gappy", gaps=[gap(**change)])
    assert check("--archive", tmp_path / "gappy").returncode == 1


def test_an_archive_that_holds_nothing_is_incomplete(check: Check, tmp_path: Path) -> None:
    Archive.create(tmp_path / "empty")
    audit = check.audit("--archive", tmp_path / "empty")
    assert [one["reason"] for one in audit["coverage"]["gaps"]] == ["not-collected"]
    assert audit["rules"][0]["verdict"] == "not_evaluated"


def test_python_rules_are_refused_unless_the_operator_allows_them(check: Check) -> None:
    rule_file(check.folder, extra=CRASH)
    done = check()
    assert done.returncode == 2
    assert "allow_python_rules" in done.stderr


def test_a_rule_that_crashes_is_named_and_the_others_are_judged(check: Check) -> None:
    rule_file(check.folder, extra=CRASH)
    audit = check.audit(config="allow_python_rules: true\n")
    assert [(rule["id"], rule["verdict"]) for rule in audit["rules"]] == [
        ("TST-001", "fail"),
        ("TST-002", "not_evaluated"),
    ]
    done = check(config="allow_python_rules: true\n")
    assert done.returncode == 3
    assert "rule TST-002 crashed" in done.stderr


def test_a_waived_finding_stays_and_does_not_fail(check: Check) -> None:
    (check.folder / "waivers.yaml").write_text(WAIVER)
    done = check("--waivers", "waivers.yaml", "--format", "json=audit.json")
    assert done.returncode == 0
    assert "fail (all waived)" in done.stderr
    audit = json.loads((check.folder / "audit.json").read_text())
    assert audit["findings"][0]["waiver"] == "W-1"
    assert (audit["rules"][0]["verdict"], audit["rules"][0]["waived"]) == ("fail", 1)
    assert audit["summary"]["open"] == 0
    assert [one["state"] for one in audit["waivers"]] == ["expiring"]


def test_a_waiver_may_match_what_stands_beside_the_evidence(check: Check) -> None:
    (check.folder / "waivers.yaml").write_text(WAIVER.replace("email: eve@example.org", "display_name: [Bob, Eve]"))
    assert check("--waivers", "waivers.yaml").returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("uninvited", "uninvitd", "2:21: unknown rule 'uninvitd'; did you mean 'uninvited'?"),
        ("email:", "emial:", "2:40: 'emial' is not visible in the finding of TST-001; did you mean 'email'?"),
    ],
)
def test_a_waiver_of_the_unknown_is_exit_two(check: Check, old: str, new: str, message: str) -> None:
    (check.folder / "waivers.yaml").write_text(WAIVER.replace(old, new))
    done = check("--waivers", "waivers.yaml")
    assert done.returncode == 2
    assert message in done.stderr


def test_an_expired_waiver_accepts_nothing(check: Check) -> None:
    (check.folder / "waivers.yaml").write_text(WAIVER)
    assert check("--waivers", "waivers.yaml", "--now", "2026-10-07T00:00Z").returncode == 1


def test_the_next_audit_tells_what_is_new(check: Check, tmp_path: Path) -> None:
    check.audit()
    (tmp_path / "audit.json").rename(tmp_path / "first.json")
    small_archive(tmp_path / "later", [HOST, EVE, MALLORY])
    audit = check.audit("--archive", tmp_path / "later", "--previous", "first.json")
    assert {one["subject"]: one["state"] for one in audit["findings"]} == {
        "eve@example.org": "unchanged",
        "mallory@example.org": "new",
    }
    same = check("--previous", "first.json", "--new-only")
    assert same.returncode == 0
    assert check("--archive", tmp_path / "later", "--previous", "first.json", "--new-only").returncode == 1


def test_new_findings_of_a_rule_that_was_cut_off_before_are_said_to_be_that(check: Check, tmp_path: Path) -> None:
    small_archive(tmp_path / "both", [HOST, EVE, MALLORY])
    rules = tmp_path / "rules.yaml"
    whole = rules.read_text()
    rules.write_text(whole.replace("fingerprint: [meeting_id, email]", "fingerprint: [meeting_id, email]\n  limit: 1"))
    cut = check.audit("--archive", tmp_path / "both")
    assert (cut["rules"][0]["truncated"], cut["notes"]) == (1, [])
    (tmp_path / "audit.json").rename(tmp_path / "first.json")
    rules.write_text(whole)
    audit = check.audit("--archive", tmp_path / "both", "--previous", "first.json")
    assert [one["state"] for one in audit["findings"]] == ["unchanged", "new"]
    assert audit["notes"] == [
        "the previous audit lists only a part of the findings of TST-001: what lay beyond the limit there is called new"
    ]


def test_a_finding_that_is_gone_is_resolved_and_reopened_when_it_returns(check: Check, tmp_path: Path) -> None:
    check.audit()
    (tmp_path / "audit.json").rename(tmp_path / "first.json")
    small_archive(tmp_path / "mended", [HOST, {**EVE, "invited": True}])
    audit = check.audit("--archive", tmp_path / "mended", "--previous", "first.json")
    assert [one["subject"] for one in audit["resolved"]] == ["eve@example.org"]
    (tmp_path / "audit.json").rename(tmp_path / "second.json")
    assert check.audit("--previous", "second.json")["findings"][0]["state"] == "reopened"


def test_attestations_speak_for_controls_people_judge(check: Check) -> None:
    (check.folder / "auditor.yaml").write_text("waivers: waivers.yaml\n")
    (check.folder / "waivers.yaml").write_text(
        "attestations:\n  - {framework: soc2, control: CC1.1, verdict: pass, by: ciso@example.com, date: 2026-01-01,"
        " expires: 2026-12-31}\n"
    )
    audit = check.audit()
    (soc2,) = [framework for framework in audit["frameworks"] if framework["id"] == "soc2"]
    verdicts = {control["id"]: control["verdict"] for control in soc2["controls"]}
    assert (verdicts["CC1.1"], verdicts["CC6.1"], verdicts["CC1.2"]) == ("attested", "fail", "not_evaluated")


def test_results_go_to_stdout_and_words_to_stderr(check: Check) -> None:
    done = check("--format", "sarif=-")
    assert json.loads(done.stdout)["version"] == "2.1.0"
    assert "1 finding" in done.stderr


def test_results_need_no_folder_of_temporary_files(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert check("--format", "json=a.json").returncode == 1
    assert check("--format", "json=-").stdout == Path("a.json").read_text(encoding="utf-8")


def test_quiet_says_nothing(check: Check) -> None:
    done = check(before=("-q",))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_quiet_says_what_makes_the_audit_incomplete(check: Check, tmp_path: Path) -> None:
    small_archive(tmp_path / "gappy", gaps=[gap()])
    done = check("--archive", tmp_path / "gappy", before=("-q",))
    assert (done.returncode, done.stdout) == (3, "")
    told, total = done.stderr.splitlines()
    assert told.startswith(f"gap in attendees of {SITE}, ")
    assert total == "the audit is incomplete: 1 shortfall in what the rules read"


def test_quiet_says_which_rule_crashed(check: Check) -> None:
    rule_file(check.folder, extra=CRASH)
    done = check(before=("-q",), config="allow_python_rules: true\n")
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 2)
    assert done.stderr.startswith("rule TST-002 crashed: ")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ofice_networks", ["'ofice_networks' of the configuration; did you mean 'office_networks'?"]),
        ("suppliers", ["'suppliers' of the configuration"]),
        ("trusted_domains", []),
        ("internal_domains", []),
    ],
)
def test_a_list_no_rule_asks_for_is_noted(check: Check, name: str, told: list[str]) -> None:
    config = f"lists:\n  {name}: [example.com]\n"
    told = [f"no rule asks for the list {one}" for one in told]
    assert check.audit(config=config)["notes"] == told
    assert [line for line in check(config=config).stderr.splitlines() if line.startswith("note")] == [
        f"note: {one}" for one in told
    ]


def test_a_list_a_rule_of_ones_own_asks_for_is_not_noted(check: Check) -> None:
    rules = check.folder / "rules.yaml"
    rules.write_text(rules.read_text().replace('where: "', 'where: "not (email in list.suppliers) and '))
    assert check.audit(config="lists: {suppliers: [a@example.com]}\n")["notes"] == []


def test_a_build_gets_annotations_of_open_findings(check: Check) -> None:
    done = check(env={"CI": "true"})
    (line,) = done.stdout.splitlines()
    assert line.startswith("::error file=rules.yaml,line=2,title=TST-001 Meetings are attended")
    assert line.endswith("::eve@example.org was not invited to Board Q3")


def test_annotations_leave_a_format_on_stdout_alone(check: Check) -> None:
    done = check("--format", "json=-", env={"GITHUB_ACTIONS": "true"})
    assert json.loads(done.stdout)["summary"]["open"] == 1
    assert "::error file=" in done.stderr


def test_findings_that_a_limit_keeps_off_the_list_are_annotated_by_their_number(check: Check, tmp_path: Path) -> None:
    small_archive(tmp_path / "more", [EVE, {**EVE, "email": "mallory@example.org"}])
    rules = check.folder / "rules.yaml"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text.replace("finding: {", "finding: {limit: 1, ").replace("finding:\n", "finding:\n  limit: 1\n"))
    lines = check("--archive", tmp_path / "more", env={"CI": "true"}).stdout.splitlines()
    assert len(lines) == 2
    assert lines[1] == "::notice title=auditor::… and 1 more open finding"


def test_waived_findings_are_no_annotations(check: Check) -> None:
    (check.folder / "waivers.yaml").write_text(WAIVER)
    assert check("--waivers", "waivers.yaml", env={"CI": "1"}).stdout == ""


def test_hostile_names_can_neither_steer_the_terminal_nor_the_build(check: Check, tmp_path: Path) -> None:
    name = "::error::x\n::set-output name=a::b\x1b[31m%0A"
    small_archive(tmp_path / "hostile", [{**EVE, "email": None, "meetingTitle": f"Board {name}"}])
    done = check("--archive", tmp_path / "hostile", env={"CI": "1"})
    assert "\x1b" not in done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert not any(line.startswith("::") for line in done.stderr.splitlines())


def test_the_window_is_all_the_archive_holds_unless_named(check: Check) -> None:
    assert check.audit()["audit"]["window"] == {
        "from": "2026-09-01T00:00:00.000000Z",
        "to": "2026-10-01T00:00:00.000000Z",
    }
    assert SEPTEMBER.length.days == 30


def test_source_date_epoch_stands_for_now(auditor: Run, check: Check) -> None:
    own = ("--archive", check.folder / "archive", "--rules", check.folder / "rules.yaml", "--no-bundled-rules")
    done = auditor("check", *own, "--format", "json=-", env={"SOURCE_DATE_EPOCH": "1791262800"})
    assert json.loads(done.stdout)["audit"]["evaluated_at"] == "2026-10-06T05:00:00.000000Z"


MACHINE = ("json", "csv", "ndjson", "parquet", "sarif", "junit", "ocsf", "oscal")


def test_two_runs_write_the_same_bytes_in_every_machine_format(auditor: Run, check: Check, tmp_path: Path) -> None:
    own = ("--archive", tmp_path / "archive", "--no-bundled-rules", "--rules", "rules.yaml", "--now", NOW)
    for turn, zone, seed in (("one", "Asia/Tokyo", "0"), ("two", "America/Lima", "1")):
        (tmp_path / turn).mkdir()
        formats = ",".join(f"{name}={turn}/{name}" for name in MACHINE)
        done = auditor("check", *own, "--format", formats, env={"TZ": zone, "PYTHONHASHSEED": seed})
        assert done.returncode == 1, done.stderr
    for name in MACHINE:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_the_id_of_an_audit_follows_everything_that_decides_it(check: Check) -> None:
    first = check.audit()["audit"]["id"]
    assert check.audit()["audit"]["id"] == first
    others = {
        check.audit("--now", "2026-10-06T07:00Z")["audit"]["id"],
        check.audit("--set", "TST-001.title=Boar")["audit"]["id"],
        check.audit("--period", "2026-09-14")["audit"]["id"],
        check.audit(config="report: {title: Another}\n")["audit"]["id"],
    }
    assert len(others | {first}) == 5


def test_words_are_json_lines_when_asked_for(check: Check) -> None:
    done = check(before=("--log-format", "json"))
    words = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert words[0] == "TST-001 fail: 1 open, 0 waived"
    assert "1 finding: 1 open (0 critical, 1 high, 0 medium, 0 low, 0 info), 0 waived" in words


def test_ci_that_is_false_gets_no_annotations(check: Check) -> None:
    assert check(env={"CI": "false"}).stdout == ""


def test_many_gaps_are_counted(check: Check, tmp_path: Path) -> None:
    days = [gap(window=Window.period(f"2026-09-{day:02d}")) for day in range(1, 26)]
    small_archive(tmp_path / "gappy", gaps=days)
    assert "gap: … and 5 more" in check("--archive", tmp_path / "gappy").stderr


def test_a_gap_of_no_site_names_none(check: Check, tmp_path: Path) -> None:
    Archive.create(tmp_path / "empty")
    words = check("--archive", tmp_path / "empty").stderr
    assert "gap: attendees, 20" in words
    assert " of ," not in words


def test_a_format_that_cannot_be_written_says_so(check: Check) -> None:
    done = check("--format", "json=gone/a.json")
    assert done.returncode == 2
    assert "gone/a.json: cannot be written" in done.stderr


def test_where_nobody_can_write_is_told_before_anything_is_written(check: Check, tmp_path: Path) -> None:
    done = check("--format", "json=a.json", "--format", "csv=gone/a.csv")
    assert done.returncode == 2
    assert "gone/a.csv: cannot be written: no such file or directory" in done.stderr
    assert not list(tmp_path.rglob("a.json"))


def test_the_plan_is_told_and_nothing_is_judged(check: Check) -> None:
    done = check("--explain-plan")
    assert done.returncode == 0
    assert "1 of 1 rules can be judged" in done.stdout
    assert "  TST-001 row by row" in done.stdout
    assert "finding" not in done.stderr


def test_the_plan_says_why_a_rule_is_left_out(check: Check) -> None:
    path = check.folder / "rules.yaml"
    path.write_text(path.read_text().replace("not invited", "email in list.nowhere"))
    done = check("--explain-plan")
    assert "0 of 1 rules can be judged" in done.stdout
    assert "TST-001 left out: list 'nowhere' is not configured" in done.stdout


def test_the_cost_of_every_step_is_told_on_request(check: Check) -> None:
    done = check("--profile")
    assert "CPU s" in done.stderr
    assert "conditions of 1 rule on attendees" in done.stderr
    assert "most memory" in done.stderr
    assert "CPU s" not in done.stdout


@pytest.mark.parametrize(
    ("joined", "left"),
    [("2026-09-02T09:00:00Z", "9999-12-31T23:59:59Z"), ("0001-01-01T00:00:00Z", "2026-09-02T09:00:00Z")],
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Auckland"])
def test_a_record_far_from_all_others_stops_no_report(check: Check, joined: str, left: str, zone: str) -> None:
    record = {**EVE, "meetingId": "far", "joinedTime": joined, "leftTime": left}
    (check.folder / "far.json").write_text(json.dumps({"items": [record]}))
    saved = ["import", "--archive", str(check.folder / "archive"), "--site", SITE, "--as", "attendees", "far.json"]
    assert CliRunner().invoke(_root, saved, standalone_mode=False).return_value == 0
    done = check("--format", "html=far.html", "--timezone", zone)
    assert done.returncode in {0, 1, 3}, done.stderr
    assert "per century" in (check.folder / "far.html").read_text()


BUNDLED = Path(__file__).parents[2] / "rules" / "EVD"
AUTUMN = ("--from", "2026-09-01", "--to", "2026-12-01", "--now", "2027-01-01T00:00Z")


def test_a_finding_about_a_collection_rests_on_the_first_record_of_its_first_page(check: Check) -> None:
    audit = check.audit("--rules", BUNDLED / "EVD-006-collection-too-rare.yaml", "--only", "EVD-006", *AUTUMN)
    assert [finding["subject"] for finding in audit["findings"]] == [
        f"{SITE} {endpoint}" for endpoint in ("attendees", "participants", "usage")
    ]
    raw = {(cited["page"], cited["item"]): cited["raw"] for cited in audit["cited"]}
    (attendees,), *others = ([(at["page"], at["item"]) for at in one["records"]] for one in audit["findings"])
    assert json.loads(raw[attendees]) == HOST
    assert [raw[record] for records in others for record in records] == ["null", "null"]


def test_a_finding_that_rests_on_a_collection_too_cites_it(check: Check) -> None:
    audit = check.audit("--rules", BUNDLED / "EVD-009-meeting-missing-in-usage.yaml", "--only", "EVD-009", *AUTUMN)
    (finding,) = audit["findings"]
    requests = {cited["page"]: cited["request"].split("?")[0] for cited in audit["cited"]}
    assert {requests[record["page"]] for record in finding["records"]} == {
        "GET meetingReports/attendees",
        "GET meetingReports/usage",
    }


INCOMPLETE = """\
schema: 1
id: TST-003
name: incomplete
title: Collections are whole
severity: low
detect: {from: collections, where: not complete}
finding: {subject: "{endpoint}", message: "{endpoint} is not whole", fingerprint: [site_url, endpoint]}
"""


def test_collections_that_brought_no_page_and_answers_that_are_no_json_stop_no_check(check: Check) -> None:
    (check.folder / "incomplete.yaml").write_text(INCOMPLETE)
    archive = Archive(check.folder / "archive")
    with Writer.open(archive.path, now=lambda: COLLECTED) as writer:
        writer.begin_run({"sites": [SITE]})
        for endpoint, bodies in (("invitees", []), ("settings", [b"<html>"])):
            pages = tuple(
                writer.add_page(Request("GET", endpoint), Response(200, COLLECTED), body).seq for body in bodies
            )
            lacking = (gap(table=endpoint, window=SEPTEMBER),)
            writer.commit_unit(Unit(endpoint, endpoint, SITE, SEPTEMBER, pages, complete=False, rows=0, gaps=lacking))
    ingest(archive)
    audit = check.audit("--rules", "incomplete.yaml", "--only", "TST-003", *AUTUMN)
    (finding,), (rule,) = audit["findings"], audit["rules"]
    assert finding["subject"] == "settings"
    assert [cited["raw"] for cited in audit["cited"]] == ["null"]
    assert (rule["verdict"], rule["population"], rule["not_evaluable"]) == ("fail", 5, 1)
