"""The findings of an audit as one Polars frame."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from auditor.model.audit import Audit
from auditor.model.finding import Finding, Value
from auditor.reports.csv import controls_text

FIXED = pl.Schema(
    {
        "fingerprint": pl.String(),
        "rule_id": pl.String(),
        "title": pl.String(),
        "severity": pl.String(),
        "confidence": pl.String(),
        "state": pl.String(),
        "waiver": pl.String(),
        "subject": pl.String(),
        "message": pl.String(),
        "observed_at": pl.Datetime("us", "UTC"),
        "occurrences": pl.Int64(),
        "controls": pl.List(pl.String()),
    }
)
"""The columns every audit has, in front of `evidence`, `records`, `page` and `item`."""

RECORDS = pl.List(pl.Struct({"page": pl.String(), "item": pl.Int64()}))

_TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "boolean": pl.Boolean(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "datetime": pl.Datetime("us", "UTC"),
    "duration": pl.Duration("us"),
    "list": pl.List(pl.String()),
}


def findings_frame(audit: Audit) -> pl.DataFrame:
    """One row a finding in the order of the audit.

    `evidence` is a struct with a field for every evidence column of any rule, null where a rule has none of that
    name; a name that two rules use for different types is JSON text. `page` and `item` are the first record.
    """
    controls = [_whole(controls_text(rule.controls)).split() for rule in audit.rules]
    places = {rule.id: place for place, rule in enumerate(audit.rules)}
    titles = {rule.id: rule.title for rule in audit.rules}
    findings = audit.findings
    fixed = pl.DataFrame(
        {
            "fingerprint": [_whole(one.fingerprint) for one in findings],
            "rule_id": [_whole(one.rule_id) for one in findings],
            "title": [_whole(titles[one.rule_id]) for one in findings],
            "severity": [one.severity.value for one in findings],
            "confidence": [one.confidence.value for one in findings],
            "state": [one.state.value if one.state else None for one in findings],
            "waiver": [one.waiver and _whole(one.waiver) for one in findings],
            "subject": [_whole(one.subject) for one in findings],
            "message": [_whole(one.message) for one in findings],
            "observed_at": [one.observed_at for one in findings],
            "occurrences": [one.occurrences for one in findings],
            "controls": pl.Series(controls, dtype=FIXED["controls"]).gather([places[one.rule_id] for one in findings]),
        },
        schema=FIXED,
    )
    return fixed.with_columns(
        _evidence(audit),
        _records(findings),
        pl.Series("page", [f"sha256:{one.records[0].page}" for one in findings], dtype=pl.String()),
        pl.Series("item", [one.records[0].item for one in findings], dtype=pl.Int64()),
    )


def _records(findings: Sequence[Finding]) -> pl.Series:
    """The records of each finding, without an object for each record."""
    flat = pl.DataFrame(
        {
            "finding": [number for number, one in enumerate(findings) for _ in one.records],
            "page": [f"sha256:{page}" for one in findings for page, _ in one.records],
            "item": [item for one in findings for _, item in one.records],
        },
        schema={"finding": pl.Int64(), "page": pl.String(), "item": pl.Int64()},
    )
    together = flat.group_by("finding", maintain_order=True).agg(pl.struct("page", "item").alias("records"))
    return together["records"].cast(RECORDS)


def _evidence(audit: Audit) -> pl.Series:
    columns = evidence_types(audit)
    if not columns:
        return pl.Series("evidence", [None] * len(audit.findings), dtype=pl.String())
    return (
        pl.DataFrame([_column(name, dtype, audit.findings) for name, dtype in columns.items()])
        .to_struct("evidence")
        .rename("evidence")
    )


def evidence_types(audit: Audit) -> dict[str, pl.DataType | None]:
    """The type of every evidence column by name; None where rules disagree."""
    found: dict[str, set[str]] = {}
    for rule in audit.rules:
        for column in rule.evidence:
            found.setdefault(column.name, set()).add(column.type)
    for finding in audit.findings:
        for name in finding.evidence:
            found.setdefault(name, {"undeclared"})
    return {name: _type(found[name]) for name in sorted(found)}


def _type(names: set[str]) -> pl.DataType | None:
    if names == {"integer", "number"}:
        return pl.Float64()
    return _TYPES.get(next(iter(names))) if len(names) == 1 else None


def _column(name: str, dtype: pl.DataType | None, findings: Sequence[Finding]) -> pl.Series:
    values = [finding.evidence.get(name) for finding in findings]
    name = name.encode("utf-8", "backslashreplace").decode()
    if dtype is not None:
        try:
            return pl.Series(name, [_typed(value, dtype) for value in values], dtype=dtype)
        except (TypeError, ValueError, OverflowError):
            pass  # a redacted value need not have the column's type any more
    return pl.Series(name, [_text(value) for value in values], dtype=pl.String())


def _typed(value: Value, dtype: pl.DataType) -> object:
    if value is None:
        return None
    match dtype:
        case pl.Datetime():
            return datetime.fromisoformat(str(value))
        case pl.Duration():
            return timedelta(microseconds=int(str(value).removesuffix("us")))
        case pl.String():
            return _whole(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        case pl.List():
            return [_whole(item) for item in value] if isinstance(value, list) else value
        case _:
            return value


def _text(value: Value) -> str | None:
    """Text as it is, everything else as JSON."""
    if value is None or isinstance(value, str):
        return value if value is None else _whole(value)
    return json.dumps(value, ensure_ascii=False)


def _whole(text: str) -> str:
    """The text with lone surrogates replaced, which a frame cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
