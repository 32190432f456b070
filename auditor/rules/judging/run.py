"""Rules judged on tables: from bound rules to outcomes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import TypeAlias

import polars as pl

from auditor.frozen import dataclass
from auditor.model.vocabulary import Verdict
from auditor.model.window import Window
from auditor.rules.judging.findings import outcome
from auditor.rules.judging.judge import columns_of, judge, keep, reads_beyond, rows_of
from auditor.rules.judging.merging import Part, merged
from auditor.rules.language.names import table_names
from auditor.rules.language.spec import Detector, Match, Python, Rule
from auditor.rules.outcome import CRASHES, Crashed, Judged, NotEvaluated, Outcome, not_evaluated
from auditor.rules.profile import Profile, timed
from auditor.rules.rows.source import Source
from auditor.rules.stages.installed import Resolver, judge_python
from auditor.rules.stages.plain import by_row, judge_by_row
from auditor.rules.stages.statistical import compares, must_have
from auditor.rules.task import Bound, Task, Watch
from auditor.tables.facts import GEO, Geo, fact_table, sources
from auditor.tables.schema import TABLES
from auditor.words import counted

_log = logging.getLogger(__name__)
_NO_NAMES: Mapping[str, Collection[str]] = MappingProxyType({})

Elsewhere: TypeAlias = Callable[[Sequence[Task]], Mapping[str, Sequence[Part]]]
"""Judges rules in parts somewhere else; gives the parts of those it takes on, by rule id."""


@dataclass(frozen=True, slots=True)
class Means:
    """What rules may use beside the tables.

    `lists` as configured, `geo` to place addresses, and `python` to find the function of an installed
    package; None where the operator does not allow it. A table of more than `rows_kept` rows is read again by
    each rule.
    """

    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    geo: Geo | None = None
    python: Resolver | None = None
    rows_kept: int = 3_000_000
    profile: Profile | None = None


NO_MEANS = Means()


def source_of(frames: Mapping[str, pl.LazyFrame], *, window: Window | None, now: datetime, means: Means) -> Source:
    """The rows rules see of the tables."""
    return Source(
        frames=frames,
        now=now,
        window=window,
        internal_domains=means.lists.get("internal_domains"),
        geo=means.geo,
        rows_kept=means.rows_kept,
        offices=means.lists.get("office_networks", ()),
    )


def run(
    bound: Sequence[Bound],
    frames: Mapping[str, pl.LazyFrame],
    *,
    window: Window | None,
    now: datetime,
    means: Means = NO_MEANS,
    also: Mapping[str, Collection[str]] = _NO_NAMES,
    watch: Watch | None = None,
    progress: Callable[[str], None] | None = None,
    elsewhere: Elsewhere | None = None,
) -> tuple[Outcome, ...]:
    """One outcome a rule, in the order of the rules.

    Rows are those of `window`, all of them without one. `also` names, by rule id, what the caller wants to see
    of each finding beside what the rule shows. `watch` hears every condition and what it is applied to,
    `progress` the id of each rule that is done; `elsewhere` judges those it takes on. A rule that crashes is not
    evaluated and says so; the others do not notice.
    """
    engine = _Engine(source_of(frames, window=window, now=now, means=means), means)
    tasks = [Task(one.rule, one.values, frozenset(also.get(one.rule.id, ())), watch) for one in bound]
    with timed(means.profile, "counts"):
        ready, results = _sorted(engine, bound, tasks)
    apart = {} if elsewhere is None else elsewhere(ready)
    here = [task for task in ready if task.rule.id not in apart]
    with timed(means.profile, "whole tables read"):
        engine.prepare(here)
    told = (engine.ended(task, partial(merged, apart[task.rule.id], task)) for task in ready if task.rule.id in apart)
    for done in chain(told, engine.outcomes(here)):
        results[done.rule_id] = done
        if progress is not None:
            progress(done.rule_id)
    return tuple(results[one.rule.id] for one in bound)


def unfit(
    bound: Sequence[Bound], frames: Mapping[str, pl.LazyFrame], *, window: Window | None, now: datetime, means: Means
) -> Mapping[str, str | None]:
    """Why each rule cannot be judged on what there is, by id; None of those that can. Rows are counted, not judged."""
    engine = _Engine(source_of(frames, window=window, now=now, means=means), means)
    ready, results = _sorted(engine, bound, [Task(one.rule, one.values) for one in bound])
    return {task.rule.id: None for task in ready} | {name: found.reason for name, found in results.items()}


def _sorted(engine: _Engine, bound: Sequence[Bound], tasks: Sequence[Task]) -> tuple[list[Task], dict[str, Outcome]]:
    """The rules that can be judged, and the outcomes of those that cannot."""
    results: dict[str, Outcome] = {}
    ready: list[Task] = []
    for one, task in zip(bound, tasks, strict=True):
        try:
            reason = engine.unfit(task, missing_lists=one.missing_lists)
        except CRASHES as error:  # one rule must not stop the others
            results[task.rule.id] = _crashed(task.rule, error)
        else:
            if reason is None:
                ready.append(task)
            else:
                results[task.rule.id] = not_evaluated(task.rule.id, reason, tables=_tables(task.rule))
    return ready, results


def _tables(rule: Rule) -> tuple[str, ...]:
    stage = rule.detect.stage
    other = {stage.table} if isinstance(stage, Match) else set()
    return tuple(sorted({rule.detect.table, *other, *rule.needs.reads, *rule.needs.tables}))


def _height(frame: pl.LazyFrame) -> int:
    found: int = frame.select(pl.len()).collect().item()
    return found


def _crashed(rule: Rule, error: BaseException) -> Outcome:
    # the message of the error may hold values of the table, so only its kind is told
    kind = str(error) if isinstance(error, Crashed) else type(error).__name__
    _log.warning("rule crashed", extra={"rule": rule.id, "error": kind})
    _log.debug("rule crashed", exc_info=error)
    reason = f"the rule crashed: {kind}"
    return not_evaluated(rule.id, reason, tables=_tables(rule), crashed=True)


@dataclass(frozen=True, slots=True)
class _Engine:
    source: Source
    means: Means

    def unfit(self, task: Task, *, missing_lists: Collection[str]) -> str | None:
        """Why the rule cannot be judged on what there is; None when it can."""
        rule = task.rule
        for name in sorted(missing_lists):
            return f"list '{name}' is not configured"
        stage = rule.detect.stage
        if isinstance(stage, Python) and self.means.python is None:
            return "python rules are not allowed here; the operator sets allow_python_rules"
        return self._lacking(task)

    def _lacking(self, task: Task) -> str | None:
        rule = task.rule
        read = columns_of(task)
        for table in dict.fromkeys([*read, *rule.needs.tables, *self._of_facts(read)]):
            if table not in self.source.frames:
                return f"no {table} table in the archive"
            beyond = table != rule.detect.table and reads_beyond(rule, table)
            if not self.source.count(table) and not (beyond and _height(self.source.frames[table])):
                return f"no {table} rows in the window"
        for table, columns in read.items():
            missing = sorted(set(columns) & set(TABLES[table].schema) - set(self.source.present(table)))
            if missing:
                return f"{table}.{missing[0]} is not in the archive"
        for table, column in rule.needs.columns:
            if self.source.is_empty(table, column):
                return f"{table}.{column} is empty everywhere; the token may not see it"
        return None

    def _blank(self, task: Task, *, nothing: bool) -> str | None:
        """Why a detector that found nothing could judge nothing: what its rows must have is null on every one.

        Where `nothing` was left to judge, what it compares is looked at, too.
        """
        stage, table = task.rule.detect.stage, task.rule.detect.table
        if not isinstance(stage, Detector):
            return None
        given, known, whole = self.source.present(table), table_names(table), must_have(stage)
        for name in (*whole, *(compares(stage) if nothing else ())):
            if name in GEO and name in whole and name not in given and self.means.geo is None:
                return f"{table}.{name} is empty everywhere; a GeoIP database is needed"
            for column in [name] if name in given else sources(table, [name]) if name in known else ():
                if self.source.is_empty(table, column):
                    return f"{table}.{column} is empty everywhere; the token may not see it"
        return None

    def _of_facts(self, read: Mapping[str, Collection[str]]) -> Iterable[str]:
        """Optional tables that facts are read from, unless the rows hold the facts themselves."""
        for table, columns in read.items():
            for fact in sorted(set(columns) - set(self.source.present(table))):
                other = fact_table(table, fact)
                if other is not None and TABLES[other].optional:
                    yield other

    def prepare(self, tasks: Sequence[Task]) -> None:
        """Read what the rules read, each table once."""
        keep(self.source, tasks)

    def outcomes(self, tasks: Sequence[Task]) -> Iterable[Outcome]:
        """The rules judged: those of single rows table by table, the others one by one."""
        batches: dict[str, list[Task]] = {}
        for task in tasks:
            if by_row(task) and task.watch is None:
                batches.setdefault(task.rule.detect.table, []).append(task)
            else:
                yield self.ended(task, partial(self._judged, task))
        for table, batch in batches.items():
            try:
                with timed(self.means.profile, f"conditions of {counted(len(batch), 'rule')} on {table}"):
                    judged = judge_by_row(self.source, batch)
            except CRASHES as error:  # judged one by one, the rule at fault shows
                _log.debug("a batch of rules failed", exc_info=error)
                yield from (self.ended(task, partial(self._judged, task)) for task in batch)
            else:
                yield from map(self._worded, judged, batch)

    def ended(self, task: Task, judgement: Callable[[], Judged]) -> Outcome:
        """The outcome of a rule, however judging it ends."""
        try:
            with timed(self.means.profile, task.rule.id) as step:
                judged = judgement()
                step.rows, step.found = judged.population, judged.hits.height
        except NotEvaluated as reason:
            lost = reason.not_evaluable
            return not_evaluated(task.rule.id, str(reason), tables=_tables(task.rule), not_evaluable=lost)
        except CRASHES as error:  # one rule must not stop the others
            return _crashed(task.rule, error)
        return self._worded(judged, task)

    def _worded(self, judged: Judged, task: Task) -> Outcome:
        try:
            with timed(self.means.profile, "findings") as step:
                ended = outcome(judged, task, now=self.source.now, tables=_tables(task.rule))
                step.rows += judged.hits.height
                step.found += ended.found
            blank = self._blank(task, nothing=not judged.population) if ended.verdict is Verdict.PASS else None
            if blank is None:
                return ended
            lost = judged.not_evaluable
            return not_evaluated(task.rule.id, blank, tables=_tables(task.rule), not_evaluable=lost)
        except CRASHES as error:  # one rule must not stop the others
            return _crashed(task.rule, error)

    def _judged(self, task: Task) -> Judged:
        stage = task.rule.detect.stage
        if isinstance(stage, Python):
            return judge_python(self.source, stage, task, self.means.python, lists=self.means.lists)
        return judge(task, rows_of(self.source, task), window=self.source.window, lists=self.means.lists)
