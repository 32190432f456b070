"""Every check of lint on a set of rules, in order of place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from auditor.rules.authoring.embedded import CaseResult
from auditor.rules.authoring.lint_conditions import about_conditions
from auditor.rules.authoring.lint_names import names
from auditor.rules.authoring.lint_notes import Linted, Note, Notes
from auditor.rules.authoring.lint_wording import tested, wording
from auditor.rules.language.spec import Baseline, Pairs, Rule
from auditor.rules.language.tree import Op
from auditor.rules.language.walk import clauses
from auditor.rules.reading.load import RuleSet

_COUNTS = frozenset({"count", "count_if", "n_unique"})
_CHECKS: Sequence[Callable[[Linted], Notes]] = (wording, tested, names, about_conditions)


def lint(
    rules: RuleSet,
    *,
    results: Sequence[CaseResult],
    known: Collection[str] = (),
    controls: Mapping[str, frozenset[str]] | None = None,
) -> tuple[Note, ...]:
    """What lint finds in the rules, by place.

    `results` are those of the rules' own tests; `known` are ids of further rules that may replace one;
    `controls` are those of the frameworks, None when they are not known.
    """
    notes: set[Note] = set()
    ids = frozenset({*known, *(rule.id for rule in rules.rules)})
    by_rule: dict[str, list[CaseResult]] = {}
    for result in results:
        by_rule.setdefault(result.rule_id, []).append(result)
    for rule in rules.rules:
        linted = Linted(rule, rules.sources[rule.id], ids, controls or {})
        for check in _CHECKS:
            notes |= set(check(linted))
        notes |= set(_stages(linted))
        notes |= set(_outcomes(rule, by_rule.get(rule.id, [])))
    return tuple(sorted(notes))


def _stages(linted: Linted) -> Notes:
    """L20 and L21."""
    stage = linted.rule.detect.stage
    if isinstance(stage, Pairs):
        place = linted.at("detect", "pairs")
        if set(stage.same) == {"site_url"}:
            yield Note(place, "L20", "pairs on site_url alone compares everybody with everybody")
        elif not stage.different:
            yield Note(place, "L20", "pairs without different also compares rows of one person")
    if isinstance(stage, Baseline) and stage.fill is None and stage.method in {"robust_z", "iqr"}:
        counted = isinstance(stage.value, Op) and stage.value.name in _COUNTS
        if counted:
            yield Note(linted.at("detect", "baseline"), "L21", "periods without rows are left out; add fill: 0")


def _outcomes(rule: Rule, results: Sequence[CaseResult]) -> Notes:
    """L02, and L24 for clauses that no test makes true."""
    for result in results:
        if result.failure is not None:
            yield Note(result.case.position, "L02", f"test '{result.case.name}' {result.failure}")
    seen = {place for result in results for place in result.clauses_true}
    if not any(result.failure is None and result.case.expect_error is None for result in results):
        return
    for clause in clauses(rule):
        if clause.position not in seen:
            yield Note(clause.position, "L24", "no test makes this clause true")
