# ruff: noqa: E501 - a rule reads best as its author writes it
"""Everything a rule file says arrives in the rule, and from there on the page of its documentation."""

import re
from datetime import UTC, datetime, timedelta

import jsonschema
import pytest

from auditor.documents import plain
from auditor.model.vocabulary import Confidence, Severity, Status, Verdict
from auditor.model.window import Window
from auditor.rules.authoring.embedded import run_cases
from auditor.rules.authoring.json_schema import schema
from auditor.rules.authoring.new import STAGES, new_rule
from auditor.rules.authoring.site import site
from auditor.rules.language.spec import Detector, EvidenceSpec, Expected
from auditor.rules.language.tree import Literal, Type
from auditor.rules.reading.load import RuleSet, rules_of

TEXT = """\
schema: 1
id: TST-001
name: whole-rule
title: Meetings are as they should be
status: deprecated
replaced_by: TST-002
severity: high
confidence: low
version: 3
description: What it reports.
rationale: Why it matters.
remediation: What to do.
false_positives: [a test, <b>]
references: [https://example.com/x, a book]
tags: [one, two]
authors: [Ann]
created: 2026-01-01
modified: 2026-02-01
controls: {soc2: [CC6.1, CC6.2], gdpr: ["32"]}
nulls: fail
params:
  grace: {type: duration, default: 5m, min: 1m, max: 1h, description: How long}
  mode: {type: enum, values: [all, some], default: some, description: Which}
lists: {vips: {default: [ann], description: Who}, rest: {description: Others}}
severity_when: [{if: is_host, severity: info}, {if: not is_host, severity: critical}]
detect:
  from: attendees
  where: duration > param.grace and not (email in list.vips) and not (email in list.rest) and param.mode == 'some'
finding:
  subject: "{email} {{x}}"
  message: "{email} stayed {duration:m} min over {param.grace}"
  evidence: [meeting_title, {column: ip_address, redact: ip}]
  fingerprint: [meeting_id, email]
  limit: 7
tests:
  - name: one stays
    params: {grace: 1m}
    lists: {rest: [bob]}
    now: 2026-03-01T00:00Z
    window: {from: 2026-01-01, to: 2026-02-01 12:00}
    given:
      attendees:
        - {meeting_id: m1, email: eve, is_host: true, participant_type: attendee, joined_time: 2026-01-05 10:00, left_time: 2026-01-05 10:30, repeat: 2, every: 1d}
        - {meeting_id: m1, email: null}
    expect: [{email: eve, severity: info}]
    not_evaluable: 1
    verdict: fail
  - {name: no such value, params: {grace: 2h}, given: {}, expect_error: outside}
---
schema: 1
id: TST-002
name: other-rule
title: Meetings are what they should be
severity: low
detect: {from: meetings, where: title is None}
finding: {subject: "{meeting_id}", message: m, fingerprint: [meeting_id]}
"""


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return rules_of(TEXT.encode(), path="r.yaml")


def test_every_text_of_a_rule_is_kept(rules: RuleSet) -> None:
    rule = rules.rules[0]
    assert (rule.id, rule.name, rule.title) == ("TST-001", "whole-rule", "Meetings are as they should be")
    assert (rule.status, rule.replaced_by, rule.version) == (Status.DEPRECATED, "TST-002", 3)
    assert (rule.severity, rule.confidence, rule.nulls) == (Severity.HIGH, Confidence.LOW, "fail")
    assert (rule.description, rule.rationale) == ("What it reports.", "Why it matters.")
    assert (rule.remediation, rule.authors) == ("What to do.", ("Ann",))
    assert (rule.false_positives, rule.tags) == (("a test", "<b>"), ("one", "two"))
    assert rule.references == ("https://example.com/x", "a book")
    assert (rule.created, rule.modified) == ("2026-01-01", "2026-02-01")
    assert rule.controls == {"soc2": ("CC6.1", "CC6.2"), "gdpr": ("32",)}
    assert (rule.position.line, rule.position.column, rule.bundled) == (2, 1, False)
    assert [severity for _, severity in rule.severity_when] == [Severity.INFO, Severity.CRITICAL]


def test_what_is_not_said_has_its_default(rules: RuleSet) -> None:
    rule = rules.rules[1]
    assert (rule.status, rule.confidence, rule.version, rule.nulls) == (Status.TEST, Confidence.MEDIUM, 1, "unknown")
    assert (rule.replaced_by, rule.created, rule.modified) == (None, None, None)
    assert (rule.description, rule.rationale, rule.remediation) == ("", "", "")
    assert (rule.tags, rule.controls, rule.params, rule.lists, rule.cases) == ((), {}, (), (), ())
    assert rule.position.line == TEXT[: TEXT.index("---\n")].count("\n") + 3


def test_parameters_lists_and_findings_are_kept(rules: RuleSet) -> None:
    rule = rules.rules[0]
    grace, mode = rule.params
    assert (grace.name, grace.type, grace.default, grace.description) == (
        "grace",
        "duration",
        timedelta(minutes=5),
        "How long",
    )
    assert (grace.minimum, grace.maximum) == (timedelta(minutes=1), timedelta(hours=1))
    assert (mode.values, mode.default) == (("all", "some"), "some")
    assert [(one.name, one.default, one.description) for one in rule.lists] == [
        ("vips", ("ann",), "Who"),
        ("rest", None, "Others"),
    ]
    assert rule.finding.subject.source == "{email} {{x}}"
    assert rule.finding.message.source == "{email} stayed {duration:m} min over {param.grace}"
    assert rule.finding.evidence == (
        EvidenceSpec("meeting_title", Type.TEXT, None),
        EvidenceSpec("ip_address", Type.TEXT, "ip"),
    )
    assert (rule.finding.fingerprint, rule.finding.limit) == (("meeting_id", "email"), 7)


def test_a_test_of_a_rule_is_kept(rules: RuleSet) -> None:
    case, wrong = rules.rules[0].cases
    assert (case.name, case.not_evaluable, case.verdict, case.expect_error) == ("one stays", 1, Verdict.FAIL, None)
    assert case.now == datetime(2026, 3, 1, tzinfo=UTC)
    assert case.window == Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, 12, tzinfo=UTC))
    assert {name: plain(node) for name, node in case.params.items()} == {"grace": "1m"}
    assert {name: plain(node) for name, node in case.lists.items()} == {"rest": ["bob"]}
    first, second = case.given["attendees"]
    assert (first.repeat, first.every) == (2, timedelta(days=1))
    assert first.values["joined_time"] == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert (second.values, second.repeat) == ({"meeting_id": "m1", "email": None}, 1)
    assert isinstance(case.expect, tuple)
    assert isinstance(case.expect[0], Expected)
    assert case.expect[0].values == {"email": "eve", "severity": "info"}
    assert (wrong.expect, wrong.expect_error, wrong.given) == (None, "outside", {})
    assert wrong.now == datetime(2026, 1, 1, tzinfo=UTC)


def test_the_page_of_a_rule_says_it_all(rules: RuleSet) -> None:
    files = site(rules)
    assert sorted(files) == ["TST-001.html", "TST-002.html", "index.html", "rules.css"]
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", files["TST-001.html"]))
    for text in (
        *("TST-001", "whole-rule", "Meetings are as they should be", "TST-002", "What it reports.", "Why it matters."),
        *("What to do.", "a test", "&lt;b&gt;", "https://example.com/x", "a book", "one", "two", "soc2: CC6.1, CC6.2"),
        *(
            "grace",
            "duration",
            "5m",
            "from 1m to 1h",
            "How long",
            "all, some",
            "vips",
            "ann",
            "Who",
            "rest",
            "it must be configured",
        ),
        *("from: attendees", "one stays", "meeting_id", "2, every 1d", "2026-01-05T10:00:00Z", "—", "attendees"),
        "Gives 1 finding, 1 that cannot be judged.",
    ):
        assert text in page, text
    assert "no such value" not in page
    assert '<a href="https://example.com/x"' in files["TST-001.html"]
    assert 'href="a book"' not in files["TST-001.html"]


def test_the_index_lists_every_rule(rules: RuleSet) -> None:
    index = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", site(rules)["index.html"]))
    for text in (
        "2 rules",
        "TST",
        "TST-001",
        "TST-002",
        "deprecated",
        "high",
        "low",
        "Meetings are what they should be",
    ):
        assert text in index, text


def test_a_detector_not_told_otherwise_has_its_defaults_in_their_types() -> None:
    rule = "schema: 1\nid: TST-001\nname: test-rule\ntitle: Meetings are as they should be\nseverity: low\ndetect: {from: attendees, detector: {type: rarity, entity: [email], columns: [client_os]}}\nfinding: {subject: s, message: m, fingerprint: [email]}\n"
    stage = rules_of(rule.encode(), path="r.yaml").rules[0].detect.stage
    assert isinstance(stage, Detector)
    assert {name: stage.settings[name] for name in ("prior_weight", "min_history", "min_bits")} == {
        "prior_weight": Literal(5, Type.NUMBER),
        "min_history": Literal(20, Type.INTEGER),
        "min_bits": Literal(6, Type.NUMBER),
    }


@pytest.mark.parametrize(
    ("setting", "right", "wrong"),
    [
        ("min_count", 4, "x"),
        ("retrospective", True, "yes"),
        ("suppress", ["hand_off"], "hand_off"),
        ("suppress", [], ["nothing"]),
        ("min_score", 2.5, True),
        ("scope", ["day"], 1),
    ],
)
def test_the_schema_for_editors_knows_settings_of_detectors(setting: str, right: object, wrong: object) -> None:
    def mistakes(value: object) -> int:
        rule = {
            "schema": 1,
            "id": "TST-001",
            "name": "test-rule",
            "title": "Meetings are good",
            "severity": "low",
            "detect": {"from": "attendees", "detector": {"type": "fan_in", setting: value}},
            "finding": {"subject": "s", "message": "m", "fingerprint": ["email"]},
        }
        return len(list(jsonschema.Draft202012Validator(schema()).iter_errors(rule)))

    assert mistakes(wrong) == 1
    assert mistakes(right) == 0


@pytest.mark.parametrize(
    ("setting", "right", "wrong"),
    [("within", ["10m", "param.window"], [10, "m", ""]), ("min_score", [2, "param.x"], ["2"])],
)
def test_the_schema_for_editors_knows_lengths_and_numbers(
    setting: str, right: list[object], wrong: list[object]
) -> None:
    definitions = schema()["$defs"] if "$defs" in schema() else schema()["definitions"]
    name = "Length" if setting == "within" else "Number"
    checker = jsonschema.Draft202012Validator(definitions[name])
    assert [value for value in [*right, *wrong] if checker.is_valid(value)] == right


def test_the_page_of_a_rule_writes_its_condition_as_its_author_did() -> None:
    text = TEXT.replace("param.mode == 'some'", "param.mode == 'some' and display_name != 'José'")
    assert "José" in site(rules_of(text.encode(), path="r.yaml"))["TST-001.html"]


@pytest.mark.parametrize("table", ["attendees", "participants", "devices", "breakouts", "sign_ins", "people"])
@pytest.mark.parametrize("stage", STAGES)
def test_a_new_rule_loads_and_its_test_passes(table: str, stage: str) -> None:
    text = new_rule("TST-010", "brand-new", table=table, stage=stage)
    rules = rules_of(text.encode(), path="new.yaml")
    assert (rules.rules[0].id, rules.rules[0].name, rules.rules[0].detect.table) == ("TST-010", "brand-new", table)
    (result,) = run_cases(rules.rules)
    assert result.failure is None


@pytest.mark.parametrize("table", ["meetings", "collections"])
def test_a_table_without_people_has_no_partner_to_begin_with(table: str) -> None:
    with pytest.raises(ValueError, match=rf"{table} and devices share no column to match by; begin with another form"):
        new_rule("TST-010", "brand-new", table=table, stage="match")


def test_a_table_whose_rows_share_nothing_has_no_pairs_to_begin_with() -> None:
    with pytest.raises(ValueError, match="collections has no column that two rows would share; begin with another"):
        new_rule("TST-010", "brand-new", table="collections", stage="pairs")
