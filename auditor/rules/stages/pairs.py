"""The `pairs` stage: unordered pairs of rows with equal keys, swept in time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import polars as pl

from auditor.entities.columns import flags, picked
from auditor.entities.groups import repeated
from auditor.entities.packed import texts
from auditor.rules.compiled.temporal import span
from auditor.rules.language.columns import interval, names_in
from auditor.rules.language.spec import Pairs
from auditor.rules.outcome import Judged
from auditor.rules.rows.handed import Handed
from auditor.rules.rows.keys import KEY, code_of, highest, lowest, with_key
from auditor.rules.rows.places import AT, PLACE, in_order
from auditor.rules.rows.runs import Runs
from auditor.rules.stages.kept import hits, no_hits, split, with_joined_records
from auditor.rules.task import Task
from auditor.tables.schema import COUNT, LINEAGE, SPAN, TIME

_CHUNK = 1_000_000
_BITS = 62
_ROW, _LAST, _FROM, _TO = "__row", "__last", "__from", "__to"
_TICK = timedelta(microseconds=1)


def judge_pairs(handed: Handed, stage: Pairs, task: Task) -> Judged:
    """Pairs whose `where` is true, each resting on its two records."""
    timed = stage.overlap is not None or stage.within is not None
    edges = interval(task.rule.detect.table)
    if timed and edges is None:
        raise ValueError(f"rows of {task.rule.detect.table} have no time")
    needed = dict.fromkeys((*stage.same, *stage.different, *((edges or ()) if timed else ())))
    taken = split(handed.rows, task, whole=needed)
    kept = _with_interval(taken.rows, edges)
    lasting = kept[_FROM] <= kept[_TO]
    if timed and not lasting.all():
        kept = kept.filter(lasting)
    unknown = taken.unknown + taken.rows.height - kept.height
    kept = _numbered(handed.turned(with_key(kept, stage.same)), stage)
    if kept.is_empty() and (none := no_hits(task, population=taken.true, not_evaluable=unknown)):
        return none
    found: list[pl.DataFrame] = []
    for chunk in _candidates(kept, stage):
        judged, not_judged = hits(_joined(kept, chunk, stage, task), stage.where, task)
        found.append(judged)
        unknown += not_judged
    return Judged(pl.concat(found), population=taken.true, not_evaluable=unknown)


def _with_interval(rows: pl.DataFrame, edges: tuple[str, str] | None) -> pl.DataFrame:
    start, end = edges or (AT, AT)
    return rows.with_columns(pl.col(start).alias(_FROM), pl.col(end).alias(_TO))


def _numbered(handed: Handed, stage: Pairs) -> pl.DataFrame:
    """The rows by key, start and lineage, with their place and their last partner's; rows without one are left out."""
    rows = handed.rows
    thin = _differing(_by_key(rows, stage), stage)
    reach = _reach(stage)
    if reach is None:
        placed = _in_place(handed.complete(rows[thin[_ROW]]))
        return placed.with_columns(pl.col(_ROW).max().over(KEY).alias(_LAST))
    placed = _in_place(handed.complete(rows[thin[_ROW].filter(_meets(thin, reach))]))
    starts = placed.select(KEY, pl.col(_FROM).alias("__start"), pl.col(_ROW).alias(_LAST)).sort("__start", _LAST)
    return (
        placed.with_columns((pl.col(_TO) + reach).alias("__reach"))
        .sort("__reach")
        .join_asof(starts, left_on="__reach", right_on="__start", by=KEY, strategy="backward", check_sortedness=False)
        .sort(_ROW)
        .drop("__reach")
    )


def _by_key(rows: pl.DataFrame, stage: Pairs) -> pl.DataFrame:
    """The rows whose key has several, by key, start and lineage: their place, their interval and what must differ."""
    order = (_FROM, PLACE) if PLACE in rows.columns else (_FROM, *LINEAGE)
    codes = [code_of(rows[name]).alias(name) for name in stage.different]
    index = pl.int_range(rows.height, dtype=pl.get_index_type(), eager=True).alias(_ROW)
    thin = pl.DataFrame([index, *(rows[name] for name in dict.fromkeys((KEY, _TO, *order))), *codes])
    several = repeated(thin[KEY])
    thin = thin if several.all() else thin.filter(several)
    # the places of rows that have a time are in its order
    if not in_order(rows, order[1:]) or thin[_FROM].null_count():
        return thin.sort(KEY, *order, nulls_last=True, maintain_order=True)
    return thin if thin[KEY].is_sorted() else thin[Runs.of(thin[KEY]).places]


def _differing(rows: pl.DataFrame, stage: Pairs) -> pl.DataFrame:
    """The rows, which stand by key, of keys that have several values of every column that must differ."""
    if rows.is_empty() or not stage.different:
        return rows
    runs = rows[KEY].rle_id()
    same = runs == runs.shift(1)
    kept = flags(runs[-1] + 1, value=True)
    for name in stage.different:
        apart = (rows[name] != rows[name].shift(1)) & same
        kept &= flags(kept.len()).scatter(runs.filter(apart), True)
    return rows.filter(picked(kept, runs))


def _meets(rows: pl.DataFrame, reach: timedelta) -> pl.Series:
    """The rows, which stand by key and start, that another of their key may be a partner of."""
    same = pl.col(KEY) == pl.col(KEY).shift(1)
    low, top = lowest(rows[_FROM].to_physical()), highest(rows[_TO].to_physical())
    size = 1 << max(top - low, 1).bit_length()
    runs = rows[KEY].rle_id().cast(COUNT)
    if highest(runs).bit_length() + size.bit_length() < _BITS:
        # ends grow from key to key, so that one running maximum serves all
        ends = (runs * size + (rows[_TO].to_physical() - low)).cum_max().shift(1) - (runs * size - low)
        reached = ends.cast(TIME)
    else:
        reached = rows.select(pl.col(_TO).cum_max().over(KEY).shift(1)).to_series()
    before = (pl.lit(reached) + reach >= pl.col(_FROM)) & same
    after = (pl.col(_TO) + reach >= pl.col(_FROM).shift(-1)) & same.shift(-1)
    return rows.select(before.fill_null(value=False) | after.fill_null(value=False)).to_series()


def _in_place(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_row_index(_ROW).with_columns(pl.col(_ROW).cast(pl.Int64))


def _reach(stage: Pairs) -> timedelta | None:
    """How far after a row's end another may start to be its partner; None when time does not matter."""
    if stage.overlap is not None:
        return -max(span(stage.overlap), _TICK)
    return None if stage.within is None else span(stage.within)


def _candidates(rows: pl.DataFrame, stage: Pairs) -> Iterator[pl.DataFrame]:
    """Places of a row and of a later one that fit in time and in `different`, a bounded number at once."""
    partners = (pl.col(_LAST) - pl.col(_ROW)).clip(lower_bound=0).fill_null(0)
    starts = rows.select(_ROW, _LAST, partners.alias("__partners")).filter(pl.col("__partners") > 0)
    chunks = starts.with_columns((pl.col("__partners").cum_sum() // _CHUNK).alias("__chunk"))
    for chunk in chunks.partition_by("__chunk", maintain_order=True) or [chunks]:
        pairs = chunk.select(
            pl.col(_ROW).alias("one"), pl.int_ranges(pl.col(_ROW) + 1, pl.col(_LAST) + 1).alias("other")
        ).explode("other")
        one, other = rows[pairs["one"]], rows[pairs["other"]]
        fits = pl.Series([True]).new_from_index(0, pairs.height)
        for name in stage.different:
            fits &= one[name] != other[name]
        ends = pl.select(pl.min_horizontal(one[_TO], other[_TO])).to_series()
        if stage.overlap is not None:
            overlap = ends - other[_FROM]
            fits &= (overlap >= span(stage.overlap)) & (overlap > timedelta())
        if stage.within is not None:
            fits &= other[_FROM] - ends <= span(stage.within)
        chosen = pairs.filter(fits)
        if stage.different:
            # the smaller value of the first column decides, since every column differs
            name = stage.different[0]
            first, second = (texts(rows[[name]][chosen[side]])[name] for side in ("one", "other"))
            swapped = first > second
            yield chosen.select(
                pl.when(swapped).then("other").otherwise("one").alias("a"),
                pl.when(swapped).then("one").otherwise("other").alias("b"),
            )
        else:
            yield chosen.select(a="one", b="other")


def _joined(rows: pl.DataFrame, pairs: pl.DataFrame, stage: Pairs, task: Task) -> pl.DataFrame:
    """One row a pair: what `where` and the finding name of both, `overlap`, `gap`, and its records."""
    names = task.shown | (names_in(stage.where.tree) if stage.where else frozenset())
    own = {AT, _FROM, _TO, *LINEAGE}
    wanted = {side: own | {name[2:] for name in names if name.startswith(f"{side}.")} for side in "ab"}
    bare = sorted(name for name in {*stage.same, *names} if name in rows.columns)
    sides = [rows[pairs[side]].select(pl.col(sorted(wanted[side])).name.prefix(f"{side}.")) for side in "ab"]
    shared = rows[pairs["a"]].select(pl.col(bare))
    start = pl.max_horizontal(f"a.{_FROM}", f"b.{_FROM}")
    end = pl.min_horizontal(f"a.{_TO}", f"b.{_TO}")
    timed = pl.all_horizontal(pl.col(f"{side}.{edge}").is_not_null() for side in "ab" for edge in (_FROM, _TO))
    nothing = pl.lit(timedelta(), dtype=SPAN)
    joined = pl.concat([shared, *sides], how="horizontal").with_columns(
        pl.when(timed).then(pl.max_horizontal(end - start, nothing)).alias("overlap"),
        pl.when(timed).then(pl.max_horizontal(start - end, nothing)).alias("gap"),
        pl.max_horizontal(f"a.{AT}", f"b.{AT}").alias(AT),
    )
    return with_joined_records(joined, "ab")
