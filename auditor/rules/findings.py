"""Hits worded, identified and de-duplicated: what a rule tells the audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypeAlias

import polars as pl

from auditor.model.finding import Finding, Record, Value
from auditor.model.vocabulary import Severity, Verdict
from auditor.rules.compile import expression
from auditor.rules.outcome import RECORDS, Judged, Outcome
from auditor.rules.render import as_scalar, fill
from auditor.rules.rows import AT
from auditor.rules.task import Task
from auditor.tables.schema import LINEAGE
from auditor.triage.fingerprint import Scalar, canonical, fingerprints

SEVERITY = "__severity"
_COUNT = "__count"
Row: TypeAlias = Mapping[str, Scalar]


def outcome(judged: Judged, task: Task, *, now: datetime, tables: tuple[str, ...]) -> Outcome:
    """How the rule ended, its findings worded; `now` dates findings about rows without a time."""
    rule = task.rule
    distinct = _distinct(_with_severity(judged.hits, task), task)
    listed = distinct if rule.finding.limit is None else distinct.head(rule.finding.limit)
    findings = sorted(_findings(listed, task, now=now), key=lambda pair: pair[0].order)
    verdict, reason = _verdict(judged, task, found=distinct.height)
    return Outcome(
        rule_id=rule.id,
        verdict=verdict,
        reason=reason,
        population=judged.population,
        not_evaluable=judged.not_evaluable,
        found=distinct.height,
        truncated=distinct.height - listed.height,
        findings=tuple(finding for finding, _ in findings),
        seen=tuple(seen for _, seen in findings),
        tables=tables,
        ledger=judged.ledger,
    )


def _verdict(judged: Judged, task: Task, *, found: int) -> tuple[Verdict, str | None]:
    if found:
        return Verdict.FAIL, None
    if judged.not_evaluable and task.rule.nulls != "pass":
        what = "case" if judged.not_evaluable == 1 else "cases"
        return Verdict.NOT_EVALUATED, f"{judged.not_evaluable} {what} could not be judged: a value needed is null"
    return Verdict.PASS, None


def _with_severity(hits: pl.DataFrame, task: Task) -> pl.DataFrame:
    """The hits with the rank of their severity; the first condition that is true decides."""
    chosen = pl.lit(task.rule.severity.rank)
    for condition, _ in task.rule.severity_when:
        task.applied(condition, hits)
    for condition, severity in reversed(task.rule.severity_when):
        chosen = pl.when(expression(condition.tree)).then(pl.lit(severity.rank)).otherwise(chosen)
    return hits.with_columns(chosen.alias(SEVERITY))


def _distinct(hits: pl.DataFrame, task: Task) -> pl.DataFrame:
    """One row a fingerprint: the earliest hit speaks, records are the union, `_COUNT` tells how many."""
    key = list(dict.fromkeys(task.rule.finding.fingerprint))
    others = [name for name in hits.columns if name not in {*key, RECORDS}]
    return (
        hits.lazy()
        .sort(AT, *LINEAGE, nulls_last=True, maintain_order=True)
        .group_by(key, maintain_order=True)
        .agg(
            *(pl.col(name).first() for name in others),
            pl.col(RECORDS).explode().unique().sort(),
            pl.len().alias(_COUNT),
        )
        .sort(SEVERITY, AT, *LINEAGE, nulls_last=True, maintain_order=True)
        .collect()
    )


def _findings(rows: pl.DataFrame, task: Task, *, now: datetime) -> Iterator[tuple[Finding, Mapping[str, Value]]]:
    """Each row as a finding, with the values of every name shown beside it."""
    rule = task.rule
    params: dict[str, Scalar] = {f"param.{name}": as_scalar(value) for name, value in task.params.items()}
    severities = list(Severity)
    names = sorted(task.shown)
    marks = fingerprints(rule.id, rows.select(rule.finding.fingerprint).iter_rows()) if rows.height else []
    own = rows.select(AT, SEVERITY, _COUNT, RECORDS).iter_rows()
    for mark, row, values in zip(marks, own, rows.select(names).iter_rows(), strict=True):
        at, severity, occurrences, records = row
        shown: Row = params | dict(zip(names, values, strict=True))
        finding = Finding(
            fingerprint=mark,
            rule_id=rule.id,
            severity=severities[severity],
            confidence=rule.confidence,
            subject=fill(rule.finding.subject, shown),
            message=fill(rule.finding.message, shown),
            observed_at=at or now,
            occurrences=occurrences,
            state=None,
            waiver=None,
            evidence={column.column: canonical(shown[column.column]) for column in rule.finding.evidence},
            records=tuple(Record(record["page"], record["item"]) for record in records),
        )
        yield finding, {name: canonical(shown[name]) for name in names}
