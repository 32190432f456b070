"""What every detector takes and gives.

A detector is a function of three things: the rows of the rule (from the beginning of the history on, after
`where`, with lineage), its settings, and the audited window. It gives a `Detection`.

The order is the same for all: episodes, score, suppression with a reason, one finding per entity and episode,
budget. Every candidate is accounted for: `candidates = sum(suppressed) + emitted + truncated`.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, datetime, timedelta

import polars as pl

from auditor.entities.columns import flags, picked, uniform
from auditor.entities.episodes import END
from auditor.entities.groups import greatest, ids, own_number, paired
from auditor.entities.packed import texts
from auditor.frozen import dataclass
from auditor.model.audit import Ledger
from auditor.model.window import Window
from auditor.tables.schema import LINEAGE

RECORDS = pl.List(pl.Struct({"page": pl.String(), "item": pl.Int64()}))
"""The raw records a finding rests on."""

ROW = "__row_of_all"
"""Which row one is of those that are given more columns later."""

SECOND_DAY = 2
WITHOUT_HISTORY = ", without history"
"""What a sentence ends with where too little was seen before to compare with; such a finding is of low confidence."""

DIGITS = 9
"""Scores are rounded to so many digits before they are compared, sorted or written."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Named values summed up from the rows of a group, in two steps.

    `columns` are aggregates for `group_by(…).agg`; `finish` turns the grouped frame into one that has `names`.
    `reads` are the columns and facts of a row they need. `alone` gives of a single row what `columns` give of a group
    of that row; None where nothing but them does. `kinds` names those of `columns` that count the different values of
    a column of the rows, and that column.
    """

    names: tuple[str, ...]
    columns: tuple[pl.Expr, ...]
    finish: Callable[[pl.LazyFrame], pl.LazyFrame]
    reads: frozenset[str]
    alone: tuple[pl.Expr, ...] | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, **named: pl.Expr) -> Aggregate:
        """Plain aggregate expressions by name."""
        columns = tuple(expression.alias(name) for name, expression in named.items())
        reads = frozenset(root for expression in columns for root in expression.meta.root_names())
        return cls(tuple(named), columns, lambda grouped: grouped, reads)

    def summed(self, frame: pl.DataFrame, groups: pl.Series) -> pl.DataFrame:
        """The named values of each group, with `_group`, its place among the groups, and the count of its `_rows`."""
        # what stands together is grouped in a third of the time
        groups = groups.set_sorted() if groups.is_sorted() else groups
        columns = [column for column in self.columns if column.meta.output_name() not in self.kinds]
        rows = frame.lazy().select(*sorted(self.reads), groups.alias("_group"))
        found = rows.group_by("_group").agg(*columns, _rows=pl.len()).collect()
        for name, column in self.kinds.items():
            if frame[column].null_count() == frame.height:
                found = found.with_columns(pl.lit(0, dtype=pl.Int64()).alias(name))
                continue
            counts = _kinds(groups, frame[column])
            found = found.with_columns(picked(counts, found["_group"]).alias(name))
        return self.finish(found.lazy()).collect()


def _kinds(groups: pl.Series, values: pl.Series) -> pl.Series:
    """How many different values each group has, by its number."""
    kinds, known = own_number(values), values.is_not_null()
    counts = uniform(0, greatest(groups) + 1, pl.Int64())
    if not known.all():
        groups, kinds = groups.filter(known), kinds.filter(known)
    if groups.is_sorted():
        counts = counts.scatter(groups, 1)
        # of groups that stand together only those in which neighbours differ have several
        varied = flags(counts.len()).scatter(
            groups.filter((groups == groups.shift(1)) & (kinds != kinds.shift(1))), True
        )
        chosen = picked(varied, groups)
        groups, kinds = groups.filter(chosen), kinds.filter(chosen)
    every = paired(kinds, groups)
    once = every.arg_unique()
    many = picked(groups, once).alias("group").value_counts()
    return counts.scatter(many["group"], many["count"].cast(pl.Int64()))


@dataclass(frozen=True, slots=True)
class Budget:
    """How many findings a person can read: `total` a rule and audit, `per_entity` in any seven days."""

    total: int = 50
    per_entity: int = 1


@dataclass(frozen=True, slots=True)
class Detection:
    """The findings of one detector and the account of everything it looked at.

    `findings` holds the entity's columns, `observed_at`, `n`, `score`, the columns the detector yields,
    `explanation` and `records`; `confidence` where a detector is less sure than its rule. `population` counts
    what of the window was scored, `not_evaluable` what could not be.
    `reason` is set when the detector could not judge at all.
    """

    findings: pl.DataFrame
    population: int
    not_evaluable: int
    truncated: int
    ledger: Ledger | None
    reason: str | None = None


class EmptyBaselineError(RuntimeError):
    """A detector learned nothing although there was something to learn from: a mistake of ours, never silence."""


def learned(counts: pl.Series, *, earlier: pl.Series) -> None:
    """Raises `EmptyBaselineError` when no count of history is above 0 although some case has `earlier` ones."""
    if earlier.fill_null(value=False).any() and not (counts.fill_null(0) > 0).any():
        raise EmptyBaselineError("rows lie before those that are judged, but none was counted")


def recognised(frame: pl.DataFrame, known: pl.Series) -> pl.Series:
    """`known`, whether each leg's network is one its person knows.

    Raises `EmptyBaselineError` when none is although somebody used a network on three days.
    """
    if not known.any():
        used = frame.drop_nulls(["email", "ip_network"]).group_by("email", "ip_network")
        habits = used.agg(pl.col("joined_time").dt.date().n_unique())
        learned(known.cast(pl.Int64), earlier=habits["joined_time"] > SECOND_DAY)
    return known


def unjudged(lost: int, needed: Sequence[str]) -> Detection:
    """The detection where no row has what is needed: a reason when rows were `lost` for that, else nothing to judge."""
    names = ", ".join(dict.fromkeys(needed))
    return Detection(pl.DataFrame(), 0, lost, 0, None, f"no row has all of {names}" if lost else None)


def some_judged(found: Detection, needed: Sequence[str]) -> Detection:
    """The detection; where all rows of the window lack some of what is needed, with that as its reason."""
    if found.population or not found.not_evaluable or found.reason is not None:
        return found
    names = ", ".join(dict.fromkeys(needed))
    return replace(found, reason=f"no row of the window has all of {names}")


def not_evaluated(reason: str, *, not_evaluable: int = 0) -> Detection:
    """A detection that says why nothing could be judged."""
    return Detection(pl.DataFrame(), 0, not_evaluable, 0, None, reason)


def records(*, page: str = "page", item: str = "item") -> pl.Expr:
    """The lineage of the rows of a group, distinct and in order, as an aggregate."""
    return pl.struct(pl.col(page).alias("page"), pl.col(item).alias("item")).unique().sort()


def with_records(found: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """The visits with `records`, the lineage of their `rows`, which are places in `frame`."""
    numbered = found.with_row_index("_visit")
    members = numbered.select("_visit", row="rows").explode("row", empty_as_null=False)
    lineage = (
        members.hstack(texts(frame.select(*LINEAGE)[members["row"]])).group_by("_visit").agg(records().alias("records"))
    )
    return numbered.join(lineage, on="_visit", how="left", maintain_order="left").drop("_visit", "rows")


def not_before(frame: pl.DataFrame, window: Window | None) -> int:
    """How many rows are no history, which nothing is said of: all but those known to lie before the window."""
    return frame.height if window is None else frame.height - int((frame["joined_time"] < window.start).sum())


def usable(
    rows: pl.LazyFrame, *, read: Collection[str], whole: Collection[str], window: Window | None = None
) -> tuple[pl.DataFrame, int]:
    """The columns `read`, with lineage, of the rows that lack none of `whole`; how many lack one, history apart.

    Texts may be packed. Of rows that are given the rest later those there are, with `ROW`.
    """
    names = sorted({*read, *LINEAGE})
    there = rows.collect_schema().names()
    if ROW in there:
        names = [name for name in (*names, ROW) if name in there]
    found = rows.select(names).collect(engine="in-memory")
    gaps = [name for name in whole if found[name].null_count()]
    kept = found.drop_nulls(gaps) if gaps else found
    return kept, not_before(found, window) - not_before(kept, window) if gaps else 0


def in_time(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows in order of time."""
    return frame if frame["joined_time"].is_sorted() else frame.sort("joined_time")


def ended(
    rows: pl.LazyFrame, *, read: Collection[str], whole: Collection[str], window: Window | None = None
) -> tuple[pl.DataFrame, int]:
    """The `usable` rows with a known `end`, not before they start, and their number as `row`; and how many are not."""
    frame, lost = usable(rows, read=read, whole=whole, window=window)
    timed = frame.with_columns(END.alias("end"))
    kept = timed.filter((pl.col("end") >= pl.col("joined_time")).fill_null(value=False))
    lost += not_before(frame, window) - not_before(kept, window)
    return kept.with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64)), lost


def within(window: Window, column: str) -> pl.Expr:
    """Whether the time lies in the half-open window."""
    return (pl.col(column) >= window.start) & (pl.col(column) < window.end)


def days(times: pl.Series) -> tuple[date, date] | None:
    """The first and last day of the times, None when there is none."""
    first, last = times.min(), times.max()
    return (first.date(), last.date()) if isinstance(first, datetime) and isinstance(last, datetime) else None


def before(times: pl.Series, window: Window) -> tuple[date, date] | None:
    """The first and last day of the times before the window, None when there is none."""
    return days(times.filter(times < window.start))


def conclude(
    candidates: pl.DataFrame,
    *,
    entity: Sequence[str],
    budget: Budget,
    population: int,
    not_evaluable: int,
    history: tuple[date, date] | None,
    cut: int = 0,
) -> Detection:
    """The detection of scored candidates, each with `suppressed` null or the reason it falls away.

    `cut` are further candidates that were left out before the budget; they are truncated, too.

    The budget takes the highest scores first: at most `per_entity` findings of an entity in any seven days, then at
    most `total` in all.
    """
    if not candidates.width:
        ledger = Ledger(cut, {}, 0, cut, history)
        return Detection(candidates, population, not_evaluable, cut, ledger)
    ranked = candidates.with_columns(pl.col("score").round(DIGITS))
    reasons = (
        ranked.filter(pl.col("suppressed").is_not_null()).group_by("suppressed").len().sort("suppressed").iter_rows()
    )
    suppressed = {str(name): int(count) for name, count in reasons}
    kept = _affordable(ranked.filter(pl.col("suppressed").is_null()).drop("suppressed"), entity=entity, budget=budget)
    truncated = ranked.height - sum(suppressed.values()) - kept.height + cut
    ledger = Ledger(ranked.height + cut, suppressed, kept.height, truncated, history)
    return Detection(kept, population, not_evaluable, truncated, ledger)


def _affordable(findings: pl.DataFrame, *, entity: Sequence[str], budget: Budget) -> pl.DataFrame:
    """The findings a person is asked to read, highest score first."""
    if findings.is_empty():
        return findings
    order = findings.with_columns(_first=pl.col("records").list.first()).sort(
        pl.col("score"),
        *[pl.col(name) for name in entity],
        pl.col("observed_at"),
        pl.col("_first").struct.field("page"),
        pl.col("_first").struct.field("item"),
        descending=[True, *[False] * (len(entity) + 3)],
    )
    spaced = _spaced(ids(order, entity), order["observed_at"].dt.epoch("us"), budget)
    return order.drop("_first").head(spaced.len()).filter(spaced)


def _spaced(entities: pl.Series, times: pl.Series, budget: Budget) -> pl.Series:
    """Which findings, the first ones first, leave an entity with no more than so many in any seven days.

    Of those after the last one that all findings together may be nothing is told.
    """
    most, left = budget.per_entity, budget.total
    week = timedelta(days=7) // timedelta(microseconds=1)
    taken: dict[int, list[int]] = {}
    chosen = []
    for entity, time in zip(entities.to_list(), times.to_list(), strict=True):
        if not left:
            break
        own = taken.setdefault(entity, [])
        place = bisect(own, time)
        around = [*own[max(0, place - most) : place], time, *own[place : place + most]]
        fits = all(last - first >= week for first, last in zip(around, around[most:], strict=False))
        if fits:
            own.insert(place, time)
            left -= 1
        chosen.append(fits)
    return pl.Series(chosen, dtype=pl.Boolean())
