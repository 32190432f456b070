"""One pause for all threads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Lock

from auditor.errors import RateLimited
from auditor.frozen import dataclass

LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Clock:
    """Passing time: `monotonic` in seconds, and a `sleep` that may return early."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


class Limiter:
    """Nobody sends while a pause is in force; pauses are bounded singly and in total.

    `longest` bounds one pause, `budget` the time paused since the last clean answer. A pause beyond either
    is not shortened: from then on `wait` raises `RateLimited` until the pause would have ended.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        longest: timedelta = LONGEST_PAUSE,
        budget: timedelta = timedelta(minutes=30),
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._clock = clock
        self._longest = longest.total_seconds()
        self._budget = budget.total_seconds()
        self._stopped = stopped
        self._lock = Lock()
        self._until = clock.monotonic()
        self._spent = 0.0
        self._total = 0.0
        self._refused: str | None = None

    @property
    def waited(self) -> timedelta:
        """How long all senders together were paused so far; a pause that all share counts once."""
        return timedelta(seconds=self._total)

    def pause(self, span: timedelta) -> None:
        """Pause everybody for the span from now on; a longer pause already in force stays."""
        with self._lock:
            now = self._clock.monotonic()
            until = now + span.total_seconds()
            added = until - max(now, self._until)
            if added <= 0:
                return
            self._until = until
            if span.total_seconds() > self._longest:
                self._refused = f"asked to wait {span.total_seconds():.0f} s, longer than {self._longest:.0f} s"
            elif self._spent + added > self._budget:
                self._refused = f"asked to wait again after {self._spent:.0f} s of waiting without an answer"
            else:
                self._spent += added
                self._total += added

    def wait(self) -> None:
        """Return when no pause is in force; raises `RateLimited` when the pause in force is too long."""
        while not self._stopped():
            with self._lock:
                left = self._until - self._clock.monotonic()
                if left <= 0:
                    self._refused = None
                    return
                if self._refused is not None:
                    raise RateLimited(self._refused, retry_after=timedelta(seconds=left), status=429)
            self._clock.sleep(left)

    def answered(self) -> None:
        """A clean answer came: the budget is whole again."""
        with self._lock:
            self._spent = 0.0
