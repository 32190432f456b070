"""One evaluation of one window, complete enough to print every report from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from auditor.frozen import dataclass
from auditor.model.coverage import Coverage
from auditor.model.finding import Finding, Record, Value
from auditor.model.vocabulary import Confidence, Severity, Status, Verdict
from auditor.model.waiver import WaiverState
from auditor.model.window import Window


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes the audit repeatable: same archive, rules, window, configuration and time.

    Digests and the head are 64 hex digits here and everywhere in the model; JSON writes `sha256:` before them.
    """

    id: str
    auditor_version: str
    window: Window
    sites: tuple[str, ...]
    evaluated_at: datetime
    rules_digest: str
    evidence_head: str
    config_digest: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A rule's parameter as it was in force, and where its value came from."""

    name: str
    type: str
    value: Value
    default: Value
    source: str
    description: str


@dataclass(frozen=True, slots=True)
class EvidenceColumn:
    """A column a rule shows as evidence; `type` tells how to word it, `redact` what it would reveal."""

    name: str
    type: str
    redact: str | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The account of a detector: every candidate was suppressed for a reason, emitted, or cut by the budget.

    `history` is the first and last day the detector learned from, None when there was none.
    """

    candidates: int
    suppressed: Mapping[str, int]
    emitted: int
    truncated: int
    history: tuple[date, date] | None

    def __post_init__(self) -> None:
        if self.candidates != sum(self.suppressed.values()) + self.emitted + self.truncated:
            raise ValueError("a ledger accounts for every candidate")


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How one rule ended, with the wording a report needs.

    `declared_severity` is the rule file's own where the configuration overrides it. The templates are those of
    the rule's `finding`: redaction fills them again, so that nothing but their own words is kept of a message.
    """

    id: str
    name: str
    title: str
    severity: Severity
    verdict: Verdict
    reason: str | None
    population: int
    not_evaluable: int
    findings: int
    waived: int
    truncated: int
    controls: Mapping[str, tuple[str, ...]]
    status: Status
    confidence: Confidence
    version: int
    digest: str
    path: str
    line: int
    description: str
    rationale: str
    remediation: str
    false_positives: tuple[str, ...]
    references: tuple[str, ...]
    tags: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    evidence: tuple[EvidenceColumn, ...]
    tables: tuple[str, ...]
    crashed: bool = False
    detector: str | None = None
    ledger: Ledger | None = None
    declared_severity: Severity | None = None
    subject_template: str = ""
    message_template: str = ""

    def __post_init__(self) -> None:
        if (self.verdict is Verdict.FAIL) != (self.findings > 0):
            raise ValueError(f"{self.id}: a rule fails exactly when it has findings")
        if self.verdict is Verdict.NOT_EVALUATED and not self.reason:
            raise ValueError(f"{self.id}: not evaluated needs a reason")


@dataclass(frozen=True, slots=True)
class RuleNotRun:
    """A loaded rule that was not asked to run."""

    id: str
    status: str
    why: str


@dataclass(frozen=True, slots=True)
class ControlResult:
    """A control's verdict, drawn from its rules; counts are sums over those rules' findings."""

    id: str
    title: str
    verdict: Verdict
    rules: tuple[str, ...]
    findings: int
    waived: int
    note: str | None


@dataclass(frozen=True, slots=True)
class FrameworkResult:
    """The control matrix of one framework."""

    id: str
    title: str
    controls: tuple[ControlResult, ...]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A finding of the previous audit that is gone; carried forward from audit to audit."""

    fingerprint: str
    rule_id: str
    severity: Severity
    subject: str
    message: str
    observed_at: datetime
    resolved_in: str


@dataclass(frozen=True, slots=True)
class NotCompared:
    """A finding of the previous audit of which this audit cannot tell what became of it."""

    fingerprint: str
    rule_id: str
    severity: Severity
    subject: str
    message: str
    observed_at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class CitedRecord:
    """A raw record as Webex sent it: compact JSON text, and the request that brought it."""

    record: Record
    request: str
    fetched_at: datetime
    raw: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Facts of the evidence chain that the report prints."""

    head: str
    entries: int
    pages: int
    bytes: int
    first_fetched_at: datetime | None
    last_fetched_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """How the operator wants the report to look; `logo` is a data URL."""

    title: str = "Webex meeting compliance audit"
    organisation: str | None = None
    prepared_for: str | None = None
    classification: str | None = None
    logo: str | None = None
    max_findings_per_rule: int = 200
    timezone: str = "UTC"
    accent: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of the whole audit: findings = open + waived; `by_severity` counts open ones."""

    findings: int
    open: int
    waived: int
    by_severity: Mapping[Severity, int]

    def __post_init__(self) -> None:
        if self.findings != self.open + self.waived or sum(self.by_severity.values()) != self.open:
            raise ValueError("the counts of a summary must add up")


@dataclass(frozen=True, slots=True)
class RuleChanges:
    """Rules that joined, left or changed their digest since the previous audit, by id."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """One evaluation of one window. Findings are in `Finding.order`, rules by id."""

    identity: Identity
    coverage: Coverage
    rules: tuple[RuleResult, ...]
    rules_not_run: tuple[RuleNotRun, ...]
    frameworks: tuple[FrameworkResult, ...]
    findings: tuple[Finding, ...]
    resolved: tuple[Resolved, ...]
    not_compared: tuple[NotCompared, ...]
    waivers: tuple[WaiverState, ...]
    summary: Summary
    cited: tuple[CitedRecord, ...]
    chain: Chain
    previous: str | None
    notes: tuple[str, ...]
    report: ReportSettings
    rule_changes: RuleChanges | None = None
    redacted: bool = False
