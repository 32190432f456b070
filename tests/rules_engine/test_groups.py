"""The group stage against plain loops: aggregates, bursts, sessions, tumbling windows."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.model.vocabulary import Verdict
from auditor.rules.compiled.aggregates import AGGREGATES as AGGREGATES_KNOWN
from auditor.rules.compiled.aggregates import OF_NONE, Rows
from auditor.rules.compiled.bounds import least_rows
from auditor.rules.compiled.compile import expression
from auditor.rules.compiled.dtypes import DTYPES
from auditor.rules.language.tree import Column, Literal, Op, Type

BASE = datetime(2026, 1, 5, 10, tzinfo=UTC)
MINUTES = [*range(13), None]


def moment(minute):
    return None if minute is None else BASE + timedelta(minutes=minute)


def attendee(chance):
    length = chance.choice([None, 0, 1, 2, 3])
    return {
        "meeting_id": chance.choice(["m1", "m2"] * 3 + [None]),
        "email": chance.choice(["a", "b"] * 3 + [None]),
        "invited": chance.choice([True, True, False, None]),
        "joined_time": moment(chance.choice(MINUTES)),
        "left_time": moment(chance.choice(MINUTES)),
        "duration": None if length is None else timedelta(minutes=length),
    }


def join(chance):
    return {"email": chance.choice(["a"] * 8 + ["b", None]), "joined_time": moment(chance.choice([*range(16), None]))}


def many(one):
    """Lists of up to twelve rows, as likely full of coincidences as not."""
    return st.integers(0, 2**32).map(Random).map(lambda chance: [one(chance) for _ in range(chance.randint(0, 12))])


ATTENDEES = many(attendee)
JOINS = many(join)


def numbered(rows):
    return [row | {"item": item} for item, row in enumerate(rows)]


def groups(rows, *keys):
    found = defaultdict(list)
    for row in rows:
        if all(row[key] is not None for key in keys):
            found[tuple(row[key] for key in keys)].append(row)
    return found


def by_time(rows):
    last = datetime.max.replace(tzinfo=UTC)
    return sorted(rows, key=lambda row: (row["joined_time"] or last, row["item"]))


def known(rows, name):
    return [row[name] for row in rows if row[name] is not None]


def covered(rows):
    spans = sorted((r["joined_time"], r["left_time"]) for r in rows if r["joined_time"] and r["left_time"])
    total, reached = timedelta(), None
    for start, end in spans:
        begin = start if reached is None else max(start, reached)
        total += max(end - begin, timedelta())
        reached = end if reached is None else max(reached, end)
    return total if spans else None


def peak(rows):
    spans = [(r["joined_time"], r["left_time"]) for r in rows if r["joined_time"] and r["left_time"]]
    return max(sum(start <= at < end for start, end in spans) for at, _ in spans) if spans else None


def naive_any(flags):
    return True if True in flags else None if None in flags else False


def naive_all(flags):
    return False if False in flags else None if None in flags else True


def written(length):
    return None if length is None else f"{length // timedelta(microseconds=1)}us"


AGGREGATES = """
from: attendees
group:
  by: [meeting_id]
  aggregate:
    n: count()
    emails: count(email)
    sure: count_if(invited)
    people: n_unique(email)
    total: sum(duration)
    ones: sum(1)
    average: mean(duration)
    middle: median(duration)
    shortest: min(duration)
    longest: max(duration)
    deviation: std(to_minutes(duration))
    third: quantile(to_minutes(duration), 0.25)
    early: first(email)
    late: last(email)
    union: covered(joined_time, left_time)
    crowd: peak(joined_time, left_time)
    names: values(email)
    some: any(invited)
    each: all(invited)
    part: share(invited)
    double: 2 * count() + sum(1)
  having: rows > 0
"""
NAMES = ["meeting_id", "rows", *re.findall(r"^    (\w+): ", AGGREGATES, re.MULTILINE)]


def summed(key, rows):
    lengths = sorted(known(rows, "duration"))
    minutes = [length / timedelta(minutes=1) for length in lengths]
    mean = sum(minutes) / len(minutes) if minutes else None
    flags = [row["invited"] for row in rows]
    place = 0.25 * (len(minutes) - 1)
    half = (len(lengths) - 1) / 2
    total = sum(lengths, timedelta())
    return {
        "meeting_id": key,
        "rows": len(rows),
        "n": len(rows),
        "emails": len(known(rows, "email")),
        "sure": flags.count(True),
        "people": len(set(known(rows, "email"))),
        "total": written(total) if lengths else None,
        "ones": len(rows),
        "average": written(timedelta(microseconds=round(total / timedelta(microseconds=1) / len(lengths))))
        if lengths
        else None,
        "middle": written((lengths[math.floor(half)] + lengths[math.ceil(half)]) / 2) if lengths else None,
        "shortest": written(lengths[0]) if lengths else None,
        "longest": written(lengths[-1]) if lengths else None,
        "deviation": math.sqrt(sum((x - mean) ** 2 for x in minutes) / (len(minutes) - 1))
        if len(minutes) > 1
        else None,
        "third": minutes[math.floor(place)] * (1 - place % 1) + minutes[math.ceil(place)] * (place % 1)
        if minutes
        else None,
        "early": next(iter(known(by_time(rows), "email")), None),
        "late": next(iter(known(by_time(rows)[::-1], "email")), None),
        "union": written(covered(rows)),
        "crowd": peak(rows),
        "names": sorted(set(known(rows, "email"))),
        "some": naive_any(flags),
        "each": naive_all(flags),
        "part": flags.count(True) / len(known(rows, "invited")) if known(rows, "invited") else None,
        "double": 3 * len(rows),
    }


def alike(one, other):
    return one.keys() == other.keys() and all(
        math.isclose(value, other[name], rel_tol=1e-12, abs_tol=1e-12)
        if isinstance(value, float) and other[name] is not None
        else value == other[name]
        for name, value in one.items()
    )


@settings(max_examples=60)
@given(ATTENDEES)
def test_aggregates_are_what_loops_give(judge, rows):
    rows = numbered(rows)
    found = judge(AGGREGATES, {"attendees": rows}, fingerprint="[meeting_id]", show=NAMES)
    expected = [summed(key, members) for (key,), members in sorted(groups(rows, "meeting_id").items())]
    seen = sorted(found.seen, key=lambda values: values["meeting_id"])
    assert len(seen) == len(expected)
    for one, other in zip(seen, expected, strict=True):
        shown = {name: one[name] for name in NAMES}
        assert alike(shown, other), (shown, other)
    assert found.not_evaluable == sum(row["meeting_id"] is None for row in rows)


def lonely(chance):
    return attendee(chance) | {"email": chance.choice([*"abcdefghijklmnopqrstuvwxyz", None])}


BY_ROW = ["n", "emails", "sure", "people", "total", "shortest", "longest", "early", "late", "union", "crowd"]
BY_ROW += ["some", "each"]
TREES = dict(re.findall(r"^    (\w+): (.+)", AGGREGATES, re.MULTILINE))


def sums(rows):
    return {name: value for name, value in summed(None, rows).items() if name in BY_ROW}


@settings(max_examples=60)
@given(many(lonely))
def test_groups_of_one_row_are_summed_up_as_others_are(judge, rows):
    rows = numbered(rows)
    aggregates = ", ".join(f'{name}: "{TREES[name]}"' for name in BY_ROW)
    found = judge(
        f"{{from: attendees, group: {{by: [meeting_id, email], aggregate: {{{aggregates}}}, having: rows > 0}}}}",
        {"attendees": rows},
        fingerprint="[meeting_id, email]",
        show=BY_ROW,
    )
    seen = {(s["meeting_id"], s["email"]): {name: s[name] for name in BY_ROW} for s in found.seen}
    assert seen == {key: sums(members) for key, members in groups(rows, "meeting_id", "email").items()}


@settings(max_examples=60)
@given(many(lonely), st.sampled_from(["", "where: invited, "]))
def test_each_row_gets_what_its_group_sums_up_to(judge, rows, where):
    rows = numbered(rows)
    derived = ", ".join(f'{name}: {{expr: "{TREES[name]}", {where}over: [meeting_id, email]}}' for name in BY_ROW)
    found = judge(
        f"{{from: attendees, derive: {{{derived}}}, where: true}}",
        {"attendees": rows},
        fingerprint="[company, meeting_id, email, joined_time]",
        show=BY_ROW,
    )
    expected = {}
    for row in rows:
        mates = [o for o in rows if (o["meeting_id"], o["email"]) == (row["meeting_id"], row["email"])]
        expected[row["item"]] = sums([o for o in mates if o["invited"] or not where])
    seen = {
        record.item: {name: s[name] for name in BY_ROW}
        for f, s in zip(found.findings, found.seen, strict=True)
        for record in f.records
    }
    assert seen == expected


@settings(max_examples=60)
@given(ATTENDEES)
def test_groups_follow_having_by_kleene(judge, rows):
    rows = numbered(rows)
    detect = """
    from: attendees
    where: invited
    group: {by: [meeting_id, email], aggregate: {total: sum(duration)}, having: total > 1 * minutes}
    """
    found = judge(detect, {"attendees": rows}, fingerprint="[meeting_id, email]", show=["meeting_id", "email"])
    unknown = sum(row["invited"] is None for row in rows)
    unknown += sum(row["invited"] is True and None in {row["meeting_id"], row["email"]} for row in rows)
    expected = {}
    members = groups([row for row in rows if row["invited"]], "meeting_id", "email")
    for key, group in members.items():
        lengths = known(group, "duration")
        if not lengths:
            unknown += 1
        elif sum(lengths, timedelta()) > timedelta(minutes=1):
            expected[key] = {row["item"] for row in group}
    seen = {
        (values["meeting_id"], values["email"]): {record.item for record in finding.records}
        for values, finding in zip(found.seen, found.findings, strict=True)
    }
    assert seen == expected
    assert (found.not_evaluable, found.population) == (unknown, len(members) if rows else 0)


def bursts(rows, length, least):
    """Bursts of a group by the letter of the language: rows, first and last time."""
    rows = by_time(rows)
    windows = {}
    for row in rows:
        at = row["joined_time"]
        inside = [other for other in rows if at - length < other["joined_time"] <= at]
        if len(inside) >= least:
            windows[at] = inside
    merged = []
    for at in sorted(windows):
        if merged and at - merged[-1][0] < length:
            merged[-1] = (at, merged[-1][1] + windows[at])
        else:
            merged.append((at, windows[at]))
    return [sorted({row["item"] for row in members}) for _, members in merged]


@settings(max_examples=80)
@given(JOINS, st.integers(1, 5), st.integers(1, 3))
def test_bursts_are_unions_of_the_windows_of_their_hits(judge, rows, length, least):
    rows = numbered(rows)
    detect = f"""
    from: attendees
    group:
      by: [email]
      window: {{rolling: {length}m}}
      aggregate: {{joins: count()}}
      having: joins >= {least}
    """
    found = judge(
        detect, {"attendees": rows}, fingerprint="[email, window_start]", show=["joins", "window_end", "rows"]
    )
    usable = [row for row in rows if row["joined_time"]]
    expected = [
        burst
        for members in groups(usable, "email").values()
        for burst in bursts(members, timedelta(minutes=length), least)
    ]
    assert sorted([record.item for record in finding.records] for finding in found.findings) == sorted(expected)
    assert all(seen["joins"] == len(f.records) for seen, f in zip(found.seen, found.findings, strict=True))
    assert found.not_evaluable == sum(row["email"] is None or row["joined_time"] is None for row in rows)


@settings(max_examples=60)
@given(JOINS, st.integers(1, 4))
def test_a_session_ends_with_a_gap_longer_than_its_length(judge, rows, gap):
    rows = numbered(rows)
    detect = f"""
    from: attendees
    group: {{by: [email], window: {{session_gap: {gap}m}}, aggregate: {{n: count()}}, having: n > 0}}
    """
    found = judge(detect, {"attendees": rows}, fingerprint="[email, window_start]", show=["window_start", "window_end"])
    expected = []
    for members in groups([row for row in rows if row["joined_time"]], "email").values():
        session = []
        for row in by_time(members):
            if session and row["joined_time"] - session[-1]["joined_time"] > timedelta(minutes=gap):
                expected.append(sorted(one["item"] for one in session))
                session = []
            session.append(row)
        expected.append(sorted(one["item"] for one in session))
    assert sorted([record.item for record in finding.records] for finding in found.findings) == sorted(expected)
    assert found.population == len(expected)


def tumbled(judge, times, window):
    rows = [{"email": "a", "joined_time": time} for time in times]
    detect = f"""
    from: attendees
    group: {{by: [email], window: {window}, aggregate: {{n: count()}}, having: n > 0}}
    """
    found = judge(detect, {"attendees": rows}, fingerprint="[window_start]", show=["window_start", "window_end", "n"])
    return sorted((seen["window_start"][:16], seen["window_end"][:16], seen["n"]) for seen in found.seen)


def test_a_week_starts_on_monday(judge):
    times = [
        datetime(2026, 1, 4, 23, 59, tzinfo=UTC),
        datetime(2026, 1, 5, tzinfo=UTC),
        datetime(2026, 1, 11, tzinfo=UTC),
    ]
    assert tumbled(judge, times, "{tumbling: 1w}") == [
        ("2025-12-29T00:00", "2026-01-05T00:00", 1),
        ("2026-01-05T00:00", "2026-01-12T00:00", 2),
    ]


def test_a_local_day_may_have_twenty_three_hours(judge):
    times = [datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 21, 59, tzinfo=UTC)]
    times.append(datetime(2026, 3, 29, 22, tzinfo=UTC))
    assert tumbled(judge, times, "{tumbling: 1d, zone: Europe/Oslo}") == [
        ("2026-03-28T23:00", "2026-03-29T22:00", 2),
        ("2026-03-29T22:00", "2026-03-30T22:00", 1),
    ]


def test_windows_below_a_day_begin_at_local_midnight(judge):
    times = [datetime(2026, 1, 5, 22, 59, tzinfo=UTC), datetime(2026, 1, 5, 23, tzinfo=UTC)]
    assert tumbled(judge, times, "{tumbling: 6h, zone: Europe/Oslo}") == [
        ("2026-01-05T17:00", "2026-01-05T23:00", 1),
        ("2026-01-05T23:00", "2026-01-06T05:00", 1),
    ]


@given(
    st.lists(st.integers(-800_000, 28_000_000).map(moment), min_size=1, max_size=5),
    st.sampled_from([1, 6, 24, 72, 168]),
)
@settings(max_examples=40)
def test_tumbling_windows_tile_the_line_of_time(judge, times, hours):
    length = timedelta(hours=hours)
    first = datetime(1970, 1, 5, tzinfo=UTC)
    expected = sorted({time - (time - first) % length for time in times})
    found = tumbled(judge, times, f"{{tumbling: {hours}h}}")
    assert [start for start, _, _ in found] == sorted(f"{start:%Y-%m-%dT%H:%M}" for start in expected)


@pytest.mark.parametrize(
    ("nulls", "verdict", "found"),
    [("unknown", Verdict.NOT_EVALUATED, 0), ("pass", Verdict.PASS, 0), ("fail", Verdict.FAIL, 1)],
)
def test_a_group_that_cannot_be_judged_follows_the_null_policy(judge, nulls, verdict, found):
    detect = "{from: attendees, group: {by: [email], aggregate: {total: sum(duration)}, having: total > 1 * minutes}}"
    outcome = judge(detect, {"attendees": [{"email": "a"}, {}]}, fingerprint="[email]", rest=f"nulls: {nulls}")
    assert (outcome.verdict, outcome.found, outcome.not_evaluable) == (verdict, found, 2)


def test_a_burst_of_nulls_is_a_finding_only_under_fail(judge, at):
    detect = """
    from: attendees
    group: {by: [email], window: {rolling: 5m}, aggregate: {total: sum(duration)}, having: total > 1 * minutes}
    """
    rows = [{"email": "a", "joined_time": at(0)}, {"email": "a", "joined_time": at(1)}]
    assert judge(detect, {"attendees": rows}, fingerprint="[email, window_start]").found == 0
    found = judge(detect, {"attendees": rows}, fingerprint="[email, window_start]", rest="nulls: fail")
    assert (found.found, found.not_evaluable) == (1, 2)


def test_what_is_named_of_the_meeting_is_that_of_the_group(judge):
    detect = """
    from: attendees
    group: {by: [meeting_id], aggregate: {n: count()}, having: n < meeting.total_invitee}
    """
    rows = {
        "attendees": [{"meeting_id": "m1"}, {"meeting_id": "m2"}],
        "meetings": [
            {"meeting_id": "m1", "total_invitee": 2, "title": "Board"},
            {"meeting_id": "m2", "total_invitee": 1},
        ],
    }
    found = judge(detect, rows, fingerprint="[meeting_id]", message="{meeting.title}")
    assert [finding.message for finding in found.findings] == ["Board"]


def test_the_last_row_dates_a_group(judge, at):
    rows = [{"email": "a", "joined_time": at(3)}, {"email": "a", "joined_time": at(1)}]
    detect = "{from: attendees, group: {by: [email], aggregate: {n: count()}, having: n > 0}}"
    assert judge(detect, {"attendees": rows}, fingerprint="[email]").findings[0].observed_at == at(3)


@settings(max_examples=60)
@given(ATTENDEES)
def test_presence_over_a_group_is_the_union_of_its_intervals(judge, rows):
    rows = numbered(rows)
    detect = """
    from: attendees
    derive: {presence: {expr: "covered(joined_time, left_time)", where: invited, over: [meeting_id, email]}}
    where: true
    """
    found = judge(
        detect, {"attendees": rows}, fingerprint="[company, meeting_id, email, joined_time]", show=["presence"]
    )
    expected = {}
    for row in rows:
        mates = [o for o in rows if (o["meeting_id"], o["email"]) == (row["meeting_id"], row["email"]) and o["invited"]]
        expected[row["item"]] = written(covered(mates))
    seen = {record.item: s["presence"] for f, s in zip(found.findings, found.seen, strict=True) for record in f.records}
    assert seen == expected


def test_a_sum_over_a_group_may_read_the_one_before_it(judge):
    detect = """
    from: attendees
    derive:
      joins: {expr: count(), over: [email]}
      most: {expr: max(joins), over: [email]}
      meetings: {expr: n_unique(meeting_id), over: [email]}
      again: {expr: max(meetings), over: [email]}
    where: "true"
    """
    rows = [{"email": email, "meeting_id": meeting} for email, meeting in [("a", "m1"), ("a", "m2"), ("b", "m1")]]
    found = judge(detect, {"attendees": rows}, fingerprint="[email]", show=["joins", "most", "meetings", "again"])
    assert {tuple(seen[name] for name in ("email", "joins", "most", "meetings", "again")) for seen in found.seen} == {
        ("a", 2, 2, 2, 2),
        ("b", 1, 1, 1, 1),
    }


@pytest.mark.parametrize(
    ("aggregate", "value"),
    [
        ("first('a')", "a"),
        ("last(2.5)", 2.5),
        ("sum(2)", 6),
        ("count(1)", 3),
        ("max(5 * minutes)", "300000000us"),
        ("values('a')", ["a"]),
        ("last(['a', 'b'])", ["a", "b"]),
        ("n_unique(7)", 1),
        ("any(true)", True),
        ("mean(3)", 3.0),
    ],
)
def test_what_reads_no_column_counts_on_every_row(judge, aggregate, value):
    detect = f"""
    from: attendees
    group: {{by: [meeting_id], aggregate: {{x: "{aggregate}"}}, having: rows > 2}}
    """
    rows = [{"meeting_id": "m", "joined_time": BASE}] * 3 + [{"meeting_id": "n", "joined_time": BASE}]
    (found,) = judge(detect, {"attendees": rows}, fingerprint="[meeting_id]", evidence="[x]").findings
    assert found.evidence["x"] == value


@pytest.mark.parametrize("text", ["'board'", "strip(' board')", "param.word"])
def test_words_are_looked_for_in_a_text_that_is_no_column(judge, text):
    detect = f"""
    from: attendees
    group: {{by: [meeting_id], aggregate: {{x: "any(contains_any({text}, ['oar', 'x']))"}}, having: x}}
    """
    rest = "params: {word: {type: string, default: board, description: A word}}"
    rows = [{"meeting_id": name, "joined_time": BASE} for name in "mmn"]
    outcome = judge(detect, {"attendees": rows}, fingerprint="[meeting_id]", rest=rest)
    assert (outcome.found, outcome.crashed) == (2, False)


@pytest.mark.parametrize("name", sorted(AGGREGATES_KNOWN))
def test_what_an_aggregate_gives_of_no_rows_is_what_polars_gives(name):
    kinds = {"any": Type.BOOLEAN, "all": Type.BOOLEAN, "share": Type.BOOLEAN, "count_if": Type.BOOLEAN}
    kinds |= {"covered": Type.DATETIME, "peak": Type.DATETIME, "values": Type.TEXT}
    kind = kinds.get(name, Type.INTEGER)
    more = {"covered": (Column("x", kind),), "peak": (Column("x", kind),), "quantile": (Literal(0.5, Type.NUMBER),)}
    rows = pl.DataFrame({"x": []}, schema={"x": DTYPES[kind]})
    found = rows.select(expression(Op(name, (Column("x", kind), *more.get(name, ())), kind), rows=Rows(("x",))))
    found = found.select(pl.all().implode()) if name == "values" else found
    assert found.to_series().to_list() == [OF_NONE.get(name)]


@pytest.mark.parametrize("aggregate", ["sum", "mean", "std"])
@pytest.mark.parametrize("count", [2, 3, 10, 300])
def test_a_number_is_the_same_however_polars_comes_to_its_rows(aggregate, count):
    lengths = Random(1)
    rows = pl.DataFrame({"x": [lengths.uniform(0, 1e6) for _ in range(count)]}).with_row_index("time")
    alike = rows.with_columns(x=0.1)
    value = expression(Op(aggregate, (Column("x", Type.NUMBER),), Type.NUMBER), rows=Rows(()))
    for one in (rows, alike):
        groups = pl.concat([one.with_columns(key=pl.lit(key, dtype=pl.Int64)) for key in range(3)])
        told = {
            *one.select(value)["x"],
            *groups.group_by("key").agg(value)["x"],
            *groups.sample(fraction=1, shuffle=True, seed=1).group_by("key").agg(value)["x"],
            *groups.with_columns(value.over("key"))["x"],
            one.with_columns(pl.col("time").cast(pl.Int64)).rolling("time", period="1000i").agg(value)["x"][-1],
        }
        assert len(told) == 1


@pytest.mark.parametrize("others", [0, 3])
def test_equal_numbers_do_not_deviate(judge, others):
    detect = """
    from: attendees
    group: {by: [meeting_id], aggregate: {spread: std(to_minutes(duration))}, having: spread > 0}
    """
    length = timedelta(seconds=6)
    rows = [{"meeting_id": name, "joined_time": BASE, "duration": length} for name in "mmm" + "n" * others]
    outcome = judge(detect, {"attendees": rows}, fingerprint="[meeting_id]")
    assert (outcome.found, outcome.not_evaluable, outcome.verdict.value) == (0, 0, "pass")


@pytest.mark.parametrize(
    ("aggregate", "having", "found"),
    [
        ("n_unique(lower(display_name))", "x >= 2", 2),
        ("count_if(contains(display_name, 'v'))", "x >= 1", 1),
        ("n_unique(domain(email))", "x == 1", 1),
        ("min(upper(display_name))", "x < 'C'", "BOB"),
        ("max(len(display_name))", "x >= 3", 3),
        ("any(matches(client_app, '^web'))", "x", True),
        ("last(extract(display_name, '^(.)'))", "x == 'B'", "B"),
    ],
)
def test_a_rolling_window_looks_into_texts(judge, at, aggregate, having, found):
    detect = f"""
    from: attendees
    group: {{by: [email], window: {{rolling: 10m}}, aggregate: {{x: "{aggregate}"}}, having: "{having}"}}
    """
    rows = [
        {"email": "eve@example.org", "display_name": name, "client_agent": "windows,webex", "joined_time": at(minute)}
        for minute, name in enumerate(["Eve", "EVE", "Bob"])
    ]
    outcome = judge(detect, {"attendees": rows}, fingerprint="[email]", evidence="[x]")
    assert [finding.evidence["x"] for finding in outcome.findings] == [found]


@pytest.mark.parametrize("table", ["attendees", "devices"])
def test_a_group_of_very_many_rows_rests_on_each_record_once(judge, table):
    """Several devices may be of one record."""
    rows = [
        {"site_url": "a", "page": f"{place * 7919 % 300:064x}", "item": place // 300, "joined_time": BASE}
        for place in range(12_000)
        for _ in range(1 + (table == "devices" and place % 5 == 0))
    ]
    detect = f"from: {table}\ngroup: {{by: [site_url], aggregate: {{n: count()}}, having: n > 10000}}"
    (found,) = judge(detect, {table: rows}, fingerprint="[site_url]").findings
    expected = sorted({(row["page"], row["item"]) for row in rows})
    assert [*found.records] == expected
    assert found.records[0] == expected[0]
    assert len(found.records) == 12_000


HAVINGS = (
    "people >= 3",
    "crowd > 1 or (null if coalesce(crowd, 0) + open > 1 else false)",
    "n > 1 and not some",
    "people >= 2 and not some and (long > 2 * minutes or (null if open > 0 else false))",
    "not (n < 3 or each)",
    "2 <= people + n and long is not None",
    "null if people > 1 else false",
    "some and (true if open == 0 else null) and people > 0",
)


def gathered(chance):
    missing = {"left_time": None} if chance.random() < 0.1 else {}
    return (
        attendee(chance)
        | {"meeting_id": chance.choice("klmn"), "invited": chance.choice([False] * 5 + [True, None])}
        | missing
    )


@given(many(gathered), st.sampled_from(HAVINGS), st.sampled_from(["meeting_id", "meeting_id, email"]))
def test_groups_told_to_be_no_hits_before_they_are_summed_up_are_none(judge, rows, having, by):
    aggregates = {
        "n": "count()",
        "people": "n_unique(company)",
        "crowd": "peak(joined_time, left_time)",
        "open": "count_if(joined_time is None or left_time is None)",
        "some": "any(invited)",
        "each": "all(invited)",
        "long": "max(duration)",
    }
    told = ", ".join(f'{name}: "{tree}"' for name, tree in aggregates.items())
    rows = [row | {"company": f"{row['email']}{row['duration']}"} for row in numbered(rows)]

    def found(condition):
        return judge(
            f"{{from: attendees, group: {{by: [{by}], aggregate: {{{told}}}, having: '{condition}'}}}}",
            {"attendees": rows},
            fingerprint=f"[{by}]",
            show=[*aggregates, "rows"],
        )

    # what compares a value with itself tells nothing before all is summed up
    quick, plain = found(having), found(f"({having}) if rows == rows else null")
    assert [one.records for one in quick.findings] == [one.records for one in plain.findings]
    assert quick.seen == plain.seen
    assert (quick.population, quick.not_evaluable) == (plain.population, plain.not_evaluable)
    assert not quick.crashed


@pytest.mark.parametrize(
    ("having", "plain", "least"),
    [
        ("n >= 4", False, 4),
        ("people > 2 and n > 0", False, 3),
        ("people > 2 or n > 5", False, 3),
        ("not n < 7", False, 7),
        ("crowd > 3 or (null if coalesce(crowd, 0) + open > 3 else false)", False, 1),
        ("crowd > 3 or (null if coalesce(crowd, 0) + open > 3 else false)", True, 4),
        ("n + people >= 5", False, 3),
        ("n + people >= 5 or some", False, 1),
        ("null if n > 1 else false", False, 2),
        ("n < 3", False, 1),
        ("n > 2 * people", False, 1),
    ],
)
def test_a_condition_tells_how_many_rows_a_group_must_have(rule, having, plain, least):
    aggregates = "n: count(), people: n_unique(email), some: any(invited), crowd: 'peak(joined_time, left_time)'"
    aggregates += ", open: count_if(left_time is None)"
    detect = f"{{from: attendees, group: {{by: [meeting_id], aggregate: {{{aggregates}}}, having: '{having}'}}}}"
    stage = rule(detect, fingerprint="[meeting_id]").detect.stage
    assert least_rows(stage.having.tree, dict(stage.aggregate), plain=plain) == least
