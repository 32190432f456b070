# ruff: noqa: E501 - a table reads best with one row a line
"""Each check of lint finds what it is for, at its place, and is silent where nothing is wrong."""

from collections.abc import Callable

import pytest

from auditor.rules.authoring.embedded import run_cases
from auditor.rules.authoring.lint import lint
from auditor.rules.authoring.lint_notes import LEVELS, Note
from auditor.rules.language.constant_conditions import constant
from auditor.rules.reading.load import RuleSet

Load = Callable[[str], RuleSet]

GOOD = """\
schema: 1
id: TST-001
name: test-rule
title: Meetings are as they should be
status: stable
severity: low
description: Rows of uninvited people.
remediation: Invite them.
nulls: unknown
detect:
  from: attendees
  where: not invited
finding: {subject: "{email}", message: "{email} was there", fingerprint: [meeting_id, email]}
tests:
  - {name: both, expect: [{email: a@x.org}], given: {attendees: [{email: a@x.org, invited: false}, {email: b@x.org, invited: true}]}}
"""
CONTROLS = {"soc2": frozenset({"CC6.1", "CC6.2"})}


@pytest.fixture
def notes(load: Load) -> Callable[[str], list[str]]:
    def notes(text: str) -> list[str]:
        return [str(note).removeprefix("r.yaml:") for note in found(load, text)]

    return notes


def found(load: Load, text: str) -> tuple[Note, ...]:
    rules = load(text)
    return lint(rules, results=run_cases(rules.rules), controls=CONTROLS)


def test_a_complete_rule_is_clean(notes: Callable[[str], list[str]]) -> None:
    assert notes(GOOD) == []


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


WHERE = "  where: not invited"
TESTS = GOOD[GOOD.index("tests:") :]
MESSAGE = 'message: "{email} was there"'


def with_where(text: str) -> str:
    return changed(WHERE, f"  where: {text}")


def with_params(text: str, where: str = "not invited") -> str:
    return changed("detect:", f"params: {{{text}}}\ndetect:").replace(WHERE, f"  where: {where}")


def with_stage(text: str, fingerprint: str = "[email]") -> str:
    return (
        changed(WHERE, text)
        .replace("[meeting_id, email]", fingerprint)
        .replace(TESTS, "")
        .replace("stable", "experimental")
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (changed(TESTS, ""), ["2:5: L01 no test expects a finding", "2:5: L01 no test holds a row that stays without a finding"]),
        (changed(", {email: b@x.org, invited: true}", ""), ["2:5: L01 no test holds a row that stays without a finding"]),
        (changed("[{email: a@x.org}]", "0"), ["2:5: L01 no test expects a finding", "15:5: L02 test 'both' expected 0 findings, got 1"]),
        (changed("stable", "experimental").replace(TESTS, ""), []),
        (changed("[{email: a@x.org}]", "[{email: b@x.org}]"), ["15:5: L02 test 'both' no finding matches {email: b@x.org}"]),
        (with_params("grace: {type: integer, default: 1, description: d}"), ["10:10: L03 parameter 'grace' is not used"]),
        (changed(WHERE, "  derive: {late: left_time}\n" + WHERE), ["12:12: L04 'late' is not used"]),
        (with_stage("  group: {by: [email], aggregate: {c: count(), d: count()}, having: c > 1}"), ["12:48: L04 'd' is not used"]),
        (with_where("not invited and not (email in list.vips)"), ["12:40: L05 list 'vips' has no default; the rule will not run without configuration", "15:5: L02 test 'both' expected 1 finding, got 0 (list 'vips' is not configured)"]),
        (changed("nulls: unknown\n", ""), ["11:14: L06 'invited' may be null here; such rows become not evaluable"]),
        (with_where("not invited and email != 'x'").replace("nulls: unknown\n", "").replace("email != 'x'", "email is not None"), ["11:14: L06 'invited' may be null here; such rows become not evaluable"]),
        (with_where("not coalesce(invited, true) and len(email) > 0").replace("nulls: unknown\n", ""), []),
        (with_where("{none: [invited]}").replace("nulls: unknown\n", ""), ["11:18: L06 'invited' may be null here; such rows become not evaluable"]),
        (with_where("email != 'x' and not invited").replace("nulls: unknown\n", ""), ["11:10: L06 'email' may be null here; such rows become not evaluable", "11:31: L06 'invited' may be null here; such rows become not evaluable"]),
        (with_where("not coalesce(invited, false)").replace("nulls: unknown\n", ""), []),
        (with_where("not invited or len(email) >= 0"), ["12:10: L07 'not invited or len(email) >= 0' is always true", "15:5: L02 test 'both' expected 1 finding, got 2"]),
        (with_where("not invited and hour(joined_time) > 23"), ["12:10: L07 'not invited and hour(joined_time) > 23' is always false", "15:5: L02 test 'both' expected 1 finding, got 0 (1 case could not be judged: a value needed is null)"]),
        (with_where("{all: [not invited, invited]}"), ["12:17: L07 these conditions together are always false", "15:5: L02 test 'both' expected 1 finding, got 0"]),
        (with_where("not invited and (is_host or len(email) >= 0)"), ["12:27: L07 this part is always true"]),
        (with_stage("  group: {by: [email], aggregate: {c: count()}, having: c > 1 and rows >= 1}"), ["12:67: L07 this part is always true"]),
        (with_stage("  where: ip_network is None").replace("from: attendees", "from: devices"), ["12:10: L08 'ip_network' is always null in devices"]),
        (with_stage("  group: {by: [email], aggregate: {c: sum(duration)}, having: c > hours}", "[email, c]"), ["13:82: L09 fingerprint 'c' changes when data are collected again"]),
        (with_stage("  group: {by: [email], aggregate: {c: count()}, having: c > 1}", "[email, c]"), ["13:82: L09 fingerprint 'c' changes when data are collected again"]),
        (with_stage("  group: {by: [email], window: {rolling: 1h}, aggregate: {c: count()}, having: c > 1}", "[email, window_end]"), ["13:82: L09 fingerprint 'window_end' changes when data are collected again"]),
        (with_stage("  group: {by: [email, meeting_id], aggregate: {c: count()}, having: c > 1}"), ["13:74: L10 fingerprint omits 'meeting_id' of group.by; distinct findings would merge"]),
        (changed("fingerprint:", "evidence: [address1], fingerprint:"), ["13:72: L11 evidence 'address1' has no redact"]),
        (changed("fingerprint:", "evidence: [{column: phone_number, redact: text}], fingerprint:"), []),
        (changed("{email} was there", "{phone_number} was there"), ["13:41: L11 'phone_number' is shown in full; put it into evidence with redact"]),
        (changed("{email} was there", "{{é}} {joined_time:date} {phone_number}"), ["13:66: L11 'phone_number' is shown in full; put it into evidence with redact"]),
        (changed("{email} was there", "{email}{phone_number}"), ["13:48: L11 'phone_number' is shown in full; put it into evidence with redact"]),
        (changed("nulls:", "controls: {soc2: [CC6.1, CC6.3]}\nnulls:"), ["9:26: L12 unknown control 'CC6.3' in soc2; did you mean 'CC6.2'?"]),
        (changed("nulls:", "controls: {soc: [CC6.1]}\nnulls:"), ["9:12: L12 unknown framework 'soc'; did you mean 'soc2'?"]),
        (changed("remediation: Invite them.\n", ""), ["2:1: L13 stable rule has no remediation"]),
        (changed("Meetings are as they should be", "Uninvited people attend meetings"), ["4:8: L14 say the good state"]),
        (changed("Meetings are as they should be", "No uninvited people attend"), ["4:8: L14 say the good state"]),
        (changed("Meetings are as they should be", "Nobody uninvited attends"), []),
        (changed("Meetings are as they should be", "M" * 81), ["4:8: L14 a title over 80 characters is hard to read"]),
        (changed("status: stable", "status: deprecated"), ["5:9: L15 deprecated rule has no replaced_by"]),
        (changed("status: stable", "status: deprecated\nreplaced_by: ACC-099"), ["6:14: L15 rule ACC-099 is not known"]),
        (changed("status: stable", "status: deprecated\nreplaced_by: TST-001"), ["6:14: L15 rule TST-001 replaces itself"]),
        (changed("nulls:", "references: [see wiki, https://example.com/x]\nnulls:"), ["9:14: L16 'see wiki' is not a URL"]),
        (with_params("short: {type: duration, default: 30s, description: d}", "not invited or duration < param.short"), ["13:25: L17 attendees.duration has whole minutes; use left_time - joined_time"]),
        (with_params("short: {type: duration, default: 5m, description: d}", "not invited or duration < param.short"), []),
        (with_where("not invited and matches(coalesce(email, 'x'), 'x?')"), ["12:56: L18 pattern matches every text"]),
        (with_params("p: {type: regex, default: '.*', description: d}", "not invited and matches(email, param.p)"), ["13:41: L18 pattern matches every text"]),
        (with_where("not invited and matches(coalesce(email, ''), '^(a@x.org)?$')"), []),
        (with_where("not invited and email != 'A@x.org'"), ["12:35: L19 'A@x.org' never equals email, which is lower case; use 'a@x.org'"]),
        (with_where("not invited and email not in ['A@x.org', 'c']"), ["12:39: L19 'A@x.org' never equals email, which is lower case; use 'a@x.org'"]),
        (with_where("not invited and not contains(lower(email), 'Q')"), ["12:53: L19 'Q' is never found in lower(…), which is lower case; use 'q'"]),
        (with_stage("  pairs: {same: [site_url], different: [email]}", "[a.email]").replace('"{email}"', '"{a.email}"').replace("{email} was", "{b.email} was"), ["12:10: L20 pairs on site_url alone compares everybody with everybody"]),
        (with_stage("  pairs: {same: [email]}"), ["12:10: L20 pairs without different also compares rows of one person"]),
        (with_stage("  baseline: {entity: [email], period: 1w, value: count(), having: score > 3}"), ["12:13: L21 periods without rows are left out; add fill: 0"]),
        (with_stage("  baseline: {entity: [email], period: 1w, value: count(), fill: 0, having: score > 3}"), []),
        (with_params("least: {type: number, default: 1, description: d}", "not invited or to_hours(duration) > param.least").replace("was there", "was there 1 time"), []),
        (with_params("least: {type: number, default: 2, description: d}", "not invited or to_hours(duration) > param.least").replace("was there", "was there 2 times"), ["14:59: L22 '2' repeats param.least; use {param.least}"]),
        (with_params("window: {type: duration, default: 10m, description: d}", "not invited or left_time - joined_time > param.window").replace("was there", "was there for 10 minutes"), ["14:63: L22 '10 minutes' repeats param.window; use {param.window}"]),
        (with_where("{any: [not invited, is_host, not invited]}"), ["12:30: L24 no test makes this clause true", "12:39: L23 same condition as line 12"]),
        (with_where("not invited or is_host"), []),
        (with_where("{any: [not invited, is_host]}"), ["12:30: L24 no test makes this clause true"]),
        (changed("nulls:", "created: 2026-02-01\nmodified: 2026-01-01\nnulls:"), ["10:11: L25 modified is before created"]),
        (changed("nulls:", "version: 2\nnulls:"), ["9:10: L25 version 2 has no modified"]),
    ],
)  # fmt: skip
def test_a_check_finds_what_it_is_for(text: str, told: list[str], notes: Callable[[str], list[str]]) -> None:
    assert notes(text) == told


@pytest.mark.parametrize(
    "text",
    [
        changed(WHERE, "  derive: {gap: joined_time - left_time}\n  where: gap < 0 * minutes"),
        changed(WHERE, "  derive: {n: meeting_number_value - 5}\n  where: n < 0"),
        with_stage("  group: {by: [email], aggregate: {overlap: sum(meeting_number_value)}, having: overlap < 0}"),
    ],
)
def test_a_name_of_the_rule_is_not_taken_for_one_a_stage_gives(text: str, notes: Callable[[str], list[str]]) -> None:
    assert not [note for note in notes(text) if "L07" in note]


@pytest.mark.parametrize(
    "stage",
    [
        "  group: {by: [email], window: {rolling: 1h, time: at}, aggregate: {c: count()}, having: c > 1}",
        "  baseline: {entity: [email], time: at, period: 1d, value: ip_address, method: first_seen}",
        "  sequence: {by: [email], within: 1h, steps: [{name: s, where: invited, time: at}]}",
        "  sequence: {by: [email], within: 1h, steps: [{name: s, where: invited}], absent: [{where: is_host, time: at}]}",
        "  detector: {type: fan_in, entity: [email], distinct: at}",
    ],
)
def test_a_name_that_stands_alone_under_a_key_is_used(stage: str, notes: Callable[[str], list[str]]) -> None:
    text = with_stage(f"  derive: {{at: joined_time - 1 * hours}}\n{stage}")
    assert not [note for note in notes(text) if "L04" in note]


def test_six_checks_are_errors(load: Load) -> None:
    assert sorted(code for code, level in LEVELS.items() if level == "error") == [
        "L01",
        "L02",
        "L07",
        "L08",
        "L12",
        "L15",
    ]
    assert {note.level for note in found(load, changed(TESTS, ""))} == {"error"}


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("1 < 2", True),
        ("true", True),
        ("invited == invited", True),
        ("email < email", False),
        ("email == 'a' and email == 'b'", False),
        ("email == 'a' or email == 'b'", None),
        ("hour(joined_time) >= 0", True),
        ("hour(joined_time) > 22", None),
        ("month(joined_time) == 13", False),
        ("weekday(joined_time) != 8", True),
        ("abs(duration) < 0 * seconds", False),
        ("len(email) + 1 > 0", True),
        ("len(email) > 5 and len(email) < 3", False),
        ("len(email) > 5 or len(email) <= 5", True),
        ("3 > len(email) and 5 < len(email)", False),
        ("len(email) >= 3 and len(email) <= 3", None),
        ("duration > 5 * minutes and duration < 5 * minutes", False),
        ("invited or not invited", True),
        ("invited and (is_host and not invited)", False),
        ("email in []", False),
        ("not (email in [])", True),
        ("contains_any(email, [])", False),
        ("in_cidr(ip_address, [])", False),
        ("-len(email) > 0", False),
        ("between(len(email), 1, 2)", None),
        ("email is None", None),
    ],
)  # fmt: skip
def test_constants_are_seen_through(load: Load, where: str, *, value: bool | None) -> None:
    rules = load(with_where(where).replace(TESTS, ""))
    condition = rules.rules[0].detect.where
    assert condition is not None
    assert constant(condition.tree) is value
