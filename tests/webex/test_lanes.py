from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from threading import Event, active_count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.webex.awaited import Stopped
from auditor.webex.lanes import Done, Dropped, Ended, Kept, Lane, ordered


def told(lane: Lane) -> list[object]:
    return [
        event.page if isinstance(event, Kept) else event.result if isinstance(event, Done) else event
        for event in lane.events()
    ]


@given(st.lists(st.integers(0, 12), max_size=12), st.integers(1, 6))
def test_results_come_in_the_order_of_the_plan_whatever_the_threads(sizes: list[int], threads: int) -> None:
    def work(size: int, lane: Lane[int, int, int]) -> int:
        for number in range(size):
            lane.keep(number)
        return -size

    with closing(ordered(sizes, work, threads=threads, stopped=Event())) as lanes:
        assert [told(lane) for lane in lanes] == [[*range(size), -size] for size in sizes]


def test_no_thread_runs_far_ahead_of_the_reader() -> None:
    begun: list[int] = []

    def work(number: int, lane: Lane[int, int, None]) -> None:
        begun.append(number)

    with closing(ordered(range(100), work, threads=3, stopped=Event())) as lanes:
        next(iter(lanes))
        time.sleep(0.1)
        assert len(begun) <= 5


def test_a_long_listing_waits_for_its_reader() -> None:
    kept: list[int] = []

    def work(number: int, lane: Lane[int, int, None]) -> None:
        for page in range(5000):
            lane.keep(page)
            kept.append(page)

    with closing(ordered([1], work, threads=1, stopped=Event())) as lanes:
        lane = next(iter(lanes))
        time.sleep(0.05)
        assert len(kept) <= 2001
        assert len(told(lane)) == 5001


def test_an_error_is_told_where_it_belongs() -> None:
    def work(number: int, lane: Lane[int, int, int]) -> int:
        if number == 1:
            raise ValueError("broken")
        return number

    with closing(ordered([0, 1, 2], work, threads=2, stopped=Event())) as lanes:
        ends = [next(lane.events()) for lane in lanes]
    assert isinstance(ends[1], Ended)
    assert str(ends[1].error) == "broken"
    assert [end.result for end in ends if isinstance(end, Done)] == [0, 2]


def test_work_that_has_not_begun_ends_when_the_run_is_stopped() -> None:
    stopped = Event()

    def work(number: int, lane: Lane[int, int, int]) -> int:
        stopped.set()
        return number

    with closing(ordered(range(50), work, threads=1, stopped=stopped)) as lanes:
        ends = [next(lane.events()) for lane in lanes]
    assert isinstance(ends[0], Done)
    assert all(isinstance(end, Ended) and isinstance(end.error, Stopped) for end in ends[1:])


def test_a_reader_that_leaves_early_leaves_no_thread_behind() -> None:
    before = active_count()

    def work(number: int, lane: Lane[int, int, None]) -> None:
        for page in range(100):
            lane.keep(page)

    with closing(ordered(range(50), work, threads=4, stopped=Event())) as lanes:
        next(next(lanes).events())
    assert active_count() == before


CROWDED = """
import resource, threading
from auditor.webex.lanes import ordered
threading.stack_size(256 << 20)
with open("/proc/self/statm") as told:
    size = int(told.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (700 << 20),) * 2)
try:
    list(ordered(range(9), lambda number, lane: None, threads=9, stopped=threading.Event()))
except RuntimeError as error:
    print(error, threading.active_count())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_thread_that_cannot_be_started_leaves_none_behind() -> None:
    ended = subprocess.run([sys.executable, "-c", CROWDED], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "can't start new thread 1\n"


def test_pages_can_be_taken_back() -> None:
    def work(number: int, lane: Lane[int, str, None]) -> None:
        lane.keep("a")
        lane.drop(1)
        lane.drop(0)

    with closing(ordered([1], work, threads=1, stopped=Event())) as lanes:
        events = list(next(iter(lanes)).events())
    assert events == [Kept("a"), Dropped(1), Done(None)]
