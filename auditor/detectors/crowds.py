"""How many accounts stood behind each device, and how many before: the numbers of `fan_in`.

A *case* is an entity in a scope. Its *pair* is the entity, which has one network, its *place* that in the scope.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from auditor.detectors.past import between, in_order
from auditor.entities.columns import flags, picked, run_starts, uniform, where_true
from auditor.entities.groups import greatest, ids, keyed, own_numbers, paired, roomy
from auditor.frozen import dataclass
from auditor.model.window import Window


@dataclass(frozen=True, slots=True)
class Cases:
    """Rows in runs of one network, each in order of time, and case after case.

    `network`, `pair`, `place` and `who` are numbers of the rows of `frame`. Case after case, place after place, `rows`
    are those of the cases, and `number` tells of which; `row` is the first of each case, which begins it.
    """

    frame: pl.DataFrame
    network: pl.Series
    pair: pl.Series
    place: pl.Series
    who: pl.Series
    rows: pl.Series
    number: pl.Series
    row: pl.Series

    @classmethod
    def of(
        cls, frame: pl.DataFrame, window: Window, *, network: str, entity: Sequence[str], scope: Sequence[str], who: str
    ) -> Cases:
        """The cases of rows that have all these columns; of one that began before the window only rows inside it."""
        network_ = ids(frame, [network])
        order = in_order(network_, frame["joined_time"].dt.epoch("us"))
        if not order.is_sorted():
            frame, network_ = frame[order], picked(network_, order)
        # few kinds of clients, so that a row's case and number are one number
        rest = ids(frame, [name for name in entity if name != network])
        place = paired(network_, own_numbers(frame, scope))
        keys, size = keyed(paired(place, rest))
        keys = keys.sort()
        rows, starts = keys % size, run_starts(keys // size)
        number = starts.cum_sum() - 1
        who_ = own_numbers(frame, [who])
        found = cls(frame, network_, paired(network_, rest), place, who_, rows, number, rows.filter(starts))
        astride = found._astride(frame["joined_time"] < window.start)
        if not astride.len():
            return found
        frame = frame.filter(~flags(frame.height).scatter(astride, True))
        return cls.of(frame, window, network=network, entity=entity, scope=scope, who=who)

    def _astride(self, earlier: pl.Series) -> pl.Series:
        """The earlier rows of cases that have others, too."""
        if not earlier.any():
            return self.rows.clear()
        last = self.rows.filter(self.number != self.number.shift(-1, fill_value=self.row.len()))
        both = picked(earlier, self.row) & ~picked(earlier, last)
        return self.rows_of(both).filter(picked(earlier, self.rows_of(both)))

    def rows_of(self, cases: pl.Series) -> pl.Series:
        """The rows of those cases, case after case."""
        return self.rows.filter(picked(cases, self.number)) if cases.any() else self.rows.clear()

    def within(self, inside: pl.Series) -> int:
        """How many cases have rows inside."""
        if inside.all():
            return self.row.len()
        return int(run_starts(self.number.filter(picked(inside, self.rows))).sum())

    def of_crowds(self, least: int) -> pl.Series:
        """Which cases are of a pair some case of which has so many rows."""
        # a case has enough rows where the row that many places before is of it, too
        enough = (self.number == self.number.shift(max(least - 1, 0))).fill_null(value=False)
        pairs = picked(self.pair, self.rows.filter(enough)).unique()
        return picked(self.pair, self.row).is_in(pairs.implode())

    def accounts(self, cases: pl.Series) -> tuple[pl.Series, pl.Series]:
        """How many accounts each of those cases has, 1 for others; and the case of each of these accounts."""
        alone, people = run_starts(self.number), greatest(self.who) + 1
        alone &= alone.shift(-1, fill_value=True)
        single = flags(self.row.len()).scatter(self.number.filter(alone), True)
        shared = picked(cases & ~single, self.number)
        each = self.number.filter(shared).cast(pl.Int64()) * people + picked(self.who, self.rows.filter(shared))
        each = each.sort()
        of_many = each.filter(run_starts(each)) // people
        runs = of_many.rle().struct
        counts = uniform(1, self.row.len(), pl.Int64())
        counts = counts.scatter(runs.field("value"), runs.field("len").cast(pl.Int64()))
        return counts, pl.concat([where_true(cases & single).cast(pl.Int64()), of_many])

    def rated(self, least: int) -> pl.DataFrame:
        """The cases with at least so many accounts, and what went before each in its network.

        They have `count` and `observed_at`, `_others`, how many accounts their pair had in cases that began before, and
        `_scopes`, in how many places of the network; those that began together do not know each other.
        """
        theirs = self.of_crowds(least)
        counts, accounts = self.accounts(theirs)
        case = where_true(theirs & (counts >= least))
        row = picked(self.row, case)
        # all that lies before it in the network came before the case began
        begins = where_true(run_starts(self.network) | run_starts(self.frame["joined_time"]))
        until = picked(begins, begins.search_sorted(row, side="right") - 1).cast(pl.Int64())
        pair, size = roomy(self.pair)
        own = picked(pair, row) * size
        came = (picked(pair, picked(self.row, accounts)) * size + picked(self.row, accounts)).sort()
        first, place = self.places()
        begins_place = flags(self.network.len()).scatter(first, True)
        began = begins_place.cum_sum().cast(pl.Int64()) - begins_place.cast(pl.Int64())
        start = self.network.search_sorted(picked(self.network, row))
        # somebody else on the network may have begun the place itself
        itself = (picked(first, picked(place, case)) < until).cast(pl.Int64())
        return pl.DataFrame(
            {
                "_case": case.cast(pl.Int64()),
                "_place": picked(place, case),
                "_network": picked(self.network, row),
                "count": picked(counts, case),
                "observed_at": picked(self.frame["joined_time"], row),
                "_others": between(came, own, own + until),
                "_scopes": picked(began, until) - picked(began, start) - itself,
            }
        )

    def places(self) -> tuple[pl.Series, pl.Series]:
        """The first row of each place, which begins it; and which of them each case is in."""
        other = run_starts(picked(self.place, self.row))
        place = other.cum_sum() - 1
        alone = other & other.shift(-1, fill_value=True)
        of_many, size = place.filter(~alone).cast(pl.Int64()), self.network.len()
        keys = (of_many * size + self.row.filter(~alone)).sort()
        keys = keys.filter(run_starts(keys // size))
        first = uniform(0, int(other.sum()), pl.Int64())
        first = first.scatter(place.filter(alone), self.row.filter(alone)).scatter(keys // size, keys % size)
        return first, place
