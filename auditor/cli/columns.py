"""A table as plain text, for output nobody looks at on a terminal."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from unicodedata import combining, east_asian_width

_WORD = re.compile(r"\s*\S+\s*")
_BETWEEN = 3
_LEAST = 20


def lines(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int], width: int, dash: str = "─"
) -> Iterator[str]:
    """The table in lines of at most `width`: columns as wide as their widest cell, the last one wrapped.

    Cells of the columns `right`, by their place, end where the column ends. Where hardly anything is left the lines
    are longer.
    """
    widths = [max(map(cells, column)) for column in zip(headings, *rows, strict=True)]
    others = 2 + sum(widths[:-1]) + _BETWEEN * (len(widths) - 1)
    widths[-1] = min(widths[-1], max(width - others, _LEAST))
    width = others + widths[-1]
    yield " " * width
    yield from _row(headings, widths, right)
    yield f" {dash * (width - 2)} "
    for row in rows:
        yield from _row(row, widths, right)
    yield " " * width


def cells(text: str) -> int:
    """How many places of a terminal the text takes."""
    return len(text) if text.isascii() else sum(map(_places, text))


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most so many places, cut between words; a longer word is cut where it must be."""
    done: list[str] = []
    line, room = "", width
    for word in _WORD.findall(text):
        if cells(word.rstrip()) > room and line:
            done.append(line)
            line, room = "", width
        rest = word
        while cells(rest.rstrip()) > width:
            part = _beginning(rest, width)
            done.append(part)
            rest = rest[len(part) :]
        line, room = line + rest, room - cells(rest)
    return [line.rstrip() for line in [*done, line]]


def _row(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> Iterator[str]:
    told = [_filled(row[place], width, right=place in right) for place, width in enumerate(widths[:-1])]
    for line in wrapped(row[-1], widths[-1]):
        yield f" {(' ' * _BETWEEN).join([*told, _filled(line, widths[-1], right=False)])} "
        told = [" " * width for width in widths[:-1]]


def _filled(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - cells(text))
    return space + text if right else text + space


def _beginning(text: str, width: int) -> str:
    """As much of the text as has room."""
    taken = 0
    for place, char in enumerate(text):
        taken += _places(char)
        if taken > width:
            return text[:place]
    return text


def _places(char: str) -> int:
    if combining(char):
        return 0
    return 2 if east_asian_width(char) in {"W", "F"} else 1
