"""Findings about what was collected lead to the pages it came in, as all findings do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor.audit import Request, check
from auditor.evidence.entry import Unit
from auditor.evidence.writer import Writer
from auditor.model.audit import Audit
from auditor.model.coverage import Gap, GapReason
from auditor.model.vocabulary import Verdict
from auditor.model.window import Window, instant
from auditor.reports.audit_json import dump
from auditor.reports.audit_read import load
from auditor.rules.reading.load import load_rules
from auditor.tables.archive import Archive
from auditor.tables.ingest import ingest
from tests.audit.small import SEPTEMBER, SITE, small_archive

SEEN = Window(SEPTEMBER.start, instant("2026-11-01T00:00Z"))
LATE = instant("2026-12-20T00:00Z")

RULE = """\
schema: 1
id: TST-{number:03}
name: collected-{number}
title: Everything is collected
severity: high
detect: {{from: collections, {stage}}}
finding: {{subject: "{{site_url}}", message: "{{site_url}}", fingerprint: [site_url, {key}]}}
---
"""
STAGES = {
    "plain": ("where: not complete", "endpoint"),
    "group": ("group: {by: [site_url, complete], aggregate: {n: count()}, having: n > 0}", "complete"),
    "pairs": ("pairs: {same: [site_url], different: [endpoint]}", "a.endpoint, b.endpoint"),
    "match": ("where: true, match: {with: collections, same: [site_url], where: not b.complete}", "endpoint"),
    "sequence": ("sequence: {by: [site_url], within: 1d, steps: [{name: a1, where: not complete}]}", "a1.endpoint"),
}


def audited(archive: Archive, *only: str, rules: Path | None = None) -> Audit:
    request = Request(window=SEEN, only=only)
    loaded = load_rules([] if rules is None else [rules], bundled=rules is None)
    audit = check(archive, loaded, request=request, now=LATE)
    assert load(dump(audit)) == audit
    return audit


def with_a_loss(folder: Path) -> Archive:
    """The small archive, which also states that participants before October could not be asked for."""
    small_archive(folder)
    with Writer.open(folder, now=lambda: datetime(2026, 10, 6, tzinfo=UTC)) as writer:
        writer.begin_run({"sites": [SITE]})
        gap = Gap("participants", SITE, SEPTEMBER, GapReason.BEYOND_LOOKBACK, "too late")
        lost = Unit("lost", "participants", SITE, SEPTEMBER, (), complete=False, rows=0, gaps=(gap,))
        writer.commit_unit(lost)
    archive = Archive(folder)
    ingest(archive)
    return archive


def test_a_collection_is_cited_by_its_page_beside_records_of_the_same_page(tmp_path: Path) -> None:
    audit = audited(small_archive(tmp_path / "archive"), "EVD-006", "ACC-001")
    assert {rule.id: (rule.verdict, rule.findings) for rule in audit.rules} == {
        "ACC-001": (Verdict.FAIL, 1),
        "EVD-006": (Verdict.FAIL, 3),
    }
    endpoints = [one.subject.split()[1] for one in audit.findings if one.rule_id == "EVD-006"]
    assert endpoints == ["attendees", "participants", "usage"]
    cited = {entry.record: entry for entry in audit.cited}
    assert {record for finding in audit.findings for record in finding.records} == set(cited)
    told = [json.loads(cited[one.records[0]].raw) for one in audit.findings if one.rule_id == "EVD-006"]
    assert [raw and raw["email"] for raw in told] == ["ada@example.com", None, None]


@pytest.mark.parametrize("stage", STAGES)
def test_what_rests_on_no_page_is_not_judged_and_the_rest_is(tmp_path: Path, stage: str) -> None:
    text, key = STAGES[stage]
    path = tmp_path / "rules.yaml"
    path.write_text(RULE.format(number=1, stage=text, key=key).removesuffix("---\n"))
    audit = audited(with_a_loss(tmp_path / "archive"), rules=path)
    (rule,) = audit.rules
    assert rule.reason is None or "crash" not in rule.reason
    assert rule.findings == {"plain": 0, "group": 1, "pairs": 3, "match": 3, "sequence": 0}[stage]
    assert rule.not_evaluable >= (stage in {"plain", "group", "match", "sequence"})
    assert (rule.verdict is Verdict.PASS) is False
