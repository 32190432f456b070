"""Fewer collections of garbage while much is made that lives to the end."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

_RARE = (1_000_000, 20, 20)


class _Ring:
    """An object that only the collector frees: while it is there, so is what was left with it."""

    def __init__(self) -> None:
        self.self = self


_left: list[weakref.ref[_Ring]] = []


@contextmanager
def rare_collections() -> Iterator[None]:
    """Within it the collector looks rarely: a rendering makes millions of objects, none of which it could free.

    What is left goes to the oldest generation unlooked at, since a process mostly ends after a rendering. In one that
    goes on, the next rendering begins with a look at all of it, so that the leavings of two are never held at once.
    """
    if any(ring() is not None for ring in _left):
        gc.collect()
    _left.clear()
    before = gc.get_threshold()
    gc.set_threshold(*_RARE)
    try:
        yield
    finally:
        _left.append(weakref.ref(_Ring()))
        if not gc.get_freeze_count():  # what somebody has frozen is not ours to thaw
            gc.freeze()
            gc.unfreeze()
        gc.set_threshold(*before)
