"""Conditions applied to rows: which are kept, which could not be judged."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from auditor.entities.columns import alongside, coalesced, filtered, fitted, picked, run_starts, uniform, without
from auditor.entities.packed import texts
from auditor.frozen import dataclass
from auditor.rules.language.spec import Condition
from auditor.rules.outcome import NULL, PAGE, RECORDS, Judged
from auditor.rules.rows.evaluate import verdicts
from auditor.rules.rows.handed import COUNTED
from auditor.rules.rows.keys import code_of, highest, numbered
from auditor.rules.task import Task
from auditor.tables.schema import COUNT, LINEAGE

_HIT, _PLACE = "__hit", "__place"
_HALF = 1 << 32
"""Places below it need half the bytes."""


@dataclass(frozen=True, slots=True)
class Split:
    """Rows that satisfy a condition: `rows` can take part, `true` counts all, `unknown` those that cannot be judged.

    Unknown are rows whose condition is null, and rows that satisfy it but lack a value the stage needs.
    """

    rows: pl.DataFrame
    true: int
    unknown: int


def split(frame: pl.DataFrame, task: Task, *, whole: Collection[str] = ()) -> Split:
    """The rows where the rule's `where` is true and no column of `whole` is null."""
    if COUNTED in frame.columns:
        judged = frame[COUNTED]
        frame = without(frame, COUNTED)
    else:
        found = task.rule.detect.where
        task.applied(found, frame)
        judged = verdicts(frame, found)
    true = frame if judged.sum() == frame.height else filtered(frame, judged)
    lacking = [name for name in whole if true[name].null_count()]
    complete = true.drop_nulls(lacking) if lacking else true
    return Split(complete, true.height, judged.null_count() + true.height - complete.height)


def hits(frame: pl.DataFrame, found: Condition | None, task: Task) -> tuple[pl.DataFrame, int]:
    """The rows the last condition makes findings, marked by `NULL`, and how many it could not judge.

    Under `nulls: fail` the rows that could not be judged are hits too.
    """
    task.applied(found, frame)
    judged = verdicts(frame, found)
    marked = alongside(frame, judged.is_null().alias(NULL))
    return filtered(marked, coalesced(judged, task.rule.nulls == "fail")), judged.null_count()


def no_hits(task: Task, *, population: int, not_evaluable: int) -> Judged | None:
    """What it comes to that a rule found nothing, where it found nothing before: the columns hits would have."""
    if task.watch is not None or not task.nothing:
        return None
    return Judged(task.nothing[0], population=population, not_evaluable=not_evaluable)


def with_own_record(frame: pl.DataFrame) -> pl.DataFrame:
    """Each row resting on its own record."""
    return texts(frame, LINEAGE).with_columns(pl.concat_list(pl.struct(*LINEAGE)).alias(RECORDS))


def with_records(found: pl.DataFrame, members: pl.DataFrame, *, on: list[str]) -> pl.DataFrame:
    """Each hit with the records of its member rows, sorted, the first of them as its own lineage.

    `members` has the columns `on` and lineage; equal values of `on` belong together, nulls among them. All are those of
    a single hit. There may be as many as the table has rows: places of pages in their order stand for their names.
    """
    places = _Places.of(members["page"], members["item"])
    if found.height == 1:
        own = places.own.sort()
        records = places.records(own.filter(run_starts(own))).implode()
        told = alongside(without(found, *LINEAGE), records)
    else:
        cited = alongside(members[on], places.own).sort(_PLACE)
        if not run_starts(cited[_PLACE]).all():
            cited = cited.unique(maintain_order=True)
        cited = alongside(cited[on], places.records(cited[_PLACE]))
        lists = cited.group_by(on, maintain_order=True).agg(RECORDS)
        told = without(found, *LINEAGE).join(lists, on=on, how="left", nulls_equal=True, maintain_order="left")
    first = pl.col(RECORDS).list.first()
    return told.with_columns(first.struct.field(name).cast(dtype) for name, dtype in LINEAGE.items())


@dataclass(frozen=True, slots=True)
class _Places:
    """The records some rows rest on: the names of their pages in order, and of each record its place among all.

    A page has `room` for so many items. Where rows are many every byte of a place counts, and few are needed.
    """

    names: pl.Series
    room: int
    own: pl.Series

    @classmethod
    def of(cls, pages: pl.Series, items: pl.Series) -> _Places:
        """The records of rows that lie on the pages, in the order of pages and items."""
        first, own = numbered(code_of(pages))
        names = texts(picked(pages, first).to_frame("page"))["page"]
        order = names.arg_sort()
        room = highest(items) + 1
        kind = pl.UInt32() if order.len() * room < _HALF else COUNT
        rank = uniform(0, order.len(), kind).scatter(order, pl.int_range(order.len(), dtype=kind, eager=True))
        ranks = picked(rank, own)
        return cls(picked(names, order).cast(PAGE), room, (ranks * room + fitted(items, kind)).alias(_PLACE))

    def records(self, places: pl.Series) -> pl.Series:
        """The records at the places."""
        item = fitted(places % self.room, LINEAGE["item"]).alias("item")
        return pl.DataFrame([picked(self.names, places // self.room).alias("page"), item]).to_struct(RECORDS)


def with_joined_records(found: pl.DataFrame, prefixes: Sequence[str]) -> pl.DataFrame:
    """Each hit resting on the rows its prefixes name (`a.page`, `b.page` …), nulls left out, sorted."""
    hits = pl.int_range(found.height, dtype=COUNT, eager=True).alias(_HIT)
    sources = pl.concat(
        [
            texts(pl.DataFrame([hits, *(found[f"{prefix}.{name}"].alias(name) for name in LINEAGE)]), LINEAGE)
            for prefix in prefixes
        ]
    )
    cited = sources.lazy().filter(pl.col("page").is_not_null()).unique().sort(_HIT, *LINEAGE)
    told = cited.group_by(_HIT, maintain_order=True).agg(pl.struct(*LINEAGE).alias(RECORDS)).collect(engine="in-memory")
    lists = told[RECORDS]
    if told.height < found.height:
        places = uniform(told.height, found.height, COUNT)
        places = places.scatter(told[_HIT], pl.int_range(told.height, eager=True))
        lists = picked(lists.append(pl.Series([[]], dtype=lists.dtype)), places)
    firsts = lists.list.first().struct
    return found.with_columns(lists.alias(RECORDS), *(firsts.field(name) for name in LINEAGE))
