"""Findings as rows: NDJSON, Parquet and the frame behind it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from auditor.model.audit import EvidenceColumn
from auditor.reports import ndjson, parquet
from auditor.reports.frame import FIXED, RECORDS, findings_frame
from tests.reports.audit_factory import audit_of

AUDIT = audit_of(60)


def test_ndjson_holds_the_findings_in_their_order() -> None:
    rows = [json.loads(line) for line in ndjson.render(AUDIT).decode().splitlines()]
    assert [row["fingerprint"] for row in rows] == [finding.fingerprint for finding in AUDIT.findings]
    first, finding = rows[0], AUDIT.findings[0]
    assert first["evidence"] == dict(finding.evidence)
    assert first["records"][0] == {"page": f"sha256:{finding.records[0].page}", "item": finding.records[0].item}
    assert first["controls"] == ["nist-800-53r5:SI-4", "soc2:CC7.2"]


def test_ndjson_keeps_raw_values_on_one_line() -> None:
    audit = audit_of(5, hostile=("a\nb\u2028c",))
    lines = ndjson.render(audit).decode().split("\n")
    assert len(lines) == 6
    assert json.loads(lines[0])["subject"] == audit.findings[0].subject


def test_parquet_reads_back_as_the_frame() -> None:
    assert pl.read_parquet(io.BytesIO(parquet.render(AUDIT))).equals(findings_frame(AUDIT))


@pytest.mark.parametrize("count", [0, 1, 60])
def test_the_frame_has_the_documented_columns(count: int) -> None:
    frame = findings_frame(audit_of(count))
    assert frame.height == count
    assert list(frame.columns) == [*FIXED, "evidence", "records", "page", "item"]
    assert frame.schema["records"] == RECORDS


def test_evidence_has_the_types_of_the_rules() -> None:
    fields = dict(findings_frame(AUDIT).schema["evidence"])
    assert fields["joined_time"] == pl.Datetime("us", "UTC")
    assert fields["overlap"] == pl.Duration("us")
    assert (fields["n"], fields["score"], fields["invited"]) == (pl.Int64(), pl.Float64(), pl.Boolean())
    row = findings_frame(AUDIT).filter(pl.col("rule_id") == "ATT-003").row(0, named=True)
    finding = next(finding for finding in AUDIT.findings if finding.rule_id == "ATT-003")
    assert row["evidence"]["presence"] == timedelta(microseconds=int(str(finding.evidence["presence"])[:-2]))


def test_a_name_of_two_types_is_text() -> None:
    first = AUDIT.findings[0].rule_id
    rules = tuple(
        replace(rule, evidence=(EvidenceColumn("x", "integer" if rule.id == first else "text", None),))
        for rule in AUDIT.rules
    )
    findings = tuple(
        replace(finding, evidence={"x": 3 if finding.rule_id == first else "three"}) for finding in AUDIT.findings
    )
    values = findings_frame(replace(AUDIT, rules=rules, findings=findings))["evidence"].struct.field("x")
    assert set(values) == {"3", "three"}


def test_a_value_that_left_its_type_makes_the_column_text() -> None:
    findings = tuple(replace(finding, evidence={"overlap": "redacted"}) for finding in AUDIT.findings)
    assert set(findings_frame(replace(AUDIT, findings=findings))["evidence"].struct.field("overlap")) == {"redacted"}


def test_an_audit_without_evidence_columns_has_none() -> None:
    bare = replace(
        AUDIT,
        rules=tuple(replace(rule, evidence=()) for rule in AUDIT.rules),
        findings=tuple(replace(finding, evidence={}) for finding in AUDIT.findings),
    )
    assert findings_frame(bare)["evidence"].null_count() == 60
    assert pl.read_parquet(io.BytesIO(parquet.render(bare))).height == 60


@pytest.mark.parametrize("render", [ndjson.render, parquet.render])
def test_the_same_audit_gives_the_same_bytes(render: object) -> None:
    assert callable(render)
    assert render(audit_of(30)) == render(audit_of(30))


def test_lone_surrogates_do_not_stop_a_frame() -> None:
    assert findings_frame(audit_of(5, hostile=("\ud800",)))["subject"][0].startswith("?")


def test_parquet_holds_what_no_frame_can_hold_as_near_as_may_be() -> None:
    lone = "a\ud800b"
    rule = replace(AUDIT.rules[0], controls={lone: (lone,)}, evidence=(EvidenceColumn("who", "list", None),))
    finding = replace(
        AUDIT.findings[0], rule_id=rule.id, fingerprint=lone, waiver=lone, evidence={"who": [lone], lone: 1}
    )
    audit = replace(AUDIT, rules=(rule,), findings=(finding,))
    row = pl.read_parquet(io.BytesIO(parquet.render(audit))).row(0, named=True)
    assert (row["fingerprint"], row["waiver"]) == ("a?b", "a?b")
    assert row["evidence"] == {"who": ["a?b"], "a\\ud800b": "1"}
