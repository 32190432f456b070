"""Rules that sum up groups before they choose rows give the same where rows that cannot matter are left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.rules.judging.run import run
from auditor.rules.reading.bind import bind
from auditor.rules.stages.derive import narrowed
from auditor.rules.task import Task

NOW = datetime(2026, 6, 1, tzinfo=UTC)
STAY = 'presence: {expr: "covered(joined_time, left_time)", over: [meeting_id, email]}'
KNOWN = "people: {expr: n_unique(email), where: invited, over: [meeting_id]}"
NAMED = '{who: "coalesce(email, display_name)", joins: {expr: count(), over: [meeting_id, who]}}'
MANY = "group: {by: [meeting_id], aggregate: {n: count()}, having: n > 1}"
OTHERS = "match: {with: attendees, same: [meeting_id], absent: true, where: b.invited}"
PLAIN = (
    f"derive: {{{STAY}}}\nwhere: not invited and presence > 5 * minutes",
    f"derive: {{{STAY}}}\nwhere: {{all: [presence > 5 * minutes], none: [invited, email is None]}}",
    f"derive: {{{STAY}, {KNOWN}}}\nwhere: {{all: [presence > 5 * minutes or people > 1], none: [invited]}}",
    f"derive: {{{STAY}, late: presence - 5 * minutes}}\nwhere: \"display_name == 'Zebra' and late > 0 * minutes\"",
    f"derive: {NAMED}\nwhere: not invited and joins > 1",
    f"derive: {{{STAY}}}\nwhere: presence > 5 * minutes",
    # sums of sums need all rows
    f"derive: {{{STAY}, most: {{expr: max(presence), over: [meeting_id]}}}}\nwhere: not invited and most > 5 * minutes",
    # nothing that all groups share
    (
        "derive: {own: {expr: count(), over: [email]}, all_in: {expr: count(), over: [meeting_id]}}\n"
        "where: not invited and own < all_in"
    ),
)
STAGES = (
    f"derive: {{{STAY}}}\nwhere: not invited and presence > 5 * minutes\n{MANY}",
    f"derive: {{{KNOWN}}}\nwhere: not invited and people > 0\nmatch: {{with: participants, same: [meeting_id]}}",
    f"derive: {{{KNOWN}}}\nwhere: not invited and people > 0\n{OTHERS}",
)


def bound_of(rule, detects, fingerprint):
    return [
        bind(
            rule(f"from: attendees\n{detect}", fingerprint=fingerprint, rest=f"nulls: {nulls}", number=number), now=NOW
        )
        for number, (detect, nulls) in enumerate(((one, nulls) for one in detects for nulls in ("pass", "fail")), 1)
    ]


@pytest.fixture(scope="module")
def bound(rule):
    plain = bound_of(rule, PLAIN, "[meeting_id, email, display_name]")
    return [
        plain,
        *([one] for one in bound_of(rule, STAGES[:1], "[meeting_id]")),
        *([one] for one in bound_of(rule, STAGES[1:], "[meeting_id, email]")),
    ]


MINUTES = st.none() | st.integers(0, 30)
ROW = st.fixed_dictionaries(
    {
        "meeting_id": st.sampled_from(["m1", "m2", "m3", None]),
        "email": st.sampled_from(["a@example.com", "b@example.com", None]),
        "display_name": st.sampled_from(["Zebra", "Anna", None]),
        "invited": st.sampled_from([True, True, True, False, None]),
        "joined_time": MINUTES,
        "left_time": MINUTES,
    }
)


def placed(row):
    times = {
        name: None if row[name] is None else NOW + timedelta(minutes=row[name]) for name in ("joined_time", "left_time")
    }
    return row | times


@settings(max_examples=8, deadline=None)
@given(odd=st.lists(ROW.map(placed), max_size=12))
def test_rules_find_and_count_what_they_do_on_every_row(odd, bound, tables):
    usual = {"email": "c@example.com", "invited": True, "joined_time": NOW, "left_time": NOW + timedelta(minutes=9)}
    rows = [usual | {"meeting_id": f"u{number}"} for number in range(30)]
    frames = tables({"attendees": [*rows, *odd], "participants": [{"meeting_id": "m1"}]})
    for some in bound:
        quick = run(some, frames, window=None, now=NOW)
        assert quick == run(some, frames, window=None, now=NOW, watch=lambda *_: None)
        assert not any(one.crashed for one in quick)


def test_rows_that_share_a_meeting_with_none_that_may_be_found_are_left_out(bound, tables):
    rows = [{"meeting_id": f"m{number // 2}", "display_name": "Anna", "invited": number != 5} for number in range(20)]
    frame = tables({"attendees": rows})["attendees"].collect()
    left = [narrowed(frame, Task(one.rule))["item"].to_list() for one in bound[0][::2]]
    assert left == [[4, 5], [], [4, 5], [], [4, 5], *([list(range(20))] * 3)]
