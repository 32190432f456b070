"""Small audits to compare and to waive."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from auditor.model.audit import Audit, Chain, CitedRecord, Identity, ReportSettings, RuleResult, Summary
from auditor.model.coverage import Coverage
from auditor.model.finding import Finding, Record
from auditor.model.vocabulary import Confidence, Severity, Status, Verdict
from auditor.model.window import Window


@dataclass(frozen=True)
class Make:
    """Builders of the model's parts with everything that does not matter filled in."""

    def finding(self, fingerprint: str, **changes: object) -> Finding:
        return replace(
            Finding(
                fingerprint=fingerprint,
                rule_id="ACC-001",
                severity=Severity.HIGH,
                confidence=Confidence.HIGH,
                subject="eve@example.org",
                message="eve@example.org was not invited",
                observed_at=datetime(2026, 9, 14, 10, tzinfo=UTC),
                occurrences=1,
                state=None,
                waiver=None,
                evidence={},
                records=(Record("0" * 64, 0),),
            ),
            **changes,
        )

    def rule(self, rule_id: str = "ACC-001", **changes: object) -> RuleResult:
        return replace(
            RuleResult(
                id=rule_id,
                name="uninvited",
                title="Meetings are attended by invited people only",
                severity=Severity.HIGH,
                verdict=Verdict.PASS,
                reason=None,
                population=10,
                not_evaluable=0,
                findings=0,
                waived=0,
                truncated=0,
                controls={},
                status=Status.STABLE,
                confidence=Confidence.HIGH,
                version=1,
                digest="sha256:0",
                path="rules/access/ACC-001.yaml",
                line=2,
                description="",
                rationale="",
                remediation="",
                false_positives=(),
                references=(),
                tags=(),
                parameters=(),
                evidence=(),
                tables=("attendees",),
            ),
            **changes,
        )

    def audit(self, *findings: Finding, **changes: object) -> Audit:
        counts = dict.fromkeys(Severity, 0)
        for finding in findings:
            counts[finding.severity] += finding.waiver is None
        waived = sum(finding.waiver is not None for finding in findings)
        return replace(
            Audit(
                identity=Identity(
                    id="audit-1",
                    auditor_version="0.1.0",
                    window=Window(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)),
                    sites=("example.webex.com",),
                    evaluated_at=datetime(2026, 10, 2, tzinfo=UTC),
                    rules_digest="sha256:1",
                    evidence_head="sha256:2",
                    config_digest="sha256:3",
                ),
                coverage=Coverage(complete=True, tables={}, gaps=()),
                rules=(),
                rules_not_run=(),
                frameworks=(),
                findings=findings,
                resolved=(),
                not_compared=(),
                waivers=(),
                summary=Summary(len(findings), len(findings) - waived, waived, counts),
                cited=(),
                chain=Chain("sha256:2", 1, 1, 1, None, None),
                previous=None,
                notes=(),
                report=ReportSettings(),
            ),
            **changes,
        )

    def cited(self, record: Record, **changes: object) -> CitedRecord:
        return replace(
            CitedRecord(record, "GET /meetingReports/attendees", datetime(2026, 9, 20, tzinfo=UTC), "{}"), **changes
        )


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture
def september() -> Window:
    return Window.period("2026-09")
