"""Sums and moments that no column can hold are unknown, and never come round to others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from auditor.model.vocabulary import Verdict

LONG = timedelta(minutes=10**10)
LATE = datetime(9999, 12, 31, 10, tzinfo=UTC)
HOURS = timedelta(hours=1)


def rows(duration, *, joined=LATE, count=1):
    return {"attendees": [{"meeting_id": "m1", "joined_time": joined, "duration": duration} for _ in range(count)]}


@pytest.mark.parametrize(("count", "known"), [(1, True), (15, True), (16, False), (32, False), (47, False)])
@pytest.mark.parametrize("term", ["sum(duration)", "mean(duration)"])
def test_a_sum_too_large_to_hold_is_unknown(judge, count, known, term):
    detect = f"from: attendees\ngroup: {{by: [meeting_id], aggregate: {{s: {term}}}, having: s < 1 * hours}}"
    found = judge(detect, rows(LONG, count=count), fingerprint="[meeting_id]", show=["s"])
    assert (found.verdict, found.not_evaluable) == ((Verdict.PASS, 0) if known else (Verdict.NOT_EVALUATED, 1))


def test_a_sum_of_all_rows_too_large_to_hold_is_unknown(judge):
    derive = "derive: {s: {expr: sum(duration), over: [meeting_id]}}"
    found = judge(f"from: attendees\n{derive}\nwhere: s < 1 * hours", rows(LONG, count=20), fingerprint="[meeting_id]")
    assert (found.found, found.not_evaluable) == (0, 20)


@pytest.mark.parametrize(
    ("aggregate", "having"),
    [
        ("s: sum(duration)", "s + s < 1 * hours"),
        ("s: sum(duration)", "-s - s > 1 * hours"),
        ("n: sum(meeting_number_value)", "n + n < 1"),
        ("n: sum(meeting_number_value)", "-n - n > 1"),
    ],
)
def test_a_sum_of_sums_too_large_to_hold_is_unknown(judge, aggregate, having):
    every = rows(LONG, count=15)["attendees"]
    numbered = [one | {"meeting_number": str(6 * 10**17)} for one in every]
    detect = f"from: attendees\ngroup: {{by: [meeting_id], aggregate: {{{aggregate}}}, having: {having}}}"
    found = judge(detect, {"attendees": numbered}, fingerprint="[meeting_id]")
    assert (found.verdict, found.not_evaluable) == (Verdict.NOT_EVALUATED, 1)


@pytest.mark.parametrize("term", ["joined_time + duration", "joined_time - duration"])
def test_a_moment_of_no_year_is_unknown(judge, term):
    detect = f"from: attendees\nderive: {{far: {term}}}\nwhere: far is not None"
    found = judge(detect, rows(LONG, joined=LATE), fingerprint="[meeting_id, far]", show=["far"])
    assert found.found == 0
    near = judge(detect, rows(HOURS, joined=LATE), fingerprint="[meeting_id, far]", show=["far"])
    moved = LATE + HOURS if "+" in term else LATE - HOURS
    assert [seen["far"] for seen in near.seen] == [moved.strftime("%Y-%m-%dT%H:%M:%S.%fZ")]
