"""Faults of the server and the line: errors, time-outs, resets."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from auditor.simulator.faults.kind import ALWAYS, Kind, Strike, any_data, of_site, records
from auditor.simulator.paging import DEFAULT_PAGE
from auditor.simulator.wire import Answer, Delivery, Request, refused


def _status(status: int) -> Callable[[Strike], Answer]:
    return lambda strike: refused(strike.request, status)


def _too_much(strike: Strike) -> Answer | None:
    if _asked_for(strike.request) <= int(strike.value):
        return None
    return refused(strike.request, 504)


def _asked_for(request: Request) -> int:
    """The page size asked for, or the number of e-mails."""
    if request.method == "POST":
        try:
            body = json.loads(request.body)
        except ValueError:
            return 0
        emails = body.get("emails") if isinstance(body, dict) else None
        return len(emails) if isinstance(emails, list) else 0
    text = request.value("max") or ""
    return int(text) if text.isdigit() else DEFAULT_PAGE


def _too_long(strike: Strike) -> Answer | None:
    first, last = strike.request.value("from"), strike.request.value("to")
    if first is None or last is None:
        return None
    hours = (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds() / 3600
    return refused(strike.request, 504) if hours > float(strike.value) else None


def _reset(strike: Strike) -> Answer:
    del strike
    return Answer(200, delivery=Delivery.RESET)


def _stall(strike: Strike) -> Answer:
    return Answer(200, delivery=Delivery.STALL, wait=float(strike.value))


def _slow(strike: Strike) -> Answer:
    answer = strike.clean()
    return Answer(answer.status, answer.body, answer.headers, answer.delivery, float(strike.value))


def _warned(strike: Strike) -> Answer:
    return strike.clean().with_header("Warning", '299 webex "1001 unsupported attributes"')


TROUBLE = (
    Kind("error-500", "500", _status(500), any_data),
    Kind("error-502", "502", _status(502), any_data),
    Kind("error-503", "503", _status(503), any_data),
    Kind("conflict", "409", _status(409), any_data),
    Kind("accepted", "202 without an answer", lambda _: Answer(202, b"{}"), any_data),
    Kind("gateway-timeout", "504 while more than so many rows or e-mails are asked for", _too_much, records,
         times=ALWAYS, value="100"),
    Kind("gateway-timeout-span", "504 while from and to are more than so many hours apart", _too_long, of_site,
         times=ALWAYS, value="24"),
    Kind("gateway-timeout-endless", "504 for ever", _status(504), records, times=ALWAYS),
    Kind("reset", "the connection is reset", _reset, any_data),
    Kind("stall", "no byte for so many seconds, then the connection closes", _stall, any_data, value="30"),
    Kind("slow", "each answer comes so many seconds late", _slow, any_data, times=ALWAYS, value="0.05"),
    Kind("warning", "a Warning header", _warned, any_data, times=ALWAYS),
)  # fmt: skip
