"""A rule's own tests, run through the engine that judges archives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from auditor.errors import RuleError
from auditor.frozen import dataclass
from auditor.model.finding import Finding, Value
from auditor.rules.authoring.given import frames_of
from auditor.rules.compiled.compile import expression
from auditor.rules.judging.render import as_scalar
from auditor.rules.judging.run import Means, run
from auditor.rules.language.spec import Case, Condition, Expected, Rule
from auditor.rules.language.tree import Position
from auditor.rules.outcome import Outcome
from auditor.rules.reading.bind import bind_case
from auditor.triage.fingerprint import canonical
from auditor.words import counted

_ALWAYS = frozenset({"subject", "message", "severity"})
_NO_MEANS = Means()


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How a test ended: `failure` says what differs, None when nothing does.

    `clauses_true` are the places of the clauses that were true of at least one row, group or pair.
    """

    rule_id: str
    case: Case
    failure: str | None
    clauses_true: frozenset[Position] = frozenset()


def run_case(rule: Rule, case: Case, *, means: Means = _NO_MEANS) -> CaseResult:
    """The test of a rule that loaded; lists are those of the test and the rule's own defaults alone."""
    try:
        bound = bind_case(rule, case)
    except RuleError as error:
        return CaseResult(rule.id, case, _wrong_error(case, str(error)))
    if case.expect_error is not None:
        return CaseResult(rule.id, case, f"expected an error with '{case.expect_error}', got none")
    named = {name for expected in _rows(case) for name in expected.values} - _ALWAYS
    unlimited = replace(bound.rule, finding=replace(bound.rule.finding, limit=None))
    seen = _Clauses()
    outcome = run(
        [replace(bound, rule=unlimited)],
        frames_of(case.given, internal_domains=bound.lists.get("internal_domains")),
        window=case.window,
        now=case.now,
        means=replace(means, lists=bound.lists),
        also={rule.id: named},
        watch=seen,
    )[0]
    return CaseResult(rule.id, case, _difference(case, outcome), frozenset(seen.true))


def run_cases(rules: Sequence[Rule], *, means: Means = _NO_MEANS) -> tuple[CaseResult, ...]:
    """Every test of every rule, in their order."""
    return tuple(run_case(rule, case, means=means) for rule in rules for case in rule.cases)


class _Clauses:
    """Remembers which clauses were ever true of a frame a condition was applied to."""

    def __init__(self) -> None:
        self.true: set[Position] = set()

    def __call__(self, condition: Condition, frame: pl.DataFrame) -> None:
        open_clauses = [clause for clause in condition.clauses if clause.position not in self.true]
        if frame.is_empty() or not open_clauses:
            return
        found = frame.select(
            expression(clause.tree).any().alias(str(place)) for place, clause in enumerate(open_clauses)
        ).row(0)
        self.true |= {clause.position for clause, true in zip(open_clauses, found, strict=True) if true}


def _rows(case: Case) -> tuple[Expected, ...]:
    return case.expect if isinstance(case.expect, tuple) else ()


def _wrong_error(case: Case, error: str) -> str | None:
    if case.expect_error is None:
        return f"the test does not fit the rule: {error}"
    return None if case.expect_error in error else f"expected an error with '{case.expect_error}', got: {error}"


def _difference(case: Case, outcome: Outcome) -> str | None:
    """What differs between the outcome and what the test expects; None when nothing does."""
    if outcome.crashed:
        return f"{outcome.reason}"
    wanted = len(case.expect) if isinstance(case.expect, tuple) else case.expect
    if wanted is not None and outcome.found != wanted:
        why = f" ({outcome.reason})" if outcome.reason else ""
        return f"expected {counted(wanted, 'finding')}, got {outcome.found}{why}"
    missing = _unmatched(_rows(case), outcome)
    if missing is not None:
        return f"no finding matches {_shown(missing)}"
    if case.not_evaluable is not None and outcome.not_evaluable != case.not_evaluable:
        return f"expected not_evaluable {case.not_evaluable}, got {outcome.not_evaluable}"
    if case.verdict is not None and outcome.verdict is not case.verdict:
        return f"expected verdict {case.verdict}, got {outcome.verdict}"
    return None


def _shown(expected: Expected) -> str:
    return "{" + ", ".join(f"{name}: {canonical(as_scalar(value))}" for name, value in expected.values.items()) + "}"


def _unmatched(expected: Sequence[Expected], outcome: Outcome) -> Expected | None:
    """An expected row for which no finding is left, however rows and findings are paired; None when all fit."""
    told = [_told(finding, seen) for finding, seen in zip(outcome.findings, outcome.seen, strict=True)]
    fits = []
    for row in expected:
        wanted = {name: canonical(as_scalar(value)) for name, value in row.values.items()}
        fits.append([place for place, own in enumerate(told) if _matches(wanted, own)])
    owner: dict[int, int] = {}
    held: dict[int, int] = {}
    for number, row in enumerate(expected):
        if not _assigned(number, fits, owner, held):
            return row
    return None


def _assigned(number: int, fits: Sequence[Sequence[int]], owner: dict[int, int], held: dict[int, int]) -> bool:
    """Whether the row gets a finding, others moving to another of theirs where that helps.

    `owner` tells the row that has a finding, `held` the finding of a row.
    """
    asked: dict[int, int] = {}
    waiting = [number]
    for row in waiting:
        for place in fits[row]:
            if place in asked:
                continue
            asked[place] = row
            if place not in owner:
                _moved(place, asked, owner, held)
                return True
            waiting.append(owner[place])
    return False


def _moved(free: int, asked: Mapping[int, int], owner: dict[int, int], held: dict[int, int]) -> None:
    """Give the row that asked for the free finding that one, the row that asked for what it leaves that, and so on."""
    place: int | None = free
    while place is not None:
        row = asked[place]
        owner[place], held[row], place = row, place, held.get(row)


def _told(finding: Finding, seen: Mapping[str, Value]) -> Mapping[str, Value]:
    """What a test may speak of."""
    own = {"subject": finding.subject, "message": finding.message, "severity": str(finding.severity)}
    return {**seen, **own}


def _matches(wanted: Mapping[str, Value], told: Mapping[str, Value]) -> bool:
    return all(_equal(value, told[name]) for name, value in wanted.items())


def _equal(expected: Value, found: Value) -> bool:
    numbers = (int, float)
    if isinstance(expected, numbers) and isinstance(found, numbers):
        alike = isinstance(expected, bool) == isinstance(found, bool)
        return alike and math.isclose(expected, found, rel_tol=1e-9)
    return expected == found
