"""Of which rows of a part rules ask for what only all rows of a table tell: the fewer, the less is learned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from auditor.entities.columns import flags, picked, rows_at, where_true
from auditor.entities.groups import repeated
from auditor.rules.compiled.bounds import parts_of
from auditor.rules.judging.judge import counted, waiting
from auditor.rules.judging.lessons import known_of, learned_names
from auditor.rules.language.spec import Condition
from auditor.rules.language.spec import Sequence as Steps
from auditor.rules.language.tree import Column, Op
from auditor.rules.rows.evaluate import verdicts
from auditor.rules.rows.keys import key_of, numbered
from auditor.rules.rows.parts import MEETING
from auditor.rules.task import Task


def may_count(rows: pl.DataFrame, tasks: Sequence[Task]) -> pl.Series:
    """The rows some rule counts: those its `where` is not false of, as far as it is known yet."""
    kept = flags(rows.height)
    for task in tasks:
        table = task.rule.detect.table
        condition = counted(task.rule, table)
        if condition is not None and (waits := learned_names(task).get(table)):
            tree = known_of(condition.tree, unknown=waits)
            condition = None if tree is None else Condition(tree, condition.clauses)
        if condition is None:
            return flags(rows.height, value=True)
        kept |= verdicts(rows, condition).fill_null(value=True)
    return kept


def asking(rows: pl.DataFrame, task: Task) -> pl.Series:
    """The rows of whole meetings of which the rule may look at what is learned."""
    asked = may_count(rows, [task])
    stage, table = task.rule.detect.stage, task.rule.detect.table
    # a sequence completes rows that share its key with others, and only then looks at what waited
    if (
        not isinstance(stage, Steps)
        or len(stage.steps) == 1
        or MEETING not in stage.by
        or not set(stage.by) <= set(rows.columns)
        or not learned_names(task)[table] <= waiting(task, table)
    ):
        return asked
    places, key = where_true(asked), rows[list(stage.by)]
    places = places.filter(repeated(key_of(rows_at(key, places), stage.by)))
    for name in _told_apart(stage):
        if name not in rows.columns:  # it is derived
            continue
        first, group = numbered(key_of(rows_at(key, places), stage.by))
        values = picked(rows[name], places)
        other = values.ne_missing(picked(picked(values, first), group)) | values.is_null()
        places = places.filter(picked(flags(first.len()).scatter(group.filter(other), True), group))
    return flags(rows.height).scatter(places, True)


def _told_apart(stage: Steps) -> Iterator[str]:
    """The columns that must not be the same in two steps for the rule's last condition to be anything but false."""
    for part in parts_of(stage.where.tree) if stage.where is not None else ():
        match part:
            case Op("!=", (Column(one), Column(other))) if one.partition(".")[2] == other.partition(".")[2]:
                yield one.partition(".")[2]
