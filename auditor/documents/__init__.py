"""YAML read with positions, by the strict subset every file of a user is held to.

Nodes know where they stand, in characters, and scalars can say where a character of their text stands, so a
mistake inside an expression is shown at the offending word. The library that splits YAML into tokens is imported
when a file is read.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from auditor.documents.nodes import (
    DEFAULT_LIMITS,
    Items,
    Limits,
    Map,
    Node,
    Place,
    Plain,
    Reading,
    Scalar,
    kind,
    nearest,
    plain,
    printable,
)

__all__ = [
    "DEFAULT_LIMITS",
    "Items",
    "Limits",
    "Map",
    "Node",
    "Place",
    "Plain",
    "Reading",
    "Scalar",
    "kind",
    "nearest",
    "plain",
    "printable",
    "read",
]

_BREAK = re.compile(r"\r\n|\r|\n")
# Everything YAML cannot hold, and the separators an editor may or may not show as a new line.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def read(content: bytes, *, path: str, limits: Limits = DEFAULT_LIMITS, without: Collection[str] = ()) -> Reading:
    """The documents of `content`; a mistake of the YAML itself ends the file there.

    What stands under the keys `without` at the top of a document is passed over, and the keys with it.
    """
    from auditor.documents.reader import documents

    start = Place(path, 1, 1)
    if len(content) > limits.size:
        return Reading((), (start.problem(f"file is larger than {limits.size_text()}"),))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", errors="replace")
        return Reading((), (_place(path, before, len(before)).problem("file is not UTF-8"),))
    bad = _FORBIDDEN.search(text)
    if bad is not None:
        where = _place(path, text, bad.start())
        return Reading((), (where.problem(f"control character U+{ord(bad.group()):04X} is not accepted"),))
    return documents(path, text, limits=limits, without=frozenset(without))


def _place(path: str, text: str, offset: int) -> Place:
    breaks = [found.end() for found in _BREAK.finditer(text, 0, offset)]
    return Place(path, len(breaks) + 1, offset - (breaks[-1] if breaks else 0) + 1)
