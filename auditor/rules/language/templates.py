"""Templates: text with `{name}` and `{name:spec}`, parsed once, filled in one pass."""

from __future__ import annotations

import re
from collections.abc import Mapping

from auditor.documents import Scalar, printable
from auditor.rules.language.mistakes import Mistakes
from auditor.rules.language.names import Scope
from auditor.rules.language.spec import Field, Template
from auditor.rules.language.tree import Type
from auditor.rules.language.values import PARAMETER_TYPES

_PIECE = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+")
_FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){0,2})(?::(.*))?", re.DOTALL)
_NUMBER_SPECS = frozenset({*(f".{digits}f" for digits in range(7)), ",", ".0%", ".1%"})
SPECS: Mapping[Type, frozenset[str]] = {
    Type.INTEGER: _NUMBER_SPECS,
    Type.NUMBER: _NUMBER_SPECS,
    Type.DURATION: frozenset({"s", "m", "h"}),
    Type.DATETIME: frozenset({"date", "time", "minute"}),
}
"""The specs each type takes."""


def template(node: Scalar, scope: Scope, mistakes: Mistakes, *, name: str) -> Template | None:
    """The parsed template; None after its mistakes have been told. `name` is its key, for messages."""
    text = node.text
    parts: list[str | Field] = []
    right = True
    for found in _PIECE.finditer(text):
        piece = found.group()
        if piece in {"{{", "}}"}:
            parts.append(piece[0])
        elif piece[0] not in "{}":
            parts.append(piece)
        else:
            part = _field(piece, scope)
            if isinstance(part, str):
                right = False
                _tell(part, piece, found.start(), node, scope, mistakes, name=name)
            else:
                parts.append(part)
    return Template(text, tuple(parts)) if right else None


def _field(piece: str, scope: Scope) -> Field | str:
    """The field of `{…}`, or the kind of mistake it is: form, name, or the message of a wrong spec."""
    form = _FIELD.fullmatch(piece[1:-1]) if piece not in {"{", "}"} else None
    if form is None or "__" in piece:
        return "form"
    name, spec = form.group(1), form.group(2)
    if name.startswith("param."):
        param = scope.params.get(name.removeprefix("param."))
        kind = PARAMETER_TYPES[param.type] if param else None
    else:
        kind = scope.type_of(name)
    if kind is None:
        return "name"
    if spec is None:
        return Field(name, kind, "")
    if spec in SPECS.get(kind, ()) or (kind is Type.NULL and any(spec in known for known in SPECS.values())):
        return Field(name, kind, spec)
    specs = " ".join(sorted(SPECS.get(kind, ())))
    takes = f"one of {specs}" if specs else "none"
    return f"spec '{printable(spec)}' does not fit {kind}; it takes {takes}"


def _tell(mistake: str, piece: str, offset: int, node: Scalar, scope: Scope, mistakes: Mistakes, *, name: str) -> None:
    where = node.at(offset)
    match mistake:
        case "form":
            mistakes.add(where, f"'{printable(piece)}' is not a field; write {{name}}, or {{{{ for a brace")
        case "name":
            field = "{" + piece[1:-1].partition(":")[0] + "}"
            known = [*scope.names, *(f"param.{param}" for param in scope.params)]
            mistakes.unknown(where, "field", name=field, known=known, of=f" in {name}")
        case message:
            mistakes.add(where, message)
