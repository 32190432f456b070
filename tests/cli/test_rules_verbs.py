"""The verb `rules` as a person uses it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from auditor.cli import _root
from auditor.rules.authoring.embedded import run_cases
from auditor.rules.authoring.lint import lint
from auditor.rules.authoring.new import STAGES, new_rule
from auditor.rules.reading.load import load_rules, rules_of
from auditor.tables.schema import TABLES

Run = Callable[..., "Done"]


@dataclass
class Done:
    """What a call printed and how it ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def auditor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line in this process, in a folder of its own."""

    def run(*arguments: str | Path) -> Done:
        monkeypatch.chdir(tmp_path)
        done = CliRunner().invoke(_root, [str(part) for part in arguments], standalone_mode=False, prog_name="auditor")
        code = 2 if isinstance(done.exception, click.ClickException) else done.return_value
        assert isinstance(code, int), done.exception
        return Done(code, done.stdout, done.stderr)

    return run


GOOD = """\
schema: 1
id: TST-001
name: test-rule
title: Meetings are as they should be
severity: high
confidence: low
description: Rows of uninvited people.
remediation: "Invite them. \\e[31m"
nulls: unknown
tags: [draft]
controls: {soc2: [CC6.1]}
references: [https://example.com/why]
params:
  least: {type: duration, default: 5m, min: 1m, description: Shortest stay}
lists:
  vips: {default: [], description: People who may}
detect:
  from: attendees
  where: not invited and left_time - joined_time >= param.least and not (email in list.vips)
finding: {subject: "{email}", message: "{email} was there for {param.least} or more", fingerprint: [meeting_id, email]}
tests:
  - {name: both, expect: [{email: a@x.org}], given: {attendees: [
      {email: a@x.org, invited: false, joined_time: 2026-01-05 10:00, left_time: 2026-01-05 10:30},
      {email: b@x.org, invited: true, joined_time: 2026-01-05 10:00, left_time: 2026-01-05 10:30}]}}
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace("not invited", "not invitd").replace("severity: high", "severity: hgh"))
    return path


def test_list_shows_a_line_a_rule(auditor: Run, good: Path) -> None:
    done = auditor("rules", "list", good)
    assert done.returncode == 0
    assert "TST-001" in done.stdout
    assert "Meetings are as they should be" in done.stdout
    assert done.stderr == "1 rule\n"


def test_a_list_that_is_no_terminal_keeps_each_rule_on_its_line(auditor: Run) -> None:
    lines = auditor("rules", "list").stdout.splitlines()
    assert len(lines) == len(load_rules(tests=False).rules) + 2
    assert all(line == line.rstrip() for line in lines)


def test_a_page_that_is_no_terminal_has_no_blanks_at_the_end_of_lines(auditor: Run) -> None:
    lines = auditor("rules", "show", "ACC-001").stdout.splitlines()
    assert len(lines) > 40
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("given", ["ACC-001.markers=x", "gone.min_overlap=5m"])
def test_show_takes_parameters_of_the_rule_it_shows_only(auditor: Run, given: str) -> None:
    done = auditor("rules", "show", "IDN-002", "--set", given)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"--set {given}: this is no parameter of IDN-002, the rule shown\n"


def test_list_gives_json_to_programs(auditor: Run, good: Path) -> None:
    done = auditor("rules", "list", "--format", "json", good)
    (found,) = json.loads(done.stdout)
    assert found["id"] == "TST-001"
    assert found["lists"] == ["vips"]
    assert found["parameters"] == ["least"]
    assert found["controls"] == {"soc2": ["CC6.1"]}
    assert found["line"] == 2
    assert len(found["digest"]) == len("sha256:") + 64


@pytest.mark.slow
def test_without_a_path_the_bundled_rules_are_meant(auditor: Run) -> None:
    done = auditor("rules", "list", "--format", "json")
    ids = [rule["id"] for rule in json.loads(done.stdout)]
    assert "ACC-001" in ids
    assert ids == sorted(ids)
    assert all(rule["path"].startswith("rules/") for rule in json.loads(done.stdout))


def test_only_some_rules_can_be_asked_for(auditor: Run) -> None:
    done = auditor("rules", "list", "--format", "json", "--only", "ACC-001,short-attendance")
    assert [rule["id"] for rule in json.loads(done.stdout)] == ["ACC-001", "ATT-003"]
    done = auditor("rules", "list", "--only", "ACC-0001")
    assert done.returncode == 2
    assert done.stderr == "unknown rule 'ACC-0001'; did you mean 'ACC-001'?\n"


def test_show_prints_all_a_rule_says_and_no_control_character(auditor: Run, good: Path) -> None:
    done = auditor("rules", "show", "test-rule", good)
    assert done.returncode == 0
    for words in (
        "TST-001",
        "high severity",
        "Rows of uninvited people.",
        "5m",
        "Shortest stay",
        "list.vips",
        "not invited",
    ):
        assert words in done.stdout
    assert "\x1b" not in done.stdout


def test_show_effective_tells_where_a_value_came_from(auditor: Run, good: Path, tmp_path: Path) -> None:
    (tmp_path / "auditor.yaml").write_text("params: {TST-001: {least: 7m}}\n")
    done = auditor("rules", "show", "TST-001", good, "--effective")
    assert "7m" in done.stdout
    assert "config" in done.stdout
    done = auditor("rules", "show", "TST-001", good, "--set", "test-rule.least=9m")
    assert "9m" in done.stdout
    assert "command line" in done.stdout
    done = auditor("rules", "show", "TST-001", good, "--set", "TST-001.least=ten")
    assert done.returncode == 2
    assert done.stderr == "--set TST-001.least=ten: expected duration, got text; write 90s or 1h30m\n"


@pytest.mark.parametrize("verb", ["list", "lint", "test", "docs", "show"])
def test_a_file_that_does_not_load_is_two_in_every_verb(verb: str, auditor: Run, bad: Path) -> None:
    further = {"docs": ["--out", "site"], "show": ["TST-001"]}.get(verb, [])
    done = auditor("rules", verb, *further, "bad.yaml")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "bad.yaml:5:11: severity must be one of critical, high, medium, low, info",
        "bad.yaml:19:14: unknown column 'invitd'; did you mean 'invited'?",
    ]


def test_verbose_errors_show_the_line_and_a_caret(auditor: Run, bad: Path) -> None:
    done = auditor("-v", "rules", "list", "bad.yaml")
    lines = done.stderr.splitlines()
    assert lines[4].startswith("    where: not invitd")
    assert lines[5].index("^") - 2 == 13


def test_at_most_twenty_mistakes_of_a_file_are_printed(auditor: Run, tmp_path: Path) -> None:
    (tmp_path / "many.yaml").write_text(GOOD + "".join(f"k{number}: 1\n" for number in range(30)))
    done = auditor("rules", "list", "many.yaml")
    assert len(done.stderr.splitlines()) == 21
    assert done.stderr.splitlines()[-1] == "many.yaml: … and 10 more"


def test_lint_is_silent_about_a_good_rule(auditor: Run, good: Path) -> None:
    done = auditor("rules", "lint", "--strict", good)
    assert (done.returncode, done.stdout) == (0, "")


def test_lint_prints_notes_and_leaves_with_one_for_errors(auditor: Run, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(
        GOOD.replace("CC6.1", "CC6.99").replace("{email} was there for {param.least} or more", "x")
    )
    done = auditor("rules", "lint", "r.yaml")
    assert done.returncode == 1
    assert done.stdout.startswith("r.yaml:11:19: L12 unknown control 'CC6.99' in soc2")
    found = json.loads(auditor("rules", "lint", "--format", "json", "r.yaml").stdout)
    assert found[0]["code"] == "L12"
    assert (found[0]["path"], found[0]["line"], found[0]["level"]) == ("r.yaml", 11, "error")


def test_warnings_fail_only_when_strict(auditor: Run, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(GOOD.replace("references: [https://example.com/why]", "references: [wiki]"))
    assert auditor("rules", "lint", "r.yaml").returncode == 0
    done = auditor("rules", "lint", "--strict", "r.yaml")
    assert done.returncode == 1
    assert done.stdout == "r.yaml:12:14: L16 'wiki' is not a URL\n"


def test_lint_speaks_of_the_rules_that_load_beside_those_that_do_not(auditor: Run, good: Path, tmp_path: Path) -> None:
    good.write_text(GOOD.replace("https://example.com/why", "wiki"))
    (tmp_path / "other.yaml").write_text("schema: 3\n")
    done = auditor("rules", "lint", "good.yaml", "other.yaml")
    assert done.returncode == 2
    assert "L16" in done.stdout
    assert "other.yaml:1:9: schema 3 is not known" in done.stderr


def test_tests_of_rules_are_run_and_counted(auditor: Run, good: Path) -> None:
    done = auditor("rules", "test", good)
    assert (done.returncode, done.stdout) == (0, "1 test of 1 rule: 1 passed, 0 failed\n")


def test_a_failing_test_is_named_at_its_place(auditor: Run, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(GOOD.replace("[{email: a@x.org}]", "0"))
    done = auditor("rules", "test", "r.yaml")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "r.yaml:22:5: TST-001 test 'both' expected 0 findings, got 1"


def test_coverage_names_clauses_that_were_never_true(auditor: Run, tmp_path: Path) -> None:
    text = GOOD.replace("where: not invited and", "where: {any: [is_host, not invited]}\n#")
    text = text.replace("params:", "false_positives: []\nparams:").replace(" for {param.least} or more", "")
    (tmp_path / "r.yaml").write_text(text)
    done = auditor("rules", "test", "--coverage", "r.yaml")
    assert "r.yaml:20:17: TST-001 never true: is_host" in done.stdout
    assert "1 of 2 clauses were true in a test" in done.stdout


def test_the_schema_is_json(auditor: Run) -> None:
    done = auditor("rules", "schema")
    assert json.loads(done.stdout)["properties"]["severity"]["enum"][0] == "critical"


def test_python_rules_need_the_operator(auditor: Run, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(GOOD.replace("  where: not", "  python: my.module:find\n  where: not"))
    done = auditor("rules", "list", "r.yaml")
    assert done.stderr == "r.yaml:19:11: python rules are not allowed here; the operator sets allow_python_rules\n"
    (tmp_path / "auditor.yaml").write_text("allow_python_rules: true\n")
    assert auditor("rules", "list", "r.yaml").returncode == 0


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("table", TABLES)
def test_a_new_rule_loads_is_clean_and_passes(table: str, stage: str) -> None:
    try:
        text = new_rule("TST-001", "test-rule", table=table, stage=stage)
    except ValueError:
        assert stage == "match" or (stage, table) == ("pairs", "collections")
        return
    rules = rules_of(text.encode(), path="r.yaml")
    results = run_cases(rules.rules)
    assert [result.failure for result in results] == [None]
    assert lint(rules, results=results) == ()


def test_new_writes_a_file_and_never_over_another(auditor: Run, tmp_path: Path) -> None:
    done = auditor("rules", "new", "TST-009", "late-arrival", "--form", "group", "--out", "late.yaml")
    assert done.returncode == 0
    assert auditor("rules", "lint", "--strict", "late.yaml").returncode == 0
    done = auditor("rules", "new", "TST-009", "late-arrival", "--out", "late.yaml")
    assert (done.returncode, done.stderr) == (2, "late.yaml: is there already\n")
    done = auditor("rules", "new", "TST-010", "late-exit", "--out", "late.txt")
    assert (done.returncode, (tmp_path / "late.txt").exists()) == (2, False)
    assert done.stderr == "late.txt: a rule file ends in .yaml or .yml\n"
    assert auditor("rules", "new", "tst", "late-arrival").returncode == 2
    assert auditor("rules", "new", "TST-001", "late-arrival", "--from", "nothing").returncode == 2
    assert auditor("rules", "new", "TST-001", "late-arrival").stdout.startswith("# yaml-language-server")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ACC-001", "late-arrival"), "'ACC-001' is already the id of ACC-001 uninvited-in-confidential"),
        (("OWN-001", "uninvited-in-confidential"), "is already the name of ACC-001 uninvited-in-confidential"),
        (("TST-001", "late-arrival"), "'TST-001' is already the id of TST-001 "),
    ],
)
def test_new_takes_no_id_and_no_name_that_a_rule_has(
    auditor: Run, good: Path, tmp_path: Path, words: tuple[str, str], told: str
) -> None:
    (tmp_path / "auditor.yaml").write_text(f"rules: {{paths: [{good.name}]}}\n", encoding="utf-8")
    done = auditor("rules", "new", *words, "--out", "late.yaml")
    assert (done.returncode, (tmp_path / "late.yaml").exists()) == (2, False)
    assert told in done.stderr
    assert "never" in done.stderr


def test_docs_are_a_page_a_rule_with_its_examples_and_nothing_of_it_runs(
    auditor: Run, good: Path, tmp_path: Path
) -> None:
    good.write_text(GOOD.replace("Rows of uninvited people.", "<script>alert(1)</script>"))
    done = auditor("rules", "docs", "good.yaml", "--out", "site")
    assert done.returncode == 0
    assert sorted(path.name for path in (tmp_path / "site").iterdir()) == ["TST-001.html", "index.html", "rules.css"]
    page = (tmp_path / "site/TST-001.html").read_text()
    assert "<script>" not in page
    for words in ("Meetings are as they should be", "Shortest stay", "a@x.org", "Gives 1 finding.", "soc2: CC6.1"):
        assert words in page
    assert 'href="TST-001.html"' in (tmp_path / "site/index.html").read_text()
