"""Machine formats against their published schemas."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

from auditor.model.audit import Audit
from auditor.model.vocabulary import Verdict
from auditor.reports import junit, ocsf, oscal, sarif
from tests.reports.audit_factory import audit_of

SCHEMAS = Path(__file__).parents[1] / "data/schemas"
SARIF = jsonschema_rs.validator_for(json.loads((SCHEMAS / "sarif-schema-2.1.0.json").read_text()))
OSCAL = jsonschema_rs.validator_for(json.loads((SCHEMAS / "oscal_assessment-results_schema.json").read_text()))
JUNIT = etree.XMLSchema(etree.parse(SCHEMAS / "junit.xsd"))
HOSTILE = (
    "<script>alert(1)</script>",
    "\x00\x1b[31m",
    "a\u202eb\n",
    "=1+1",
    "[x](https://evil.example)",
    "]]>",
    "{0}",
    " ",
)


def crashed() -> Audit:
    audit = audit_of(5)
    rules = tuple(replace(rule, crashed=rule.verdict is Verdict.NOT_EVALUATED) for rule in audit.rules)
    return replace(audit, rules=rules)


AUDITS = {
    "usual": audit_of(60),
    "complete": audit_of(10, complete=True),
    "empty": audit_of(0),
    "hostile": audit_of(40, hostile=HOSTILE),
    "crashed": crashed(),
    "bare": replace(audit_of(0), rules=(), frameworks=(), waivers=()),
    "unmapped": replace(audit_of(20), frameworks=()),
}
FORMATS = {"sarif": sarif.render, "junit": junit.render, "ocsf": ocsf.render, "oscal": oscal.render}


def valid(name: str, content: bytes) -> None:
    match name:
        case "sarif":
            SARIF.validate(json.loads(content))
        case "oscal":
            OSCAL.validate(json.loads(content))
        case "junit":
            JUNIT.assertValid(etree.fromstring(content))
        case _:
            for line in content.decode().splitlines():
                event = json.loads(line)
                model = DetectionFinding if event["class_uid"] == 2004 else ComplianceFinding
                model.model_validate(event)


@pytest.mark.parametrize("kind", AUDITS)
@pytest.mark.parametrize("name", FORMATS)
def test_every_kind_of_audit_is_valid(name: str, kind: str) -> None:
    valid(name, FORMATS[name](AUDITS[kind]))


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_audit_gives_the_same_bytes(name: str) -> None:
    assert FORMATS[name](audit_of(30)) == FORMATS[name](audit_of(30))


@pytest.mark.parametrize("name", FORMATS)
def test_the_text_is_utf_8_and_ends_with_a_line_end(name: str) -> None:
    content = FORMATS[name](AUDITS["hostile"])
    assert content.decode().endswith("\n")


@settings(max_examples=20)
@given(text=st.text(max_size=40))
@pytest.mark.parametrize("name", FORMATS)
def test_no_text_makes_a_document_invalid(name: str, text: str) -> None:
    valid(name, FORMATS[name](audit_of(8, hostile=(text,))))


@pytest.mark.parametrize("name", FORMATS)
def test_no_control_or_bidirectional_character_is_left(name: str) -> None:
    content = FORMATS[name](AUDITS["hostile"]).decode()
    for char in ("\x00", "\x1b", "\u202e", "\\u0000", "\\u001b", "\\u202e"):
        assert char not in content
