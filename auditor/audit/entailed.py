"""What a finding alone says of its rule's clauses: those it could not be without, and the values it carries."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.audit.explained import ClauseValue, Explanation, denied
from auditor.model.audit import Audit
from auditor.model.finding import Finding
from auditor.rules.language.columns import names_in
from auditor.rules.language.spec import Baseline, Condition, Group, Match, Pairs, Rule, Sequence
from auditor.rules.language.tree import Expr, Op
from auditor.rules.language.walk import conditions


def entailed(finding: Finding, audit: Audit, rule: Rule) -> Explanation:
    """The clauses of every condition of the rule; `value` is None, `known` false where either may have been."""
    result = next(one for one in audit.rules if one.id == rule.id)
    needed = list(_needed(rule))
    rows = [
        tuple(_clauses(condition, finding, holds=any(condition is one for one in needed)))
        for condition in conditions(rule)
    ]
    return Explanation(tuple(row for row in rows if row), rule.digest != result.digest, found=True)


def _needed(rule: Rule) -> Iterator[Condition | None]:
    """The conditions that are true of every row, group or pair behind a finding."""
    if rule.nulls == "fail":
        return
    yield rule.detect.where
    match rule.detect.stage:
        case Group() | Baseline() as stage:
            yield stage.having
        case Pairs() as stage:
            yield stage.where
        case Match() as stage if not stage.absent:
            yield stage.where
        case Sequence() as stage:
            yield from (step.where for step in stage.steps)
            yield stage.where


def _clauses(condition: Condition, finding: Finding, *, holds: bool) -> Iterator[ClauseValue]:
    decided = dict(_decided(condition.tree, value=True)) if holds else {}
    for clause in condition.clauses:
        yield ClauseValue(
            clause.source,
            clause.position.line,
            denied(condition.tree, clause.tree) is True,
            decided.get(clause.tree),
            {name: finding.evidence[name] for name in sorted(names_in(clause.tree)) if name in finding.evidence},
            known=clause.tree in decided,
        )


def _decided(tree: Expr, *, value: bool) -> Iterator[tuple[Expr, bool]]:
    """Every part of the tree that can only have come out one way when the whole did as said, with that way."""
    yield tree, value
    if isinstance(tree, Op) and tree.name == "not":
        yield from _decided(tree.args[0], value=not value)
    elif isinstance(tree, Op) and tree.name == ("and" if value else "or"):
        for part in tree.args:
            yield from _decided(part, value=value)
