"""Approved, expiring acceptance of findings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from auditor.frozen import dataclass
from auditor.model.finding import Value
from auditor.model.vocabulary import Verdict


@dataclass(frozen=True, slots=True)
class Waiver:
    """Acceptance of the findings of one rule that match; holds through the end of `expires`, UTC."""

    id: str
    rule: str | None
    match: Mapping[str, tuple[Value, ...]]
    fingerprint: str | None
    reason: str
    owner: str
    expires: dt.date
    approved_by: str | None = None
    ticket: str | None = None
    category: str | None = None
    created: dt.date | None = None

    def __post_init__(self) -> None:
        if bool(self.match) == bool(self.fingerprint):
            raise ValueError(f"waiver {self.id}: exactly one of match and fingerprint")


@dataclass(frozen=True, slots=True)
class WaiverState:
    """A waiver at the time of one audit: `active`, `expiring`, `expired`, `unused` or `unknown-rule`."""

    waiver: Waiver
    state: str
    findings: int


@dataclass(frozen=True, slots=True)
class Attestation:
    """A person's judgement of a control that no rule can judge."""

    framework: str
    control: str
    verdict: Verdict
    by: str
    date: dt.date
    expires: dt.date
    note: str
