"""Parts of a table may hold no row at all, one that knows nothing, or a record twice: no rule crashes on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from auditor.model.window import Window
from auditor.rules.judging.judge import keep
from auditor.rules.judging.merging import Part, judged_part
from auditor.rules.judging.run import Means, run, source_of
from auditor.rules.language.spec import Rule
from auditor.rules.outcome import Judged, NotEvaluated
from auditor.rules.reading.bind import bind
from auditor.rules.task import Task
from auditor.tables.schema import TABLES, TIME
from tests.pack import bundled_rules

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(days=60), NOW)
BUNDLED = bundled_rules().rules
LISTS = {name: ("192.0.2.0/24",) for rule in BUNDLED for name in bind(rule, now=NOW, lists={}).missing_lists}
MEANS = Means(lists=LISTS)
KNOWN = {"page": "a" * 64, "item": 0, "email": "a@example.com", "meeting_id": "m", "site_url": "a.webex.com"}
ONE_OF_EACH = {
    "n": "count()",
    "emails": "count(email)",
    "sure": "count_if(invited)",
    "people": "n_unique(email)",
    "total": "sum(duration)",
    "average": "mean(duration)",
    "middle": "median(duration)",
    "shortest": "min(duration)",
    "deviation": "std(to_minutes(duration))",
    "early": "first(email)",
    "late": "last(email)",
    "union": "covered(joined_time, left_time)",
    "crowd": "peak(joined_time, left_time)",
    "names": "values(email)",
    "some": "any(invited)",
    "every": "all(invited)",
}
AGGREGATES = ", ".join(f'{name}: "{tree}"' for name, tree in ONE_OF_EACH.items())
OVER = ", ".join(
    f'{name}_{place}: {{expr: "{tree}", {where}over: [meeting_id, email]}}'
    for place, where in enumerate(("", "where: invited, "))
    for name, tree in ONE_OF_EACH.items()
)
STAGES = {
    "derive": (f"{{from: attendees, derive: {{{OVER}}}, where: n_0 > 0 and n_1 >= 0}}", "[email, joined_time]"),
    "group": (
        f"{{from: attendees, group: {{by: [meeting_id], aggregate: {{{AGGREGATES}}}, having: n > 0}}}}",
        "[meeting_id]",
    ),
    "group rolling, several": (
        "{from: attendees, group: {by: [email], window: {rolling: 1h}, aggregate: {n: count()}, having: n > 1}}",
        "[email, window_start]",
    ),
    **{
        f"group {window}": (
            f"""{{from: attendees, group:
                {{by: [email], window: {{{window}: 1h}}, aggregate: {{n: count()}}, having: n > 0}}}}""",
            "[email, window_start]",
        )
        for window in ("rolling", "tumbling", "session_gap")
    },
    "pairs": (
        "{from: attendees, pairs: {same: [meeting_id], different: [email], overlap: 1m}}",
        "[meeting_id, a.email, b.email]",
    ),
    "pairs at any time": ("{from: attendees, pairs: {same: [email]}}", "[email, a.joined_time, b.joined_time]"),
    **{
        f"match {name}": (
            f"{{from: attendees, match: {{with: participants, same: [email]{rest}}}}}",
            "[email, joined_time]",
        )
        for name, rest in {
            "any": "",
            "none": ", absent: true",
            "of its own": ", where: b.host",
            "of both": ", where: b.joined_time > a.joined_time, absent: true",
        }.items()
    },
    "sequence": (
        """{from: attendees, sequence: {by: [email], within: 1h, absent: [{where: registered}],
            steps: [{name: one, where: invited}, {name: two, where: not invited}]}}""",
        "[email]",
    ),
    **{
        f"baseline {method}{fill}": (
            f"""{{from: attendees, baseline:
                {{entity: [email], period: 1d, value: {value}{fill}, method: {method}, having: score > 1}}}}""",
            "[email, period]",
        )
        for method, value, fill in (
            ("robust_z", "count()", ""),
            ("robust_z", "n_unique(meeting_id)", ", fill: 0"),
            ("iqr", "count()", ", fill: 0"),
            ("share", "invited", ""),
            ("first_seen", "client_agent", ""),
        )
    },
}
LAYOUTS = ("no row", "a row of nulls", "a record twice")


def frames(layout: str) -> dict[str, pl.LazyFrame]:
    """Every table with such rows."""
    found = {}
    for name, table in TABLES.items():
        columns = []
        for column, dtype in table.schema.items():
            value: object = KNOWN.get(column) if layout == "a record twice" or column in {"page", "item"} else None
            if layout == "a record twice" and dtype == TIME:
                value = NOW - timedelta(days=1)
            height = {"no row": 0, "a row of nulls": 1, "a record twice": 2}[layout]
            columns.append(pl.Series(column, [value] * height, dtype=dtype))
        found[name] = pl.DataFrame(columns).lazy()
    return found


def judged(rules: Sequence[Rule], layout: str, *, kept: bool) -> dict[str, Part]:
    """How judging such a part ends, by rule."""
    bound = [bind(rule, now=NOW, lists=LISTS) for rule in rules]
    source = source_of(frames(layout), window=WINDOW, now=NOW, means=MEANS)
    tasks = [Task(one.rule, one.values) for one in bound]
    if kept:
        keep(source, tasks)
    return {task.rule.id: judged_part(source, task) for task in tasks}


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_rule_that_found_nothing_before_finds_nothing_again_in_the_same_words(layout: str) -> None:
    bound = [bind(rule, now=NOW, lists=LISTS) for rule in BUNDLED]
    tasks = [Task(one.rule, one.values) for one in bound]
    source = source_of(frames(layout), window=WINDOW, now=NOW, means=MEANS)
    keep(source, tasks)
    again = 0
    for task in tasks:
        first, second = judged_part(source, task), judged_part(source, task)
        assert isinstance(first, Judged) == isinstance(second, Judged)
        if isinstance(first, Judged) and isinstance(second, Judged):
            assert first.hits.equals(second.hits)
            assert first.hits.schema == second.hits.schema
            assert (first.population, first.not_evaluable) == (second.population, second.not_evaluable)
            again += bool(task.nothing)
    assert again > len(tasks) // 2


@pytest.mark.parametrize("kept", [False, True], ids=["read", "kept"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_crashes_on_a_bare_part(rule: Callable[..., Rule], stage: str, layout: str, kept: bool) -> None:  # noqa: FBT001 - pytest names it
    detect, fingerprint = STAGES[stage]
    (found,) = judged([rule(detect, fingerprint=fingerprint)], layout, kept=kept).values()
    assert isinstance(found, Judged | NotEvaluated)
    if layout == "no row" and isinstance(found, Judged):
        assert (found.population, found.not_evaluable, found.hits.height) == (0, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_bundled_rule_crashes_on_a_bare_part(layout: str) -> None:
    ended = judged(BUNDLED, layout, kept=True)
    assert len(ended) > 100
    assert {rule_id: found for rule_id, found in ended.items() if not isinstance(found, Judged | NotEvaluated)} == {}


def test_a_record_twice_is_one_finding_with_one_record(rule: Callable[..., Rule]) -> None:
    bound = bind(rule("{from: attendees, where: email is not None}", fingerprint="[email]"), now=NOW, lists=LISTS)
    (outcome,) = run([bound], frames("a record twice"), window=WINDOW, now=NOW, means=MEANS)
    (finding,) = outcome.findings
    assert (finding.occurrences, len(finding.records), outcome.population) == (2, 1, 2)
