"""`detect`, read from its node: derived columns, `where` and at most one stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from auditor.documents import Map, Node, Place, Scalar
from auditor.rules.language.expressions import expression
from auditor.rules.language.extent import Extent, extent
from auditor.rules.language.functions import FUNCTIONS
from auditor.rules.language.mistakes import text_of
from auditor.rules.language.names import Scope, check_name
from auditor.rules.language.spec import Condition, Derived, Detect, Stage
from auditor.rules.language.tree import Expr, Op, Type
from auditor.rules.reading.detectors import read_detector, read_python
from auditor.rules.reading.draft import Draft
from auditor.rules.reading.forms import DerivedForm
from auditor.rules.reading.groups import read_group, read_match, read_pairs
from auditor.rules.reading.series import read_baseline, read_sequence
from auditor.rules.reading.structure import shape
from auditor.tables.schema import TABLES

STAGES = ("group", "pairs", "match", "sequence", "baseline", "detector", "python")


def read_detect(draft: Draft, node: Map, *, allow_python: bool) -> tuple[Detect | None, Scope | None]:
    """What the rule looks for, and the names its findings see; None in place of either after mistakes."""
    table = text_of(draft.at(node, "from"))
    if table is None:
        return None, None
    written: dict[str, Extent] = {}
    derived, scope = _derive(draft, draft.at(node, "derive"), table, draft.scope(table), written)
    where = draft.condition(node, "where", scope)
    _refuse_vast(draft, where, written)
    stages = [key for key, _ in node.entries if key.text in STAGES]
    if len(stages) > 1:
        draft.mistakes.add(stages[1], f"only one of {', '.join(STAGES)}")
        return None, None
    empty = node.get("where")
    if not stages and draft.at(node, "where") is None:
        draft.mistakes.add(node, f"detect needs where, or one of {', '.join(STAGES)}")
    elif isinstance(empty, Scalar) and empty.value is None:
        draft.mistakes.expected("condition", empty)
    stage, seen = _stage(draft, stages[0], node, table, scope, allow_python=allow_python) if stages else (None, scope)
    right = draft.right(node, "where", where) and (stage is not None or not stages) and derived is not None
    if seen is not None and stages:
        _refuse_hidden(draft, node, stages[0], seen, scope)
    if not right or (where is None and stage is None) or derived is None:
        return None, seen
    return Detect(table, TABLES[table].time, derived, where, stage), seen


def _stage(
    draft: Draft, key: Scalar, node: Map, table: str, scope: Scope, *, allow_python: bool
) -> tuple[Stage | None, Scope | None]:
    value = draft.shape.get(node, key.text)
    if value is None:
        return None, None
    if key.text == "detector":
        return read_detector(draft, value, scope)
    if key.text == "python":
        return read_python(draft, value, scope, allowed=allow_python)
    if not isinstance(value, Map):
        return None, None
    match key.text:
        case "group":
            return read_group(draft, value, table, scope)
        case "pairs":
            return read_pairs(draft, value, table, scope)
        case "match":
            return read_match(draft, value, scope)
        case "sequence":
            return read_sequence(draft, value, table, scope)
        case _:
            return read_baseline(draft, value, table, scope)


def _refuse_hidden(draft: Draft, node: Map, key: Scalar, seen: Scope, scope: Scope) -> None:
    """A derived name that the stage gives itself would be hidden by it."""
    derive = draft.at(node, "derive")
    names = [name for name, _ in derive.entries] if isinstance(derive, Map) else []
    for name in names:
        if name.text in seen.names and seen.names[name.text] is not scope.type_of(name.text):
            draft.mistakes.add(name, f"'{name.text}' cannot be used as a name; {key.text} gives it")


def _refuse_vast(draft: Draft, found: Condition | None, written: Mapping[str, Extent]) -> bool:
    """Whether a condition is too much once derived columns are written out, which is told."""
    return found is not None and _is_vast(draft, found.tree, found.clauses[0].position, written)


def _is_vast(draft: Draft, tree: Expr, place: Place, written: Mapping[str, Extent]) -> bool:
    mistake = extent(tree, written).mistake
    if mistake is not None:
        draft.mistakes.add(place, mistake)
    return mistake is not None


def _derive(
    draft: Draft, node: Node | None, table: str, scope: Scope, written: dict[str, Extent]
) -> tuple[tuple[Derived, ...] | None, Scope]:
    """The derived columns in order, each seeing those above it; `written` tells how much each stands for."""
    if not isinstance(node, Map):
        return (), scope
    found: list[Derived] = []
    for key, value in node.entries:
        named = check_name(key, table, draft.mistakes)
        item = _aggregated(draft, key, value, scope) if isinstance(value, Map) else _computed(draft, key, value, scope)
        if (
            item is None
            or not named
            or _is_vast(draft, item.expr, value.place, written)
            or _refuse_vast(draft, item.where, written)
        ):
            scope = replace(scope, broken=scope.broken | {key.text})
        else:
            found.append(item)
            written[key.text] = extent(item.expr, written)
            scope = scope.with_names({key.text: item.expr.type})
    return (tuple(found) if len(found) == len(node.entries) else None), scope


def _computed(draft: Draft, key: Scalar, node: Node, scope: Scope) -> Derived | None:
    tree = expression(node, scope, draft.mistakes)
    if tree is not None and tree.type is Type.NULL:
        draft.mistakes.add(node, "a derived column needs a type; this is always null")
        return None
    return None if tree is None else Derived(key.text, tree, None, (), key.place)


def _aggregated(draft: Draft, key: Scalar, node: Map, scope: Scope) -> Derived | None:
    """One aggregate over the rows that share `over`."""
    inner = replace(draft, shape=shape(node, DerivedForm, draft.mistakes))
    over = inner.columns(node, "over", scope)
    where = inner.condition(node, "where", scope)
    body = inner.at(node, "expr")
    tree = expression(body, scope.with_aggregates(), draft.mistakes) if body is not None else None
    if tree is not None and not (isinstance(tree, Op) and tree.name in FUNCTIONS and FUNCTIONS[tree.name].aggregate):
        draft.mistakes.add(tree.position or node.place, "expr with over is one aggregate, as in min(joined_time)")
        return None
    if tree is None or over is None or not inner.right(node, "where", where):
        return None
    return Derived(key.text, tree, where, over, key.place)
