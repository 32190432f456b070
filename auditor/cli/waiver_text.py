"""A waiver as text of `waivers.yaml`, put where it belongs without touching the rest."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from datetime import date

from auditor.documents import Items, Map, read
from auditor.errors import ConfigError
from auditor.triage.waiver_file import WaiverFile, parse

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_@.+/-]*( [A-Za-z0-9_@.+/()-]+)*")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_END = re.compile(r"\r\n|\r|\n")
_WORDS = frozenset({"true", "false", "null"})


def entry_text(
    *,
    name: str,
    rule: str | None,
    match: Sequence[tuple[str, str]],
    fingerprint: str | None,
    created: date,
    told: Mapping[str, str],
) -> str:
    """The waiver as one flow map; a name given twice allows both values."""
    parts = {"id": _quoted(name)}
    if rule is not None:
        parts["rule"] = _quoted(rule)
    if match:
        parts["match"] = _match(match)
    if fingerprint is not None:
        parts["fingerprint"] = json.dumps(fingerprint)
    for key in ("reason", "owner", "approved_by", "ticket", "category"):
        if key in told:
            parts[key] = _quoted(told[key])
    parts["created"] = created.isoformat()
    parts["expires"] = told["expires"] if _DAY.fullmatch(told["expires"]) else json.dumps(told["expires"])
    return "{" + ", ".join(f"{key}: {value}" for key, value in parts.items()) + "}"


def with_entry(content: bytes, entry: str, *, path: str) -> bytes:
    """The file's content with the entry as the last of its waivers.

    Raises `ConfigFileError` when the file or the entry is wrong, `ConfigError` when the list of waivers is not
    written one item a line; the content is never returned half changed.
    """
    before = parse(content, path=path)
    mark = BOM_UTF8 if content.startswith(BOM_UTF8) else b""
    try:
        changed = mark + _inserted(content.decode("utf-8-sig"), entry, path=path).encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{path}: the waiver cannot be added: its words are no UTF-8") from None
    after = parse(changed, path=path)
    if not _grew(before, after):
        raise ConfigError(f"{path}: the waiver cannot be added to this file by itself; write it by hand: - {entry}")
    return changed


def _grew(before: WaiverFile, after: WaiverFile) -> bool:
    return after.waivers[:-1] == before.waivers and after.attestations == before.attestations


def _inserted(text: str, entry: str, *, path: str) -> str:
    lines = text.splitlines(keepends=True)
    documents = read(text.encode(), path=path).documents
    top = documents[0] if documents and isinstance(documents[0], Map) else None
    waivers = top.get("waivers") if top is not None else None
    if top is None or waivers is None:
        return _with_lines(text, lines, ["waivers:", f"  - {entry}"], at=len(lines))
    if isinstance(waivers, Items) and waivers.items and not _dashed(lines, waivers):
        raise ConfigError(f"{path}: waivers is written in brackets; put each on a line of its own that begins with -")
    if isinstance(waivers, Items) and not waivers.items:
        raise ConfigError(f"{path}: replace 'waivers: []' by 'waivers:' so that lines can follow")
    indent = _indent(lines, waivers) if isinstance(waivers, Items) else "  "
    start = top.key("waivers").place.line
    following = [key.place.line for key, _ in top.entries if key.place.line > start]
    end = min(following, default=len(lines) + 1) - 1
    while end > start and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return _with_lines(text, lines, [f"{indent}- {entry}"], at=end)


def _with_lines(text: str, lines: Sequence[str], more: Sequence[str], *, at: int) -> str:
    """The text with more lines before the one numbered `at`; they end as its first one does."""
    found = _END.search(text)
    end = found[0] if found is not None else "\n"
    before = "".join(lines[:at])
    missing = end if before and _END.fullmatch(before[-1]) is None else ""
    return "".join([before, missing, *(f"{line}{end}" for line in more), *lines[at:]])


def _dashed(lines: Sequence[str], waivers: Items) -> bool:
    return lines[waivers.items[0].place.line - 1].lstrip().startswith("-")


def _indent(lines: Sequence[str], waivers: Items) -> str:
    line = lines[waivers.items[0].place.line - 1]
    return line[: len(line) - len(line.lstrip())]


def _match(pairs: Sequence[tuple[str, str]]) -> str:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(_value(value))
    told = (
        f"{_quoted(name)}: {one[0] if len(one) == 1 else '[' + ', '.join(one) + ']'}" for name, one in values.items()
    )
    return "{" + ", ".join(told) + "}"


def _value(text: str) -> str:
    """Numbers, true, false and null as themselves; everything else as text."""
    if text in _WORDS or re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", text):
        return text
    return _quoted(text)


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text not in _WORDS else json.dumps(text, ensure_ascii=False)
