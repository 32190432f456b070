"""The `python` stage: a function of an installed package, which only the operator can allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import polars as pl

from auditor.rules.language.spec import Python
from auditor.rules.language.tree import LiteralValue
from auditor.rules.outcome import NULL, Judged, NotEvaluated
from auditor.rules.rows.places import AT
from auditor.rules.rows.source import Source
from auditor.rules.stages.kept import with_own_record
from auditor.rules.task import Task
from auditor.tables.schema import LINEAGE, TABLES

RuleFunction: TypeAlias = Callable[
    [Mapping[str, pl.LazyFrame], Mapping[str, LiteralValue], Mapping[str, Sequence[str]]], pl.LazyFrame
]
Resolver: TypeAlias = Callable[[str, str], RuleFunction]
"""The function an entry point names, by module and function; the only place that may import it."""


def judge_python(
    source: Source, stage: Python, task: Task, resolver: Resolver | None, *, lists: Mapping[str, Sequence[str]]
) -> Judged:
    """One hit a row the function returns; rows need lineage, the columns the finding names, and a time if known.

    The function is given the window's rows of every table there is, the parameters and the lists.
    """
    if resolver is None:
        raise NotEvaluated("python rules are not allowed here; the operator sets allow_python_rules")
    table = task.rule.detect.table
    tables = {
        name: source.rows(name, [column for column in TABLES[name].schema if column in source.present(name)])
        for name in source.frames
    }
    found = resolver(stage.module, stage.function)(tables, task.params, lists).collect()
    missing = sorted(({*LINEAGE, *task.shown}) - set(found.columns))
    if missing:
        raise NotEvaluated(f"{stage.module}:{stage.function} returns no column '{missing[0]}'")
    if AT not in found.columns:
        time = TABLES[table].time
        at = pl.col(time) if time in found.columns else pl.lit(source.now)
        found = found.with_columns(at.cast(pl.Datetime("us", "UTC")).alias(AT))
    hits = with_own_record(found).with_columns(pl.lit(False).alias(NULL))
    return Judged(hits, population=source.count(table), not_evaluable=0)
