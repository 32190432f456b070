"""Every tree of a rule: to look at, and to build the rule again with other trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from auditor.rules.language.spec import (
    Baseline,
    Clause,
    Condition,
    Derived,
    Detector,
    Group,
    Match,
    Pairs,
    Rule,
    Sequence,
    Stage,
    Step,
)
from auditor.rules.language.tree import Column, Expr, ListName, Literal, Now, Op, Param

Change: TypeAlias = Callable[[Expr], Expr]


def nodes(tree: Expr) -> Iterator[Expr]:
    """The tree and everything below it."""
    yield tree
    if isinstance(tree, Op):
        for arg in tree.args:
            yield from nodes(arg)


def trees(rule: Rule) -> Iterator[Expr]:
    """Every whole tree of the rule."""
    found: list[Expr] = []

    def seen(tree: Expr) -> Expr:
        found.append(tree)
        return tree

    rebuilt(rule, seen)
    yield from found


def clauses(rule: Rule) -> Iterator[Clause]:
    """Every clause of the rule, in reading order of its parts."""
    for condition in conditions(rule):
        yield from condition.clauses


def conditions(rule: Rule) -> Iterator[Condition]:
    """Every condition of the rule: of derived columns, of `where`, of the stage and of severities."""
    detect = rule.detect
    found = (
        *(derived.where for derived in detect.derive),
        detect.where,
        *_stage_conditions(detect.stage),
        *(condition for condition, _ in rule.severity_when),
    )
    return (condition for condition in found if condition is not None)


def _stage_conditions(stage: Stage | None) -> tuple[Condition | None, ...]:
    match stage:
        case Group() | Baseline():
            return (stage.having,)
        case Sequence():
            return (*(step.where for step in (*stage.steps, *stage.absent)), stage.where)
        case Pairs() | Match():
            return (stage.where,)
    return ()


def rebuilt(rule: Rule, change: Change) -> Rule:
    """The rule with `change` applied to every whole tree, those of clauses included."""
    detect = rule.detect
    return replace(
        rule,
        detect=replace(
            detect,
            derive=tuple(_derived(item, change) for item in detect.derive),
            where=_condition(detect.where, change),
            stage=None if detect.stage is None else _stage(detect.stage, change),
        ),
        severity_when=tuple((_whole(condition, change), severity) for condition, severity in rule.severity_when),
    )


def _whole(condition: Condition, change: Change) -> Condition:
    parts = tuple(replace(clause, tree=change(clause.tree)) for clause in condition.clauses)
    return Condition(change(condition.tree), parts)


def _condition(condition: Condition | None, change: Change) -> Condition | None:
    return None if condition is None else _whole(condition, change)


def _tree(tree: Expr | None, change: Change) -> Expr | None:
    return None if tree is None else change(tree)


def _derived(item: Derived, change: Change) -> Derived:
    return replace(item, expr=change(item.expr), where=_condition(item.where, change))


def _step(step: Step, change: Change) -> Step:
    return replace(step, where=_whole(step.where, change))


def _stage(stage: Stage, change: Change) -> Stage:
    match stage:
        case Group():
            window = stage.window
            return replace(
                stage,
                window=None if window is None else replace(window, length=change(window.length)),
                aggregate=tuple((name, change(tree)) for name, tree in stage.aggregate),
                having=_whole(stage.having, change),
            )
        case Pairs():
            return replace(
                stage,
                overlap=_tree(stage.overlap, change),
                within=_tree(stage.within, change),
                where=_condition(stage.where, change),
            )
        case Match():
            return replace(stage, where=_condition(stage.where, change))
        case Sequence():
            return replace(
                stage,
                within=change(stage.within),
                steps=tuple(_step(step, change) for step in stage.steps),
                absent=tuple(_step(step, change) for step in stage.absent),
                where=_condition(stage.where, change),
            )
        case Baseline():
            return replace(
                stage,
                period=change(stage.period),
                value=change(stage.value),
                history=change(stage.history),
                min_history=change(stage.min_history),
                min_scale=change(stage.min_scale),
                having=_condition(stage.having, change),
            )
        case Detector():
            settings = {name: _setting(value, change) for name, value in stage.settings.items()}
            return replace(stage, settings=settings)
    return stage


def _setting(
    value: Expr | tuple[str, ...] | Mapping[str, Expr] | str, change: Change
) -> Expr | tuple[str, ...] | Mapping[str, Expr] | str:
    match value:
        case str() | tuple():
            return value
        case Literal() | Column() | Param() | ListName() | Now() | Op():
            return change(value)
    return {name: change(tree) for name, tree in value.items()}
