"""Checks on conditions: nulls that slip through, constants, and comparisons that never hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import polars as pl

from auditor.documents import printable
from auditor.rules.authoring.lint_notes import Linted, Note, Notes
from auditor.rules.language.constant_conditions import constant, parts
from auditor.rules.language.inline import inlined
from auditor.rules.language.spec import Baseline, Condition, Group, Match, Pairs, Rule, Sequence
from auditor.rules.language.tree import Column, Expr, Literal, Op, Type
from auditor.rules.language.usage import base
from auditor.rules.language.walk import conditions, nodes, trees
from auditor.rules.reading.bind import bind
from auditor.tables.schema import TABLES

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "between"})
_NEVER_NULL = frozenset({"site_url", "meeting_id"})
_GUARDED_BY = {
    "email_domain": "email",
    "person_key": "email",
    "ip_network": "ip_address",
    "client_os": "client_agent",
    "name_key": "display_name",
}
_SHORTEST = timedelta(minutes=2)
_TEXTS = ("", "x", "0 ~", "Ωβ\n")
_LOWER_CASE = frozenset(
    {
        *("email", "host_email", "email_domain", "client_os", "client_app", "participant_type", "video", "device_type"),
        *("audio_type", "call_type", "scheduled_type", "service_type", "name_key", "person_key", "egress"),
    }
)


def about_conditions(linted: Linted) -> Notes:
    """L06, L07, L17, L18, L19 and L23."""
    yield from _nulls(linted)
    yield from _constants(linted)
    yield from _repeated(linted)
    bound = bind(linted.rule, now=_NOW).rule
    for tree in trees(bound):
        for part in nodes(tree):
            if isinstance(part, Op):
                yield from _short_stays(bound, part)
                yield from _every_text(bound, part)
                yield from _wrong_case(bound, part)


def _judged(rule: Rule) -> Iterator[Condition]:
    """The conditions whose nulls make rows not evaluable."""
    stage = rule.detect.stage
    last = None
    if isinstance(stage, Group | Baseline):
        last = stage.having
    elif isinstance(stage, Pairs | Match | Sequence):
        last = stage.where
    yield from (condition for condition in (rule.detect.where, last) if condition is not None)


def _nulls(linted: Linted) -> Notes:
    rule = linted.rule
    if linted.has("nulls"):
        return
    guarded = _guarded(rule)
    told: set[str] = set()
    for condition in _judged(rule):
        for clause in condition.clauses:
            # a clause under `none` is negated by its map
            negated = _is_negated(condition.tree, clause.tree)
            for column in _exposed(clause.tree, negated=negated):
                name = (base(rule, column.name) or ("", column.name))[1]
                table = (base(rule, column.name) or (rule.detect.table, ""))[0]
                known = name in TABLES[table].schema or name in _GUARDED_BY or name in {"is_host", "is_internal"}
                if known and not {name, _GUARDED_BY.get(name)} & guarded and column.name not in told:
                    told.add(column.name)
                    message = f"'{column.name}' may be null here; such rows become not evaluable"
                    yield Note(column.position or clause.position, "L06", message)


def _is_negated(whole: Expr, tree: Expr, *, negated: bool = False) -> bool:
    """Whether the clause stands under a `none` of the condition."""
    if whole == tree:
        return negated
    if isinstance(whole, Op) and whole.name in {"and", "or", "not"}:
        inner = negated != (whole.name == "not")
        return any(_is_negated(arg, tree, negated=inner) for arg in whole.args)
    return False


def _guarded(rule: Rule) -> frozenset[str]:
    """Columns the rule asks about null itself, and those whose nulls leave by a key."""
    found = set(_NEVER_NULL)
    for tree in trees(rule):
        for part in nodes(tree):
            if isinstance(part, Op) and part.name in {"is_null", "coalesce"}:
                found |= {node.name for node in nodes(part) if isinstance(node, Column)}
    match rule.detect.stage:
        case Pairs() as stage:
            found |= {*stage.same, *stage.different}
        case Match() as stage:
            found |= {name for pair in stage.same for name in pair}
        case Group() | Sequence() as stage:
            found |= set(stage.by)
    return frozenset({*found, *((base(rule, name) or ("", name))[1] for name in found)})


def _exposed(tree: Expr, *, negated: bool) -> Iterator[Column]:
    """Columns under a negation whose null makes the condition null."""
    if isinstance(tree, Column):
        if negated:
            yield tree
        return
    if not isinstance(tree, Op) or tree.name in {"is_null", "coalesce"}:
        return
    for arg in tree.args:
        yield from _exposed(arg, negated=negated or tree.name in {"not", "!="})


def _constants(linted: Linted) -> Notes:
    own = _own_names(linted.rule)
    for condition in conditions(linted.rule):
        told = False
        for clause in condition.clauses:
            tree = inlined(clause.tree, own)
            found = constant(tree)
            if found is not None:
                told = True
                yield Note(clause.position, "L07", f"'{printable(clause.source)}' is always {str(found).lower()}")
                continue
            for part in parts(tree):
                value = constant(part)
                if value is not None and isinstance(part, Op) and part.position is not None:
                    told = True
                    yield Note(part.position, "L07", f"this part is always {str(value).lower()}")
                    break
        whole = None if told else constant(inlined(condition.tree, own))
        if whole is not None:
            message = f"these conditions together are always {str(whole).lower()}"
            yield Note(condition.clauses[0].position, "L07", message)


def _own_names(rule: Rule) -> Mapping[str, Expr]:
    """What the rule names itself, under other names: what holds of a `gap` of pairs need not hold of a derived one."""
    stage = rule.detect.stage
    named = [(one.name, one.expr) for one in rule.detect.derive]
    named += stage.aggregate if isinstance(stage, Group) else ()
    return {name: Column(f"={name}", tree.type) for name, tree in named}


def _repeated(linted: Linted) -> Notes:
    for condition in conditions(linted.rule):
        first: dict[Expr, int] = {}
        for clause in condition.clauses:
            if clause.tree in first:
                yield Note(clause.position, "L23", f"same condition as line {first[clause.tree]}")
            first.setdefault(clause.tree, clause.position.line)


def _short_stays(rule: Rule, op: Op) -> Notes:
    if op.name not in _COMPARISONS:
        return
    whole_minutes = any(
        isinstance(arg, Column) and base(rule, arg.name) == ("attendees", "duration") for arg in op.args
    )
    short = any(
        isinstance(arg, Literal) and isinstance(arg.value, timedelta) and arg.value < _SHORTEST for arg in op.args
    )
    if whole_minutes and short:
        message = "attendees.duration has whole minutes; use left_time - joined_time"
        yield Note(op.position or rule.position, "L17", message)


def _every_text(rule: Rule, op: Op) -> Notes:
    if op.name != "matches" or not isinstance(op.args[1], Literal) or not isinstance(op.args[1].value, str):
        return
    pattern = op.args[1].value
    if pl.Series(_TEXTS, dtype=pl.String()).str.contains(pattern).all():
        yield Note(op.args[1].position or rule.position, "L18", "pattern matches every text")


def _wrong_case(rule: Rule, op: Op) -> Notes:
    if op.name not in {"==", "!=", "in", "contains", "startswith", "endswith", "contains_any"}:
        return
    column = next((what for arg in op.args if (what := _lowered(rule, arg)) is not None), None)
    if column is None:
        return
    for arg in op.args:
        values = arg.value if isinstance(arg, Literal) and isinstance(arg.value, tuple) else ()
        if isinstance(arg, Literal) and isinstance(arg.value, str):
            values = (arg.value,)
        for value in values:
            if isinstance(value, str) and value != value.lower():
                verb = "never equals" if op.name in {"==", "!=", "in"} else "is never found in"
                message = f"'{printable(value)}' {verb} {column}, which is lower case; use '{printable(value.lower())}'"
                yield Note(arg.position or rule.position, "L19", message)


def _lowered(rule: Rule, tree: Expr) -> str | None:
    """What a tree is called when its text is always lower case."""
    if isinstance(tree, Op) and tree.name == "lower":
        return "lower(…)"
    if not isinstance(tree, Column) or tree.type is not Type.TEXT:
        return None
    table, name = base(rule, tree.name) or ("", "")
    known = name in _LOWER_CASE or (name, table) == ("state", "participants")
    return name.removeprefix("meeting.") if known or name.removeprefix("meeting.") in _LOWER_CASE else None
