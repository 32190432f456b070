"""The pairs and match stages against plain loops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.model.finding import Record
from auditor.model.vocabulary import Verdict

BASE = datetime(2026, 1, 5, 10, tzinfo=UTC)
MINUTES = [*range(9), 2, 3, None]


def moment(minute):
    return None if minute is None else BASE + timedelta(minutes=minute)


def attendee(chance):
    joined, left = chance.choice(MINUTES), chance.choice(MINUTES)
    if joined is not None and left is not None and chance.random() < 0.8:
        joined, left = sorted((joined, left))
    return {
        "meeting_id": chance.choice(["m1"] * 8 + ["m2", None]),
        "email": chance.choice(["a", "b", "c"] * 3 + [None]),
        "company": chance.choice(["x", "y", None]),
        "invited": chance.choice([True] * 8 + [False, None]),
        "registered": chance.choice([True, False, None]),
        "joined_time": moment(joined),
        "left_time": moment(left),
    }


def participant(chance):
    return {
        "meeting_id": chance.choice(["m1"] * 8 + ["m2", None]),
        "email": chance.choice(["a", "b", None]),
        "state": chance.choice(["x", "y", None]),
        "invitee": chance.choice([True, False, None]),
        "host": chance.choice([True, True, False, None]),
        "joined_time": moment(chance.choice(MINUTES)),
    }


def many(one):
    """Lists of up to ten rows, as likely full of coincidences as not."""
    return st.integers(0, 2**32).map(Random).map(lambda chance: [one(chance) for _ in range(chance.randint(0, 10))])


ROWS = many(attendee)
MATCHED = many(participant)


def numbered(rows):
    return [row | {"item": item} for item, row in enumerate(rows)]


def kleene_different(one, other):
    return None if None in {one, other} else one != other


def fits(one, other, *, overlap, within):
    if overlap is None and within is None:
        return True
    shared = min(one["left_time"], other["left_time"]) - max(one["joined_time"], other["joined_time"])
    if overlap is not None and not (shared > timedelta() and shared >= overlap):
        return False
    return within is None or max(-shared, timedelta()) <= within


def naive_pairs(rows, *, overlap, within, where):
    """Pairs by the letter of the language: who is a, who is b; and the counts."""
    kept = [row for row in rows if row["invited"]]
    unknown = sum(row["invited"] is None for row in rows)
    needed = {"meeting_id", "email"} | (
        {"joined_time", "left_time"} if overlap is not None or within is not None else set()
    )
    usable = [row for row in kept if all(row[name] is not None for name in needed)]
    if overlap is not None or within is not None:
        usable = [row for row in usable if row["joined_time"] <= row["left_time"]]
    unknown += len(kept) - len(usable)
    found = []
    for one, other in combinations(usable, 2):
        if one["meeting_id"] != other["meeting_id"] or one["email"] == other["email"]:
            continue
        if not fits(one, other, overlap=overlap, within=within):
            continue
        a, b = sorted((one, other), key=lambda row: row["email"])
        verdict = kleene_different(a["company"], b["company"]) if where else True
        unknown += verdict is None
        if verdict:
            found.append((a["item"], b["item"]))
    return sorted(found), len(kept), unknown


SPANS = st.one_of(st.none(), st.integers(0, 4).map(lambda minutes: timedelta(minutes=minutes)))


@settings(max_examples=100)
@given(ROWS, SPANS, SPANS, st.booleans())
def test_pairs_are_what_loops_give(judge, rows, overlap, within, where):
    rows = numbered(rows)
    stage = "same: [meeting_id], different: [email]"
    for name, length in (("overlap", overlap), ("within", within)):
        stage += "" if length is None else f", {name}: {length // timedelta(minutes=1)}m"
    stage += ", where: a.company != b.company" if where else ""
    found = judge(
        f"{{from: attendees, where: invited, pairs: {{{stage}}}}}",
        {"attendees": rows},
        fingerprint="[a.email, b.email, a.joined_time, b.joined_time, overlap, gap, meeting_id, a.company, b.company]",
    )
    pairs, population, unknown = naive_pairs(rows, overlap=overlap, within=within, where=where)
    assert sum(finding.occurrences for finding in found.findings) == len(pairs)
    records = {record.item for finding in found.findings for record in finding.records}
    assert records == {item for pair in pairs for item in pair}
    if rows:
        assert (found.population, found.not_evaluable) == (population, unknown)


def test_a_pair_keeps_its_order_whatever_the_order_of_its_rows(judge, at):
    rows = [
        {"meeting_id": "m1", "email": "b", "joined_time": at(0), "left_time": at(9), "company": "x"},
        {"meeting_id": "m1", "email": "a", "joined_time": at(5), "left_time": at(6), "company": "y"},
    ]
    detect = "{from: attendees, pairs: {same: [meeting_id], different: [email], overlap: 0s}}"
    words = {"fingerprint": "[a.email, b.email]", "message": "{a.email} {b.email} {overlap} {gap} {meeting_id}"}
    for given_rows in (rows, rows[::-1]):
        found = judge(detect, {"attendees": given_rows}, **words)
        assert [finding.message for finding in found.findings] == ["a b 1 min 0 s m1"]
        assert found.findings[0].observed_at == at(5)


def test_without_different_columns_the_earlier_row_is_a(judge, at):
    rows = [
        {"email": "a", "company": "late", "joined_time": at(2), "left_time": at(3)},
        {"email": "a", "company": "early", "joined_time": at(1), "left_time": at(3)},
    ]
    detect = "{from: attendees, pairs: {same: [email], within: 0s}}"
    found = judge(detect, {"attendees": rows}, fingerprint="[email]", message="{a.company} {b.company}")
    assert [finding.message for finding in found.findings] == ["early late"]


def test_intervals_that_touch_do_not_overlap(judge, at):
    rows = [
        {"email": "a", "joined_time": at(0), "left_time": at(5)},
        {"email": "a", "joined_time": at(5), "left_time": at(9)},
    ]
    touching = "{{from: attendees, pairs: {{same: [email], {}: 0s}}}}"
    assert judge(touching.format("overlap"), {"attendees": rows}, fingerprint="[email]").found == 0
    assert judge(touching.format("within"), {"attendees": rows}, fingerprint="[email]").found == 1


def test_a_moment_overlaps_nothing(judge, at):
    rows = [
        {"email": "a", "joined_time": at(0), "left_time": at(9)},
        {"email": "a", "joined_time": at(5), "left_time": at(5)},
    ]
    found = judge("{from: attendees, pairs: {same: [email], overlap: 0s}}", {"attendees": rows}, fingerprint="[email]")
    assert (found.found, found.not_evaluable) == (0, 0)


def test_many_rows_of_one_key_are_swept(judge, at):
    rows = [{"email": "a", "joined_time": at(2 * n), "left_time": at(2 * n + 1)} for n in range(4000)]
    rows.append({"email": "a", "joined_time": at(100.5), "left_time": at(102.5)})
    found = judge(
        "{from: attendees, pairs: {same: [email], overlap: 0s}}",
        {"attendees": rows},
        fingerprint="[a.joined_time, b.joined_time]",
    )
    assert found.found == 2


def kleene_equal(one, other):
    different = kleene_different(one, other)
    return None if different is None else not different


def kleene_all(*verdicts):
    return False if False in verdicts else (None if None in verdicts else True)


CONDITIONS = {
    None: lambda a, b: True,
    "a.company != b.state": lambda a, b: kleene_different(a["company"], b["state"]),
    "b.state == 'x'": lambda a, b: kleene_equal(b["state"], "x"),
    "a.company == 'x'": lambda a, b: kleene_equal(a["company"], "x"),
    "a.registered != b.invitee": lambda a, b: kleene_different(a["registered"], b["invitee"]),
    "a.registered == b.invitee and b.host": lambda a, b: kleene_all(
        kleene_equal(a["registered"], b["invitee"]), b["host"]
    ),
    "b.joined_time > a.joined_time and (a.company == 'x' and b.state != 'y')": lambda a, b: kleene_all(
        None if None in {a["joined_time"], b["joined_time"]} else b["joined_time"] > a["joined_time"],
        kleene_equal(a["company"], "x"),
        kleene_different(b["state"], "y"),
    ),
}


def naive_match(rows, others, *, absent, where):
    found, unknown = [], 0
    for row in rows:
        if row["invited"] is None:
            unknown += 1
        if not row["invited"]:
            continue
        if None in {row["meeting_id"], row["email"]}:
            unknown += 1
            continue
        partners = [o for o in others if (o["meeting_id"], o["email"]) == (row["meeting_id"], row["email"])]
        verdicts = [CONDITIONS[where](row, o) for o in partners]
        matches = [o for o, verdict in zip(partners, verdicts, strict=True) if verdict]
        if not matches and None in verdicts:
            unknown += 1
        elif bool(matches) != absent:
            last = datetime.max.replace(tzinfo=UTC)
            first = min(matches, key=lambda o: (o["joined_time"] or last, o["item"]), default={"item": None})
            found.append((row["item"], len(matches), first["item"]))
    return sorted(found, key=str), unknown


@settings(max_examples=200)
@given(ROWS, MATCHED, st.booleans(), st.sampled_from(list(CONDITIONS)), st.booleans())
def test_matches_are_what_loops_give(judge, rows, others, absent, where, counted):
    rows, others = numbered(rows), [row | {"page": "1" * 64} for row in numbered(others)]
    condition = "" if where is None else f', where: "{where}"'
    detect = f"""
    from: attendees
    where: invited
    match: {{with: participants, same: [meeting_id, email], absent: {str(absent).lower()}{condition}}}
    """
    found = judge(
        detect,
        {"attendees": rows, "participants": others},
        fingerprint=f"[meeting_id, email, company{', matches' if counted else ''}]",
        show=["matches"] if counted else [],
    )
    if not rows or not others:
        assert found.verdict is Verdict.NOT_EVALUATED
        return
    expected, unknown = naive_match(rows, others, absent=absent, where=where)
    assert sum(finding.occurrences for finding in found.findings) == len(expected)
    seen = {record for finding in found.findings for record in finding.records}
    wanted = {Record("0" * 64, item) for item, _, _ in expected}
    wanted |= {Record("1" * 64, first) for _, _, first in expected if first is not None}
    assert seen == wanted
    if counted:
        assert {s["matches"] for s in found.seen} == {matches for _, matches, _ in expected}
    assert (found.not_evaluable, found.population) == (unknown, sum(row["invited"] is True for row in rows))


@pytest.mark.parametrize("partner", [0, 1, 4, 5, 20, 21, 85, 199, None])
@pytest.mark.parametrize("doubtful", [3, 150, None])
def test_the_only_partner_is_found_wherever_it_stands(judge, at, partner, doubtful):
    states = {partner: "right", doubtful: None} if doubtful != partner else {partner: "right"}
    rows = {
        "attendees": [{"email": "a", "company": "right"}, {"email": "b", "company": "wrong"}],
        "participants": [
            {"email": "a", "joined_time": at(place), "state": states.get(place, "wrong")} for place in range(200)
        ],
    }
    detect = "{from: attendees, match: {with: participants, same: [email], where: a.company == b.state}}"
    found = judge(detect, rows, fingerprint="[email, b.joined_time]")
    moments = [datetime.fromisoformat(seen["b.joined_time"]) for seen in found.seen]
    assert moments == ([] if partner is None else [at(partner)])
    assert found.not_evaluable == (partner is None and doubtful is not None)


def test_both_tables_of_a_match_are_required(judge):
    found = judge(
        "{from: attendees, where: true, match: {with: participants, same: [email], absent: true}}",
        {"attendees": [{"email": "a"}]},
        fingerprint="[email]",
    )
    assert (found.verdict, found.reason) == (Verdict.NOT_EVALUATED, "no participants rows in the window")


def test_columns_of_the_first_partner_are_seen(judge, at):
    rows = {
        "attendees": [{"email": "a", "company": "own"}],
        "participants": [
            {"email": "a", "state": "late", "joined_time": at(2)},
            {"email": "a", "state": "early", "joined_time": at(1)},
        ],
    }
    detect = "{from: attendees, match: {with: participants, same: [email]}}"
    found = judge(detect, rows, fingerprint="[email]", message="{company} {b.state} {matches}")
    assert [finding.message for finding in found.findings] == ["own early 2"]


def test_without_a_partner_its_columns_are_null(judge):
    rows = {"meetings": [{"title": "Sync", "host_email": "h"}], "attendees": [{"email": "a"}]}
    detect = "{from: meetings, match: {with: attendees, same: [{a: host_email, b: email}], absent: true}}"
    found = judge(detect, rows, fingerprint="[host_email]", message="{title} {b.company} {matches}")
    assert [finding.message for finding in found.findings] == ["Sync — 0"]


def test_a_row_may_match_itself(judge):
    detect = "{from: attendees, match: {with: attendees, same: [email]}}"
    assert judge(detect, {"attendees": [{"email": "a"}]}, fingerprint="[email, matches]").found == 1


@pytest.mark.parametrize(("nulls", "found"), [("unknown", 0), ("fail", 1)])
def test_a_partner_that_may_be_one_follows_the_null_policy(judge, nulls, found):
    detect = "{from: attendees, match: {with: participants, same: [email], where: a.company != b.state, absent: true}}"
    rows = {"attendees": [{"email": "a", "company": "x"}], "participants": [{"email": "a"}]}
    outcome = judge(detect, rows, fingerprint="[email]", rest=f"nulls: {nulls}")
    assert (outcome.found, outcome.not_evaluable) == (found, 1)
