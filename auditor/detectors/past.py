"""What lies before rows in an order: how many of their group, strictly before each."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from auditor.entities.columns import fitted, picked, run_starts, where_true
from auditor.entities.groups import greatest, keyed, roomy, smallest
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
    def within(
        cls, groups: pl.Series, times: pl.Series, history: timedelta | None = None
    ) -> tuple[Past, pl.Series, pl.Series]:
        """Rows of groups in order of time, group after group: the past of each in its own, its row, its group's first.

        It reaches back as far as `history` does. What is counted of such a past is counted within groups of the groups.
        Rows in order of time, and those that stand as they are to, need the least work.
        """
        moments = times.dt.epoch("us")
        rows = in_order(groups, moments)
        group, time = picked(groups, rows), picked(moments, rows)
        other = run_starts(group)
        first = _begun(other)
        until = _begun(other | run_starts(time))
        if history is None:
            return cls(until, None), rows, first
        since = _since(group, time, first, history // timedelta(microseconds=1))
        return cls(until, since), rows, first

    def reach(self, first: pl.Series) -> pl.Series:
        """The first row of each one's past, which is in a group that begins with the row `first`."""
        return first if self.since is None else self.since.zip_with(self.since.is_not_null(), first)

    def length(self, first: pl.Series) -> pl.Series:
        """How many rows each one's past has."""
        return self.until - self.reach(first)

    def earlier(self, groups: pl.Series) -> pl.Series:
        """How many rows of each one's past are of its group; null for rows of none."""
        none = pl.Series([None], dtype=pl.Int64()).new_from_index(0, groups.len())
        if groups.null_count() == groups.len():
            return none
        own, rows, first = self._apart(groups)
        return none.scatter(rows, own.length(first))

    def _apart(self, groups: pl.Series) -> tuple[Past, pl.Series, pl.Series]:
        """The rows group after group: the past of each within its own, its row here, its group's first."""
        keys, size = keyed(groups)
        keys = keys.drop_nulls().sort()
        rows, group = keys % size, keys // size
        time = picked(self.until, rows)
        other = run_starts(group)
        until = _begun(other | run_starts(time))
        if self.since is None:
            return Past(until, None), rows, _begun(other)
        since = picked(self.since, rows)
        cut = where_true(since.is_not_null())
        reach = keys.search_sorted(picked(group, cut) * size + picked(since, cut)).cast(pl.Int64)
        return Past(until, since.scatter(cut, reach)), rows, _begun(other)


@dataclass(frozen=True, slots=True)
class Uses:
    """The rows of groups that lie within those of a past, group after group: few of them may be counted for.

    `reach` is the first row of each one's past. `keys` are both of a group and of a row of it, which is below `size`.
    """

    past: Past
    reach: pl.Series
    groups: pl.Series
    keys: pl.Series
    size: int

    @classmethod
    def of(cls, past: Past, reach: pl.Series, groups: pl.Series) -> Uses:
        """The rows of the groups, null for none."""
        groups, size = roomy(groups)
        return cls(past, reach, groups, (groups * size + numbers(groups.len())).drop_nulls().sort(), size)

    def new(self) -> tuple[pl.Series, pl.Series]:
        """The first row of each group; and which rows may have none of theirs in their past, all that have none."""
        rows, starts = self.keys % self.size, run_starts(self.keys // self.size)
        before = rows.shift(1, fill_value=0)
        met = ~starts & (before >= picked(self.reach, rows)) & (before < picked(self.past.until, rows))
        return rows.filter(starts), self.groups.is_not_null().scatter(rows.filter(met), False)

    def counted(self, rows: pl.Series) -> pl.Series:
        """How many rows of the past of each of those rows are of its group; null for rows of none."""
        own = picked(self.groups, rows) * self.size
        found = between(self.keys, own + picked(self.reach, rows), own + picked(self.past.until, rows))
        return found.set(own.is_null(), None)


def numbers(count: int) -> pl.Series:
    """The numbers of so many rows."""
    return pl.int_range(count, dtype=pl.Int64(), eager=True)


def _begun(begins: pl.Series) -> pl.Series:
    """For each row the last one, up to itself, that begins something."""
    return numbers(begins.len()).set(~begins, None).forward_fill()


def between(ordered: pl.Series, since: pl.Series, until: pl.Series) -> pl.Series:
    """How many of the numbers, which are in order, lie in each half-open interval."""
    return fitted(ordered.search_sorted(until), pl.Int64) - fitted(ordered.search_sorted(since), pl.Int64)


def in_order(groups: pl.Series, moments: pl.Series) -> pl.Series:
    """The rows of groups, group after group, in order of time; those of no group are left out."""
    low = smallest(moments)
    width = greatest(moments) - low + 1
    fits = greatest(groups) < (1 << 62) // width
    if not groups.null_count() and fits:
        keys = groups * width + (moments - low)
        if keys.is_sorted():
            return numbers(groups.len())
        if not moments.is_sorted():
            return fitted(keys.arg_sort(), pl.Int64)
    if moments.is_sorted():
        keys, size = keyed(groups)
        return keys.drop_nulls().sort() % size
    placed = pl.DataFrame({"group": groups, "moment": moments, "row": numbers(groups.len())}).drop_nulls("group")
    return placed.sort("group", "moment", "row")["row"]


def _since(group: pl.Series, time: pl.Series, first: pl.Series, history: int) -> pl.Series | None:
    """For each row the first one of its group that is not older than the history; null where that is the group's."""
    cut = where_true(time - history > picked(time, first))
    if cut.is_empty():
        return None
    low = smallest(time)
    width = greatest(time) - low + 1
    if greatest(group) >= (1 << 62) // width:
        group = group.rank("dense").cast(pl.Int64)
    moments = time - low
    if greatest(group) >= (1 << 62) // width:
        # ranks of moments keep their order, and a moment between two has that of the next
        distinct = moments.unique().sort()
        width = distinct.len() + 1
        reach = distinct.search_sorted(picked(moments, cut) - history).cast(pl.Int64)
        moments = fitted(distinct.search_sorted(moments), pl.Int64)
    else:
        reach = picked(moments, cut) - history
    keys = group * width + moments
    since = pl.Series([None], dtype=pl.Int64()).new_from_index(0, group.len())
    return since.scatter(cut, keys.search_sorted(picked(group, cut) * width + reach).cast(pl.Int64))
