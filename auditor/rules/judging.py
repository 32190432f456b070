"""One rule judged on rows it is handed, whole or a part of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

import polars as pl

from auditor.model.window import Window
from auditor.rules.baseline import judge_baseline
from auditor.rules.columns import base_columns
from auditor.rules.derive import with_derived
from auditor.rules.detect import Request, judge_detector
from auditor.rules.group import judge_group
from auditor.rules.match import judge_match
from auditor.rules.outcome import Judged
from auditor.rules.pairs import judge_pairs
from auditor.rules.plain import judge_plain
from auditor.rules.sequence import judge_sequence
from auditor.rules.spec import Baseline, Detector, Group, Match, Pairs, Python, Rule
from auditor.rules.spec import Sequence as Steps
from auditor.rules.statistical import DETECTORS, needed
from auditor.rules.task import Task

RowsOf: TypeAlias = Callable[[str], pl.DataFrame]
"""The rows of a table, with the columns `columns_of` names, the table's time, lineage and `AT`."""

_NO_LISTS: Mapping[str, Sequence[str]] = MappingProxyType({})


def columns_of(task: Task) -> Mapping[str, frozenset[str]]:
    """The columns and facts of each table that judging the rule reads."""
    stage = task.rule.detect.stage
    shown: Collection[str] = task.shown | needed(stage) if isinstance(stage, Detector) else task.shown
    return base_columns(task.rule, shown)


def reads_history(rule: Rule) -> bool:
    """Whether the rule looks at rows before the window, too."""
    return isinstance(rule.detect.stage, Baseline | Detector)


def judge(task: Task, rows: RowsOf, *, window: Window | None, lists: Mapping[str, Sequence[str]] = _NO_LISTS) -> Judged:
    """What the rule finds among the rows, which are those of the window and for a rule that `reads_history` all before.

    Rules of installed packages are not judged here. Raises `NotEvaluated` when the rows do not allow a verdict.
    """
    detect = task.rule.detect

    def seen(table: str) -> pl.DataFrame:
        derived = detect.derive if table == detect.table else ()
        return with_derived(rows(table), derived, task, table=table)

    match detect.stage:
        case Group():
            return judge_group(seen(detect.table), detect.stage, task)
        case Pairs():
            return judge_pairs(seen(detect.table), detect.stage, task)
        case Match(table=table):
            mine = seen(detect.table)
            return judge_match(mine, mine if table == detect.table else seen(table), detect.stage, task)
        case Steps():
            return judge_sequence(seen(detect.table), detect.stage, task)
        case Baseline():
            return judge_baseline(seen(detect.table), detect.stage, task, window=window)
        case Detector(type=kind):
            request = Request(seen(detect.table), window, detect.stage, task, lists)
            return judge_detector(request, DETECTORS[kind])
        case Python():
            raise TypeError("a rule of an installed package reads whole tables")
        case None:
            return judge_plain(seen(detect.table), task)
