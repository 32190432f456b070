"""How long to wait before asking again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256

_LEAST = timedelta(seconds=1)
_UNTOLD = timedelta(seconds=5)
_LONGEST_GUESS = timedelta(minutes=2)


def told(header: str | None, *, now: datetime) -> timedelta | None:
    """What a Retry-After header asks for, at least one second; None when missing or unreadable.

    It holds whole seconds or an HTTP date (RFC 9110 §10.2.3); a date that is past asks for the least.

    >>> told("120", now=datetime(2026, 1, 5, tzinfo=UTC)).total_seconds()
    120.0
    >>> told("Mon, 05 Jan 2026 00:01:00 GMT", now=datetime(2026, 1, 5, tzinfo=UTC)).total_seconds()
    60.0
    >>> told("soon", now=datetime(2026, 1, 5, tzinfo=UTC)) is None
    True
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return max(_LEAST, timedelta(seconds=min(int(text[:9]), 10**8)))
    moment = http_date(text)
    return None if moment is None else max(_LEAST, moment - now)


def http_date(text: str) -> datetime | None:
    """The moment an HTTP date names, in UTC; None when it is none."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, IndexError, OverflowError):
        return None


def untold(attempt: int, *, seed: str) -> timedelta:
    """The wait after the n-th refusal (from 1) that named none: 5 s doubling, with jitter."""
    return _grown(_UNTOLD, attempt, seed=seed)


def backoff(attempt: int, *, seed: str) -> timedelta:
    """The wait after the n-th failure (from 1) of the server or the line: 1 s doubling, with jitter."""
    return _grown(_LEAST, attempt, seed=seed)


def jitter(seed: str) -> float:
    """A number in [0, 1) that spreads callers apart and is the same for the same seed."""
    return int.from_bytes(sha256(seed.encode()).digest()[:6], "big") / 2**48


def _grown(first: timedelta, attempt: int, *, seed: str) -> timedelta:
    doubled = first * (1 << min(attempt - 1, 20))
    return min(doubled, _LONGEST_GUESS) * (1 + jitter(f"{seed} {attempt}") / 4)
