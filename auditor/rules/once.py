"""Parts of conditions that depend on one text alone: computed once a text, not once a row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256

from auditor.rules.aggregates import AGGREGATES, aggregates_in, has_column
from auditor.rules.columns import names_in
from auditor.rules.inline import definitions, inlined
from auditor.rules.spec import Condition, Group, Rule
from auditor.rules.spec import Sequence as Steps
from auditor.rules.tree import Column, Expr, Op
from auditor.tables.facts import value_source

MADE = "__made:"
"""Before the digest of a tree: the column that holds what the tree gives on each row, where somebody made it."""

Sources = Mapping[str, Sequence[Op]]


@lru_cache(maxsize=20_000)
def made_name(tree: Op) -> str:
    """The name of the column that holds what the tree gives."""
    return f"{MADE}{sha256(repr(tree).encode()).hexdigest()[:24]}"


def settled(tree: Expr, columns: Collection[str]) -> Expr:
    """The tree with the parts that are columns already read from them."""
    if not isinstance(tree, Op):
        return tree
    if has_column(tree) and (name := made_name(tree)) in columns:
        return Column(name, tree.type)
    args = tuple(settled(arg, columns) for arg in tree.args)
    return tree if args == tree.args else replace(tree, args=args)


def row_trees(rule: Rule, table: str) -> Iterator[Expr]:
    """What the rule computes of single rows of the table before any of them is left out."""
    detect = rule.detect
    stage = detect.stage
    if table == detect.table:
        by_row = stage is None and not any(one.over for one in detect.derive)
        known = definitions([one for one in detect.derive if not one.over])
        for derived in detect.derive:
            yield from _arguments(derived.expr)
            # of a rule of rows the names are put in place, and hits alone have columns
            if not derived.over and not by_row:
                yield derived.expr
                yield known[derived.name]
            yield from _tree(derived.where)
        for tree in _tree(detect.where):
            yield tree
            yield inlined(tree, known)
        if isinstance(stage, Group):
            for _, tree in stage.aggregate:
                yield from _arguments(tree)
        if isinstance(stage, Steps):
            for step in (*stage.steps, *stage.absent):
                yield from _tree(step.where)


def made_names(rule: Rule, table: str) -> list[str]:
    """The columns that hold what the rule computes of single texts of the table, where they were made."""
    parts = by_source(row_trees(rule, table), table)
    return [made_name(tree) for trees in parts.values() for tree in trees]


def _arguments(tree: Expr) -> Iterator[Expr]:
    """What the aggregates of the tree look at."""
    for op in aggregates_in(tree):
        yield from op.args


def _tree(condition: Condition | None) -> Iterator[Expr]:
    if condition is not None:
        yield condition.tree


def by_source(trees: Iterable[Expr], table: str) -> Sources:
    """The largest parts that depend on one text of the table alone, by the column that holds it."""
    found: dict[str, dict[Op, None]] = {}

    def walk(tree: Expr) -> None:
        if not isinstance(tree, Op) or not has_column(tree) or _is_told(tree):
            return
        source = _source(tree, table)
        if source is not None:
            found.setdefault(source, {})[tree] = None
        else:
            for arg in tree.args:
                walk(arg)

    for tree in trees:
        walk(tree)
    return {source: tuple(parts) for source, parts in found.items()}


def _is_told(tree: Expr) -> bool:
    """Whether the tree only asks what is null, which costs less than to look up what was made of a text."""
    match tree:
        case Op("is_null", (Column(),)):
            return True
        case Op("not" | "and" | "or", args):
            return all(map(_is_told, args))
        case _:
            return False


def _source(tree: Op, table: str) -> str | None:
    """The one column the tree's value follows from; None where there are several, or none that repeats."""
    if _summed(tree):
        return None
    sources = {value_source(table, name) for name in names_in(tree)}
    return sources.pop() if len(sources) == 1 else None


def _summed(tree: Expr) -> bool:
    return isinstance(tree, Op) and (tree.name in AGGREGATES or any(map(_summed, tree.args)))
