"""Expressions: text, parsed by `ast` and checked against a whitelist, to a typed tree. Nothing is evaluated."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from auditor.documents import Node, Scalar, kind, printable
from auditor.rules.language.constants import ConstantMistake, checked_call
from auditor.rules.language.functions import FUNCTIONS, Function, result_of
from auditor.rules.language.lexis import BACKSLASH, DEEPEST, Mistake, check_words
from auditor.rules.language.mistakes import Mistakes
from auditor.rules.language.names import Scope
from auditor.rules.language.operands import TypeMistake, arithmetic, common, comparable, contained, folded
from auditor.rules.language.tree import Column, Expr, Literal, LiteralValue, Op, Param, Position, Type
from auditor.rules.language.values import LARGEST_INTEGER, LONGEST_STRING, type_of

MOST_NODES = 500

_TOO_DEEP = f"expression nested deeper than {DEEPEST}"
_COMPARISONS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"}
_NAMES = {
    ast.Subscript: "subscript",
    ast.Attribute: "attribute access",
    ast.JoinedStr: "f-string",
    ast.Starred: "starred argument",
    ast.NamedExpr: "walrus",
    ast.ListComp: "comprehension",
    ast.GeneratorExp: "comprehension",
    ast.Lambda: "lambda",
    ast.Dict: "dict",
    ast.Set: "set",
    ast.Tuple: "tuple",
    ast.List: "list outside of in or a function",
}


def expression(node: Node, scope: Scope, mistakes: Mistakes) -> Expr | None:
    """The typed tree of an expression node; None after its mistakes have been told."""
    if not isinstance(node, Scalar) or node.value is None:
        mistakes.add(node, f"expected expression, got {kind(node)}")
        return None
    if node.style == "folded":
        mistakes.add(node, "use | for an expression of several lines")
        return None
    if not isinstance(node.value, str):
        if isinstance(node.value, int) and abs(node.value) > LARGEST_INTEGER:
            mistakes.add(node, f"integer {printable(node.text)} is too large")
            return None
        return Literal(node.value, type_of(node.value), node.at(0))
    text = node.value
    try:
        check_words(text)
        body = _parse(text)
        return _Checker(node, text, scope, mistakes).tree(body)
    except Mistake as mistake:
        mistakes.add(node.at(mistake.offset), mistake.message)
        return None


def condition_tree(node: Node, scope: Scope, mistakes: Mistakes) -> Expr | None:
    """The tree of an expression that must be true or false."""
    tree = expression(node, scope, mistakes)
    if tree is None or tree.type is Type.BOOLEAN:
        return tree
    mistakes.add(tree.position or node.place, f"condition must be true or false, got {tree.type}")
    return None


def _parse(text: str) -> ast.expr:
    """The parsed text, wrapped in brackets so that it may span lines."""
    try:
        return ast.parse(f"({text.replace(chr(92), BACKSLASH)}\n)", mode="eval").body
    except SyntaxError as error:
        raise Mistake(_syntax_offset(text, error), f"syntax error: {printable(error.msg, longest=120)}") from None
    except (MemoryError, RecursionError):
        raise Mistake(0, _TOO_DEEP) from None


def _syntax_offset(text: str, error: SyntaxError) -> int:
    line, column = error.lineno or 1, (error.offset or 1) - 1
    lines = text.split("\n")
    if line > len(lines):
        return len(text.rstrip())
    start = sum(len(before) + 1 for before in lines[: line - 1])
    return min(start + max(column - (line == 1), 0), len(text))


class _Checker:
    """One walk over the parsed text: every node is known to the language, or it is a mistake."""

    def __init__(self, node: Scalar, text: str, scope: Scope, mistakes: Mistakes) -> None:
        self.node = node
        self.scope = scope
        self.mistakes = mistakes
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.nodes = 0
        self.depth = 0
        self.inside: str | None = None

    def tree(self, body: ast.expr) -> Expr | None:
        try:
            return self.visit(body)
        except RecursionError:
            raise Mistake(0, _TOO_DEEP) from None

    def visit(self, node: ast.expr) -> Expr | None:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise Mistake(0, f"expression has more than {MOST_NODES} parts")
        self.depth += 1
        if self.depth > DEEPEST:
            raise Mistake(self.offset(node), _TOO_DEEP)
        found = self._visit(node)
        self.depth -= 1
        return found

    def offset(self, node: ast.expr) -> int:
        """Where the node begins in the text; `ast` counts the bytes of a line, and the bracket before it."""
        line = min(node.lineno, len(self.lines)) - 1
        source = ("(" if line == 0 else "") + self.lines[line].replace("\\", BACKSLASH)
        column = len(source.encode()[: node.col_offset].decode(errors="replace")) - (line == 0)
        return self.starts[line] + max(column, 0)

    def position(self, node: ast.expr) -> Position:
        return self.node.at(self.offset(node))

    def _visit(self, node: ast.expr) -> Expr | None:
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name() | ast.Attribute():
                return self._name(node)
            case ast.BoolOp():
                return self._logic("and" if isinstance(node.op, ast.And) else "or", node, node.values)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.BinOp(op=op) if type(op) in _ARITHMETIC:
                return self._binary(node, _ARITHMETIC[type(op)])
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp():
                return self._choice(node)
            case ast.Call():
                return self._call(node)
        self._refuse(node)
        return None

    def _refuse(self, node: ast.expr) -> None:
        name = _NAMES.get(type(node), type(node).__name__.lower())
        self.mistakes.add(self.position(node), f"{name} is not allowed in a rule")

    def _constant(self, node: ast.Constant) -> Expr | None:
        value = node.value
        position = self.position(node)
        if isinstance(value, str):
            text = value.replace(BACKSLASH, "\\")
            if len(text) <= LONGEST_STRING:
                return Literal(text, Type.TEXT, position)
            self.mistakes.add(position, f"string longer than {LONGEST_STRING} characters")
        elif isinstance(value, bool | None):
            return Literal(value, type_of(value), position)
        elif isinstance(value, int | float):
            if abs(value) <= LARGEST_INTEGER or (isinstance(value, float) and value - value == 0):
                return Literal(value, type_of(value), position)
            self.mistakes.add(position, "number is too large")
        else:  # bytes and complex numbers were refused word by word
            self.mistakes.add(position, "... is not allowed in a rule")
        return None

    def _name(self, node: ast.Name | ast.Attribute) -> Expr | None:
        parts: list[str] = []
        part: ast.expr = node
        while isinstance(part, ast.Attribute) and len(parts) < 2:
            parts.append(part.attr)
            part = part.value
        if not isinstance(part, ast.Name):
            self.mistakes.add(self.position(node), "attribute access is not allowed in a rule")
            return None
        name = ".".join([part.id, *reversed(parts)])
        found = self.scope.resolve(name, self.position(node), self.mistakes)
        if isinstance(found, Column) and self.scope.aggregates and self.inside is None:
            if name in self.scope.summed:
                return found
            self.mistakes.add(
                self.position(node), f"column '{name}' must stand inside an aggregate, as in first({name})"
            )
            return None
        return found

    def _logic(self, name: str, node: ast.expr, values: Sequence[ast.expr]) -> Expr | None:
        args = [self.visit(value) for value in values]
        known = [arg for arg in args if arg is not None]
        wrong = [arg for arg in known if arg.type is not Type.BOOLEAN]
        if wrong:
            types = " and ".join(arg.type for arg in known[:2]) if len(known) > 1 else wrong[0].type
            if name != "not" and wrong[0] not in known[:2]:
                types = f"boolean and {wrong[0].type}"
            self.mistakes.add(wrong[0].position or self.position(node), f"{name} does not take {types}")
            return None
        if len(known) < len(args):
            return None
        return Op(name, tuple(known), Type.BOOLEAN, self.position(node))

    def _unary(self, node: ast.UnaryOp) -> Expr | None:
        match node.op:
            case ast.Not():
                return self._logic("not", node, [node.operand])
            case ast.USub():
                arg = self.visit(node.operand)
                if arg is None:
                    return None
                if arg.type not in {Type.INTEGER, Type.NUMBER, Type.DURATION}:
                    self.mistakes.add(self.position(node), f"- does not take {arg.type}")
                    return None
                return self._folded("neg", (arg,), arg.type, node)
        self.mistakes.add(self.position(node), "unary + is not allowed in a rule")
        return None

    def _folded(self, name: str, args: tuple[Expr, ...], result: Type, node: ast.expr) -> Expr | None:
        try:
            return folded(name, args, result, position=self.position(node))
        except TypeMistake as mistake:
            self.mistakes.add(self.position(node), str(mistake))
            return None

    def _binary(self, node: ast.BinOp, name: str) -> Expr | None:
        left, right = self.visit(node.left), self.visit(node.right)
        if left is None or right is None:
            return None
        try:
            result = arithmetic(name, left.type, right.type)
        except TypeMistake as mistake:
            self.mistakes.add(self.position(node), str(mistake))
            return None
        return self._folded(name, (left, right), result, node)

    def _choice(self, node: ast.IfExp) -> Expr | None:
        test, yes, no = self.visit(node.test), self.visit(node.body), self.visit(node.orelse)
        if test is None or yes is None or no is None:
            return None
        if test.type is not Type.BOOLEAN:
            message = f"condition must be true or false, got {test.type}"
            self.mistakes.add(test.position or self.position(node), message)
            return None
        kind_of_both = common([yes.type, no.type])
        if kind_of_both is None:
            self.mistakes.add(self.position(node), f"if does not take {yes.type} and {no.type}")
            return None
        return Op("if", (test, yes, no), kind_of_both, self.position(node))

    def _compare(self, node: ast.Compare) -> Expr | None:
        if len(node.ops) > 1 and not all(type(op) in _COMPARISONS for op in node.ops):
            self.mistakes.add(self.position(node), "syntax error: in and is stand alone; use and")
            return None
        left = self.visit(node.left)
        parts: list[Expr | None] = []
        for op, operand in zip(node.ops, node.comparators, strict=True):
            match op:
                case ast.Is() | ast.IsNot():
                    return self._is_null(node, left, operand)
                case ast.In() | ast.NotIn():
                    return self._contained(node, left, operand)
            right = self.visit(operand)
            parts.append(self._comparison(node, _COMPARISONS[type(op)], left, right))
            left = right
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        return known[0] if len(known) == 1 else Op("and", tuple(known), Type.BOOLEAN, self.position(node))

    def _comparison(self, node: ast.Compare, name: str, left: Expr | None, right: Expr | None) -> Expr | None:
        if left is None or right is None:
            return None
        try:
            comparable(name, left.type, right.type)
        except TypeMistake as mistake:
            self.mistakes.add(self.position(node), str(mistake))
            return None
        return Op(name, (left, right), Type.BOOLEAN, self.position(node))

    def _is_null(self, node: ast.Compare, left: Expr | None, operand: ast.expr) -> Expr | None:
        right = self.visit(operand)
        if right is None or left is None:
            return None
        if not (isinstance(right, Literal) and right.value is None):
            self.mistakes.add(right.position or self.position(node), "is takes None only; use == to compare")
            return None
        found = Op("is_null", (left,), Type.BOOLEAN, self.position(node))
        return Op("not", (found,), Type.BOOLEAN, self.position(node)) if isinstance(node.ops[0], ast.IsNot) else found

    def _contained(self, node: ast.Compare, left: Expr | None, operand: ast.expr) -> Expr | None:
        right = self._set(operand) if isinstance(operand, ast.List | ast.Tuple) else self.visit(operand)
        if left is None or right is None:
            return None
        try:
            contained(left.type, right)
        except TypeMistake as mistake:
            self.mistakes.add(self.position(node), str(mistake))
            return None
        found = Op("in", (left, right), Type.BOOLEAN, self.position(node))
        return Op("not", (found,), Type.BOOLEAN, self.position(node)) if isinstance(node.ops[0], ast.NotIn) else found

    def _set(self, node: ast.List | ast.Tuple) -> Expr | None:
        """A literal set: one type, no null."""
        items = [self.visit(item) for item in node.elts]
        values: list[str | int | float] = []
        for item in items:
            if item is None:
                return None
            value: LiteralValue = item.value if isinstance(item, Literal) else None
            if not isinstance(value, str | int | float):
                self.mistakes.add(item.position or self.position(node), "a set holds texts or numbers only")
                return None
            values.append(value)
        if common([type_of(value) for value in values]) is None:
            self.mistakes.add(self.position(node), "a set holds values of one type")
            return None
        return Literal(tuple(values), Type.LIST, self.position(node))

    def _call(self, node: ast.Call) -> Expr | None:
        if not isinstance(node.func, ast.Name):
            name = "attribute access" if isinstance(node.func, ast.Attribute) else "calling this"
            self.mistakes.add(self.position(node.func), f"{name} is not allowed in a rule")
            return None
        function = FUNCTIONS.get(node.func.id)
        if function is None:
            self.mistakes.unknown(self.position(node.func), "function", name=node.func.id, known=FUNCTIONS)
            return None
        if function.aggregate and (not self.scope.aggregates or self.inside is not None):
            self.mistakes.add(self.position(node), f"aggregate '{function.name}' is not allowed here")
            return None
        if function.aggregate:
            self.inside = function.name
        args = [self._argument(arg) for arg in node.args]
        if function.aggregate:
            self.inside = None
        if len(node.args) < function.least or (function.most is not None and len(node.args) > function.most):
            message = f"{function.name} takes {function.counts()}, {len(node.args)} given"
            self.mistakes.add(self.position(node), message)
            return None
        known = tuple(arg for arg in args if arg is not None)
        if len(known) < len(args) or not self._fits(function, known, node):
            return None
        return self._checked(function, known, node)

    def _argument(self, node: ast.expr) -> Expr | None:
        return self._set(node) if isinstance(node, ast.List | ast.Tuple) else self.visit(node)

    def _fits(self, function: Function, args: tuple[Expr, ...], node: ast.Call) -> bool:
        for index, arg in enumerate(args):
            wanted = function.arguments[min(index, len(function.arguments) - 1)]
            where = arg.position or self.position(node)
            window = function.role == "window" and index == function.role_at and arg.type is Type.TEXT
            null = arg.type is Type.NULL and function.name == "coalesce"
            if arg.type not in wanted.types and not window and not null:
                words = " or ".join(sorted(wanted.types)) if len(wanted.types) < len(Type) - 2 else "a value"
                self.mistakes.add(where, f"expected {words}, got {arg.type} in {function.name}(…)")
                return False
            if wanted.fixed and not isinstance(arg, Literal | Param) and arg.type is not Type.LIST:
                self.mistakes.add(where, f"{function.name} takes a literal or a parameter here, not a column")
                return False
            if wanted.fixed and isinstance(arg, Column | Op):
                self.mistakes.add(where, f"{function.name} takes a list of the rule here, not a column")
                return False
        if function.alike and common([arg.type for arg in args]) is None:
            types = " and ".join(dict.fromkeys(arg.type for arg in args))
            self.mistakes.add(self.position(node), f"{function.name} does not take {types}")
            return False
        return True

    def _checked(self, function: Function, args: tuple[Expr, ...], node: ast.Call) -> Expr | None:
        result = result_of(function, tuple(arg.type for arg in args))
        op = Op(function.name, args, result, self.position(node))
        try:
            return checked_call(op)
        except ConstantMistake as mistake:
            where = args[mistake.index].position or self.position(node)
            self.mistakes.add(where, str(mistake))
            return None
