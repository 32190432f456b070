"""Trees compiled to Polars expressions with the exact meaning of the rule language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

import polars as pl

from auditor.rules.compiled.aggregates import AGGREGATES, Rows, aggregate, aggregates_in, has_column
from auditor.rules.compiled.dtypes import DTYPES
from auditor.rules.compiled.operators import OPERATORS, Compiled
from auditor.rules.compiled.temporal import TEMPORAL
from auditor.rules.compiled.textual import TEXTUAL
from auditor.rules.language.tree import Column, Expr, Literal, Op, Type

_COMPILED = {**OPERATORS, **TEXTUAL, **TEMPORAL}
_NOTHING: Mapping[Expr, str] = MappingProxyType({})
_TWICE = frozenset({"+", "-", "*", "/", "%", "if", "between", "least", "greatest", "round", "log", "in", "has"})
"""Operators whose compiled form names an argument more than once."""
_DEEPEST = 4
"""Of so many of them, one within another, each may repeat its arguments; Polars plans every mention anew."""


def expression(tree: Expr, *, rows: Rows | None = None, shared: Mapping[Expr, str] = _NOTHING) -> pl.Expr:
    """The tree as a Polars expression.

    `rows` tells aggregates what they look at; without it the tree may hold none. A sub-tree in `shared` is read
    from the column of that name. Parameters and lists must have become literals.
    """
    if tree in shared:
        return pl.col(shared[tree])
    match tree:
        case Literal():
            return _literal(tree)
        case Column():
            return pl.col(tree.name)
        case Op():
            return _applied(tree, rows=rows, shared=shared)
        case _:
            raise TypeError(f"{tree!r} is not bound to a value")


@lru_cache(maxsize=1 << 12)
def decided(tree: Expr) -> Expr:
    """The tree with the branch itself in place of each `if` whose condition is made of constants alone.

    Polars computes both branches on every row, whatever the condition.
    """
    if not isinstance(tree, Op):
        return tree
    args = tuple(map(decided, tree.args))
    if tree.name == "if" and not has_column(args[0]) and not any(aggregates_in(args[0])):
        verdict = pl.select(expression(args[0])).item()
        branch = args[2] if verdict is False else args[1]
        if verdict is not None and has_column(branch) and branch.type is tree.type:
            return branch
    return tree if args == tree.args else replace(tree, args=args)


def _literal(tree: Literal) -> pl.Expr:
    if isinstance(tree.value, tuple):
        words = tuple(item for item in tree.value if isinstance(item, str))
        return _words(words) if len(words) == len(tree.value) else _list(pl.Series(list(tree.value), strict=False))
    return pl.lit(tree.value, dtype=DTYPES[tree.type])


@lru_cache(maxsize=1 << 8)
def _words(texts: tuple[str, ...]) -> pl.Expr:
    """A list of texts, which may be long and stand in rules that are judged on many parts."""
    return _list(pl.Series(texts, dtype=DTYPES[Type.TEXT]))


def _list(items: pl.Series) -> pl.Expr:
    # a list is a scalar only when it is the first of its kind
    return pl.lit(items.implode()).first()


def _applied(tree: Op, *, rows: Rows | None, shared: Mapping[Expr, str]) -> pl.Expr:
    if tree.name in AGGREGATES:
        if rows is None:
            raise TypeError(f"aggregate {tree.name!r} without rows to look at")
        return aggregate(tree, tuple(expression(arg, shared=shared) for arg in tree.args), rows)
    args = tuple(expression(arg, rows=rows, shared=shared) for arg in tree.args)
    compiled = _COMPILED[tree.name]
    deep = tree.name in _TWICE and _looks_twice(tree) > _DEEPEST
    found = _bound(compiled, tree, args) if deep else compiled(tree, args)
    if not has_column(tree) and not any(aggregates_in(tree)):
        # what is made of constants alone must be a scalar, so that it is repeated for every row
        found = found.first()
    return found.cast(DTYPES[tree.type]) if _may_differ(tree) else found


def _looks_twice(tree: Expr) -> int:
    """How many operators that name an argument more than once lie within one another."""
    if not isinstance(tree, Op):
        return 0
    return max(map(_looks_twice, tree.args), default=0) + (tree.name in _TWICE)


def _bound(compiled: Compiled, tree: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    """The operator applied to the fields of a struct of its arguments, each of which stands in the plan once."""
    fields = [f"arg{place}" for place in range(len(args))]
    bound = pl.struct(arg.alias(name) for arg, name in zip(args, fields, strict=True))
    made = compiled(tree, tuple(pl.field(name) for name in fields))
    return bound.struct.with_fields(made.alias("made")).struct.field("made")


def _may_differ(tree: Op) -> bool:
    """Whether the compiled node may have another type than the tree says, so that a cast is due."""
    if tree.type is Type.NULL:
        return False
    if tree.name in {"if", "coalesce", "least", "greatest", "neg", "abs", "round", "floor", "ceil"}:
        return True
    return any(arg.type is Type.NULL for arg in tree.args)


def subtrees(tree: Expr) -> Iterator[Op]:
    """Every operator of the tree, arguments before what uses them."""
    if isinstance(tree, Op):
        for arg in tree.args:
            yield from subtrees(arg)
        yield tree


def height(tree: Expr) -> int:
    """0 for a column or a literal, else one more than the highest argument."""
    return 1 + max((height(arg) for arg in tree.args), default=0) if isinstance(tree, Op) else 0


def with_shared(frame: pl.LazyFrame, trees: Iterable[Expr]) -> tuple[pl.LazyFrame, Mapping[Expr, str]]:
    """The frame with one hidden column for each sub-tree that several places compute, and their names.

    Equal trees compute the same thing, whichever rule they stand in; so the column is computed once.
    """
    uses = Counter(node for tree in trees for node in subtrees(tree))
    repeated = [node for node, count in uses.items() if count > 1]
    shared: dict[Expr, str] = {}
    levels: dict[int, list[Op]] = {}
    for node in repeated:
        levels.setdefault(height(node), []).append(node)
    for level in sorted(levels):
        columns = []
        names: dict[Expr, str] = {}
        for node in levels[level]:
            names[node] = f"__{len(shared) + len(names)}"
            columns.append(expression(node, shared=shared).alias(names[node]))
        frame = frame.with_columns(columns)
        shared |= names
    return frame, MappingProxyType(shared)
