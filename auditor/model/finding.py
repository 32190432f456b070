"""One rule's verdict on one subject, with the records it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, TypeAlias

from auditor.frozen import dataclass
from auditor.model.vocabulary import Confidence, Severity, State

Value: TypeAlias = bool | int | float | str | list[str] | None
"""A value as JSON and fingerprints write it: date-times as ISO text with six decimals and `Z`,
durations as whole microseconds with the unit, `120000000us`."""


class Record(NamedTuple):
    """Where a raw record lies: SHA-256 of its decompressed page in 64 hex digits, index in `items`.

    There may be millions of them: a tuple is made in a third of the time.
    """

    page: str
    item: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's verdict on one subject; rows that share a fingerprint are one finding."""

    fingerprint: str
    rule_id: str
    severity: Severity
    confidence: Confidence
    subject: str
    message: str
    observed_at: datetime
    occurrences: int
    state: State | None
    waiver: str | None
    evidence: Mapping[str, Value]
    records: tuple[Record, ...]

    def __post_init__(self) -> None:
        if not self.records:
            raise ValueError(f"{self.rule_id}: a finding needs a record")

    @property
    def order(self) -> tuple[int, str, str, str]:
        """The order of findings everywhere: severity, rule, subject, fingerprint."""
        return (self.severity.rank, self.rule_id, self.subject, self.fingerprint)
