"""A rule while it is read: its node, what is known of it so far, and the small values every part is made of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from auditor.documents import Items, Map, Node, Scalar, kind, printable
from auditor.frozen import dataclass
from auditor.rules.language.conditions import Conditions
from auditor.rules.language.constants import is_zone, window_mistake
from auditor.rules.language.mistakes import Mistakes, text_of
from auditor.rules.language.names import Scope, table_names
from auditor.rules.language.spec import Condition, ParamSpec
from auditor.rules.language.tree import Expr, Literal, Param, Type
from auditor.rules.language.values import PARAMETER_TYPES, duration
from auditor.rules.reading.structure import Shape
from auditor.tables.schema import TABLES

_PARAM = "param."


@dataclass(frozen=True, slots=True)
class Draft:
    """One document being read. `broken` are names whose own declaration has a mistake."""

    node: Map
    shape: Shape
    mistakes: Mistakes
    conditions: Conditions
    params: Mapping[str, ParamSpec]
    broken: frozenset[str]

    def scope(self, table: str) -> Scope:
        """What `where` sees of a table."""
        return Scope(table, table_names(table), self.params, broken=self.broken)

    def at(self, node: Map, key: str) -> Node | None:
        """The node under a key, None when absent, null or of the wrong shape."""
        found = self.shape.get(node, key)
        return None if isinstance(found, Scalar) and found.value is None else found

    def condition(self, node: Map, key: str, scope: Scope) -> Condition | None:
        """The condition under a key, None when absent or wrong."""
        return self.conditions.read(self.at(node, key), scope)

    def right(self, node: Map, key: str, found: object) -> bool:
        """Whether an optional part is either not there at all or was read without mistakes."""
        return found is not None or node.get(key) is None or self._is_null(node.get(key))

    @staticmethod
    def _is_null(node: Node | None) -> bool:
        return isinstance(node, Scalar) and node.value is None

    def columns(self, node: Map, key: str, scope: Scope) -> tuple[str, ...] | None:
        """The columns listed under a key: visible, no lists, none twice. None when absent or wrong."""
        found = self.at(node, key)
        return self.column_list(found, scope) if isinstance(found, Items) else None

    def column_list(self, node: Items, scope: Scope) -> tuple[str, ...] | None:
        """The columns a list names."""
        names: list[str] = []
        right = True
        for item in node.items:
            name = text_of(item)
            if name is None and id(item) not in self.shape.wrong:
                self.mistakes.expected("text", item)
            elif name is None:
                pass
            elif name in names:
                self.mistakes.add(item, f"'{printable(name)}' is listed twice")
            elif self.column(item, scope) is Type.LIST:
                self.mistakes.add(item, f"'{printable(name)}' is a list; it cannot be compared here")
            elif scope.type_of(name) is not None:
                names.append(name)
                continue
            right = False
        return tuple(names) if right else None

    def column(self, node: Node, scope: Scope) -> Type | None:
        """The type of the column a node names; None after its mistake has been told."""
        name = text_of(node)
        if name is None:
            self.mistakes.expected("text", node)
            return None
        found = scope.type_of(name)
        if found is None and name not in scope.broken:
            self.unknown_column(node, name, scope)
        return found

    def unknown_column(self, node: Node, name: str, scope: Scope) -> None:
        """Tell that a list or a key names no column."""
        self.mistakes.unknown_column(node, name, known=scope.names, table=scope.place)

    def time(self, node: Map, table: str, scope: Scope) -> str | None:
        """The time column: the one named under `time`, else the table's own. None after a mistake."""
        named = self.at(node, "time")
        if named is None:
            default = TABLES[table].time
            if default is None:
                self.mistakes.add(node, f"{table} has no time of its own; say time")
            return default
        found = self.column(named, scope)
        if found is not None and found is not Type.DATETIME:
            self.mistakes.add(named, f"expected datetime column, got {found}")
        return text_of(named) if found is Type.DATETIME else None

    def zone(self, node: Map) -> str | None:
        """The time zone under `zone`, UTC when absent."""
        named = self.at(node, "zone")
        name = "UTC" if named is None else text_of(named)
        if name is None or is_zone(name) or named is None:
            return name
        self.mistakes.add(named, f"'{printable(name)}' is not a time zone; write UTC or Europe/Oslo")
        return None

    def param(self, node: Node, wanted: tuple[Type, ...]) -> Param | None:
        """The parameter a node names as `param.x`, of one of the wanted types; None after a mistake."""
        name = (text_of(node) or "").removeprefix(_PARAM)
        spec = self.params.get(name)
        if spec is None:
            if f"{_PARAM}{name}" not in self.broken:
                self.mistakes.unknown(node, "parameter", name=name, known=self.params)
            return None
        found = PARAMETER_TYPES[spec.type]
        if found not in wanted:
            self.mistakes.add(node, f"expected {wanted[0]}, got {spec.type} parameter '{name}'")
            return None
        return Param(name, found, node.place)

    def length(self, node: Node | None, *, positive: bool = False) -> Expr | None:
        """The duration of a node, written or `param.x`; None when absent or wrong."""
        if node is None:
            return None
        text = text_of(node)
        if text is not None and text.startswith(_PARAM):
            return self.param(node, (Type.DURATION,))
        found = duration(text) if text is not None else None
        if found is None:
            self.mistakes.add(node, f"expected duration, got {kind(node)}; write 90s, 1h30m or param.NAME")
            return None
        if positive and not found:
            self.mistakes.add(node, "a window must be longer than 0s")
            return None
        return Literal(found, Type.DURATION, node.place)

    def tumbling(self, node: Node | None) -> Expr | None:
        """The length of a tumbling window: it divides a day or is whole days."""
        found = self.length(node)
        if node is not None and isinstance(found, Literal) and isinstance(found.value, timedelta):
            mistake = window_mistake(found.value)
            if mistake is not None:
                self.mistakes.add(node, mistake)
                return None
        return found

    def number(
        self,
        node: Node | None,
        *,
        default: float | None = None,
        whole: bool = False,
        least: float = 0,
        most: float | None = None,
    ) -> Expr | None:
        """The number of a node, written or `param.x`; the default when absent, None when wrong."""
        wanted = Type.INTEGER if whole else Type.NUMBER
        if node is None:
            return None if default is None else Literal(default, wanted)
        if (text_of(node) or "").startswith(_PARAM):
            return self.param(node, (Type.INTEGER,) if whole else (Type.NUMBER, Type.INTEGER))
        value = node.value if isinstance(node, Scalar) else None
        right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not right or not isinstance(value, int | float):
            self.mistakes.expected(wanted, node)
            return None
        if value < least or (most is not None and value > most) or value - value != 0:
            bounds = f"{least:g}.." + ("" if most is None else f"{most:g}")
            self.mistakes.add(node, f"value {value} is outside {bounds}")
            return None
        return Literal(value, wanted, node.place)
