"""How rules would be judged on an archive here, in words, before anything is judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from auditor.engines.local import batches, frames, pieces_of
from auditor.model.window import Window, iso
from auditor.rules.compiled.compile import subtrees
from auditor.rules.judging.across import WHOLE
from auditor.rules.judging.lessons import learned_names
from auditor.rules.judging.run import Means, source_of, unfit
from auditor.rules.judging.splitting import Splitting, splitting
from auditor.rules.language.spec import Detector, Group, Pairs
from auditor.rules.language.spec import Sequence as Steps
from auditor.rules.rows.parts import MEETING
from auditor.rules.stages.plain import by_row, condition_of
from auditor.rules.task import Bound, Task
from auditor.tables.archive import Archive
from auditor.words import counted


def planned(
    archive: Archive, bound: Sequence[Bound], *, window: Window, sites: Sequence[str], now: datetime, means: Means
) -> Iterator[str]:
    """The plan line by line. Rows are counted and columns looked through for values; nothing is judged."""
    tables = frames(archive, sites)
    reasons = unfit(bound, tables, window=window, now=now, means=means)
    tasks = [Task(one.rule, one.values) for one in bound if reasons[one.rule.id] is None]
    source = source_of(tables, window=window, now=now, means=means)
    yield f"window {iso(window.start)} to {iso(window.end)}"
    for table in sorted({table for task in tasks for table in task.rule.needs.reads}):
        yield f"{table}: {counted(source.count(table), 'row')}"
    yield f"{len(tasks)} of {len(bound)} rules can be judged"
    for rule_id, reason in sorted(reasons.items()):
        if reason is not None:
            yield f"  {rule_id} left out: {reason}"
    judge = batches(pieces_of(archive, sites), tables, window=window, now=now, means=means)
    split = judge.plans(tasks)
    count = judge.large(tasks)
    yield from _passes(tasks, split if count > 1 else {}, count)
    yield from _shared(tasks)
    yield "each rule"
    for task in tasks:
        learned = sorted(_learned(task)) if count > 1 and task.rule.id in split else []
        once = (
            f", once {' and '.join(learned)} {'are' if learned[1:] else 'is'} learned from all rows" if learned else ""
        )
        plan = splitting(task.rule, learned=bool(learned))
        column = split.get(task.rule.id, WHOLE) if count > 1 and isinstance(task.rule.detect.stage, Detector) else WHOLE
        bucket = f"rows with equal {column} together, then {plan.reason}"
        yield f"  {task.rule.id} {_told(plan) if column == WHOLE else bucket}{once}"


def _passes(tasks: Sequence[Task], split: Mapping[str, str], count: int) -> Iterator[str]:
    """Which rules are judged on parts, which after rows were set aside by key, which on whole tables."""
    learned = {task.rule.id: _learned(task) for task in tasks if task.rule.id in split}
    within = [rule for rule, column in split.items() if column == MEETING and not learned[rule]]
    if within:
        some = counted(len(within), "rule")
        yield f"pass over about {counted(count, 'part')} of whole meetings, {some}: {', '.join(within)}"
    if facts := sorted({name for names in learned.values() for name in names}):
        yield f"then facts learned from all rows, in buckets or in one go: {', '.join(facts)}"
    later = {rule: column for rule, column in split.items() if rule not in within and column != WHOLE}
    for column in sorted(set(later.values())):
        rules = [rule for rule, own in later.items() if own == column]
        yield f"then buckets by {column}, {counted(len(rules), 'rule')}: {', '.join(rules)}"
    whole = [task.rule.id for task in tasks if split.get(task.rule.id, WHOLE) == WHOLE]
    if whole:
        yield f"in one go, {counted(len(whole), 'rule')}: {', '.join(whole)}"


def _learned(task: Task) -> frozenset[str]:
    """The facts the rule asks for that only all rows of a table tell."""
    return frozenset[str]().union(*learned_names(task).values())


def _shared(tasks: Sequence[Task]) -> Iterator[str]:
    """The conditions computed together, and the groupings several rules have."""
    rows: dict[str, list[Task]] = {}
    for task in tasks:
        if by_row(task):
            rows.setdefault(task.rule.detect.table, []).append(task)
    for table, together in sorted(rows.items()):
        uses = Counter(node for task in together for node in subtrees(condition_of(task)))
        repeated = sum(count > 1 for count in uses.values())
        some, parts = counted(len(together), "rule"), counted(repeated, "equal part")
        yield f"conditions of {some} on {table} in one select, {parts} computed once"
    groupings: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for task in tasks:
        match task.rule.detect.stage:
            case Group(by=by) | Steps(by=by) | Pairs(same=by):
                groupings.setdefault((task.rule.detect.table, by), []).append(task.rule.id)
    for (table, columns), rules in sorted(groupings.items()):
        if len(rules) > 1:
            yield f"{table} by {', '.join(columns)}: {len(rules)} rules, {', '.join(rules)}"


def _told(plan: Splitting) -> str:
    if plan.reason is not None:
        return f"whole table: {plan.reason}"
    beside = f", with all of {', '.join(sorted(plan.lookups))}" if plan.lookups else ""
    if plan.by_row:
        return f"row by row{beside}"
    return f"rows with equal {' or '.join(key[plan.table] for key in plan.keys)} together{beside}"
