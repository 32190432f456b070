"""The tokens of a YAML file made into nodes.

Nothing is composed by a YAML library: anchors, aliases, tags, merge keys, directives and depth are refused while
the stream of tokens is read.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from auditor.documents.nodes import Items, Limits, Map, Node, Place, Reading, Scalar, printable
from auditor.errors import Problem

if TYPE_CHECKING:
    from yaml._yaml import Mark as CMark

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_BREAK = re.compile(r"\r\n|\r|\n")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_STYLES = {None: "plain", "": "plain", "'": "single", '"': "double", "|": "literal", ">": "folded"}
_LARGEST = sys.float_info.max
_LONGEST_NUMBER = 400
_REASONS = {
    "mapping values are not allowed in this context": "text that holds ': ' needs quotes, or the indentation is wrong",
    "found character that cannot start any token": "text cannot begin with this character; quote it; indent by spaces",
    "found unexpected end of stream": "a quote is not closed",
}


def documents(path: str, text: str, *, limits: Limits, without: frozenset[str]) -> Reading:
    """The documents of `text`; a mistake of the YAML itself ends the file there."""
    return _Reader(path, text, limits, without).read()


@dataclass(slots=True)
class _Open:
    """A list or map whose end has not been read."""

    place: Place
    items: list[Node]
    keys: list[Scalar] | None
    lines: dict[str, int]
    repeated: bool = False


class _StopError(Exception):
    """The rest of the file is not read."""

    def __init__(self, place: Place, message: str) -> None:
        self.problem = place.problem(message)
        super().__init__(message)


class _Reader:
    """One pass over the tokens of a file with a stack of its own, so depth costs nothing."""

    def __init__(self, path: str, text: str, limits: Limits, without: frozenset[str]) -> None:
        self.path = path
        self.text = text
        self.limits = limits
        self.without = without
        self.lines = _BREAK.split(text)
        self.problems: list[Problem] = []
        self.documents: list[Node] = []
        self.stack: list[_Open] = []
        self.nodes = 0

    def read(self) -> Reading:
        try:
            self._take_all()
        except _StopError as stop:
            self.problems.append(stop.problem)
        except yaml.MarkedYAMLError as error:
            unclosed = error.problem == "found unexpected end of stream"
            mark = error.context_mark if unclosed else error.problem_mark
            self.problems.append(self._at(mark).problem(f"syntax error: {_reason(error)}"))
        except yaml.YAMLError as error:
            self.problems.append(self._at(None).problem(f"syntax error: {printable(str(error), longest=120)}"))
        return Reading(tuple(self.documents), tuple(sorted(self.problems)))

    def _take_all(self) -> None:
        take, event_after = self._take, _LOADER(self.text).get_event
        while (event := event_after()) is not None:
            take(event)
            if self.without and len(self.stack) == 1 and self._leaves_out():
                _pass_over(event_after)

    def _at(self, mark: yaml.Mark | CMark | None) -> Place:
        if mark is None:
            return Place(self.path, 1, 1)
        line, column = mark.line, mark.column
        if line >= len(self.lines):
            line, column = len(self.lines) - 1, len(self.lines[-1])
        return Place(self.path, line + 1, column + 1)

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._put(self._scalar(event, self._begin(event)))
        elif isinstance(event, yaml.CollectionStartEvent):
            place = self._begin(event)
            top = self.stack[-1] if self.stack else None
            if top is not None and top.keys is not None and len(top.keys) == len(top.items):
                raise _StopError(place, "a key must be text")
            self.stack.append(_Open(place, [], [] if isinstance(event, yaml.MappingStartEvent) else None, {}))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._put(_closed(self.stack.pop()))
        elif isinstance(event, yaml.AliasEvent):
            raise _StopError(self._at(event.start_mark), "anchors, aliases and tags are not accepted")
        elif isinstance(event, yaml.DocumentStartEvent):
            self._begin_document(self._at(event.start_mark), directives=bool(event.version or event.tags))

    def _begin_document(self, place: Place, *, directives: bool) -> None:
        if directives:
            raise _StopError(place, "directives are not accepted")
        if len(self.documents) >= self.limits.documents:
            raise _StopError(place, f"more than {self.limits.documents:,} documents in a file")

    def _begin(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> Place:
        """The place of a node that may stand where it does."""
        place = self._at(event.start_mark)
        if event.anchor is not None or event.tag is not None:
            raise _StopError(place, "anchors, aliases and tags are not accepted")
        self.nodes += 1
        if self.nodes > self.limits.nodes:
            raise _StopError(place, f"more than {self.limits.nodes:,} nodes in a file")
        if len(self.stack) >= self.limits.depth:
            raise _StopError(place, f"nodes nested deeper than {self.limits.depth}")
        return place

    def _leaves_out(self) -> bool:
        """Whether the value to come belongs to a key that is not wanted; the key is then forgotten."""
        top = self.stack[0]
        if top.keys is None or len(top.keys) == len(top.items) or top.keys[-1].text not in self.without:
            return False
        top.keys.pop()
        return True

    def _put(self, node: Node) -> None:
        if not self.stack:
            self.documents.append(node)
            return
        top = self.stack[-1]
        if top.keys is not None and len(top.keys) == len(top.items):
            self._put_key(top, node, top.keys)
            return
        top.items.append(node)
        if top.repeated and top.keys is not None:
            top.repeated = False
            top.keys.pop()
            top.items.pop()

    def _put_key(self, top: _Open, node: Node, keys: list[Scalar]) -> None:
        if not isinstance(node, Scalar) or node.style in {"literal", "folded"}:
            raise _StopError(node.place, "a key must be text")
        if node.style == "plain" and node.text == "<<":
            raise _StopError(node.place, "merge keys are not accepted")
        if not isinstance(node.value, str):
            shown = f"; write '{printable(node.text)}'" if node.text else ""
            self.problems.append(node.place.problem(f"a key must be text{shown}"))
        if node.text in top.lines:
            message = f"duplicate key '{printable(node.text)}' (first on line {top.lines[node.text]})"
            self.problems.append(node.place.problem(message))
            top.repeated = True
        top.lines.setdefault(node.text, node.place.line)
        keys.append(node)

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Scalar:
        style = _STYLES[event.style]
        text = event.value
        return Scalar(place, text, self._plain(text, place) if style == "plain" else text, style, self.lines)

    def _plain(self, text: str, place: Place) -> str | bool | int | float | None:
        """The value of a plain scalar: everything but true, false, null and numbers is text."""
        if text in {"", "~", "null"}:
            return None
        if text in {"true", "false"}:
            return text == "true"
        if text[0] not in "-0123456789" or not _NUMBER.fullmatch(text):
            return text
        if len(text) > _LONGEST_NUMBER:
            raise _StopError(place, f"number longer than {_LONGEST_NUMBER} characters")
        if _INTEGER.fullmatch(text):
            return int(text)
        number = float(text)
        if abs(number) > _LARGEST:
            self.problems.append(place.problem(f"number {printable(text)} is too large"))
        return max(-_LARGEST, min(number, _LARGEST))


def _pass_over(event_after: Callable[[], yaml.Event | None]) -> None:
    """Read one node and keep nothing of it."""
    depth = 0
    while (event := event_after()) is not None:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth == 0:
            return


def _closed(done: _Open) -> Node:
    if done.keys is None:
        return Items(done.place, tuple(done.items))
    entries = tuple(zip(done.keys, done.items, strict=True))
    return Map(done.place, entries, {key.text: value for key, value in entries})


def _reason(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "not YAML"
    if problem in _REASONS:
        return _REASONS[problem]
    return printable(f"{problem} {error.context or ''}".rstrip(), longest=160)
