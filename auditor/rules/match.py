"""The `match` stage: rows that have, or lack, partners in a table."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from auditor.rules.columns import names_in
from auditor.rules.evaluate import VERDICT, Reading
from auditor.rules.kept import split, with_joined_records
from auditor.rules.keys import KEY, key_of
from auditor.rules.outcome import NULL, Judged
from auditor.rules.packed import packed, texts
from auditor.rules.places import order
from auditor.rules.spec import Match
from auditor.rules.task import Task
from auditor.rules.tree import Literal, Type
from auditor.tables.schema import LINEAGE, TABLES

_CHUNK = 1_000_000
_A, _B = "__a", "__b"


def judge_match(rows: pl.DataFrame, partners: pl.DataFrame, stage: Match, task: Task) -> Judged:
    """Rows with a partner, or without one if `absent`; each rests on its own record and its first partner's."""
    taken = split(rows, task, whole=dict.fromkeys(one for one, _ in stage.same))
    kept, others = _keyed(taken.rows, partners, stage)
    kept = kept.with_row_index(_A)
    others = others.sort(*order(TABLES[stage.table].time, others, table=stage.table), nulls_last=True)
    others = others.with_row_index(_B)
    pieces = [_counted(chunk) for chunk in _judged(kept, others, stage, task)]
    counts = pl.concat(pieces) if pieces else _counted(_no_candidates())
    counted = kept.join(counts, on=_A, how="left", maintain_order="left").with_columns(
        pl.col("matches", "__unknown").fill_null(0)
    )
    some, unsure = pl.col("matches") > 0, (pl.col("matches") == 0) & (pl.col("__unknown") > 0)
    wanted = ~some if stage.absent else some
    judged = counted.with_columns(unsure.alias(NULL))
    unknown = judged.filter(NULL).height
    chosen = judged.filter(pl.when(NULL).then(pl.lit(task.rule.nulls == "fail")).otherwise(wanted))
    names = {name[2:] for name in task.shown if name.startswith("b.")} | set(LINEAGE)
    first = others.select(_B, *(pl.col(name).alias(f"b.{name}") for name in sorted(names)))
    joined = chosen.join(first, on=_B, how="left", maintain_order="left")
    own = {name[2:] for name in task.shown if name.startswith("a.")} | set(LINEAGE)
    joined = joined.with_columns(pl.col(name).alias(f"a.{name}") for name in sorted(own))
    return Judged(with_joined_records(joined, "ab"), population=taken.true, not_evaluable=taken.unknown + unknown)


def _keyed(rows: pl.DataFrame, partners: pl.DataFrame, stage: Match) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Both tables with `KEY` of the columns they share; partners that no row can have are left out."""
    theirs = [other for _, other in stage.same]
    others = partners.drop_nulls(theirs)
    for one, other in stage.same:
        if rows.schema[one] != others.schema[other]:
            rows, others = (frame.with_columns(packed(frame[name])) for frame, name in ((rows, one), (others, other)))
    for one, other in stage.same:
        # most partners fall away by a single column, before keys of several are made
        if others.height > rows.height:
            others = others.join(rows.select(pl.col(one).unique()), left_on=other, right_on=one, how="semi")
    both = pl.concat(
        [
            rows.select(pl.col(one).alias(str(place)) for place, (one, _) in enumerate(stage.same)),
            others.select(pl.col(other).alias(str(place)) for place, (_, other) in enumerate(stage.same)),
        ]
    )
    keys = key_of(both, both.columns)
    return rows.with_columns(keys[: rows.height].alias(KEY)), others.with_columns(keys[rows.height :].alias(KEY))


def _no_candidates() -> pl.DataFrame:
    return pl.DataFrame(schema={_A: pl.get_index_type(), _B: pl.get_index_type(), VERDICT: pl.Boolean})


def _counted(judged: pl.DataFrame) -> pl.DataFrame:
    """For each row with candidates: how many are partners, how many may be, and the first partner."""
    return judged.group_by(_A).agg(
        pl.col(VERDICT).sum().cast(pl.Int64).alias("matches"),
        pl.col(VERDICT).null_count().cast(pl.Int64).alias("__unknown"),
        pl.col(_B).filter(VERDICT).min(),
    )


def _judged(rows: pl.DataFrame, others: pl.DataFrame, stage: Match, task: Task) -> Iterator[pl.DataFrame]:
    """Candidates with equal keys and what `where` says of each, a bounded number at once."""
    names = names_in(stage.where.tree) if stage.where else frozenset()
    read = {side: {name[2:] for name in names if name.startswith(f"{side}.")} for side in "ab"}
    if task.watch is not None:
        # whoever explains a finding knows a candidate by the columns both share
        read["a"] |= {one for one, _ in stage.same}
    left = rows.select(_A, KEY, *(pl.col(name).alias(f"a.{name}") for name in sorted(read["a"])))
    right = others.select(_B, KEY, *(pl.col(name).alias(f"b.{name}") for name in sorted(read["b"])))
    reading = Reading.of(
        Literal(value=True, type=Type.BOOLEAN) if stage.where is None else stage.where.tree,
        pl.Schema({**left.schema, **right.schema}),
    )
    left, right = texts(left, reading.texts), texts(right, reading.texts)
    sized = left.join(right.group_by(KEY).len("__size"), on=KEY, how="inner", maintain_order="left")
    chunks = sized.with_columns((pl.col("__size").cast(pl.Int64).cum_sum() // _CHUNK).alias("__chunk"))
    for chunk in chunks.partition_by("__chunk"):
        candidates = reading.prepared(chunk.join(right, on=KEY, how="inner"))
        task.applied(stage.where, candidates)
        yield candidates.select(_A, _B, reading.expression.alias(VERDICT))
