"""Manifest lines: entries to canonical JSON and back."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from auditor.errors import ArchiveError
from auditor.evidence.entry import (
    ERASED,
    Entry,
    JsonValue,
    Link,
    PageEntry,
    Request,
    Response,
    RunEntry,
    TombstoneEntry,
    Unit,
    UnitEntry,
)
from auditor.model.coverage import Gap
from auditor.model.vocabulary import GapReason
from auditor.model.window import Window, instant, iso

Fields = dict[str, JsonValue]

_HASH = "hash"
_STAMP = re.compile(rb'\{"hash":"([0-9a-f]{64})",')
"""How a canonical line of a page begins; the rest of it, behind a brace, is what the hash covers."""
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(value: JsonValue) -> bytes:
    """The one JSON text of a value: keys sorted, no spaces, ASCII.

    >>> canonical({"b": 1, "a": None})
    b'{"a":null,"b":1}'
    """
    return _ENCODER.encode(value).encode("ascii")


def chained(fields: Mapping[str, JsonValue], seq: int, prev: str) -> tuple[bytes, Link]:
    """The line (without its newline) that puts `fields` at place `seq` behind the entry hashed `prev`."""
    entry: Fields = {**fields, "seq": seq, "prev": prev}
    text = canonical(entry)
    digest = hashlib.sha256(text).hexdigest()
    return _stamped(text, entry, digest), Link(seq, prev, digest)


def _stamped(text: bytes, entry: Fields, digest: str) -> bytes:
    """The canonical text of an entry and its hash, which stands among the sorted keys."""
    smaller = {name: value for name, value in entry.items() if name < _HASH}
    before = len(canonical(smaller)) - 1 if smaller else 1
    place = before if before == 1 else before + 1
    return b'%b"%b":"%b",%b' % (text[:place], _HASH.encode(), digest.encode(), text[place:])


def run_fields(at: datetime, asked: Mapping[str, JsonValue]) -> Fields:
    """The fields of a run's entry."""
    return {"kind": "run", "at": iso(at), "asked": dict(asked)}


def page_fields(request: Request, response: Response, *, sha256: str, size: int, seal: str | None = None) -> Fields:
    """The fields of a page's entry; those written before seals were kept have none."""
    return {
        "kind": "page",
        "request": None if request == ERASED else _request_fields(request),
        "response": {
            "status": response.status,
            "received_at": iso(response.received_at),
            "headers": [list(pair) for pair in response.headers],
        },
        "page": sha256,
        "size": size,
        **({} if seal is None else {"seal": seal}),
    }


def _request_fields(request: Request) -> Fields:
    return {
        "method": request.method,
        "path": request.path,
        "query": [list(pair) for pair in request.query],
        "headers": [list(pair) for pair in request.headers],
        "body": request.body,
    }


def unit_fields(at: datetime, unit: Unit, hashes: Iterable[str], *, redacted: bool) -> Fields:
    """The fields of a unit's entry."""
    return {
        "kind": "unit",
        "at": iso(at),
        "key": unit.key,
        "endpoint": unit.endpoint,
        "site_url": unit.site_url,
        **_span_fields(unit.window),
        "meeting_id": unit.meeting_id,
        "service_type": unit.service_type,
        "pages": list(unit.pages),
        "hashes": list(hashes),
        "complete": unit.complete,
        "settled": unit.settled,
        "rows": unit.rows,
        "gaps": [gap_fields(gap) for gap in unit.gaps],
        "options": dict(unit.options),
        "redacted": redacted,
    }


def tombstone_fields(
    at: datetime,
    reason: str,
    *,
    items: int,
    pages: Mapping[str, str],
    heads: Iterable[str],
    before: datetime | None,
) -> Fields:
    """The fields of a tombstone."""
    return {
        "kind": "tombstone",
        "at": iso(at),
        "reason": reason,
        "items": items,
        "pages": dict(pages),
        "heads": list(heads),
        "before": None if before is None else iso(before),
    }


def gap_fields(gap: Gap) -> Fields:
    """A gap as JSON writes it."""
    return {
        "table": gap.table,
        "site_url": gap.site_url,
        **_span_fields(gap.window),
        "reason": gap.reason.value,
        "detail": gap.detail,
    }


def gap_from(fields: Mapping[str, JsonValue]) -> Gap:
    """The gap that `gap_fields` wrote."""
    window = _span(fields)
    if window is None:
        raise ValueError("a gap needs a span")
    return Gap(
        _text(fields, "table"),
        _text(fields, "site_url"),
        window,
        GapReason(_text(fields, "reason")),
        _text(fields, "detail"),
    )


def parse(line: bytes) -> Entry:
    """The entry a line holds; its hash is taken as written, `verify` is who compares it.

    Raises `ArchiveError` when the line is no entry.
    """
    try:
        fields = json.loads(line)
        if not isinstance(fields, dict):
            raise TypeError("no object")  # noqa: TRY301 - one message for every kind of damage
        return _entry(fields)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArchiveError(f"evidence/manifest.jsonl holds a damaged entry ({error}); see archive verify") from error


def is_whole(line: bytes) -> bool:
    """Whether the line of an entry (without its newline) has the hash it claims, in whatever spelling it is."""
    stamp = _STAMP.match(line)
    if stamp is not None and hashlib.sha256(b"{" + line[stamp.end() :]).hexdigest().encode() == stamp[1]:
        return True
    fields: Fields = json.loads(line)
    claimed = fields.pop(_HASH)
    try:
        return hashlib.sha256(canonical(fields)).hexdigest() == claimed
    except ValueError:  # a number that no JSON knows
        return False


def _entry(fields: Mapping[str, JsonValue]) -> Entry:
    link = Link(_number(fields, "seq"), _text(fields, "prev"), _text(fields, "hash"))
    kind = fields["kind"]
    if kind == "page":
        return PageEntry(
            link,
            ERASED if fields["request"] is None else _request(_object(fields, "request")),
            _response(_object(fields, "response")),
            _text(fields, "page"),
            _number(fields, "size"),
            None if fields.get("seal") is None else _text(fields, "seal"),
        )
    at = instant(_text(fields, "at"))
    if kind == "unit":
        return UnitEntry(link, at, _unit(fields), tuple(_texts(fields, "hashes")), fields["redacted"] is True)
    if kind == "run":
        return RunEntry(link, at, _object(fields, "asked"))
    if kind == "tombstone":
        before = _optional(fields, "before")
        return TombstoneEntry(
            link,
            at,
            _text(fields, "reason"),
            _number(fields, "items"),
            {old: str(new) for old, new in _object(fields, "pages").items()},
            tuple(_texts(fields, "heads")),
            None if before is None else instant(before),
        )
    raise ValueError(f"unknown kind {kind!r}")


def _request(fields: Mapping[str, JsonValue]) -> Request:
    return Request(
        _text(fields, "method"),
        _text(fields, "path"),
        _pairs(fields, "query"),
        _pairs(fields, "headers"),
        fields["body"],
    )


def _response(fields: Mapping[str, JsonValue]) -> Response:
    return Response(_number(fields, "status"), instant(_text(fields, "received_at")), _pairs(fields, "headers"))


def _unit(fields: Mapping[str, JsonValue]) -> Unit:
    pages = _list(fields, "pages")
    gaps = _list(fields, "gaps")
    return Unit(
        key=_text(fields, "key"),
        endpoint=_text(fields, "endpoint"),
        site_url=_optional(fields, "site_url"),
        window=_span(fields),
        pages=tuple(page for page in pages if isinstance(page, int)),
        complete=fields["complete"] is True,
        rows=_number(fields, "rows"),
        settled=fields["settled"] is True,
        meeting_id=_optional(fields, "meeting_id"),
        service_type=_optional(fields, "service_type"),
        gaps=tuple(gap_from(gap) for gap in gaps if isinstance(gap, Mapping)),
        options={name: str(value) for name, value in _object(fields, "options").items()},
    )


def _span_fields(window: Window | None) -> Fields:
    if window is None:
        return {"from": None, "to": None}
    return {"from": iso(window.start), "to": iso(window.end)}


def _span(fields: Mapping[str, JsonValue]) -> Window | None:
    start, end = _optional(fields, "from"), _optional(fields, "to")
    return None if start is None or end is None else Window(instant(start), instant(end))


def _text(fields: Mapping[str, JsonValue], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _optional(fields: Mapping[str, JsonValue], name: str) -> str | None:
    return None if fields[name] is None else _text(fields, name)


def _number(fields: Mapping[str, JsonValue], name: str) -> int:
    value = fields[name]
    if not isinstance(value, int):
        raise TypeError(f"{name} is no number")
    return value


def _object(fields: Mapping[str, JsonValue], name: str) -> Mapping[str, JsonValue]:
    value = fields[name]
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is no object")
    return value


def _list(fields: Mapping[str, JsonValue], name: str) -> list[JsonValue]:
    value = fields[name]
    if not isinstance(value, list):
        raise TypeError(f"{name} is no list")
    return value


def _texts(fields: Mapping[str, JsonValue], name: str) -> list[str]:
    return [str(value) for value in _list(fields, name)]


def _pairs(fields: Mapping[str, JsonValue], name: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for pair in _list(fields, name):
        if not isinstance(pair, list) or len(pair) != 2:
            raise TypeError(f"{name} holds no pair")
        pairs.append((str(pair[0]), str(pair[1])))
    return tuple(pairs)
