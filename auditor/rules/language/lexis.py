"""The words of an expression, checked before it is parsed: size, brackets, strings, numbers, and what is refused."""

from __future__ import annotations

import keyword
import re

from auditor.documents import printable
from auditor.rules.language.values import UNITS

LONGEST = 2_000
DEEPEST = 40
BACKSLASH = "\ue000"
"""Stands for a backslash while `ast` parses: to the language it is an ordinary character."""

_TOKEN = re.compile(
    r"""(?P<space>[ \t\n]+)
    |(?P<string>'[^'\n]*'|"[^"\n]*")
    |(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<operator>\*\*|//|<<|>>|==|!=|<=|>=|:=|->|&&|\|\||\.\.\.|[-+*/%<>=!&|^~@.,:;()\[\]{}?$\#`\\])""",
    re.VERBOSE,
)
_WORDS = frozenset({"and", "or", "not", "in", "is", "if", "else", "None", "True", "False"})
_REFUSED_WORDS = {"for": "comprehension", "async": "comprehension"}
_REFUSED = {
    "**": "**",
    "//": "//",
    "@": "@",
    "&": "&",
    "|": "|",
    "^": "^",
    "~": "~",
    "<<": "<<",
    ">>": ">>",
    ":=": "walrus",
    "...": "...",
    "->": "->",
    "{": "dict or set",
    "}": "dict or set",
    ":": ":",
    ";": ";",
}
_LOGIC = {"&&", "||", "!"}
_PAIRS = {")": "(", "]": "["}
_UNIT_NAMES = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PREFIXES = re.compile(r"[rRbBuUfF]{1,2}")
_SUFFIX = re.compile(r"[A-Za-z0-9_]+")


class Mistake(Exception):  # noqa: N818 - it becomes a problem, never an error of its own
    """What is wrong with an expression, and at which character of it."""

    def __init__(self, offset: int, message: str) -> None:
        self.offset = offset
        self.message = message
        super().__init__(message)


def check_words(text: str) -> None:
    """Nothing when every word of the expression is one of the language; else the first `Mistake`."""
    if len(text) > LONGEST:
        raise Mistake(0, f"expression longer than {LONGEST:,} characters")
    if BACKSLASH in text:
        raise Mistake(text.index(BACKSLASH), f"character U+{ord(BACKSLASH):04X} is not accepted")
    if not text.strip(" \t\n"):
        raise Mistake(0, "syntax error: the expression is empty")
    words = _Words(text)
    while words.offset < len(text):
        words.take()
    words.finish()


class _Words:
    """One pass over the tokens, with the brackets that are open and the two tokens before."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.offset = 0
        self.open: list[tuple[str, int]] = []
        self.last = ("", "")
        self.before = ("", "")

    def take(self) -> None:
        found = _TOKEN.match(self.text, self.offset)
        if found is None:
            self._unknown()
            return
        kind, word = str(found.lastgroup), found.group()
        match kind:
            case "string":
                self._string()
            case "number":
                self._number(word, found.end())
            case "name":
                self._name(word, found.end())
            case "operator":
                self._operator(word)
        if kind != "space":
            self.before, self.last = self.last, (kind, word)
        self.offset = found.end()

    def finish(self) -> None:
        if self.open:
            bracket, offset = self.open[-1]
            raise Mistake(offset, f"syntax error: '{bracket}' is never closed")

    def _unknown(self) -> None:
        char = self.text[self.offset]
        if char in "'\"":
            raise Mistake(self.offset, "syntax error: the string is not closed")
        raise Mistake(self.offset, f"syntax error: '{printable(char)}' cannot stand outside a string")

    def _string(self) -> None:
        if self.last[0] != "string":
            return
        touching = self.text[self.offset - 1] in "'\"" and self.last[1] in {"''", '""'}
        name = "triple-quoted string" if touching else "adjacent strings"
        raise Mistake(
            self.offset, f"{name} is not allowed in a rule" if touching else f"{name} are not allowed in a rule"
        )

    def _number(self, word: str, end: int) -> None:
        digits = word.split(".", maxsplit=1)[0].split("e", maxsplit=1)[0].split("E", maxsplit=1)[0]
        if len(digits) > 1 and digits.startswith("0"):
            raise Mistake(self.offset, f"syntax error: number {printable(word)} begins with 0")
        if self.text[end : end + 1] == "." and self.text[end : end + 3] != "...":
            raise Mistake(self.offset, f"syntax error: number {printable(word)}. ends with a point")
        suffix = _SUFFIX.match(self.text, end)
        if suffix is None:
            return
        tail = suffix.group()
        if tail in _UNIT_NAMES:
            raise Mistake(self.offset, f"write {printable(word)} * {_UNIT_NAMES[tail]}")
        if re.fullmatch(rf"({'|'.join(UNITS)})([0-9]+({'|'.join(UNITS)}))*", tail):
            raise Mistake(self.offset, f"write duration('{printable(word + tail)}')")
        if tail in {"j", "J"}:
            raise Mistake(self.offset, "complex number is not allowed in a rule")
        raise Mistake(self.offset, f"syntax error: '{printable(word + tail)}' is no number")

    def _name(self, word: str, end: int) -> None:
        if self.text[end : end + 1] in {"'", '"'} and _PREFIXES.fullmatch(word):
            name = {"f": "f-string", "b": "bytes"}.get(word.lower().strip("r") or "r", f"string prefix {word}")
            raise Mistake(self.offset, f"{name} is not allowed in a rule")
        if word.startswith("__"):
            raise Mistake(self.offset, f"name '{printable(word)}' is not allowed in a rule")
        if keyword.iskeyword(word) and word not in _WORDS:
            raise Mistake(self.offset, f"{_REFUSED_WORDS.get(word, word)} is not allowed in a rule")

    def _ends_value(self) -> bool:
        """Whether the token before ends a value, so that a bracket after it would take a part of it."""
        kind, word = self.last
        return kind in {"string", "number"} or word in {")", "]"} or (kind == "name" and not keyword.iskeyword(word))

    def _operator(self, word: str) -> None:
        if word in _LOGIC:
            raise Mistake(self.offset, f"{word} is not allowed in a rule; use and/or/not")
        if word == "=":
            argument = self.last[0] == "name" and self.before[1] in {"(", ","}
            refused = "keyword argument is not allowed in a rule; " if argument else ""
            raise Mistake(self.offset, f"{refused}use == to compare")
        if word in _REFUSED:
            raise Mistake(self.offset, f"{_REFUSED[word]} is not allowed in a rule")
        if word in {"\\", "?", "$", "#", "`"}:
            raise Mistake(self.offset, f"syntax error: '{word}' cannot stand outside a string")
        if word == "[" and self._ends_value():
            raise Mistake(self.offset, "subscript is not allowed in a rule")
        if word in {"(", "["}:
            self.open.append((word, self.offset))
            if len(self.open) > DEEPEST:
                raise Mistake(self.offset, f"expression nested deeper than {DEEPEST}")
        elif word in _PAIRS and (not self.open or self.open.pop()[0] != _PAIRS[word]):
            raise Mistake(self.offset, f"syntax error: '{word}' was not opened")
