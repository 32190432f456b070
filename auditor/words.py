"""Words that all parts of the program make alike."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number of things; `plural` where that is not the noun with an s.

    >>> counted(1, "rule"), counted(2_000, "rule"), counted(0, "entry", "entries")
    ('1 rule', '2,000 rules', '0 entries')
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
