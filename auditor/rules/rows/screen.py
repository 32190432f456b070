"""Few rows outside of which conditions are false, told value by value before any row is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import polars as pl

from auditor.frozen import dataclass
from auditor.rules.language.tree import Column, Expr, Op
from auditor.rules.rows.held import FEW, Held

_Cover: TypeAlias = tuple[float, tuple[str, ...]]

_EVERY: _Cover = (1.0, ())


@dataclass(frozen=True, slots=True)
class Screen:
    """The places of rows, in order, outside of which the conditions are false that stand at `conditions`."""

    rows: pl.Series
    conditions: Sequence[int]

    @classmethod
    def of(cls, held: Held, trees: Sequence[Expr]) -> Screen:
        """The conditions that answers of single values make false of most rows.

        For a condition that no value satisfies no row is looked at, whatever it asks beside.
        """
        covers = [_cover(tree, held) for tree in trees]
        rare = sorted((share, place) for place, (share, _) in enumerate(covers) if share * FEW < 1)
        while True:
            rows = held.may_hold({name for _, place in rare for name in covers[place][1]})
            if rows.len() * FEW <= held.height:
                return cls(rows, [place for _, place in rare])
            rare = rare[: len(rare) // 2]

    @classmethod
    def nothing(cls) -> Screen:
        """No rows, and no conditions."""
        return cls(pl.Series([], dtype=pl.get_index_type()), ())


def _cover(tree: Expr, held: Held) -> _Cover:
    """Answers all of which are false only where the tree is, and of what share of values they are not."""
    match tree:
        case Column(name):
            return held.share(name), (name,)
        case Op("and", args):
            return min(_cover(arg, held) for arg in args)
        case Op("or", args):
            told = [_cover(arg, held) for arg in args]
            return sum(share for share, _ in told), tuple(name for _, names in told for name in names)
        case _:
            return _EVERY
