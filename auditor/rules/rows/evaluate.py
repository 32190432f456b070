"""Trees computed on rows in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import polars as pl

from auditor.entities.columns import flags
from auditor.entities.packed import PACKED, texts
from auditor.frozen import dataclass
from auditor.rules.compiled.compile import expression
from auditor.rules.language.columns import names_in
from auditor.rules.language.spec import Condition
from auditor.rules.language.tree import Column, Expr, Literal, Op, Type
from auditor.rules.rows.once import settled

VERDICT = "__verdict"
_AT_ONCE = 1 << 20
_ALIKE = frozenset({"==", "!=", "is_null"})
_NOTHING = Literal(None, Type.NULL)


def verdicts(frame: pl.DataFrame, found: Condition | None) -> pl.Series:
    """What the condition says of each row; true on every row when there is none."""
    if found is None:
        return flags(frame.height, value=True)
    return computed(frame, found.tree)


def computed(frame: pl.DataFrame, tree: Expr) -> pl.Series:
    """The tree on each row; parts of it that were made already are read."""
    tree = settled(tree, frame.columns)
    reading = Reading.of(tree, frame.schema)
    if not reading.texts or frame.height <= _AT_ONCE:
        return reading.told(frame)
    # texts of a whole table at once would take more memory than all that is held of it
    return pl.concat([reading.told(rows) for rows in frame.iter_slices(_AT_ONCE)], rechunk=True)


def looked_into(trees: Collection[Expr], schema: pl.Schema) -> frozenset[str]:
    """The packed columns some of the trees look into; of others they ask whether texts are the same, or there."""
    needed = frozenset[str]()
    while True:
        told = (_texts_of(tree, schema, needed) for tree in trees)
        chosen = (names_in(choice) for tree in trees for choice in _choices(tree, schema, needed))
        more = needed.union(*told, *chosen)
        if more == needed:
            return needed
        needed = more


@dataclass(frozen=True, slots=True)
class Reading:
    """A tree on rows with packed columns: which of them must be `texts`, and which choices among others are `chosen`.

    Texts that are only chosen from, compared with each other or asked whether they are there stay packed.
    """

    texts: frozenset[str]
    chosen: Mapping[Expr, str]
    expression: pl.Expr

    @classmethod
    def of(cls, tree: Expr, schema: pl.Schema) -> Reading:
        """How the tree is computed on rows of the schema."""
        needed = frozenset[str]()
        while (more := frozenset(_texts_of(tree, schema, needed))) != needed:
            needed = more
        choices = dict.fromkeys(_choices(tree, schema, needed))
        chosen: dict[Expr, str] = {choice: f"__chosen{place}" for place, choice in enumerate(choices)}
        return cls(needed, chosen, expression(tree, shared=chosen))

    def told(self, frame: pl.DataFrame) -> pl.Series:
        """The tree on each row."""
        told = self.prepared(frame).select(self.expression.alias(VERDICT)).to_series()
        # what reads no column is one value
        return told if told.len() == frame.height else told.new_from_index(0, frame.height)

    def prepared(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows, which have the columns the expression reads."""
        choices = (_chosen(choice).alias(name) for choice, name in self.chosen.items())
        return texts(frame.with_columns(choices) if self.chosen else frame, self.texts)


def _chosen(choice: Expr) -> pl.Expr:
    """What is chosen, packed as it is."""
    match choice:
        case Op("if", (condition, then, otherwise)):
            told = expression(condition)
            return pl.when(told).then(_chosen(then)).when(~told).then(_chosen(otherwise))
        case Op(_, args):
            return pl.coalesce(map(_chosen, args))
        case _:
            return expression(choice)


def _texts_of(tree: Expr, schema: pl.Schema, known: frozenset[str], *, inside: bool = False) -> Iterator[str]:
    """The packed columns whose texts are looked at; a column is a text everywhere or nowhere."""
    names = {name for name in names_in(tree) if schema.get(name) == PACKED}
    alike = isinstance(tree, Op) and tree.name in _ALIKE and all(is_packed(arg, schema) for arg in tree.args)
    if (alike or (is_packed(tree, schema) and not inside)) and not names & known:
        return
    if isinstance(tree, Op) and not alike and not is_packed(tree, schema):
        for arg in tree.args:
            yield from _texts_of(arg, schema, known, inside=True)
    else:
        yield from names


def _choices(tree: Expr, schema: pl.Schema, known: frozenset[str]) -> Iterator[Op]:
    if isinstance(tree, Op) and is_packed(tree, schema) and not names_in(tree) & known:
        yield tree
    elif isinstance(tree, Op):
        for arg in tree.args:
            yield from _choices(arg, schema, known)


def is_packed(tree: Expr, schema: pl.Schema) -> bool:
    """Whether the tree only chooses among packed texts, so that nobody need read them."""
    match tree:
        case Column(name):
            return schema.get(name) == PACKED
        case Op("coalesce", args):
            return all(is_packed(arg, schema) for arg in args)
        case Op("if", (condition, *either)):
            some = [arg for arg in either if arg != _NOTHING]
            return bool(some) and all(is_packed(arg, schema) for arg in some) and _reads_none(condition, schema)
        case _:
            return False


def _reads_none(tree: Expr, schema: pl.Schema) -> bool:
    """Whether no packed text of the rows, nor a choice among them, matters but for being there."""
    match tree:
        case Op("is_null", (Column(),)):
            return True
        case Op(_, args):
            return all(_reads_none(arg, schema) for arg in args)
        case Column(name):
            return schema.get(name) != PACKED
        case _:
            return True
