"""Conditions on few rows say what they say of every row, and those that few rows can satisfy are found."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.rules.judging.judge import keep
from auditor.rules.judging.run import run
from auditor.rules.reading.bind import bind
from auditor.rules.rows.once import made_names, settled
from auditor.rules.rows.source import Source
from auditor.rules.stages.plain import condition_of, judge_by_row
from auditor.rules.task import Task

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RARE = (
    "email_domain == 'rare.example'",
    "email_domain == 'rare.example' and not invited",
    "invited and client_agent is not None and email_domain == 'rare.example'",
    "email_domain == 'rare.example' or display_name == 'Zebra'",
    "invited and (email_domain == 'rare.example' or matches(display_name, 'ebr'))",
    "email_domain == 'absent.example' and invited",
)
COMMON = (
    "not (email_domain != 'rare.example' or invited)",
    "not (email_domain != 'rare.example' and display_name != 'Zebra')",
    "email_domain == 'often.example' and not invited",
    "invited",
    "invited or email_domain == 'rare.example'",
    "invited == (email_domain == 'rare.example')",
    "client_agent is None",
    "client_agent != display_name",
    "coalesce(client_agent, display_name) == 'Zebra'",
)
KEY = "[email, display_name]"
OFTEN = {"email": "a@often.example", "display_name": "Anna", "client_agent": "x", "invited": False}


def rows_of(odd):
    """Many ordinary rows, each of a person of its own, and some odd ones."""
    each = [OFTEN | {"email": f"p{number}@often.example", "display_name": f"P {number}"} for number in range(40)]
    return [*each, *odd]


@pytest.fixture(scope="module")
def bound(rule):
    return [
        bind(
            rule(f'from: attendees\nwhere: "{where}"', fingerprint=KEY, rest=f"nulls: {nulls}", number=number), now=NOW
        )
        for number, (where, nulls) in enumerate(
            ((where, nulls) for where in RARE + COMMON for nulls in ("pass", "fail")), start=1
        )
    ]


ODD = st.fixed_dictionaries(
    {
        "email": st.sampled_from(["a@rare.example", "b@often.example", None]),
        "display_name": st.sampled_from(["Zebra", "Anna", None]),
        "client_agent": st.sampled_from(["Zebra", "x", None]),
        "invited": st.sampled_from([True, False, None]),
    }
)


@settings(max_examples=20, deadline=None)
@given(odd=st.lists(ODD, max_size=8))
def test_rules_judged_on_few_rows_find_and_count_what_they_do_on_every_row(odd, bound, tables):
    frames = tables({"attendees": rows_of(odd)})
    quick = run(bound, frames, window=None, now=NOW)
    plain = run(bound, frames, window=None, now=NOW, watch=lambda *_: None)
    assert quick == plain
    assert not any(one.crashed for one in quick)


def test_conditions_that_few_values_can_satisfy_are_asked_of_few_rows(bound, tables):
    odd = [OFTEN | {"email": None, "display_name": "Zebra"}, OFTEN | {"email": "a@rare.example"}]
    source = Source(tables({"attendees": rows_of(odd)}), now=NOW)
    tasks = [Task(one.rule) for one in bound[::2]]
    keep(source, tasks)
    made = {name for task in tasks for name in made_names(task, "attendees")}
    screen = source.screened("attendees", [settled(condition_of(task), made) for task in tasks])
    assert sorted(screen.conditions) == list(range(len(RARE)))
    assert screen.rows.to_list() == [40, 41]


def test_conditions_no_value_satisfies_are_asked_of_no_row(bound, tables):
    source = Source(tables({"attendees": rows_of([])}), now=NOW)
    tasks = [Task(one.rule) for one in bound[::2]]
    keep(source, tasks)
    made = {name for task in tasks for name in made_names(task, "attendees")}
    screen = source.screened("attendees", [settled(condition_of(task), made) for task in tasks])
    assert sorted(screen.conditions) == list(range(len(RARE)))
    assert screen.rows.is_empty()


def test_where_rare_conditions_hold_of_many_rows_together_the_rarest_alone_are_asked_of_few(rule, tables):
    wheres = [f"email_domain == 'd{number}.example'" for number in range(10)]
    people = [OFTEN | {"email": f"{n}@d{number}.example"} for number in range(10) for n in range(number + 1)]
    source = Source(tables({"attendees": people}), now=NOW)
    bound = [
        bind(rule(f'from: attendees\nwhere: "{where}"', fingerprint=KEY, number=n), now=NOW)
        for n, where in enumerate(wheres, start=1)
    ]
    tasks = [Task(one.rule) for one in bound]
    keep(source, tasks)
    made = {name for task in tasks for name in made_names(task, "attendees")}
    screen = source.screened("attendees", [settled(condition_of(task), made) for task in tasks])
    assert screen.conditions == [0, 1]
    assert screen.rows.to_list() == [0, 1, 2]


def test_of_no_rows_nothing_is_asked(rule, tables):
    where = "contains(meeting.title, 'board') and audio_type == 'pstn'"
    one = bind(rule(f'from: devices\nwhere: "{where}"', fingerprint="[meeting_id]"), now=NOW)
    source, task = Source(tables({}), NOW), Task(one.rule, one.values)
    keep(source, [task])
    (judged,) = judge_by_row(source, [task])
    assert (judged.hits.height, judged.population, judged.not_evaluable) == (0, 0, 0)
