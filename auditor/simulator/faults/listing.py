"""Faults of listings and clocks: rows doubled, shifted or late, a server that has the wrong time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

from auditor.simulator.endpoints import answered
from auditor.simulator.faults.kind import ALWAYS, Kind, Strike, any_data, further_pages, listings
from auditor.simulator.faults.values import items_of, with_items
from auditor.simulator.paging import position
from auditor.simulator.wire import Answer, Record, Request


def _doubled(strike: Strike) -> Answer | None:
    answer = strike.clean()
    items = items_of(answer)
    if items is None:
        return None
    before = _last_before(strike)
    return with_items(answer, [*before, *items, items[0]])


def _last_before(strike: Strike) -> list[Record]:
    """The last record of the page before, when there is one."""
    place = position(strike.request)
    if not place:
        return []
    return (items_of(answered(strike.service, _at(strike.request, place - 1))) or [])[:1]


def _shifted(strike: Strike) -> Answer | None:
    place = position(strike.request) + int(strike.value)
    return answered(strike.service, _at(strike.request, max(0, place)))


def _at(request: Request, place: int) -> Request:
    query = tuple((name, str(place) if name == "cursor" else value) for name, value in request.query)
    return replace(request, query=query)


def _late(strike: Strike) -> Answer | None:
    answer = strike.clean()
    items = items_of(answer)
    if items is None:
        return None
    meetings = {key: known for site in strike.service.sites.values() for key, known in site.meetings.items()}
    limit = strike.service.now - timedelta(hours=float(strike.value))
    kept = [
        item
        for index, item in enumerate(items)
        if index % 3 or str(item.get("meetingId")) not in meetings or meetings[str(item["meetingId"])].end < limit
    ]
    return None if len(kept) == len(items) else with_items(answer, kept)


def _other_clock(strike: Strike) -> Answer:
    now = strike.service.now + timedelta(hours=float(strike.value))
    answer = answered(replace(strike.service, now=now), strike.request)
    return answer.with_header("Date", format_datetime(now, usegmt=True))


LISTING = (
    Kind("rows-doubled", "rows repeated within a page and across pages", _doubled, listings, times=ALWAYS),
    Kind("rows-shifted", "a further page starts so many rows later: rows left while it was read", _shifted,
         further_pages, value="1"),
    Kind("rows-inserted", "a further page starts a row earlier: rows came while it was read", _shifted, further_pages,
         value="-1"),
    Kind("rows-late", "a third of the rows of meetings that ended less than so many hours ago is missing", _late,
         listings, times=ALWAYS, value="24"),
    Kind("clock-ahead", "the server's clock is so many hours ahead", _other_clock, any_data, times=ALWAYS, value="5"),
    Kind("clock-behind", "the server's clock is behind by so many hours", _other_clock, any_data, times=ALWAYS,
         value="-5"),
)  # fmt: skip
