"""Nothing escapes the YAML reader and the expression compiler, whatever is thrown at them, for as long as asked.

`make soak` gives the four campaigns an hour in all; FUZZ_MINUTES gives them another time. Each goes in rounds of
fresh seeds, and prints how many examples it had.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from auditor.documents import Items, Map, Node, Scalar, printable, read
from auditor.errors import RuleError
from auditor.resources import resource
from auditor.rules.authoring.embedded import run_case
from auditor.rules.language.functions import FUNCTIONS
from auditor.rules.reading.load import rules_of
from tests.rules_language.conftest import HEAD, PARAMS, TESTS

FORMS = {
    "where": "{from: attendees, where: %s}",
    "derived": "{from: attendees, derive: {x: %s}, where: x is not None}",
    "over": "{from: attendees, derive: {x: {expr: %s, over: [meeting_id]}}, where: x is not None}",
    "group": "{from: attendees, group: {by: [meeting_id], aggregate: {x: %s}, having: x is not None}}",
}
WORKED = (Path(__file__).parent.parent / "data" / "worked_rules.yaml").read_text(encoding="utf-8").split("---\n")
BUNDLED = [path.read_text(encoding="utf-8") for path in sorted(resource("rules").rglob("*.yaml"))]
LONGEST = 2.0
"""Seconds of work one example may take, as of a hostile file."""

ATOMS = [
    *("email", "duration", "joined_time", "left_time", "invited", "is_host", "ip_address", "meeting.title"),
    *("meeting_id", "meeting.tracking_codes", "param.l", "param.s", "param.n", "param.d", "list.z", "now", "hours"),
    *("5 * minutes", "0", "1", "2.5", "-1", "9007199254740991", "1e308", "1e400", "true", "null", "None", "''", "'a'"),
    *("'(?i)a|b'", "'1h'"),
    *("'Europe/Oslo'", "'2026-01-05'", "'192.0.2.0/24'", "[]", "['a', 'b']", "(1, 2)", "x", "a.email", "count()"),
]  # fmt: skip
OPERATORS = [
    *("+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "and", "or", "not in"),
    *("is", "is not", "if", "else", "= ", "**", "//", "|", "&&"),
]
PIECES = st.sampled_from([*ATOMS, *OPERATORS, *FUNCTIONS, *"()[],.:'\"\\{}@#!~^é\n\t", "not", "__x", "lambda", "5m"])


def _calls(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    call = st.builds(
        lambda name, arguments: f"{name}({', '.join(arguments)})",
        st.sampled_from(sorted(FUNCTIONS)),
        st.lists(inner, max_size=3),
    )
    binary = st.builds(
        lambda left, operator, right: f"({left} {operator} {right})", inner, st.sampled_from(OPERATORS[:15]), inner
    )
    choice = st.builds(lambda one, condition, other: f"({one} if {condition} else {other})", inner, inner, inner)
    return call | binary | choice | inner.map(lambda text: f"not {text}") | inner.map(lambda text: f"{text} is None")


SOUP = st.lists(PIECES, max_size=25).flatmap(lambda words: st.sampled_from(["", " "]).map(lambda gap: gap.join(words)))
EXPRESSIONS = st.recursive(st.sampled_from(ATOMS), _calls, max_leaves=12) | SOUP | st.text(max_size=40)
DAMAGE = st.lists(
    st.tuples(st.integers(0, 100_000), st.integers(0, 40), st.text("{}[]:,'\"|>&*!#%@- \n\t0aé\\\r\ufeff", max_size=6)),
    min_size=1,
    max_size=5,
)
YAML = st.text("{}[]:,'\"|>&*!#%@-? \n\t\r0aéb.~<=\\\x85\u2028\ufeff\U0001f600", max_size=120)


def damaged(text: str, changes: list[tuple[int, int, str]]) -> bytes:
    for start, length, new in changes:
        at = start % (len(text) + 1)
        text = text[:at] + new + text[at + length :]
    return text.encode()


def told(content: bytes) -> list[str]:
    """The mistakes of a rule file; each has a place and fits one line."""
    try:
        rules_of(content, path="r.yaml")
    except RuleError as error:
        problems = error.problems
    else:
        return []
    assert problems
    assert all(min(problem.line, problem.column) >= 1 for problem in problems)
    assert all(problem.message.isprintable() for problem in problems)
    return [problem.message for problem in problems]


def standing(node: Node, lines: list[str]) -> None:
    """Every node stands inside the file, and a scalar that says where its text begins is right."""
    assert 1 <= node.place.line <= len(lines)
    assert 1 <= node.place.column <= len(lines[node.place.line - 1]) + 1
    match node:
        case Scalar() if node.inner is not None and node.text:
            first, _, _ = node.text.partition("\n")
            found = lines[node.inner.line - 1][node.inner.column - 1 :]
            assert found.startswith(first)
        case Items():
            for item in node.items:
                standing(item, lines)
        case Map():
            for key, value in node.entries:
                standing(key, lines)
                standing(value, lines)


def expression(form: str, text: str) -> None:
    """A rule with this expression is refused at a place, or runs."""
    content = f"{HEAD}{PARAMS}detect: {FORMS[form] % json.dumps(text)}\n"
    content += "finding: {subject: s, message: m, fingerprint: [meeting_id]}" + TESTS
    try:
        (rule,) = rules_of(content.encode(), path="r.yaml").rules
    except RuleError:
        assert told(content.encode())
        return
    failure = run_case(rule, rule.cases[0]).failure
    assert failure is None or failure.startswith("expected 0 findings, got "), failure


def yaml(content: bytes) -> None:
    reading = read(content, path="r.yaml")
    for problem in reading.problems:
        assert problem.message == printable(problem.message, longest=10_000)
        assert min(problem.line, problem.column) >= 1
    if reading.documents:
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        for node in reading.documents:
            standing(node, text.split("\n"))
    told(content)


CAMPAIGNS: dict[str, tuple[st.SearchStrategy[tuple[object, ...]], Callable[..., None]]] = {
    "expressions": (st.tuples(st.sampled_from(sorted(FORMS)), EXPRESSIONS), expression),
    "damaged rules": (st.builds(damaged, st.sampled_from(WORKED + BUNDLED), DAMAGE).map(lambda text: (text,)), told),
    "yaml": (
        (YAML.map(str.encode) | st.builds(damaged, st.sampled_from(WORKED), DAMAGE)).map(lambda text: (text,)),
        yaml,
    ),
    "bytes": (st.binary(max_size=200).map(lambda content: (content,)), yaml),
}
SHARES = {"expressions": 0.5, "damaged rules": 0.2, "yaml": 0.25, "bytes": 0.05}
WATCHED = ("open", "socket.", "subprocess.", "os.system", "exec", "ctypes.", "urllib.", "shutil.", "os.remove")
_touched: list[str] = []
_watching: list[bool] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _watching and event.startswith(WATCHED):
        _touched.append(f"{event} {arguments!r}"[:200])


def run(name: str, *, until: Callable[[int], bool], examples: int, start: int = 0) -> int:
    """How many examples of a campaign were had, in rounds of `examples`, each of a seed of its own."""
    strategy, body = CAMPAIGNS[name]
    had = 0

    def example(drawn: tuple[object, ...]) -> None:
        nonlocal had
        had += 1
        _touched.clear()
        began = time.process_time()
        body(*drawn)
        assert time.process_time() - began < LONGEST
        assert not _touched

    for number in count(start):
        if until(number):
            return had
        quiet = list(HealthCheck)
        many = settings(
            max_examples=examples, deadline=None, database=None, derandomize=False, suppress_health_check=quiet
        )
        seed(number)(many(given(strategy)(example)))()
    return had


@pytest.mark.parametrize(("form", "text"), [("derived", "list.z"), ("derived", "['a', 'b']"), ("derived", "param.l")])
def test_what_a_campaign_found_runs(form: str, text: str) -> None:
    CAMPAIGNS["expressions"][1](form, text)


@pytest.mark.slow
@pytest.mark.parametrize("name", CAMPAIGNS)
def test_nothing_escapes(name: str) -> None:
    assert run(name, until=lambda number: number == 1, examples=160) >= 150


@pytest.mark.soak
@pytest.mark.parametrize("name", CAMPAIGNS)
def test_nothing_escapes_for_an_hour(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    minutes = float(os.environ.get("FUZZ_MINUTES", "60"))
    start = int(os.environ.get("FUZZ_SEED", "1"))
    run(name, until=lambda number: number == 1, examples=100)
    sys.addaudithook(_watch)
    end = time.monotonic() + minutes * 60 * SHARES[name]
    _watching.append(True)
    try:
        had = run(name, until=lambda _: time.monotonic() > end, examples=1_000, start=start)
    finally:
        _watching.clear()
    with capsys.disabled():
        print(f"\n{name}: {had:,} examples")  # noqa: T201 - the figure of the campaign
