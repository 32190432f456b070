"""Conditions: an expression, or maps of all, any and none, as one tree and the clauses it is made of."""

from __future__ import annotations

from auditor.documents import Items, Map, Node, Scalar, kind
from auditor.rules.language.expressions import condition_tree
from auditor.rules.language.mistakes import Mistakes
from auditor.rules.language.names import Scope
from auditor.rules.language.spec import Clause, Condition
from auditor.rules.language.tree import Expr, Op, Type

MOST = 200
KEYS = ("all", "any", "none")


class Conditions:
    """The conditions of one rule; together they may hold no more than `MOST` clauses."""

    def __init__(self, mistakes: Mistakes) -> None:
        self.mistakes = mistakes
        self.count = 0
        self.told = False

    def read(self, node: Node | None, scope: Scope) -> Condition | None:
        """The condition of a node, or None when there is none or it has mistakes."""
        if node is None:
            return None
        clauses: list[Clause] = []
        tree = self._tree(node, scope, clauses)
        return None if tree is None else Condition(tree, tuple(clauses))

    def _tree(self, node: Node, scope: Scope, clauses: list[Clause]) -> Expr | None:
        match node:
            case Map():
                return self._map(node, scope, clauses)
            case Items():
                self.mistakes.add(node, "expected condition, got list; write all, any or none before it")
                return None
        return self._clause(node, scope, clauses)

    def _clause(self, node: Scalar, scope: Scope, clauses: list[Clause]) -> Expr | None:
        self.count += 1
        if self.count > MOST:
            if not self.told:
                self.mistakes.add(node, f"more than {MOST} conditions in a rule")
            self.told = True
            return None
        if node.value is None:
            self.mistakes.add(node, f"expected condition, got {kind(node)}")
            return None
        tree = condition_tree(node, scope, self.mistakes)
        if tree is not None:
            clauses.append(Clause(node.text.strip(), tree, tree.position or node.place))
        return tree

    def _map(self, node: Map, scope: Scope, clauses: list[Clause]) -> Expr | None:
        parts: list[Expr | None] = []
        if not node.entries:
            self.mistakes.add(node, "missing key 'all', 'any' or 'none'")
        for key, value in node.entries:
            if key.text not in KEYS:
                self.mistakes.unknown(key, "key", name=key.text, known=KEYS)
                parts.append(None)
                continue
            parts.append(self._list(key.text, value, scope, clauses))
        known = [part for part in parts if part is not None]
        if len(known) < len(parts) or not known:
            return None
        return known[0] if len(known) == 1 else Op("and", tuple(known), Type.BOOLEAN, node.place)

    def _list(self, key: str, node: Node, scope: Scope, clauses: list[Clause]) -> Expr | None:
        if not isinstance(node, Items):
            self.mistakes.expected("list", node)
            return None
        if not node.items:
            self.mistakes.add(node, f"{key} needs at least one condition")
            return None
        parts = [self._tree(item, scope, clauses) for item in node.items]
        known = tuple(part for part in parts if part is not None)
        if len(known) < len(parts):
            return None
        if key == "all":
            return known[0] if len(known) == 1 else Op("and", known, Type.BOOLEAN, node.place)
        either = known[0] if len(known) == 1 else Op("or", known, Type.BOOLEAN, node.place)
        return either if key == "any" else Op("not", (either,), Type.BOOLEAN, node.place)
