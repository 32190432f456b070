"""Every shipped rule is complete and keeps what its file promises."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor.model.vocabulary import Status, Verdict
from auditor.rules.authoring.embedded import run_case, run_cases
from auditor.rules.authoring.lint import lint
from auditor.rules.language.frameworks import control_ids
from auditor.rules.reading.bind import bind
from auditor.rules.reading.frameworks import bundled
from tests.pack import bundled_rules

FOLDER = Path(__file__).parents[2] / "rules"
PACK = bundled_rules()
RULES = PACK.rules
CONDUCT = {"IDN-007", "ATT-001", "ATT-003", "ATT-006", "ANM-003", "ANM-005", "ANM-006", "ANM-009"}
STABLE = {
    "ACC-001", "ACC-002", "ACC-003", "ACC-004", "ACC-005", "ACC-008",
    "IDN-001", "IDN-002", "IDN-003", "IDN-006", "IDN-012",
    "ATT-003", "ATT-007", "ATT-010",
    "HST-002", "HST-003", "HST-005", "HST-006", "HST-007",
    "CHN-001", "CHN-002", "CHN-004", "CHN-007",
    "CLI-001",
    "BOT-001",
    "ENU-001", "ENU-002",
    "SET-004",
    "EVD-001", "EVD-002", "EVD-003", "EVD-006", "EVD-010", "EVD-011",
}  # fmt: skip

CASES = [(rule.id, case.name) for rule in RULES for case in rule.cases]

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)


@pytest.fixture(scope="module")
def results():
    """How each rule's own tests end, run once for all of them."""
    return {(result.rule_id, result.case.name): result for result in run_cases(RULES)}


@every_rule
def test_file_is_named_after_the_one_rule_it_holds(rule):
    family = rule.id.partition("-")[0]
    assert rule.position.path == f"rules/{family}/{rule.id}-{rule.name}.yaml"


@every_rule
def test_wording_is_complete(rule):
    assert all([rule.description, rule.rationale, rule.remediation, rule.false_positives, rule.tags, rule.controls])
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", rule.created)
    assert all(parameter.description for parameter in rule.params)
    assert all(one.description for one in rule.lists if one.default is not None)


@every_rule
def test_mapping_to_controls_is_marked_as_a_proposal(rule):
    assert "mapping-unconfirmed" in rule.tags


@every_rule
def test_conduct_of_single_employees_is_marked(rule):
    assert ("personal-conduct" in rule.tags) == (rule.id in CONDUCT)
    assert ("legal basis" in rule.remediation) == (rule.id in CONDUCT)


@every_rule
def test_tests_find_stay_silent_and_cannot_judge(rule):
    found = [case for case in rule.cases if case.expect]
    silent = [case for case in rule.cases if case.expect == 0]
    unknown = [case for case in rule.cases if case.verdict is Verdict.NOT_EVALUATED]
    assert found
    assert silent
    assert unknown or rule.nulls != "unknown"


@every_rule
def test_a_rule_about_internal_people_does_not_pass_before_anybody_said_who_they_are(rule):
    reads = {name for names in rule.needs.reads.values() for name in names}
    if rule.nulls == "pass" and "is_internal" in reads:
        assert bind(rule, now=datetime(2026, 1, 1, tzinfo=UTC)).missing_lists == ("internal_domains",)


@every_rule
def test_a_rule_does_not_pass_what_it_found_once_a_list_is_not_configured(rule):
    case = next(case for case in rule.cases if case.expect)
    defaults = {one.name for one in rule.lists if one.default is not None}
    for name in set(case.lists) - defaults:
        others = {other: items for other, items in case.lists.items() if other != name}
        silent = replace(case, lists=others, expect=0, not_evaluable=None, verdict=Verdict.PASS)
        assert run_case(rule, silent).failure, name


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=": ".join)
def test_embedded_test_passes(results, case):
    assert results[case].failure is None


@every_rule
def test_fingerprint_and_parameters_are_stable_things(rule):
    assert {"number", "duration"}.isdisjoint(str(kind.value) for kind in rule.finding.fingerprint_types)


def test_lint_finds_nothing(results):
    notes = lint(PACK, results=tuple(results.values()), controls=control_ids(bundled()))
    assert [str(note) for note in notes] == []


def test_stable_rules_are_those_of_the_catalogue():
    assert {rule.id for rule in RULES if rule.status is Status.STABLE} == STABLE


def test_rules_on_people_can_be_switched_off_one_by_one():
    assert {rule.id for rule in RULES} >= CONDUCT - {"ANM-003", "ANM-005", "ANM-006"}


def test_folders_hold_rules_and_frameworks_and_the_pack_made_of_them_only():
    folders = [path for path in FOLDER.iterdir() if path.is_dir()]
    assert {path.name for path in folders} == {rule.id.partition("-")[0] for rule in RULES} | {"frameworks"}
    assert {path.suffix for folder in folders for path in folder.rglob("*") if path.is_file()} == {".yaml"}
    assert [path.name for path in FOLDER.iterdir() if path.is_file()] == ["pack.jsonl"]
