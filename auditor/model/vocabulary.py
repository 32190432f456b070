"""The closed sets of words an audit is written in."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """Harm if a finding is true, gravest first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for critical, 4 for info: a sort key."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class Confidence(StrEnum):
    """Chance that a finding is true."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Status(StrEnum):
    """How far a rule has been proven."""

    STABLE = "stable"
    TEST = "test"
    EXPERIMENTAL = "experimental"
    DEPRECATED = "deprecated"
    DISABLED = "disabled"


class Verdict(StrEnum):
    """How a rule or a control ended."""

    PASS = "pass"  # noqa: S105 - the word of the contract, not a password
    FAIL = "fail"
    NOT_EVALUATED = "not_evaluated"
    ATTESTED = "attested"


class State(StrEnum):
    """A finding held against the previous audit."""

    NEW = "new"
    UNCHANGED = "unchanged"
    REOPENED = "reopened"
    RESOLVED = "resolved"


class GapReason(StrEnum):
    """Why data is absent, in the words of the contract."""

    BEYOND_LOOKBACK = "beyond-lookback"
    TOO_FRESH = "too-fresh"
    IMPORTED = "imported"
    REJECTED = "rejected"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    GONE = "gone"
    RATE_LIMITED = "rate-limited"
    UNAVAILABLE = "unavailable"
    PAGING_LOOP = "paging-loop"
    FOREIGN_LINK = "foreign-link"
    CHANGED_FILTER = "changed-filter"
    UNREADABLE_LINK = "unreadable-link"
    EMPTY_PAGES = "empty-pages"
    POSSIBLY_TRUNCATED = "possibly-truncated"
    CHANGED_WHILE_READING = "changed-while-reading"
    INVALID_BODY = "invalid-body"
    UNDECODABLE_RECORD = "undecodable-record"
    UNEXPECTED_STATUS = "unexpected-status"
    NOT_COLLECTED = "not-collected"

    @property
    def is_failure(self) -> bool:
        """Whether a gap of this reason makes a run incomplete (exit 3).

        `too-fresh` and `imported` are stated in the coverage and mend themselves or were chosen.
        """
        return self not in {GapReason.TOO_FRESH, GapReason.IMPORTED}
