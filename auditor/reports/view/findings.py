"""Findings by rule, gravest first: the head of each rule, then each finding with its evidence."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence

from auditor.frozen import dataclass
from auditor.model.audit import Audit, RuleResult
from auditor.model.finding import Finding, Record
from auditor.model.vocabulary import Verdict
from auditor.reports.text import EVIDENCE_CAP, mixed_scripts, paragraphs, safe_link, visible
from auditor.reports.view.calendar import Periods, by_hour, counted, hours_seen, labels, periods, touched
from auditor.reports.view.charts import Grid, Plot, Spark, heat_map, spark, time_columns
from auditor.reports.view.parts import Cell, Column, Fact, Mark, Table
from auditor.reports.view.wording import Wording, number, verdict_word

CARDS = 2
MOST_SHOWN = 5000
SPARK_PERIODS = 12
RECORDS_SHOWN = 20

_LEAST = 20
_HEX = re.compile(rf"[0-9a-f]{{{_LEAST},}}")
_HEX_DIGITS = b"0123456789abcdef"
_LEFTWARD = {"R", "AL", "AN"}


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """A column of evidence and its value; `note` warns of letters of more than one script."""

    column: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding: a card shows all but `in_short`, a row shows the message and `in_short`.

    `in_short` leaves out the values that the message or the time of observation has already. Only what section 9 links
    to has an `anchor`: on paper each one costs as much as a line of text.
    """

    anchor: str
    message: str
    severity: Mark
    circumstances: str
    evidence: tuple[EvidenceRow, ...]
    trace: str
    in_short: str


@dataclass(frozen=True, slots=True)
class Link:
    """A reference; `href` is empty when it is no address that may be followed."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class RuleView:
    """A failed rule: its head, its first findings as cards, more as rows, and what is not shown."""

    id: str
    anchor: str
    title: str
    severity: Mark
    verdict: Mark
    count: str
    facts: tuple[Fact, ...]
    criterion: tuple[str, ...]
    effect: tuple[str, ...]
    recommendation: tuple[str, ...]
    false_positives: tuple[str, ...]
    references: tuple[Link, ...]
    controls: str
    spark: Spark
    spark_desc: str
    cards: tuple[FindingView, ...]
    rows: tuple[FindingView, ...]
    capped: str
    cut: str


@dataclass(frozen=True, slots=True)
class Findings:
    """All findings and when they were observed."""

    lead: str
    timeline: Plot
    timeline_title: str
    timeline_desc: str
    timeline_table: Table
    heat: Grid
    heat_desc: str
    heat_table: Table
    outside: str
    rules: tuple[RuleView, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many findings a rendering lays out, and where it says the others are."""

    per_rule: int
    cards: int
    in_all: int
    place: str


def anchor(fingerprint: str) -> str:
    """The element id of a finding, made of hex digits whatever the fingerprint is."""
    if is_anchor(fingerprint):
        return f"f-{fingerprint[:20]}"
    return f"f-{hashlib.sha256(fingerprint.encode('utf-8', 'replace')).hexdigest()[:20]}"


def rule_anchor(rule: RuleResult) -> str:
    """The element id of a failed rule's head."""
    return f"rule-{rule.digest[:16]}"


def is_anchor(fingerprint: str) -> bool:
    """Whether the first twenty digits of the fingerprint are its anchor."""
    return _HEX.fullmatch(fingerprint) is not None


def odd_anchors(fingerprints: Sequence[str]) -> dict[int, str]:
    """The anchors of those fingerprints, by place, whose first twenty digits are not their anchor."""
    if (
        not "".join(fingerprints).encode("utf-8", "replace").translate(None, _HEX_DIGITS)
        and min(map(len, fingerprints), default=_LEAST) >= _LEAST
    ):
        return {}
    return {place: anchor(text) for place, text in enumerate(fingerprints) if not is_anchor(text)}


def failed_rules(audit: Audit) -> list[RuleResult]:
    """The rules with findings, in the order their findings have."""
    return sorted((r for r in audit.rules if r.verdict is Verdict.FAIL), key=lambda rule: (rule.severity.rank, rule.id))


def findings(audit: Audit, wording: Wording, *, limits: Limits) -> Findings:
    """The findings of the audit within the limits; counts are those of the audit whatever is laid out."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in audit.findings:
        by_rule.setdefault(finding.rule_id, []).append(finding)
    spans = periods(audit.identity.window, wording)
    read = {table for rule in audit.rules if rule.verdict is not Verdict.NOT_EVALUATED for table in rule.tables}
    gaps = [gap for gap in audit.coverage.gaps if gap.table in read and gap.reason.is_failure]
    stamps = {rule: [one.observed_at.timestamp() for one in found] for rule, found in by_rule.items()}
    by_period = {rule: counted(found, spans) for rule, found in stamps.items()}
    counts = [
        sum(column) for column in zip([0] * len(spans.starts), *(held for held, _ in by_period.values()), strict=True)
    ]
    outside = sum(beyond for _, beyond in by_period.values())
    named = labels(spans, wording)
    first, end = audit.identity.window.start.timestamp(), audit.identity.window.end.timestamp()
    hours = by_hour((at for found in stamps.values() for at in found if first <= at < end), wording)
    days = wording.words.listed("weekdays")
    unit = wording.say(f"findings.unit_{spans.unit}")
    failed = failed_rules(audit)
    views = []
    left = limits.in_all
    for rule in failed:
        shown = by_rule.get(rule.id, [])[: min(limits.per_rule, left)]
        left -= len(shown)
        trend, _ = by_period.get(rule.id, ([0] * len(spans.starts), 0))
        views.append(
            rule_view(rule, shown, wording, limits=limits, listed=len(by_rule.get(rule.id, [])), trend=trend, unit=unit)
        )
    return Findings(
        lead=_lead(audit, wording, failed=len(failed)),
        timeline=time_columns(counts, gaps=touched(gaps, spans), labels=named),
        timeline_title=wording.say("findings.timeline", unit=unit),
        timeline_desc=wording.say("findings.timeline_desc", unit=unit),
        timeline_table=_timeline_table(counts, spans, wording, unit=unit),
        heat=heat_map(
            hours,
            seen=hours_seen(audit.identity.window, gaps, wording),
            days=wording.words.listed("weekdays_short"),
        ),
        heat_desc=wording.say("findings.heat_desc", zone=wording.zone_name),
        heat_table=_heat_table(hours, days, wording),
        outside=wording.say("findings.outside", n=outside) if outside else "",
        rules=tuple(views),
    )


def _lead(audit: Audit, wording: Wording, *, failed: int) -> str:
    """How many findings there are under how many rules, and how many of them are listed nowhere."""
    found = audit.summary.findings
    if not found:
        return wording.say("findings.none")
    said = [wording.say("findings.lead", n=found, rules=wording.say("findings.rules", n=failed))]
    unlisted = found - len(audit.findings)
    if unlisted:
        said.append(wording.say("findings.unlisted", n=unlisted))
    return " ".join(said)


def rule_view(
    rule: RuleResult,
    shown: Sequence[Finding],
    wording: Wording,
    *,
    limits: Limits,
    listed: int,
    trend: Sequence[int],
    unit: str,
) -> RuleView:
    """The rule with the findings that are laid out; `listed` counts all the audit lists."""
    views = [finding_view(finding, rule, wording) for finding in shown]
    recent = trend[-SPARK_PERIODS:]
    return RuleView(
        id=visible(rule.id),
        anchor=rule_anchor(rule),
        title=wording.say("summary.fail", title=visible(rule.title)),
        severity=wording.severity(rule.severity),
        verdict=wording.verdict(verdict_word(rule)),
        count=wording.say("findings.rule_count", open=rule.findings - rule.waived, n=rule.findings),
        facts=_facts(rule, wording),
        criterion=paragraphs(rule.description) or (visible(rule.title),),
        effect=paragraphs(rule.rationale),
        recommendation=paragraphs(rule.remediation),
        false_positives=tuple(visible(text, cap=EVIDENCE_CAP) for text in rule.false_positives),
        references=tuple(Link(visible(text), safe_link(text) or "") for text in rule.references),
        controls=controls_text(rule.controls) or wording.none,
        spark=spark(recent),
        spark_desc=wording.say("findings.spark", unit=unit, n=len(recent)),
        cards=tuple(views[: limits.cards]),
        rows=tuple(views[limits.cards :]),
        capped=wording.say("findings.capped", shown=len(shown), listed=listed, place=limits.place)
        if len(shown) < listed
        else "",
        cut=wording.say("findings.cut", found=rule.findings, listed=listed) if listed < rule.findings else "",
    )


def _facts(rule: RuleResult, wording: Wording) -> tuple[Fact, ...]:
    return (
        Fact(wording.say("findings.population"), number(rule.population), "number"),
        Fact(wording.say("findings.recorded"), number(rule.findings), "number"),
        Fact(wording.say("findings.open"), number(rule.findings - rule.waived), "number"),
        Fact(wording.say("findings.waived"), number(rule.waived), "number"),
        Fact(wording.say("findings.not_evaluable"), number(rule.not_evaluable), "number"),
    )


def controls_text(controls: Mapping[str, Sequence[str]]) -> str:
    """Frameworks with their controls, in reading order."""
    return "; ".join(
        f"{visible(framework)}: {', '.join(visible(control) for control in ids)}" for framework, ids in controls.items()
    )


def finding_view(finding: Finding, rule: RuleResult, wording: Wording) -> FindingView:
    """The finding, every value worded by the type of its column."""
    types = {column.name: column.type for column in rule.evidence}
    evidence = tuple(
        EvidenceRow(
            visible(name),
            wording.value(value, types.get(name, "text")),
            wording.say("mixed_scripts") if isinstance(value, str) and mixed_scripts(value) else "",
        )
        for name, value in finding.evidence.items()
    )
    message = visible(finding.message, cap=EVIDENCE_CAP)
    subject = isolated(visible(finding.subject))
    fingerprint = visible(finding.fingerprint)
    observed = wording.moment(finding.observed_at)
    state = wording.say(f"state.{finding.state.value if finding.state else 'none'}")
    waived = [] if finding.waiver is None else [wording.say("findings.waived_by", id=isolated(visible(finding.waiver)))]
    records = ", ".join(record_texts(finding.records, wording))
    confidence = wording.say(f"findings.confidence_{finding.confidence.value}")
    said = f"{message}\n{observed}"
    again = [] if finding.occurrences == 1 else [wording.say("findings.occurrences", n=finding.occurrences)]
    return FindingView(
        anchor=anchor(finding.fingerprint) if rule.detector else "",
        message=message,
        severity=wording.severity(finding.severity),
        circumstances=" · ".join([confidence, observed, state, *waived, *again]),
        evidence=evidence,
        trace=wording.say("findings.trace", subject=subject, fingerprint=fingerprint, records=records),
        in_short=" · ".join(
            [
                observed,
                state,
                *waived,
                *again,
                *(f"{row.column}: {isolated(row.value)}" for row in evidence if row.value not in said),
                fingerprint[:12],
                records,
            ]
        ),
    )


def isolated(text: str) -> str:
    """The text so that letters written from right to left do not move what stands beside it."""
    if text.isascii() or not any(unicodedata.bidirectional(letter) in _LEFTWARD for letter in text):
        return text
    return f"\u2068{text}\u2069"


def record_texts(records: Sequence[Record], wording: Wording) -> tuple[str, ...]:
    """Page and item of each record, the first twelve digits of the page; many are cut with their number."""
    shown = [
        wording.say("findings.record", page=record.page[:12], item=str(record.item))
        for record in records[:RECORDS_SHOWN]
    ]
    if len(records) > RECORDS_SHOWN:
        shown.append(wording.say("more", n=len(records) - RECORDS_SHOWN))
    return tuple(shown)


def _timeline_table(counts: Sequence[int], spans: Periods, wording: Wording, *, unit: str) -> Table:
    """Days as a week a row, Monday first; longer periods one a row."""
    caption = wording.say("findings.timeline", unit=unit)
    head = Column(wording.say("findings.timeline_from"), 23)
    if spans.unit != "day":
        return Table(
            caption=caption,
            columns=(head, Column(wording.say("findings.timeline_count"), 77, number=True)),
            rows=tuple(
                (Cell(wording.day(start)), Cell(number(count), "number"))
                for start, count in zip(spans.starts, counts, strict=True)
            ),
        )
    before = wording.local(spans.starts[0]).weekday() if spans.starts else 0
    cells = [wording.none] * before + [number(count) for count in counts]
    cells += [wording.none] * (-len(cells) % 7)
    weeks = [cells[at : at + 7] for at in range(0, len(cells), 7)]
    return Table(
        caption=caption,
        columns=(head, *(Column(day, 11, number=True) for day in wording.words.listed("weekdays_short"))),
        rows=tuple(
            (
                Cell(wording.day(spans.starts[max(week * 7 - before, 0)])),
                *(Cell(text, "number") for text in row),
            )
            for week, row in enumerate(weeks)
        ),
    )


def _heat_table(hours: Sequence[Sequence[int]], days: Sequence[str], wording: Wording) -> Table:
    rows = []
    for day, counts in zip(days, hours, strict=True):
        busiest = max(range(24), key=lambda hour: (counts[hour], -hour))
        text = wording.say("findings.heat_hour", h=f"{busiest:02d}", next=f"{busiest + 1:02d}")
        rows.append(
            (
                Cell(day),
                Cell(number(sum(counts)), "number"),
                Cell(text if counts[busiest] else wording.none),
                Cell(number(counts[busiest]), "number"),
            )
        )
    return Table(
        caption=wording.say("findings.heat"),
        columns=(
            Column(wording.say("findings.heat_day"), 34),
            Column(wording.say("findings.heat_total"), 22, number=True),
            Column(wording.say("findings.heat_busiest"), 22),
            Column(wording.say("findings.timeline_count"), 22, number=True),
        ),
        rows=tuple(rows),
    )
