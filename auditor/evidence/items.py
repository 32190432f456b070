"""Single items of a page, without reading the rest of it where the page is as plain as most are."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import TypeVar

Value = TypeVar("Value")

_FIRST = re.compile(rb'\{"items":\[(\{"[A-Za-z][A-Za-z0-9]*":)')
_CLOSES = b"}]}"
_PLAIN = re.compile(rb"[^]{}[]*(?:\[[^][]*\][^]{}[]*)*")
"""What stands in an item that holds lists of maps at most."""


def items(body: bytes, wanted: Collection[int]) -> Mapping[int, object]:
    """The items of the page at the wanted places that are there, by place.

    The page must be JSON. Bytes that are no UTF-8 are replaced; of equal keys the first one counts, as it does for
    the rows of the tables.
    """
    cut = _cut(body, wanted)
    if cut is not None:
        return cut
    document = json.loads(body.decode("utf-8-sig", "replace"), object_pairs_hook=first_of_equal)
    whole = document.get("items") if isinstance(document, dict) else document
    return {place: whole[place] for place in wanted if place < len(whole)} if isinstance(whole, list) else {}


def first_of_equal(pairs: Sequence[tuple[str, Value]]) -> dict[str, Value]:
    """The object in which the first of equal names counts."""
    found: dict[str, Value] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def _cut(body: bytes, wanted: Collection[int]) -> Mapping[int, object] | None:
    """The wanted items, each cut out of the page; None where cutting could go wrong."""
    first = _FIRST.match(body)
    if first is None or not body.endswith(_CLOSES) or b"\\" in body:
        return None
    begin, last = first[1], max(wanted, default=0)
    texts = body[first.end() : -len(_CLOSES)].split(b"}," + begin)
    if last >= len(texts) or not _whole(body, texts, last):
        return None
    try:
        _read(begin, texts[-1])
        return {place: _read(begin, texts[place]) for place in wanted}
    except ValueError:  # more follows the list
        return None


def _read(begin: bytes, text: bytes) -> object:
    value: object = json.loads((begin + text + b"}").decode("utf-8", "replace"), object_pairs_hook=first_of_equal)
    return value


def _whole(body: bytes, texts: Sequence[bytes], last: int) -> bool:
    """Whether each of the texts up to the last one is an item.

    In JSON without a backslash every quote opens or closes a text. So `},{"key":`, where it was cut, never stood in a
    text: the quote would end that, and no letter follows the end of one. It stood between two maps of one list. That
    is the list of items when no other maps are there. It is also when maps stand in lists of an item only: when no
    bracket stands in a text, as none does when each opens behind a key and as many close, and in no item a brace
    outside of lists.
    """
    if body.count(b"{") == len(texts) + 1:
        return True
    lists = body.count(b"[")
    return lists == body.count(b'":[') == body.count(b"]") and all(map(_PLAIN.fullmatch, islice(texts, last + 1)))
