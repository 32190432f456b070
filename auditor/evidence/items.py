"""Single items of a page, without reading the rest of it where the page is as plain as most are."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate
from typing import TypeVar

Value = TypeVar("Value")

_FIRST = re.compile(rb'\{"items":\[(\{"[A-Za-z][A-Za-z0-9]*":)')
_KEY = re.compile(rb'\{"[A-Za-z]')
_LIST = '{"items":['
_CLOSES = b"}]}"
_BETWEEN = b"\0"
_REST = bytes(set(range(256)).difference(_BETWEEN, b'"[]{}'))
"""All bytes but quotes, brackets and what is put between items."""
_DEEPEST = 8
_ESCAPED = re.compile(rb"\\u00[67]")
"""A small letter that is escaped, as nobody writes a name unless to hide it."""
_SPACE = re.compile(r"[ \t\n\r]*")
_PASSED = json.JSONDecoder(parse_int=float)


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
    document = _READ.decode(text)
    whole = document.get("items") if isinstance(document, dict) else document
    return {place: whole[place] for place in wanted if place < len(whole)} if isinstance(whole, list) else {}


def first_of_equal(pairs: Sequence[tuple[str, Value]]) -> dict[str, Value]:
    """The object in which the first of equal names counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        found.update(reversed(pairs))
    return found


def stands_twice(body: bytes, name: str) -> bool:
    """Whether the page is an object that has the name twice, so that nobody can tell which value is meant."""
    quoted = f'"{name}"'.encode()
    if body.count(quoted) < 2 and not (b"\\u00" in body and _ESCAPED.search(body)):
        return False
    outermost: list[str] = []

    def note(pairs: Sequence[tuple[str, object]]) -> None:
        outermost[:] = [key for key, _ in pairs]

    try:
        document = json.loads(body.decode("utf-8-sig", "replace"), object_pairs_hook=note, parse_int=float)
    except (ValueError, RecursionError):
        return False
    return document is None and outermost.count(name) > 1


def whole(digits: str) -> int | float:
    """The number of the digits; one longer than Python reads is infinite, as one with too large an exponent is."""
    return int(digits) if len(digits) < sys.int_info.str_digits_check_threshold else math.inf


_READ = json.JSONDecoder(object_pairs_hook=first_of_equal, parse_int=whole)


def _cut(body: bytes, wanted: Collection[int]) -> Mapping[int, object] | None:
    """The wanted items, each cut out of the page; None where cutting could go wrong.

    `},{"key":` never stands in a text of JSON: no backslash is before the first quote, so that would end the text, and
    no letter follows the end of one. It stands between two maps of one list. That is the list of items when no other
    brace opens before it, or when all that opened in an item was closed in it.
    """
    first = _FIRST.match(body)
    texts = first and _between(body, first, wanted)
    if not texts:
        return None
    try:
        found = {place: _READ.decode(text.decode("utf-8", "replace")) for place, text in texts.items()}
    except ValueError:  # more follows the list
        return None
    return {place: found[place] for place in wanted if place in found}


def _between(body: bytes, first: re.Match[bytes], wanted: Collection[int]) -> Mapping[int, bytes] | None:
    """The wanted items that are there, and the last one where one is not; None where a map could be taken for an item.

    Of the items behind the last one that is wanted nothing is said.
    """
    last = max(wanted, default=0)
    starts = _starts_past_lists(body, first, last) or _starts_of_deep(body, first, last)
    if not starts:
        return None
    there = {*(place for place in wanted if place + 1 < len(starts)), len(starts) - 2}
    return {place: body[starts[place] : starts[place + 1] - 1] for place in there}


def _starts_past_lists(body: bytes, first: re.Match[bytes], last: int) -> Sequence[int] | None:
    """Where items begin, up to the one behind `last` or the end; None where maps lie but in a list that ends an item.

    A brace before a quote and a letter opens a map, and what stands right before it is no text either. Where only
    the map opened last, its list and its item are open, `}]},{` closes all three and `},{` without a `]` since then
    the first; where only an item is open, `},{` closes that, and `:[{` without a `}` since then begins a list in it.
    """
    between, past, find, stands = b"}," + first[1], b"}]}," + first[1], body.find, body.startswith
    at = first.start(1)
    starts, inside, known = [at], False, b"}"
    while len(starts) < last + 2:
        before, at = at, find(b"{", at + 1)
        if stands(past, at - 4) if inside else stands(between, at - 2):
            starts.append(at)
            inside = False
            continue
        if at < 0:
            return [*starts, len(body) - 1] if body.endswith(_CLOSES) else None
        if not (stands(b"},", at - 2) if inside else stands(b":[", at - 2)):
            return None
        if find(b"]" if inside else b"}", before, at) > 0:
            return None
        if not stands(known, at):
            named = _KEY.match(body, at)
            if named is None:
                return None
            known = named[0]
        inside = True
    return starts


def _starts_of_deep(body: bytes, first: re.Match[bytes], last: int) -> Sequence[int] | None:
    """The same of items that hold maps and lists; None where one of those could be taken for an item."""
    between = b"}," + first[1]
    inside = body[first.end() :].split(between, last + 1)
    if len(inside) > last + 1:
        inside.pop()
    elif body.endswith(_CLOSES):
        inside[-1] = inside[-1].removesuffix(_CLOSES)
    else:
        return None
    if not _are_closed(inside):
        return None
    return [*accumulate(inside, lambda start, part: start + len(between) + len(part), initial=first.start(1))]


def _are_closed(parts: Sequence[bytes]) -> bool:
    """Whether each part of a page closes the maps and lists that open in it, and no other; no part begins in a text."""
    joined = _BETWEEN.join(parts)
    if b"\\" in joined:
        joined = joined.replace(b"\\\\", b"").replace(b'\\"', b"")
    quoted = joined.translate(None, _REST)
    bare = quoted.replace(b'""', b"")
    if b'"' in bare:  # a text held a bracket: all texts go, each whole
        bare = b"".join(quoted.split(b'"')[::2])
    for _ in range(_DEEPEST):
        bare = bare.replace(b"{}", b"").replace(b"[]", b"")
    return not bare.strip(_BETWEEN)


def _passing(text: str, wanted: Collection[int]) -> Mapping[int, object]:
    """The wanted items; those before them are passed, and what follows is not looked at."""
    found: dict[int, object] = {}
    at = _after_space(text, len(_LIST))
    for place in range(max(wanted, default=-1) + 1):
        if text[at] == "]":
            break
        _, end = _PASSED.raw_decode(text, at)
        if place in wanted:
            found[place] = _READ.decode(text[at:end])
        at = _after_space(text, end)
        at = _after_space(text, at + 1) if text[at] == "," else at
    return found


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()
