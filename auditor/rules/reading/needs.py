"""What must be there for a rule to be judged: tables, columns and lists, inferred and declared."""

from __future__ import annotations

from auditor.documents import Items, Map, Node
from auditor.rules.language.columns import base_columns, shown_names
from auditor.rules.language.mistakes import text_of
from auditor.rules.language.names import table_names
from auditor.rules.language.spec import ListSpec, Match, Needs, Rule
from auditor.rules.language.tree import ListName
from auditor.rules.language.walk import nodes, trees
from auditor.rules.reading.draft import Draft
from auditor.tables.facts import TRACKING_CODE, fact_table
from auditor.tables.schema import TABLES


def lists_named(rule: Rule) -> tuple[str, ...]:
    """The lists the rule's trees name, sorted."""
    found = {node.name for tree in trees(rule) for node in nodes(tree) if isinstance(node, ListName)}
    return tuple(sorted(found))


def with_undeclared(declared: tuple[ListSpec, ...], named: tuple[str, ...]) -> tuple[ListSpec, ...]:
    """The declared lists, and those the rule names without declaring them."""
    known = {spec.name for spec in declared}
    return (*declared, *(ListSpec(name, None, "", None) for name in named if name not in known))


def inferred(rule: Rule, draft: Draft, requires: Node | None) -> Needs:
    """The needs of a rule, those under `requires` included."""
    stage = rule.detect.stage
    tables = [rule.detect.table, *([stage.table] if isinstance(stage, Match) else [])]
    columns: list[tuple[str, str]] = []
    if isinstance(requires, Map):
        tables += [text_of(item) or "" for item in _items(draft.at(requires, "tables"))]
        for item in _items(draft.at(requires, "columns")):
            column = _column(draft, item)
            if column is not None:
                columns.append(column)
                tables.append(column[0])
    return Needs(tuple(dict.fromkeys(tables)), tuple(columns), _reads(rule), lists_named(rule))


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Items) else ()


def _column(draft: Draft, node: Node) -> tuple[str, str] | None:
    text = text_of(node) or ""
    table, dot, column = text.partition(".")
    if not dot or table not in TABLES:
        draft.mistakes.add(node, f"expected table.column, got '{text}'" if not dot else f"unknown table '{table}'")
        return None
    if column not in table_names(table):
        draft.mistakes.unknown_column(node, column, known=table_names(table), table=table)
        return None
    return table, column


def _reads(rule: Rule) -> dict[str, frozenset[str]]:
    """The columns and facts read of each table; what facts are made from in other tables counts there."""
    found: dict[str, set[str]] = {}
    for table, names in base_columns(rule, shown_names(rule)).items():
        own = found.setdefault(table, set())
        for name in names:
            other = fact_table(table, name) if name not in TABLES[table].schema else None
            if other is None:
                own.add(name)
            else:
                found.setdefault(other, set()).add(_of_other(name))
                if not name.startswith("meeting."):
                    own.add(name)
    return {table: frozenset(names & set(table_names(table))) for table, names in sorted(found.items())}


def _of_other(name: str) -> str:
    """The column of the other table that a fact is read from."""
    if name.startswith(TRACKING_CODE):
        return "tracking_codes"
    return {"is_host": "host"}.get(name, name.removeprefix("meeting."))
