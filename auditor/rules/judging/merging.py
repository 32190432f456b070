"""What was found in several parts of a table, as one."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import polars as pl

from auditor.entities.columns import alongside
from auditor.entities.packed import of_their_own
from auditor.rules.judging.judge import NO_LISTS, judge, rows_of
from auditor.rules.outcome import (
    CONFIDENCE,
    CRASHES,
    MOST_PERIODS,
    NULL,
    PAGE,
    RECORDS,
    Crashed,
    Judged,
    NotEvaluated,
    too_many,
)
from auditor.rules.profile import Profile, timed
from auditor.rules.rows.places import AT
from auditor.rules.rows.source import Source
from auditor.rules.task import Task
from auditor.tables.schema import LINEAGE, TEXT

_log = logging.getLogger(__name__)

Part: TypeAlias = Judged | NotEvaluated | Crashed
"""How judging a part of a rule's rows ended."""


def put_by(part: Part) -> Part:
    """The same while it waits for other parts: pages, which many hits share, are numbers."""
    return replace(part, hits=with_pages(part.hits, PAGE, records=PAGE)) if isinstance(part, Judged) else part


def with_pages(hits: pl.DataFrame, kind: pl.DataType, *, records: pl.DataType) -> pl.DataFrame:
    """The hits with their pages of one type, and those of their records of another."""
    if hits.is_empty():
        return hits
    lists = pl.List(pl.Struct({**LINEAGE, "page": records}))
    return alongside(hits, hits["page"].cast(kind), hits[RECORDS].cast(lists))


def kept_columns(task: Task) -> tuple[str, ...]:
    """The columns of hits that make findings; no others need be kept or sent."""
    return (*sorted(task.shown - {AT, RECORDS, NULL, *LINEAGE}), AT, *LINEAGE, RECORDS, NULL)


def trimmed(judged: Judged, task: Task) -> Judged:
    """The same with the columns of hits that make findings, and nothing else of the rows these were found among."""
    less_sure = [CONFIDENCE] if CONFIDENCE in judged.hits.columns else []
    hits = judged.hits[[*kept_columns(task), *less_sure]]
    return Judged(
        of_their_own(hits) if hits.height else hits,
        population=judged.population,
        not_evaluable=judged.not_evaluable,
        ledger=judged.ledger,
        withheld=judged.withheld,
        periods=judged.periods,
    )


def apart_from_rows(reason: NotEvaluated) -> NotEvaluated:
    """The reason without the place it was raised at, which would keep all rows that were at hand there."""
    return NotEvaluated(*reason.args, not_evaluable=reason.not_evaluable, periods=reason.periods)


def judged_part(
    source: Source, task: Task, profile: Profile | None = None, *, lists: Mapping[str, Sequence[str]] = NO_LISTS
) -> Part:
    """What the rule finds among the rows of one part."""
    try:
        with timed(profile, task.rule.id) as step:
            judged = trimmed(judge(task, rows_of(source, task), window=source.window, lists=lists), task)
            step.rows += judged.population
            step.found += judged.hits.height
            return judged
    except NotEvaluated as reason:
        return apart_from_rows(reason)
    except CRASHES as error:  # one rule must not stop the others
        _log.debug("a rule crashed on a part", exc_info=error)
        return Crashed(type(error).__name__)


def merged(parts: Iterable[Part], task: Task) -> Judged:
    """What the parts found together; hits with one fingerprint are still apart.

    Raises `Crashed` when the rule crashed on a part, `NotEvaluated` when a part could not be judged at all.
    """
    judged: list[Judged] = []
    refused: list[NotEvaluated] = []
    for part in parts:
        if isinstance(part, Crashed):
            raise Crashed(*part.args)
        if isinstance(part, NotEvaluated):
            refused.append(part)
        else:
            judged.append(trimmed(replace(part, hits=with_pages(part.hits, TEXT, records=PAGE)), task))
    periods = sum(part.periods for part in judged) + sum(part.periods for part in refused)
    lost = sum(part.not_evaluable for part in judged) + sum(part.not_evaluable for part in refused)
    if periods > MOST_PERIODS and all(part.periods for part in refused):
        raise too_many(periods, not_evaluable=lost)
    if refused:
        raise NotEvaluated(str(refused[0]), not_evaluable=lost)
    # a part without hits may not know the types of what it would have found
    hits = [part.hits for part in judged if part.hits.height] or [part.hits for part in judged[:1]]
    return Judged(
        pl.concat(hits, how="vertical_relaxed"),
        population=sum(part.population for part in judged),
        not_evaluable=lost,
        ledger=next((part.ledger for part in judged if part.ledger is not None), None),
        withheld=sum(part.withheld for part in judged),
        periods=periods,
    )
