"""`tests`, read from their nodes: rows typed by their columns, and what is expected of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from auditor.documents import Items, Map, Node, Scalar, kind, printable
from auditor.frozen import dataclass
from auditor.model.vocabulary import Severity, Verdict
from auditor.model.window import Window
from auditor.rules.language.mistakes import text_of
from auditor.rules.language.names import Scope, table_names
from auditor.rules.language.spec import Case, Expected, GivenRow
from auditor.rules.language.tree import LiteralValue, Type
from auditor.rules.language.values import duration, moment
from auditor.rules.reading.draft import Draft
from auditor.rules.reading.params import ValueMistake, param_value, texts
from auditor.tables.schema import TABLES

START = datetime(2026, 1, 1, tzinfo=UTC)
"""The `now` of a test that does not say."""

MOST_REPEATS = 1_000
MOST_ROWS = 20_000
_OWN = {"subject": Type.TEXT, "message": Type.TEXT, "severity": Type.TEXT}
_LINEAGE = {"page": Type.TEXT, "item": Type.INTEGER}


@dataclass(frozen=True, slots=True)
class Known:
    """What tests may speak of: names visible in `finding`, and the lists the rule reads."""

    scope: Scope | None
    lists: frozenset[str]


def read_cases(draft: Draft, node: Node | None, known: Known) -> tuple[Case, ...]:
    """The embedded tests; those with mistakes are left out."""
    seen: set[str] = set()
    found = []
    for item in node.items if isinstance(node, Items) else ():
        if not isinstance(item, Map):
            continue
        name = item.get("name")
        text = text_of(name)
        if name is not None and text is not None:
            if text in seen:
                draft.mistakes.add(name, f"test '{printable(text)}' is named twice")
            seen.add(text)
            found.append(_case(draft, item, text, known))
    return tuple(found)


def _case(draft: Draft, node: Map, name: str, known: Known) -> Case:
    error = text_of(draft.at(node, "expect_error"))
    expect = draft.at(node, "expect")
    if (node.get("expect") is None) == (node.get("expect_error") is None):
        draft.mistakes.add(node, "a test has one of expect and expect_error")
    if error is None and node.get("given") is None:
        draft.mistakes.add(node, "missing key 'given'")
    params, lists = _entries(draft.at(node, "params")), _entries(draft.at(node, "lists"))
    if error is None:
        _check_params(draft, params)
        _check_lists(draft, node, lists, known)
    now = draft.at(node, "now")
    verdict = text_of(draft.at(node, "verdict"))
    count = draft.at(node, "not_evaluable")
    return Case(
        name=name,
        position=node.place,
        given=_given(draft, draft.at(node, "given")),
        params=params,
        lists=lists,
        now=(START if now is None else _moment(draft, now)) or START,
        window=_window(draft, draft.at(node, "window")),
        expect=None if expect is None else _expect(draft, expect, known.scope),
        expect_error=error,
        not_evaluable=count.value if isinstance(count, Scalar) and isinstance(count.value, int) else None,
        verdict=None if verdict is None else Verdict(verdict),
    )


def _entries(node: Node | None) -> Mapping[str, Node]:
    return {key.text: value for key, value in node.entries} if isinstance(node, Map) else {}


def _check_params(draft: Draft, params: Mapping[str, Node]) -> None:
    for name, value in params.items():
        spec = draft.params.get(name)
        if spec is None:
            if f"param.{name}" not in draft.broken:
                draft.mistakes.unknown(value, "parameter", name=name, known=draft.params)
            continue
        try:
            param_value(spec, value)
        except ValueMistake as mistake:
            draft.mistakes.add(mistake.node, mistake.message)


def _check_lists(draft: Draft, node: Map, lists: Mapping[str, Node], known: Known) -> None:
    holder = node.get("lists")
    for name, value in lists.items():
        if known.scope is not None and name not in known.lists and isinstance(holder, Map):
            draft.mistakes.unknown(holder.key(name), "list", name=name, known=known.lists)
        try:
            texts(value)
        except ValueMistake as mistake:
            draft.mistakes.add(mistake.node, mistake.message)


def _moment(draft: Draft, node: Node) -> datetime | None:
    found = moment(text_of(node) or "")
    if found is None:
        draft.mistakes.add(node, f"expected datetime, got {kind(node)}; write 2026-01-05 10:00")
    return found


def _window(draft: Draft, node: Node | None) -> Window | None:
    if not isinstance(node, Map):
        return None
    edges = [draft.at(node, key) for key in ("from", "to")]
    start, end = (_moment(draft, edge) if edge is not None else None for edge in edges)
    if start is None or end is None:
        return None
    if start >= end:
        draft.mistakes.add(node, "a window ends after it starts")
        return None
    return Window(start, end)


def _given(draft: Draft, node: Node | None) -> Mapping[str, tuple[GivenRow, ...]]:
    found: dict[str, tuple[GivenRow, ...]] = {}
    if not isinstance(node, Map):
        return found
    total = 0
    for key, value in node.entries:
        if key.text not in TABLES:
            draft.mistakes.unknown(key, "table", name=key.text, known=TABLES)
        elif isinstance(value, Items):
            rows = [_row(draft, item, key.text) for item in value.items if isinstance(item, Map)]
            found[key.text] = tuple(rows)
            total += sum(row.repeat for row in rows)
    if total > MOST_ROWS:
        draft.mistakes.add(node, f"more than {MOST_ROWS:,} rows in a test")
    return found


def _row(draft: Draft, node: Map, table: str) -> GivenRow:
    columns = {**table_names(table), **_LINEAGE}
    values: dict[str, LiteralValue] = {}
    repeat, every = 1, timedelta()
    for key, value in node.entries:
        if key.text == "repeat":
            repeat = _repeat(draft, value)
        elif key.text == "every":
            every = duration(text_of(value) or "") or every
            if duration(text_of(value) or "") is None:
                draft.mistakes.add(value, f"expected duration, got {kind(value)}; write 90s or 1h30m")
        elif key.text not in columns:
            known = [*columns, "repeat", "every"]
            draft.mistakes.unknown_column(key, key.text, known=known, table=table)
        else:
            values[key.text] = _cell(draft, value, columns[key.text])
    return GivenRow(values, repeat, every, node.place)


def _repeat(draft: Draft, node: Node) -> int:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, bool) or not isinstance(value, int):
        draft.mistakes.expected("integer", node)
    elif not 1 <= value <= MOST_REPEATS:
        draft.mistakes.add(node, f"value {printable(str(value))} is outside 1..{MOST_REPEATS}")
    else:
        return value
    return 1


def _cell(draft: Draft, node: Node, wanted: Type) -> LiteralValue:
    """A value of a row read as its column's type; a plain scalar stays text in a text column."""
    if isinstance(node, Scalar) and node.value is None:
        return None
    if wanted is Type.LIST:
        try:
            return texts(node)
        except ValueMistake as mistake:
            draft.mistakes.add(mistake.node, mistake.message)
            return None
    found = _typed(node, wanted) if isinstance(node, Scalar) else None
    if found is None:
        hint = {Type.DATETIME: "; write 2026-01-05 10:00", Type.DURATION: "; write 90s or 1h30m"}.get(wanted, "")
        draft.mistakes.expected(wanted, node, hint=hint)
    return found


def _typed(node: Scalar, wanted: Type) -> LiteralValue:
    value = node.value
    match wanted:
        case Type.TEXT:
            return node.text
        case Type.BOOLEAN:
            return value if isinstance(value, bool) else None
        case Type.INTEGER:
            return value if isinstance(value, int) and not isinstance(value, bool) else None
        case Type.NUMBER:
            return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        case Type.DURATION:
            return duration(value) if isinstance(value, str) else None
        case Type.DATETIME:
            return moment(value) if isinstance(value, str) else None
    return value


def _expect(draft: Draft, node: Node, scope: Scope | None) -> int | tuple[Expected, ...] | None:
    if isinstance(node, Items):
        return tuple(_expected(draft, item, scope) for item in node.items if _is_map(draft, item))
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    draft.mistakes.expected("number of findings or list", node)
    return None


def _is_map(draft: Draft, node: Node) -> bool:
    if not isinstance(node, Map):
        draft.mistakes.expected("map", node)
    return isinstance(node, Map)


def _expected(draft: Draft, node: Node, scope: Scope | None) -> Expected:
    values: dict[str, LiteralValue] = {}
    for key, value in node.entries if isinstance(node, Map) else ():
        wanted = _OWN.get(key.text) or (scope.type_of(key.text) if scope is not None else Type.NULL)
        if wanted is None:
            if scope is not None and key.text not in scope.broken:
                draft.unknown_column(key, key.text, scope.with_names(_OWN))
            continue
        values[key.text] = _cell(draft, value, wanted)
        if key.text == "severity" and values[key.text] not in set(Severity):
            draft.mistakes.add(value, f"severity must be one of {', '.join(Severity)}")
    return Expected(values, node.place)
