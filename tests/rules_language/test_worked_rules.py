"""The twelve worked rules of the specification load, pass their tests and fit the JSON Schema."""

import json
from pathlib import Path

import jsonschema
import pytest

from auditor.documents import plain, read
from auditor.resources import resource
from auditor.rules.authoring.embedded import run_case
from auditor.rules.authoring.json_schema import schema
from auditor.rules.language.spec import Case, Rule
from auditor.rules.language.walk import clauses
from auditor.rules.reading.load import load_rules

WORKED = Path(__file__).parent.parent / "data" / "worked_rules.yaml"
RULES = load_rules([WORKED], bundled=False).rules
CASES = [(rule, case) for rule in RULES for case in rule.cases]


def test_all_twelve_are_there() -> None:
    assert [rule.id for rule in RULES] == sorted(
        [
            *("ACC-001", "IDN-002", "ATT-003", "CHN-004", "HST-005", "IDN-006"),
            *("ATT-007", "ACC-008", "ANM-009", "EVD-010", "IDN-011", "ANM-012"),
        ]
    )


@pytest.mark.parametrize(("rule", "case"), CASES, ids=[f"{rule.id} {case.name}" for rule, case in CASES])
def test_a_worked_rule_passes_its_test(rule: Rule, case: Case) -> None:
    assert run_case(rule, case).failure is None


def test_the_clauses_its_tests_make_true_are_known() -> None:
    rule = next(rule for rule in RULES if rule.id == "HST-005")
    found = frozenset().union(*(run_case(rule, case).clauses_true for case in rule.cases))
    assert found == {clause.position for clause in clauses(rule)}


def test_needs_are_inferred() -> None:
    needs = {rule.id: rule.needs for rule in RULES}
    assert needs["EVD-010"].tables == ("participants", "attendees")
    assert needs["CHN-004"].tables == ("devices",)
    assert needs["CHN-004"].reads["meetings"] == {"title"}
    assert needs["ACC-001"].lists == ("trusted_domains",)
    assert needs["HST-005"].reads["attendees"] >= {"is_host", "email", "joined_time", "left_time", "meeting_id"}


def test_every_rule_file_fits_the_schema_an_editor_uses() -> None:
    checker = jsonschema.Draft7Validator(schema())
    files = [WORKED, *(path for path in resource("rules").rglob("*.yaml") if path.parent.name != "frameworks")]
    for path in files:
        for document in read(path.read_bytes(), path=path.name).documents:
            assert [error.message for error in checker.iter_errors(plain(document))] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"severity": "hgh"},
        {"severty": "high"},
        {"id": "acc-1"},
        {"detect": {"from": "attendee", "where": "invited"}},
        {"detect": {"from": "attendees", "were": "invited"}},
        {"detect": {"from": "attendees", "detector": {"type": "magic"}}},
        {"detect": {"from": "attendees", "where": None}},
        {"detect": {"from": "attendees", "where": "invited", "group": None}},
        {"detect": {"from": "attendees", "pairs": {"same": ["email"], "different": None}}},
        {"params": {"a": {"type": "int"}}},
        {"tests": [{"name": "a", "given": {"attendees": [{"emial": "x"}]}, "expect": 0}]},
    ],
)
def test_the_schema_finds_the_mistakes_an_editor_should_show(wrong: dict[str, object]) -> None:
    right = plain(read(WORKED.read_bytes(), path="w").documents[0])
    assert isinstance(right, dict)
    checker = jsonschema.Draft7Validator(schema())
    assert checker.is_valid(right)
    assert not checker.is_valid(right | wrong)


def test_the_schema_is_draft_seven_and_the_same_every_time() -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    assert json.dumps(schema()) == json.dumps(schema())
