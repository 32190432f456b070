"""A rule as it was written and checked, before parameters and lists are known.

Everything here is frozen and typed: expressions are trees, templates are parsed, names are resolved. Binding
(`auditor.rules.reading.bind`) gives the same dataclasses with literals in place of parameters and lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from auditor.documents import Node
from auditor.frozen import dataclass
from auditor.model.vocabulary import Confidence, Severity, Status, Verdict
from auditor.model.window import Window
from auditor.rules.language.tree import Expr, LiteralValue, Position, Type


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition as the author wrote it, kept so that `explain` can show its value."""

    source: str
    tree: Expr
    position: Position


@dataclass(frozen=True, slots=True)
class Condition:
    """A three-valued condition: the whole tree, and the clauses it is made of, in reading order."""

    tree: Expr
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """A declared parameter. `type` is the word of the language: integer … regex, datetime."""

    name: str
    type: str
    default: LiteralValue
    description: str
    minimum: LiteralValue
    maximum: LiteralValue
    values: tuple[str, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class ListSpec:
    """A list the rule names, with its own default if it has one."""

    name: str
    default: tuple[str, ...] | None
    description: str
    position: Position | None


@dataclass(frozen=True, slots=True)
class Derived:
    """A named expression; with `over` an aggregate over the rows that share those columns."""

    name: str
    expr: Expr
    where: Condition | None
    over: tuple[str, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class GroupWindow:
    """How a group is cut in time: `kind` is rolling, tumbling or session_gap."""

    kind: str
    length: Expr
    time: str
    zone: str
    position: Position


@dataclass(frozen=True, slots=True)
class Group:
    """Rows with equal `by`, summed up by `aggregate`, kept when `having` is true."""

    by: tuple[str, ...]
    window: GroupWindow | None
    aggregate: tuple[tuple[str, Expr], ...]
    having: Condition


@dataclass(frozen=True, slots=True)
class Pairs:
    """Unordered pairs of rows with equal `same` and, for each of `different`, unequal values."""

    same: tuple[str, ...]
    different: tuple[str, ...]
    overlap: Expr | None
    within: Expr | None
    where: Condition | None


@dataclass(frozen=True, slots=True)
class Match:
    """Rows that have (or, with `absent`, lack) partners in `table`; `same` pairs columns of a and b."""

    table: str
    same: tuple[tuple[str, str], ...]
    where: Condition | None
    absent: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a sequence, or one condition that must not follow (`name` is then empty)."""

    name: str
    where: Condition
    time: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """Steps in time order inside a group, at most `within` from first to last."""

    by: tuple[str, ...]
    within: Expr
    steps: tuple[Step, ...]
    absent: tuple[Step, ...]
    where: Condition | None


@dataclass(frozen=True, slots=True)
class Baseline:
    """A value per entity and period against the entity's own earlier periods."""

    entity: tuple[str, ...]
    time: str
    period: Expr
    value: Expr
    fill: float | None
    history: Expr
    min_history: Expr
    method: str
    min_scale: Expr
    zone: str
    having: Condition | None


@dataclass(frozen=True, slots=True)
class Detector:
    """A statistical detector and its checked settings."""

    type: str
    settings: Mapping[str, Expr | tuple[str, ...] | Mapping[str, Expr] | str]
    position: Position


@dataclass(frozen=True, slots=True)
class Python:
    """An entry point of an installed package; only where the operator allows it."""

    module: str
    function: str
    position: Position


Stage: TypeAlias = Group | Pairs | Match | Sequence | Baseline | Detector | Python


@dataclass(frozen=True, slots=True)
class Detect:
    """What a rule looks for. `stage` is None for a plain rule."""

    table: str
    time: str | None
    derive: tuple[Derived, ...]
    where: Condition | None
    stage: Stage | None


@dataclass(frozen=True, slots=True)
class Field:
    """A `{name:spec}` of a template; `param.x` names a parameter."""

    name: str
    type: Type
    spec: str


@dataclass(frozen=True, slots=True)
class Template:
    """Text with fields, filled in one pass; braces in values stay text."""

    source: str
    parts: tuple[str | Field, ...]


@dataclass(frozen=True, slots=True)
class EvidenceSpec:
    """A column shown as evidence."""

    column: str
    type: Type
    redact: str | None


@dataclass(frozen=True, slots=True)
class FindingSpec:
    """How a hit becomes a finding."""

    subject: Template
    message: Template
    evidence: tuple[EvidenceSpec, ...]
    fingerprint: tuple[str, ...]
    fingerprint_types: tuple[Type, ...]
    limit: int | None


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be there for the rule to be judged.

    `tables` by name; `columns` as (table, column) that may not be null throughout; `reads` the columns and
    facts it reads of each table, without prefix (`meetings` when `meeting.x` is read); `lists` by name.
    """

    tables: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    reads: Mapping[str, frozenset[str]]
    lists: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GivenRow:
    """A row of an embedded test, its values already of their columns' types; columns not named are null.

    It stands for `repeat` rows, the i-th (from 0) with all times moved by i times `every`.
    """

    values: Mapping[str, LiteralValue]
    repeat: int
    every: timedelta
    position: Position


@dataclass(frozen=True, slots=True)
class Expected:
    """A partial finding: names visible in `finding`, and subject, message, severity, with their values."""

    values: Mapping[str, LiteralValue]
    position: Position


@dataclass(frozen=True, slots=True)
class Case:
    """An embedded test. `expect` is a number of findings or partial findings, None with `expect_error`.

    `params` are as written: `bind` checks them, so that `expect_error` can see them fail.
    """

    name: str
    position: Position
    given: Mapping[str, tuple[GivenRow, ...]]
    params: Mapping[str, Node]
    lists: Mapping[str, Node]
    now: datetime
    window: Window | None
    expect: int | tuple[Expected, ...] | None
    expect_error: str | None
    not_evaluable: int | None
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, checked. `digest` is the SHA-256 of what it means: equal files give equal digests."""

    position: Position
    id: str
    name: str
    title: str
    status: Status
    severity: Severity
    confidence: Confidence
    version: int
    replaced_by: str | None
    description: str
    rationale: str
    remediation: str
    false_positives: tuple[str, ...]
    references: tuple[str, ...]
    tags: tuple[str, ...]
    authors: tuple[str, ...]
    created: str | None
    modified: str | None
    controls: Mapping[str, tuple[str, ...]]
    nulls: str
    params: tuple[ParamSpec, ...]
    lists: tuple[ListSpec, ...]
    needs: Needs
    detect: Detect
    finding: FindingSpec
    severity_when: tuple[tuple[Condition, Severity], ...]
    digest: str
    bundled: bool
    cases: tuple[Case, ...] = ()
