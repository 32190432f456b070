"""The JSON Schema of an audit, written from the same closed sets of words as the model."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeAlias

from auditor.model.vocabulary import Confidence, GapReason, Severity, State, Status, Verdict

Schema: TypeAlias = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FLAG: Schema = {"type": "boolean"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_DAY: Schema = {"type": "string", "format": "date"}
_DIGEST: Schema = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_VALUE: Schema = {"anyOf": [{"type": ["string", "number", "boolean", "null"]}, {"type": "array", "items": _TEXT}]}


def schema() -> Schema:
    """The JSON Schema (2020-12) that every dumped audit is valid against. Unknown keys are allowed."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "auditor audit, version 1",
        **_object(
            {
                "schema_version": {"const": 1},
                "audit": _IDENTITY,
                "coverage": _COVERAGE,
                "rules": _list(_RULE),
                "rules_not_run": _list(_object({"id": _TEXT, "status": _TEXT, "why": _TEXT})),
                "frameworks": _list(_object({"id": _TEXT, "title": _TEXT, "controls": _list(_CONTROL)})),
                "findings": _list(_FINDING),
                "resolved": _list(_object(_EARLIER | {"resolved_in": _TEXT})),
                "not_compared": _list(_object(_EARLIER | {"why": _TEXT})),
                "waivers": _list(_WAIVER),
                "summary": _object(
                    {
                        "findings": _COUNT,
                        "open": _COUNT,
                        "waived": _COUNT,
                        "by_severity": _object({severity.value: _COUNT for severity in Severity}),
                    }
                ),
                "cited": _list(_object(_RECORD | {"request": _TEXT, "fetched_at": _TIME, "raw": _TEXT})),
                "chain": _CHAIN,
                "previous": _nullable(_TEXT),
                "rule_changes": _nullable(
                    _object({"added": _list(_TEXT), "removed": _list(_TEXT), "changed": _list(_TEXT)})
                ),
                "notes": _list(_TEXT),
                "redacted": _FLAG,
                "report": _REPORT,
            }
        ),
    }


def _object(properties: Schema) -> Schema:
    """An object that has all of these keys, and may have more."""
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _nullable(of: Schema) -> Schema:
    return {"anyOf": [of, {"type": "null"}]}


def _word(words: type[StrEnum]) -> Schema:
    return {"enum": [word.value for word in words]}


_SPAN: Schema = {"from": _TIME, "to": _TIME}
_RECORD: Schema = {"page": _DIGEST, "item": _COUNT}
_IDENTITY = _object(
    {
        "id": _TEXT,
        "auditor_version": _TEXT,
        "window": _object(_SPAN),
        "sites": _list(_TEXT),
        "evaluated_at": _TIME,
        "rules_digest": _DIGEST,
        "evidence_head": _DIGEST,
        "config_digest": _DIGEST,
    }
)
_COVERAGE = _object(
    {
        "complete": _FLAG,
        "tables": _map(
            _object(
                {
                    "rows": _COUNT,
                    "first": _nullable(_TIME),
                    "last": _nullable(_TIME),
                    "asked": _nullable(_object({"spans": _COUNT, "whole": _COUNT})),
                    "people": _nullable(_object({"stated": _COUNT, "received": _COUNT})),
                }
            )
        ),
        "gaps": _list(
            _object({"table": _TEXT, "site_url": _TEXT, **_SPAN, "reason": _word(GapReason), "detail": _TEXT})
        ),
    }
)
_PARAMETER = _object(
    {"name": _TEXT, "type": _TEXT, "value": _VALUE, "default": _VALUE, "source": _TEXT, "description": _TEXT}
)
_LEDGER = _object(
    {
        "candidates": _COUNT,
        "suppressed": _map(_COUNT),
        "emitted": _COUNT,
        "truncated": _COUNT,
        "history": _nullable(_object({"from": _DAY, "to": _DAY})),
    }
)
_RULE = _object(
    {
        "id": _TEXT,
        "name": _TEXT,
        "title": _TEXT,
        "severity": _word(Severity),
        "verdict": {"enum": [word.value for word in Verdict if word is not Verdict.ATTESTED]},
        "reason": _nullable(_TEXT),
        "population": _COUNT,
        "not_evaluable": _COUNT,
        "findings": _COUNT,
        "waived": _COUNT,
        "truncated": _COUNT,
        "controls": _map(_list(_TEXT)),
        "status": _word(Status),
        "confidence": _word(Confidence),
        "version": _COUNT,
        "digest": _DIGEST,
        "path": _TEXT,
        "line": _COUNT,
        "description": _TEXT,
        "rationale": _TEXT,
        "remediation": _TEXT,
        "false_positives": _list(_TEXT),
        "references": _list(_TEXT),
        "tags": _list(_TEXT),
        "parameters": _list(_PARAMETER),
        "evidence": _list(_object({"column": _TEXT, "type": _TEXT, "redact": _nullable(_TEXT)})),
        "tables": _list(_TEXT),
        "crashed": _FLAG,
        "detector": _nullable(_TEXT),
        "ledger": _nullable(_LEDGER),
        "declared_severity": _nullable(_word(Severity)),
        "subject_template": _TEXT,
        "message_template": _TEXT,
    }
)
_CONTROL = _object(
    {
        "id": _TEXT,
        "verdict": _word(Verdict),
        "rules": _list(_TEXT),
        "title": _TEXT,
        "findings": _COUNT,
        "waived": _COUNT,
        "note": _nullable(_TEXT),
    }
)
_FINDING = _object(
    {
        "fingerprint": _TEXT,
        "rule_id": _TEXT,
        "severity": _word(Severity),
        "confidence": _word(Confidence),
        "subject": _TEXT,
        "message": _TEXT,
        "observed_at": _TIME,
        "occurrences": _COUNT,
        "state": _nullable(_word(State)),
        "waiver": _nullable(_TEXT),
        "evidence": _map(_VALUE),
        "records": _list(_object(_RECORD)) | {"minItems": 1},
    }
)
_EARLIER: Schema = {
    "fingerprint": _TEXT,
    "rule_id": _TEXT,
    "severity": _word(Severity),
    "subject": _TEXT,
    "message": _TEXT,
    "observed_at": _TIME,
}
_WAIVER = _object(
    {
        "id": _TEXT,
        "rule": _nullable(_TEXT),
        "match": _map(_list(_VALUE)),
        "fingerprint": _nullable(_TEXT),
        "reason": _TEXT,
        "owner": _TEXT,
        "expires": _DAY,
        "approved_by": _nullable(_TEXT),
        "ticket": _nullable(_TEXT),
        "category": _nullable(_TEXT),
        "created": _nullable(_DAY),
        "state": _TEXT,
        "findings": _COUNT,
    }
)
_CHAIN = _object(
    {
        "head": _DIGEST,
        "entries": _COUNT,
        "pages": _COUNT,
        "bytes": _COUNT,
        "first_fetched_at": _nullable(_TIME),
        "last_fetched_at": _nullable(_TIME),
    }
)
_REPORT = _object(
    {
        "title": _TEXT,
        "organisation": _nullable(_TEXT),
        "prepared_for": _nullable(_TEXT),
        "classification": _nullable(_TEXT),
        "logo": _nullable(_TEXT),
        "max_findings_per_rule": _COUNT,
        "timezone": _TEXT,
        "accent": _nullable(_TEXT),
    }
)
