"""Pages of JSON files of the usual forms, cut out without reading what stands between their brackets.

What is cut wrongly shows when it is decoded: a page then has another number of items than told here, or none, and
the file is read again with care.
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Sequence

from pydantic_core import from_json

from auditor.frozen import dataclass

_BEFORE = re.compile(rb'\s*\{\s*"items"\s*:\s*\[\s*(?=\{)')
_BEHIND = re.compile(rb"\]\s*\}\s*\Z")
_RECORD = re.compile(rb"\s*\{")
_LOOKED_BACK = 64
_PIECE = 1 << 20
_LOOKED_AT = (24 << 10, 1 << 16)
"""How many bytes of a page are looked at for its first records: more of them only where few do not hold enough."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A page as it was cut out, and how many items it ought to have; None where any number will do."""

    body: bytes
    items: int | None = None


def cut(content: bytes, *, most: int, records: int) -> Sequence[Cut] | None:
    """The pages of a saved response of at most `most` bytes, or of so many records each, one a line.

    None when the file is neither, or when it is not sure what it is.
    """
    if len(content) <= most and is_response(content) and not _has_lines(content):
        return (Cut(content),)
    if not _RECORD.match(content) or not _is_text(content):
        return None
    lines = list(filter(None, map(bytes.strip, content.split(b"\n"))))
    if len(lines) < 2 or not lines[0].endswith(b"}"):
        return None
    if is_response(lines[0]):
        return [Cut(line) for line in lines] if all(len(line) <= most and is_response(line) for line in lines) else None
    return [_page(lines[start : start + records]) for start in range(0, len(lines), records)]


def is_response(body: bytes) -> bool:
    """Whether the text begins and ends as an object does that has nothing but a list of items."""
    return _BEFORE.match(body) is not None and _BEHIND.search(body, max(0, len(body) - _LOOKED_BACK)) is not None


def _page(lines: Sequence[bytes]) -> Cut:
    return Cut(b'{"items":[' + b",".join(lines) + b"]}", len(lines))


def _has_lines(content: bytes) -> bool:
    """Whether a second object may begin on a line of its own."""
    return b"\n" in content and b"\n{" in content.strip()


def first_fields(body: bytes, *, records: int) -> set[str] | None:
    """The names of the fields of the first records of a page; None when they cannot be told."""
    before = _BEFORE.match(body)
    start = 0 if before is None else before.end()
    for length in _LOOKED_AT if start else ():
        beginning = body[: start + length]
        try:
            found = from_json(beginning, allow_partial=len(beginning) < len(body), cache_strings="keys")["items"]
        except ValueError:
            return None
        if len(found) > records or len(beginning) == len(body):  # the last one may be cut short
            return set().union(*(record for record in found[:records] if isinstance(record, dict)))
    return None


def _is_text(content: bytes) -> bool:
    """Whether the bytes are UTF-8; they are looked at a piece at a time, so that no text as long as they is made."""
    decoder = getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(content), _PIECE):
            decoder.decode(content[start : start + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
