"""The detector and python stages, read from their nodes by the forms of the detectors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TypeAlias

from auditor.documents import Items, Map, Node, Place, Scalar, kind
from auditor.rules.language.expressions import expression
from auditor.rules.language.functions import NUMERIC
from auditor.rules.language.mistakes import text_of
from auditor.rules.language.names import Scope, is_name, table_names
from auditor.rules.language.spec import Detector, Python
from auditor.rules.language.tree import Column, Expr, ListName, Literal, Type
from auditor.rules.language.walk import nodes
from auditor.rules.reading.detector_forms import DETECTORS, VISIT, DetectorForm, Setting
from auditor.rules.reading.draft import Draft
from auditor.rules.reading.groups import after

Value: TypeAlias = "Expr | tuple[str, ...] | Mapping[str, Expr] | str"

MOST_FEATURES = 12
_ENTRY = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


def read_detector(draft: Draft, node: Node, scope: Scope) -> tuple[Detector | None, Scope]:
    """The detector with every setting, those not given by their defaults, and what its findings see."""
    silent = replace(scope, any_name=True)
    if not isinstance(node, Map):
        draft.mistakes.expected("map", node)
        return None, silent
    kind_node = node.get("type")
    word = text_of(kind_node)
    if kind_node is None:
        draft.mistakes.add(node, "missing key 'type'")
    form = DETECTORS.get(word or "")
    if form is None or word is None:
        if kind_node is not None:
            draft.mistakes.add(kind_node, f"type must be one of {', '.join(DETECTORS)}")
        return None, silent
    before = len(draft.mistakes.problems)
    settings: dict[str, Value] = {}
    for key, _ in node.entries:
        if key.text != "type" and key.text not in form.settings:
            draft.mistakes.unknown(key, "key", name=key.text, known=form.settings)
    for name, setting in form.settings.items():
        value = _given(draft, node, name, setting, scope)
        if value is not None:
            settings[name] = value
    _refuse_taken(draft, node, form, scope, settings)
    seen = _seen(scope, form, settings, word)
    if len(draft.mistakes.problems) > before:
        return None, replace(seen, broken=seen.broken | frozenset(scope.names))
    return Detector(word, settings, node.place), seen


def _refuse_taken(draft: Draft, node: Map, form: DetectorForm, scope: Scope, settings: Mapping[str, Value]) -> None:
    """A name of the rule's own would be lost under which the detector puts something else."""
    columns = table_names(scope.place)
    for name, place in (*_columns_named(node, form), *_columns_read(settings)):
        if name in scope.names and name not in columns and form.takes(name, scope.names):
            draft.mistakes.add(place, f"'{name}' is a name the detector gives; derive it under another")
    features, entity = node.get("features"), settings.get("entity")
    for key, _ in features.entries if isinstance(features, Map) else ():
        if is_name(key, draft.mistakes) and (_is_among(key.text, entity) or form.takes(key.text)):
            draft.mistakes.add(key, f"'{key.text}' cannot be used as a name; the detector gives it")


def _is_among(name: str, columns: Value | None) -> bool:
    return isinstance(columns, tuple) and name in columns


def _columns_named(node: Map, form: DetectorForm) -> Iterator[tuple[str, Place]]:
    for key, setting in form.settings.items():
        found = node.get(key) if setting.form in {"columns", "column"} else None
        for item in found.items if isinstance(found, Items) else (found,):
            name = text_of(item)
            if item is not None and name is not None:
                yield name, item.place


def _columns_read(settings: Mapping[str, Value]) -> Iterator[tuple[str, Place]]:
    for setting in settings.values():
        if isinstance(setting, str | tuple):
            continue
        for tree in setting.values() if isinstance(setting, Mapping) else (setting,):
            for part in nodes(tree):
                if isinstance(part, Column) and part.position is not None:
                    yield part.name, part.position


def _seen(scope: Scope, form: DetectorForm, settings: Mapping[str, Value], word: str) -> Scope:
    entity = settings.get("entity")
    kept = entity if isinstance(entity, tuple) else ()
    bits: dict[str, Type] = {}
    columns = settings.get("columns")
    if word == "rarity" and isinstance(columns, tuple):
        bits = {f"bits_{name}": Type.NUMBER for name in columns}
    return after(scope, "detector", {**form.yields, **bits}, kept=kept)


def _given(draft: Draft, node: Map, name: str, setting: Setting, scope: Scope) -> Value | None:
    found = node.get(name)
    if found is None and setting.required:
        draft.mistakes.add(node, f"missing key '{name}'")
    if found is None or (isinstance(found, Scalar) and found.value is None):
        return _default(setting)
    match setting.form:
        case "columns" | "column":
            return _columns(draft, found, setting, scope)
        case "integer" | "number":
            whole = setting.form == "integer"
            return draft.number(found, whole=whole, least=setting.least or 0, most=setting.most)
        case "word" if (text_of(found) or "").startswith("param."):
            return _named_word(draft, found, name, setting)
        case "word" | "words":
            return _words(draft, found, name, setting)
        case "value":
            return _aggregate(draft, found, scope)
        case "features":
            return _features(draft, found, scope)
        case "duration" | "length" | "period":
            return _length(draft, found, setting.form)
    return _flag(draft, found) if setting.form == "flag" else _list(draft, found)


def _length(draft: Draft, node: Node, form: str) -> Expr | None:
    return draft.tumbling(node) if form == "period" else draft.length(node, positive=form == "length")


def _default(setting: Setting) -> Value | None:
    value = setting.default
    match value:
        case None | tuple():
            return value
        case str():
            return value
        case bool():
            return Literal(value, Type.BOOLEAN)
        case timedelta():
            return Literal(value, Type.DURATION)
    return Literal(value, Type.INTEGER if setting.form == "integer" else Type.NUMBER)


def _columns(draft: Draft, node: Node, setting: Setting, scope: Scope) -> tuple[str, ...] | str | None:
    if setting.form == "column":
        return None if draft.column(node, scope) is None else text_of(node)
    if not isinstance(node, Items):
        draft.mistakes.expected("list", node)
        return None
    if not node.items:
        draft.mistakes.add(node, "a list of columns names at least one")
        return None
    return draft.column_list(node, scope.with_names(dict.fromkeys(setting.choices, Type.TEXT)))


def _flag(draft: Draft, node: Node) -> Literal | None:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, bool):
        return Literal(value, Type.BOOLEAN, node.place)
    draft.mistakes.expected("boolean", node)
    return None


def _words(draft: Draft, node: Node, name: str, setting: Setting) -> tuple[str, ...] | str | None:
    items = node.items if isinstance(node, Items) else (node,)
    if isinstance(node, Items) != (setting.form == "words"):
        draft.mistakes.expected("list" if setting.form == "words" else "text", node)
        return None
    for item in items:
        if text_of(item) not in setting.choices:
            draft.mistakes.add(item, f"{name} must be one of {', '.join(setting.choices)}")
    words = tuple(text_of(item) or "" for item in items)
    return words if setting.form == "words" else words[0]


def _named_word(draft: Draft, node: Node, name: str, setting: Setting) -> Expr | None:
    """The enum parameter that holds the word; each of its values has to be one of the choices."""
    found = draft.param(node, (Type.TEXT,))
    if found is None:
        return None
    values = draft.params[found.name].values
    if not values or not set(values) <= set(setting.choices):
        draft.mistakes.add(node, f"{name} must be one of {', '.join(setting.choices)}; '{found.name}' may be another")
        return None
    return found


def _list(draft: Draft, node: Node) -> Expr | None:
    text = text_of(node) or ""
    if text.startswith("list.") and text.removeprefix("list.").isidentifier():
        return ListName(text.removeprefix("list."), position=node.place)
    draft.mistakes.add(node, f"expected list.NAME, got {kind(node)}")
    return None


def _aggregate(draft: Draft, node: Node, scope: Scope) -> Expr | None:
    """A number or a duration summed up; visits also know their presence and their meeting's length."""
    tree = expression(node, scope.with_aggregates(VISIT), draft.mistakes)
    if tree is not None and tree.type not in NUMERIC | {Type.DURATION}:
        draft.mistakes.add(tree.position or node.place, f"expected number, got {tree.type}")
        return None
    return tree


def _features(draft: Draft, node: Node, scope: Scope) -> Mapping[str, Expr] | None:
    """Aggregates by name."""
    if not isinstance(node, Map) or not node.entries:
        draft.mistakes.expected("map with at least one name", node)
        return None
    if len(node.entries) > MOST_FEATURES:
        draft.mistakes.add(node, f"features takes at most {MOST_FEATURES} names")
    found = {key.text: _aggregate(draft, value, scope) for key, value in node.entries}
    return {name: tree for name, tree in found.items() if tree is not None}


def read_python(draft: Draft, node: Node, scope: Scope, *, allowed: bool) -> tuple[Python | None, Scope]:
    """The entry point a rule names; nothing is imported. Its columns are not known before it runs."""
    seen = replace(scope, place=f"{scope.place} after python", any_name=True)
    text = text_of(node) or ""
    if not allowed:
        draft.mistakes.add(node, "python rules are not allowed here; the operator sets allow_python_rules")
        return None, seen
    if _ENTRY.fullmatch(text) is None:
        draft.mistakes.add(node, "expected package.module:function")
        return None, seen
    module, _, function = text.partition(":")
    return Python(module, function, node.place), seen
