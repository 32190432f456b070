"""The stages that bring rows together: group, pairs and match, read from their nodes."""

from __future__ import annotations

from auditor.documents import Items, Map, Node, Scalar, kind
from auditor.rules.language.columns import interval
from auditor.rules.language.expressions import expression
from auditor.rules.language.mistakes import text_of
from auditor.rules.language.names import Scope, check_name, meeting_names, prefixed, table_names
from auditor.rules.language.spec import Group, GroupWindow, Match, Pairs
from auditor.rules.language.tree import Expr, Type
from auditor.rules.reading.draft import Draft

WINDOW_KINDS = ("rolling", "tumbling", "session_gap")
_WINDOW_NAMES = {"window_start": Type.DATETIME, "window_end": Type.DATETIME}


def after(scope: Scope, stage: str, names: dict[str, Type], *, kept: tuple[str, ...] = ()) -> Scope:
    """The scope after a stage: `names`, the columns `kept`, and the meeting when its id is among them."""
    held = {name: kind_of for name in kept if (kind_of := scope.type_of(name)) is not None}
    meeting = meeting_names(scope.names) if "meeting_id" in kept else {}
    return Scope(f"{scope.place} after {stage}", {**names, **held, **meeting}, scope.params, broken=scope.broken)


def read_group(draft: Draft, node: Map, table: str, scope: Scope) -> tuple[Group | None, Scope]:
    """The group, and what its findings see."""
    by = draft.columns(node, "by", scope)
    window_node = draft.at(node, "window")
    window = _window(draft, window_node, table, scope) if isinstance(window_node, Map) else None
    aggregate, broken = _aggregates(draft, draft.at(node, "aggregate"), table, scope)
    names = {"rows": Type.INTEGER, **(_WINDOW_NAMES if window_node is not None else {})}
    names |= {name: tree.type for name, tree in aggregate}
    seen = after(scope, "group", names, kept=by or ())
    if by is None:
        # without its keys nothing can be said about the names that follow
        return None, _silent(seen, scope)
    seen = Scope(seen.place, seen.names, seen.params, broken=seen.broken | broken)
    having = draft.condition(node, "having", seen)
    if broken or having is None or (window_node is not None and window is None):
        return None, seen
    return Group(by, window, aggregate, having), seen


def _silent(seen: Scope, scope: Scope) -> Scope:
    return Scope(seen.place, seen.names, seen.params, broken=seen.broken | frozenset(scope.names))


def _aggregates(
    draft: Draft, node: Node | None, table: str, scope: Scope
) -> tuple[tuple[tuple[str, Expr], ...], frozenset[str]]:
    """The named aggregates, and the names of those with mistakes."""
    if not isinstance(node, Map):
        return (), frozenset()
    if not node.entries:
        draft.mistakes.add(node, "aggregate needs at least one name")
    found: list[tuple[str, Expr]] = []
    broken: set[str] = set()
    for key, value in node.entries:
        tree = expression(value, scope.with_aggregates(), draft.mistakes)
        named = check_name(key, table, draft.mistakes, taken=frozenset(_WINDOW_NAMES))
        if tree is not None and tree.type is Type.NULL:
            draft.mistakes.add(value, "an aggregate needs a type; this is always null")
            tree = None
        if tree is None or not named:
            broken.add(key.text)
        else:
            found.append((key.text, tree))
    return tuple(found), frozenset(broken)


def _window(draft: Draft, node: Map, table: str, scope: Scope) -> GroupWindow | None:
    kinds = [key for key, value in node.entries if key.text in WINDOW_KINDS]
    if len(kinds) != 1:
        draft.mistakes.add(kinds[1] if kinds else node, f"a window has exactly one of {', '.join(WINDOW_KINDS)}")
        return None
    value = draft.shape.get(node, kinds[0].text)
    word = kinds[0].text
    length = draft.tumbling(value) if word == "tumbling" else draft.length(value, positive=True)
    time = draft.time(node, table, scope)
    zone = draft.zone(node)
    if word != "tumbling" and node.get("zone") is not None:
        draft.mistakes.add(node.key("zone"), f"zone belongs to tumbling, not to {word}")
        return None
    if length is None or time is None or zone is None:
        return None
    return GroupWindow(word, length, time, zone, node.place)


def read_pairs(draft: Draft, node: Map, table: str, scope: Scope) -> tuple[Pairs | None, Scope]:
    """The pairs, and what their findings see."""
    same = draft.columns(node, "same", scope)
    different = draft.columns(node, "different", scope)
    overlap, within = draft.at(node, "overlap"), draft.at(node, "within")
    overlap_length, within_length = draft.length(overlap), draft.length(within)
    timed = interval(table) is not None
    for key in ("overlap", "within"):
        if node.get(key) is not None and not timed:
            draft.mistakes.add(node.key(key), f"{table} has no time of its own; {key} needs one")
    spans = {"overlap": Type.DURATION, "gap": Type.DURATION} if timed else {}
    sides = {**prefixed("a", scope.names), **prefixed("b", scope.names)}
    seen = after(scope, "pairs", {**spans, **sides}, kept=same or ())
    seen = Scope(
        seen.place,
        seen.names,
        seen.params,
        frozenset({"a", "b"}),
        broken=seen.broken | _sided(scope.broken, "ab") | (frozenset(scope.names) if same is None else frozenset()),
    )
    where = draft.condition(node, "where", seen)
    right = all(
        draft.right(node, key, found)
        for key, found in (
            ("different", different),
            ("overlap", overlap_length),
            ("within", within_length),
            ("where", where),
        )
    )
    if same is None or not right:
        return None, seen
    return Pairs(same, different or (), overlap_length, within_length, where), seen


def _sided(broken: frozenset[str], sides: str) -> frozenset[str]:
    return frozenset(f"{side}.{name}" for side in sides for name in broken)


def read_match(draft: Draft, node: Map, scope: Scope) -> tuple[Match | None, Scope]:
    """The match, and what its findings see."""
    table = text_of(draft.at(node, "with"))
    other = table_names(table) if table is not None else {}
    sides = {**prefixed("a", scope.names), **prefixed("b", other)}
    broken = _sided(scope.broken, "a")
    place = f"{scope.place} and {table}"
    within = Scope(place, sides, scope.params, frozenset({"a", "b"}), broken=scope.broken | broken)
    where = draft.condition(node, "where", within) if table is not None else None
    seen = Scope(
        f"{scope.place} after match",
        {**scope.names, "matches": Type.INTEGER, **prefixed("b", other)},
        scope.params,
        frozenset({"b"}),
        broken=scope.broken,
        any_name=table is None,
    )
    same_node = draft.at(node, "same")
    if table is None or not isinstance(same_node, Items):
        return None, seen
    pairs = [_same(draft, item, scope, Scope(table, other, scope.params)) for item in same_node.items]
    known = tuple(pair for pair in pairs if pair is not None)
    absent = draft.at(node, "absent")
    if len(known) < len(pairs) or not draft.right(node, "where", where):
        return None, seen
    return Match(table, known, where, isinstance(absent, Scalar) and absent.value is True), seen


def _same(draft: Draft, node: Node, mine: Scope, theirs: Scope) -> tuple[str, str] | None:
    """The columns of a and b that must be equal: one name for both, or `{a: …, b: …}`."""
    left: Node = node
    right: Node = node
    if isinstance(node, Map) and {key.text for key, _ in node.entries} == {"a", "b"}:
        sides = [value for _, value in sorted(node.entries, key=lambda entry: entry[0].text)]
        if not all(isinstance(side, Scalar) for side in sides):
            draft.mistakes.add(node, "a and b each name one column")
            return None
        left, right = sides
    elif not isinstance(node, Scalar):
        draft.mistakes.add(node, f"expected a column or {{a: column, b: column}}, got {kind(node)}")
        return None
    one, two = draft.column(left, mine), draft.column(right, theirs)
    if one is None or two is None:
        return None
    if one is not two or one is Type.LIST:
        draft.mistakes.add(node, f"cannot compare {one} with {two}")
        return None
    return text_of(left) or "", text_of(right) or ""
