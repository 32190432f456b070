"""Work done by several threads, its results taken in the order of the plan."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, Queue, SimpleQueue
from threading import Event, Lock, Semaphore, Thread
from typing import Generic, TypeVar

from auditor.webex.awaited import Stopped

_POLL = 0.05
_TURN = 0.2
_PAGES_AHEAD = 2000

W = TypeVar("W")
P = TypeVar("P")
R = TypeVar("R")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kept(Generic[P]):
    """A page came."""

    page: P


@dataclass(frozen=True, slots=True)
class Dropped:
    """The last pages no longer count."""

    count: int


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """The work is finished; `result` says how."""

    result: R


@dataclass(frozen=True, slots=True)
class Ended:
    """The work ended by an error."""

    error: BaseException


class Lane(Generic[W, P, R]):
    """What one piece of work brings, in order; it holds what tells of pages, not their bodies."""

    def __init__(self, piece: W) -> None:
        self.piece = piece
        self._events: Queue[Kept[P] | Dropped | Done[R] | Ended] = Queue(_PAGES_AHEAD)
        self._left = False

    def keep(self, page: P) -> None:
        """Hand over a page; waits while the lane is full. Raises `Stopped` once nobody reads it."""
        if self._left:
            raise Stopped
        self._events.put(Kept(page))

    def drop(self, count: int) -> None:
        """Take back the last pages."""
        if count:
            self._events.put(Dropped(count))

    def finish(self, last: Done[R] | Ended) -> None:
        """Say how the work ended."""
        self._events.put(last)

    def events(self) -> Iterator[Kept[P] | Dropped | Done[R] | Ended]:
        """Everything the work brings, up to how it ended."""
        while True:
            event = _next(self._events)
            yield event
            if isinstance(event, Done | Ended):
                return

    def leave(self) -> None:
        """Nobody will read it; make room for a worker that waits to hand something over."""
        self._left = True
        try:
            while True:
                self._events.get_nowait()
        except Empty:
            return


@dataclass(slots=True)
class _Shared(Generic[W, P, R]):
    """What the threads of one run share."""

    todo: Iterator[W]
    work: Callable[[W, Lane[W, P, R]], R]
    ahead: Semaphore
    stopped: Event
    started: SimpleQueue[Lane[W, P, R]] = field(default_factory=SimpleQueue)
    guard: Lock = field(default_factory=Lock)


def ordered(
    todo: Sequence[W],
    work: Callable[[W, Lane[W, P, R]], R],
    *,
    threads: int,
    stopped: Event,
    leave: Callable[[], None] = lambda: None,
) -> Generator[Lane[W, P, R], None, None]:
    """A lane for each piece of work, in order, while threads do this one and those after it.

    The caller reads each lane to its end. When it leaves early, `stopped` is set and the threads end with what
    they are at, which `leave` makes short; once `stopped` is set, the work that has not begun ends with `Stopped`.
    """
    shared: _Shared[W, P, R] = _Shared(iter(todo), work, Semaphore(threads + 1), stopped)
    crew: list[Thread] = []
    open_lanes: list[Lane[W, P, R]] = []
    try:
        for number in range(min(threads, len(todo))):
            crew.append(Thread(target=_labour, args=(shared,), name=f"collect-{number}"))
            crew[-1].start()
        for _ in todo:
            open_lanes = [_next(shared.started)]
            yield open_lanes[0]
            open_lanes = []
            shared.ahead.release()
    except BaseException:
        stopped.set()
        leave()
        raise
    finally:
        while any(thread.is_alive() for thread in crew):
            while not shared.started.empty():
                open_lanes.append(shared.started.get())
            for lane in open_lanes:
                lane.leave()
            for thread in crew:
                if thread.is_alive():  # one may not have begun
                    thread.join(_POLL)


def _next(queue: Queue[T] | SimpleQueue[T]) -> T:
    """What comes next, waited for in short turns: no signal wakes a thread that waits for ever once Polars is there."""
    while True:
        try:
            return queue.get(timeout=_TURN)
        except Empty:
            continue


def _labour(shared: _Shared[W, P, R]) -> None:
    """Do piece after piece until none is left."""
    while True:
        while not shared.stopped.is_set() and not shared.ahead.acquire(timeout=_POLL):
            pass
        with shared.guard:
            piece = next(shared.todo, None)
            if piece is None:
                return
            lane = Lane[W, P, R](piece)
            shared.started.put(lane)
        lane.finish(_outcome(shared, piece, lane))


def _outcome(shared: _Shared[W, P, R], piece: W, lane: Lane[W, P, R]) -> Done[R] | Ended:
    """How one piece of work ended; its errors are told to the thread that asked, not to this one."""
    if shared.stopped.is_set():
        return Ended(Stopped())
    try:
        return Done(shared.work(piece, lane))
    except BaseException as error:  # noqa: BLE001 - the lane tells it to the thread that asked
        return Ended(error)
