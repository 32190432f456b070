"""What a stage found, before it is worded, and how a rule ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from auditor.frozen import dataclass
from auditor.model.audit import Ledger
from auditor.model.finding import Finding, Value
from auditor.model.vocabulary import Verdict
from auditor.tables.schema import LINEAGE

RECORDS = "__records"
"""Every (page, item) a hit rests on, a list of structs; pages are texts, or `PAGE` where there may be very many."""

PAGE = pl.Categorical(pl.Categories("auditor:page"))
"""Pages by numbers of their own, so that hits that wait keep no other texts."""

NULL = "__null"
"""Whether a hit was caused by a null, under `nulls: fail`."""

CONFIDENCE = "__confidence"
"""How sure a detector is of a hit, where it is less sure than its rule; the column may be missing."""

RECORD = pl.Struct(dict(LINEAGE))


CRASHES = (Exception, pl.exceptions.PanicException)
"""How a rule may crash; a panic inside Polars is no `Exception`, yet must not stop the other rules either."""


class NotEvaluated(Exception):  # noqa: N818 - a reason, not a failure
    """Why a rule cannot be judged on the data there is; its text is the reason.

    `not_evaluable` counts the rows that were looked at and could not be judged, `periods` those of a baseline that
    were too many together.
    """

    def __init__(self, reason: str, *, not_evaluable: int = 0, periods: int = 0) -> None:
        super().__init__(reason)
        self.not_evaluable = not_evaluable
        self.periods = periods


MOST_PERIODS = 20_000_000
"""So many periods are reckoned with at most, those of all entities together where they are filled."""


def too_many(periods: int, *, not_evaluable: int = 0) -> NotEvaluated:
    """Why so many periods cannot be judged."""
    reason = f"{periods:,} periods are more than the {MOST_PERIODS:,} that can be judged; take a longer period"
    return NotEvaluated(reason, not_evaluable=not_evaluable, periods=periods)


class Crashed(Exception):  # noqa: N818 - what happened elsewhere, told here
    """A rule crashed on a part of its rows, on another machine perhaps; its text is the kind of the error."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a stage found.

    `hits` has one row a hit: the columns a finding names, `AT` (when it was observed), `page` and `item` (its
    first record), `RECORDS` and `NULL`. `withheld` counts what was found beyond a detector's budget, `periods` those a
    baseline filled.
    """

    hits: pl.DataFrame
    population: int
    not_evaluable: int
    ledger: Ledger | None = None
    withheld: int = 0
    periods: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one rule ended. `found` counts findings after de-duplication, `truncated` those not listed.

    `seen` holds, for each finding, the values of all names that were shown: what waivers and tests may name.
    """

    rule_id: str
    verdict: Verdict
    reason: str | None
    population: int
    not_evaluable: int
    found: int
    truncated: int
    findings: tuple[Finding, ...]
    seen: Sequence[Mapping[str, Value]]
    tables: tuple[str, ...]
    crashed: bool = False
    ledger: Ledger | None = None


def not_evaluated(
    rule_id: str, reason: str, *, tables: tuple[str, ...], crashed: bool = False, not_evaluable: int = 0
) -> Outcome:
    """The outcome of a rule that was not judged."""
    return Outcome(
        rule_id=rule_id,
        verdict=Verdict.NOT_EVALUATED,
        reason=reason,
        population=0,
        not_evaluable=not_evaluable,
        found=0,
        truncated=0,
        findings=(),
        seen=(),
        tables=tables,
        crashed=crashed,
    )
