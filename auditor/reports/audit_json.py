"""The audit as JSON: the contract's keys in the contract's order, then what `report` needs beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from itertools import groupby, islice
from json.encoder import encode_basestring
from math import isfinite
from operator import attrgetter
from typing import cast

from auditor.model.audit import Audit, CitedRecord, ControlResult, Ledger, NotCompared, Parameter, Resolved, RuleResult
from auditor.model.coverage import Gap, TableCoverage
from auditor.model.finding import Finding, Record, Records, Run, Value
from auditor.model.waiver import WaiverState
from auditor.model.window import Window, iso
from auditor.reports.audit_read import load
from auditor.reports.audit_schema import schema
from auditor.reports.text import LONE, spelled_out

__all__ = ["SCHEMA_VERSION", "dump", "load", "pieces", "render", "schema"]

SCHEMA_VERSION = 1

_AT_ONCE = 256
"""How many lines are encoded together."""
_MANY = 10_000
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=dict)
_LONE_SURROGATE = re.compile(f"[{LONE}]")


def render(audit: Audit) -> bytes:
    """The audit as `audit.json`."""
    return dump(audit)


def dump(audit: Audit) -> bytes:
    r"""The audit in UTF-8, one line for each rule, finding, gap and cited record; ends with a line feed.

    Equal audits give equal bytes. Lone surrogates and characters that hide or move others are written as their `\u`
    escapes, all other text as it is.
    """
    return b"".join(pieces(audit))


def pieces(audit: Audit) -> Iterator[bytes]:
    """The same, a few lines at a time."""
    before = b"{\n"
    for key, value in _document(audit).items():
        yield before + _encoded(key) + b": "
        if isinstance(value, Iterator):
            yield from _lines(value)
        else:
            yield _encoded(value)
        before = b",\n"
    yield b"\n}\n"


def _lines(values: Iterator[object]) -> Iterator[bytes]:
    before = "[\n"
    while some := list(islice(values, _AT_ONCE)):
        for long, lines in groupby(some, key=lambda value: isinstance(value, Iterator)):
            if not long:
                yield _utf8(before + ",\n".join([line if isinstance(line, str) else _json(line) for line in lines]))
                before = ",\n"
                continue
            for line in lines:
                yield before.encode()
                yield from map(_utf8, cast("Iterator[str]", line))
                before = ",\n"
    yield b"[]" if before == "[\n" else b"\n]"


def _encoded(value: object) -> bytes:
    return _utf8(_json(value))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def _json(value: object) -> str:
    return spelled_out(_ENCODER.encode(value))


def _text(text: str) -> str:
    """The text as `_json` writes it."""
    written = encode_basestring(text)
    return written if text.isascii() and "\x7f" not in text else spelled_out(written)


_name = lru_cache(1024)(_text)
"""The same of one of few texts."""


@lru_cache(1024)
def _shape(names: tuple[str, ...]) -> str:
    """The evidence of a finding, with a place for each value."""
    return ", ".join(f"{_text(name).replace('%', '%%')}: %s" for name in names)


def _value(value: Value) -> str:
    if type(value) is str:
        return encode_basestring(value) if value.isascii() and "\x7f" not in value else _text(value)
    if type(value) is int or (type(value) is float and isfinite(value)):
        return repr(value)
    return "null" if value is None else _json(value)


def _finding(finding: Finding) -> str | Iterator[str]:
    """One finding as the contract writes it, in pieces where it rests on very many records.

    There may be many of them and of records: no object is made of each.
    """
    evidence = _shape(tuple(finding.evidence)) % tuple(map(_value, finding.evidence.values()))
    state = "null" if finding.state is None else f'"{finding.state}"'
    before = (
        f'{{"fingerprint": {_text(finding.fingerprint)}, "rule_id": {_name(finding.rule_id)}, '
        f'"severity": "{finding.severity}", "confidence": "{finding.confidence}", '
        f'"subject": {_text(finding.subject)}, "message": {_text(finding.message)}, '
        f'"observed_at": "{iso(finding.observed_at)}", "occurrences": {finding.occurrences}, '
        f'"state": {state}, "waiver": {_value(finding.waiver)}, '
        f'"evidence": {{{evidence}}}, "records": [{{'
    )
    if len(finding.records) > _MANY:
        return _long(before, finding.records)
    return before + "}, {".join([_record(page, item) for page, item in finding.records]) + "}]}"


def _long(before: str, records: Sequence[Record]) -> Iterator[str]:
    """The same, the records of a page at a time."""
    for page, items in _runs(records):
        start = _record(page, "")
        yield f"{before}{start}" + f"}}, {{{start}".join(map(str, items))
        before = "}, {"
    yield "}]}"


def _runs(records: Sequence[Record]) -> Iterator[Run]:
    if isinstance(records, Records):
        yield from records.runs()
        return
    for page, some in groupby(records, key=attrgetter("page")):
        yield page, [record.item for record in some]


def _cited(cited: CitedRecord) -> str:
    return (
        f'{{{_record(*cited.record)}, "request": {_name(cited.request)}, '
        f'"fetched_at": "{iso(cited.fetched_at)}", "raw": {_text(cited.raw)}}}'
    )


def _record(page: str, item: int | str) -> str:
    """What stands between the braces of a record."""
    return f'{_page(page)}, "item": {item}'


@lru_cache(1024)
def _page(page: str) -> str:
    return f'"page": {_text(f"sha256:{page}")}'


def _document(audit: Audit) -> dict[str, object]:
    who = audit.identity
    return {
        "schema_version": SCHEMA_VERSION,
        "audit": {
            "id": who.id,
            "auditor_version": who.auditor_version,
            "window": _window(who.window),
            "sites": who.sites,
            "evaluated_at": iso(who.evaluated_at),
            "rules_digest": f"sha256:{who.rules_digest}",
            "evidence_head": f"sha256:{who.evidence_head}",
            "config_digest": f"sha256:{who.config_digest}",
        },
        "coverage": {
            "complete": audit.coverage.complete,
            "tables": {name: _held(held) for name, held in audit.coverage.tables.items()},
            "gaps": [_gap(gap) for gap in audit.coverage.gaps],
        },
        "rules": map(_rule, audit.rules),
        "rules_not_run": ({"id": rule.id, "status": rule.status, "why": rule.why} for rule in audit.rules_not_run),
        "frameworks": (
            {"id": framework.id, "title": framework.title, "controls": [_control(c) for c in framework.controls]}
            for framework in audit.frameworks
        ),
        "findings": map(_finding, audit.findings),
        "resolved": (_earlier(gone) | {"resolved_in": gone.resolved_in} for gone in audit.resolved),
        "not_compared": (_earlier(unknown) | {"why": unknown.why} for unknown in audit.not_compared),
        "waivers": map(_waiver, audit.waivers),
        "summary": {
            "findings": audit.summary.findings,
            "open": audit.summary.open,
            "waived": audit.summary.waived,
            "by_severity": {severity.value: count for severity, count in audit.summary.by_severity.items()},
        },
        **_additions(audit),
    }


def _additions(audit: Audit) -> dict[str, object]:
    """What the contract leaves to us: all else that a report prints."""
    chain, look, changes = audit.chain, audit.report, audit.rule_changes
    return {
        "cited": map(_cited, audit.cited),
        "chain": {
            "head": f"sha256:{chain.head}",
            "entries": chain.entries,
            "pages": chain.pages,
            "bytes": chain.bytes,
            "first_fetched_at": _time(chain.first_fetched_at),
            "last_fetched_at": _time(chain.last_fetched_at),
        },
        "previous": audit.previous,
        "rule_changes": changes and {"added": changes.added, "removed": changes.removed, "changed": changes.changed},
        "notes": list(audit.notes),
        "redacted": audit.redacted,
        "report": {
            "title": look.title,
            "organisation": look.organisation,
            "prepared_for": look.prepared_for,
            "classification": look.classification,
            "logo": look.logo,
            "max_findings_per_rule": look.max_findings_per_rule,
            "timezone": look.timezone,
            "accent": look.accent,
        },
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _window(window: Window) -> dict[str, str]:
    return {"from": iso(window.start), "to": iso(window.end)}


def _held(held: TableCoverage) -> dict[str, object]:
    asked, people = held.asked, held.people
    return {
        "rows": held.rows,
        "first": _time(held.first),
        "last": _time(held.last),
        "asked": asked and {"spans": asked.spans, "whole": asked.whole},
        "people": people and {"stated": people.stated, "received": people.received},
    }


def _gap(gap: Gap) -> dict[str, object]:
    return {
        "table": gap.table,
        "site_url": gap.site_url,
        **_window(gap.window),
        "reason": gap.reason.value,
        "detail": gap.detail,
    }


def _rule(rule: RuleResult) -> dict[str, object]:
    return {
        "id": rule.id,
        "name": rule.name,
        "title": rule.title,
        "severity": rule.severity.value,
        "verdict": rule.verdict.value,
        "reason": rule.reason,
        "population": rule.population,
        "not_evaluable": rule.not_evaluable,
        "findings": rule.findings,
        "waived": rule.waived,
        "truncated": rule.truncated,
        "controls": rule.controls,
        "status": rule.status.value,
        "confidence": rule.confidence.value,
        "version": rule.version,
        "digest": f"sha256:{rule.digest}",
        "path": rule.path,
        "line": rule.line,
        "description": rule.description,
        "rationale": rule.rationale,
        "remediation": rule.remediation,
        "false_positives": rule.false_positives,
        "references": rule.references,
        "tags": rule.tags,
        "parameters": [_parameter(parameter) for parameter in rule.parameters],
        "evidence": [{"column": column.name, "type": column.type, "redact": column.redact} for column in rule.evidence],
        "tables": rule.tables,
        "crashed": rule.crashed,
        "detector": rule.detector,
        "ledger": None if rule.ledger is None else _ledger(rule.ledger),
        "declared_severity": rule.declared_severity,
        "subject_template": rule.subject_template,
        "message_template": rule.message_template,
    }


def _ledger(ledger: Ledger) -> Mapping[str, object]:
    return {
        "candidates": ledger.candidates,
        "suppressed": ledger.suppressed,
        "emitted": ledger.emitted,
        "truncated": ledger.truncated,
        "history": None
        if ledger.history is None
        else {"from": ledger.history[0].isoformat(), "to": ledger.history[1].isoformat()},
    }


def _parameter(parameter: Parameter) -> Mapping[str, object]:
    return {
        "name": parameter.name,
        "type": parameter.type,
        "value": parameter.value,
        "default": parameter.default,
        "source": parameter.source,
        "description": parameter.description,
    }


def _control(control: ControlResult) -> dict[str, object]:
    return {
        "id": control.id,
        "verdict": control.verdict.value,
        "rules": control.rules,
        "title": control.title,
        "findings": control.findings,
        "waived": control.waived,
        "note": control.note,
    }


def _earlier(finding: Resolved | NotCompared) -> dict[str, object]:
    return {
        "fingerprint": finding.fingerprint,
        "rule_id": finding.rule_id,
        "severity": finding.severity.value,
        "subject": finding.subject,
        "message": finding.message,
        "observed_at": iso(finding.observed_at),
    }


def _waiver(state: WaiverState) -> dict[str, object]:
    waiver = state.waiver
    return {
        "id": waiver.id,
        "rule": waiver.rule,
        "match": waiver.match,
        "fingerprint": waiver.fingerprint,
        "reason": waiver.reason,
        "owner": waiver.owner,
        "expires": _day(waiver.expires),
        "approved_by": waiver.approved_by,
        "ticket": waiver.ticket,
        "category": waiver.category,
        "created": _day(waiver.created),
        "state": state.state,
        "findings": state.findings,
    }
