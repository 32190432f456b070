"""All findings as columns for the list of the HTML report: repeated texts once, every value already worded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from auditor.model.audit import Audit
from auditor.model.vocabulary import Confidence, Severity, State
from auditor.reports.text import EVIDENCE_CAP, mixed_scripts, visible
from auditor.reports.view.findings import anchor, finding_view
from auditor.reports.view.parts import Cell, Column, Table
from auditor.reports.view.wording import Wording

FIRST = 200
RAW_CAP = 4_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
    types = [{column.name: column.type for column in rule.evidence} for rule in audit.rules]
    waivers = sorted({finding.waiver for finding in audit.findings if finding.waiver})
    waiver_numbers = {name: index for index, name in enumerate(waivers)}
    severities, confidences = ({word: index for index, word in enumerate(words)} for words in (Severity, Confidence))
    states: dict[State | None, int] = {word: index for index, word in enumerate((*State, None))}
    evidence, records, shape = [], [], []
    met: dict[tuple[str, str], int] = {}
    for finding in audit.findings:
        kinds = types[rules[finding.rule_id]]
        shape.append(shapes.number("\0".join(finding.evidence)))
        numbers = []
        for name, value in finding.evidence.items():
            kind = kinds.get(name, "text")
            known = met.get((kind, value)) if isinstance(value, str) else None
            if known is None:
                known = pool.number(wording.value(value, kind))
                if isinstance(value, str):
                    met[kind, value] = known
            numbers.append(known)
        evidence.append(numbers)
        records.append(
            [
                number
                for record in finding.records
                for number in (pages.setdefault(record.page, len(pages)), record.item)
            ]
        )
    found = audit.findings
    return {
        "say": _say(wording),
        "rules": [
            {
                "id": visible(rule.id),
                "title": visible(rule.title),
                "anchor": f"rule-{rule.digest[:16]}",
                "controls": [f"{visible(name)} {visible(c)}" for name, ids in rule.controls.items() for c in ids],
            }
            for rule in audit.rules
        ],
        "severities": [wording.say(f"severity.{word.value}") for word in severities],
        "confidences": [wording.say(f"confidence.{word.value}") for word in confidences],
        "states": [wording.say(f"state.{word.value if word else 'none'}") for word in states],
        "waivers": [visible(name) for name in waivers],
        "shapes": [[visible(name) for name in names.split("\0")] for names in shapes.texts],
        "rule": [rules[finding.rule_id] for finding in found],
        "severity": [severities[finding.severity] for finding in found],
        "confidence": [confidences[finding.confidence] for finding in found],
        "state": [states[finding.state] for finding in found],
        "waiver": [waiver_numbers[finding.waiver] if finding.waiver else -1 for finding in found],
        "at": [int((finding.observed_at - _EPOCH).total_seconds()) for finding in found],
        "observed": [wording.moment(finding.observed_at) for finding in found],
        "occurrences": [finding.occurrences for finding in found],
        "subject": [pool.number(visible(finding.subject)) for finding in found],
        "message": [visible(finding.message, cap=EVIDENCE_CAP) for finding in found],
        "fingerprint": [visible(finding.fingerprint) for finding in found],
        "anchor": [anchor(finding.fingerprint)[2:] for finding in found],
        "shape": shape,
        "evidence": evidence,
        "records": records,
        "pages": [page[:12] for page in pages],
        "raw": _raw(audit, pages),
        "mixed": [index for index, text in enumerate(pool.texts) if mixed_scripts(text)],
        "texts": pool.texts,
    }


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
                Cell(view.severity.text, "severity", view.severity.word),
                Cell(visible(finding.rule_id), "mono"),
                Cell(view.message, note=view.in_short),
            )
            for finding, view in views
        ),
        empty=wording.say("findings.none"),
    )
