"""What machine formats share: repeatable ids, one-line text, JSON as bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from uuid import UUID, uuid5

from auditor.model.audit import Audit, RuleResult
from auditor.model.finding import Record, Value
from auditor.reports.text import paragraphs, spelled_out, visible

_SPACE = UUID("6f0a3a52-97d5-5b0e-8b7a-2f1c3a9f7d11")
_LONGEST = 100_000


def identifier(audit: Audit, *names: str) -> str:
    """A UUID (version 5) of the audit and the names: the same audit always gives the same one."""
    name = "/".join((audit.identity.id, *names))
    return str(uuid5(_SPACE, name.encode("utf-8", "backslashreplace").decode()))


def line(text: str) -> str:
    r"""The text on one line, with every character that hides or moves other text shown by its number.

    >>> line("a\u202eb")
    'a⟨U+202E⟩b'
    """
    return visible(text, cap=_LONGEST)


def prose(text: str) -> str:
    """The paragraphs of a rule's prose, a blank line between them."""
    return "\n\n".join(paragraphs(text))


def pretty(document: object) -> bytes:
    """The document as indented JSON in UTF-8, ending with a line end."""
    return _bytes(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))


def filled(document: object, key: str, items: Iterable[object]) -> Iterator[bytes]:
    """The same with items in the empty list of the only such key, a piece at a time.

    >>> b"".join(filled({"a": [], "b": 1}, "a", [{"c": 2}])) == pretty({"a": [{"c": 2}], "b": 1})
    True
    """
    before, empty, after = pretty(document).partition(f'"{key}": []'.encode())
    deep = b"\n" + b" " * (len(before) - before.rindex(b"\n") + 1)
    yield before + empty[:-1]
    ahead = deep
    for item in items:
        yield ahead + pretty(item)[:-1].replace(b"\n", deep)
        ahead = b"," + deep
    yield (b"" if ahead == deep else deep[:-2]) + empty[-1:] + after


def compact(document: object) -> bytes:
    """The document as one line of JSON in UTF-8 with its line end."""
    return _bytes(json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


def _bytes(text: str) -> bytes:
    return (spelled_out(text) + "\n").encode("utf-8", "replace")


def shown(evidence: Mapping[str, Value]) -> dict[str, Value]:
    """The evidence with each text on one line."""
    return {name: line(value) if isinstance(value, str) else value for name, value in evidence.items()}


def record(one: Record) -> dict[str, str | int]:
    """A record as JSON names it."""
    return {"page": f"sha256:{one.page}", "item": one.item}


def digests(audit: Audit) -> dict[str, str]:
    """What the audit rests on, each digest with its algorithm before it."""
    identity = audit.identity
    return {
        "rules_digest": f"sha256:{identity.rules_digest}",
        "evidence_head": f"sha256:{identity.evidence_head}",
        "config_digest": f"sha256:{identity.config_digest}",
    }


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return (moment - epoch) // (datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC) - epoch)


def kept(document: Mapping[str, object]) -> dict[str, object]:
    """The document without the keys that hold nothing; zero and false are something."""
    return {key: value for key, value in document.items() if value is not None and value not in ("", [], {}, ())}


def by_id(audit: Audit) -> dict[str, RuleResult]:
    """The rules that ran, by id."""
    return {rule.id: rule for rule in audit.rules}
