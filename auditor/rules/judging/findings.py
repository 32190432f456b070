"""Hits worded, identified and de-duplicated: what a rule tells the audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice, pairwise, repeat
from operator import itemgetter
from typing import overload

import polars as pl

from auditor.entities.columns import picked, runs_of
from auditor.model.finding import Finding, Record, Records, Run, Value
from auditor.model.vocabulary import Confidence, Severity, Verdict
from auditor.rules.compiled.compile import expression
from auditor.rules.compiled.textual import written
from auditor.rules.judging.render import as_scalar, filled
from auditor.rules.language.columns import shown_names
from auditor.rules.language.tree import Type
from auditor.rules.outcome import CONFIDENCE, RECORD, RECORDS, Judged, Outcome
from auditor.rules.rows.keys import code_of, numbered
from auditor.rules.rows.places import AT
from auditor.rules.task import Task
from auditor.tables.schema import COUNT, LINEAGE
from auditor.triage.fingerprint import Scalar, canonical, fingerprints
from auditor.words import counted

SEVERITY = "__severity"
_CONFIDENCES = tuple(Confidence)
_COUNT = "__count"
_MANY = 10_000


def outcome(judged: Judged, task: Task, *, now: datetime, tables: tuple[str, ...]) -> Outcome:
    """How the rule ended, its findings worded; `now` dates findings about rows without a time."""
    rule, judged = task.rule, _citable(judged)
    distinct = _distinct(_with_severity(judged.hits, task), task)
    listed = distinct if rule.finding.limit is None else distinct.head(rule.finding.limit)
    findings, seen = _worded(listed, task, now=now)
    verdict, reason = _verdict(judged, task, found=distinct.height)
    return Outcome(
        rule_id=rule.id,
        verdict=verdict,
        reason=reason,
        population=judged.population,
        not_evaluable=judged.not_evaluable,
        found=distinct.height + judged.withheld,
        truncated=distinct.height - listed.height + judged.withheld,
        findings=findings,
        seen=seen,
        tables=tables,
        ledger=judged.ledger,
    )


def _citable(judged: Judged) -> Judged:
    """The same without hits that rest on no page: what was asked for and brought nothing has none to show."""
    hits = judged.hits
    if not (hits.height and hits["page"].null_count()):
        return judged
    paged = pl.element().filter(pl.element().struct.field("page").is_not_null())
    first = pl.col(RECORDS).list.first()
    hits = hits.with_columns(pl.col(RECORDS).list.eval(paged)).filter(pl.col(RECORDS).list.len() > 0)
    hits = hits.with_columns(first.struct.field(name).cast(hits.schema[name]) for name in LINEAGE)
    lost = judged.hits.height - hits.height
    return replace(judged, hits=hits, not_evaluable=judged.not_evaluable + lost)


def _verdict(judged: Judged, task: Task, *, found: int) -> tuple[Verdict, str | None]:
    if found:
        return Verdict.FAIL, None
    if judged.not_evaluable and task.rule.nulls != "pass":
        cases = counted(judged.not_evaluable, "case")
        return Verdict.NOT_EVALUATED, f"{cases} could not be judged: a value needed is null"
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

    Of hits of one moment that rest on the same record the smaller values speak, so that no order of rows matters;
    what others want to see of them decides last.
    """
    key = list(dict.fromkeys(task.rule.finding.fingerprint))
    order = [SEVERITY, AT, *LINEAGE]
    own = shown_names(task.rule)
    names = [*sorted(own), *sorted(task.shown - own), CONFIDENCE]
    values = [name for name in names if name in hits.columns and name not in order]
    apart = hits.select(pl.struct(key).is_unique()).to_series()
    if apart.all():
        # where no limit cuts, the order is one of findings later
        exact = order if task.rule.finding.limit is None else [*order, *values]
        return hits.sort(exact, nulls_last=True).with_columns(pl.lit(1, dtype=COUNT).alias(_COUNT))
    hits = hits.with_columns(pl.col(RECORDS).cast(pl.List(RECORD)))
    alone = apart & (hits[RECORDS].list.len() == 1)
    merged = (
        hits.lazy()
        .filter(~alone)
        .sort(AT, *LINEAGE, *values, nulls_last=True, maintain_order=True)
        .group_by(key, maintain_order=True)
        .agg(
            *(pl.col(name).first() for name in hits.columns if name not in {*key, RECORDS}),
            pl.col(RECORDS).explode().unique().sort(),
            pl.len().cast(COUNT).alias(_COUNT),
        )
        .select(*hits.columns, _COUNT)
    )
    single = hits.lazy().filter(alone).with_columns(pl.lit(1, dtype=COUNT).alias(_COUNT))
    both = pl.concat([single, merged]).sort([*order, *values], nulls_last=True)
    return both.collect(engine="in-memory")


class Shown(Sequence[Mapping[str, Value]]):
    """The values of each finding by name, told when they are asked for: most audits have no use for them."""

    __slots__ = ("_names", "_rows")

    def __init__(self, names: Sequence[str], rows: Sequence[tuple[Value, ...]]) -> None:
        self._names = names
        self._rows = rows

    @overload
    def __getitem__(self, place: int) -> Mapping[str, Value]: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Mapping[str, Value]]: ...

    def __getitem__(self, place: int | slice) -> Mapping[str, Value] | Sequence[Mapping[str, Value]]:
        if isinstance(place, slice):
            return Shown(self._names, self._rows[place])
        return dict(zip(self._names, self._rows[place], strict=True))

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and [*self] == [*other]

    __hash__ = None  # type: ignore[assignment] # as of any value made of maps

    def __repr__(self) -> str:
        return repr([*self])


def _json(values: pl.Series) -> list[Value]:
    """The values as JSON and fingerprints write them."""
    kind = values.dtype
    if isinstance(kind, pl.Datetime | pl.Duration):
        type_ = Type.DATETIME if isinstance(kind, pl.Datetime) else Type.DURATION
        return values.to_frame("value").select(written(pl.col("value"), type_)).to_series().to_list()
    return [canonical(value) for value in values.to_list()] if kind.is_float() else values.to_list()


def _lower(rule: Confidence, hit: str) -> Confidence:
    """The lower one of two."""
    return max(rule, Confidence(hit), key=_CONFIDENCES.index)


def _worded(rows: pl.DataFrame, task: Task, *, now: datetime) -> tuple[tuple[Finding, ...], Shown]:
    """Each row as a finding, with the values of every name shown beside it, in the order of findings."""
    rule = task.rule
    params: dict[str, Scalar] = {f"param.{name}": as_scalar(value) for name, value in task.params.items()}
    severities = list(Severity)
    names = sorted(task.shown)
    columns = {name: _json(rows[name]) for name in names}
    evidence = [column.column for column in rule.finding.evidence]
    made = zip(
        fingerprints(rule.id, zip(*(columns[name] for name in rule.finding.fingerprint), strict=True)),
        filled(rule.finding.subject, rows, params),
        filled(rule.finding.message, rows, params),
        rows[SEVERITY].to_list(),
        rows[AT].fill_null(now).to_list(),
        rows[_COUNT].to_list(),
        _records(rows[RECORDS]),
        rows[CONFIDENCE].to_list() if CONFIDENCE in rows.columns else repeat(None, rows.height),
        zip(*(columns[name] for name in evidence), strict=True) if evidence else repeat((), rows.height),
        zip(*columns.values(), strict=True),
        strict=True,
    )
    found = []
    for mark, subject, message, severity, at, occurrences, records, confidence, told, values in made:
        finding = Finding(
            fingerprint=mark,
            rule_id=rule.id,
            severity=severities[severity],
            confidence=rule.confidence if confidence is None else _lower(rule.confidence, confidence),
            subject=subject,
            message=message,
            observed_at=at,
            occurrences=occurrences,
            state=None,
            waiver=None,
            evidence=dict(zip(evidence, told, strict=True)),
            records=records,
        )
        found.append((severity, subject, mark, finding, values))
    found.sort(key=itemgetter(0, 1, 2))
    return tuple(finding for *_, finding, _ in found), Shown(names, [values for *_, values in found])


def _records(lists: pl.Series) -> Iterator[Sequence[Record]]:
    """The records of each finding; those of one page share its name, and very many are told as they are asked for."""
    counts = lists.list.len()
    large = counts > _MANY
    single = lists.filter(~large).explode().struct
    pages = single.field("page")
    first, places = numbered(code_of(pages))
    names = map(picked(pages, first).to_list().__getitem__, places.to_list())
    records = map(Record._make, zip(names, single.field("item").to_list(), strict=True))
    if counts.max() == 1:
        yield from zip(records, strict=True)
        return
    for place, count in enumerate(counts.to_list()):
        yield tuple(islice(records, count)) if count <= _MANY else _told(lists[place])


def _told(records: pl.Series) -> Records:
    def read(start: int, stop: int) -> Iterator[Run]:
        some = records[start:stop].struct
        pages, items = some.field("page"), some.field("item").to_list()
        firsts, _ = runs_of(pages)
        ends = [*firsts.to_list(), len(items)]
        for page, (first, end) in zip(picked(pages, firsts).to_list(), pairwise(ends), strict=True):
            yield page, items[first:end]

    return Records(records.len(), read)
