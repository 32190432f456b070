"""Rows a rule is handed; columns it only shows wait until few rows are left."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from auditor.entities.columns import without
from auditor.frozen import dataclass
from auditor.rules.rows.held import Held

OWN = "__own"
"""The place of a row among those it is completed from."""


COUNTED = "__counted"
"""What the rule's `where` says of a row."""


@dataclass(frozen=True, slots=True)
class Handed:
    """The rows of a table; where columns are `waiting` they are taken from what is `held`, and `OWN` tells the row.

    Where the rule's `where` was asked already, `COUNTED` tells what it said; it was not false of any row.
    """

    rows: pl.DataFrame
    held: Held | None = None
    waiting: Sequence[str] = ()

    def complete(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows, which are some of these, with the columns that waited; a row whose `OWN` is null has none."""
        if self.held is None:
            return rows
        rest, places = without(rows, OWN), rows[OWN]
        everywhere = places.len() == self.held.height
        if everywhere and places.equals(pl.int_range(places.len(), dtype=pl.get_index_type(), eager=True)):
            # all rows as they stand: their columns need not be copied
            return rest.hstack(self.held.frame(self.waiting, as_read=True))
        return rest.hstack(self.held.taken(self.waiting, places))

    def column(self, rows: pl.DataFrame, name: str) -> pl.Series:
        """A column of the rows, which are some of these, whether it waited or not."""
        if name in rows.columns or self.held is None:
            return rows[name]
        return self.held.taken([name], rows[OWN])[name]

    def turned(self, rows: pl.DataFrame) -> Handed:
        """The same with columns made of them."""
        return Handed(rows, self.held, self.waiting)
