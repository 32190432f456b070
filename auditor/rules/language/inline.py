"""Derived names replaced by what they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from auditor.rules.language.spec import Derived
from auditor.rules.language.tree import Column, Expr, Op


def inlined(tree: Expr, derived: Mapping[str, Expr]) -> Expr:
    """The tree with derived names replaced by what they stand for, so that rules can share their parts."""
    match tree:
        case Column(name) if name in derived:
            return derived[name]
        case Op():
            return replace(tree, args=tuple(inlined(arg, derived) for arg in tree.args))
        case _:
            return tree


def definitions(derived: Sequence[Derived]) -> Mapping[str, Expr]:
    """What each name stands for in columns and facts alone; `over` must not be among them."""
    found: dict[str, Expr] = {}
    for one in derived:
        found[one.name] = inlined(one.expr, found)
    return found
