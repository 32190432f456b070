"""Audits of an invented company, of any size, with everything a report has to show."""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from auditor.model import audit as model
from auditor.model.coverage import Asked, Coverage, Gap, People, TableCoverage
from auditor.model.finding import Finding, Record, Value
from auditor.model.vocabulary import Confidence, GapReason, Severity, State, Status, Verdict
from auditor.model.waiver import Waiver, WaiverState
from auditor.model.window import Window, iso

WINDOW = Window(datetime(2026, 8, 31, tzinfo=UTC), datetime(2026, 9, 28, tzinfo=UTC))
NOW = datetime(2026, 9, 29, 6, tzinfo=UTC)
SITES = ("acme.webex.com", "acme-events.webex.com")
FIRST = [
    "Alice",
    "Bashir",
    "Chloé",
    "Dmitri",
    "Esther",
    "Farid",
    "Greta",
    "Hiroshi",
    "Inês",
    "Jamal",
    "Katarína",
    "Liam",
    "Mei",
    "Noor",
    "Ørjan",
    "Priya",
]
LAST = [
    "Adeyemi",
    "Brandt",
    "Castillo",
    "Dvořák",
    "Eriksen",
    "Fontaine",
    "Gupta",
    "Hayashi",
    "Ibrahim",
    "Jovanović",
    "Kowalski",
    "Lindqvist",
]
TITLES = (
    "Board: Q3 forecast (confidential)",
    "Weekly engineering sync",
    "M&A working group, restricted",
    "Internal audit: interim findings",
    "Customer advisory board",
    "Code of conduct training",
    "Incident review 2026-114",
)


@dataclass(frozen=True)
class Sketch:
    """The part of a rule that differs between rules."""

    id: str
    name: str
    title: str
    severity: Severity
    message: str
    columns: tuple[tuple[str, str, str | None], ...]
    controls: Mapping[str, tuple[str, ...]]
    subject: str = "{email}"
    confidence: Confidence = Confidence.HIGH
    share: int = 1
    tables: tuple[str, ...] = ("attendees",)
    detector: str | None = None


PERSON = (("display_name", "text", "name"), ("email", "text", "email"))
TITLE = (("meeting_title", "text", "text"),)
ADDRESS = (("ip_address", "text", "ip"),)
TIMES = (("joined_time", "datetime", None), ("left_time", "datetime", None))
SKETCHES = (
    Sketch(
        "ACC-001",
        "uninvited-in-confidential",
        "Confidential meetings are attended by invited people only",
        Severity.HIGH,
        "{email} was not invited to “{meeting_title}”",
        PERSON + TITLE + ADDRESS + TIMES,
        {"iso27001-2022": ("A.5.14", "A.8.3"), "nist-800-53r5": ("AC-3", "AU-6"), "soc2": ("CC6.1",)},
        share=4,
    ),
    Sketch(
        "ACC-003",
        "uninvited-external",
        "External people attend only when they were invited",
        Severity.HIGH,
        "{email} of an outside domain was not invited to “{meeting_title}”",
        PERSON + TITLE + ADDRESS,
        {"nist-800-53r5": ("AC-3", "AC-20"), "soc2": ("CC6.6",), "gdpr": ("32",)},
        confidence=Confidence.MEDIUM,
        share=3,
    ),
    Sketch(
        "ATT-003",
        "short-stay",
        "Attendees stay for a meaningful part of the meeting",
        Severity.INFO,
        "{email} was present for {presence} of “{meeting_title}”",
        (*PERSON, *TITLE, ("presence", "duration", None), ("share", "number", None)),
        {"soc2": ("CC7.2",)},
        confidence=Confidence.LOW,
        share=6,
        tables=("attendees", "meetings"),
    ),
    Sketch(
        "CHN-002",
        "telephone-join",
        "Meetings are not joined by telephone",
        Severity.MEDIUM,
        "{display_name} joined “{meeting_title}” by telephone from {phone_number}",
        (("display_name", "text", "name"), ("phone_number", "text", "phone"), *TITLE, ("invited", "boolean", None)),
        {"hipaa": ("164.312(d)",), "soc2": ("CC6.1",)},
        subject="{display_name}",
        share=3,
        tables=("attendees", "devices"),
    ),
    Sketch(
        "IDN-002",
        "shared-address",
        "Different people do not join one meeting from one address",
        Severity.MEDIUM,
        "{email} and {other_email} were in “{meeting_title}” from {ip_address} for {overlap}",
        (*PERSON, ("other_email", "text", "email"), *ADDRESS, *TITLE, ("overlap", "duration", None)),
        {"iso27001-2022": ("A.5.16",), "nist-800-53r5": ("IA-2", "AU-6")},
        share=3,
    ),
    Sketch(
        "NET-004",
        "first-network-of-a-person",
        "People join from networks they are known to use",
        Severity.CRITICAL,
        "{email} joined from {value}; 0 of {n} earlier joins of this person were from there ({score} bits)",
        (
            ("email", "text", "email"),
            ("attribute", "text", None),
            ("value", "text", None),
            ("n", "integer", None),
            ("score", "number", None),
            *TITLE,
        ),
        {"nist-800-53r5": ("SI-4",), "soc2": ("CC7.2",)},
        confidence=Confidence.MEDIUM,
        detector="rarity",
    ),
    Sketch(
        "PRS-002",
        "host-absent",
        "The host is present while the meeting is held",
        Severity.LOW,
        "“{meeting_title}” went on for {overlap} without its host {host_email}",
        (*TITLE, ("host_email", "text", "email"), ("overlap", "duration", None)),
        {"iso27001-2022": ("A.5.15",)},
        subject="{meeting_title}",
        tables=("attendees", "meetings"),
    ),
)
PASSING = (
    ("ACC-005", "denied-domain", "Nobody from a denied domain attends", Severity.HIGH),
    ("IDN-001", "unidentified-attendee", "Every attendee can be identified", Severity.MEDIUM),
    ("PRS-001", "overlong-meeting", "Meetings end within a working day", Severity.LOW),
)
NOT_EVALUATED = (
    (
        "NET-007",
        "impossible-travel",
        "Nobody is in two distant places within an hour",
        Severity.HIGH,
        "no GeoIP database is configured",
    ),
    (
        "REC-002",
        "outside-recording-access",
        "Recordings are opened by people of the meeting",
        Severity.HIGH,
        "table recording_access was not collected",
    ),
    (
        "WEB-001",
        "unregistered",
        "Webinars are attended by registered people",
        Severity.MEDIUM,
        "registered is null in all 214 rows of the window",
    ),
)
FRAMEWORKS = (
    (
        "iso27001-2022",
        "ISO/IEC 27001:2022, Annex A",
        {
            "A.5.14": "Rules and agreements protect information that is exchanged",
            "A.5.15": "Access follows rules that come from business and security needs",
            "A.5.16": "Identities are managed over their whole life",
            "A.6.7": "People who work away from the office protect what they work with",
            "A.8.3": "Access to information is restricted as the rules say",
        },
    ),
    (
        "nist-800-53r5",
        "NIST SP 800-53, revision 5",
        {
            "AC-3": "The system enforces approved authorisations",
            "AC-20": "Use of outside systems is bound to agreed terms",
            "AU-6": "Audit records are reviewed and reported",
            "IA-2": "Users of the organisation are identified and proven",
            "PE-2": "A list of people with access to the premises is kept",
            "SI-4": "The system is watched for attacks and unusual use",
        },
    ),
    (
        "soc2",
        "SOC 2, trust services criteria",
        {
            "CC6.1": "Logical access is restricted",
            "CC6.6": "Access from outside the boundary is protected",
            "CC7.2": "Anomalies are watched for and judged",
            "CC7.4": "Incidents are answered",
        },
    ),
)


def audit_of(
    findings: int = 60,
    *,
    seed: int = 7,
    complete: bool = False,
    hostile: Sequence[str] = (),
    report: model.ReportSettings | None = None,
) -> model.Audit:
    """An audit with this many findings over all rules that can fail; `hostile` texts stand in every field of text."""
    chance = random.Random(seed)
    spoil = _Spoiler(hostile)
    made = sorted((_finding(chance, n, spoil) for n in range(findings)), key=lambda finding: finding.order)
    rules = _rules(made, spoil)
    open_ones = [finding for finding in made if finding.waiver is None]
    gaps = () if complete else _gaps(spoil)
    return model.Audit(
        identity=model.Identity(
            id="acme-2026-09-0001",
            auditor_version="0.1.0",
            window=WINDOW,
            sites=SITES,
            evaluated_at=NOW,
            rules_digest=_hash("rules"),
            evidence_head=_hash("head"),
            config_digest=_hash("config"),
        ),
        coverage=Coverage(
            complete=not gaps,
            tables={
                name: TableCoverage(
                    rows,
                    WINDOW.start + timedelta(hours=8),
                    WINDOW.end - timedelta(hours=7),
                    Asked(8, 7),
                    People(1_206, 1_199) if name in {"attendees", "participants"} else None,
                )
                if rows
                else TableCoverage(0, None, None)
                for name, rows in {
                    "attendees": 2_512,
                    "breakouts": 64,
                    "devices": 2_690,
                    "meetings": 248,
                    "participants": 2_498,
                    "recording_access": 0,
                }.items()
            },
            gaps=gaps,
        ),
        rules=rules,
        rules_not_run=(
            model.RuleNotRun("ACC-011", "experimental", "its status is below rules.min_status (stable)"),
            model.RuleNotRun("CHN-004", "stable", spoil("excluded by the configuration")),
        ),
        frameworks=_frameworks(rules, spoil),
        findings=tuple(made),
        resolved=tuple(
            model.Resolved(
                _hash(f"gone{n}"),
                "IDN-002",
                Severity.MEDIUM,
                spoil(f"guest{n}@example.net"),
                spoil(f"guest{n}@example.net and another person were in one meeting from one address"),
                WINDOW.start + timedelta(days=n),
                "acme-2026-09-0001",
            )
            for n in range(min(findings, 2))
        ),
        not_compared=(
            model.NotCompared(
                _hash("lost"),
                "REC-002",
                Severity.HIGH,
                spoil("visitor@example.org"),
                spoil("visitor@example.org opened a recording of “Board: Q2 results”"),
                WINDOW.start - timedelta(days=3),
                spoil("observed before the window of this audit"),
            ),
        )
        if findings
        else (),
        waivers=_waivers(made, spoil),
        summary=model.Summary(
            findings=len(made),
            open=len(open_ones),
            waived=len(made) - len(open_ones),
            by_severity={severity: sum(f.severity is severity for f in open_ones) for severity in Severity},
        ),
        cited=tuple(_cited(finding) for finding in made[:40]),
        chain=model.Chain(
            head=_hash("head"),
            entries=611,
            pages=583,
            bytes=7_340_112,
            first_fetched_at=WINDOW.end + timedelta(hours=26),
            last_fetched_at=WINDOW.end + timedelta(hours=26, minutes=14),
        ),
        previous="acme-2026-08-0001" if findings else None,
        notes=(spoil("3 display names held control characters, which reports show as ⟨U+…⟩"),) if findings else (),
        report=report
        or model.ReportSettings(
            organisation=spoil("ACME Bank"),
            prepared_for=spoil("Audit committee"),
            classification=spoil("Confidential"),
        ),
        rule_changes=model.RuleChanges(("NET-004",), (), ("ATT-003",)) if findings else None,
    )


class _Spoiler:
    """Texts followed by the next of the hostile ones, or left alone when there are none."""

    def __init__(self, hostile: Sequence[str]) -> None:
        self._hostile = hostile
        self._turn = 0

    def __call__(self, text: str) -> str:
        if not self._hostile:
            return text
        self._turn += 1
        return self._hostile[self._turn % len(self._hostile)] + text


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_WEIGHTED = tuple(sketch for sketch in SKETCHES for _ in range(sketch.share))


def _finding(chance: random.Random, n: int, spoil: _Spoiler) -> Finding:
    sketch = SKETCHES[n] if n < len(SKETCHES) else chance.choice(_WEIGHTED)
    name, other = (f"{chance.choice(FIRST)} {chance.choice(LAST)}" for _ in range(2))
    joined = WINDOW.start + timedelta(
        days=chance.choice([0, 1, 1, 2, 2, 2, 3, 4, 4, 6]) + 7 * chance.randrange(4),
        hours=chance.choice([7, 8, 8, 9, 9, 9, 10, 11, 13, 13, 14, 15, 16, 22]),
        seconds=chance.randrange(3600),
    )
    values: dict[str, Value] = {
        "display_name": name,
        "email": f"{name.split()[0].lower()}.{chance.randrange(400)}@example.com",
        "other_email": f"{other.split()[0].lower()}.{chance.randrange(400)}@example.net",
        "host_email": "host.of.meetings@example.com",
        "meeting_title": chance.choice(TITLES),
        "ip_address": f"198.51.100.{chance.randrange(1, 250)}",
        "phone_number": f"+1 202 555 {chance.randrange(100, 199):04d}",
        "joined_time": iso(joined),
        "left_time": iso(joined + timedelta(minutes=chance.randrange(1, 70))),
        "presence": f"{chance.randrange(20, 280) * 1_000_000}us",
        "overlap": f"{chance.randrange(300, 5200) * 1_000_000}us",
        "share": round(chance.random(), 3),
        "invited": chance.choice([True, False, None]),
        "attribute": "ip_network",
        "value": f"203.0.113.{chance.randrange(4) * 64}/26",
        "n": chance.randrange(20, 300),
        "score": round(6 + chance.random() * 12, 1),
    }
    values = {
        name: spoil(value) if isinstance(value, str) and "time" not in name and not value.endswith("us") else value
        for name, value in values.items()
    }
    # A hostile text is not looked at as a template: every name is replaced where it stands in the sketch's own words.
    message, subject = (_filled(text, values) for text in (sketch.message, sketch.subject))
    waived = sketch.id == "PRS-002" or (sketch.id == "IDN-002" and n % 3 == 0)
    state = (State.NEW, State.UNCHANGED, State.UNCHANGED, State.REOPENED)[n % 4]
    records = tuple(Record(_hash(f"page{n % 583 + k}"), chance.randrange(100)) for k in range(1 + (n % 5 == 0)))
    return Finding(
        fingerprint=_hash(f"finding{n}"),
        rule_id=sketch.id,
        severity=sketch.severity,
        confidence=sketch.confidence,
        subject=subject,
        message=message,
        observed_at=joined,
        occurrences=1 + (n % 7 == 0) * 2,
        state=state,
        waiver=("W-2026-014" if sketch.id == "IDN-002" else "W-2026-020") if waived else None,
        evidence={column: values[column] for column, _, _ in sketch.columns},
        records=tuple(sorted(records)),
    )


def _filled(template: str, values: Mapping[str, Value]) -> str:
    parts = template.split("{")
    text = parts[0]
    for part in parts[1:]:
        name, rest = part.split("}", 1)
        value = values[name]
        text += (
            f"{int(value[:-8]) // 60} min" if isinstance(value, str) and value.endswith("000us") else str(value)
        ) + rest
    return text


def _rules(findings: Sequence[Finding], spoil: _Spoiler) -> tuple[model.RuleResult, ...]:
    found = Counter(finding.rule_id for finding in findings)
    waived = Counter(finding.rule_id for finding in findings if finding.waiver)
    results = [
        replace(
            _rule(spoil, sketch.id, sketch.name, sketch.title, sketch.severity),
            verdict=Verdict.FAIL if found[sketch.id] else Verdict.PASS,
            findings=found[sketch.id],
            waived=waived[sketch.id],
            population=2_512 + found[sketch.id],
            not_evaluable=12 if sketch.id == "ACC-003" else 0,
            controls=sketch.controls,
            confidence=sketch.confidence,
            evidence=tuple(model.EvidenceColumn(*column) for column in sketch.columns),
            tables=sketch.tables,
            detector=sketch.detector,
            ledger=model.Ledger(
                candidates=found[sketch.id] + 9,
                suppressed={"remote_exit": 6, "listed_network": 3},
                emitted=found[sketch.id],
                truncated=0,
                history=(date(2026, 7, 1), date(2026, 9, 27)),
            )
            if sketch.detector
            else None,
            subject_template=sketch.subject,
            message_template=sketch.message,
            declared_severity=Severity.LOW if sketch.id == "ATT-003" else None,
        )
        for sketch in SKETCHES
    ]
    results += [_rule(spoil, *passing) for passing in PASSING]
    results += [
        replace(
            _rule(spoil, rule, name, title, severity),
            verdict=Verdict.NOT_EVALUATED,
            reason=spoil(reason),
            population=214 if rule == "WEB-001" else 0,
            not_evaluable=214 if rule == "WEB-001" else 0,
            controls={"soc2": ("CC7.4",)} if rule == "REC-002" else {},
        )
        for rule, name, title, severity, reason in NOT_EVALUATED
    ]
    return tuple(sorted(results, key=lambda rule: rule.id))


def _rule(spoil: _Spoiler, rule: str, name: str, title: str, severity: Severity) -> model.RuleResult:
    return model.RuleResult(
        id=rule,
        name=name,
        title=spoil(title),
        severity=severity,
        verdict=Verdict.PASS,
        reason=None,
        population=2_512,
        not_evaluable=0,
        findings=0,
        waived=0,
        truncated=0,
        controls={"iso27001-2022": ("A.5.15",)},
        status=Status.STABLE,
        confidence=Confidence.HIGH,
        version=1,
        digest=_hash(rule),
        path=f"rules/{name}.yaml",
        line=2,
        description=spoil(
            "Every row of the attendee report is held against the invitation. People whose address belongs to a "
            "trusted domain are excepted, as are hosts."
        ),
        rationale=spoil(
            "Somebody who was not invited may hear what was not meant for them, and nobody in the meeting knows "
            "that they have to take care."
        ),
        remediation=spoil(
            "Lock the meeting when it starts, let people wait in the lobby, and look through the list of attendees "
            "with the host."
        ),
        false_positives=(
            spoil("a forwarded invitation, an alias or a distribution list"),
            spoil("room devices that join by themselves"),
        ),
        references=(spoil("https://help.example.com/article/lobby"),),
        tags=(spoil("access"), "mapping-unconfirmed"),
        parameters=(
            model.Parameter(
                "markers",
                "list",
                ["confidential", "board", spoil("m&a")],
                ["confidential", "board"],
                "auditor.yaml",
                spoil("Words of a title that call for care."),
            ),
            model.Parameter("min_presence", "duration", "60000000us", "60000000us", "default", "Shorter is ignored."),
        ),
        evidence=(),
        tables=("attendees",),
    )


def _frameworks(rules: Sequence[model.RuleResult], spoil: _Spoiler) -> tuple[model.FrameworkResult, ...]:
    return tuple(
        model.FrameworkResult(
            framework, title, tuple(_control(framework, c, spoil(text), rules) for c, text in controls.items())
        )
        for framework, title, controls in FRAMEWORKS
    )


def _control(framework: str, control: str, title: str, rules: Sequence[model.RuleResult]) -> model.ControlResult:
    mapped = [rule for rule in rules if control in rule.controls.get(framework, ())]
    verdicts = {rule.verdict for rule in mapped}
    verdict = next(
        (verdict for verdict in (Verdict.FAIL, Verdict.NOT_EVALUATED, Verdict.PASS) if verdict in verdicts),
        Verdict.NOT_EVALUATED,
    )
    attested = control == "A.6.7"
    return model.ControlResult(
        id=control,
        title=title,
        verdict=Verdict.ATTESTED if attested else verdict,
        rules=tuple(rule.id for rule in mapped),
        findings=sum(rule.findings for rule in mapped),
        waived=sum(rule.waived for rule in mapped),
        note="pass, judged by ciso@example.com on 2026-07-02, until 2027-07-01" if attested else None,
    )


def _gaps(spoil: _Spoiler) -> tuple[Gap, ...]:
    day = timedelta(days=1)
    return (
        Gap(
            "attendees",
            SITES[1],
            Window(WINDOW.start + 7 * day, WINDOW.start + 9 * day),
            GapReason.UNAVAILABLE,
            spoil("503 after 6 attempts"),
        ),
        Gap(
            "participants",
            SITES[0],
            Window(WINDOW.start + 11 * day, WINDOW.start + 12 * day),
            GapReason.FORBIDDEN,
            spoil("4 meetings; the scope meeting:admin_participants_read is missing"),
        ),
        Gap("recording_access", SITES[0], WINDOW, GapReason.NOT_COLLECTED, "never collected"),
        Gap("attendees", SITES[0], Window(WINDOW.end - day, WINDOW.end), GapReason.TOO_FRESH, "settles within 24 h"),
    )


def _waivers(findings: Sequence[Finding], spoil: _Spoiler) -> tuple[WaiverState, ...]:
    used = Counter(finding.waiver for finding in findings if finding.waiver)
    shared = Waiver(
        id="W-2026-014",
        rule="IDN-002",
        match={"ip_address": (spoil("198.51.100.7"), "198.51.100.8")},
        fingerprint=None,
        reason=spoil("shared meeting room"),
        owner=spoil("it-sec@example.com"),
        expires=date(2027, 7, 1),
        approved_by=spoil("ciso@example.com"),
        ticket=spoil("SEC-1234"),
        category="accepted_risk",
        created=date(2026, 1, 10),
    )
    return (
        WaiverState(shared, "active" if used["W-2026-014"] else "unused", used["W-2026-014"]),
        WaiverState(
            replace(shared, id="W-2026-020", rule="PRS-002", expires=date(2026, 10, 12), ticket=None, category=None),
            "expiring",
            used["W-2026-020"],
        ),
        WaiverState(replace(shared, id="W-2025-031", rule="ACC-001", expires=date(2026, 6, 30)), "expired", 0),
        WaiverState(
            replace(shared, id="W-2026-002", rule=None, match={}, fingerprint=_hash("never"), approved_by=None),
            "unused",
            0,
        ),
    )


def _cited(finding: Finding) -> model.CitedRecord:
    raw = {
        "meetingId": "a1b2c3_I_100",
        "displayName": finding.evidence.get("display_name"),
        "email": finding.evidence.get("email"),
        "ipAddress": finding.evidence.get("ip_address"),
        "phoneNumber": finding.evidence.get("phone_number"),
        "meetingTitle": finding.evidence.get("meeting_title"),
        "address1": "4 Invented Street",
        "joinedTime": iso(finding.observed_at),
        "invited": "false",
    }
    return model.CitedRecord(
        record=finding.records[0],
        request="GET meetingReports/attendees?siteUrl=acme.webex.com&max=1000",
        fetched_at=WINDOW.end + timedelta(hours=26),
        raw=json.dumps(raw, ensure_ascii=False, separators=(",", ":")),
    )
