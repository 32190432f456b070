"""The pages of one listing: a first request and the next links behind it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from polars import DataFrame

from auditor.errors import BadPayload
from auditor.evidence.entry import JsonValue, Request, Response
from auditor.frozen import dataclass
from auditor.model.vocabulary import GapReason
from auditor.tables.at_hand import records_of
from auditor.webex.client import Ask, Client
from auditor.webex.endpoints import Endpoint
from auditor.webex.failures import Failed, clean, describe
from auditor.webex.links import LinkRefused, NextLink, Pairs, followed, next_target
from auditor.webex.origin import Origin
from auditor.webex.payload import Json, NotJson, Unread, records
from auditor.webex.wire import Answer

log = logging.getLogger(__name__)

_KEPT_HEADERS = ("content-type", "date", "link", "retry-after", "trackingid", "warning")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a listing is followed.

    `empty` bounds empty pages in a row, `readings` how often a body that is no JSON is asked for, `largest` the
    page size beneath what an endpoint allows.
    """

    pages: int = 50_000
    empty: int = 3
    readings: int = 3
    largest: int = 1000


@dataclass(frozen=True, slots=True)
class Listing:
    """One question to an endpoint, answered by one or more pages.

    `query` is without the page size. `divisible` when the caller asks in smaller parts where time runs out.
    """

    endpoint: Endpoint
    query: Pairs
    label: str
    body: JsonValue = None
    divisible: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One raw response and how to keep it. `fault` says why it is kept but not read.

    `read` holds the records of a large page as the tables will want them.
    """

    request: Request
    response: Response
    body: bytes
    records: Sequence[Json]
    fault: Failed | None = None
    read: DataFrame | None = None


def pages(
    client: Client, listing: Listing, *, size: int | None, bounds: Bounds, now: Callable[[], datetime]
) -> Iterator[Page]:
    """Every page of the listing in the server's order; `size` is the page size asked for.

    Raises `SourceError` where the listing cannot be followed further; the pages before stay good.
    """
    first = listing.query if size is None else (*listing.query, ("max", str(size)))
    body = None if listing.body is None else json.dumps(listing.body).encode()
    url = client.url(listing.endpoint, first)
    seen = {url}
    empty = 0
    for number in range(1, bounds.pages + 1):
        ask = Ask(
            listing.endpoint,
            url,
            f"{listing.label} {size} {number}",
            body,
            shrinks=size is not None or listing.divisible,
        )
        page, answer = _page(client, ask, listing, bounds=bounds, now=now)
        link = _next(answer, asked=url, first=first, endpoint=listing.endpoint, origin=client.origin)
        yield page
        if link is None:
            return
        empty = 0 if page.records else empty + 1
        if empty > bounds.empty:
            raise _failed(GapReason.EMPTY_PAGES, listing, f"{empty} empty pages in a row, each with a next link")
        if isinstance(link, LinkRefused):
            raise _failed(link.reason, listing, link.detail) from link
        for note in link.notes:
            log.warning("%s %s: %s", listing.endpoint.method, listing.endpoint.path, clean(note))
        url = link.url
        if url in seen:
            raise _failed(GapReason.PAGING_LOOP, listing, f"the next link of page {number} was followed before")
        seen.add(url)
    raise _failed(GapReason.PAGING_LOOP, listing, f"more than {bounds.pages} pages")


def _page(
    client: Client, ask: Ask, listing: Listing, *, bounds: Bounds, now: Callable[[], datetime]
) -> tuple[Page, Answer]:
    """The page one request brings; a body that is no JSON is asked for again."""
    for reading in range(1, bounds.readings + 1):
        answer = client.send(replace(ask, label=f"{ask.label} {reading}"))
        request, response = _kept(ask, answer, listing, origin=client.origin, now=now())
        if answer.status == 204 and not answer.body:
            log.info("%s: empty", describe(answer, ask.endpoint))
            return Page(request, response, b"", ()), answer
        read = records_of(answer.body, listing.endpoint.name)
        if read is not None:
            unread = Unread(answer.body, listing.endpoint.items, read.height)
            return Page(request, response, answer.body, unread, read=read), answer
        try:
            found = records(answer.body, key=listing.endpoint.items)
        except BadPayload as error:
            if isinstance(error, NotJson) and reading < bounds.readings:
                continue
            reason = GapReason.UNEXPECTED_STATUS if answer.status == 201 else GapReason.INVALID_BODY
            fault = _failed(reason, listing, f"{answer.status}, {error}", answer=answer)
            return Page(request, response, answer.body, (), fault), answer
        return Page(request, response, answer.body, found), answer
    raise ValueError("a page is read at least once")


def _next(
    answer: Answer, *, asked: str, first: Pairs, endpoint: Endpoint, origin: Origin
) -> NextLink | LinkRefused | None:
    """Where the listing goes on, why it may not, or None at its end."""
    if answer.status == 204:
        return None
    try:
        target = next_target(answer.header("link"))
        return None if target is None else followed(target, asked=asked, first=first, endpoint=endpoint, origin=origin)
    except LinkRefused as refusal:
        return refusal


def _kept(ask: Ask, answer: Answer, listing: Listing, *, origin: Origin, now: datetime) -> tuple[Request, Response]:
    """Request and response as evidence holds them: no origin, only headers of the allow-list."""
    parts = urlsplit(ask.url)
    path = parts.path.removeprefix(origin.path).lstrip("/")
    headers = (("timezone", "UTC"),) if ask.endpoint.zoned else ()
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    request = Request(ask.endpoint.method, path, query, headers, listing.body)
    kept = [(name, answer.headers[name]) for name in _KEPT_HEADERS if name in answer.headers]
    kept = [(name, value.replace(origin.root, "") if name == "link" else value) for name, value in kept]
    return request, Response(answer.status, now, tuple(kept))


def _failed(reason: GapReason, listing: Listing, words: str, *, answer: Answer | None = None) -> Failed:
    tracking = None if answer is None else answer.header("trackingid")
    suffix = "" if tracking is None else f", trackingid {clean(tracking)}"
    message = f"{listing.endpoint.method} {listing.endpoint.path}: {words}{suffix}"
    return Failed(reason, message, status=None if answer is None else answer.status, tracking_id=tracking)
