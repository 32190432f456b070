"""Rules that somebody else judges in parts end as they would here."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from auditor.model.vocabulary import Verdict
from auditor.rules.authoring.given import frames_of
from auditor.rules.judging.judge import columns_of, judge
from auditor.rules.judging.run import run
from auditor.rules.outcome import Crashed, NotEvaluated
from auditor.rules.reading.bind import bind_case
from auditor.rules.rows.handed import Handed
from auditor.rules.rows.source import Source
from tests.pack import bundled_rules

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RULE = next(rule for rule in bundled_rules().rules if rule.name == "uninvited-in-confidential")
CASE = next(case for case in RULE.cases if case.expect_error is None)
BOUND = bind_case(RULE, CASE)
TABLES = frames_of(CASE.given, internal_domains=BOUND.lists.get("internal_domains"))


def in_two_parts(tasks):
    """Every other row in a part of its own."""
    parts = {}
    for task in tasks:
        rows = Source(TABLES, NOW, CASE.window).rows(RULE.detect.table, columns_of(task)[RULE.detect.table]).collect()
        halves = [rows.gather_every(2, offset) for offset in (0, 1)]
        parts[task.rule.id] = [judge(task, lambda _, half=half: Handed(half), window=CASE.window) for half in halves]
    return parts


def test_parts_make_the_outcome_of_the_whole():
    here = run([BOUND], TABLES, window=CASE.window, now=NOW)
    done = []
    assert run([BOUND], TABLES, window=CASE.window, now=NOW, elsewhere=in_two_parts, progress=done.append) == here
    assert done == [RULE.id]
    assert here[0].population > 0


def test_rules_nobody_takes_on_are_judged_here():
    here = run([BOUND], TABLES, window=CASE.window, now=NOW)
    assert run([BOUND], TABLES, window=CASE.window, now=NOW, elsewhere=lambda _: {}) == here


@pytest.mark.parametrize(
    ("part", "reason", "crashed"),
    [
        (Crashed("ComputeError"), "the rule crashed: ComputeError", True),
        (NotEvaluated("too few weeks", not_evaluable=3), "too few weeks", False),
    ],
)
def test_a_part_that_could_not_be_judged_speaks_for_the_rule(part, reason, crashed):
    (ended,) = run(
        [BOUND],
        TABLES,
        window=CASE.window,
        now=NOW,
        elsewhere=lambda tasks: {RULE.id: [*in_two_parts(tasks)[RULE.id], part]},
    )
    assert (ended.verdict, ended.reason, ended.crashed) == (Verdict.NOT_EVALUATED, reason, crashed)
