"""The baseline stage against plain loops."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.engines.parcels import heard, told
from auditor.model.vocabulary import Verdict
from auditor.model.window import Window
from auditor.rules.judging.merging import judged_part, merged
from auditor.rules.outcome import NotEvaluated
from auditor.rules.reading.bind import bind
from auditor.rules.rows.source import Source
from auditor.rules.task import Task

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def day(number):
    return MONDAY + number * DAY


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "email": st.sampled_from(["a", "b", None]),
            "meeting_id": st.sampled_from(["m1", "m2", "m3", None]),
            "invited": st.sampled_from([True, False, None]),
            "joined_time": st.one_of(st.none(), st.integers(0, 9).map(lambda n: day(n) + timedelta(hours=n))),
        }
    ),
    max_size=14,
)


def quantile(values, share):
    place = share * (len(values) - 1)
    low, high = sorted(values)[math.floor(place)], sorted(values)[math.ceil(place)]
    return low + (high - low) * (place % 1)


def scored(method, value, history, *, least, scale):
    """center, mad and score of a value against the history, by the letter of the language."""
    used = [one for one in history if one is not None]
    if len(used) < least:
        return len(used), None, None, None
    center = median(used)
    if method == "robust_z":
        mad = median(abs(one - center) for one in used)
        score = (value - center) / max(1.4826 * mad, scale)
    else:
        low, high = quantile(used, 0.25), quantile(used, 0.75)
        mad = high - low
        outside = value - high if value > high else value - low if value < low else 0.0
        score = outside / max(mad, scale)
    return len(used), center, mad, score


def naive(rows, method, *, fill, history, least, window):
    usable = [row for row in rows if row["email"] and row["joined_time"]]
    first = min((row["joined_time"] for row in usable), default=None)
    if first is None:
        return {}
    last = max(row["joined_time"] for row in usable)
    number = lambda time: (time - MONDAY) // DAY  # noqa: E731 - the day a time lies in
    judged = range(number(first), number(last) + 1) if window is None else range(*window)
    found = {}
    for email in ("a", "b"):
        own = [row for row in usable if row["email"] == email]
        if not own:
            continue
        days = {number(row["joined_time"]) for row in own}
        series = {}
        for one in range(min(days), max(judged) + 1):
            meetings = {r["meeting_id"] for r in own if number(r["joined_time"]) == one} - {None}
            if one in days:
                series[one] = len(meetings)
            elif fill is not None:
                series[one] = fill
        for place, (one, value) in enumerate(series.items()):
            if one in judged:
                before = list(series.values())[max(0, place - history) : place]
                found[email, one] = (value, *scored(method, value, before, least=least, scale=0.5))
    return found


@settings(max_examples=120)
@given(
    ROWS,
    st.sampled_from(["robust_z", "iqr"]),
    st.sampled_from([None, 0]),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from([None, (4, 8)]),
    st.sampled_from([None, 0.5, 2.0]),
)
def test_scores_are_what_loops_give(judge, rows, method, fill, history, least, window, bar):
    rows = [row | {"item": item} for item, row in enumerate(rows)]
    history = max(history, least)
    filled = "" if fill is None else f", fill: {fill}"
    having = "score is not None" if bar is None else f"abs(score) >= {bar}"
    detect = f"""
    from: attendees
    baseline: {{entity: [email], period: 1d, value: n_unique(meeting_id){filled}, history: {history},
      min_history: {least}, method: {method}, min_scale: 0.5, having: {having}}}
    """
    span = None if window is None else Window(day(window[0]), day(window[1]))
    names = ["email", "period", "value", "n", "center", "mad", "score"]
    found = judge(detect, {"attendees": rows}, fingerprint="[email, period]", show=names, window=span)
    assert not found.crashed
    if found.verdict is Verdict.NOT_EVALUATED and found.population == 0:
        return
    expected = naive(rows, method, fill=fill, history=history, least=least, window=window)
    seen = {
        (one["email"], (datetime.fromisoformat(one["period"]) - MONDAY) // DAY): tuple(one[name] for name in names[2:])
        for one in found.seen
    }
    scores = {key: one for key, one in expected.items() if one[4] is not None and abs(one[4]) >= (bar or 0.0)}
    assert bar is None or found.not_evaluable >= sum(one[4] is None for one in expected.values())
    assert seen.keys() == scores.keys()
    for key, values in scores.items():
        assert all(math.isclose(x, y, abs_tol=1e-12) for x, y in zip(seen[key], values, strict=True)), (key, seen[key])
    assert found.population == len(expected)


def joins(email, days, **columns):
    return [{"email": email, "joined_time": day(number), **columns} for number in days]


def test_entities_and_periods_may_be_more_than_fit_into_32_bits_together(judge):
    hours = 46_500
    rows = [{"email": f"p{n}", "joined_time": MONDAY + timedelta(hours=n)} for n in range(hours)]
    rows += [rows[-1] | {"joined_time": rows[-1]["joined_time"] + timedelta(hours=n)} for n in (1, 2, 3, 3, 3)]
    detect = """
    from: attendees
    baseline: {entity: [email], period: 1h, value: count(), history: 3, min_history: 3, min_scale: 0.5,
      having: score > 1}
    """
    found = judge(detect, {"attendees": rows}, fingerprint="[email, period]", show=["email", "value"])
    assert [(one["email"], one["value"]) for one in found.seen] == [(f"p{hours - 1}", 3)]
    assert found.population == hours + 3


def test_history_reaches_back_before_the_window(judge):
    rows = [*joins("a", range(6), meeting_id="m1"), *joins("a", [6, 6, 6], meeting_id=None)]
    for number, row in enumerate(rows[6:]):
        row["meeting_id"] = f"s{number}"
    detect = """
    from: attendees
    baseline: {entity: [email], period: 1d, value: n_unique(meeting_id), fill: 0, having: score > 1}
    """
    found = judge(
        detect, {"attendees": rows}, fingerprint="[email, period]", window=Window(day(6), day(7)), show=["n", "value"]
    )
    assert [(seen["n"], seen["value"]) for seen in found.seen] == [(6, 3.0)]
    assert (found.population, found.not_evaluable) == (1, 0)
    assert found.findings[0].observed_at == day(6)


@pytest.mark.parametrize("period", ["1w", "1us"])
def test_rows_that_cannot_take_part_are_counted_also_where_no_period_is_judged(judge, period):
    rows = [*joins("a", range(8), invited=True), *joins(None, [2, 3]), *joins("a", [4])]
    detect = f"""
    from: attendees
    where: email is None or invited
    baseline: {{entity: [email], period: {period}, value: count(), having: score > 1}}
    """
    found = judge(detect, {"attendees": rows}, fingerprint="[email, period]", window=Window(day(1), day(6)))
    assert (found.verdict, found.not_evaluable) == (Verdict.NOT_EVALUATED, 3)


def test_only_whole_periods_are_judged(judge):
    rows = joins("a", range(8), meeting_id="m1")
    detect = "{from: attendees, baseline: {entity: [email], period: 1w, value: count(), having: score > 1}}"
    found = judge(detect, {"attendees": rows}, fingerprint="[email, period]", window=Window(day(1), day(6)))
    assert (found.verdict, found.reason) == (Verdict.NOT_EVALUATED, "no whole period lies in the window")


def test_a_period_filled_for_want_of_rows_rests_on_the_rows_before(judge):
    rows = [*joins("a", range(6), meeting_id="m1"), *joins("b", [6], meeting_id="m1")]
    detect = """
    from: attendees
    baseline: {entity: [email], period: 1d, value: count(), fill: 0, having: score < 0}
    """
    found = judge(detect, {"attendees": rows}, fingerprint="[email, period]", show=["email", "value"])
    assert [(seen["email"], seen["value"]) for seen in found.seen] == [("a", 0.0)]
    assert [record.item for record in found.findings[0].records] == [5]


def test_a_value_first_seen_after_enough_history_is_found(judge):
    rows = [
        *joins("a", range(3), client_os="windows"),
        *joins("a", [3], client_os="linux"),
        *joins("b", [3], client_os="mac"),
    ]
    detect = """
    from: attendees
    baseline: {entity: [email], period: 1d, value: client_os, method: first_seen, min_history: 3}
    """
    found = judge(
        detect, {"attendees": rows}, fingerprint="[email, value]", show=["value", "n", "score", "center", "mad"]
    )
    assert [(seen["value"], seen["n"], seen["score"]) for seen in found.seen] == [("linux", 3, 1.0)]
    assert (found.seen[0]["center"], found.seen[0]["mad"]) == (None, None)
    assert found.not_evaluable == 2
    assert [record.item for record in found.findings[0].records] == [3]


def test_a_value_new_before_there_is_enough_history_is_unknown_whatever_else_is_asked_of_it(judge):
    rows = [
        *joins("a", range(3), client_os="windows"),
        *joins("a", [3], client_os="linux"),
        *joins("a", [4], client_os="mac"),
    ]
    detect = """
    from: attendees
    baseline:
      {entity: [email], period: 1d, value: client_os, method: first_seen, min_history: 3, having: value != 'mac'}
    """
    found = judge(detect, {"attendees": rows}, fingerprint="[email, value]", show=["value", "n"])
    assert [(seen["value"], seen["n"]) for seen in found.seen] == [("linux", 3)]
    assert found.not_evaluable == 1


def test_a_share_is_held_against_the_share_of_all_history_rows(judge):
    rows = [
        *joins("a", [0, 0, 0, 1], invited=True),
        *joins("a", [1], invited=False),
        *joins("a", [2, 2], invited=False),
    ]
    rows.append(rows[0] | {"joined_time": day(2), "invited": None})
    detect = """
    from: attendees
    baseline: {entity: [email], period: 1d, value: invited, method: share, min_history: 2, having: score < -0.5}
    """
    found = judge(
        detect, {"attendees": rows}, fingerprint="[email, period]", show=["value", "center", "score", "mad", "n"]
    )
    assert [tuple(seen[name] for name in ("value", "center", "score", "mad", "n")) for seen in found.seen] == [
        (0.0, 0.8, -0.8, None, 2)
    ]


@pytest.mark.parametrize(("nulls", "verdict"), [("unknown", Verdict.NOT_EVALUATED), ("pass", Verdict.PASS)])
def test_people_without_history_follow_the_null_policy(judge, nulls, verdict):
    detect = "{from: attendees, baseline: {entity: [email], period: 1d, value: count(), having: score > 3}}"
    found = judge(detect, {"attendees": joins("a", [0, 1])}, fingerprint="[email, period]", rest=f"nulls: {nulls}")
    assert (found.verdict, found.population, found.not_evaluable) == (verdict, 2, 2)


def test_what_is_named_of_the_meeting_is_that_of_the_entity(judge):
    rows = {
        "attendees": [{"meeting_id": "m1", "joined_time": day(number)} for number in (0, 1, 2, 2)],
        "meetings": [{"meeting_id": "m1", "title": "Board"}],
    }
    detect = """
    from: attendees
    baseline: {entity: [meeting_id], period: 1d, value: count(), min_history: 2, having: score > 0}
    """
    found = judge(detect, rows, fingerprint="[meeting_id, period]", message="{meeting.title}: {value} on {period:date}")
    assert [finding.message for finding in found.findings] == ["Board: 2 on 2026-01-07"]


@pytest.mark.parametrize("more", ["period: 1us", "period: 1s, fill: 0", "period: 1ms, method: first_seen"])
def test_a_period_too_short_for_the_window_is_said_and_takes_no_memory(judge, at, more):
    value = "value: ip_address" if "first_seen" in more else "value: count(), having: score > 3"
    rows = [{"email": f"p{day % 5}", "ip_address": "192.0.2.7", "joined_time": at(day * 1440)} for day in range(80)]
    outcome = judge(
        f"from: attendees\nbaseline: {{entity: [email], {more}, {value}}}",
        {"attendees": rows},
        window=Window(at(0), at(90 * 1440)),
        fingerprint="[email, period]",
    )
    assert outcome.verdict is Verdict.NOT_EVALUATED
    assert not outcome.crashed
    assert re.fullmatch(r"[0-9,]+ periods are more than the 20,000,000 that can be judged; take .*", outcome.reason)


@pytest.mark.parametrize(("each", "parts"), [(7_000_000, 3), (20_000_001, 1), (15_000_000, 2)])
@pytest.mark.parametrize("sent", [False, True], ids=["here", "from workers"])
def test_periods_of_all_parts_together_are_not_more_than_can_be_judged(rule, tables, at, each, parts, sent):
    rows = [{"email": "a@example.com", "joined_time": at(day * 1440)} for day in (0, 3, 9)]
    detect = "from: attendees\nbaseline: {entity: [email], period: 1d, value: count(), fill: 0, having: score > 3}"
    bound = bind(rule(detect, fingerprint="[email, period]"), now=at(0))
    task = Task(bound.rule, bound.values)
    window = Window(at(0) - timedelta(hours=12), at(20 * 1440))
    source = Source(tables({"attendees": rows}), at(0), window)
    part = judged_part(source, task)
    assert part.periods == 20
    whole = [replace(part, periods=each) for _ in range(parts)]
    if each > 20_000_000:
        whole = [NotEvaluated("too many", periods=each)]
    if sent:
        whole = [heard(told("TST-001", one, bucket=0))[1] for one in whole]
    with pytest.raises(NotEvaluated, match=f"^{each * parts:,} periods are more than the 20,000,000"):
        merged(whole, task)
    assert merged([part, part], task).periods == 40
