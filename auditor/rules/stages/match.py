"""The `match` stage: rows that have, or lack, partners in a table."""

from __future__ import annotations

import polars as pl

from auditor.entities.columns import flags, picked, where_true
from auditor.entities.packed import packed
from auditor.rules.language.spec import Match
from auditor.rules.outcome import NULL, Judged
from auditor.rules.rows.handed import OWN, Handed
from auditor.rules.rows.keys import KEY, key_of
from auditor.rules.rows.places import in_order, order
from auditor.rules.rows.runs import among
from auditor.rules.stages.kept import no_hits, split, with_joined_records
from auditor.rules.stages.partners import partners_of
from auditor.rules.task import Task
from auditor.tables.schema import LINEAGE, TABLES

_MANY = 2
"""Where partners are so many times the rows it is worth while to look which single values can have any."""


def judge_match(mine: Handed, theirs: Handed, stage: Match, task: Task) -> Judged:
    """Rows with a partner, or without one if `absent`; each rests on its own record and its first partner's."""
    taken = split(mine.rows, task, whole=dict.fromkeys(one for one, _ in stage.same))
    kept, others = _keyed(taken.rows, theirs.rows, stage)
    in_time = order(TABLES[stage.table].time, others, table=stage.table)
    if not in_order(others, in_time):
        others = others.sort(*in_time, nulls_last=True, maintain_order=True)
    found = partners_of(kept, others, stage, task)
    some = found.matches > 0
    unsure = ~some & found.unknown
    wanted = ~some if stage.absent else some
    chosen = where_true(wanted.zip_with(~unsure, flags(kept.height, value=task.rule.nulls == "fail")))
    unknown = taken.unknown + int(unsure.sum())
    if chosen.is_empty() and (none := no_hits(task, population=taken.true, not_evaluable=unknown)):
        return none
    first = picked(found.first, chosen)
    names = {name[2:] for name in task.shown if name.startswith("b.")} | set(LINEAGE)
    own = {name[2:] for name in task.shown if name.startswith("a.")} | set(LINEAGE)
    partners = theirs.complete(others[[name for name in others.columns if name in {*names, OWN}]][first])
    hits = mine.complete(kept[chosen]).with_columns(
        picked(found.matches, chosen).alias("matches"),
        picked(unsure, chosen).alias(NULL),
        *(partners[name].alias(f"b.{name}") for name in sorted(names)),
    )
    hits = hits.with_columns(pl.col(name).alias(f"a.{name}") for name in sorted(own))
    return Judged(with_joined_records(hits, "ab"), population=taken.true, not_evaluable=unknown)


def _keyed(rows: pl.DataFrame, partners: pl.DataFrame, stage: Match) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Both tables with `KEY` of the columns they share; partners that no row can have are left out."""
    theirs = [other for _, other in stage.same]
    lacking = [name for name in theirs if partners[name].null_count()]
    others = partners.drop_nulls(lacking) if lacking else partners
    for one, other in stage.same:
        if rows.schema[one] != others.schema[other]:
            rows, others = (frame.with_columns(packed(frame[name])) for frame, name in ((rows, one), (others, other)))
    for one, other in stage.same:
        # where partners are many most fall away by a single column, before keys of several are made
        if others.height > _MANY * rows.height:
            wanted = among(others[other], rows[one])
            others = others if wanted.all() else others.filter(wanted)
    both = pl.concat(
        [
            rows.select(pl.col(one).alias(str(place)) for place, (one, _) in enumerate(stage.same)),
            others.select(pl.col(other).alias(str(place)) for place, (_, other) in enumerate(stage.same)),
        ]
    )
    keys = key_of(both, both.columns)
    return rows.with_columns(keys[: rows.height].alias(KEY)), others.with_columns(keys[rows.height :].alias(KEY))
