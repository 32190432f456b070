"""Arithmetic of windows: what some cover, and what is left of others."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from auditor.model.window import Window


def union(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Disjoint windows in order that cover the same; windows that touch become one."""
    joined: list[Window] = []
    for window in sorted(windows):
        if joined and window.start <= joined[-1].end:
            joined[-1] = Window(joined[-1].start, max(joined[-1].end, window.end))
        else:
            joined.append(window)
    return tuple(joined)


def subtract(windows: Iterable[Window], minus: Iterable[Window]) -> tuple[Window, ...]:
    """What the windows cover and `minus` does not."""
    holes = union(minus)
    left = []
    for window in union(windows):
        start = window.start
        for hole in holes:
            if not hole.overlaps(window):
                continue
            if hole.start > start:
                left.append(Window(start, hole.start))
            start = max(start, min(hole.end, window.end))
        if start < window.end:
            left.append(Window(start, window.end))
    return tuple(left)


def intersection(sides: Iterable[Iterable[Window]]) -> tuple[Window, ...]:
    """What all sides cover; nothing when there are no sides."""
    return reduce(_common, (union(side) for side in sides)) if (sides := [tuple(side) for side in sides]) else ()


def _common(one: tuple[Window, ...], other: tuple[Window, ...]) -> tuple[Window, ...]:
    return tuple(part for a in one for b in other if (part := a.intersect(b)) is not None)
