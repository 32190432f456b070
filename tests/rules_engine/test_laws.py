"""What may never change a finding: order of rows, chunks, threads, where a window is cut, wording."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.model.window import Window
from auditor.rules.authoring.given import frames_of
from auditor.rules.judging.run import Means, run
from auditor.rules.language.spec import Detector
from auditor.rules.reading.bind import bind, bind_case
from auditor.rules.reading.load import load_rules
from tests.pack import bundled_rules

WORKED = Path(__file__).parents[1] / "data" / "worked_rules.yaml"
RULES = [
    rule
    for rule in (*bundled_rules().rules, *load_rules([WORKED], bundled=False).rules)
    if not isinstance(rule.detect.stage, Detector)
]


def shuffled(frame: pl.LazyFrame, seed: int) -> pl.LazyFrame:
    """The same rows in another order and in chunks of one to three rows."""
    rows = frame.collect()
    order = list(range(rows.height))
    random.Random(seed).shuffle(order)
    rows = rows[order]
    cuts = [rows[start : start + 1 + seed % 3] for start in range(0, rows.height, 1 + seed % 3)]
    return (pl.concat(cuts, rechunk=False) if cuts else rows).lazy()


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=[f"{rule.id} {rule.name}" for rule in RULES])
def test_order_and_chunks_and_ways_of_reading_change_nothing(rule):
    case = next(case for case in rule.cases if case.expect)
    bound = bind_case(rule, case)
    frames = frames_of(case.given, internal_domains=bound.lists.get("internal_domains"))
    means = Means(lists=bound.lists)
    expected = run([bound], frames, window=case.window, now=case.now, means=means)
    assert expected[0].found
    for seed in (1, 2):
        mixed = {name: shuffled(frame, seed) for name, frame in frames.items()}
        reading = replace(means, rows_kept=3_000_000 * (seed - 1))
        assert run([bound], mixed, window=case.window, now=case.now, means=reading) == expected


SCRIPT = """
import sys
from pathlib import Path
from auditor.rules.reading.bind import bind_case
from auditor.rules.authoring.given import frames_of
from auditor.rules.reading.load import load_rules
from auditor.rules.judging.run import Means, run
import polars as pl
print(pl.thread_pool_size(), file=sys.stderr)
for rule in load_rules([Path(sys.argv[1])], bundled=False).rules:
    for case in rule.cases:
        if case.expect_error is None:
            bound = bind_case(rule, case)
            frames = frames_of(case.given, internal_domains=bound.lists.get("internal_domains"))
            print(run([bound], frames, window=case.window, now=case.now, means=Means(lists=bound.lists)))
"""


@pytest.mark.slow
def test_the_number_of_threads_changes_nothing():
    def told(threads: int) -> tuple[str, str]:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(WORKED)],
            env=os.environ | {"POLARS_MAX_THREADS": str(threads)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout, done.stderr.strip()

    one, several = told(1), told(4)
    assert (one[1], several[1]) == ("1", "4")
    assert one[0] == several[0]
    assert "Finding(" in one[0]


BASE = datetime(2026, 1, 5, tzinfo=UTC)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "email": st.sampled_from(["a", "b", None]),
            "invited": st.sampled_from([True, False, None]),
            "joined_time": st.integers(0, 20).map(lambda hour: BASE + timedelta(hours=hour)),
        }
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60)
@given(ROWS, st.integers(1, 20))
def test_a_window_may_be_split_anywhere_for_rules_on_rows(judge, rows, cut):
    rows = {"attendees": [row | {"item": item} for item, row in enumerate(rows)]}
    start, middle, end = BASE, BASE + timedelta(hours=cut), BASE + timedelta(hours=21)

    def found(window: Window):
        return judge("{from: attendees, where: not invited}", rows, fingerprint="[email, joined_time]", window=window)

    whole, early, late = found(Window(start, end)), found(Window(start, middle)), found(Window(middle, end))
    assert sorted(whole.findings, key=str) == sorted([*early.findings, *late.findings], key=str)
    assert whole.population == early.population + late.population
    assert whole.not_evaluable == early.not_evaluable + late.not_evaluable


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES[:20], ids=[rule.id for rule in RULES[:20]])
def test_wording_never_changes_a_fingerprint(rule):
    case = next(case for case in rule.cases if case.expect)
    subject, message = (replace(rule.finding.subject, parts=(word,)) for word in ("other", "words"))
    other = replace(
        rule, title="Something else altogether", finding=replace(rule.finding, subject=subject, message=message)
    )

    def marks(one):
        bound = bind_case(one, case)
        frames = frames_of(case.given, internal_domains=bound.lists.get("internal_domains"))
        outcome = run([bound], frames, window=case.window, now=case.now, means=Means(lists=bound.lists))[0]
        return {finding.fingerprint for finding in outcome.findings}

    assert marks(rule) == marks(other)


@pytest.mark.slow
def test_rules_judged_together_end_as_rules_judged_alone(tables, at):
    plain = [rule for rule in RULES if rule.detect.table == "attendees" and rule.bundled]
    rows = [
        {
            "meeting_id": f"m{n % 3}",
            "meeting_title": ["Board", "Weekly", None][n % 3],
            "email": [f"p{n % 5}@example.com", f"x{n}@example.org", None][n % 3],
            "display_name": ["Eve", "Notetaker", None][n % 4 % 3],
            "joined_time": at(n),
            "left_time": at(n + 5),
            "ip_address": ["203.0.113.7", "198.51.100.9", None][n % 3],
            "invited": [True, False, None][n % 3],
            "client_agent": "windows,chrome",
        }
        for n in range(30)
    ]
    lists = {spec.name: ("example.com",) for rule in plain for spec in rule.lists} | {
        "internal_domains": ("example.com",),
        "office_networks": ("198.51.100.0/24",),
    }
    networks = {name: ("198.51.100.0/24",) for name in lists if "network" in name or "address" in name}
    bound = [bind(rule, now=at(0), lists=lists | networks) for rule in plain]
    means = Means(lists=lists | networks)
    together = run(bound, tables({"attendees": rows}), window=None, now=at(0), means=means)
    alone = tuple(run([one], tables({"attendees": rows}), window=None, now=at(0), means=means)[0] for one in bound)
    assert together == alone
    assert not any(outcome.crashed for outcome in together)
    assert sum(outcome.found for outcome in together) > 10
