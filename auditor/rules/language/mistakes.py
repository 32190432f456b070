"""The mistakes of one file, gathered while it is read."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.documents import Node, Place, Scalar, kind, nearest, printable
from auditor.errors import Problem

_MOST_GUESSES = 50


class Mistakes:
    """Problems of one file. Guesses at what was meant cost time, so only the first problems carry one."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._guesses = 0

    def add(self, where: Place | Node, message: str) -> None:
        """One more mistake, at a place or at a node's start."""
        place = where if isinstance(where, Place) else where.place
        self.problems.append(place.problem(message))

    def unknown(self, where: Place | Node, what: str, *, name: str, known: Iterable[str], of: str = "") -> None:
        """An unknown name: `what` is its kind, such as function; `of` says in what it was looked up."""
        self.add(where, f"unknown {what} '{printable(name)}'{of}{self.guess(name, known)}")

    def unknown_column(self, where: Place | Node, name: str, *, known: Iterable[str], table: str) -> None:
        """An unknown column; the guess tells where it was looked up, without one the table does."""
        self.add(where, f"unknown column '{printable(name)}'{self.guess(name, known) or f' in {table}'}")

    def guess(self, name: str, known: Iterable[str]) -> str:
        """`; did you mean 'X'?`, or nothing."""
        self._guesses += 1
        return nearest(name.strip("{}"), known) if self._guesses <= _MOST_GUESSES else ""

    def expected(self, what: str, node: Node, *, hint: str = "") -> None:
        """A value of the wrong type."""
        self.add(node, f"expected {what}, got {kind(node)}{hint}")


def text_of(node: Node | None) -> str | None:
    """The text of a text scalar, else None."""
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None
