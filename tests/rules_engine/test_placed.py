"""Rules of large tables end as they do on small ones, by whatever columns they relate rows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from auditor.engines.local import batches
from auditor.model.window import Window
from auditor.rules.judging.run import Means, run
from auditor.rules.reading.bind import bind
from auditor.tables.schema import TABLES

LISTS = {"internal_domains": ("example.com",), "office_networks": ("192.0.2.0/28",)}


@pytest.fixture
def ways(rule, tables, at):
    """What a rule finds in one go, and in parts of a few rows each."""

    def judged(detect, rows, *, also=(), **words):
        frames = tables(rows)
        window, now = Window(at(-600), at(600)), at(600) + timedelta(days=1)
        bound = [bind(rule(detect, **words), now=now, lists=LISTS)]
        means = Means(lists=LISTS)
        pieces = {name: [frames[name]] for name, table in TABLES.items() if "meeting_id" in table.schema}
        elsewhere = batches(pieces, frames, window=window, now=now, means=means, rows=2)
        shown = {bound[0].rule.id: also}
        return tuple(
            run(bound, frames, window=window, now=now, means=means, also=shown, elsewhere=way)[0]
            for way in (None, elsewhere)
        )

    return judged


@pytest.fixture
def rows(at):
    """People who record meetings they did not attend."""
    attended = [
        {"meeting_id": f"m{n}", "email": f"p{n % 4}@example.com", "joined_time": at(n), "left_time": at(n + 1)}
        for n in range(12)
    ]
    recorded = [{"meeting_id": f"m{n}", "host_email": f"p{n + 1}@example.com", "created": at(n)} for n in range(3)]
    return {"attendees": attended, "recordings": recorded}


@pytest.mark.parametrize("absent", [False, True])
@pytest.mark.parametrize("derive", ["", "derive: {seen: {expr: count(), over: [email]}}"], ids=["plain", "derived"])
def test_a_match_with_rows_of_other_meetings_finds_them_all(ways, rows, derive, absent):
    detect = f"""
        from: attendees
        {derive}
        match: {{with: recordings, same: [{{a: email, b: host_email}}], absent: {str(absent).lower()}}}
    """
    whole, apart = ways(detect, rows, message="{matches}", fingerprint="[meeting_id, email]")
    assert whole.found == (3 if absent else 9)
    assert apart == whole


@pytest.mark.parametrize("same", ["[meeting_id]", "[meeting_id, {a: email, b: host_email}]"])
def test_a_match_within_meetings_is_judged_in_parts(ways, rows, same):
    detect = f"{{from: attendees, match: {{with: recordings, same: {same}, absent: true}}}}"
    whole, apart = ways(detect, rows, fingerprint="[meeting_id, email]")
    assert whole.found == (9 if same == "[meeting_id]" else 12)
    assert apart == whole


def test_a_rule_on_rows_that_asks_what_all_rows_tell_need_not_name_the_meeting(ways, rows):
    whole, apart = ways("{from: attendees, where: visit_number > 0}", rows, fingerprint="[email]")
    assert whole.found == 4
    assert apart == whole


BY_FILE = {
    "sequence": "sequence: {by: [email], within: 1m, steps: [{name: one, where: muted}, {name: two, where: loud}]}",
    "match": "where: correlation_id == 'c2'\n        match: {with: devices, same: [meeting_id]}",
    "rolling": "group: {by: [email], window: {rolling: 1m, time: left_time},"
    " aggregate: {one: first(correlation_id), two: last(correlation_id)}, having: rows > 0}",
    "session": "group: {by: [email], window: {session_gap: 1m, time: left_time},"
    " aggregate: {one: first(correlation_id), two: last(correlation_id)}, having: rows > 0}",
}
SHOWN = {
    "sequence": ("one.correlation_id", "two.correlation_id"),
    "match": ("correlation_id", "b.correlation_id"),
}
TOLD = {"sequence": "c2 c1", "match": "c2 c2"}
FINGERPRINTS = {"sequence": "[email, one.joined_time]", "match": "[meeting_id]"}


@pytest.mark.parametrize("stage", BY_FILE)
def test_devices_of_one_record_and_moment_stand_as_the_record_has_them(ways, at, stage):
    devices = [
        {
            "meeting_id": f"m{person}",
            "participant_id": f"p{person}",
            "email": f"p{person % 5}@example.com",
            "correlation_id": f"c{place}",
            "audio_type": "pstn" if place == 2 else "voip",
            "joined_time": at(5 * person),
            "left_time": at(5 * person + 1),
            "item": person * 37 % 50,
        }
        for person in range(50)
        for place in (2, 1, 3, 0)
    ]
    detect = f"""
        from: devices
        derive: {{muted: audio_type == 'pstn', loud: audio_type == 'voip'}}
        {BY_FILE[stage]}
    """
    first, second = SHOWN.get(stage, ("one", "two"))
    words = {"message": f"{{{first}}} {{{second}}}", "fingerprint": FINGERPRINTS.get(stage, "[email, window_start]")}
    whole, apart = ways(detect, {"devices": devices}, **words)
    assert {one.message for one in whole.findings} == {TOLD.get(stage, "c2 c0")}
    assert len(whole.findings) == 50
    assert apart == whole
