"""The catalogue of words: every sentence a report prints of its own, by key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from auditor.documents import nearest, printable
from auditor.errors import ReportError
from auditor.frozen import dataclass

CATALOGUE = "en.toml"
_FORMS = {"one", "other"}
_MISSPELT = 0.85
"""How alike two names are of which one is taken for the other misspelt."""
_OPEN = "glossary.words."
"""The table of which every entry is shown, so that it takes more of them."""


@dataclass(frozen=True, slots=True)
class Words:
    """Entries by dotted key, such as `result.clean`."""

    entries: Mapping[str, Any]

    def say(self, key: str, **values: str | int) -> str:
        """The entry with the values put in; an entry in two forms is chosen by the number `n`.

        Whole numbers get commas between thousands. Only the entry is a template: braces in values stay text.
        """
        entry = self._at(key)
        if isinstance(entry, Mapping):
            entry = entry["one" if values.get("n") == 1 else "other"]
        shown = {name: f"{value:,}" if isinstance(value, int) else value for name, value in values.items()}
        try:
            return str(entry).format_map(shown)
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise ReportError(f"{CATALOGUE}: {key}: {entry!r} asks for what is not there: {error}") from error

    def text(self, key: str) -> str:
        """The entry as it is written, its places for values still in it."""
        return str(self._at(key))

    def listed(self, key: str) -> Sequence[str]:
        """The entry that is a list of words."""
        return [str(word) for word in self._at(key)]

    def pairs(self, key: str) -> Iterator[tuple[str, str]]:
        """Word and meaning of an entry that is a table."""
        for word, meaning in self._at(key).items():
            yield word, str(meaning)

    def knows(self, key: str) -> bool:
        """Whether there is such an entry."""
        try:
            self._at(key)
        except ReportError:
            return False
        return True

    def _at(self, key: str) -> Any:
        entry: Any = self.entries
        for part in key.split("."):
            if not isinstance(entry, Mapping) or part not in entry:
                raise ReportError(f"{CATALOGUE}: the entry {key!r} is missing")
            entry = entry[part]
        return entry


def load_words(folders: Sequence[Path]) -> Words:
    """The catalogue of the last folder, overlaid entry by entry with those of the folders before it.

    An entry that is not in it is a mistake, but in the glossary and in tables of a name of their own, which are for
    templates that stand beside.
    """
    entries: dict[str, Any] = {}
    for folder in reversed(folders):
        path = folder / CATALOGUE
        if path.exists():
            try:
                found = tomllib.loads(path.read_text(encoding="utf-8"))
                entries = _overlaid(entries, found) if entries else found
            except ValueError as error:
                raise ReportError(f"{path}: {error}") from error
    return Words(entries)


def _overlaid(below: Mapping[str, Any], above: Mapping[str, Any], table: str = "") -> dict[str, Any]:
    """The entries of both; `ValueError` names one that stands for none of ours, or has another shape."""
    merged = dict(below)
    for key, value in above.items():
        held = below.get(key, "" if table == _OPEN else None)
        if held is None:
            if table or not isinstance(value, Mapping) or get_close_matches(key, below, cutoff=_MISSPELT):
                raise ValueError(f"unknown entry '{printable(table + key)}'{nearest(key, below)}")
            merged[key] = value
        elif isinstance(held, Mapping) and isinstance(value, Mapping):
            merged[key] = _overlaid(held, value, f"{table}{key}.")
        elif _fits(held, value):
            merged[key] = value
        else:
            raise ValueError(f"the entry '{table}{key}' must be {_shape(held)}")
    return merged


def _fits(held: Any, value: Any) -> bool:
    """Whether the value may stand where the other stood: a text in one form or in two, a list of as many texts."""
    if isinstance(held, list):
        return isinstance(value, list) and len(value) == len(held) and all(isinstance(word, str) for word in value)
    if isinstance(held, Mapping):
        return held.keys() == _FORMS and isinstance(value, str)
    two = isinstance(value, Mapping) and value.keys() == _FORMS and all(isinstance(one, str) for one in value.values())
    return two or isinstance(value, str)


def _shape(held: Any) -> str:
    if isinstance(held, list):
        return f"a list of {len(held)} texts"
    return "a table" if isinstance(held, Mapping) and held.keys() != _FORMS else "a text, or a table of one and other"
