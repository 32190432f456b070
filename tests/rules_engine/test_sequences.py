"""The sequence stage against a plain search."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

BASE = datetime(2026, 1, 5, 10, tzinfo=UTC)
MINUTES = [*range(7), *range(7), None]


def moment(minute):
    return None if minute is None else BASE + timedelta(minutes=minute)


def attendee(chance):
    return {
        "email": chance.choice(["a"] * 10 + ["b", None]),
        "company": chance.choice(["x", "y", "z"] * 3 + [None]),
        "joined_time": moment(chance.choice(MINUTES)),
        "left_time": moment(chance.choice(MINUTES)),
    }


ROWS = st.integers(0, 2**32).map(Random).map(lambda chance: [attendee(chance) for _ in range(chance.randint(1, 9))])
STEPS = [("xy", "joined_time"), ("yz", "left_time"), ("xz", "joined_time")]


def events(rows, word, time):
    found = [row for row in rows if row["company"] and row["company"] in word and row[time] is not None]
    return sorted(found, key=lambda row: (row[time], row["item"]))


def chain(rows, start, steps, within):
    used, reached = [start], start[steps[0][1]]
    for word, time in steps[1:]:
        later = (row for row in events(rows, word, time) if row[time] >= reached and row not in used)
        following = next(later, None)
        if following is None:
            return None
        used.append(following)
        reached = following[time]
    return used if reached - start[steps[0][1]] <= within else None


def search(rows, steps, within, absent):
    """Matches by the letter of the language, of one group."""
    found, after = [], None
    for start in events(rows, *steps[0]):
        first = start[steps[0][1]]
        if after is not None and (first, start["item"]) <= after:
            continue
        used = chain(rows, start, steps, within)
        if used is None:
            continue
        if absent and any(
            row not in used and first < row["joined_time"] <= first + within for row in events(rows, "z", "joined_time")
        ):
            continue
        found.append(sorted(row["item"] for row in used))
        after = (used[-1][steps[-1][1]], used[-1]["item"])
    return found


@settings(max_examples=120)
@given(ROWS, st.integers(1, 3), st.integers(0, 5), st.booleans())
def test_matches_are_what_a_plain_search_gives(judge, rows, count, within, absent):
    rows = [row | {"item": item} for item, row in enumerate(rows)]
    steps = STEPS[:count]
    words = ", ".join(
        f"{{name: s{n}, where: \"matches(company, '[{word}]')\", time: {time}}}" for n, (word, time) in enumerate(steps)
    )
    never = ", absent: [{where: company == 'z'}]" if absent else ""
    detect = f"{{from: attendees, sequence: {{by: [email], within: {within}m, steps: [{words}]{never}}}}}"
    fingerprint = "[" + ", ".join(f"s{n}.company" for n in range(count)) + ", email, elapsed]"
    found = judge(detect, {"attendees": rows}, fingerprint=fingerprint)
    groups = {email: [row for row in rows if row["email"] == email] for email in ("a", "b")}
    expected = [
        match for members in groups.values() for match in search(members, steps, timedelta(minutes=within), absent)
    ]
    assert sum(finding.occurrences for finding in found.findings) == len(expected)
    records = sorted({record.item for finding in found.findings for record in finding.records})
    assert records == sorted({item for match in expected for item in match})
    untimed = sum(
        row["email"] is not None and any((row["company"] or "-") in word and row[time] is None for word, time in steps)
        for row in rows
    )
    assert found.not_evaluable == untimed + sum(row["email"] is None for row in rows)
    if rows:
        assert found.population == sum(bool(members) for members in groups.values())


def test_never_followed_by(judge, at):
    rows = [
        {"email": "a", "company": "x", "joined_time": at(0)},
        {"email": "a", "company": "z", "joined_time": at(5)},
        {"email": "b", "company": "x", "joined_time": at(0)},
        {"email": "b", "company": "z", "joined_time": at(5.5)},
        {"email": "c", "company": "x", "joined_time": at(0)},
        {"email": "c", "company": "z", "joined_time": at(0)},
    ]
    detect = """
    from: attendees
    sequence:
      by: [email]
      within: 5m
      steps: [{name: start, where: company == 'x'}]
      absent: [{where: company == 'z'}]
    """
    found = judge(detect, {"attendees": rows}, fingerprint="[email]", show=["email"])
    assert sorted(seen["email"] for seen in found.seen) == ["b", "c"]


def test_a_match_that_where_cannot_judge_is_counted(judge, at):
    rows = [
        {"email": "a", "company": "x", "joined_time": at(0), "city": None},
        {"email": "a", "company": "y", "joined_time": at(1), "city": "Oslo"},
    ]
    detect = """
    from: attendees
    sequence:
      by: [email]
      within: 5m
      steps: [{name: one, where: company == 'x'}, {name: two, where: company == 'y'}]
      where: one.city != two.city
    """
    found = judge(detect, {"attendees": rows}, fingerprint="[email]")
    assert (found.found, found.not_evaluable) == (0, 1)
    assert judge(detect, {"attendees": rows}, fingerprint="[email]", rest="nulls: fail").found == 1


WHERES = (
    "one.city != two.city",
    "one.city != two.city or one.invited != two.invited",
    "one.city != two.city and one.invited != two.invited",
    "not (one.city == two.city) or one.invited != two.invited",
    "one.city != two.company",
    "one.left_time != two.left_time and two.city is not None",
)


@given(ROWS, st.randoms(use_true_random=False), st.sampled_from(WHERES), st.booleans())
def test_groups_in_which_no_step_differs_from_another_have_no_match(judge, rows, chance, where, absent):
    rows = [
        row
        | {
            "item": item,
            "city": chance.choice(["o"] * 6 + ["p", None]),
            "invited": chance.choice([True, False] * 3 + [None]),
        }
        for item, row in enumerate(rows)
    ]
    never = "absent: [{where: company == 'z'}], " if absent else ""
    steps = "[{name: one, where: company == 'x'}, {name: two, where: company != 'q'}]"

    def found(condition):
        detect = f"sequence: {{by: [email], within: 5m, steps: {steps}, {never}where: '{condition}'}}"
        return judge(f"{{from: attendees, {detect}}}", {"attendees": rows}, fingerprint="[email, elapsed, one.company]")

    # what compares a value with itself tells nothing of the columns
    quick, plain = found(where), found(f"({where}) if one.email == two.email else null")
    assert [one.records for one in quick.findings] == [one.records for one in plain.findings]
    assert (quick.population, quick.not_evaluable) == (plain.population, plain.not_evaluable)
    assert not quick.crashed


def test_the_last_step_dates_a_match(judge, at):
    rows = [
        {"email": "a", "company": "x", "joined_time": at(0)},
        {"email": "a", "company": "y", "joined_time": at(3)},
    ]
    detect = """
    from: attendees
    sequence: {by: [email], within: 5m, steps: [{name: one, where: company == 'x'}, {name: two, where: company == 'y'}]}
    """
    found = judge(detect, {"attendees": rows}, fingerprint="[email]", message="{elapsed} {two.joined_time:time}")
    assert [(f.observed_at, f.message) for f in found.findings] == [(at(3), "3 min 10:03:00Z")]
