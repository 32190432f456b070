"""All findings as columns for the list of the HTML report: repeated texts once, every value already worded."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import floor
from operator import attrgetter

from auditor.model.audit import Audit
from auditor.model.finding import Value
from auditor.model.vocabulary import Confidence, Severity, State
from auditor.reports.text import EVIDENCE_CAP, mixed_scripts, visible, visible_each
from auditor.reports.view.findings import finding_view, odd_anchors, rule_anchor
from auditor.reports.view.parts import Cell, Column, Table
from auditor.reports.view.wording import Wording

FIRST = 200
RAW_CAP = 4_000_000

_NAMES = (
    "rule_id",
    "severity",
    "confidence",
    "state",
    "waiver",
    "observed_at",
    "occurrences",
    "subject",
    "message",
    "fingerprint",
    "records",
    "evidence",
)
_PARTS = attrgetter(*_NAMES)
"""All that is read of a finding, read at once: a hundred thousand of them lie scattered over the memory."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_DAY = 86_400
_FAR = 366
_LAST = 253_402_300_799
"""The last second of the year 9999, the last moment of which rounds up to the next."""
_LABELS = (
    "condition",
    "subject",
    "observed",
    "severity",
    "confidence",
    "state",
    "waiver",
    "rule",
    "controls",
    "evidence",
    "fingerprint",
    "records",
    "raw",
    "raw_absent",
)


class _Pool:
    """Texts by number, each kept once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of the text."""
        known = self._numbers.get(text)
        if known is None:
            known = self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return known


def listing(audit: Audit, wording: Wording) -> Mapping[str, object]:
    """The findings as JSON will hold them, in the order of the audit."""
    pool, shapes = _Pool(), _Pool()
    pages: dict[str, int] = {}
    rules = {rule.id: index for index, rule in enumerate(audit.rules)}
    severities, confidences = ({word: index for index, word in enumerate(words)} for words in (Severity, Confidence))
    states: dict[State | None, int] = {word: index for index, word in enumerate((*State, None))}
    rule, severity, confidence, state, waiver, observed, occurrences, subjects, messages, prints, cited, values = (
        zip(*map(_PARTS, audit.findings), strict=True) if audit.findings else [()] * len(_NAMES)
    )
    waivers = sorted(filter(None, set(waiver)))
    waiver_numbers: dict[str | None, int] = {name: index for index, name in enumerate(waivers)}
    shape, evidence = _evidence(audit, rule, values, wording, pool, shapes)
    places = [
        [number for record in records for number in (pages.setdefault(record.page, len(pages)), record.item)]
        for records in cited
    ]
    seconds = [min(floor(at), _LAST) for at in map(datetime.timestamp, observed)]
    return {
        "say": _say(wording),
        "rules": [
            {
                "id": visible(rule.id),
                "title": visible(rule.title),
                "anchor": rule_anchor(rule),
                "controls": [f"{visible(name)} {visible(c)}" for name, ids in rule.controls.items() for c in ids],
            }
            for rule in audit.rules
        ],
        "severities": [wording.say(f"severity.{word.value}") for word in severities],
        "confidences": [wording.say(f"confidence.{word.value}") for word in confidences],
        "states": [wording.say(f"state.{word.value if word else 'none'}") for word in states],
        "waivers": [visible(name) for name in waivers],
        "shapes": [[visible(name) for name in names.split("\0")] for names in shapes.texts],
        "rule": list(map(rules.__getitem__, rule)),
        "severity": list(map(severities.__getitem__, severity)),
        "confidence": list(map(confidences.__getitem__, confidence)),
        "state": list(map(states.__getitem__, state)),
        "waiver": [waiver_numbers.get(name, -1) for name in waiver],
        "at": seconds,
        "offsets": _offsets(seconds, wording),
        "occurrences": occurrences,
        "subject": list(map(pool.number, visible_each(subjects))),
        "message": visible_each(messages, cap=EVIDENCE_CAP),
        "fingerprint": visible_each(prints),
        "anchor": {str(place): odd[2:] for place, odd in odd_anchors(prints).items()},
        "shape": shape,
        "evidence": evidence,
        "records": places,
        "pages": [visible(page[:12]) for page in pages],
        "raw": _raw(audit, pages),
        "mixed": [index for index, text in enumerate(pool.texts) if not text.isascii() and mixed_scripts(text)],
        "texts": pool.texts,
    }


def _evidence(
    audit: Audit,
    rule_of: Sequence[str],
    held: Sequence[Mapping[str, Value]],
    wording: Wording,
    pool: _Pool,
    shapes: _Pool,
) -> tuple[list[int], list[tuple[int, ...]]]:
    """For each finding the number of its columns' names, and the number of each value as it is worded."""
    types = {rule.id: {column.name: column.type for column in rule.evidence} for rule in audit.rules}
    rows = [(tuple(values), tuple(values.values())) for values in held]
    alike: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for index, key in enumerate(zip(rule_of, [names for names, _ in rows], strict=True)):
        alike.setdefault(key, []).append(index)
    shape = [0] * len(held)
    evidence: list[tuple[int, ...]] = [()] * len(held)
    worded: dict[str, dict[Hashable, int]] = {}
    for (rule, names), indices in alike.items():
        which = shapes.number("\0".join(names))
        columns = []
        for name, values in zip(names, zip(*[rows[index][1] for index in indices], strict=True), strict=True):
            kind = types[rule].get(name, "text")
            columns.append(_numbers(values, kind, wording, pool, worded.setdefault(kind, {})))
        for index, numbers in zip(indices, zip(*columns, strict=True) if columns else [()] * len(indices), strict=True):
            shape[index] = which
            evidence[index] = numbers
    return shape, evidence


def _numbers(
    values: Sequence[Value], kind: str, wording: Wording, pool: _Pool, known: dict[Hashable, int]
) -> list[int]:
    """The number of each value's wording; `known` holds those of values met before."""
    keys: Sequence[Hashable] = [value for value in values if isinstance(value, str)]
    if len(keys) < len(values):
        keys = [value if value.__class__ is str else (value.__class__, str(value)) for value in values]
    met = dict(zip(keys, values, strict=True))
    fresh = {key: value for key, value in met.items() if key not in known}
    known.update(zip(fresh, map(pool.number, wording.values(list(fresh.values()), kind)), strict=True))
    return list(map(known.__getitem__, keys))


def _offsets(seconds: Sequence[int], wording: Wording) -> list[tuple[int, int, str]]:
    """From which second on the report's clock is how many seconds ahead of UTC, and what stands behind its times."""
    if not seconds:
        return []
    first, last = min(seconds), max(seconds)
    steps = [first]
    for start, end in _together(sorted({at // _DAY for at in seconds})):
        begins, ends = max(start * _DAY, first), min(end * _DAY + _DAY - 1, last)
        if _ahead(steps[-1], wording) != _ahead(begins, wording):
            steps.append(begins)
        steps += _changes(begins, ends, wording)
    return [(at, _ahead(at, wording), wording.moment(_EPOCH + at * _SECOND)[19:]) for at in steps]


def _together(days: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of days that are no further from one another than a year."""
    start = days[0]
    for day, after in pairwise(days):
        if after - day > _FAR:
            yield start, day
            start = after
    yield start, days[-1]


def _changes(first: int, last: int, wording: Wording) -> Iterator[int]:
    """The seconds at which the report's clock is put forward or back."""
    for start in range(first, last + 1, _DAY):
        low, high = start, min(start + _DAY, last)
        if _ahead(low, wording) == _ahead(high, wording):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _ahead(middle, wording) == _ahead(low, wording) else (low, middle)
        yield high


def _ahead(at: int, wording: Wording) -> int:
    offset = wording.local(_EPOCH + at * _SECOND).utcoffset() or timedelta()
    return offset // _SECOND


def _say(wording: Wording) -> dict[str, str]:
    """The words the script needs, raw: it puts numbers in for `{n}` itself."""
    labels = {name: wording.words.text(f"findings.{name}") for name in _LABELS}
    return {
        **labels,
        **dict(wording.words.pairs("list")),
        "none": wording.none,
        "mixed": wording.words.text("mixed_scripts"),
        "record": wording.words.text("findings.record"),
    }


def _raw(audit: Audit, pages: Mapping[str, int]) -> dict[str, str]:
    """The cited records as received, by page and item, as many as a browser should carry."""
    kept: dict[str, str] = {}
    left = RAW_CAP
    for cited in audit.cited:
        left -= len(cited.raw)
        if left < 0:
            break
        if cited.record.page in pages:
            kept[f"{pages[cited.record.page]}:{cited.record.item}"] = visible(cited.raw, cap=20_000)
    return kept


def first_findings(audit: Audit, wording: Wording) -> Table:
    """The first findings as a table, for browsers without script and for print."""
    rules = {rule.id: rule for rule in audit.rules}
    shown = audit.findings[:FIRST]
    views = [(finding, finding_view(finding, rules[finding.rule_id], wording)) for finding in shown]
    return Table(
        caption=wording.say("findings.first", shown=len(shown), listed=len(audit.findings)),
        columns=(
            Column(wording.say("findings.severity"), 12),
            Column(wording.say("findings.rule"), 10),
            Column(wording.say("findings.condition"), 78),
        ),
        rows=tuple(
            (
                Cell(view.severity.text, "severity", view.severity.word, anchor=view.anchor),
                Cell(visible(finding.rule_id), "mono"),
                Cell(view.message, note=view.in_short),
            )
            for finding, view in views
        ),
        empty=wording.say("findings.none"),
    )
