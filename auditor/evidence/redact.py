"""Pages with some of their items made null, all other bytes as they were."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from auditor.evidence.entry import JsonValue
from auditor.evidence.items import first_of_equal, whole
from auditor.evidence.person import Person

_DECODER = json.JSONDecoder(parse_int=float)
"""Finds where values end; a number, however long, is of no interest."""

_BLANK = re.compile(r"(?<!\\)((?:\\\\)*)\\[bfnrt]")
"""How JSON writes a line's end and the like: its letter would seem to begin the address behind it."""


def without_items(body: bytes, items: Collection[int]) -> tuple[bytes, int]:
    """The page with those items null that are in `items`, and how many it changed."""
    text = body.decode("utf-8", "surrogateescape")
    spans = item_spans(text)
    if spans is None:
        return (body, 0) if not items else (b"null", 1)
    return _spliced(text, [(start, stop) for index, (start, stop, _) in enumerate(spans) if index in items])


def without_person(body: bytes, person: Person) -> tuple[bytes, int]:
    """The page with every item null that names the person, and how many it changed.

    A page that names the person outside its items, or is no list of items, is written anew without those texts;
    one that is no JSON at all becomes `null`.
    """
    if not _names(body.decode("utf-8", "replace"), person):
        return body, 0
    text = body.decode("utf-8", "surrogateescape")
    # of a name that stands twice in a record only the text holds both values
    spans = [
        (start, stop)
        for start, stop, value in item_spans(text) or ()
        if person.named_in(value) or _names(text[start:stop], person)
    ]
    changed, count = _spliced(text, spans)
    if not _names(changed.decode("utf-8", "replace"), person):
        return changed, count
    try:
        document = person.without(json.loads(changed, object_pairs_hook=first_of_equal, parse_int=whole))
    except (ValueError, RecursionError):
        document = None
    return json.dumps(document, separators=(",", ":")).encode(), max(count, 1)


def _names(text: str, person: Person) -> bool:
    """Whether a text of JSON names the person."""
    return person.named_in(_BLANK.sub(r"\1 ", text))


def _spliced(text: str, spans: Collection[tuple[int, int]]) -> tuple[bytes, int]:
    """The text with `null` in place of some spans, unless they are null already."""
    pieces = []
    end = count = 0
    for start, stop in spans:
        if text[start:stop] != "null":
            pieces += [text[end:start], "null"]
            end = stop
            count += 1
    pieces.append(text[end:])
    return "".join(pieces).encode("utf-8", "surrogateescape"), count


def item_spans(text: str) -> list[tuple[int, int, JsonValue]] | None:
    """Where each item of a page begins and ends, and its value; None when the page has no list of items.

    Other fields may stand before the list; of equal names the first one counts.
    """
    try:
        place = _after_space(text, 0)
        if text[place] != "{":
            return None
        while text[place] in "{,":
            name, place = _DECODER.raw_decode(text, _after_space(text, place + 1))
            place = _after_space(text, place)
            if text[place] != ":":
                return None
            place = _after_space(text, place + 1)
            if name == "items":
                return _spans(text, place)
            _, place = _DECODER.raw_decode(text, place)
            place = _after_space(text, place)
    except (ValueError, IndexError, RecursionError):
        pass
    return None


def _spans(text: str, place: int) -> list[tuple[int, int, JsonValue]] | None:
    """Where each value of the list begins and ends that begins at a place; None when none begins there."""
    if text[place] != "[":
        return None
    place = _after_space(text, place + 1)
    spans: list[tuple[int, int, JsonValue]] = []
    while text[place] != "]":
        value, stop = _DECODER.raw_decode(text, place)
        spans.append((place, stop, value))
        place = _after_space(text, stop)
        if text[place] == ",":
            place = _after_space(text, place + 1)
        elif text[place] != "]":
            return None
    return spans


def _after_space(text: str, place: int) -> int:
    while text[place] in " \t\r\n\ufeff":
        place += 1
    return place
