"""`outlier`: ECOD over the features of a person's week."""

from __future__ import annotations

import hashlib
import math
import random
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.detectors.detection import Aggregate
from auditor.detectors.outlier import Outlier, detect, ecod
from auditor.model.window import Window

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
ALL = Window(MONDAY, MONDAY + timedelta(days=400))


def table() -> pl.DataFrame:
    """2,000 rows of six kinds of features, the same on every machine."""
    seed = random.Random(20260105)
    rows = 2000
    return pl.DataFrame(
        {
            "lognormal": [math.exp(seed.gauss(0, 1)) for _ in range(rows)],
            "ties": [float(seed.randint(0, 20)) for _ in range(rows)],
            "constant": [3.0] * rows,
            "negated": [-math.exp(seed.gauss(0, 1)) for _ in range(rows)],
            "symmetric": [seed.gauss(0, 1) for _ in range(rows)],
            "flag": [float(seed.random() < 0.1) for _ in range(rows)],
        }
    )


def test_scores_are_those_pyod_gives() -> None:
    # recorded from pyod 2's ECOD().fit(X).decision_scores_ on the same rows, each with nine decimals
    scores = ecod(table(), table().columns)["score"].to_list()
    assert scores[:4] == [5.036066435, 5.57906435, 9.082128829, 3.773001185]
    written = ",".join(f"{score:.9f}" for score in scores)
    assert (
        hashlib.sha256(written.encode()).hexdigest()
        == "64d9d2c30c3e507f31c54363583e58d7b86564546cd6e294204779dfa3f475db"
    )


@pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")
def test_scores_are_pyods_own_where_it_is_installed() -> None:
    theirs = pytest.importorskip("pyod.models.ecod").ECOD().fit(table().to_numpy()).decision_scores_
    ours = ecod(table(), table().columns)["score"].to_list()
    assert ours == [round(float(score), 9) for score in theirs]


def tails(values: list[float]) -> list[float]:
    """What one feature adds to each row, by counting."""
    ordered, n = sorted(values), len(values)
    mean = sum(values) / n
    third, second = sum((v - mean) ** 3 for v in values) / n, sum((v - mean) ** 2 for v in values) / n
    sign = 0 if second == 0 else (third > 0) - (third < 0)
    added = []
    for value in values:
        left = -math.log(bisect_right(ordered, value) / n)
        right = -math.log((n - bisect_left(ordered, value)) / n)
        added.append(max(left, right, {-1: left, 1: right, 0: left + right}[sign]))
    return added


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, 5.0, 9.0]), min_size=2, max_size=30))
def test_a_feature_adds_what_counting_gives(values: list[float]) -> None:
    got = ecod(pl.DataFrame({"x": values}), ["x"])["o_x"].to_list()
    assert all(math.isclose(a, b, abs_tol=1e-9) for a, b in zip(got, tails(values), strict=True))


def test_an_unknown_feature_adds_nothing() -> None:
    scored = ecod(pl.DataFrame({"x": [1.0, 2.0, None, 9.0], "y": [1.0, 1.0, 1.0, 1.0]}), ["x", "y"])
    assert scored["o_x"].to_list()[2] is None
    assert scored["score"][2] == 0.0


def week(person: str, joins: int) -> list[dict[str, object]]:
    return [{"email": person, "joined_time": MONDAY + timedelta(hours=n), "meeting_id": f"m{n}"} for n in range(joins)]


FEATURES = Aggregate.of(joins=pl.len(), meetings=pl.col("meeting_id").n_unique())


def test_the_strangest_week_comes_first_with_its_numbers(build) -> None:
    rows = [row for n in range(60) for row in week(f"p{n:02}", 4)] + week("busy", 90)
    found = detect(build(rows), Outlier(features=FEATURES, top=1), ALL).findings
    (sentence,) = found["explanation"]
    assert found["email"].to_list() == ["busy"]
    assert sentence == (
        "busy, period from 2026-01-05: joins 90 (tail 1.64 %), meetings 90 (tail 1.64 %) "
        "of 61 compared, itself included"
    )


def test_few_people_are_not_compared(build) -> None:
    found = detect(build(week("ann", 9)), Outlier(features=FEATURES), ALL)
    assert found.reason == "fewer than 50 entities to compare with each other"


def test_where_no_week_is_judged_rows_of_nobody_and_weeks_without_features_are_counted(build) -> None:
    apart = Aggregate.of(kinds=pl.col("client_os").drop_nulls().first().str.len_chars())
    known = [{**row, "client_os": "mac"} for n in range(60) for row in week(f"p{n:02}", 4)]
    blank = [{**row, "client_os": None} for n in range(5) for row in week(f"q{n}", 4)]
    nobody = [{**row, "email": None, "client_os": "mac"} for row in week("", 7)]
    later = Window(MONDAY + timedelta(weeks=3), MONDAY + timedelta(weeks=4))
    found = detect(build(known + blank + nobody), Outlier(features=apart), later)
    assert found.reason == "no period with known features begins in the window"
    assert (found.population, found.not_evaluable) == (0, 7 + 5)


def test_weeks_of_one_or_two_joins_are_left_out(build) -> None:
    rows = [row for n in range(60) for row in week(f"p{n:02}", 4)] + week("seldom", 2)
    assert detect(build(rows), Outlier(features=FEATURES, top=100), ALL).population == 60
