"""What may never change a detection, and the account every detector gives."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from auditor.detectors.burst import Burst
from auditor.detectors.change_point import ChangePoint
from auditor.detectors.detection import Aggregate, Budget, Detection, EmptyBaselineError, learned
from auditor.detectors.fan_in import FanIn
from auditor.detectors.impossible_travel import ImpossibleTravel
from auditor.detectors.outlier import Outlier
from auditor.detectors.overlap import Overlap
from auditor.detectors.rarity import Rarity
from auditor.detectors.registry import DETECTORS
from auditor.detectors.robust_zscore import RobustZscore
from auditor.model.window import Window

pytestmark = pytest.mark.slow

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
WINDOW = Window(START + timedelta(days=60), START + timedelta(days=140))
COUNT = Aggregate.of(value=pl.len().cast(pl.Float64))
SETTINGS = {
    "burst": Burst(),
    "change_point": ChangePoint(value=COUNT, floor=0.25, min_change=0.5, threshold=2.0),
    "fan_in": FanIn(),
    "impossible_travel": ImpossibleTravel(),
    "outlier": Outlier(features=Aggregate.of(joins=pl.len(), networks=pl.col("ip_network").n_unique())),
    "overlap": Overlap(),
    "rarity": Rarity(),
    "robust_zscore": RobustZscore(value=Aggregate.of(value=pl.col("presence").first().dt.total_minutes() / 60)),
}

FINDING = sorted(set(DETECTORS) - {"change_point"})
"""Nobody's habit changes among the people below."""


def population(days: int = 120) -> list[dict[str, object]]:
    """Sixty people's working days, and one of everything that is unusual."""
    seed = random.Random(3)
    oslo = {"geo_country": "NO", "geo_city": "Oslo", "geo_latitude": 59.91, "geo_longitude": 10.75, "asn": 64500}
    rio = {"geo_country": "BR", "geo_city": "Rio", "geo_latitude": -22.91, "geo_longitude": -43.17, "asn": 64511}
    rows: list[dict[str, object]] = []

    def leg(person: int, begin: datetime, minutes: float, **more: object) -> None:
        home = {"ip_network": f"198.51.{person}.0/24", **oslo}
        times = {"joined_time": begin, "left_time": begin + timedelta(minutes=minutes)}
        ends = {"meeting.start_time": begin, "meeting.end_time": begin + timedelta(minutes=60)}
        rows.append({"email": f"p{person:02}@example.com", **home, **times, **ends, **more})

    for day in range(days):
        begin = START + timedelta(days=day)
        if begin.weekday() > 4:
            continue
        for person in range(60):
            late = timedelta(minutes=seed.randint(0, 5))
            leg(person, begin + late, seed.randint(45, 60), meeting_id=f"{day}.{person // 10}", meeting_number="7")
    odd = START + timedelta(days=109)
    away = {
        "ip_network": "203.0.113.0/24",
        "client_os": "linux",
        "client_app": "chrome",
        "client_agent": "LINUX,Chrome",
    }
    leg(3, odd + timedelta(minutes=20), 30, meeting_id="two places", **away, **rio)
    leg(4, odd + timedelta(hours=3), 60, meeting_id="far", **away, **rio)
    leg(6, odd + timedelta(hours=8), 420, meeting_id="long")
    for n in range(14):
        leg(5, odd + timedelta(hours=4, seconds=20 * n), 0.1, meeting_id="again and again")
    for n in range(6):
        leg(
            10 + n,
            odd + timedelta(hours=6, seconds=n),
            60,
            meeting_id="proxy",
            **{**away, **oslo, "ip_network": "192.0.2.0/24"},
        )
    return rows


@pytest.fixture(scope="module")
def rows(build) -> pl.LazyFrame:
    return build(population())


@pytest.fixture(scope="module")
def detected(rows) -> Callable[[str], Detection]:
    """What a detector of a kind finds among the rows."""
    return cache(lambda kind: DETECTORS[kind].detect(rows, SETTINGS[kind], WINDOW))


@pytest.mark.parametrize("kind", sorted(DETECTORS))
def test_the_order_of_rows_changes_nothing(rows: pl.LazyFrame, detected, kind: str) -> None:
    first = detected(kind)
    shuffled = rows.collect().sample(fraction=1, shuffle=True, seed=11).lazy()
    again = DETECTORS[kind].detect(shuffled, SETTINGS[kind], WINDOW)
    assert again.findings.equals(first.findings)
    assert (again.ledger, again.population, again.not_evaluable) == (
        first.ledger,
        first.population,
        first.not_evaluable,
    )


@pytest.mark.parametrize("kind", FINDING)
def test_something_is_found_and_every_candidate_accounted_for(detected, kind: str) -> None:
    found = detected(kind)
    assert found.findings.height > 0
    suppressed = sum(found.ledger.suppressed.values())
    assert found.ledger.candidates == suppressed + found.ledger.emitted + found.ledger.truncated
    assert found.ledger.emitted == found.findings.height


@pytest.mark.parametrize("kind", FINDING)
def test_findings_lie_in_the_window_and_rest_on_records(detected, kind: str) -> None:
    found = detected(kind).findings
    assert found["observed_at"].is_between(WINDOW.start, WINDOW.end, closed="left").all()
    assert found["records"].list.len().min() > 0
    assert found["explanation"].null_count() == 0


@pytest.mark.parametrize("kind", sorted({*FINDING} - {"outlier"}))
def test_the_budget_cuts_the_lowest_scores(rows: pl.LazyFrame, kind: str) -> None:
    settings = SETTINGS[kind]
    full = DETECTORS[kind].detect(rows, replace(settings, budget=Budget(1000, 1000)), WINDOW).findings
    one = DETECTORS[kind].detect(rows, replace(settings, budget=Budget(1, 1)), WINDOW)
    assert one.findings["score"].to_list() == [full["score"].max()]
    assert one.truncated == full.height - 1


@pytest.mark.parametrize("kind", sorted(DETECTORS))
def test_one_row_of_nulls_is_no_finding_and_no_crash(build, kind: str) -> None:
    empty = build(
        [{"email": None, "joined_time": START + timedelta(days=70), "ip_network": None, "client_agent": None}]
    )
    found = DETECTORS[kind].detect(empty, SETTINGS[kind], WINDOW)
    assert found.findings.height == 0
    assert found.not_evaluable == 1 or found.reason is not None


@pytest.mark.parametrize("kind", sorted(DETECTORS))
@pytest.mark.parametrize("column", ["ip_network", "client_agent", "email", "meeting_id", "left_time"])
def test_a_column_that_is_null_everywhere_is_no_crash_and_no_finding_of_nobody(rows, kind: str, column: str) -> None:
    bare = rows.with_columns(pl.lit(None, dtype=rows.collect_schema()[column]).alias(column))
    if column == "left_time":
        bare = bare.with_columns(pl.lit(None, dtype=rows.collect_schema()["left_time"]).alias("meeting.end_time"))
    found = DETECTORS[kind].detect(bare, SETTINGS[kind], WINDOW)
    assert found.findings.height == 0 or found.findings["records"].list.len().min() > 0
    if "email" in found.findings.columns:
        assert found.findings["email"].null_count() == 0


@pytest.mark.parametrize("kind", sorted(DETECTORS))
def test_packed_texts_change_nothing(rows: pl.LazyFrame, kind: str) -> None:
    first = DETECTORS[kind].detect(rows, SETTINGS[kind], WINDOW)
    packed = DETECTORS[kind].detect(rows.with_columns(pl.col(pl.String).cast(pl.Categorical)), SETTINGS[kind], WINDOW)
    assert packed.findings.equals(first.findings)
    assert packed.ledger == first.ledger


@pytest.mark.parametrize("kind", sorted(DETECTORS))
def test_the_zone_in_which_times_are_written_changes_nothing(rows: pl.LazyFrame, kind: str) -> None:
    first = DETECTORS[kind].detect(rows, SETTINGS[kind], WINDOW).findings
    kolkata = timezone(timedelta(hours=5, minutes=30))
    there = Window(WINDOW.start.astimezone(kolkata), WINDOW.end.astimezone(kolkata))
    assert DETECTORS[kind].detect(rows, SETTINGS[kind], there).findings.equals(first)


@pytest.mark.parametrize("kind", sorted(DETECTORS))
def test_somebody_in_a_thousand_meetings_is_nothing_by_itself(build, kind: str) -> None:
    busy = []
    for n in range(1_000):
        begin = START + timedelta(days=n // 10, minutes=48 * (n % 10))
        end = begin + timedelta(minutes=40)
        times = {"joined_time": begin, "left_time": end, "meeting.start_time": begin, "meeting.end_time": end}
        busy.append({**times, "meeting_id": f"m{n}", "meeting_number": str(n % 7)})
    found = DETECTORS[kind].detect(build(busy), SETTINGS[kind], WINDOW)
    assert found.findings.height == 0


@pytest.mark.parametrize("kind", sorted(DETECTORS))
def test_where_nothing_came_before_the_window_no_history_is_claimed(rows, kind: str) -> None:
    young = rows.filter(pl.col("joined_time") >= WINDOW.start)
    found = DETECTORS[kind].detect(young, SETTINGS[kind], WINDOW)
    assert found.reason is not None or found.ledger.history is None or kind in {"overlap", "outlier"}


@pytest.mark.parametrize("kind", sorted(DETECTORS))
def test_one_person_of_one_day_is_no_finding(build, kind: str) -> None:
    begin = START + timedelta(days=70)
    one = build([{"joined_time": begin, "left_time": begin + timedelta(hours=1)}])
    assert DETECTORS[kind].detect(one, SETTINGS[kind], WINDOW).findings.height == 0


@pytest.mark.parametrize("kind", sorted(DETECTORS))
def test_a_webinar_of_thousands_is_no_burst_of_one(build, kind: str) -> None:
    begin = START + timedelta(days=70)
    crowd = build(
        [
            {
                "email": f"g{n}@example.org",
                "joined_time": begin + timedelta(seconds=n / 20),
                "left_time": begin + timedelta(hours=1),
                "meeting.start_time": begin,
                "meeting.end_time": begin + timedelta(hours=1),
                "ip_network": f"203.{n // 250}.{n % 250}.0/24",
                "is_internal": False,
            }
            for n in range(10_000)
        ]
    )
    found = DETECTORS[kind].detect(crowd, SETTINGS[kind], WINDOW).findings
    assert kind == "outlier" or found.height == 0


def test_a_history_of_which_nothing_was_counted_is_an_error() -> None:
    with pytest.raises(EmptyBaselineError):
        learned(pl.Series([0, 0]), earlier=pl.Series([False, True]))


@pytest.mark.parametrize(("counts", "earlier"), [([0, 0], [False, False]), ([0, 3], [True, True]), ([], [])])
def test_no_history_and_a_counted_one_are_none(counts: list[int], earlier: list[bool]) -> None:
    learned(pl.Series(counts, dtype=pl.Int64), earlier=pl.Series(earlier, dtype=pl.Boolean))


def test_one_thread_finds_the_same() -> None:
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); import conftest, test_laws as t, polars as pl\n"
        "full = [{**dict.fromkeys(conftest.SCHEMA), **conftest.USUAL, 'page': '0' * 64, 'item': i, **row}"
        " for i, row in enumerate(t.population())]\n"
        "rows = pl.DataFrame(full, schema=conftest.SCHEMA, orient='row').lazy()\n"
        "found = {k: t.DETECTORS[k].detect(rows, t.SETTINGS[k], t.WINDOW).findings for k in sorted(t.DETECTORS)}\n"
        "print(json.dumps({k: [repr(row) for row in f.rows()] for k, f in found.items()}))"
    )
    results = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", code, str(Path(__file__).parent)],
                env={**os.environ, "POLARS_MAX_THREADS": threads},
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for threads in ("1", "2")
    ]
    assert results[0] == results[1]
