"""The `detector` stage: a statistical detector called with what a rule configures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import polars as pl

from auditor.frozen import dataclass
from auditor.model.window import Window
from auditor.rules.language.spec import Detector
from auditor.rules.outcome import Judged, NotEvaluated
from auditor.rules.rows.places import AT
from auditor.rules.stages.kept import split
from auditor.rules.task import Task
from auditor.tables.schema import TABLES, TIME


@dataclass(frozen=True, slots=True)
class Request:
    """What a detector is given.

    `rows` satisfy the rule's `where`; they reach back before `window` as far as the archive does, and `AT` tells
    which lie in it. Their texts may be packed. Settings are those of `stage`, literals by now; `lists` are the
    configured ones.
    """

    rows: pl.DataFrame
    window: Window | None
    stage: Detector
    task: Task
    lists: Mapping[str, Sequence[str]]


DetectorFunction: TypeAlias = Callable[[Request], Judged]
"""A detector gives hits with the columns it yields, `AT`, lineage, `RECORDS` and `NULL` (see `Judged`)."""


def judge_detector(request: Request, detector: DetectorFunction) -> Judged:
    """What the detector finds among the rows that satisfy `where`; rows it cannot judge are counted with its own."""
    rows, unknown = counted(request)
    return with_unknown(lambda: detector(replace(request, rows=rows)), unknown)


def counted(request: Request) -> tuple[pl.DataFrame, int]:
    """The rows that satisfy the rule's `where`, and of how many inside the window it is not known.

    Those before the window that have no time of their own, which no detector can look at, are left out.
    """
    window, time = request.window, TABLES[request.task.rule.detect.table].time
    taken = split(request.rows, request.task)
    if window is None:
        return taken.rows, taken.unknown
    inside = pl.col(AT) >= pl.lit(window.start, dtype=TIME)
    unknown = taken.unknown and split(request.rows.filter(inside), request.task).unknown
    rows = taken.rows
    if time is not None and rows[time].null_count():
        rows = rows.filter(pl.col(time).is_not_null() | inside)
    return rows, unknown


def with_unknown(judgement: Callable[[], Judged], unknown: int) -> Judged:
    """What is judged, with so many more rows that could not be."""
    try:
        found = judgement()
    except NotEvaluated as reason:
        not_evaluable = unknown + reason.not_evaluable
        raise NotEvaluated(str(reason), not_evaluable=not_evaluable, periods=reason.periods) from None
    return replace(found, not_evaluable=unknown + found.not_evaluable)
