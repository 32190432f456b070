"""Single items of a page, without reading the rest of it where the page is as plain as most are."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

Value = TypeVar("Value")

_FIRST = re.compile(rb'\{"items":\[(\{"[A-Za-z][A-Za-z0-9]*":)')
_LIST = '{"items":['
_CLOSES = b"}]}"
_SPACE = re.compile(r"[ \t\n\r]*")
_PASSED = json.JSONDecoder()


def items(body: bytes, wanted: Collection[int]) -> Mapping[int, object]:
    """The items of the page at the wanted places that are there, by place.

    The page must be JSON. Bytes that are no UTF-8 are replaced; of equal keys the first one counts, as it does for
    the rows of the tables.
    """
    cut = _cut(body, wanted)
    if cut is not None:
        return cut
    text = body.decode("utf-8-sig", "replace")
    if text.startswith(_LIST):
        return _passing(text, wanted)
    document = json.loads(text, object_pairs_hook=first_of_equal)
    whole = document.get("items") if isinstance(document, dict) else document
    return {place: whole[place] for place in wanted if place < len(whole)} if isinstance(whole, list) else {}


def first_of_equal(pairs: Sequence[tuple[str, Value]]) -> dict[str, Value]:
    """The object in which the first of equal names counts."""
    found: dict[str, Value] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def _cut(body: bytes, wanted: Collection[int]) -> Mapping[int, object] | None:
    """The wanted items, each cut out of the page; None where cutting could go wrong.

    In JSON without a backslash every quote opens or closes a text. So `},{"key":` never stands in a text: the quote
    would end that, and no letter follows the end of one. It stands between two maps of one list. That is the list of
    items when no other brace opens before it.
    """
    first = _FIRST.match(body)
    starts = first and _starts(body, first, max(wanted, default=0))
    if not starts or body.find(b"\\", 0, starts[-1]) >= 0:
        return None
    there = {*(place for place in wanted if place + 1 < len(starts)), len(starts) - 2}
    texts = {place: body[starts[place] : starts[place + 1] - 1].decode("utf-8", "replace") for place in there}
    try:
        found = {place: _read(text) for place, text in texts.items()}
    except ValueError:  # more follows the list
        return None
    return {place: found[place] for place in wanted if place in found}


def _starts(body: bytes, first: re.Match[bytes], last: int) -> Sequence[int] | None:
    """Where the items begin up to the one behind `last`, or else the list ends; None where another brace opens."""
    between, find, stands = b"}," + first[1], body.find, body.startswith
    start = first.start(1)
    starts = [start]
    for _ in range(last + 1):
        start = find(b"{", start + 1)
        if not stands(between, start - 2):
            return [*starts, len(body) - 1] if start < 0 and body.endswith(_CLOSES) else None
        starts.append(start)
    return starts


def _passing(text: str, wanted: Collection[int]) -> Mapping[int, object]:
    """The wanted items; those before them are passed, and what follows is not looked at."""
    found: dict[int, object] = {}
    at = _after_space(text, len(_LIST))
    for place in range(max(wanted, default=-1) + 1):
        if text[at] == "]":
            break
        _, end = _PASSED.raw_decode(text, at)
        if place in wanted:
            found[place] = _read(text[at:end])
        at = _after_space(text, end)
        at = _after_space(text, at + 1) if text[at] == "," else at
    return found


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()


def _read(text: str) -> object:
    value: object = json.loads(text, object_pairs_hook=first_of_equal)
    return value
