"""How much an expression becomes once names are written out and texts are put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from auditor.frozen import dataclass
from auditor.rules.language.spec import Group, Rule
from auditor.rules.language.tree import Column, Expr, Literal, Op, Type
from auditor.rules.language.walk import trees

MOST_NODES = 5_000
DEEPEST = 100
TEXT_LENGTH = 100
"""Characters a text of a table is taken to have."""
LONGEST_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class Extent:
    """The size of a tree."""

    nodes: int
    depth: int

    @property
    def mistake(self) -> str | None:
        """Why this is too much; None when it is not."""
        if self.nodes > MOST_NODES:
            return f"more than {MOST_NODES:,} nodes once derived columns are written out"
        return f"nested deeper than {DEEPEST} once derived columns are written out" if self.depth > DEEPEST else None


_LEAF = Extent(1, 1)


def extent(tree: Expr, derived: Mapping[str, Extent]) -> Extent:
    """The size of the tree with what derived names stand for in their place."""
    match tree:
        case Column(name):
            return derived.get(name, _LEAF)
        case Op(args=args) if args:
            inner = [extent(arg, derived) for arg in args]
            return Extent(1 + sum(one.nodes for one in inner), 1 + max(one.depth for one in inner))
        case _:
            return _LEAF


def too_long(rule: Rule) -> Iterator[Expr]:
    """Where a rule with literals in place of parameters makes more of texts than anybody wants to read."""
    known: dict[str, int] = {}
    found: dict[int, Expr] = {}
    for name, tree in _named(rule):
        known[name] = _length(tree, known, found)
    for tree in trees(rule):
        _length(tree, known, found)
    yield from found.values()


def _named(rule: Rule) -> Iterator[tuple[str, Expr]]:
    """What a rule gives a name, in order."""
    for one in rule.detect.derive:
        yield one.name, one.expr
    if isinstance(rule.detect.stage, Group):
        yield from rule.detect.stage.aggregate


def _length(tree: Expr, known: Mapping[str, int], found: dict[int, Expr]) -> int:
    """Characters the value may have, at most one more than are allowed; trees that allow too many are `found`."""
    match tree:
        case Literal(value=str() as text):
            return len(text)
        case Column(name):
            return known.get(name, TEXT_LENGTH)
        case Op(name, args, kind):
            lengths = [_length(arg, known, found) for arg in args]
            if kind is not Type.TEXT:
                return TEXT_LENGTH
            length = _made(name, args, lengths)
            if length > LONGEST_TEXT >= max(lengths, default=0):
                found[id(tree)] = tree
            return min(length, LONGEST_TEXT + 1)
        case _:
            return TEXT_LENGTH


def _made(name: str, args: tuple[Expr, ...], lengths: list[int]) -> int:
    match name, args:
        case "+", _:
            return sum(lengths)
        case "replace", (_, Literal(value=str() as old), Literal(value=str() as new)):
            return max(lengths[0], (lengths[0] + 1) * len(new) // max(1, len(old))) + (0 if old else lengths[0])
        case _:
            return max(lengths, default=TEXT_LENGTH)
