"""Rules written in a test, judged on rows written in a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from textwrap import dedent

import polars as pl
import pytest

from auditor.model.window import Window
from auditor.rules.judging.run import Means, run
from auditor.rules.language.spec import Rule
from auditor.rules.outcome import Outcome
from auditor.rules.reading.bind import bind
from auditor.rules.reading.load import rules_of
from auditor.tables.facts import fact_type
from auditor.tables.schema import TABLES

NOW = datetime(2026, 6, 1, tzinfo=UTC)
Rows = Sequence[Mapping[str, object]]
Judge = Callable[..., Outcome]


def rule_of(
    detect: str,
    *,
    fingerprint: str = "[page, item]",
    message: str = "found",
    evidence: str = "[]",
    rest: str = "",
    number: int = 1,
    allow_python: bool = False,
) -> Rule:
    text = f"""
schema: 1
id: TST-{number:03}
name: test-rule-{number}
title: Everything is as it should be
severity: low
{rest}
detect:
{"".join("  " + line + chr(10) for line in dedent(detect).strip().splitlines())}
finding: {{subject: s, message: "{message}", evidence: {evidence}, fingerprint: {fingerprint}}}
"""
    return rules_of(text.encode(), path="test.yaml", allow_python=allow_python).rules[0]


def tables_of(rows: Mapping[str, Rows]) -> dict[str, pl.LazyFrame]:
    found = {}
    for name, table in TABLES.items():
        given = [
            {"site_url": "a.webex.com", "page": "0" * 64, "item": item, **row}
            for item, row in enumerate(rows.get(name, ()))
        ]
        facts = sorted({column for row in given for column in row} - set(table.schema) - {"site_url"})
        columns = dict(table.schema) | {fact: fact_type(name, fact) for fact in facts}
        found[name] = pl.DataFrame(
            [pl.Series(column, [row.get(column) for row in given], dtype=dtype) for column, dtype in columns.items()]
        ).lazy()
    return found


@pytest.fixture(scope="session")
def rule() -> Callable[..., Rule]:
    return rule_of


@pytest.fixture(scope="session")
def tables() -> Callable[[Mapping[str, Rows]], dict[str, pl.LazyFrame]]:
    return tables_of


@pytest.fixture(scope="session")
def judge() -> Judge:
    def judged(
        detect: str,
        rows: Mapping[str, Rows],
        *,
        window: Window | None = None,
        now: datetime = NOW,
        lists: Mapping[str, tuple[str, ...]] | None = None,
        show: Sequence[str] = (),
        **words: str,
    ) -> Outcome:
        bound = bind(rule_of(detect, **words), now=now, lists=lists or {})
        return run(
            [bound],
            tables_of(rows),
            window=window,
            now=now,
            means=Means(lists=lists or {}),
            also={bound.rule.id: show},
        )[0]

    return judged


@pytest.fixture(scope="session")
def at() -> Callable[[float], datetime]:
    """The moment so many minutes after Monday 2026-01-05 10:00 UTC."""
    return lambda minutes: datetime(2026, 1, 5, 10, tzinfo=UTC) + timedelta(minutes=minutes)
