"""Parameters: how they are declared, and which values they take from a rule, a configuration or an option."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from auditor.documents import Items, Map, Node, Place, Scalar, kind, printable
from auditor.rules.language.constants import pattern_mistake
from auditor.rules.language.mistakes import Mistakes, text_of
from auditor.rules.language.spec import ParamSpec
from auditor.rules.language.tree import LiteralValue
from auditor.rules.language.values import LONGEST_LIST, LONGEST_STRING, duration, moment, shown

if TYPE_CHECKING:
    from auditor.rules.reading.structure import Shape

_LENGTHS = {"string": LONGEST_STRING, "list": LONGEST_LIST}
_BOUNDED = frozenset({"integer", "number", "duration", "datetime", "string", "list"})
_HINTS = {"duration": "; write 90s or 1h30m", "datetime": "; write 2026-01-05T10:00Z"}


class ValueMistake(Exception):  # noqa: N818 - it becomes a problem, never an error of its own
    """A value a parameter does not take, and the node at fault."""

    def __init__(self, node: Node, message: str) -> None:
        self.node = node
        self.message = message
        super().__init__(message)


def parameters(node: Node | None, shape: Shape, mistakes: Mistakes) -> dict[str, ParamSpec]:
    """The declared parameters by name; one with mistakes keeps its name, so that its uses are no mistakes too."""
    if not isinstance(node, Map):
        return {}
    found = {}
    for key, value in node.entries:
        if isinstance(value, Map):
            spec = _declared(key, value, shape, mistakes)
            if spec is not None:
                found[key.text] = spec
    return found


def _declared(key: Scalar, node: Map, shape: Shape, mistakes: Mistakes) -> ParamSpec | None:
    word = text_of(shape.get(node, "type"))
    if word is None:
        return None
    values = shape.get(node, "values")
    words = tuple(item.text for item in values.items if isinstance(item, Scalar)) if isinstance(values, Items) else ()
    if word == "enum" and node.get("values") is None:
        mistakes.add(node, "missing key 'values'")
    if word != "enum" and node.get("values") is not None:
        mistakes.add(node.key("values"), f"values belong to an enum, not to type {word}")
    spec = ParamSpec(
        name=key.text,
        type=word,
        default=None,
        description=text_of(shape.get(node, "description")) or "",
        minimum=_bound(node, "min", word, mistakes),
        maximum=_bound(node, "max", word, mistakes),
        values=words,
        position=key.place,
    )
    if spec.minimum is not None and spec.maximum is not None and _more(spec.minimum, spec.maximum):
        mistakes.add(node.key("max"), f"max {shown(spec.maximum)} is less than min {shown(spec.minimum)}")
    default = shape.get(node, "default")
    if default is None or (word == "enum" and (not words or shape.get(node, "values") is None)):
        return spec
    return _with_default(spec, default, mistakes)


def _with_default(spec: ParamSpec, node: Node, mistakes: Mistakes) -> ParamSpec:
    try:
        value = param_value(spec, node)
    except ValueMistake as mistake:
        mistakes.add(mistake.node, mistake.message)
        return spec
    return replace(spec, default=value)


def _bound(node: Map, key: str, word: str, mistakes: Mistakes) -> LiteralValue:
    bound = node.get(key)
    if bound is None or (isinstance(bound, Scalar) and bound.value is None):
        return None
    if word not in _BOUNDED or (key == "min" and word in _LENGTHS):
        mistakes.add(node.key(key), f"type {word} takes no {key}")
        return None
    try:
        return _typed("integer" if word in _LENGTHS else word, bound)
    except ValueMistake as mistake:
        mistakes.add(mistake.node, mistake.message)
        return None


def param_value(spec: ParamSpec, node: Node) -> LiteralValue:
    """The value a node gives the parameter; `ValueMistake` when its type or its bounds forbid it."""
    value = _typed(spec.type, node)
    if spec.type == "enum" and value not in spec.values:
        raise ValueMistake(node, f"{spec.name} must be one of {', '.join(spec.values)}")
    if spec.type == "regex":
        mistake = pattern_mistake(str(value))
        if mistake is not None:
            raise ValueMistake(node, mistake)
    _within(spec, value, node)
    return value


def param_value_of_text(spec: ParamSpec, text: str, *, place: Place) -> LiteralValue:
    """The value an option's text gives the parameter; lists are separated by commas."""
    if spec.type == "list":
        parts = tuple(Scalar(place, part, part, "plain") for part in text.split(",")) if text.strip() else ()
        return param_value(spec, Items(place, parts))
    value: str | bool | int | float = text
    if spec.type in {"integer", "number"}:
        value = _number(text)
    elif spec.type == "boolean" and text in {"true", "false"}:
        value = text == "true"
    return param_value(spec, Scalar(place, text, value, "plain"))


def _number(text: str) -> int | float | str:
    try:
        return int(text) if text.lstrip("-").isdecimal() and len(text) < 20 else float(text)
    except ValueError:
        return text


def _typed(word: str, node: Node) -> LiteralValue:
    """The node's value as the type's own, without regard to bounds."""
    if word == "list":
        return texts(node)
    value = node.value if isinstance(node, Scalar) else None
    match word:
        case "integer" if isinstance(value, int) and not isinstance(value, bool):
            return value
        case "number" if isinstance(value, int | float) and not isinstance(value, bool) and value - value == 0:
            return value
        case "boolean" if isinstance(value, bool):
            return value
        case "duration" | "datetime" if isinstance(value, str):
            found = duration(value) if word == "duration" else moment(value)
            if found is not None:
                return found
        case "string" | "enum" | "regex" if isinstance(value, str):
            return value
    expected = {"string": "text", "enum": "text", "regex": "text"}.get(word, word)
    raise ValueMistake(node, f"expected {expected}, got {kind(node)}{_HINTS.get(word, '')}")


def texts(node: Node) -> tuple[str, ...]:
    """A list of texts, trimmed; empty and null items are mistakes."""
    if not isinstance(node, Items):
        raise ValueMistake(node, f"expected list, got {kind(node)}")
    items = []
    for item in node.items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            raise ValueMistake(item, f"expected text, got {kind(item)}")
        if not item.value.strip():
            raise ValueMistake(item, "an item of a list cannot be empty")
        items.append(item.value.strip())
    return tuple(items)


def _within(spec: ParamSpec, value: LiteralValue, node: Node) -> None:
    """Nothing when the value lies in the bounds; lengths count for strings and lists."""
    measured = len(value) if spec.type in _LENGTHS and isinstance(value, str | tuple) else value
    low = 0 if spec.type in _LENGTHS else spec.minimum
    high = spec.maximum if spec.maximum is not None else _LENGTHS.get(spec.type)
    if (low is None or not _more(low, measured)) and (high is None or not _more(measured, high)):
        return
    bounds = f"{'' if low is None else shown(low)}..{'' if high is None else shown(high)}"
    what = f"of length {measured} " if spec.type in _LENGTHS else f"{printable(shown(value))} "
    raise ValueMistake(node, f"value {what}is outside {bounds}")


def _more(left: LiteralValue, right: LiteralValue) -> bool:
    """Whether left is the greater of two values of one type."""
    match left, right:
        case ((int() | float()), (int() | float())):
            return left > right
        case timedelta(), timedelta():
            return left > right
        case datetime(), datetime():
            return left > right
    return False
