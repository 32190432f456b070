"""Finding a person's e-mail address in whatever form text may carry it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

from auditor.errors import ConfigError
from auditor.evidence.entry import JsonValue

_ESCAPE = re.compile(r"(?<!\\)\\+(?:u([0-9a-fA-F]{4})|/)")
_TIMES_OVER = 5
_BEGINNINGS = ("{", "[", '"')
_ERASED = "[erased]"


@dataclass(frozen=True)
class Person:
    """The owner of `email`, found in any letter case, percent-encoded and JSON-escaped, up to five times over.

    An address inside a longer one is somebody else's: `eve@example.com` is not in `steve@example.com`.
    """

    email: str

    def __post_init__(self) -> None:
        if self.email.count("@") != 1 or self.email.strip() != self.email or self.email[0] == "@":
            raise ConfigError(f"{self.email!r} is no e-mail address")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w.+-]){re.escape(self.email.lower())}(?![\w-]|\.\w)", re.IGNORECASE)

    def named_in(self, value: JsonValue) -> bool:
        """Whether a JSON value names the person anywhere, in keys and in texts of JSON too, however deep it is."""
        left = [value]
        while left:
            inner = left.pop()
            if isinstance(inner, str):
                if any(self._pattern.search(form) for form in _forms(inner)):
                    return True
                if inner.lstrip().startswith(_BEGINNINGS) and self.within(inner):
                    left += _held(inner)
            elif isinstance(inner, Mapping):
                left += [*inner, *inner.values()]
            elif isinstance(inner, Sequence):
                left += inner
        return False

    def within(self, text: str) -> bool:
        """Whether a text holds the address, whatever stands around it: in the name of a file it is nobody else's."""
        return any(self.email.lower() in form.lower() for form in _forms(text))

    def without(self, value: JsonValue) -> JsonValue:
        """The value with every text and every pair that names the person made null."""
        if isinstance(value, str):
            return None if self.named_in(value) else value
        if isinstance(value, Mapping):
            return {name: self.without(inner) for name, inner in value.items() if not self.named_in(name)}
        if isinstance(value, Sequence):
            return [self.without(inner) for inner in value]
        return value

    def masked(self, text: str) -> str:
        """Text that must stay text, with the address replaced; all of it when the address is hidden in escapes."""
        plain = self._pattern.sub(_ERASED, text)
        return _ERASED if self.named_in(plain) else plain


def _held(text: str) -> list[JsonValue]:
    """The value a text of JSON holds: what stands for a line's end in it would seem to begin the address behind it."""
    try:
        return [json.loads(text, parse_int=float)]
    except (ValueError, RecursionError):
        return []


def _forms(text: str) -> list[str]:
    """The text and what it becomes when escapes are undone, until nothing changes, five times over at most."""
    forms = [text]
    while len(forms) <= _TIMES_OVER:
        undone = unquote(_ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else "/", forms[-1]))
        if undone == forms[-1]:
            break
        forms.append(undone)
    return forms
