"""Rule files as text, and what loading says of them."""

from collections.abc import Callable

import pytest

from auditor.errors import RuleError
from auditor.rules.reading.load import RuleSet, rules_of

HEAD = """\
schema: 1
id: TST-001
name: test-rule
title: Meetings are as they should be
severity: low
"""
FINDING = """\
finding: {subject: "{email}", message: "{email} was there", fingerprint: [meeting_id, email]}
"""

PARAMS = """\
params:
  l: {type: list, default: [a], description: d}
  s: {type: string, default: a, description: d}
  r: {type: regex, default: a, description: d}
  z: {type: string, default: UTC, description: d}
  b: {type: boolean, default: true, description: d}
  n: {type: number, default: 1, description: d}
  i: {type: integer, default: 1, description: d}
  d: {type: duration, default: 5m, description: d}
  t: {type: datetime, default: 2026-01-01, description: d}
  e: {type: enum, values: [one, two], default: one, description: d}
lists: {z: {default: [192.0.2.0/24]}}
"""
TESTS = """
tests:
  - name: it runs
    expect: 0
    given:
      meetings: [{meeting_id: m1, tracking_codes: [Dept=IT], duration: 1h}]
      people: [{email: a@x.org, department: d}]
      attendees:
        - {meeting_id: m1, email: a@x.org, joined_time: 2026-01-05 10:00, left_time: 2026-01-05 10:30, invited: true, is_host: false, ip_address: 192.0.2.1}
        - {meeting_id: m1}
"""  # noqa: E501 - a row of a test stands on one line


@pytest.fixture
def load() -> Callable[[str], RuleSet]:
    """The rules of a file's text; `RuleError` when it has mistakes."""

    def load(text: str) -> RuleSet:
        return rules_of(text.encode(), path="r.yaml")

    return load


@pytest.fixture
def problems() -> Callable[[str | bytes], list[str]]:
    """The mistakes of a file's text, as `line:column: message`."""

    def problems(text: str | bytes) -> list[str]:
        content = text.encode() if isinstance(text, str) else text
        try:
            rules_of(content, path="r.yaml")
        except RuleError as error:
            return [str(problem).removeprefix("r.yaml:") for problem in error.problems]
        return []

    return problems


@pytest.fixture
def rule() -> Callable[..., str]:
    """A whole rule file around a `detect` of one line and further lines."""

    def rule(detect: str = "{from: attendees, where: invited}", *, more: str = "", finding: str = FINDING) -> str:
        return f"{HEAD}detect: {detect}\n{finding}{more}"

    return rule
