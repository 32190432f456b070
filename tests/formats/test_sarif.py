"""What SARIF says of an audit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from auditor.model.audit import Audit
from auditor.model.vocabulary import State, Verdict
from auditor.reports import sarif
from tests.reports.audit_factory import audit_of

AUDIT = audit_of(60)


def run(audit: Audit = AUDIT) -> Any:
    return json.loads(sarif.render(audit))["runs"][0]


def test_every_rule_that_ran_is_described() -> None:
    rules = run()["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in AUDIT.rules]
    high = next(rule for rule in rules if rule["id"] == "ACC-001")
    assert high["defaultConfiguration"]["level"] == "error"
    assert high["properties"]["security-severity"] == "8.0"
    assert high["help"]["text"].startswith("Lock the meeting")


def test_every_finding_is_a_result_with_a_place_and_its_fingerprint() -> None:
    results = [result for result in run()["results"] if result.get("baselineState") != "absent"]
    assert [result["partialFingerprints"]["auditor/v1"] for result in results] == [
        finding.fingerprint for finding in AUDIT.findings
    ]
    for result, finding in zip(results, AUDIT.findings, strict=True):
        (location,) = result["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"].startswith("rules/")
        assert location["physicalLocation"]["region"]["startLine"] == 2
        assert location["logicalLocations"][0]["name"] == finding.subject
        assert run()["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == finding.rule_id
        assert result["properties"]["records"][0]["page"].startswith("sha256:")
        break


def test_states_become_baseline_states() -> None:
    results = run()["results"]
    for result, finding in zip(results, AUDIT.findings, strict=False):
        expected = "unchanged" if finding.state is State.UNCHANGED else "new"
        assert (result["baselineState"], result["properties"]["state"]) == (expected, finding.state)
    absent = [result for result in results if result["baselineState"] == "absent"]
    assert [result["partialFingerprints"]["auditor/v1"] for result in absent] == [
        entry.fingerprint for entry in AUDIT.resolved
    ]


def test_an_audit_without_previous_has_no_baseline() -> None:
    first = replace(
        AUDIT, resolved=(), findings=tuple(replace(finding, state=None) for finding in AUDIT.findings), previous=None
    )
    assert not any("baselineState" in result for result in run(first)["results"])


def test_waived_findings_are_suppressed_with_the_reason() -> None:
    for result, finding in zip(run()["results"], AUDIT.findings, strict=False):
        if finding.waiver:
            (suppression,) = result["suppressions"]
            assert suppression["status"] == "accepted"
            assert suppression["justification"] == f"{finding.waiver}: shared meeting room"
        else:
            assert result["suppressions"] == []


def test_an_incomplete_audit_says_what_was_not_seen() -> None:
    (invocation,) = run()["invocations"]
    assert not invocation["executionSuccessful"]
    texts = [note["message"]["text"] for note in invocation["toolExecutionNotifications"]]
    assert any("503 after 6 attempts" in text for text in texts)
    unjudged = [
        note["associatedRule"]["id"] for note in invocation["toolExecutionNotifications"] if "associatedRule" in note
    ]
    assert unjudged == [rule.id for rule in AUDIT.rules if rule.verdict is Verdict.NOT_EVALUATED]


def test_a_complete_audit_was_successful() -> None:
    assert run(audit_of(5, complete=True))["invocations"][0]["executionSuccessful"]


def test_controls_are_taxa_of_their_framework() -> None:
    document = run()
    assert [taxonomy["name"] for taxonomy in document["taxonomies"]] == [framework.id for framework in AUDIT.frameworks]
    relations = document["tool"]["driver"]["rules"][0]["relationships"]
    assert ("A.5.14", "iso27001-2022") in [
        (one["target"]["id"], one["target"]["toolComponent"]["name"]) for one in relations
    ]


def test_an_absolute_path_of_a_rule_is_told_without_its_root() -> None:
    rules = tuple(replace(rule, path="/srv/my rules/a.yaml") for rule in AUDIT.rules)
    place = run(replace(AUDIT, rules=rules))["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "srv/my%20rules/a.yaml"


def test_a_text_cannot_become_a_link() -> None:
    audit = audit_of(5, hostile=("[x](https://evil.example)",))
    assert not any("](" in result["message"]["text"] for result in run(audit)["results"])


def test_a_path_no_file_system_can_have_is_a_place_all_the_same() -> None:
    rule = replace(AUDIT.rules[0], path="rules/\ud800.yaml")
    found = run(replace(AUDIT, rules=(rule, *AUDIT.rules[1:])))["results"]
    places = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in found}
    assert "rules/%3F.yaml" in places
