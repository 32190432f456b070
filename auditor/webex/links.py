"""Next links: read as RFC 8288 allows, followed only where the first request already was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from auditor.frozen import dataclass
from auditor.model.vocabulary import GapReason
from auditor.model.window import instant
from auditor.webex.endpoints import Endpoint
from auditor.webex.origin import Origin

_TARGET = re.compile(r"[\s,]*<([^<>]*)>")
_PARAMETER = re.compile(
    r"""[ \t]*;[ \t]*(?:(?P<name>[!#$%&'*+\-.^_`|~0-9A-Za-z]+)
        (?:[ \t]*=[ \t]*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<token>[^\s;,"'][^\s;,"]*)))?)?""",
    re.VERBOSE,
)
_TIMES = frozenset({"from", "to", "joinTimeFrom", "joinTimeTo", "meetingStartTimeFrom", "meetingStartTimeTo"})
_NULL = frozenset({"", "null"})

Pairs = tuple[tuple[str, str], ...]


class LinkRefused(Exception):  # noqa: N818 - a link that is not followed, told as a gap, is no program error
    """A next link that must not be followed; `reason` is the gap it leaves."""

    def __init__(self, reason: GapReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class NextLink:
    """Where to go on, and what had to be mended to go there."""

    url: str
    notes: tuple[str, ...] = ()


def next_target(header: str | None) -> str | None:
    """The target of the one link with relation `next`; None when there is none.

    Raises `LinkRefused` when the header cannot be read and no such link stands before the fault, or when
    two links of that relation differ.

    >>> next_target('<https://a.example/1>; rel="prev", </2?c=x>; rel=next')
    '/2?c=x'
    """
    if header is None or not header.strip():
        return None
    found: set[str] = set()
    try:
        for target, relations in _links(header):
            if "next" in relations:
                found.add(target)
    except ValueError as error:
        if not found:
            raise LinkRefused(GapReason.UNREADABLE_LINK, f"the Link header cannot be read: {error}") from error
    if len(found) > 1:
        raise LinkRefused(GapReason.UNREADABLE_LINK, "the Link header names several next pages")
    return found.pop() if found else None


def _links(header: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Each target with its relations, lower-cased; raises `ValueError` at the first fault."""
    place = 0
    while header[place:].strip(" \t,"):
        target = _TARGET.match(header, place)
        if target is None:
            raise ValueError(f"no <target> at character {place + 1}")
        place = target.end()
        relations: frozenset[str] | None = None
        while (parameter := _PARAMETER.match(header, place)) is not None:
            place = parameter.end()
            name = (parameter["name"] or "").lower()
            if name == "anchor":
                raise ValueError("a link about another page (anchor)")
            if name == "rel" and relations is None:
                value = parameter["quoted"] or parameter["single"] or parameter["token"] or ""
                relations = frozenset(value.lower().split())
        rest = header[place:].lstrip(" \t")
        if rest and not rest.startswith(","):
            raise ValueError(f"unexpected text at character {place + 1}")
        yield target[1].strip(), relations or frozenset()


def followed(target: str, *, asked: str, first: Pairs, endpoint: Endpoint, origin: Origin) -> NextLink:
    """The URL to ask for the next page: as given, or with lost filters put back behind what is kept letter by letter.

    `asked` is the URL of the page that named the target, `first` the query of the chain's first request.
    Raises `LinkRefused` when it leads to another origin or asks for something else.
    """
    try:
        url = urljoin(asked, target)
        parts = urlsplit(url)
        pieces = [(piece, parse_qsl(piece, keep_blank_values=True)) for piece in parts.query.split("&")]
    except ValueError as error:
        raise LinkRefused(GapReason.UNREADABLE_LINK, f"the next link is no URL: {error}") from error
    if not target or not url.isascii() or any(character <= " " for character in url):
        raise LinkRefused(GapReason.UNREADABLE_LINK, "the next link is no URL")
    if not origin.covers(url):
        raise LinkRefused(GapReason.FOREIGN_LINK, f"the next link leads away from {origin.root}; nothing was sent")
    notes = [] if parts.path == urlsplit(asked).path else [f"the next link has another path: {parts.path}"]
    pairs = [(piece, *pair) for piece, found in pieces for pair in found]
    kept = [each for each in pairs if each[2] not in _NULL or each[1] not in endpoint.parameters]
    _refuse_changes([(name, value) for _, name, value in kept], first=first, endpoint=endpoint)
    names = {name for _, name, _ in kept}
    lost = [(name, value) for name, value in first if name not in names]
    if kept == pairs and not lost:
        return NextLink(urlunsplit(parts._replace(fragment="")), tuple(notes))
    dropped = sorted({name for _, name, _ in pairs} - names - {name for name, _ in lost})
    notes += [f"the next link lost {name}; put back" for name, _ in lost]
    notes += [f"the next link had no value for {name}; dropped" for name in dropped]
    query = "&".join([*(piece for piece, *_ in kept), *([urlencode(lost)] if lost else [])])
    return NextLink(urlunsplit(parts._replace(query=query, fragment="")), tuple(notes))


def _refuse_changes(kept: list[tuple[str, str]], *, first: Pairs, endpoint: Endpoint) -> None:
    """Raise `LinkRefused` when a filter has another value than the first request gave it."""
    original = dict(first)
    for name, value in kept:
        if name not in endpoint.filters:
            continue
        if name not in original:
            raise LinkRefused(GapReason.CHANGED_FILTER, f"the next link adds {name}")
        if not _same(name, value, original[name]):
            raise LinkRefused(GapReason.CHANGED_FILTER, f"the next link changes {name}")


def _same(name: str, left: str, right: str) -> bool:
    """Whether two values of a parameter mean the same; times are compared as moments."""
    if left == right:
        return True
    if name == "siteUrl":
        return left.lower() == right.lower()
    if name not in _TIMES:
        return False
    try:
        return instant(left.replace(" ", "+")) == instant(right)
    except ValueError:
        return False
