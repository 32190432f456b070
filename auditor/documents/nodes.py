"""The nodes of a file that was read: values that know where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import TypeAlias

from auditor.errors import Problem
from auditor.frozen import dataclass

QUOTES = {"single": "'", "double": '"'}
_LONGEST_GUESS = 80
_LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one file may hold; everything beyond is refused, never cut."""

    size: int = 1 << 20
    documents: int = 200
    nodes: int = 20_000
    depth: int = 24

    def size_text(self) -> str:
        """The size in the words of a message."""
        return f"{self.size >> 20} MiB" if self.size % (1 << 20) == 0 else f"{self.size:,} bytes"


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a file; line and column count from 1, columns count characters."""

    path: str
    line: int
    column: int

    def problem(self, message: str) -> Problem:
        """The mistake `message` at this place, whatever text of the file it quotes fit for one line."""
        return Problem(self.path, self.line, self.column, printable(message, longest=_LONGEST_MESSAGE))


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. `text` is what was written; `value` reads plain true, false, null and numbers.

    `lines` are those of its file, so that it can tell where its text stands in it.
    """

    place: Place
    text: str
    value: str | bool | int | float | None
    style: str
    lines: Sequence[str] = field(default=(), compare=False, repr=False)

    def at(self, offset: int) -> Place:
        """The place of the character at `offset` of the text; the scalar's start when that cannot be told."""
        inner = self.inner
        if inner is None:
            return self.place
        before = self.text[:offset]
        line = before.count("\n")
        return Place(self.place.path, inner.line + line, inner.column + offset - (before.rfind("\n") + 1))

    @property
    def inner(self) -> Place | None:
        """The place of the first character of `text` when every line of it stands in the file as it is."""
        place = self.place
        if place.line > len(self.lines):
            return None
        line = self.lines[place.line - 1]
        if self.style == "plain":
            return place if line.startswith(self.text, place.column - 1) else None
        if self.style in QUOTES:
            quote = QUOTES[self.style]
            written = line.startswith(quote + self.text + quote, place.column - 1)
            return Place(place.path, place.line, place.column + 1) if written else None
        return self._block() if self.style == "literal" else None

    def _block(self) -> Place | None:
        """The place of the first character of a `|` block: the line below, after the indentation."""
        place = self.place
        written = self.text.split("\n")
        filled = next((number for number, content in enumerate(written) if content), None)
        if filled is None or place.line + filled >= len(self.lines):
            return None
        source = self.lines[place.line + filled]
        indent = len(source) - len(written[filled])
        return Place(place.path, place.line + 1, indent + 1) if source[indent:] == written[filled] else None


@dataclass(frozen=True, slots=True)
class Items:
    """A list of nodes."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Map:
    """A map from text to nodes, in the order of the file; keys are unique."""

    place: Place
    entries: tuple[tuple[Scalar, Node], ...]
    index: dict[str, Node] = field(compare=False, repr=False)

    def get(self, key: str) -> Node | None:
        """The node under `key`, or None when the key is not there."""
        return self.index.get(key)

    def key(self, key: str) -> Scalar:
        """The node of the key itself."""
        return next(scalar for scalar, _ in self.entries if scalar.text == key)


Node: TypeAlias = Scalar | Items | Map
Plain: TypeAlias = "str | bool | int | float | list[Plain] | dict[str, Plain] | None"


@dataclass(frozen=True, slots=True)
class Reading:
    """The documents of a file, and what is wrong with it; with problems the documents may be incomplete."""

    documents: tuple[Node, ...]
    problems: tuple[Problem, ...]


def plain(node: Node) -> Plain:
    """The node as Python's own dicts, lists and scalars."""
    match node:
        case Scalar():
            return node.value
        case Items():
            return [plain(item) for item in node.items]
        case Map():
            return {key.text: plain(value) for key, value in node.entries}


def kind(node: Node) -> str:
    """The word for the node's type in a message: text, integer, number, boolean, null, list or map."""
    if isinstance(node, Items):
        return "list"
    if isinstance(node, Map):
        return "map"
    return {bool: "boolean", int: "integer", float: "number", str: "text"}.get(type(node.value), "null")


def printable(text: str, *, longest: int = 60) -> str:
    """Text fit for one line of a message: control characters shown by their number, the end of long text cut."""
    cut = text if len(text) <= longest else text[:longest] + "…"
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in cut)


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'X'?` with the most similar known name, whatever its case, or nothing when none is similar.

    >>> nearest("duraton", ["email", "duration"])
    "; did you mean 'duration'?"
    """
    from difflib import get_close_matches

    by_folded = {word.casefold(): word for word in sorted(known)}
    found = get_close_matches(name.casefold(), by_folded, n=1) if len(name) <= _LONGEST_GUESS else []
    return f"; did you mean '{by_folded[found[0]]}'?" if found else ""
