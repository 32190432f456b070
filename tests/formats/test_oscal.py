"""What OSCAL assessment results say of an audit."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from auditor.model.vocabulary import Verdict
from auditor.model.window import Window, iso
from auditor.reports import oscal
from auditor.reports.oscal import token
from tests.reports.audit_factory import audit_of

AUDIT = audit_of(60)
SCHEMAS = Path(__file__).parents[1] / "data" / "schemas"
DOCUMENT: Any = json.loads(oscal.render(AUDIT))["assessment-results"]


def identifiers(node: Any) -> list[str]:
    match node:
        case dict():
            own = [node["uuid"]] if "uuid" in node else []
            return own + [found for value in node.values() for found in identifiers(value)]
        case list():
            return [found for value in node for found in identifiers(value)]
        case _:
            return []


def test_every_uuid_is_given_once() -> None:
    assert set(Counter(identifiers(DOCUMENT)).values()) == {1}


def test_one_result_a_framework() -> None:
    titles = [result["title"] for result in DOCUMENT["results"]]
    assert titles == [
        *(framework.title for framework in AUDIT.frameworks),
        "Rules that are mapped to no control",
    ]


def test_only_a_pass_is_satisfied() -> None:
    for result, framework in zip(DOCUMENT["results"], AUDIT.frameworks, strict=False):
        for finding, control in zip(result["findings"], framework.controls, strict=True):
            status = finding["target"]["status"]
            assert (status["state"] == "satisfied") == (control.verdict is Verdict.PASS)
            if control.verdict in {Verdict.NOT_EVALUATED, Verdict.ATTESTED}:
                assert status["reason"] == "other"
                assert status["remarks"].startswith(control.verdict.value)


def test_what_observations_refer_to_exists() -> None:
    known = set(identifiers(DOCUMENT))
    for result in DOCUMENT["results"]:
        for finding in [*result.get("findings", []), *result.get("risks", [])]:
            for related in finding.get("related-observations", []):
                assert related["observation-uuid"] in known
    assert DOCUMENT["import-ap"]["href"].removeprefix("#") in known


def test_findings_of_rules_without_control_are_not_lost() -> None:
    bare = json.loads(oscal.render(audit_of(5)))["assessment-results"]
    observed = {
        prop["value"]
        for result in bare["results"]
        for observation in result["observations"]
        for prop in observation["props"]
        if prop["name"] == "fingerprint"
    }
    assert observed == {finding.fingerprint for finding in audit_of(5).findings}


def test_waivers_in_use_are_approved_deviations_until_the_day_is_over() -> None:
    risks = [risk for result in DOCUMENT["results"] for risk in result.get("risks", [])]
    assert {risk["title"] for risk in risks} == {"Waiver W-2026-014", "Waiver W-2026-020"}
    assert {risk["status"] for risk in risks} == {"deviation-approved"}
    assert {risk["deadline"] for risk in risks} == {"2027-07-02T00:00:00.000000Z", "2026-10-13T00:00:00.000000Z"}


def test_a_waiver_is_related_to_the_findings_it_accepts_and_to_no_others() -> None:
    accepted = {one.fingerprint: one.waiver for one in AUDIT.findings}
    related = Counter()
    for result in DOCUMENT["results"]:
        told = {one["uuid"]: one for one in result["observations"]}
        for risk in result.get("risks", []):
            for one in risk["related-observations"]:
                (named,) = (
                    prop["value"] for prop in told[one["observation-uuid"]]["props"] if prop["name"] == "fingerprint"
                )
                assert risk["title"] == f"Waiver {accepted[named]}"
                related[named] += 1
    assert related.keys() == {name for name, waiver in accepted.items() if waiver}


@pytest.mark.parametrize(
    ("framework", "control", "name"),
    [
        ("hipaa", "164.312(a)(2)(i)", "h164.312-a-2-i"),
        ("gdpr", "5(1)(e)", "g5-1-e"),
        ("sec", "17a-4(f)", "s17a-4-f"),
        ("nist-800-53r5", "AC-2(3)", "ac-2.3"),
        ("iso27001-2022", "A.5.14", "A.5.14"),
    ],
)
def test_controls_become_tokens(framework: str, control: str, name: str) -> None:
    assert token(framework, control) == name


@pytest.mark.parametrize("day", [date.max, date.min])
def test_times_are_those_oscal_can_write(day: date) -> None:
    validator = jsonschema_rs.validator_for(json.loads((SCHEMAS / "oscal_assessment-results_schema.json").read_bytes()))
    waivers = tuple(replace(one, waiver=replace(one.waiver, expires=day)) for one in AUDIT.waivers)
    span = Window(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    audit = replace(AUDIT, waivers=waivers, identity=replace(AUDIT.identity, window=span))
    document: Any = json.loads(oscal.render(audit))
    validator.validate(document)
    stated = document["assessment-results"]["back-matter"]["resources"][0]["props"]
    assert [one["value"] for one in stated if one["name"] in {"from", "to"}] == [iso(span.start), iso(span.end)]
    assert [
        risk["deadline"] for result in document["assessment-results"]["results"] for risk in result.get("risks", [])
    ]
