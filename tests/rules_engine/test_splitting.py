"""What the planner says of a rule is true: parts judged apart give what the whole gives."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from auditor.model.window import Window
from auditor.rules.authoring.given import frames_of
from auditor.rules.judging.findings import outcome
from auditor.rules.judging.judge import columns_of, judge, reads_history
from auditor.rules.judging.merging import merged
from auditor.rules.judging.splitting import Splitting, splitting
from auditor.rules.language.spec import Detector, Match
from auditor.rules.outcome import Judged, NotEvaluated, Outcome
from auditor.rules.reading.bind import BoundRule, bind, bind_case
from auditor.rules.rows.handed import Handed
from auditor.rules.rows.source import Source
from auditor.rules.stages.derive import with_derived
from auditor.rules.task import Task
from auditor.simulator.scale import Scale, frames, make
from auditor.tables.schema import TABLES
from tests.pack import bundled_rules

RULES = [rule for rule in bundled_rules().rules if not isinstance(rule.detect.stage, Detector)]
PARTS = 5
NOW = datetime(2026, 6, 1, tzinfo=UTC)
LISTS = {
    "internal_domains": ("example.com",),
    "trusted_domains": ("example.net",),
    "office_networks": ("192.0.2.0/24",),
    "barrier_a": ("Team 1",),
    "barrier_b": ("Team 2",),
}

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)


def part_numbers(rows: pl.DataFrame, table: str, task: Task, key: Mapping[str, str], *, together: bool) -> pl.Series:
    derived = task.rule.detect.derive if table == task.rule.detect.table else ()
    values = with_derived(rows, derived, task, table=table)[key[table]]
    numbers = values.hash(7) % PARTS
    if together:
        return numbers
    anywhere = pl.int_range(rows.height, eager=True, dtype=pl.UInt64) % PARTS
    return numbers.zip_with(values.is_not_null(), anywhere)


def parts_of(
    rows: Mapping[str, pl.DataFrame], task: Task, plan: Splitting, key: Mapping[str, str] | None
) -> list[dict[str, pl.DataFrame]]:
    found: list[dict[str, pl.DataFrame]] = [{} for _ in range(PARTS)]
    for table, frame in rows.items():
        if key is not None and table in key:
            numbers = part_numbers(frame, table, task, key, together=plan.nulls_together)
        elif key is None and table == plan.table:
            numbers = pl.int_range(frame.height, eager=True) % PARTS
        else:
            assert table in plan.lookups
            for part in found:
                part[table] = frame
            continue
        for number, part in enumerate(found):
            part[table] = frame.filter(numbers == number)
    return found


class Judge:
    """Judges rows by a task; the same rows, as many parts of a small table are, only once."""

    def __init__(self, task: Task, window: Window | None) -> None:
        self.task = task
        self.window = window
        self.known: list[tuple[Mapping[str, pl.DataFrame], Judged | NotEvaluated]] = []

    def __call__(self, rows: Mapping[str, pl.DataFrame]) -> Judged | NotEvaluated:
        for others, found in self.known:
            if all(frame.height == others[name].height for name, frame in rows.items()) and all(
                frame.equals(others[name]) for name, frame in rows.items()
            ):
                return found
        try:
            found = judge(self.task, lambda table: Handed(rows[table]), window=self.window)
        except NotEvaluated as reason:
            found = reason
        self.known.append((rows, found))
        return found


def ended(part: list[Judged | NotEvaluated], task: Task) -> Outcome | str:
    try:
        return outcome(merged(part, task), task, now=NOW, tables=())
    except NotEvaluated as reason:
        return f"{reason} {reason.not_evaluable}"


def same_in_parts(bound: BoundRule, tables: Mapping[str, pl.LazyFrame], window: Window | None) -> int:
    """How many findings, after every way the planner allows has given the same."""
    task = Task(bound.rule, bound.values)
    plan = splitting(bound.rule, windowed=window is not None)
    source = Source(tables, NOW, window, bound.lists.get("internal_domains"))
    read = source.rows_with_history if reads_history(bound.rule) else source.rows
    rows = {table: read(table, columns).collect() for table, columns in columns_of(task).items()}
    judged = Judge(task, window)
    whole = ended([judged(rows)], task)
    for key in plan.keys or ([None] if plan.by_row else []):
        apart = [judged(part) for part in parts_of(rows, task, plan, key)]
        assert ended(apart, task) == whole, key
    return whole.found if isinstance(whole, Outcome) else 0


@pytest.mark.slow
@every_rule
def test_embedded_rows_give_the_same_in_parts(rule):
    for case in rule.cases:
        if case.expect_error is None:
            bound = bind_case(rule, case)
            tables = frames_of(case.given, internal_domains=bound.lists.get("internal_domains"))
            same_in_parts(bound, tables, case.window)


@pytest.fixture(scope="module")
def company():
    scale = Scale(40, 60, seed="3")
    made = frames(make(scale))
    empty = {name: table.schema.to_frame().lazy() for name, table in TABLES.items()}
    return {**empty, **made}, Window(scale.start + timedelta(days=30), scale.end)


@pytest.mark.slow
@every_rule
def test_a_company_gives_the_same_in_parts(rule, company):
    tables, window = company
    same_in_parts(bind(rule, now=NOW, lists=LISTS), tables, window)


def test_most_rules_can_be_split():
    plans = [splitting(rule) for rule in RULES]
    whole = {rule.id: plan.reason for rule, plan in zip(RULES, plans, strict=True) if plan.reason}
    assert whole.pop("IDN-010") == "egress is learned from all rows of its table"
    assert whole.pop("IDN-011") == "egress is learned from all rows of its table"
    assert list(whole) == ["ANM-002"]
    assert sum(plan.by_row for plan in plans) > 30


def test_a_small_table_goes_to_every_part():
    rule = next(rule for rule in RULES if isinstance(rule.detect.stage, Match) and rule.detect.stage.table == "people")
    plan = splitting(rule)
    assert plan.by_row
    assert "people" in plan.lookups


def test_a_rule_of_two_keys_tells_why_it_stays_whole():
    rule = next(rule for rule in RULES if rule.id == "ANM-002")
    assert splitting(rule).reason == "its parts relate rows by different columns: ip_network; email"


def test_periods_of_a_baseline_need_a_window_to_be_judged_apart():
    rule = next(rule for rule in RULES if rule.id == "ANM-009")
    assert splitting(rule, windowed=False).reason is not None
    assert splitting(rule).along("email") == {"attendees": "email"}


def test_facts_that_all_rows_tell_keep_rows_together_until_they_are_learned():
    rule = next(one for one in RULES if one.id == "IDN-010")
    assert splitting(rule).reason == "egress is learned from all rows of its table"
    learned = splitting(rule, learned=True)
    assert learned.reason is None
    assert learned.along("ip_address") is not None


@pytest.mark.parametrize("stage", ["", "match: {with: people, same: [department]}"], ids=["row by row", "by key"])
def test_accounts_are_judged_together_where_the_aliases_of_others_tell_whose_they_are(rule, stage):
    alias, plain, attended = (
        splitting(rule(detect, fingerprint="[email]"))
        for detect in (
            f"from: people\nwhere: person_key != email\n{stage}",
            f"from: people\nwhere: login_enabled\n{stage}",
            "from: attendees\nwhere: person_key != email",
        )
    )
    assert alias.reason == "person_key follows from the aliases of all rows of people"
    assert plain.reason is None
    assert attended.by_row
