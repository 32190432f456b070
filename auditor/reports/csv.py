"""The findings as CSV that a spreadsheet opens safely: UTF-8 with BOM, all text quoted, no formula."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from auditor.model.audit import Audit, RuleResult
from auditor.model.finding import Finding, Value
from auditor.model.window import iso
from auditor.reports.text import spreadsheet_cell, visible

_FIXED = (
    "fingerprint",
    "rule_id",
    "title",
    "severity",
    "confidence",
    "state",
    "waiver",
    "subject",
    "message",
    "observed_at",
    "controls",
)

_AT_ONCE = 256
"""How many lines are written together."""


def render(audit: Audit) -> bytes:
    """One line a finding in the order of the audit; the header names the columns and nothing else."""
    return b"".join(pieces(audit))


def pieces(audit: Audit) -> Iterator[bytes]:
    """The same, some lines at a time."""
    rules = {rule.id: rule for rule in audit.rules}
    columns = evidence_columns(audit)
    header = [*_FIXED, *(f"evidence.{visible(column)}" for column in columns), "page", "item"]
    yield codecs.BOM_UTF8 + _lines([header])
    rows = (_row(finding, rules[finding.rule_id], columns) for finding in audit.findings)
    while some := list(islice(rows, _AT_ONCE)):
        yield _lines(some)


def _lines(rows: Sequence[Sequence[str | int | float]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode(errors="replace")


def evidence_columns(audit: Audit) -> tuple[str, ...]:
    """Every evidence column of the audit's findings, by name."""
    return tuple(sorted({column for finding in audit.findings for column in finding.evidence}))


def controls_text(controls: Mapping[str, Sequence[str]]) -> str:
    """Controls as `framework:control`, divided by spaces."""
    return " ".join(f"{framework}:{control}" for framework, ids in controls.items() for control in ids)


def _row(finding: Finding, rule: RuleResult, columns: Sequence[str]) -> list[str | int | float]:
    first = finding.records[0]
    texts = (
        finding.fingerprint,
        finding.rule_id,
        rule.title,
        finding.severity.value,
        finding.confidence.value,
        finding.state or "",
        finding.waiver or "",
        finding.subject,
        finding.message,
        iso(finding.observed_at),
        controls_text(rule.controls),
    )
    return [
        *map(_safe, texts),
        *(_cell(finding.evidence.get(column)) for column in columns),
        f"sha256:{first.page}",
        first.item,
    ]


def _cell(value: Value) -> str | int | float:
    """Numbers as numbers, lists as JSON text, yes and no as `true` and `false`, nothing as an empty cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    if isinstance(value, list):
        return _safe(json.dumps(value, ensure_ascii=False))
    return _safe(value)


def _safe(text: str) -> str:
    """The whole text in one line, nothing in it hidden, and never a formula."""
    return spreadsheet_cell(visible(text, cap=max(len(text), 1)))
