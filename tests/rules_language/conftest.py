"""Rule files as text, and what loading says of them."""

from collections.abc import Callable

import pytest

from auditor.errors import RuleError
from auditor.rules.load import RuleSet, rules_of

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
