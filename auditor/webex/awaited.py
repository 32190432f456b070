"""Waiting for an answer in short turns, so that a run that ends need not wait for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")

_TURN = 0.2


class Stopped(Exception):  # noqa: N818 - the run was asked to end; nothing went wrong
    """The run ends; nothing more is sent."""


def awaited(asked: Callable[[], T], left: Event) -> T:
    """What `asked` gives or raises; a thread of its own does it, and is left to itself once `left` is set.

    Raises `Stopped` then: what comes later is for nobody.
    """
    answer: Future[T] = Future()
    if not left.is_set():
        Thread(target=_fulfil, args=(asked, answer), name="exchange", daemon=True).start()
    while not left.is_set():
        if wait((answer,), timeout=_TURN).done:
            return answer.result()
    raise Stopped


def _fulfil(asked: Callable[[], T], answer: Future[T]) -> None:
    try:
        answer.set_result(asked())
    except BaseException as error:  # noqa: BLE001 - told to the thread that waits
        answer.set_exception(error)
