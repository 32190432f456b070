"""Columns that wait are, once asked for, what they would have been at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.entities.packed import texts
from auditor.rules.judging.judge import columns_of, counted, waiting
from auditor.rules.language.spec import Condition
from auditor.rules.language.tree import Column, Literal, Op, Type
from auditor.rules.reading.bind import bind
from auditor.rules.rows.handed import COUNTED, OWN
from auditor.rules.rows.places import PLACE
from auditor.rules.rows.source import Source
from auditor.rules.task import Task
from auditor.tables.schema import LINEAGE, TABLES
from tests.pack import bundled_rules

NOW = datetime(2026, 10, 5, tzinfo=UTC)
WHERE = Condition(Op("==", (Column("audio_type", Type.TEXT), Literal(value="pstn", type=Type.TEXT)), Type.BOOLEAN), ())
RULES = {rule.id: Task(bind(rule, now=NOW).rule) for rule in bundled_rules().rules}


@st.composite
def devices(draw):
    kinds = draw(st.lists(st.sampled_from(["pstn", "voip", None]), max_size=30))
    height = len(kinds)
    hours = draw(st.lists(st.integers(1, 5), min_size=height, max_size=height))
    return pl.DataFrame(
        {
            **dict.fromkeys(TABLES["devices"].schema, None),
            "meeting_id": [f"m{hour % 3}" for hour in hours],
            "audio_type": kinds,
            "phone_number": [None if place % 3 == 0 else f"number {place % 5}" for place in range(height)],
            "joined_time": [NOW - timedelta(hours=hour) for hour in hours],
            "page": ["ab" * 32] * height,
            "item": list(range(height)),
        },
        schema=TABLES["devices"].schema,
    )


@given(devices(), st.sampled_from(["", "meeting_id"]), st.booleans(), st.randoms(use_true_random=False))
def test_rows_are_completed_with_the_columns_that_waited(rows, by, asked, random):
    columns = ["audio_type", "phone_number", "meeting_id", "joined_time"]
    source = Source({"devices": rows.lazy()}, NOW, by=by)
    source.keep("devices", columns, history=False, judged=["audio_type", "meeting_id"])
    where = WHERE if asked else None
    plain = texts(source.handed("devices", columns, before=False, where=where).rows)
    handed = source.handed(
        "devices", columns, before=False, where=where, waiting={"audio_type", "phone_number", *LINEAGE}
    )
    if OWN not in handed.rows.columns:
        # of few rows nothing waits
        assert texts(handed.rows).equals(plain)
        return
    assert not {"audio_type", "phone_number", *LINEAGE} & set(handed.rows.columns)
    every = texts(handed.complete(handed.rows)).select(*plain.columns)
    if asked:
        said = [None if kind is None else kind == "pstn" for kind in every["audio_type"]]
        assert handed.rows[COUNTED].to_list() == said
    # `judged` may have left no row out
    assert every.equals(plain.filter(pl.col(PLACE).is_in(every[PLACE].implode())))
    random.shuffle(some := list(range(every.height)))
    assert texts(handed.complete(handed.rows[some])).select(*plain.columns).equals(every[some])
    nobody = handed.complete(handed.rows.select(OWN)[pl.Series([None, *some], dtype=pl.UInt32)])
    assert all(value is None for value in nobody.row(0))


def test_what_a_rule_only_shows_waits_and_what_its_where_asks():
    task = RULES["ATT-003"]
    assert counted(task.rule, "attendees") is not None
    assert {"meeting.title", "meeting.host_email", "is_host", *LINEAGE} <= waiting(task, "attendees")
    assert not waiting(task, "attendees") & {"meeting_id", "email", "joined_time", "left_time", "duration"}


def test_history_and_rows_ordered_by_another_time_wait_for_nothing():
    assert waiting(RULES["ANM-009"], "attendees") == frozenset()
    assert all(
        waiting(task, table) == frozenset()
        for task in RULES.values()
        for table in columns_of(task)
        if TABLES[table].time is None
    )


@pytest.mark.parametrize("where", ["true", "param.strict", "not (now < datetime('2020-01-01'))", "{none: [false]}"])
@pytest.mark.parametrize(
    ("stage", "population"),
    [
        ("group: {by: [email], aggregate: {n: count()}, having: n == 3}", 1),
        ("group: {by: [email], window: {rolling: 1h}, aggregate: {n: count()}, having: n == 3}", 3),
        ("pairs: {same: [email], different: [meeting_id]}", 3),
        ("match: {with: participants, same: [email], absent: true}", 3),
        ("sequence: {by: [email], within: 1h, steps: [{name: one, where: email is not None}]}", 1),
        ("baseline: {entity: [email], period: 1d, value: count(), having: value == 3}", 1),
    ],
)
def test_a_condition_that_reads_no_column_is_said_of_every_row(judge, at, where, stage, population):
    rows = [{"email": "a", "meeting_id": f"m{minute}", "joined_time": at(minute)} for minute in range(3)]
    outcome = judge(
        f"from: attendees\nwhere: {where}\n{stage}",
        {"attendees": rows, "participants": [{"email": "b", "joined_time": at(0)}]},
        fingerprint="[email]",
        rest="params: {strict: {type: boolean, default: true, description: Whether to look}}",
    )
    assert (outcome.found, outcome.population) == (1, population)
