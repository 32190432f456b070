"""The stages that follow rows through time: sequence and baseline, read from their nodes."""

from __future__ import annotations

from dataclasses import replace

from auditor.documents import Items, Map, Node, Scalar
from auditor.rules.language.constants import history_mistake
from auditor.rules.language.expressions import condition_tree, expression
from auditor.rules.language.functions import NUMERIC
from auditor.rules.language.mistakes import text_of
from auditor.rules.language.names import Scope, check_name, prefixed
from auditor.rules.language.spec import Baseline, Sequence, Step
from auditor.rules.language.tree import Column, Expr, Type
from auditor.rules.reading.draft import Draft
from auditor.rules.reading.groups import after

MOST_STEPS = 8
_YIELDS = {
    "period": Type.DATETIME,
    "value": Type.NUMBER,
    "center": Type.NUMBER,
    "mad": Type.NUMBER,
    "score": Type.NUMBER,
    "n": Type.INTEGER,
}


def read_sequence(draft: Draft, node: Map, table: str, scope: Scope) -> tuple[Sequence | None, Scope]:
    """The sequence, and what its findings see."""
    by = draft.columns(node, "by", scope)
    within = draft.length(draft.at(node, "within"))
    steps = [_step(draft, item, table, scope) for item in _maps(draft.at(node, "steps"))]
    names = [step.name for step in steps if step is not None]
    absent = [_absent(draft, item, table, scope) for item in _maps(draft.at(node, "absent"))]
    _refuse_twice(draft, node)
    rows = {name: kind for step in names for name, kind in prefixed(step, scope.names).items()}
    seen = after(scope, "sequence", {"elapsed": Type.DURATION, **rows}, kept=by or ())
    broken = frozenset(f"{step}.{name}" for step in names for name in scope.broken)
    if by is None or len(names) < len(steps):
        seen = replace(seen, any_name=True)
    seen = replace(seen, prefixes=frozenset(names), steps=frozenset(names), broken=seen.broken | broken)
    where = draft.condition(node, "where", seen)
    known = tuple(step for step in steps if step is not None)
    never = tuple(step for step in absent if step is not None)
    complete = len(known) == len(steps) > 0 and len(never) == len(absent) and draft.right(node, "where", where)
    if by is None or within is None or not complete:
        return None, seen
    return Sequence(by, within, known, never, where), seen


def _maps(node: Node | None) -> list[Map]:
    return [item for item in node.items if isinstance(item, Map)] if isinstance(node, Items) else []


def _step(draft: Draft, node: Map, table: str, scope: Scope) -> Step | None:
    name = draft.at(node, "name")
    where = draft.condition(node, "where", scope)
    time = draft.time(node, table, scope)
    if not isinstance(name, Scalar) or not check_name(name, table, draft.mistakes, taken=frozenset({"elapsed"})):
        return None
    return None if where is None or time is None else Step(name.text, where, time)


def _absent(draft: Draft, node: Map, table: str, scope: Scope) -> Step | None:
    where = draft.condition(node, "where", scope)
    time = draft.time(node, table, scope)
    return None if where is None or time is None else Step("", where, time)


def _refuse_twice(draft: Draft, node: Map) -> None:
    seen: set[str] = set()
    for item in _maps(draft.at(node, "steps")):
        name = item.get("name")
        text = text_of(name)
        if name is not None and text in seen:
            draft.mistakes.add(name, f"step '{text}' is named twice")
        seen.add(text or "")


def read_baseline(draft: Draft, node: Map, table: str, scope: Scope) -> tuple[Baseline | None, Scope]:
    """The baseline, and what its findings see."""
    entity = draft.columns(node, "entity", scope)
    for name in entity or ():
        if name in _YIELDS:
            draft.mistakes.add(node, f"entity '{name}' is a name the baseline gives; derive it under another")
    method = text_of(draft.at(node, "method")) or "robust_z"
    value = _value(draft, node, method, scope)
    yields = _YIELDS | ({"value": Type.TEXT} if method == "first_seen" else {})
    seen = after(scope, "baseline", yields, kept=entity or ())
    if entity is None:
        seen = replace(seen, broken=seen.broken | frozenset(scope.names))
    having = draft.condition(node, "having", seen)
    if node.get("having") is None and method != "first_seen":
        draft.mistakes.add(node, "missing key 'having'")
    if method == "first_seen":
        for key in ("fill", "history"):
            if draft.at(node, key) is not None:
                draft.mistakes.add(node.key(key), f"{key} has no meaning with first_seen")
    parts = {
        "time": draft.time(node, table, scope),
        "zone": draft.zone(node),
    }
    period = draft.tumbling(draft.at(node, "period"))
    history = draft.number(draft.at(node, "history"), default=12, whole=True, least=1, most=10_000)
    least = draft.number(draft.at(node, "min_history"), default=6, whole=True, least=1, most=10_000)
    scale = draft.number(draft.at(node, "min_scale"), default=1)
    _check_history(draft, node, method, history, least)
    time, zone = parts["time"], parts["zone"]
    right = draft.right(node, "having", having)
    if entity is None or value is None or period is None or time is None or zone is None or not right:
        return None, seen
    if history is None or least is None or scale is None:
        return None, seen
    fill = draft.at(node, "fill")
    filled = fill.value if isinstance(fill, Scalar) and isinstance(fill.value, int | float) else None
    return Baseline(
        entity=entity,
        time=time,
        period=period,
        value=value,
        fill=None if filled is None else float(filled),
        history=history,
        min_history=least,
        method=method,
        min_scale=scale,
        zone=zone,
        having=having,
    ), seen


def _check_history(draft: Draft, node: Map, method: str, history: Expr | None, least: Expr | None) -> None:
    if method == "first_seen" or history is None or least is None:
        return
    mistake = history_mistake(history, least)
    if mistake is not None:
        draft.mistakes.add(node.get("min_history") or node.get("history") or node, mistake)


def _value(draft: Draft, node: Map, method: str, scope: Scope) -> Expr | None:
    """What is measured: a column, a condition or a number summed up, as the method wants it."""
    value = draft.at(node, "value")
    if value is None:
        return None
    if method == "share":
        return condition_tree(value, scope, draft.mistakes)
    if method == "first_seen":
        kind = draft.column(value, scope)
        if kind is Type.LIST:
            draft.mistakes.add(value, "first_seen takes no list column")
        return None if kind in {None, Type.LIST} else Column(text_of(value) or "", kind or Type.NULL, value.place)
    tree = expression(value, scope.with_aggregates(), draft.mistakes)
    if tree is not None and tree.type not in NUMERIC:
        hint = "; use to_minutes(…)" if tree.type is Type.DURATION else ""
        draft.mistakes.add(tree.position or value.place, f"expected number, got {tree.type}{hint}")
        return None
    return tree
