"""Least counts a condition asks for, read off its tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from auditor.rules.language.tree import Column, Expr, Literal, Op, Type

_COUNTS = frozenset({"count", "count_if", "n_unique"})
_TURNED = {"<=": ">=", "<": ">"}


def parts_of(tree: Expr) -> Iterator[Expr]:
    """The trees all of which must be true for the tree to be."""
    match tree:
        case Op("and", args):
            for arg in args:
                yield from parts_of(arg)
        case Op("not", (Op("or", args),)):
            for arg in args:
                yield from parts_of(Op("not", (arg,), Type.BOOLEAN))
        case _:
            yield tree


def at_least(tree: Expr, named: Mapping[str, Expr]) -> Iterator[tuple[Op, int]]:
    """Counts, and numbers they must reach for the condition to be anything but false.

    `named` tells what the names of the condition stand for. Only counts of rows are told, which are never null and
    grow with the rows.
    """
    if not isinstance(tree, Op):
        return
    if tree.name == "and":
        for arg in tree.args:
            yield from at_least(arg, named)
        return
    if tree.name in _TURNED:
        name, (right, left) = _TURNED[tree.name], tree.args
    elif tree.name in {">=", ">"}:
        name, (left, right) = tree.name, tree.args
    else:
        return
    counted = named.get(left.name) if isinstance(left, Column) else left
    if not isinstance(counted, Op) or counted.name not in _COUNTS or not isinstance(right, Literal):
        return
    if isinstance(right.value, int) and not isinstance(right.value, bool):
        yield counted, right.value + (name == ">")
