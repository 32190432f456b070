"""Faults of paging: next links that loop, lead astray, or cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from auditor.simulator.faults.kind import ALWAYS, Kind, Strike, listings
from auditor.simulator.paging import position
from auditor.simulator.wire import Answer

_OTHER = {"siteUrl": "other.webex.com", "meetingId": f"{'f' * 32}_I_1", "meetingNumber": "1", "meetingTitle": "Other"}
_END = '>; rel="next"'


def _address(answer: Answer) -> str | None:
    """The address of the next link."""
    link = answer.header("Link")
    return None if link is None else link.removeprefix("<").removesuffix(_END)


def _relinked(strike: Strike, write: Callable[[str], str]) -> Answer | None:
    """The page with its `Link` written anew from the address; nothing to strike on a last page."""
    answer = strike.clean()
    address = _address(answer)
    return None if address is None else answer.with_header("Link", write(address))


def _with_parameters(address: str, change: Callable[[list[tuple[str, str]]], list[tuple[str, str]]]) -> str:
    parts = urlsplit(address)
    return urlunsplit(parts._replace(query=urlencode(change(parse_qsl(parts.query, keep_blank_values=True)))))


def _link(address: str) -> str:
    return f"<{address}{_END}"


def _loop(strike: Strike) -> Answer | None:
    answer = strike.clean()
    if answer.status != 200:
        return None
    kept = [(name, value) for name, value in strike.request.query if name != "cursor"]
    first = f"{strike.service.origin}{strike.request.path}?{urlencode(kept)}"
    if strike.request.value("cursor") is not None:
        return answer.with_header("Link", _link(first))
    return None if _address(answer) is not None else answer.with_header("Link", _link(f"{first}&cursor=0"))


def _elsewhere(strike: Strike, part: str) -> Answer | None:
    def write(address: str) -> str:
        url = urlsplit(address)
        host, port = url.hostname or "", url.port or 0
        if part == "scheme":
            return _link(urlunsplit(url._replace(scheme=strike.value)))
        netloc = {
            "host": f"{strike.value}:{port}",
            "port": f"{host}:{strike.value or port + 1}",
            "user": f"{strike.value}@{host}:{port}",
        }[part]
        return _link(urlunsplit(url._replace(netloc=netloc)))

    return _relinked(strike, write)


def _max_null(strike: Strike) -> Answer | None:
    def change(query: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [*((name, value) for name, value in query if name != "max"), ("max", "null")]

    return _relinked(strike, lambda address: _link(_with_parameters(address, change)))


def _lost(strike: Strike, name: str) -> Answer | None:
    if strike.request.value(name) is None:
        return None

    def change(query: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(key, value) for key, value in query if key != name]

    return _relinked(strike, lambda address: _link(_with_parameters(address, change)))


def _changed(strike: Strike) -> Answer | None:
    name = strike.value if strike.request.value(strike.value) is not None else "meetingId"
    if strike.request.value(name) is None:
        return None

    def change(query: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(key, _OTHER.get(name, "2000-01-01T00:00:00Z") if key == name else value) for key, value in query]

    return _relinked(strike, lambda address: _link(_with_parameters(address, change)))


def _many(address: str) -> str:
    first = _with_parameters(address, lambda query: [pair for pair in query if pair[0] != "cursor"])
    return f'<{first}>; rel="first", <{first}>;rel=prev;title="a, <b>; rel=next",<{address}>; title="c"; rel="next"'


def _relative(address: str) -> str:
    parts = urlsplit(address)
    return _link(urlunsplit(parts._replace(scheme="", netloc="")))


def _empty(strike: Strike) -> Answer | None:
    answer = strike.clean()
    if answer.status != 200:
        return None
    query = [(name, value) for name, value in strike.request.query if name != "cursor"]
    query.append(("cursor", f"{position(strike.request)}.{strike.number + 1}"))
    address = f"{strike.service.origin}{strike.request.path}?{urlencode(query)}"
    return Answer(200, b'{"items":[]}').with_header("Link", _link(address))


def _kind(name: str, does: str, strike: Callable[[Strike], Answer | None], *, times: int = 1, value: str = "") -> Kind:
    return Kind(name, does, strike, listings, times, value)


LINKS = (
    _kind("link-loop", "next links lead back: first page, second page, first page …", _loop, times=ALWAYS),
    _kind("link-foreign-host", "the next link names another host", partial(_elsewhere, part="host"), value="localhost"),
    _kind("link-foreign-port", "the next link names another port", partial(_elsewhere, part="port")),
    _kind("link-foreign-scheme", "the next link has another scheme", partial(_elsewhere, part="scheme"), value="ftp"),
    _kind("link-user-info", "the next link holds user info", partial(_elsewhere, part="user"), value="user:secret"),
    _kind("link-max-null", "the next link says max=null", _max_null),
    _kind("link-lost-site", "the next link lost siteUrl", partial(_lost, name="siteUrl")),
    _kind("link-lost-meeting", "the next link lost meetingId", partial(_lost, name="meetingId")),
    _kind("link-lost-from", "the next link lost from", partial(_lost, name="from")),
    _kind("link-lost-to", "the next link lost to", partial(_lost, name="to")),
    _kind("link-changed-filter", "the next link asks for something else", _changed, value="siteUrl"),
    _kind("link-malformed", "the Link header cannot be read",
          lambda strike: _relinked(strike, lambda url: f"<{url}; rel")),
    _kind("link-many", "several links, next not the first", lambda strike: _relinked(strike, _many)),
    _kind(
        "link-single-quotes", "rel='next' in single quotes",
        lambda strike: _relinked(strike, lambda url: f"<{url}>; rel='next'"),
    ),
    _kind("link-upper-rel", 'REL="next"', lambda strike: _relinked(strike, lambda url: f'<{url}>; REL="next"')),
    _kind("link-relative", "the next link is relative", lambda strike: _relinked(strike, _relative)),
    _kind(
        "link-missing", "the next link of a full page is missing",
        lambda strike: None if _address(answer := strike.clean()) is None else answer.with_header("Link", None),
    ),
    _kind("empty-page", "an empty page with a next link comes first; :3 gives three in a row", _empty),
)  # fmt: skip
