"""A rule's node held against its form: unknown and missing keys, wrong types and plain values out of bounds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, TypeAlias, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from auditor.documents import Items, Map, Node, Scalar, kind
from auditor.frozen import dataclass
from auditor.rules.language.mistakes import Mistakes
from auditor.rules.reading.forms import Form

_Key: TypeAlias = "str | int"

_WORD = re.compile(r"'([^']*)'")
_EXPECTED = {
    "string_type": "text",
    "int_type": "integer",
    "int_from_float": "integer",
    "float_type": "number",
    "bool_type": "boolean",
    "list_type": "list",
    "dict_type": "map",
    "model_type": "map",
    "model_attributes_type": "map",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The nodes of a document that are not what their form wants; whoever reads on passes them over."""

    wrong: frozenset[int]

    def get(self, node: Map, key: str) -> Node | None:
        """The node under `key` when it is there and has the right shape."""
        found = node.get(key)
        return None if found is None or id(found) in self.wrong else found


def shape(node: Map, form: type[Form], mistakes: Mistakes) -> Shape:
    """The shape of a document under its form, after its mistakes have been told."""
    wrong: set[int] = set()
    try:
        form.model_validate(_plain(node, _plan(form), mistakes))
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            _tell(detail, node, mistakes, wrong)
    return Shape(frozenset(wrong))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What an annotation says of a node: the plans of its keys, or the plan of what it holds."""

    fields: Mapping[str, _Plan] | None
    held: _Plan | None


_ANYTHING = _Plan(None, None)


@cache
def _plan(form: type[Form]) -> _Plan:
    fields = {field.alias or name: _plan_of(field.annotation) for name, field in form.model_fields.items()}
    return _Plan(fields, None)


def _plan_of(annotation: object) -> _Plan:
    bare = _bare(annotation)
    if isinstance(bare, type) and issubclass(bare, Form):
        return _plan(bare)
    arguments = get_args(bare)
    return _Plan(None, _plan_of(arguments[-1])) if arguments else _ANYTHING


def _bare(annotation: object) -> object:
    """The annotation without `Annotated` and without `| None`."""
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in {Union, UnionType}:
            annotation = next(part for part in get_args(annotation) if part is not type(None))
        else:
            return annotation


def _plain(node: Node, plan: _Plan, mistakes: Mistakes) -> object:
    """The plain data of a node, less the keys its form does not know, which are told on the way."""
    if isinstance(node, Scalar):
        return node.value
    held = plan.held or _ANYTHING
    if isinstance(node, Items):
        return [_plain(item, held, mistakes) for item in node.items]
    fields = plan.fields
    if fields is None:
        return {key.text: _plain(value, held, mistakes) for key, value in node.entries}
    data = {}
    for key, value in node.entries:
        if key.text in fields:
            data[key.text] = _plain(value, fields[key.text], mistakes)
        else:
            mistakes.unknown(key, "key", name=key.text, known=fields)
    return data


def _tell(detail: ErrorDetails, root: Map, mistakes: Mistakes, wrong: set[int]) -> None:
    """The problem of one pydantic error, at the node it speaks of."""
    loc = list(detail["loc"])
    context = detail.get("ctx", {})
    if detail["type"] == "missing":
        where = _walk(root, loc[:-1])
        wrong.add(id(where))
        mistakes.add(where, f"missing key '{loc[-1]}'")
        return
    if loc[-1] == "[key]":
        parent = _walk(root, loc[:-2])
        if isinstance(parent, Map):
            mistakes.add(parent.key(str(loc[-2])), str(context["message"]))
        return
    where = _walk(root, loc)
    wrong.add(id(where))
    key = next((str(part) for part in reversed(loc) if isinstance(part, str)), "value")
    mistakes.add(where, _message(detail["type"], context, where, key))


def _message(kind_of_error: str, context: Mapping[str, object], node: Node, key: str) -> str:
    if kind_of_error in _EXPECTED:
        return f"expected {_EXPECTED[kind_of_error]}, got {kind(node)}"
    match kind_of_error:
        case "literal_error":
            return f"{key} must be one of {', '.join(_WORD.findall(str(context['expected'])))}"
        case "among":
            return f"{key} must be one of {context['choices']}"
        case "too_short":
            return f"{key} needs at least {context['min_length']} item{'s' if context['min_length'] != 1 else ''}"
        case "too_long":
            return f"{key} takes at most {context['max_length']} items"
        case "rule":
            return str(context["message"])
    return f"{key} is not what a rule may hold here"


def _walk(root: Node, loc: Sequence[_Key]) -> Node:
    """The node that a path leads to, as far as it goes."""
    node = root
    for part in loc:
        if isinstance(node, Map) and isinstance(part, str):
            found = node.get(part)
        elif isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
            found = node.items[part]
        else:
            found = None
        if found is None:
            return node
        node = found
    return node
