"""Which columns and facts of which tables a rule reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from auditor.rules.language.spec import (
    Baseline,
    Condition,
    Detector,
    Field,
    FindingSpec,
    Group,
    Match,
    Pairs,
    Rule,
    Sequence,
    Stage,
    Template,
)
from auditor.rules.language.tree import Column, Expr, Op
from auditor.tables.facts import fact_type
from auditor.tables.schema import TABLES


def names_in(tree: Expr) -> frozenset[str]:
    """The columns a tree reads."""
    match tree:
        case Column(name):
            return frozenset({name})
        case Op():
            return frozenset().union(*map(names_in, tree.args))
        case _:
            return frozenset()


def _template(template: Template) -> Iterator[str]:
    return (part.name for part in template.parts if isinstance(part, Field) and not part.name.startswith("param."))


def finding_names(finding: FindingSpec) -> frozenset[str]:
    """The columns a finding is worded with, identified by and shown with."""
    return frozenset(
        {
            *_template(finding.subject),
            *_template(finding.message),
            *(evidence.column for evidence in finding.evidence),
            *finding.fingerprint,
        }
    )


def shown_names(rule: Rule) -> frozenset[str]:
    """The columns that must be there after the last stage: those of the finding and of `severity_when`."""
    return finding_names(rule.finding).union(*(names_in(condition.tree) for condition, _ in rule.severity_when))


def interval(table: str) -> tuple[str, str] | None:
    """The columns a row's interval starts and ends with; the same one twice where a row is a moment."""
    start = TABLES[table].time
    if start is None:
        return None
    end = {"joined_time": "left_time", "start_time": "end_time"}.get(start, start)
    return start, end


def _in_condition(condition: Condition | None) -> frozenset[str]:
    return frozenset() if condition is None else names_in(condition.tree)


def _group_names(stage: Group) -> Iterator[str]:
    yield from stage.by
    yield from _in_condition(stage.having)
    for _, tree in stage.aggregate:
        yield from names_in(tree)
    if stage.window is not None:
        yield stage.window.time


def _pairs_names(stage: Pairs, table: str) -> Iterator[str]:
    yield from (*stage.same, *stage.different, *(interval(table) or ()))
    yield from _in_condition(stage.where)


def _match_names(stage: Match) -> Iterator[str]:
    for one, other in stage.same:
        yield from (one, f"b.{other}")
    yield from _in_condition(stage.where)


def _sequence_names(stage: Sequence) -> Iterator[str]:
    yield from stage.by
    for step in (*stage.steps, *stage.absent):
        yield step.time
        yield from _in_condition(step.where)
    yield from _in_condition(stage.where)


def _baseline_names(stage: Baseline) -> Iterator[str]:
    yield from (*stage.entity, stage.time, *names_in(stage.value))
    yield from _in_condition(stage.having)


def _stage_names(stage: Stage | None, table: str) -> Iterator[str]:
    """The names a stage reads, as they stand in the rule."""
    match stage:
        case Group():
            return _group_names(stage)
        case Pairs():
            return _pairs_names(stage, table)
        case Match():
            return _match_names(stage)
        case Sequence():
            return _sequence_names(stage)
        case Baseline():
            return _baseline_names(stage)
        case Detector():
            return _setting_names(stage)
        case _:
            return iter(())


def _setting_names(stage: Detector) -> Iterator[str]:
    """Columns a detector's settings name; words that are no column are left out by the caller."""
    for setting in stage.settings.values():
        if isinstance(setting, str):
            yield setting
        elif isinstance(setting, tuple):
            yield from setting
        elif isinstance(setting, Column | Op):
            yield from names_in(setting)
        elif not hasattr(setting, "type"):
            for tree in setting.values():
                yield from names_in(tree)


def base_columns(rule: Rule, shown: Collection[str]) -> dict[str, frozenset[str]]:
    """The columns and facts of each table the rule reads, without prefixes; derived names are left out.

    `shown` are the names wanted after the last stage.
    """
    detect = rule.detect
    stage = detect.stage
    names: set[str] = set(shown) | set(_in_condition(detect.where)) | set(_stage_names(stage, detect.table))
    for derived in detect.derive:
        names |= names_in(derived.expr) | set(derived.over) | _in_condition(derived.where)
    steps = {step.name for step in stage.steps} if isinstance(stage, Sequence) else set()
    found: dict[str, set[str]] = {detect.table: set()}
    for name in names:
        head, _, tail = name.partition(".")
        table = stage.table if isinstance(stage, Match) and head == "b" else detect.table
        column = tail if tail and (head in {"a", "b"} or head in steps) else name
        if column in TABLES[table].schema or fact_type(table, column) is not None:
            found.setdefault(table, set()).add(column)
    if isinstance(stage, Match):
        found.setdefault(stage.table, set())
    return {table: frozenset(columns) for table, columns in found.items()}


def asked(stage: Group) -> frozenset[str]:
    """The names the last condition reads, those among them that others are made from."""
    found = set(names_in(stage.having.tree))
    for name, tree in reversed(stage.aggregate):
        if name in found:
            found |= names_in(tree)
    return frozenset(found)


def looked_at(rule: Rule, *, keys: bool) -> dict[str, frozenset[str]]:
    """The columns and facts of each table a rule reads before it knows its hits; on request without its `by`."""
    stage = rule.detect.stage
    if isinstance(stage, Group):
        wanted = asked(stage)
        stage = replace(stage, aggregate=tuple(one for one in stage.aggregate if one[0] in wanted))
    if isinstance(stage, Pairs | Sequence):
        stage = replace(stage, where=None)
    if isinstance(stage, Group | Sequence) and not keys:
        stage = replace(stage, by=())
    return base_columns(replace(rule, detect=replace(rule.detect, stage=stage)), ())


def only_told_apart(rule: Rule) -> frozenset[str]:
    """The columns a rule brings rows together by, or shows, and whose values nothing else of it looks at."""
    if not isinstance(rule.detect.stage, Group | Sequence):
        return frozenset()
    table = rule.detect.table
    return base_columns(rule, shown_names(rule))[table] - looked_at(rule, keys=False)[table]
