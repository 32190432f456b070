"""The guide to the rule language: its examples run, and it names everything the language has."""

import re
from pathlib import Path

import pytest

from auditor.rules.authoring.embedded import run_cases
from auditor.rules.authoring.lint import lint
from auditor.rules.authoring.lint_notes import LEVELS
from auditor.rules.language.functions import FUNCTIONS
from auditor.rules.language.templates import SPECS
from auditor.rules.language.values import PARAMETER_TYPES
from auditor.rules.reading.detector_forms import DETECTORS, SUPPRESSIONS
from auditor.rules.reading.forms import (
    BaselineForm,
    CaseForm,
    DetectForm,
    FindingForm,
    GroupForm,
    MatchForm,
    PairsForm,
    RuleForm,
    SequenceForm,
    WindowForm,
)
from auditor.rules.reading.load import rules_of
from auditor.tables.facts import FACTS
from auditor.tables.schema import LINEAGE, TABLES

GUIDE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
WORDS = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", GUIDE))


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: re.search(r"name: (\S+)", text)[1])
def test_an_example_loads_passes_its_tests_and_is_clean(text: str) -> None:
    rules = rules_of(text.encode(), path="rules.md")
    results = run_cases(rules.rules)
    assert [result.failure for result in results] == [None] * len(results)
    assert results
    told = [str(note) for note in lint(rules, results=results)]
    assert [note for note in told if " L01 " not in note and " L06 " not in note] == []


def test_every_form_has_an_example() -> None:
    forms = [form for form in ("group", "pairs", "match", "sequence", "baseline") if f"  {form}:" in "".join(EXAMPLES)]
    assert len(forms) == 5
    assert len(EXAMPLES) >= 9


@pytest.mark.parametrize(
    "form",
    [
        RuleForm,
        DetectForm,
        GroupForm,
        WindowForm,
        PairsForm,
        MatchForm,
        SequenceForm,
        BaselineForm,
        FindingForm,
        CaseForm,
    ],
)
def test_every_key_is_explained(form: type[RuleForm]) -> None:
    assert {field.alias or name for name, field in form.model_fields.items()} <= WORDS


def test_every_function_type_and_form_of_a_value_is_explained() -> None:
    assert {f"`{name}(" in GUIDE for name in FUNCTIONS} == {True}
    assert set(PARAMETER_TYPES) <= WORDS
    assert all(
        f"`{spec}`" in GUIDE for specs in SPECS.values() for spec in specs if not re.fullmatch(r"\.[1-5]f", spec)
    )


def test_every_table_column_and_fact_is_named() -> None:
    for table, spec in TABLES.items():
        row = next(line for line in GUIDE.splitlines() if line.startswith(f"| `{table}` |"))
        assert [name for name in spec.schema if name not in LINEAGE] == row.split("|")[4].strip().split(", ")
    facts = {name for names in FACTS.values() for name in names if not name.startswith("meeting.")}
    assert facts <= WORDS


def test_every_check_of_lint_has_its_line_and_level() -> None:
    rows = re.findall(r"^\| (L\d\d) \| (\w+) \|", GUIDE, re.MULTILINE)
    assert dict(rows) == dict(LEVELS)


def test_every_detector_setting_and_yield_is_named() -> None:
    for name, form in DETECTORS.items():
        assert f"| `{name}` |" in GUIDE
        assert {*form.settings, *form.yields} <= WORDS
    assert set(SUPPRESSIONS) <= WORDS


def test_links_within_the_page_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", GUIDE, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]*)\)", GUIDE)) <= headings
