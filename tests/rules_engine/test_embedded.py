"""A rule's own tests: what their rows stand for, and how they fail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from textwrap import dedent, indent

import pytest

from auditor.rules.authoring.embedded import run_case, run_cases
from auditor.rules.authoring.given import frames_of
from auditor.rules.reading.load import rules_of

HEAD = """
schema: 1
id: TST-001
name: test-rule
title: Everything is as it should be
severity: low
"""
BODY = """
params: {least: {type: integer, default: 1, min: 0, description: Fewest}}
detect: {from: attendees, where: invited and meeting_number_value >= param.least}
finding: {subject: "{email}", message: "{email} in {meeting_id}", fingerprint: [email, meeting_id], limit: 1}
"""


def cases(tests: str, body: str = BODY):
    text = HEAD + body + "tests:\n" + indent(dedent(tests), "  ")
    return run_cases(rules_of(text.encode(), path="t.yaml").rules)


def failure(tests: str, body: str = BODY) -> str | None:
    (result,) = cases(tests, body)
    return result.failure


ROWS = """
    given:
      attendees:
        - {meeting_id: m1, email: a, invited: true, meeting_number: 0123}
        - {meeting_id: m2, email: b, invited: true, meeting_number: 1}
        - {meeting_id: m3, email: c, meeting_number: 1}
        - {meeting_id: m4, email: d, invited: false}
"""


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ("expect: 2", None),
        ("expect: 1", "expected 1 finding, got 2"),
        ("expect: [{email: b}, {email: a}]", None),
        ("expect: [{}, {email: a}]", None),
        ("expect: [{email: a}, {email: a}]", "no finding matches {email: a}"),
        ("expect: [{message: a in m1, severity: low}, {subject: b, company: null}]", None),
        ("expect: [{severity: high}, {}]", "no finding matches {severity: high}"),
        ("expect: 2\n    not_evaluable: 1", None),
        ("expect: 2\n    not_evaluable: 2", "expected not_evaluable 2, got 1"),
        ("expect: 2\n    verdict: pass", "expected verdict pass, got fail"),
        ("expect: [{meeting_number_value: 123}, {}]\n    params: {least: 1}", None),
        ("expect: 0\n    params: {least: 200}", "expected 0 findings, got 0"),
        ("expect_error: outside\n    params: {least: -1}", None),
        ("expect_error: other\n    params: {least: -1}", "expected an error with 'other', got: "),
        ("expect_error: other", "expected an error with 'other', got none"),
    ],
)
def test_a_test_says_what_differs(expected, problem):
    found = failure(f"- name: one\n  {ROWS.strip()}\n  {expected.strip()}".replace("\n    ", "\n  "))
    if problem is None or problem.endswith("got 0"):
        assert found is None
    else:
        assert found is not None
        assert found.startswith(problem)


MANY = """
detect: {from: attendees, where: email is not None}
finding: {subject: "{email}", message: "{email}", fingerprint: [joined_time]}
"""


def test_many_rows_that_fit_many_findings_are_paired():
    first = "{email: a, joined_time: 2026-01-01 00:00}"
    tests = f"""
    - name: many
      given: {{attendees: [{{email: a, joined_time: 2026-01-01, repeat: 1000, every: 1m}}, {{email: b, joined_time: 2027-01-01, repeat: 100, every: 1m}}]}}
      expect: [{"{email: b}, " * 100}{"{email: a}, " * 999}{first}]
    """  # noqa: E501 - a test stands on one line
    assert failure(tests, MANY) is None


def test_a_row_moves_to_another_finding_of_its_own_where_that_helps():
    tests = """
    - name: three
      given: {attendees: [{email: a, company: x, joined_time: 2026-01-01}, {email: a, joined_time: 2026-01-02}, {email: b, company: x, joined_time: 2026-01-03}]}
      expect: [{company: x}, {email: a}, {email: a, company: x}]
    """  # noqa: E501 - a test stands on one line
    assert failure(tests, MANY) is None
    assert failure(tests.replace("{email: a}, {email: a, company: x}", "{email: b}, {email: b}"), MANY) == (
        "no finding matches {email: b}"
    )


def test_why_nothing_was_evaluated_is_told():
    body = """
detect: {from: attendees, python: some.module:function}
finding: {subject: s, message: m, fingerprint: [email]}
"""
    text = HEAD + body + "tests: [{name: one, given: {attendees: [{email: a}]}, expect: 1}]\n"
    rule = rules_of(text.encode(), path="t.yaml", allow_python=True).rules[0]
    found = run_case(rule, rule.cases[0]).failure
    assert found == (
        "expected 1 finding, got 0 (python rules are not allowed here; the operator sets allow_python_rules)"
    )


def given(yaml: str):
    body = "detect: {from: attendees, where: true}\nfinding: {subject: s, message: m, fingerprint: [email]}\n"
    text = HEAD + body + "tests:\n  - name: one\n    expect: 0\n    given:\n" + indent(dedent(yaml), "      ")
    rule = rules_of(text.encode(), path="t.yaml").rules[0]
    return frames_of(rule.cases[0].given, internal_domains=["example.com"])


def columns(frames, table, *names):
    return frames[table].select(names).collect().rows()


def test_rows_are_filled_in():
    frames = given("""
        attendees:
          - {email: a@example.com, is_host: true, joined_time: 2026-01-05 10:00, left_time: 2026-01-05 10:05}
          - {email: b@x.org, is_host: false, duration: 3m, joined_time: 2026-01-05T10:00+01:00, repeat: 2, every: 1h}
        people: [{email: a@example.com}]
    """)
    start = datetime(2026, 1, 5, 9, tzinfo=UTC)
    names = ("site_url", "page", "item", "participant_type", "duration", "joined_time")
    page = "0" * 64
    assert columns(frames, "attendees", *names) == [
        ("test.webex.com", page, 0, "host", timedelta(minutes=5), start + timedelta(hours=1)),
        ("test.webex.com", page, 1, "attendee", timedelta(minutes=3), start),
        ("test.webex.com", page, 2, "attendee", timedelta(minutes=3), start + timedelta(hours=1)),
    ]
    assert columns(frames, "people", "email", "item") == [("a@example.com", 0)]
    assert columns(frames, "devices", "item") == []


def test_a_given_fact_wins_row_by_row():
    frames = given("""
        attendees:
          - {email: a@example.com, email_domain: other.org}
          - {email: b@example.com}
          - {email: c@example.com, email_domain: null}
    """)
    assert columns(frames, "attendees", "email_domain") == [("other.org",), ("example.com",), (None,)]


def test_a_fact_made_from_a_given_fact_follows_it():
    frames = given("""
        attendees:
          - {email: a@example.com, email_domain: other.org}
          - {email: b@example.com}
          - {email: c@example.com, is_internal: false}
    """)
    assert columns(frames, "attendees", "is_internal") == [(False,), (True,), (False,)]


def test_meetings_only_attendees_speak_of_are_made():
    frames = given("""
        meetings: [{meeting_id: m1, title: Own, start_time: 2026-01-05 10:00, end_time: 2026-01-05 11:00}]
        attendees:
          - {meeting_id: m1, meeting_title: Other}
          - {meeting_id: m2, meeting_title: Made, meeting_number: 007}
          - {meeting_id: m2, meeting_title: Later}
          - {email: nobody}
    """)
    assert columns(frames, "meetings", "meeting_id", "title", "meeting_number", "duration", "item") == [
        ("m1", "Own", None, timedelta(hours=1), 0),
        ("m2", "Made", "007", None, 1),
    ]


def test_clauses_that_were_true_of_a_row_are_told():
    body = """
detect:
  from: attendees
  where:
    all: [invited, email is not None]
    none: [is_host]
finding: {subject: s, message: m, fingerprint: [email]}
severity_when:
  - {if: email == 'a', severity: high}
  - {if: email == 'z', severity: high}
"""
    (result,) = cases("- {name: one, given: {attendees: [{email: a, invited: true, is_host: false}]}, expect: 1}", body)
    assert result.failure is None
    lines = (HEAD + body).splitlines()
    assert {lines[place.line - 1][place.column - 1 :].split(",")[0] for place in result.clauses_true} == {
        "invited",
        "email is not None]",
        "email == 'a'",
    }


def test_a_participant_type_that_is_given_is_kept() -> None:
    text = (
        HEAD
        + BODY
        + """
tests:
  - name: rows
    expect: 0
    given:
      attendees:
        - {is_host: true, participant_type: panelist}
        - {is_host: true}
        - {is_host: false}
        - {is_host: null}
"""
    )
    (rule,) = rules_of(text.encode(), path="t.yaml").rules
    rows = frames_of(rule.cases[0].given, internal_domains=None)["attendees"].collect()
    assert rows["participant_type"].to_list() == ["panelist", "host", "attendee", None]
    assert rows["is_host"].to_list() == [True, True, False, None]
