from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import RateLimited
from auditor.webex.backoff import backoff, told, untold
from auditor.webex.limiter import Clock, Limiter

NOW = datetime(2026, 1, 5, tzinfo=UTC)


class Standing:
    def __init__(self) -> None:
        self.seconds = 100.0

    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@given(st.integers(0, 10**6))
def test_seconds_are_waited_but_at_least_one(seconds: int) -> None:
    assert told(str(seconds), now=NOW) == timedelta(seconds=max(1, seconds))


@given(st.integers(-(10**6), 10**6))
def test_a_date_is_waited_for_but_at_least_a_second(ahead: int) -> None:
    header = format_datetime(NOW + timedelta(seconds=ahead), usegmt=True)
    assert told(header, now=NOW) == timedelta(seconds=max(1, ahead))


@given(st.text(max_size=40))
def test_any_header_is_a_wait_or_untold(header: str) -> None:
    pause = told(header, now=NOW)
    assert pause is None or pause >= timedelta(seconds=1)


@pytest.mark.parametrize("header", ["", "soon", "-5", "1.5", "٣", None])
def test_an_unreadable_header_tells_nothing(header: str | None) -> None:
    assert told(header, now=NOW) is None


@pytest.mark.parametrize("header", ["Fri, 31 Dec 9999 23:59:59 -1200", "Mon, 01 Jan 0001 00:00:00 +1400"])
def test_a_date_beyond_the_calendar_tells_no_more_than_another(header: str) -> None:
    pause = told(header, now=NOW)
    assert pause is None or pause >= timedelta(seconds=1)


@given(st.integers(1, 100), st.text(max_size=10))
def test_untold_waits_start_at_five_seconds_and_are_bounded(attempt: int, seed: str) -> None:
    assert timedelta(seconds=5) <= untold(attempt, seed=seed) <= timedelta(seconds=150)


@given(st.integers(1, 5), st.text(max_size=10))
def test_backoff_doubles(attempt: int, seed: str) -> None:
    base = 2 ** (attempt - 1)
    assert timedelta(seconds=base) <= backoff(attempt, seed=seed) <= timedelta(seconds=base * 1.25)


def test_a_pause_holds_everybody_back() -> None:
    standing = Standing()
    limiter = Limiter(standing.clock())
    limiter.pause(timedelta(seconds=30))
    limiter.wait()
    assert standing.seconds >= 130
    assert limiter.waited == timedelta(seconds=30)


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    standing = Standing()
    limiter = Limiter(standing.clock())
    limiter.pause(timedelta(seconds=60))
    limiter.pause(timedelta(seconds=5))
    limiter.wait()
    assert standing.seconds >= 160


def test_a_pause_that_is_too_long_is_refused_instead_of_shortened() -> None:
    standing = Standing()
    limiter = Limiter(standing.clock(), longest=timedelta(minutes=5))
    limiter.pause(timedelta(minutes=10))
    with pytest.raises(RateLimited, match="asked to wait 600 s") as refused:
        limiter.wait()
    assert refused.value.retry_after == timedelta(minutes=10)
    assert standing.seconds == 100.0


def test_after_a_refused_pause_ended_requests_go_on() -> None:
    standing = Standing()
    limiter = Limiter(standing.clock(), longest=timedelta(minutes=5))
    limiter.pause(timedelta(minutes=10))
    standing.seconds += 601
    limiter.wait()


def test_the_budget_bounds_waiting_without_an_answer() -> None:
    standing = Standing()
    limiter = Limiter(standing.clock(), budget=timedelta(minutes=1))
    for _ in range(2):
        limiter.pause(timedelta(seconds=30))
        limiter.wait()
    limiter.pause(timedelta(seconds=30))
    with pytest.raises(RateLimited, match="after 60 s of waiting"):
        limiter.wait()


def test_a_clean_answer_makes_the_budget_whole() -> None:
    standing = Standing()
    limiter = Limiter(standing.clock(), budget=timedelta(minutes=1))
    for _ in range(10):
        limiter.pause(timedelta(seconds=30))
        limiter.wait()
        limiter.answered()
    assert limiter.waited == timedelta(seconds=300)


def test_pauses_of_threads_that_meet_the_same_limit_count_once() -> None:
    standing = Standing()
    limiter = Limiter(standing.clock(), budget=timedelta(minutes=1))
    threads = [Thread(target=limiter.pause, args=(timedelta(seconds=50),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    limiter.wait()
    assert limiter.waited == timedelta(seconds=50)


def test_a_stopped_run_does_not_wait() -> None:
    standing = Standing()
    limiter = Limiter(standing.clock(), stopped=lambda: True)
    limiter.pause(timedelta(seconds=50))
    limiter.wait()
    assert standing.seconds == 100.0
