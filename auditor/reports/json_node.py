"""A value of a JSON document that knows where it stands, so that every complaint names its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from enum import StrEnum
from math import isfinite
from typing import Any, TypeVar

from auditor.errors import ReportError
from auditor.frozen import dataclass
from auditor.model.finding import Value
from auditor.model.window import instant

_Word = TypeVar("_Word", bound=StrEnum)
_Made = TypeVar("_Made")

_DIGEST = len("sha256:")
_MOST = 2**63
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Node:
    """A JSON value, and the path to it as its parent and the key or index it has there."""

    value: Any
    parent: Node | None = None
    step: str | int = "$"

    @property
    def path(self) -> str:
        """Where the value stands, such as `$.findings[3].severity`."""
        if self.parent is None:
            return str(self.step)
        return f"{self.parent.path}[{self.step}]" if isinstance(self.step, int) else f"{self.parent.path}.{self.step}"

    def wrong(self, expected: str) -> ReportError:
        """The complaint that the value is not what is expected here."""
        shown = repr(self.value)
        return ReportError(f"{self.path}: {shown if len(shown) <= 60 else shown[:57] + '…'} is not {expected}")

    def at(self, key: str) -> Node:
        """The value of a key that has to be there."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        if key not in self.value:
            raise ReportError(f"{self.path}: the key {key!r} is missing")
        return Node(self.value[key], self, key)

    def maybe(self, key: str) -> Node | None:
        """The value of a key, or None when it is absent or null."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        value = self.value.get(key)
        return None if value is None else Node(value, self, key)

    def items(self) -> Iterator[tuple[str, Node]]:
        """Keys and values of an object, in their order."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        for key, value in self.value.items():
            yield key, Node(value, self, key)

    def each(self) -> Iterator[Node]:
        """The values of an array."""
        if not isinstance(self.value, list):
            raise self.wrong("an array")
        for index, value in enumerate(self.value):
            yield Node(value, self, index)

    def text(self, key: str) -> str:
        """The text under the key."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        if isinstance(value, str):
            return value
        raise self.at(key).wrong("text")

    def text_or_none(self, key: str) -> str | None:
        """The text under the key; None when it is absent or null."""
        node = self.maybe(key)
        if node is None:
            return None
        return self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """The array of texts under the key."""
        return tuple(node.as_text() for node in self.at(key).each())

    def as_text(self) -> str:
        """The value itself, which has to be text."""
        if isinstance(self.value, str):
            return self.value
        raise self.wrong("text")

    def count(self, key: str) -> int:
        """The whole number, zero or more, under the key."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        if type(value) is int and 0 <= value < _MOST:
            return value
        raise self.at(key).wrong("a whole number, zero or more, below 2⁶³")

    def flag(self, key: str) -> bool:
        """The true or false under the key."""
        node = self.at(key)
        if isinstance(node.value, bool):
            return node.value
        raise node.wrong("true or false")

    def word(self, key: str, words: type[_Word]) -> _Word:
        """The word of a closed set under the key."""
        value = self.text(key)
        try:
            return words(value)
        except ValueError:
            raise self.at(key).wrong(f"one of {', '.join(words)}") from None

    def word_or_none(self, key: str, words: type[_Word]) -> _Word | None:
        """The word of a closed set under the key; None when it is absent or null."""
        return None if self.maybe(key) is None else self.word(key, words)

    def digest(self, key: str) -> str:
        """The 64 hex digits under the key, written there with `sha256:` before them."""
        value = self.text(key)
        digits = value[_DIGEST:]
        if value.startswith("sha256:") and len(digits) == 64 and _HEX.issuperset(digits):
            return digits
        raise self.at(key).wrong("sha256: and 64 hex digits")

    def moment(self, key: str) -> datetime:
        """The UTC time under the key."""
        value = self.text(key)
        try:
            return instant(value)
        except ValueError:
            raise self.at(key).wrong("an ISO 8601 time") from None

    def moment_or_none(self, key: str) -> datetime | None:
        """The UTC time under the key; None when it is absent or null."""
        return None if self.maybe(key) is None else self.moment(key)

    def day(self, key: str) -> date:
        """The calendar day under the key."""
        value = self.text(key)
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise self.at(key).wrong("a day such as 2026-09-14") from None

    def day_or_none(self, key: str) -> date | None:
        """The calendar day under the key; None when it is absent or null."""
        return None if self.maybe(key) is None else self.day(key)

    def plain(self) -> Value:
        """The value itself, which has to be one that evidence may hold."""
        value = self.value
        if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and isfinite(value)):
            return value
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return value
        raise self.wrong("text, a number, true, false, null or a list of texts")

    def values(self, key: str) -> dict[str, Value]:
        """The object of plain values under the key."""
        return {name: node.plain() for name, node in self.at(key).items()}

    def build(self, make: Callable[[Node], _Made]) -> _Made:
        """What `make` reads here; a model that refuses the values is a complaint about this place."""
        try:
            return make(self)
        except ValueError as error:
            raise ReportError(f"{self.path}: {error}") from error
