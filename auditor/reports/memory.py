"""Fewer collections of garbage while much is made that lives to the end."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_RARE = (1_000_000, 20, 20)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Within it the collector looks rarely: a rendering makes millions of objects, none of which it could free."""
    before = gc.get_threshold()
    gc.set_threshold(*_RARE)
    try:
        yield
    finally:
        gc.set_threshold(*before)
