"""What OCSF events say of an audit."""

from __future__ import annotations

import json
from typing import Any

from auditor.model.vocabulary import State
from auditor.reports import ocsf
from auditor.reports.wire import milliseconds
from tests.reports.audit_factory import audit_of

AUDIT = audit_of(60)
EVENTS: list[Any] = [json.loads(line) for line in ocsf.render(AUDIT).decode().splitlines()]
DETECTIONS = [event for event in EVENTS if event["class_uid"] == 2004]
COMPLIANCE = [event for event in EVENTS if event["class_uid"] == 2003]


def test_one_event_a_finding_and_one_a_resolved_finding() -> None:
    assert [event["finding_info"]["uid"] for event in DETECTIONS] == [
        *(finding.fingerprint for finding in AUDIT.findings),
        *(entry.fingerprint for entry in AUDIT.resolved),
    ]


def test_activity_follows_the_state() -> None:
    for event, finding in zip(DETECTIONS, AUDIT.findings, strict=False):
        activity = 2 if finding.state is State.UNCHANGED else 1
        assert (event["activity_id"], event["type_uid"]) == (activity, 200400 + activity)
    assert {event["activity_id"] for event in DETECTIONS[len(AUDIT.findings) :]} == {3}


def test_waived_findings_are_suppressed() -> None:
    for event, finding in zip(DETECTIONS, AUDIT.findings, strict=False):
        assert event["status_id"] == (3 if finding.waiver else 1)


def test_times_are_milliseconds_of_the_observation() -> None:
    first = AUDIT.findings[0]
    assert DETECTIONS[0]["time"] == milliseconds(first.observed_at) == int(first.observed_at.timestamp()) * 1000


def test_one_event_a_rule_and_control() -> None:
    named = [
        (rule.id, control)
        for rule in AUDIT.rules
        for framework in AUDIT.frameworks
        for control in rule.controls.get(framework.id, ())
    ]
    assert [(event["finding_info"]["types"][0], event["compliance"]["control"]) for event in COMPLIANCE] == named


def test_a_rule_that_was_not_evaluated_is_neither_pass_nor_fail() -> None:
    (event,) = [event for event in COMPLIANCE if event["finding_info"]["types"] == ["REC-002"]]
    assert event["compliance"]["status_id"] == 99
    assert event["status_detail"] == "table recording_access was not collected"
