"""Pages of a listing, joined by `Link: <…>; rel="next"`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from auditor.simulator.service import Service
from auditor.simulator.site import Row
from auditor.simulator.times import in_zone
from auditor.simulator.wire import Answer, Record, Refusal, Request, encoded

DEFAULT_PAGE = 10


def page_size(request: Request, *, largest: int) -> int:
    """The asked `max`, 10 without one; refused outside 1 to `largest`."""
    text = request.value("max")
    if text is None:
        return DEFAULT_PAGE
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= largest:
        raise Refusal(400, f"'max' must be greater than 0 and equal to or less than {largest}.")
    return int(text)


def position(request: Request) -> int:
    """Where the page starts: the number in front of the cursor's first dot, 0 without a cursor."""
    text = request.value("cursor")
    if text is None:
        return 0
    number = text.partition(".")[0]
    if not number.isascii() or not number.isdigit():
        raise Refusal(400, "The 'cursor' is invalid.")
    return int(number)


def next_link(service: Service, request: Request, cursor: str, *, fixed: Mapping[str, str]) -> str:
    """The absolute address of another page of the same query; `fixed` names what defaults stood for."""
    given = [(name, value) for name, value in request.query if name != "cursor"]
    named = {name for name, _ in given}
    added = [(name, value) for name, value in fixed.items() if name not in named]
    return f"{service.origin}{request.path}?{urlencode([*given, *added, ('cursor', cursor)])}"


def page(
    service: Service,
    request: Request,
    rows: Sequence[Row],
    *,
    largest: int,
    times: Iterable[str] = (),
    zone: ZoneInfo,
    fixed: Mapping[str, str],
) -> Answer:
    """One page of the rows, with the address of the next while there are more."""
    size, start = page_size(request, largest=largest), position(request)
    answer = Answer(200, body(rows[start : start + size], times=times, zone=zone))
    if start + size >= len(rows):
        return answer
    link = next_link(service, request, str(start + size), fixed=fixed)
    return answer.with_header("Link", f'<{link}>; rel="next"')


def body(rows: Iterable[Row], *, times: Iterable[str], zone: ZoneInfo) -> bytes:
    """`{"items": […]}` of the rows; their kept text unless the times must be written in another zone."""
    if zone.key == "UTC":
        return b'{"items":[' + b",".join(row.text for row in rows) + b"]}"
    names = tuple(times)
    return b'{"items":[' + b",".join(encoded(in_zone(row.raw, names, zone=zone)) for row in rows) + b"]}"


def listed(service: Service, request: Request, records: Sequence[Record], *, largest: int) -> Answer:
    """One page of plain records, which hold no times to shift."""
    size, start = page_size(request, largest=largest), position(request)
    answer = Answer(200, encoded({"items": list(records[start : start + size])}))
    if start + size >= len(records):
        return answer
    link = next_link(service, request, str(start + size), fixed={})
    return answer.with_header("Link", f'<{link}>; rel="next"')
