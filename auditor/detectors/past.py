"""What lies before rows in an order: how many of their group, strictly before each."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from auditor.entities.groups import greatest
from auditor.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Past:
    """Rows in an order in which each one's past is a run of them.

    It reaches from the row `since` to the one before `until`, which is the first row of the same time; from the first
    of all where `since` is null, or is None since it would be null everywhere.
    """

    until: pl.Series
    since: pl.Series | None

    @classmethod
    def of(cls, times: pl.Series, history: timedelta | None = None) -> Past:
        """The past of rows in order of time, as far as `history` reaches back."""
        begins = (times != times.shift(1)).fill_null(value=True)
        first, moment = begins.arg_true().cast(pl.Int64), begins.cum_sum() - 1
        until = first.gather(moment)
        if history is None:
            return cls(until, None)
        moments = times.gather(first)
        reach = moments.search_sorted(moments - history)
        since = first.gather(reach).set(reach == 0, None).gather(moment) if (reach > 0).any() else None
        return cls(until, since)

    def apart(self, groups: pl.Series) -> tuple[Past, pl.Series, pl.Series]:
        """The rows of groups, group after group: the past of each within its own, its row here, its group's first.

        What is counted of such a past is counted within groups of these groups.
        """
        size = 1 << groups.len().bit_length()
        if greatest(groups) >= (1 << 62) // size:
            groups = groups.rank("dense").cast(pl.Int64)
        keys = (groups * size + numbers(groups.len())).drop_nulls().sort()
        rows, group = keys % size, keys // size
        time = self.until.gather(rows)
        other = (group != group.shift(1)).fill_null(value=True)
        until = _begun(other | (time != time.shift(1)).fill_null(value=True))
        if self.since is None:
            return Past(until, None), rows, _begun(other)
        since = self.since.gather(rows)
        cut = since.is_not_null().arg_true()
        reach = keys.search_sorted(group.gather(cut) * size + since.gather(cut)).cast(pl.Int64)
        return Past(until, since.scatter(cut, reach)), rows, _begun(other)

    def earlier(self, groups: pl.Series) -> pl.Series:
        """How many rows of each one's past are of its group; null for rows of none."""
        none = pl.Series([None], dtype=pl.Int64()).new_from_index(0, groups.len())
        if groups.null_count() == groups.len():
            return none
        own, rows, first = self.apart(groups)
        since = first if own.since is None else own.since.zip_with(own.since.is_not_null(), first)
        return none.scatter(rows, own.until - since)


def numbers(count: int) -> pl.Series:
    """The numbers of so many rows."""
    return pl.int_range(count, dtype=pl.Int64(), eager=True)


def _begun(begins: pl.Series) -> pl.Series:
    """For each row the last one, up to itself, that begins something."""
    return numbers(begins.len()).set(~begins, None).forward_fill()
