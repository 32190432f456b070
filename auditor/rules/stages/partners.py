"""Who of two tables are partners: rows with equal keys of which a condition is true."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import product

import polars as pl

from auditor.entities.columns import (
    coalesced,
    filtered,
    flags,
    picked,
    rows_at,
    run_starts,
    uniform,
    where_true,
    without,
)
from auditor.entities.packed import texts
from auditor.frozen import dataclass
from auditor.rules.compiled.bounds import parts_of
from auditor.rules.language.columns import names_in
from auditor.rules.language.spec import Condition, Match
from auditor.rules.language.tree import Expr
from auditor.rules.rows.evaluate import VERDICT, Reading, computed
from auditor.rules.rows.keys import KEY
from auditor.rules.rows.runs import Runs, among
from auditor.rules.task import Task
from auditor.tables.schema import COUNT

_SAID = (False, True, None)
_FEW = 4
_CHUNK = 1_000_000
_GROWTH = 4
_A, _B = "__a", "__b"
_FROM, _TO, _NEAR, _PLACE = "__from", "__to", "__near", "__of_key"
_INDEX = pl.get_index_type()


@dataclass(frozen=True, slots=True)
class Partners:
    """What is known of the partners of each row.

    `matches` is how many it has, or 1 for some where nobody asks how many; `unknown` whether it may have one, which
    means nothing where it has some; `first` the place of the first, null where there is none or nobody asks.
    """

    matches: pl.Series
    unknown: pl.Series
    first: pl.Series

    @classmethod
    def none(cls, height: int) -> Partners:
        """Rows without a partner."""
        return cls(
            uniform(0, height, COUNT),
            flags(height),
            uniform(None, height, _INDEX),
        )


def partners_of(rows: pl.DataFrame, others: pl.DataFrame, stage: Match, task: Task) -> Partners:
    """The partners of `rows` among `others`, which stand in order; both have `KEY`.

    Of an `absent` partner nobody asks which, nor of a row's partners how many unless a finding names `matches`.
    """
    others = others.with_row_index(_B)
    where = stage.where
    if where is None:
        return _alike(rows[KEY], others, others.clear(), stage)
    left, right = _side(rows.with_row_index(_A), where, "a", stage, task), _side(others, where, "b", stage, task)
    if task.watch is not None:
        return _tried(left, right, where, task, height=rows.height, every=True)
    if not _names(where.tree, "a"):
        judged = computed(right, where.tree)
        return _alike(rows[KEY], right.filter(judged), right.filter(judged.is_null()), stage)
    every = "matches" in task.shown and not stage.absent
    left, right = _not_ruled_out(left, where, "b"), _not_ruled_out(right, where, "a")
    left, right = _of_fitting_kinds(left, right, where)
    return _tried(left, right, where, task, height=rows.height, every=every)


def _names(tree: Expr, side: str) -> set[str]:
    """The columns of one side the tree reads."""
    return {name[2:] for name in names_in(tree) if name.startswith(f"{side}.")}


def _side(rows: pl.DataFrame, where: Condition, side: str, stage: Match, task: Task) -> pl.DataFrame:
    """The rows with what the condition reads of them, named as it does."""
    read = _names(where.tree, side)
    if task.watch is not None and side == "a":
        # whoever explains a finding knows a candidate by the columns both share
        read |= {one for one, _ in stage.same}
    row = _A if side == "a" else _B
    return rows.select(row, KEY, *(pl.col(name).alias(f"{side}.{name}") for name in sorted(read)))


def _not_ruled_out(rows: pl.DataFrame, where: Condition, other: str) -> pl.DataFrame:
    """The rows of one side without those of which a part of the condition that does not read the other is false."""
    for part in parts_of(where.tree):
        if names_in(part) and not _names(part, other):
            rows = rows.filter(computed(rows, part).fill_null(value=True))
    return rows


def _of_fitting_kinds(left: pl.DataFrame, right: pl.DataFrame, where: Condition) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of both sides that may have a partner, where the condition reads nothing but few yes-or-no columns.

    It is asked of each kind of row on the one side and each on the other; keys then tell which rows meet such kinds.
    """
    sides = [[name for name in rows.columns if name not in {_A, _B, KEY}] for rows in (left, right)]
    read = [rows.schema[name] for rows, names in zip((left, right), sides, strict=True) for name in names]
    if not all(sides) or len(read) > _FEW or any(kind != pl.Boolean for kind in read):
        return left, right
    kinds = [*product(_SAID, repeat=len(read))]
    both = pl.DataFrame(kinds, schema=dict.fromkeys((*sides[0], *sides[1]), pl.Boolean), orient="row")
    fits = coalesced(computed(both, where.tree), value=True)
    own, other, size = _kind(left, sides[0]), _kind(right, sides[1]), len(_SAID) ** len(sides[1])
    may = flags(left.height)
    for kind in own.unique():
        theirs = fits[kind * size : (kind + 1) * size]
        wanted = right[KEY].filter(picked(theirs, other))
        places = where_true(own == kind)
        may = may.scatter(places, among(picked(left[KEY], places), wanted))
    left = filtered(left, may)
    return left, filtered(right, among(right[KEY], left[KEY]))


def _kind(rows: pl.DataFrame, names: list[str]) -> pl.Series:
    """The place of what the yes-or-no columns say of each row among all they may say."""
    said = (pl.col(name).cast(pl.UInt8).fill_null(len(_SAID) - 1) for name in names)
    return rows.select(reduce(lambda one, other: one * len(_SAID) + other, said)).to_series()


def _alike(keys: pl.Series, others: pl.DataFrame, unsure: pl.DataFrame, stage: Match) -> Partners:
    """The partners where every one of `others` with an equal key is one, and every one of `unsure` may be."""
    found = Partners.none(keys.len())
    unknown = among(keys, unsure[KEY])
    if stage.absent:
        return Partners(among(keys, others[KEY]).cast(COUNT), unknown, found.first)
    runs = Runs.of(others[KEY])
    starts, ends = runs.spans(keys)
    first = picked(others[_B], picked(runs.places, starts.set(starts == ends, None)))
    return Partners(ends - starts, unknown, first)


def _tried(
    left: pl.DataFrame, right: pl.DataFrame, where: Condition, task: Task, *, height: int, every: bool
) -> Partners:
    """The partners by trying candidates in order: some at once, more of those rows only that have found none.

    With `every` all are tried and counted.
    """
    found = Partners.none(height)
    reading = Reading.of(where.tree, pl.Schema({**left.schema, **right.schema}))
    left, right = texts(left, reading.texts), texts(right, reading.texts)
    runs = Runs.of(right[KEY])
    right = without(right, KEY)[runs.places]
    starts, ends = runs.spans(left[KEY])
    open_ = pl.DataFrame({_A: pl.int_range(left.height, dtype=_INDEX, eager=True), _FROM: starts, _TO: ends})
    open_ = open_.filter(pl.col(_FROM) < pl.col(_TO))
    matches, unknown, first, width = found.matches, found.unknown, found.first, 1
    while open_.height:
        near = pl.col(_TO) if every else pl.min_horizontal(_TO, pl.col(_FROM) + width)
        open_ = open_.with_columns(near.alias(_NEAR))
        for pairs in _candidates(open_):
            candidates = pl.concat([rows_at(left, pairs[_A]), rows_at(right, pairs[_PLACE])], how="horizontal")
            prepared = reading.prepared(candidates)
            task.applied(where, prepared)
            judged = prepared.select(_A, _B, reading.expression.alias(VERDICT))
            unknown = unknown.scatter(judged.filter(pl.col(VERDICT).is_null())[_A].unique(), True)
            hits = judged.filter(VERDICT)
            firsts = hits.filter(run_starts(hits[_A]))
            first = first.scatter(firsts[_A], firsts[_B])
            matches = matches.scatter(firsts[_A], hits[_A].rle().struct.field("len").cast(COUNT) if every else 1)
        done = picked(matches, picked(left[_A], open_[_A])) > 0
        open_ = open_.filter(~done & (pl.col(_NEAR) < pl.col(_TO))).with_columns(pl.col(_NEAR).alias(_FROM))
        width *= _GROWTH
    return Partners(matches, unknown, first)


def _candidates(open_: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Rows of both sides to be tried together, in order, a bounded number at once."""
    sizes = open_[_NEAR] - open_[_FROM]
    chunks = (sizes.cum_sum() // _CHUNK).rle().struct.field("len").to_list()
    start = 0
    for length in chunks:
        chunk = open_[start : start + length]
        start += length
        if chunk.select((pl.col(_NEAR) - pl.col(_FROM) == 1).all()).item():
            yield chunk.select(_A, pl.col(_FROM).alias(_PLACE))
        else:
            yield chunk.select(_A, pl.int_ranges(_FROM, _NEAR).alias(_PLACE)).explode(_PLACE)
