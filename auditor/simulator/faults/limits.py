"""Faults of rate limits and locks: told in seconds, as a date, unreadably, not at all, without end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime

from auditor.simulator.faults.kind import ALWAYS, Kind, Strike, any_data
from auditor.simulator.wire import Answer, refused

Told = Callable[[Strike], str | None]


def _wait(status: int, told: Told) -> Callable[[Strike], Answer]:
    return lambda strike: refused(strike.request, status).with_header("Retry-After", told(strike))


def _date(strike: Strike) -> str:
    return format_datetime(strike.service.now + timedelta(seconds=float(strike.value)), usegmt=True)


def _silent(strike: Strike) -> None:
    del strike


def _value(strike: Strike) -> str:
    return strike.value


LIMITS = (
    Kind("rate-limit-seconds", "429 with Retry-After in seconds", _wait(429, _value), any_data, value="1"),
    Kind(
        "rate-limit-date",
        "429 with Retry-After as a date, so many seconds ahead",
        _wait(429, _date),
        any_data,
        value="1",
    ),
    Kind("rate-limit-date-past", "429 with a date that is over", _wait(429, _date), any_data, value="-3600"),
    Kind("rate-limit-silent", "429 without Retry-After", _wait(429, _silent), any_data),
    Kind("rate-limit-unreadable", "429 with an unreadable Retry-After", _wait(429, _value), any_data, value="soon"),
    Kind("rate-limit-endless", "429 for ever", _wait(429, _value), any_data, times=ALWAYS, value="1"),
    Kind("locked", "423 without Retry-After", _wait(423, _silent), any_data),
    Kind("locked-seconds", "423 with Retry-After in seconds", _wait(423, _value), any_data, value="1"),
)
