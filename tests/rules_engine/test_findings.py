"""Findings as they are told of hits: one a fingerprint, the earliest hit speaks, values are shown on demand."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

DETECT = "{from: attendees, where: display_name != 'nobody'}"
HITS = st.lists(
    st.tuples(st.sampled_from(["a@b.example", "c@d.example", "e@f.example", None]), st.integers(0, 3)), max_size=12
)


def rows_of(hits, at):
    return [
        {"meeting_id": "m", "email": email, "display_name": f"name {place}", "joined_time": at(minute)}
        for place, (email, minute) in enumerate(hits)
    ]


@given(HITS)
@settings(deadline=None, max_examples=60)
def test_hits_of_one_fingerprint_are_one_finding_and_the_earliest_speaks(judge, at, hits):
    found = judge(DETECT, {"attendees": rows_of(hits, at)}, fingerprint="[email]", evidence="[display_name]")
    groups = defaultdict(list)
    for place, (email, minute) in enumerate(hits):
        groups[email].append((at(minute), place))
    told = {
        (one.observed_at, one.evidence["display_name"], one.occurrences, tuple(record.item for record in one.records))
        for one in found.findings
    }
    assert told == {
        (*min(group)[:1], f"name {min(group)[1]}", len(group), tuple(sorted(place for _, place in group)))
        for group in groups.values()
    }
    assert len(found.findings) == found.found == len(groups)


def test_values_are_shown_beside_each_finding_in_the_order_of_findings(judge, at):
    hits = [("c@d.example", 1), ("a@b.example", 2), ("c@d.example", 0)]
    words = {"fingerprint": "[email]", "evidence": "[display_name]"}
    found = judge(DETECT, {"attendees": rows_of(hits, at)}, show=["email"], **words)
    assert [dict(values) for values in found.seen] == [
        {"display_name": one.evidence["display_name"], "email": values["email"]}
        for one, values in zip(found.findings, found.seen, strict=True)
    ]
    assert {values["display_name"]: values["email"] for values in found.seen} == {
        "name 1": "a@b.example",
        "name 2": "c@d.example",
    }
    assert found.seen == [*found.seen]
    assert [*found.seen[1:]] == [found.seen[1]]
    assert repr(found.seen) == repr([*found.seen])


def devices(at):
    """Devices of two participants, each with one record: nothing but their values tells them apart."""
    kinds = [("mac", "pstn", "c1"), ("ios", "voip", "c4"), ("windows", "inactive", "c2"), ("ios", "pstn", "c3")]
    return [
        {
            "participant_id": f"p{place // 2}",
            "meeting_id": "m",
            "joined_time": at(0),
            "item": place // 2,
            "device_type": kind,
            "audio_type": audio,
            "correlation_id": correlation,
        }
        for place, (kind, audio, correlation) in enumerate(kinds)
    ]


@pytest.mark.parametrize(
    "detect",
    [
        "{from: devices, where: meeting_id is not None}",
        "{from: devices, derive: {n: {expr: count(), over: [participant_id]}}, where: n > 1}",
        """
        from: devices
        group: {by: [meeting_id, device_type, audio_type, correlation_id], aggregate: {n: count()}, having: n > 0}
        """,
    ],
    ids=["plain", "derived", "group"],
)
def test_of_hits_of_one_record_the_same_speaks_in_every_order_and_whoever_looks_at_them(judge, at, detect):
    rows, words = devices(at), {"fingerprint": "[meeting_id]", "message": "{device_type} {audio_type}"}
    told = [
        judge(detect, {"devices": some}, show=show, **words).findings
        for some in (rows, rows[::-1], rows[1:] + rows[:1])
        for show in ([], ["correlation_id"])
    ]
    assert [finding.message for finding in told[0]] == ["mac pstn"]
    assert told == [told[0]] * 6


def test_a_limit_keeps_the_same_hits_of_one_record_in_every_order(judge, at):
    rows = devices(at)
    words = {"fingerprint": "[correlation_id], limit: 1", "message": "{device_type}"}
    found = [judge("{from: devices, where: 'True'}", {"devices": some}, **words) for some in (rows, rows[::-1])]
    assert found[0] == found[1]
    assert [finding.message for finding in found[0].findings] == ["mac"]
    assert found[0].truncated == 3
