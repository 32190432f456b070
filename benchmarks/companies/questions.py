"""Which rule is there for which planted behaviour, and what it has to reach."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """A rule, the behaviours it is there for, and those it may find as well without being wrong."""

    name: str
    rule: str
    own: frozenset[str]
    also: frozenset[str] = frozenset()
    zero: bool = False
    listed: bool = False
    precision: float | None = None
    recall: float | None = None
    above_chance: float | None = None

    @property
    def quiet(self) -> bool:
        """Whether it is asked where nothing was planted."""
        return self.zero or self.listed


ACCOUNTS = frozenset({"impossible-travel", "credential-sharing", "takeover"})
ELSEWHERE = ACCOUNTS | {"proxy-attendance"}
"""Behaviours in which somebody else uses an account from another place."""

QUESTIONS = (
    Question("travel", "GEO-001", frozenset({"impossible-travel"}), ELSEWHERE, zero=True, precision=0.90, recall=0.95),
    Question(
        "overlap", "ANM-013", frozenset({"credential-sharing"}), ELSEWHERE, zero=True, precision=0.90, recall=0.95
    ),
    Question(
        "burst", "ANM-014", frozenset({"flapping"}), frozenset({"bombing"}), zero=True, precision=0.90, recall=0.95
    ),
    Question("bombing", "ENU-001", frozenset({"bombing"}), frozenset(), precision=0.90, recall=0.95),
    Question("fan-in", "ANM-004", frozenset({"proxy-attendance"}), frozenset(), zero=True, precision=0.90, recall=0.95),
    Question("enumeration", "ANM-015", frozenset({"enumeration"}), frozenset(), zero=True, precision=0.90, recall=0.95),
    Question(
        "robust z",
        "ANM-003",
        frozenset({"duration-inflation"}),
        frozenset({"attendance-change"}),
        zero=True,
        precision=0.80,
        recall=0.90,
    ),
    Question(
        "change point", "ANM-005", frozenset({"attendance-change"}), frozenset(), zero=True, precision=0.80, recall=0.90
    ),
    Question("rarity", "ANM-001", frozenset({"takeover"}), ELSEWHERE, listed=True, precision=0.60),
    Question(
        "outlier",
        "ANM-006",
        ACCOUNTS | {"flapping"},
        frozenset({"enumeration", "proxy-attendance", "bombing"}),
        listed=True,
        above_chance=20,
    ),
    Question("ghost host", "HST-002", frozenset({"ghost-host"})),
)
