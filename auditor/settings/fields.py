"""Typed values taken out of a map of a user's file, with every mistake kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from auditor.documents import Items, Map, Node, Place, Reading, Scalar, kind, nearest, printable
from auditor.errors import ConfigFileError, Problem

_UNITS = {
    "us": timedelta(microseconds=1),
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_LARGEST_FIRST = sorted(_UNITS, key=_UNITS.__getitem__, reverse=True)
_DURATION = re.compile("".join(rf"(?:(\d{{1,12}}){unit})?" for unit in _LARGEST_FIRST))
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def duration(text: str) -> timedelta:
    """The span a text such as `90s`, `1h30m` or `24h` names; units run from largest to smallest.

    Raises `ValueError` when the text is no such span.
    """
    found = _DURATION.fullmatch(text.strip())
    numbers = {} if found is None else dict(zip(_LARGEST_FIRST, found.groups(), strict=True))
    if not any(numbers.values()):
        raise ValueError(f"'{printable(text)}' is no duration such as 90s, 1h30m or 24h")
    try:
        return sum((int(number) * _UNITS[unit] for unit, number in numbers.items() if number), timedelta())
    except OverflowError:
        raise ValueError(f"'{printable(text)}' is too long a duration") from None


def single(reading: Reading, *, problems: list[Problem]) -> Map | None:
    """The one map a file must hold; None when it holds nothing."""
    problems.extend(reading.problems)
    if len(reading.documents) > 1:
        problems.append(reading.documents[1].place.problem("the file must hold one document"))
    for node in reading.documents[:1]:
        if isinstance(node, Map):
            return node
        if not (isinstance(node, Scalar) and node.value is None):
            problems.append(node.place.problem(f"expected map, got {kind(node)}"))
    return None


def settle(problems: list[Problem]) -> None:
    """Nothing when there are no problems; else all of them as one `ConfigFileError`."""
    if problems:
        raise ConfigFileError(problems)


class Fields:
    """The values of one map: each is read once by its name, and whatever is wrong goes to `problems`.

    `required` names must be there; names that are neither in `known` nor `required` are mistakes.
    """

    def __init__(
        self, node: Map, problems: list[Problem], *, known: Sequence[str], required: Sequence[str] = ()
    ) -> None:
        self.node = node
        self.problems = problems
        names = [*required, *known]
        for key, _ in node.entries:
            if key.text not in names:
                message = f"unknown key '{printable(key.text)}'{nearest(key.text, names)}"
                problems.append(key.place.problem(message))
        for name in required:
            value = node.get(name)
            if value is None:
                problems.append(node.place.problem(f"missing key '{name}'"))
            elif isinstance(value, Scalar) and value.value is None:
                problems.append(value.place.problem(f"'{name}' must have a value"))

    def place(self, name: str) -> Place:
        """Where the value of `name` stands; the map itself when it is not there."""
        value = self.node.get(name)
        return self.node.place if value is None else value.place

    def written(self, name: str) -> str:
        """The single value of `name` as the file has it; nothing where there is none."""
        value = self.node.get(name)
        return value.text if isinstance(value, Scalar) else ""

    def wrong(self, name: str, message: str) -> None:
        """Keep a mistake at the value of `name`."""
        self.problems.append(self.place(name).problem(message))

    def present(self, name: str) -> Node | None:
        """The node of `name`; None when it is absent or null."""
        value = self.node.get(name)
        return None if isinstance(value, Scalar) and value.value is None else value

    def scalar(self, name: str, wanted: str) -> Scalar | None:
        """The single value of `name` when its type is `wanted`."""
        value = self.present(name)
        if value is None:
            return None
        if not isinstance(value, Scalar) or kind(value) != wanted:
            self.wrong(name, f"expected {wanted}, got {kind(value)}")
            return None
        return value

    def text(self, name: str, default: str | None = None, *, longest: int = 2_000) -> str | None:
        """Text that is not blank."""
        value = self.scalar(name, "text")
        if value is None:
            return default
        if not value.text.strip():
            self.wrong(name, f"'{name}' must not be blank")
            return default
        if len(value.text) > longest:
            self.wrong(name, f"'{name}' is longer than {longest:,} characters")
        return value.text.strip()

    def path(self, name: str, folder: Path) -> Path | None:
        """The file or folder that a text names, from the folder on."""
        value = self.node.get(name)
        if self.text(name) is None or not isinstance(value, Scalar):
            return None
        return located(value, folder, problems=self.problems)

    def word(self, name: str, default: str, *, among: Sequence[str]) -> str:
        """One of the words `among`."""
        value = self.scalar(name, "text")
        if value is None:
            return default
        if value.text not in among:
            message = f"{name} must be one of {', '.join(among)}{nearest(value.text, among)}"
            self.wrong(name, message)
            return default
        return value.text

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false."""
        value = self.scalar(name, "boolean")
        return default if value is None else value.value is True

    def integer(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number within bounds."""
        value = self.scalar(name, "integer")
        if value is None or not isinstance(value.value, int):
            return default
        if not least <= value.value <= most:
            self.wrong(name, f"value {value.value} is outside {least}..{most}")
            return default
        return value.value

    def span(self, name: str, default: timedelta) -> timedelta:
        """A duration such as `24h`."""
        value = self.scalar(name, "text")
        if value is None:
            return default
        try:
            return duration(value.text)
        except ValueError as error:
            self.wrong(name, str(error))
            return default

    def day(self, name: str) -> date | None:
        """A calendar day, `YYYY-MM-DD`."""
        value = self.scalar(name, "text")
        if value is None:
            return None
        try:
            if _DATE.fullmatch(value.text):
                return date.fromisoformat(value.text)
        except ValueError:
            pass
        self.wrong(name, f"'{printable(value.text)}' is no date such as 2026-07-01")
        return None

    def map(self, name: str) -> Map | None:
        """The map under `name`."""
        value = self.present(name)
        if value is None or isinstance(value, Map):
            return value
        self.wrong(name, f"expected map, got {kind(value)}")
        return None

    def items(self, name: str) -> tuple[Node, ...]:
        """The nodes of the list under `name`."""
        value = self.present(name)
        if value is None:
            return ()
        if isinstance(value, Items):
            return value.items
        self.wrong(name, f"expected list, got {kind(value)}")
        return ()

    def maps(self, name: str) -> Iterator[Map]:
        """The maps of the list under `name`."""
        for node in self.items(name):
            if isinstance(node, Map):
                yield node
            else:
                self.problems.append(node.place.problem(f"expected map, got {kind(node)}"))

    def texts(self, name: str) -> tuple[Scalar, ...]:
        """The texts of the list under `name`, each with its place; blank ones are mistakes."""
        return tuple(texts(self.items(name), self.problems))


def located(text: Scalar, folder: Path, *, problems: list[Problem]) -> Path | None:
    """The path a text names, from the folder on; one with a null character is a mistake."""
    if "\0" in text.text:
        problems.append(text.place.problem(f"'{printable(text.text)}' holds a character that no path holds"))
        return None
    return folder / text.text.strip()


def texts(nodes: Iterable[Node], problems: list[Problem]) -> Iterator[Scalar]:
    """The nodes that are text and not blank; the others are mistakes."""
    for node in nodes:
        if not isinstance(node, Scalar) or kind(node) != "text":
            problems.append(node.place.problem(f"expected text, got {kind(node)}"))
        elif not node.text.strip():
            problems.append(node.place.problem("an item must not be blank"))
        else:
            yield node
