"""Checks on names: declared and never used, used and never given, and what identifies a finding."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.documents import Map
from auditor.rules.authoring.lint_notes import Linted, Note, Notes
from auditor.rules.language.names import table_names
from auditor.rules.language.spec import Field, Group, GroupWindow, Rule
from auditor.rules.language.tree import ListName, Op, Param, Type
from auditor.rules.language.usage import base, find
from auditor.rules.language.walk import nodes, trees
from auditor.tables.facts import NULL_FACTS

_MOVING = {Type.NUMBER: "a number", Type.DURATION: "a duration"}


def names(linted: Linted) -> Notes:
    """L03, L04, L05, L08, L09 and L10."""
    yield from _unused_params(linted)
    yield from _unused_names(linted)
    yield from _unknown_lists(linted)
    yield from _always_null(linted)
    yield from _fingerprint(linted)


def _unused_params(linted: Linted) -> Notes:
    rule = linted.rule
    used = {part.name for tree in trees(rule) for part in nodes(tree) if isinstance(part, Param)}
    used |= {name.removeprefix("param.") for name in _template_names(rule) if name.startswith("param.")}
    for spec in rule.params:
        if spec.name not in used:
            yield Note(spec.position, "L03", f"parameter '{spec.name}' is not used")


def _template_names(rule: Rule) -> Iterator[str]:
    for template in (rule.finding.subject, rule.finding.message):
        yield from (part.name for part in template.parts if isinstance(part, Field))


def _unused_names(linted: Linted) -> Notes:
    rule = linted.rule
    used = {name for use in linted.uses for name in (use.name, *((base(rule, use.name) or ("", ""))[1:]))}
    for derived in rule.detect.derive:
        if derived.name not in used:
            yield Note(derived.position, "L04", f"'{derived.name}' is not used")
    aggregate = find(linted.node, "detect", "group", "aggregate")
    for key, _ in aggregate.entries if isinstance(aggregate, Map) else ():
        if key.text not in used:
            yield Note(key.place, "L04", f"'{key.text}' is not used")


def _unknown_lists(linted: Linted) -> Notes:
    declared = {spec.name for spec in linted.rule.lists if spec.position is not None}
    told: set[str] = set()
    for tree in trees(linted.rule):
        for part in nodes(tree):
            if isinstance(part, ListName) and part.name not in declared | told:
                told.add(part.name)
                message = f"list '{part.name}' has no default; the rule will not run without configuration"
                yield Note(part.position or linted.rule.position, "L05", message)


def _always_null(linted: Linted) -> Notes:
    for use in linted.uses:
        found = base(linted.rule, use.name)
        if found is None:
            continue
        table, name = found
        known = "meeting.title" if name.startswith("meeting.tracking_code.") else name
        if known in NULL_FACTS[table]:
            yield Note(use.place, "L08", f"'{name}' is always null in {table}")


def _fingerprint(linted: Linted) -> Notes:
    rule = linted.rule
    stage = rule.detect.stage
    window = stage.window if isinstance(stage, Group) else None
    columns = table_names(rule.detect.table)
    for index, (name, kind) in enumerate(zip(rule.finding.fingerprint, rule.finding.fingerprint_types, strict=True)):
        counted = kind is Type.INTEGER and stage is not None and (base(rule, name) or ("", ""))[1] not in columns
        if kind in _MOVING or counted or (name == "window_end" and _moves(window)) or _summed(rule, name):
            message = f"fingerprint '{name}' changes when data are collected again"
            yield Note(linted.at("finding", "fingerprint", index), "L09", message)
    if isinstance(stage, Group):
        for name in stage.by:
            if name not in rule.finding.fingerprint:
                message = f"fingerprint omits '{name}' of group.by; distinct findings would merge"
                yield Note(linted.at("finding", "fingerprint"), "L10", message)


def _moves(window: GroupWindow | None) -> bool:
    return window is not None and window.kind != "tumbling"


def _summed(rule: Rule, name: str) -> bool:
    """Whether the name is a set that grows with every row."""
    stage = rule.detect.stage
    tree = dict(stage.aggregate).get(name) if isinstance(stage, Group) else None
    return isinstance(tree, Op) and tree.name == "values"
