"""Parts of conditions that depend on one text alone: computed once a text, not once a row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

from auditor.rules.compiled.aggregates import AGGREGATES, aggregates_in, has_column
from auditor.rules.language.inline import definitions, inlined
from auditor.rules.language.spec import Condition, Group, Rule
from auditor.rules.language.spec import Sequence as Steps
from auditor.rules.language.tree import Column, Expr, Op
from auditor.rules.task import Task
from auditor.tables.facts import value_source

MADE = "__made:"
"""Before the number of a tree: the column that holds what the tree gives on each row, where somebody made it."""

Sources = Mapping[str, Sequence[Op]]

_NUMBERS = count()
_NAMES: dict[Op, str] = {}


def made_name(tree: Op) -> str:
    """The name of the column that holds what the tree gives, the same for equal trees as long as the process lives."""
    return _NAMES.get(tree) or _NAMES.setdefault(tree, f"{MADE}{next(_NUMBERS)}")


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


def made_names(task: Task, table: str) -> Sequence[str]:
    """The columns that hold what the rule computes of single texts of the table, where they were made."""
    if table not in task.made:
        parts = by_source(row_trees(task.rule, table), table)
        task.made[table] = [made_name(tree) for trees in parts.values() for tree in trees]
    return task.made[table]


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
    for tree in trees:
        sources, parts = _parts(tree, table)
        for source, part in _whole(tree, sources, parts):
            found.setdefault(source, {})[part] = None
    return {source: tuple(parts) for source, parts in found.items()}


_Parts = list[tuple[str, Op]]
_MANY: frozenset[str | None] = frozenset({None})


def _parts(tree: Expr, table: str) -> tuple[frozenset[str | None], _Parts]:
    """The texts the tree's value follows from, and the largest parts below it that follow from a single one.

    Among the texts is None where something is not of one text alone.
    """
    match tree:
        case Column(name):
            return frozenset({value_source(table, name)}), []
        case Op(name, args):
            told = [_parts(arg, table) for arg in args]
            sources = frozenset[str | None]().union(*(found for found, _ in told))
            if name in AGGREGATES:
                sources |= _MANY
            if len(sources) == 1 and None not in sources:
                return sources, []
            return sources, [
                part for arg, (own, parts) in zip(args, told, strict=True) for part in _whole(arg, own, parts)
            ]
        case _:
            return frozenset(), []


def _whole(tree: Expr, sources: frozenset[str | None], parts: _Parts) -> _Parts:
    """The tree itself where it follows from a single text, else the parts below it."""
    if not isinstance(tree, Op) or _is_told(tree):
        return []
    source = next(iter(sources)) if len(sources) == 1 else None
    return parts if source is None else [(source, tree)]


def _is_told(tree: Expr) -> bool:
    """Whether the tree only asks what is null, which costs less than to look up what was made of a text."""
    match tree:
        case Op("is_null", (Column(),)):
            return True
        case Op("not" | "and" | "or", args):
            return all(map(_is_told, args))
        case _:
            return False
