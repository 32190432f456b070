"""Pages with some of their items made null, all other bytes as they were."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from auditor.evidence.entry import JsonValue
from auditor.evidence.person import Person


def without_items(body: bytes, items: Collection[int]) -> tuple[bytes, int]:
    """The page with those items null that are in `items`, and how many it changed."""
    text = body.decode("utf-8", "surrogateescape")
    spans = _item_spans(text)
    if spans is None:
        return (body, 0) if not items else (b"null", 1)
    return _spliced(text, [(start, stop) for index, (start, stop, _) in enumerate(spans) if index in items])


def without_person(body: bytes, person: Person) -> tuple[bytes, int]:
    """The page with every item null that names the person, and how many it changed.

    A page that names the person outside its items, or is no list of items, is written anew without those texts;
    one that is no JSON at all becomes `null`.
    """
    if not _names(body, person):
        return body, 0
    text = body.decode("utf-8", "surrogateescape")
    # of a name that stands twice in a record only the text holds both values
    spans = [
        (start, stop)
        for start, stop, value in _item_spans(text) or ()
        if person.named_in(value) or person.named_in(text[start:stop])
    ]
    changed, count = _spliced(text, spans)
    if not _names(changed, person):
        return changed, count
    try:
        document = person.without(json.loads(changed))
    except (ValueError, RecursionError):
        document = None
    return json.dumps(document, separators=(",", ":")).encode(), max(count, 1)


def _names(body: bytes, person: Person) -> bool:
    return person.named_in(body.decode("utf-8", "replace"))


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


def _item_spans(text: str) -> list[tuple[int, int, JsonValue]] | None:
    """Where each item of a page begins and ends, and its value; None when the page has no plain list of items."""
    opening = re.match(r'[\s\ufeff]*\{\s*"items"\s*:\s*\[\s*', text)
    if opening is None:
        return None
    decoder = json.JSONDecoder()
    place = opening.end()
    spans: list[tuple[int, int, JsonValue]] = []
    try:
        while text[place] != "]":
            value, stop = decoder.raw_decode(text, place)
            spans.append((place, stop, value))
            place = _after_space(text, stop)
            if text[place] == ",":
                place = _after_space(text, place + 1)
            elif text[place] != "]":
                return None
    except (ValueError, IndexError, RecursionError):
        return None
    return spans


def _after_space(text: str, place: int) -> int:
    while text[place] in " \t\r\n":
        place += 1
    return place
