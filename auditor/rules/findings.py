"""Hits worded, identified and de-duplicated: what a rule tells the audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from operator import itemgetter

import polars as pl

from auditor.model.finding import Finding, Record, Value
from auditor.model.vocabulary import Confidence, Severity, Verdict
from auditor.rules.compile import expression
from auditor.rules.keys import code_of, numbered
from auditor.rules.outcome import CONFIDENCE, RECORDS, Judged, Outcome
from auditor.rules.places import AT
from auditor.rules.render import as_scalar, filled
from auditor.rules.task import Task
from auditor.rules.textual import written
from auditor.rules.tree import Type
from auditor.tables.schema import COUNT, LINEAGE
from auditor.triage.fingerprint import Scalar, canonical, fingerprints

SEVERITY = "__severity"
_CONFIDENCES = tuple(Confidence)
_COUNT = "__count"


def outcome(judged: Judged, task: Task, *, now: datetime, tables: tuple[str, ...]) -> Outcome:
    """How the rule ended, its findings worded; `now` dates findings about rows without a time."""
    rule = task.rule
    distinct = _distinct(_with_severity(judged.hits, task), task)
    listed = distinct if rule.finding.limit is None else distinct.head(rule.finding.limit)
    findings = _worded(listed, task, now=now)
    verdict, reason = _verdict(judged, task, found=distinct.height)
    return Outcome(
        rule_id=rule.id,
        verdict=verdict,
        reason=reason,
        population=judged.population,
        not_evaluable=judged.not_evaluable,
        found=distinct.height + judged.withheld,
        truncated=distinct.height - listed.height + judged.withheld,
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
    """One row a fingerprint: the earliest hit speaks, records are the union, `_COUNT` tells how many.

    Of hits of one moment that rest on the same record the smaller values speak, so that no order of rows matters.
    """
    key = list(dict.fromkeys(task.rule.finding.fingerprint))
    order = [SEVERITY, AT, *LINEAGE]
    if hits.select(key).lazy().unique().select(pl.len()).collect(engine="in-memory").item() == hits.height:
        return hits.sort(order, nulls_last=True).with_columns(pl.lit(1, dtype=COUNT).alias(_COUNT))
    others = [name for name in hits.columns if name not in {*key, RECORDS}]
    values = [name for name in others if name not in order and not hits.schema[name].is_nested()]
    return (
        hits.lazy()
        .sort(AT, *LINEAGE, *values, nulls_last=True, maintain_order=True)
        .group_by(key, maintain_order=True)
        .agg(
            *(pl.col(name).first() for name in others),
            pl.col(RECORDS).explode().unique().sort(),
            pl.len().cast(COUNT).alias(_COUNT),
        )
        .sort(order, nulls_last=True, maintain_order=True)
        .collect(engine="in-memory")
    )


class Seen(Mapping[str, Value]):
    """The values of one finding by name; all findings of a rule share the names."""

    __slots__ = ("_places", "_values")

    def __init__(self, places: Mapping[str, int], values: tuple[Value, ...]) -> None:
        self._places = places
        self._values = values

    def __getitem__(self, name: str) -> Value:
        return self._values[self._places[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return repr(dict(self))


def _json(values: pl.Series) -> list[Value]:
    """The values as JSON and fingerprints write them."""
    kind = values.dtype
    if isinstance(kind, pl.Datetime | pl.Duration):
        type_ = Type.DATETIME if isinstance(kind, pl.Datetime) else Type.DURATION
        return values.to_frame("value").select(written(pl.col("value"), type_)).to_series().to_list()
    return [canonical(value) for value in values.to_list()] if kind.is_float() else values.to_list()


def _lower(rule: Confidence, hit: str | None) -> Confidence:
    """The lower one of two."""
    return rule if hit is None else max(rule, Confidence(hit), key=_CONFIDENCES.index)


def _worded(rows: pl.DataFrame, task: Task, *, now: datetime) -> list[tuple[Finding, Seen]]:
    """Each row as a finding, with the values of every name shown beside it, in the order of findings."""
    rule = task.rule
    params: dict[str, Scalar] = {f"param.{name}": as_scalar(value) for name, value in task.params.items()}
    severities = list(Severity)
    names = sorted(task.shown)
    columns = {name: _json(rows[name]) for name in names}
    places = {name: place for place, name in enumerate(names)}
    evidence = [(column.column, places[column.column]) for column in rule.finding.evidence]
    made = zip(
        fingerprints(rule.id, zip(*(columns[name] for name in rule.finding.fingerprint), strict=True)),
        filled(rule.finding.subject, rows, params),
        filled(rule.finding.message, rows, params),
        rows[SEVERITY].to_list(),
        rows[AT].fill_null(now).to_list(),
        rows[_COUNT].to_list(),
        _records(rows[RECORDS]),
        rows[CONFIDENCE].to_list() if CONFIDENCE in rows.columns else [None] * rows.height,
        zip(*columns.values(), strict=True),
        strict=True,
    )
    found = []
    for mark, subject, message, severity, at, occurrences, records, confidence, values in made:
        seen = Seen(places, values)
        finding = Finding(
            fingerprint=mark,
            rule_id=rule.id,
            severity=severities[severity],
            confidence=_lower(rule.confidence, confidence),
            subject=subject,
            message=message,
            observed_at=at,
            occurrences=occurrences,
            state=None,
            waiver=None,
            evidence={name: values[place] for name, place in evidence},
            records=records,
        )
        found.append((severity, subject, mark, finding, seen))
    return [(finding, seen) for *_, finding, seen in sorted(found, key=itemgetter(0, 1, 2))]


def _records(lists: pl.Series) -> Iterator[tuple[Record, ...]]:
    """The records of each finding; those of one page share its name."""
    single = lists.explode().struct
    pages = single.field("page")
    first, places = numbered(code_of(pages))
    names = pages.gather(first).to_list()
    records = map(Record, map(names.__getitem__, places.to_list()), single.field("item").to_list())
    for count in lists.list.len().to_list():
        yield tuple(islice(records, count))
