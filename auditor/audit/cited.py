"""The raw records findings rest on, as Webex sent them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from urllib.parse import quote

from auditor.errors import ArchiveError
from auditor.evidence.entry import Request
from auditor.evidence.items import items
from auditor.evidence.reader import Evidence
from auditor.model.audit import CitedRecord
from auditor.model.finding import Finding, Record

RECORDS_PER_FINDING = 20
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def cited(findings: Iterable[Finding], evidence: Evidence, *, findings_per_rule: int) -> tuple[CitedRecord, ...]:
    """The first records of the first findings of every rule, by page and item.

    A record that evidence no longer holds, because it was erased, has the raw text `null`. So has the first of a page
    without any, on which only a collection rests that found nothing.
    """
    return tuple(records(sorted(set(_wanted(findings, findings_per_rule))), evidence))


def records(wanted: Sequence[Record], evidence: Evidence) -> Iterator[CitedRecord]:
    """The raw records in the order given; a page is read once when its records stand together.

    Raises `ArchiveError` when a page or a record of it is not there.
    """
    entries = evidence.asked({record.page for record in wanted})
    for record in wanted:
        if record.page not in entries:
            raise ArchiveError(f"page sha256:{record.page} is not in the manifest; see archive verify")
    runs = [(page, list(run)) for page, run in groupby(wanted, key=lambda record: record.page)]
    bodies = evidence.bodies((page for page, _ in runs), seals={page: entry.seal for page, entry in entries.items()})
    for (page, run), body in zip(runs, bodies, strict=True):
        found = _held(body, {record.item for record in run})
        request, fetched_at = asked(entries[page].request), entries[page].response.received_at
        for record in run:
            if record.item and record.item not in found:
                raise ArchiveError(f"page sha256:{page} has no item {record.item}; see archive verify")
            yield CitedRecord(
                record=record, request=request, fetched_at=fetched_at, raw=compact(found.get(record.item))
            )


def _held(body: bytes, wanted: Collection[int]) -> Mapping[int, object]:
    """The items at the wanted places that are there; an answer that is no JSON, kept as it came, has none."""
    try:
        return items(body, wanted)
    except (ValueError, RecursionError):
        return {}


def asked(request: Request) -> str:
    """The request on one line: method, path and query; of a body its keys and values.

    >>> asked(Request("GET", "meetingReports/attendees", (("siteUrl", "a.example"),)))
    'GET meetingReports/attendees?siteUrl=a.example'
    """
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in request.query)
    line = f"{request.method} {request.path}" + (f"?{query}" if query else "")
    return line if request.body is None else f"{line} {compact(request.body)}"


def compact(value: object) -> str:
    """The value as JSON without spaces; lone surrogates as escapes, since no file can hold them."""
    text = _COMPACT.encode(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def _wanted(findings: Iterable[Finding], findings_per_rule: int) -> Iterator[Record]:
    taken: Counter[str] = Counter()
    for finding in findings:
        taken[finding.rule_id] += 1
        if taken[finding.rule_id] <= findings_per_rule:
            yield from finding.records[:RECORDS_PER_FINDING]
