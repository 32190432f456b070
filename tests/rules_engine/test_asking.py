"""The rows of which a rule asks for what all rows tell are all those it looks at it of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

import polars as pl
import pytest

from auditor.rules.judging.asking import asking
from auditor.rules.judging.judge import columns_of
from auditor.rules.language.spec import Rule
from auditor.rules.reading.bind import bind
from auditor.rules.rows.places import AT
from auditor.rules.task import Task

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BACK = "{name: back, where: joined_time is not None}"
STEPS = f"steps: [{{name: drop, where: left_time is not None, time: left_time}}, {BACK}]"

LATE = "{name: back, where: handoff}"
GROUPS = """
from: attendees
where: email is not None and handoff
group: {by: [email], aggregate: {found: count()}, having: found > 1}
"""
ONE = "steps: [{name: one, where: joined_time is not None, time: joined_time}]"
DAY = "derive: {half: 'meeting_id is None'}\nwhere:"


def detect(by: str, where: str, steps: str = STEPS) -> str:
    lines = ["from: attendees", "where: email is not None", "sequence:", f"  by: [{by}]", "  within: 9h", f"  {steps}"]
    return "\n".join([*lines, f"  where: {where}"])


def rows_of(draw: Random, count: int) -> pl.DataFrame:
    start = datetime(2026, 1, 5, 9, tzinfo=UTC)
    times = [start + timedelta(minutes=draw.randrange(500)) for _ in range(count)]
    return pl.DataFrame(
        {
            "meeting_id": [draw.choice(["m1", "m2", "m3", None]) for _ in range(count)],
            "email": [draw.choice(["a@example.com", "b@example.com", "c@example.com", None]) for _ in range(count)],
            "ip_network": [draw.choice(["192.0.2.0/24", "198.51.100.0/24", None]) for _ in range(count)],
            "joined_time": times,
            "left_time": times,
            AT: times,
            "item": range(count),
        }
    )


def plainly(rows: pl.DataFrame, column: str | None) -> list[int]:
    """The rows with an address that share it and the meeting with others, some of another value, or of none known."""
    known = rows.filter(pl.col("email").is_not_null())
    found = []
    for row in known.iter_rows(named=True):
        near = [one for one in known.iter_rows(named=True) if all(one[k] == row[k] for k in ("meeting_id", "email"))]
        values = [] if column is None else [one[column] for one in near]
        if len(near) > 1 and (column is None or None in values or len(set(values)) > 1):
            found.append(row["item"])
    return found


@pytest.mark.parametrize("seed", range(20))
def test_rows_of_a_sequence_are_asked_about_where_they_may_be_steps(rule: Callable[..., Rule], seed: int) -> None:
    draw = Random(seed)
    rows = rows_of(draw, draw.randrange(40))
    for where, column in (
        ("{all: [drop.ip_network != back.ip_network], none: [back.handoff]}", "ip_network"),
        ("{all: [drop.ip_network != back.ip_network or back.handoff]}", None),
        ("{none: [back.handoff]}", None),
    ):
        bound = bind(rule(detect("meeting_id, email", where), fingerprint="[drop.email]"), now=NOW, lists={})
        task = Task(bound.rule, bound.values)
        assert columns_of(task)["attendees"] - {"handoff"} <= set(rows.columns)
        assert rows.filter(asking(rows, task))["item"].to_list() == plainly(rows, column), where


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (detect("email", "{all: [drop.ip_network != back.ip_network], none: [back.handoff]}"), "[drop.email]"),
        (detect("meeting_id", "{none: [one.handoff]}", ONE), "[one.email]"),
        (detect("meeting_id", "{none: [back.handoff]}", STEPS.replace(BACK, LATE)), "[drop.email]"),
        (detect("meeting_id, half", "{none: [back.handoff]}").replace("where:", DAY, 1), "[drop.email]"),
        (GROUPS, "[email]"),
    ],
    ids=["beyond a meeting", "a single step", "a step by what is learned", "a derived key", "rows"],
)
def test_other_rules_ask_of_every_row_they_may_count(rule: Callable[..., Rule], found: str, shown: str) -> None:
    rows = rows_of(Random(1), 60)
    bound = bind(rule(found, fingerprint=shown), now=NOW, lists={})
    asked = rows.filter(asking(rows, Task(bound.rule, bound.values)))
    assert asked.equals(rows.filter(pl.col("email").is_not_null()))
