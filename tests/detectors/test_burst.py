"""`burst`: many joins in a short time."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.detectors.burst import Burst, detect
from auditor.detectors.detection import Budget
from auditor.model.window import Window

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ALL = Window(START, START + timedelta(days=400))
BARE = Burst(suppress=(), budget=Budget(10_000, 10_000))


def join(seconds: float, *, day: int = 0, stay: float = 5, **more: object) -> dict[str, object]:
    begin = START + timedelta(days=day, seconds=seconds)
    return {"joined_time": begin, "left_time": begin + timedelta(seconds=stay), **more}


@given(st.lists(st.integers(0, 4000), min_size=1, max_size=30))
def test_the_count_is_the_most_joins_of_any_window(build, seconds: list[int]) -> None:
    largest = max(sum(t - 600 < other <= t for other in seconds) for t in seconds)
    found = detect(build([join(second) for second in seconds]), BARE, ALL).findings
    counts = found["count"].to_list() if found.height else []
    assert max(counts, default=0) == (largest if largest >= 5 else 0)


def test_windows_that_touch_are_one_burst(build) -> None:
    found = detect(build([join(60 * minute) for minute in range(30)]), BARE, ALL).findings
    assert found.select("count", "window_start", "window_end").rows() == [(10, START, START + timedelta(minutes=29))]


def test_bursts_far_apart_are_two(build) -> None:
    found = detect(build([join(gap + n) for gap in (0, 7200) for n in range(6)]), BARE, ALL).findings
    assert found.height == 2


def test_without_history_the_count_alone_decides(build) -> None:
    found = detect(build([join(n) for n in range(6)]), BARE, ALL).findings
    assert found.select("score", "center").rows() == [(6.0, None)]
    assert "usual" not in found["explanation"][0]


@pytest.mark.parametrize(
    ("within", "told"),
    [
        (timedelta(minutes=10), "10 min"),
        (timedelta(hours=1), "60 min"),
        (timedelta(seconds=30), "30 s"),
        (timedelta(seconds=90), "90 s"),
        (timedelta(milliseconds=5500), "5.5 s"),
    ],
)
def test_the_sentence_tells_the_length_that_was_asked_for(build, within: timedelta, told: str) -> None:
    found = detect(build([join(0) for _ in range(6)]), replace(BARE, within=within), ALL).findings
    assert f" within {told} from " in found["explanation"][0]


def test_the_probability_is_that_of_the_stated_model(build) -> None:
    quiet = [join(0, day=day, email=f"p{day}", meeting_id=f"q{day}") for day in range(300)]
    loud = [join(n, day=350, email="x", meeting_id="m") for n in range(8)]
    window = Window(START + timedelta(days=340), START + timedelta(days=400))
    found = detect(build(quiet + loud), BARE, window).findings
    (row,) = found.select("score", "center", "n").rows()
    tail = math.fsum(math.exp(k * math.log(1.0) - 1.0 - math.lgamma(k + 1)) for k in range(8, 200))
    assert row[1:] == (1.0, 300)
    assert math.isclose(row[0], -math.log10(tail), abs_tol=1e-9)


def test_crowds_of_hundreds_are_usual_where_they_were_before(build) -> None:
    """Negative binomial tails are long, and nobody's largest count ends at two hundred."""
    rows = [
        join(place * 500 / size, day=day, email=f"{day}.{place}", meeting_id=f"q{day}")
        for day in range(206)
        for size in [300 if day % 20 == 0 else 4 + day % 3]
        for place in range(size)
    ]
    loud = [join(n, day=350, email=f"x{n}", meeting_id="m") for n in range(250)]
    window = Window(START + timedelta(days=340), START + timedelta(days=400))
    settings = replace(BARE, entity=("meeting_id",), min_score=0.0)
    (row,) = detect(build(rows + loud), settings, window).findings.select("score", "center").rows()
    kept = sorted(300 if day % 20 == 0 else 4 + day % 3 for day in range(206))[:-3]
    mean = sum(kept) / len(kept)
    variance = sum(count * count for count in kept) / len(kept) - mean * mean
    size = mean * mean / (variance - mean)
    below = math.fsum(
        math.exp(
            math.lgamma(x + size) - math.lgamma(size) - math.lgamma(x + 1)
            + size * math.log(size / (size + mean)) + x * math.log(mean / (size + mean))
        )
        for x in range(250)
    )  # fmt: skip
    assert row[1] == mean
    assert math.isclose(row[0], -math.log10(1 - below), abs_tol=1e-9)


@pytest.mark.parametrize("joins", range(5, 11))
def test_a_burst_as_strange_as_the_least_score_printed_is_told(build, joins: int) -> None:
    quiet = [join(0, day=day, email=f"p{day}", meeting_id=f"q{day}") for day in range(300)]
    loud = [join(n, day=350, email="x", meeting_id="m") for n in range(joins)]
    window = Window(START + timedelta(days=340), START + timedelta(days=400))
    (score,) = detect(build(quiet + loud), replace(BARE, min_score=0.0), window).findings["score"]
    assert detect(build(quiet + loud), replace(BARE, min_score=score), window).findings["score"].to_list() == [score]


def test_drops_that_come_back_with_the_same_client_are_reconnects(build) -> None:
    rows = [join(70 * n, stay=65) for n in range(6)]
    assert detect(build(rows), Burst(), ALL).ledger.suppressed["reconnect"] == 1


def test_attempts_of_seconds_are_no_reconnects(build) -> None:
    assert detect(build([join(10 * n) for n in range(6)]), Burst(), ALL).findings.height == 1
