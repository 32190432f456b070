"""The worked rules of the language's specification, run through the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.rules.authoring.embedded import run_case
from auditor.rules.language.spec import Case, Rule
from auditor.rules.language.walk import clauses
from auditor.rules.reading.load import load_rules

WORKED = Path(__file__).parents[1] / "data" / "rules" / "worked.yaml"
RULES = load_rules([WORKED], bundled=False).rules
CASES = [(rule, case) for rule in RULES for case in rule.cases]


@pytest.mark.parametrize(("rule", "case"), CASES, ids=[f"{rule.id}: {case.name}" for rule, case in CASES])
def test_a_worked_rule_passes_its_own_test(rule: Rule, case: Case) -> None:
    assert run_case(rule, case).failure is None


def test_the_clauses_its_tests_make_true_are_known() -> None:
    rule = next(rule for rule in RULES if rule.id == "HST-005")
    found = frozenset().union(*(run_case(rule, case).clauses_true for case in rule.cases))
    assert found == {clause.position for clause in clauses(rule)}
