"""The `match` stage: rows that have, or lack, partners in a table."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from auditor.rules.columns import names_in
from auditor.rules.compile import expression
from auditor.rules.kept import VERDICT, order, split, with_joined_records
from auditor.rules.outcome import NULL, Judged
from auditor.rules.spec import Match
from auditor.rules.task import Task
from auditor.tables.schema import LINEAGE, TABLES

_CHUNK = 1_000_000
_A, _B = "__a", "__b"


def judge_match(rows: pl.DataFrame, partners: pl.DataFrame, stage: Match, task: Task) -> Judged:
    """Rows with a partner, or without one if `absent`; each rests on its own record and its first partner's."""
    taken = split(rows, task, whole=dict.fromkeys(one for one, _ in stage.same))
    kept = taken.rows.with_row_index(_A)
    theirs = list(dict.fromkeys(other for _, other in stage.same))
    others = partners.drop_nulls(theirs).sort(*order(TABLES[stage.table].time), nulls_last=True).with_row_index(_B)
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
    mine = [one for one, _ in stage.same]
    theirs = [f"b.{other}" for _, other in stage.same]
    names = names_in(stage.where.tree) if stage.where else frozenset()
    read = {"b": {other for _, other in stage.same}, "a": set(mine)}
    for side in "ab":
        read[side] |= {name[2:] for name in names if name.startswith(f"{side}.")}
    left = rows.select(_A, *(pl.col(name).alias(f"a.{name}") for name in sorted(read["a"])))
    right = others.select(_B, *(pl.col(name).alias(f"b.{name}") for name in sorted(read["b"])))
    keys = [f"a.{one}" for one in mine]
    sizes = right.group_by(theirs).len("__size")
    sized = left.join(sizes, left_on=keys, right_on=theirs, how="inner", maintain_order="left")
    chunks = sized.with_columns((pl.col("__size").cast(pl.Int64).cum_sum() // _CHUNK).alias("__chunk"))
    verdict = pl.lit(True) if stage.where is None else expression(stage.where.tree)
    for chunk in chunks.partition_by("__chunk"):
        candidates = chunk.join(right, left_on=keys, right_on=theirs, how="inner", coalesce=False)
        task.applied(stage.where, candidates)
        yield candidates.select(_A, _B, verdict.alias(VERDICT))
