"""The identity of a finding across audits."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from json.encoder import encode_basestring
from typing import TypeAlias

from auditor.model.window import iso

Scalar: TypeAlias = bool | int | float | str | datetime | timedelta | Sequence[str] | None
"""What a column of a rule may hold."""

_SCHEMA = 1

_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def canonical(value: Scalar) -> bool | int | float | str | list[str] | None:
    """The value as fingerprints and JSON write it.

    Date-times become ISO text with microseconds and `Z`, durations whole microseconds with their unit; −0.0 is
    0.0. Raises `ValueError` for a number that is not finite: the rule language turns those into null.

    >>> canonical(timedelta(minutes=2))
    '120000000us'
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if not math.isfinite(value):
                raise ValueError("a number in a fingerprint must be finite")
            return value + 0.0
        case datetime():
            return iso(value if value.tzinfo else value.replace(tzinfo=UTC))
        case timedelta():
            return f"{value // timedelta(microseconds=1)}us"
        case _:
            return list(value)


def fingerprint(rule_id: str, values: Sequence[Scalar]) -> str:
    """Lower-case hex SHA-256 over the schema version, the rule and the values in the order the rule names them.

    >>> fingerprint("ACC-001", ["m1", "eve@example.org"])[:8]
    'd5fe9181'
    """
    return _digest(_text([_SCHEMA, rule_id, [canonical(value) for value in values]]))


def fingerprints(rule_id: str, rows: Iterable[Sequence[Scalar]]) -> list[str]:
    """One fingerprint a row, equal to `fingerprint` of each, for many rows of one rule."""
    head = f"[{_SCHEMA},{_text(rule_id)},["
    return [_digest(f"{head}{','.join(map(_written, row))}]]") for row in rows]


def _written(value: Scalar) -> str:
    """The value as `_text` writes it, which takes longer."""
    if type(value) is str:
        return encode_basestring(value)
    if type(value) is int:
        return repr(value)
    return "null" if value is None else _text(canonical(value))


def _digest(text: str) -> str:
    # Polars keeps lone surrogates out of frames; a caller's own text may hold them
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
