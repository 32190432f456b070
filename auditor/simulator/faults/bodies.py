"""Faults of whole answers: cut, mis-measured, mis-encoded, of another shape or status."""

from __future__ import annotations

from collections.abc import Callable

from auditor.simulator.faults.kind import Kind, Strike, records
from auditor.simulator.wire import Answer, Delivery

_PAGE = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Back soon</body></html>"


def _good(change: Callable[[Answer], Answer]) -> Callable[[Strike], Answer | None]:
    """Strikes at answers with records only."""

    def strike_at(strike: Strike) -> Answer | None:
        answer = strike.clean()
        return change(answer) if answer.status == 200 else None

    return strike_at


def _body(body: bytes) -> Callable[[Strike], Answer | None]:
    return _good(lambda answer: Answer(200, body, answer.headers))


def _cut(answer: Answer) -> Answer:
    return Answer(200, answer.body, answer.headers, Delivery.CUT)


def _short(answer: Answer) -> Answer:
    half = str(len(answer.body) // 2)
    return answer.with_header("Content-Length", half).with_header("Connection", "close")


def _unended(answer: Answer) -> Answer:
    return Answer(200, answer.body[:-2], answer.headers)


def _page(answer: Answer) -> Answer:
    del answer
    return Answer(200, _PAGE, (("Content-Type", "text/html"),))


BODIES = (
    Kind("body-cut", "the connection ends in the middle of the body", _good(_cut), records),
    Kind("length-wrong", "Content-Length says half of what is sent", _good(_short), records),
    Kind("gzip-wrong", "Content-Encoding says gzip and it is none",
         _good(lambda answer: answer.with_header("Content-Encoding", "gzip")), records),
    Kind("invalid-json", "200 with JSON that ends early", _good(_unended), records),
    Kind("html", "200 with an HTML page", _good(_page), records),
    Kind("items-null", "items is null", _body(b'{"items":null}'), records),
    Kind("items-missing", "no items", _body(b'{"other":[]}'), records),
    Kind("body-list", "the body is []", _body(b"[]"), records),
    Kind("body-null", "the body is null", _body(b"null"), records),
    Kind("body-text", 'the body is "x"', _body(b'"x"'), records),
    Kind("no-content", "204", _good(lambda _: Answer(204, b"", ())), records),
    Kind("created", "201 with the records", _good(lambda answer: Answer(201, answer.body, answer.headers)), records),
    Kind("created-empty", "201 without records", _good(lambda _: Answer(201, b"{}")), records),
    Kind("redirect", "302 to another path",
         lambda strike: Answer(302, b"{}").with_header("Location", f"{strike.service.origin}/v2/elsewhere"), records),
)  # fmt: skip
