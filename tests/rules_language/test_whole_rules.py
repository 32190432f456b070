# ruff: noqa: E501 - a list reads best with one entry a line
"""Whole rules: what loads also runs, loading is quick, and nothing escapes the reader of rules."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import RuleError
from auditor.rules.authoring.embedded import run_case, run_cases
from auditor.rules.authoring.lint import lint
from auditor.rules.reading.load import RuleSet, load_rules, rules_of
from tests.pack import bundled_rules
from tests.rules_language.conftest import HEAD, PARAMS, TESTS

CONDITIONS = [
    "lower(email) == 'a'", "upper(email) == 'A'", "strip(email) == 'a'", "len(email) > 1", "len(meeting.tracking_codes) > 1",
    "contains(email, 'a')", "contains_any(email, ['a'])", "contains_any(email, param.l)", "contains_any(email, list.z)",
    "startswith(email, 'a')", "endswith(email, param.s)", "matches(email, param.r)", "extract(email, '@(.*)$') == 'x'",
    "extract(email, '(a)(b)', 2) == 'x'", "replace(email, 'a', 'b') == 'x'", "domain(email) == 'x'", "text(duration) == 'x'",
    "text(joined_time) == 'x'", "text(hour(joined_time)) == 'x'", "text(invited) == 'x'", "text(2.5) == '2.5'",
    "coalesce(email, display_name, 'x') == 'x'", "coalesce(email, null) is None", "is_null(email)", "in_cidr(ip_address, '192.0.2.0/24')",
    "in_cidr(ip_address, list.z)", "is_private_ip(ip_address)", "network(ip_address, 24, 48) == 'x'", "under_domain(email_domain, list.z)",
    "resembles(email_domain, list.z)", "abs(duration) > 1 * minutes", "abs(-1) == 1", "round(2.5) == 3", "round(to_hours(duration), 1) > 1",
    "floor(to_hours(duration)) == 1", "ceil(2.5) == 3", "log(2) > 0", "least(duration, 5 * minutes) > 1 * minutes", "greatest(1, 2.5) > 1",
    "least(email, 'b') == 'a'", "greatest(joined_time, left_time) == left_time", "between(duration, 1 * minutes, 2 * hours)",
    "duration('90s') < duration", "datetime('2026-01-05') < joined_time", "to_seconds(duration) > 1", "hour(joined_time, 'Europe/Oslo') < 6",
    "hour(joined_time, param.z) < 6", "minute(joined_time) == 0", "month(joined_time) == 1", "year(joined_time) == 2026",
    "weekday(joined_time) == 1", "day(joined_time) == '2026-01-05'", "trunc(joined_time, '1h') == joined_time", "trunc(joined_time, 1 * weeks) <= joined_time",
    "has(meeting.tracking_codes, 'x')", "'Dept=IT' in meeting.tracking_codes", "email in list.z", "email not in param.l", "hour(joined_time) in [1, 2.5]",
    "to_hours(duration) in [1, 2]", "now - joined_time > 30 * days", "5 * minutes + joined_time > left_time", "duration / 2 > 1 * minutes",
    "duration / (5 * minutes) > 2", "2 * duration > 1 * minutes", "duration * 0.5 > 1 * minutes", "hour(joined_time) % 2 == 0",
    "hour(joined_time) / 0 is None", "email + display_name == 'x'", "-duration < 0 * seconds", "(1 if invited else 2) == 1",
    "(email if invited else null) == 'x'", "1 < 2 < 3", "email < 'b'", "joined_time < left_time", "invited == is_host",
    "meeting.tracking_code.Dept == 'IT'", "geo_country == 'NO'", "asn > 5", "meeting_number_value > 5", "null is None", "param.b",
    "param.n > 0.5", "param.i < 5", "param.d > 1 * minutes", "param.t < now", "param.e == 'one'", "true", "department == 'x'", "email in []",
]  # fmt: skip

AGGREGATES = [
    "count() > 0", "count(email) > 0", "count_if(invited) > 0", "n_unique(joined_time) > 0", "sum(duration) > 1 * minutes",
    "sum(hour(joined_time)) > 1", "mean(duration) > 1 * minutes", "mean(hour(joined_time)) > 1", "median(duration) > 1 * minutes",
    "median(hour(joined_time)) > 1", "min(email) == 'x'", "max(joined_time) == min(left_time)", "quantile(to_hours(duration), 0.5) > 1",
    "quantile(hour(joined_time), param.n) > 1", "std(hour(joined_time)) > 1", "first(email) == 'x'", "last(meeting.title) == 'x'", "first(invited)",
    "first(meeting.tracking_codes) is None", "covered(joined_time, left_time) > 1 * minutes", "peak(joined_time, left_time) > 1",
    "len(values(ip_address)) > 1", "any(invited)", "all(invited)", "share(invited) > 0.5", "count_if(invited) / count() > 0.5",
    "max(left_time) - min(joined_time) > 1 * hours", "coalesce(covered(joined_time, left_time), sum(duration)) > 1 * minutes",
    "last(['a', 'b']) is None", "first(list.z) is None", "first(coalesce(meeting.tracking_codes, [])) is None", "last([]) is None",
    "count() if any(invited) else 0", "'192.0.2.1' in values(ip_address)", "now > max(left_time)",
]  # fmt: skip


def ends(text: str) -> None:
    (rule,) = rules_of(text.encode(), path="r.yaml").rules
    failure = run_case(rule, rule.cases[0]).failure
    assert failure is None or failure.startswith("expected 0 findings, got ")


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_that_loads_also_runs(condition: str) -> None:
    detect = f"detect: {{from: attendees, where: {json.dumps(condition)}}}\n"
    ends(f"{HEAD}{PARAMS}{detect}finding: {{subject: s, message: m, fingerprint: [email]}}{TESTS}")


@pytest.mark.parametrize(
    "window",
    ["", "window: {rolling: 1h}, ", "window: {tumbling: 1d, zone: Europe/Oslo}, ", "window: {session_gap: 1h}, "],
)
@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_an_aggregate_that_loads_also_runs(aggregate: str, window: str) -> None:
    group = f"{{by: [meeting_id], {window}aggregate: {{x: {json.dumps(aggregate)}}}, having: x is not None}}"
    finding = 'finding: {subject: s, message: "{x}", fingerprint: [meeting_id]}'
    ends(f"{HEAD}{PARAMS}detect: {{from: attendees, group: {group}}}\n{finding}{TESTS}")


MEASURED = """\
import time
from auditor.rules.authoring.lint import lint
from auditor.rules.reading.load import load_rules
assert len(load_rules().rules) >= 88
spent = []
for _ in range(3):
    started = time.process_time()
    lint(load_rules(), results=())
    spent.append(time.process_time() - started)
print(min(spent))
"""


@pytest.mark.slow
def test_a_hundred_rules_load_and_are_linted_within_a_second_of_work() -> None:
    # in a process of its own, since counting coverage takes longer than the work
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run([sys.executable, "-c", MEASURED], env=environment, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1


@pytest.mark.slow
def test_every_bundled_rule_is_clean() -> None:
    rules = bundled_rules()
    assert [str(note) for note in lint(rules, results=()) if note.code not in {"L01", "L02", "L24"}] == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**18) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([*CONDITIONS[:12], *AGGREGATES[:8], "email", "param.x", "list.x", "5m", "1w", "attendees", "meetings", "{email}", "{x:.1f}", "pass", "rarity", "first_seen", "2026-01-05"])
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            *("from", "where", "all", "any", "none", "group", "by", "aggregate", "having", "window", "rolling", "pairs", "same"),
            *("different", "overlap", "match", "with", "absent", "sequence", "within", "steps", "name", "baseline", "entity", "period"),
            *("value", "method", "detector", "type", "columns", "derive", "expr", "over", "subject", "message", "evidence", "column"),
            *("fingerprint", "limit", "default", "description", "min", "max", "given", "attendees", "email", "repeat", "expect", "x"),
        ]),
        inner,
        max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip
KEYS = [
    "params",
    "lists",
    "severity_when",
    "detect",
    "finding",
    "tests",
    "requires",
    "controls",
    "tags",
    "version",
    "nulls",
]


def escapes(rule: dict[str, object]) -> None:
    text = HEAD + "".join(f"{key}: {json.dumps(value)}\n" for key, value in rule.items())
    try:
        rules = rules_of(text.encode(), path="r.yaml")
    except RuleError as error:
        for problem in error.problems:
            assert problem.line >= 1
            assert problem.column >= 1
            assert problem.message.isprintable()
    else:
        run_cases(rules.rules)


DRAWN = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6)


@given(DRAWN)
def test_no_rule_escapes_the_reader(rule: dict[str, object]) -> None:
    escapes(rule)


@pytest.mark.soak
@settings(max_examples=20_000)
@given(DRAWN)
def test_no_rule_escapes_the_reader_for_long(rule: dict[str, object]) -> None:
    escapes(rule)


def test_a_digest_tells_two_rules_apart(load: Callable, rule: Callable[..., str]) -> None:
    digests = {
        load(rule(f"{{from: attendees, where: {json.dumps(condition)}}}", more=PARAMS)).digest
        for condition in CONDITIONS
    }
    assert len(digests) == len(CONDITIONS)


def test_bundled_rules_without_their_tests_say_the_same() -> None:
    whole, bare = bundled_rules(), load_rules(tests=False)
    assert bare == RuleSet(tuple(replace(rule, cases=()) for rule in whole.rules))
    assert bare.digest == whole.digest


def test_tests_of_other_rules_are_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        f"{HEAD}detect: {{from: attendees, where: invited}}\nfinding: {{subject: s, message: m, fingerprint: [email]}}\ntests: [{{name: a, expect: 0, given: {{nothing: []}}}}]\n",
        encoding="utf-8",
    )
    with pytest.raises(RuleError, match="nothing"):
        load_rules([path], tests=False)
