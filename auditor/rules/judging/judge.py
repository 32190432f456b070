"""One rule judged on rows it is handed, whole or a part of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias

import polars as pl

from auditor.entities.packed import texts
from auditor.model.window import Window
from auditor.rules.compiled.compile import expression
from auditor.rules.language.columns import base_columns, looked_at, names_in, only_told_apart
from auditor.rules.language.inline import definitions, inlined
from auditor.rules.language.spec import Baseline, Condition, Detector, Group, Match, Pairs, Python, Rule
from auditor.rules.language.spec import Sequence as Steps
from auditor.rules.language.tree import Expr
from auditor.rules.outcome import CRASHES, Judged
from auditor.rules.rows.handed import Handed
from auditor.rules.rows.once import by_source, made_name, made_names, row_trees
from auditor.rules.rows.parts import MEETING
from auditor.rules.rows.places import AT, inside
from auditor.rules.rows.source import Source
from auditor.rules.stages.baseline import judge_baseline
from auditor.rules.stages.derive import narrowed, with_derived
from auditor.rules.stages.detect import Request, judge_detector
from auditor.rules.stages.group import judge_group
from auditor.rules.stages.match import judge_match
from auditor.rules.stages.pairs import judge_pairs
from auditor.rules.stages.plain import by_row, judge_plain
from auditor.rules.stages.sequence import judge_sequence
from auditor.rules.stages.statistical import DETECTORS, needed
from auditor.rules.task import Task
from auditor.tables.modelled import is_learned
from auditor.tables.schema import LINEAGE, TABLES

_log = logging.getLogger(__name__)

NO_LISTS: Mapping[str, Sequence[str]] = MappingProxyType({})

RowsOf: TypeAlias = Callable[[str], Handed]
"""The rows of a table, with the columns `columns_of` names, the table's time, lineage and `AT`; texts may be packed."""


def rows_of(source: Source, task: Task) -> RowsOf:
    """The rows the rule looks at; whoever watches sees texts."""
    columns, stage = columns_of(task), task.rule.detect.stage
    # most rows count for a detector, and to leave the others out costs less than to gather those
    every = isinstance(stage, Detector)
    near: dict[str, pl.Series] = {}

    def rows(table: str) -> Handed:
        if task.watch is not None:
            return Handed(texts(source.judged(table, columns[table], before=reads_beyond(task.rule, table))))
        found = source.handed(
            table,
            columns[table],
            before=reads_beyond(task.rule, table),
            beside=made_names(task, table),
            where=None if every else counted(task.rule, table),
            near=near.get(table),
            loose=only_told_apart(task.rule) if table == task.rule.detect.table else frozenset(),
            waiting=waiting(task, table),
        )
        if isinstance(stage, Match) and stage.table != table and (MEETING, MEETING) in stage.same:
            near[stage.table] = found.rows[MEETING]
        return found

    return rows


def waiting(task: Task, table: str) -> frozenset[str]:
    """The columns of a table, and parts of conditions, that judging does not look at before few rows are left.

    Rows the rule's `where` may be true of are told by another column then.
    """
    if table not in task.waiting:
        task.waiting[table] = _waiting(task, table)
    return task.waiting[table]


def _waiting(task: Task, table: str) -> frozenset[str]:
    detect, stage = task.rule.detect, task.rule.detect.stage
    time = TABLES[table].time
    if time is None or isinstance(stage, Baseline | Detector):
        return frozenset()
    if isinstance(stage, Group) and stage.window is not None and stage.window.time != time:
        return frozenset()  # rows of one moment go by their lineage
    rest = task.rule
    if stage is not None and counted(rest, table) is not None:
        rest = replace(rest, detect=replace(detect, where=None))
    made = {made_name(tree) for trees in by_source(row_trees(rest, table), table).values() for tree in trees}
    looked = looked_at(rest, keys=True).get(table, frozenset()) | made | {time}
    looked |= {AT} if reads_history(task.rule) else set()
    return frozenset({*columns_of(task)[table], *made_names(task, table), *LINEAGE, AT} - looked)


def counted(rule: Rule, table: str) -> Condition | None:
    """What a row must satisfy, or may, to count at all, in columns and facts alone; None where every row counts."""
    detect, stage = rule.detect, rule.detect.stage
    if stage is None:  # rows the rule does not find were judged, too
        return None
    if detect.table != table or detect.where is None or (isinstance(stage, Match) and stage.table == table):
        return None
    if any(derived.over for derived in detect.derive):
        return None
    return Condition(inlined(detect.where.tree, definitions(detect.derive)), detect.where.clauses)


def counting(tasks: Sequence[Task], table: str) -> pl.Expr | None:
    """Of which rows some rule's `where` may be true; None where others count, or columns alone do not tell."""
    conditions = [counted(task.rule, table) for task in tasks if table in columns_of(task)]
    trees = [condition.tree for condition in conditions if condition is not None]
    watched = any(task.watch is not None for task in tasks)
    if watched or len(trees) < max(1, len(conditions)):
        return None
    if not all(names_in(tree) and names_in(tree) <= TABLES[table].schema.keys() for tree in trees):
        return None
    return pl.any_horizontal([expression(tree).fill_null(value=True) for tree in trees])


def columns_of(task: Task) -> Mapping[str, frozenset[str]]:
    """The columns and facts of each table that judging the rule reads."""
    if not task.columns:
        stage = task.rule.detect.stage
        shown: Collection[str] = task.shown | needed(stage) if isinstance(stage, Detector) else task.shown
        task.columns.update(base_columns(task.rule, shown))
    return task.columns


def reads_history(rule: Rule) -> bool:
    """Whether the rule looks at rows of its table that are not in the window, too."""
    return reads_beyond(rule, rule.detect.table)


def reads_beyond(rule: Rule, table: str) -> bool:
    """Whether the rule looks at rows of the table before the window, too, and after it where they are lasting.

    A match asks for lasting rows to match with, a sequence for those of its own: what followed may be outside.
    """
    stage = rule.detect.stage
    if TABLES[table].lasting and isinstance(stage, Match | Steps):
        return table == (stage.table if isinstance(stage, Match) else rule.detect.table)
    return table == rule.detect.table and isinstance(stage, Baseline | Detector)


def keep(source: Source, tasks: Sequence[Task], learned_from: Mapping[str, Collection[str]] = NO_LISTS) -> None:
    """Read what the rules read, each table once, and compute once what they compute of single texts.

    Of tables in `learned_from` every row is kept with the columns and facts named, and what only all rows of
    the table tell is left for later.
    """
    needs: dict[str, set[str]] = {}
    judged: dict[str, set[str]] = {}
    trees: dict[str, dict[Expr, None]] = {}
    history: set[str] = set()
    for task in tasks:
        for table, columns in columns_of(task).items():
            needs.setdefault(table, set()).update(columns)
            judged.setdefault(table, set()).update(base_columns(task.rule, ()).get(table, ()))
            if task.watch is None:
                trees.setdefault(table, {}).update(dict.fromkeys(row_trees(task.rule, table)))
        if reads_history(task.rule):
            history.add(task.rule.detect.table)
    for table, reads in learned_from.items():
        for names in (needs, judged):
            names[table] = {name for name in names[table] if not is_learned(table, name)} | set(reads)
    for table, wanted in needs.items():
        try:
            parts = by_source(trees.get(table, ()), table)
            source.keep(
                table,
                wanted,
                history=table in history,
                judged=judged[table],
                parts=parts,
                ordered=any(_orders(task, table) for task in tasks),
                every=table in learned_from,
            )
        except CRASHES as error:  # each rule reads for itself, and the one at fault shows
            _log.debug("a table could not be read at once", exc_info=error)


def _orders(task: Task, table: str) -> bool:
    """Whether the rule looks at all rows of the table, and not at each for itself."""
    return table in columns_of(task) and not by_row(task) and counted(task.rule, table) is None


def judge(task: Task, rows: RowsOf, *, window: Window | None, lists: Mapping[str, Sequence[str]] = NO_LISTS) -> Judged:
    """What the rule finds among the rows, which are those of the window and for a rule that `reads_history` all before.

    Rules of installed packages are not judged here. Raises `NotEvaluated` when the rows do not allow a verdict.
    """
    judged = _judged(task, rows, window=window, lists=lists)
    found = texts(judged.hits)
    if found.is_empty() and not task.nothing:
        task.nothing.append(found.clear())
    return replace(judged, hits=found)


def _judged(task: Task, rows: RowsOf, *, window: Window | None, lists: Mapping[str, Sequence[str]]) -> Judged:
    detect = task.rule.detect

    def seen(table: str) -> Handed:
        handed = rows(table)
        return _derived(handed, task) if table == detect.table else handed

    match detect.stage:
        case Group():
            return judge_group(seen(detect.table), detect.stage, task)
        case Pairs():
            return judge_pairs(seen(detect.table), detect.stage, task)
        case Match(table=table):
            mine = seen(detect.table)
            theirs = mine if table == detect.table else seen(table)
            return judge_match(_inside(mine, task.rule, window), theirs, detect.stage, task)
        case Steps():
            beyond = window if reads_history(task.rule) else None
            return judge_sequence(seen(detect.table), detect.stage, task, window=beyond)
        case Baseline():
            return judge_baseline(_past(seen(detect.table).rows, task.rule, window), detect.stage, task, window=window)
        case Detector(type=kind):
            request = Request(_past(seen(detect.table).rows, task.rule, window), window, detect.stage, task, lists)
            return judge_detector(request, DETECTORS[kind])
        case Python():
            raise TypeError("a rule of an installed package reads whole tables")
        case None:
            every = rows(detect.table)
            return judge_plain(_derived(every, task), task, population=every.rows.height)


def _inside(handed: Handed, rule: Rule, window: Window | None) -> Handed:
    """The rows in the window, where there are others."""
    if window is None or not reads_history(rule):
        return handed
    return handed.turned(inside(handed.rows, window))


def _past(rows: pl.DataFrame, rule: Rule, window: Window | None) -> pl.DataFrame:
    """The rows without those after the window."""
    if window is None or not TABLES[rule.detect.table].lasting:
        return rows
    return rows.filter(pl.col(AT) < window.end)


def _derived(handed: Handed, task: Task) -> Handed:
    """The rows of the rule's own table with what it derives; some its `where` is false of are missing."""
    detect = task.rule.detect
    return handed.turned(with_derived(narrowed(handed.rows, task), detect.derive, task, table=detect.table))
