"""The names a rule's `finding` can see, which waivers may match on."""

from __future__ import annotations

from collections.abc import Collection

from auditor.rules.language.columns import base_columns, finding_names
from auditor.rules.language.names import table_names
from auditor.rules.language.spec import Baseline, Group, Match, Pairs, Rule, Sequence
from auditor.tables.facts import fact_table
from auditor.tables.modelled import REASONS, is_learned
from auditor.tables.schema import TABLES


def visible_names(rule: Rule) -> frozenset[str]:
    """What the finding is worded, shown and identified with, and what else stands beside it after the last stage."""
    detect = rule.detect
    row = {name for name in table_names(detect.table) if not _optional(detect.table, name)}
    row |= {derived.name for derived in detect.derive}
    row |= with_reasons(base_columns(rule, finding_names(rule.finding)).get(detect.table, frozenset()))
    stage = detect.stage
    match stage:
        case None | Match():
            seen = row
        case Group():
            seen = {*stage.by, *(name for name, _ in stage.aggregate)}
        case Pairs():
            seen = {*stage.same, *_prefixed("a", row), *_prefixed("b", row)}
        case Sequence():
            seen = {*stage.by, *(name for step in stage.steps for name in _prefixed(step.name, row))}
        case Baseline():
            seen = set(stage.entity)
        case _:
            seen = set()
    return finding_names(rule.finding) | seen


def with_reasons(names: Collection[str]) -> set[str]:
    """The names, and those of the reasons that stand beside facts among them."""
    parted = [name.rpartition(".") for name in names]
    return {*names, *(f"{row}{dot}{REASONS[fact]}" for row, dot, fact in parted if fact in REASONS)}


def _optional(table: str, name: str) -> bool:
    """Whether a fact is not there for the asking.

    One from a table that may be absent would keep the rule from being judged, one that is learned from all rows would
    have to be learned first.
    """
    other = fact_table(table, name)
    return is_learned(table, name) or (other is not None and TABLES[other].optional)


def _prefixed(prefix: str, names: set[str]) -> set[str]:
    return {f"{prefix}.{name}" for name in names}
