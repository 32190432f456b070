"""What workers do with pieces and buckets, without the machines between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor.engines.parcels import bucket_numbers, heard
from auditor.engines.sharing import planned
from auditor.engines.work import Piece, Work
from auditor.model.window import Window
from auditor.rules.judging.merging import Part
from auditor.rules.judging.run import run
from auditor.rules.outcome import Outcome
from auditor.rules.reading.bind import bind
from auditor.rules.reading.load import rules_of
from auditor.tables.schema import SPAN, TABLES
from tests.engines.inline import Inline

MONDAY = datetime(2026, 1, 5, 10, tzinfo=UTC)
WINDOW = Window(MONDAY, MONDAY + timedelta(days=1))
ROWS = [
    {
        "site_url": "a.webex.com",
        "meeting_id": f"m{place}",
        "email": f"p{place % 4}@example.com",
        "city": "Oslo",
        "joined_time": MONDAY + timedelta(minutes=place),
        "duration": timedelta(minutes=place % 3),
        "page": "0" * 64,
        "item": place,
    }
    for place in range(12)
]


def rules(*keys: str) -> str:
    return "---\n".join(
        f"""\
schema: 1
id: TST-{place:03}
name: many-{place}
title: Nobody comes often
severity: low
detect: {{from: attendees, group: {{by: [{key}], aggregate: {{n: count()}}, having: n > 2}}}}
finding: {{subject: "{{{key}}}", message: "{{n}}", fingerprint: [{key}]}}
"""
        for place, key in enumerate(keys, start=1)
    )


def ended(folder: Path, text: str, *, broken: str = "") -> tuple[tuple[Outcome, ...], tuple[Outcome, ...]]:
    """What the rules find here and on two workers; a `broken` column has no type its table knows in the second file."""
    schema = TABLES["attendees"].schema
    frame = pl.DataFrame([{name: row.get(name) for name in schema} for row in ROWS], schema=schema)
    files = []
    for place, half in enumerate((frame[:6], frame[6:])):
        stored = half.with_columns(pl.col(SPAN).dt.total_microseconds())
        if place and broken:
            stored = stored.with_columns(pl.lit(value=True).alias(broken))
        files.append(str(folder / f"{place}.parquet"))
        stored.write_parquet(files[-1])
    bound = [bind(rule, now=MONDAY, lists={}) for rule in rules_of(text.encode(), path="rules.yaml").rules]
    tables = {name: table.schema.to_frame().lazy() for name, table in TABLES.items()} | {"attendees": frame.lazy()}

    def elsewhere(tasks: object) -> dict[str, list[Part]]:
        held = dict.fromkeys(TABLES, ()) | {"attendees": tuple(files)}
        work = Work(planned(tasks, sites=2), held, 3, WINDOW, ("a.webex.com", "b.webex.com"), MONDAY, {})
        found: dict[str, list[Part]] = {}
        for parcel in Inline().parcels(work, [Piece(n, "attendees", (file,)) for n, file in enumerate(files)]):
            rule_id, part = heard(parcel)
            found.setdefault(rule_id, []).append(part)
        return found

    here = run(bound, tables, window=WINDOW, now=MONDAY)
    return here, run(bound, tables, window=WINDOW, now=MONDAY, elsewhere=elsewhere)


def test_rows_are_brought_together_by_a_span(tmp_path: Path) -> None:
    here, there = ended(tmp_path, rules("duration"))
    assert there == here
    assert here[0].found == 3


def test_rows_that_cannot_be_sent_stop_no_rules_but_those_that_wait_for_them(tmp_path: Path) -> None:
    here, there = ended(tmp_path, rules("city", "email"), broken="city")
    assert [one.crashed for one in there] == [True, False]
    assert there[1] == here[1]
    assert here[1].found == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pl.Series([timedelta(minutes=1), timedelta(days=1)]), pl.Series([timedelta(days=1), None])),
        (pl.Series([MONDAY, WINDOW.end]), pl.Series([WINDOW.end, MONDAY])),
        (pl.Series([2.5, 0.0]), pl.Series([-0.0, 7.5])),
    ],
    ids=["span", "moment", "fraction"],
)
def test_equal_values_of_every_type_have_one_bucket(one: pl.Series, other: pl.Series) -> None:
    assert bucket_numbers(one, 1_000, nulls=0)[1] == bucket_numbers(other, 1_000, nulls=0)[0]
