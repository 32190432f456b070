"""Detectors that look at their rows part by part: a bucket of entities at a time, and what all showed together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import polars as pl

from auditor.detectors.detection import ROW
from auditor.detectors.registry import DETECTORS, Kind
from auditor.detectors.seen import Again, Beside, Seen
from auditor.entities.groups import spread
from auditor.entities.packed import of_their_own, texts
from auditor.model.window import Window
from auditor.rules.judging.judge import NO_LISTS, columns_of
from auditor.rules.judging.lessons import learned_names
from auditor.rules.judging.merging import Part, apart_from_rows, put_by, trimmed
from auditor.rules.language.columns import names_in
from auditor.rules.language.spec import Detector
from auditor.rules.outcome import CRASHES, Crashed, Judged, NotEvaluated
from auditor.rules.profile import Profile, timed
from auditor.rules.rows.handed import OWN, Handed
from auditor.rules.rows.once import made_names
from auditor.rules.rows.parts import MEETING
from auditor.rules.rows.places import AT
from auditor.rules.rows.source import Source
from auditor.rules.stages.derive import with_derived
from auditor.rules.stages.detect import Request, counted, with_unknown
from auditor.rules.stages.kept import split
from auditor.rules.stages.statistical import judged, settings_of
from auditor.rules.task import Task
from auditor.tables.schema import LINEAGE, TABLES

_log = logging.getLogger(__name__)

_Given = TypeVar("_Given")


def columns_apart(task: Task, *, located: bool) -> Sequence[str]:
    """The columns by any of which the rows of the rule's detector may be split; none where it needs all at once.

    `located`: it is known where addresses are.
    """
    detect = task.rule.detect
    stage = detect.stage
    if not isinstance(stage, Detector) or learned_names(task) or any(one.over for one in detect.derive):
        return ()
    settings = settings_of(stage, DETECTORS[stage.type])
    names: Sequence[str] = settings.apart
    derived = {one.name for one in detect.derive}
    return () if located and settings.far else [name for name in names if name not in derived]


@dataclass(slots=True)
class Weighed:
    """A rule whose detector looks at parts, and what it saw of them.

    `prepared` are the names its rows are given before they are split, which no other rule's rows have.
    """

    task: Task
    window: Window
    stage: Detector
    seen: list[Seen] = field(default_factory=list)
    unknown: int = 0
    _like: pl.DataFrame | None = None
    _settings: Any = field(init=False)

    def __post_init__(self) -> None:
        self._settings = settings_of(self.stage, self._kind)

    @property
    def _kind(self) -> Kind:
        return DETECTORS[self.stage.type]

    @property
    def _names(self) -> Mapping[str, str]:
        """The names prepared, by those the detector knows them by."""
        return {name: f"__of:{self.task.rule.id}:{name}" for name in getattr(self._settings, "prepared", ())}

    @property
    def prepared(self) -> Collection[str]:
        """The names rows are given."""
        return self._names.values()

    def prepare(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows of whole meetings with what is prepared; null where the rule's `where` is not true."""
        names = self._names
        if not names:
            return rows
        read = {
            *columns_of(self.task)[self.task.rule.detect.table],
            *made_names(self.task, self.task.rule.detect.table),
        }
        numbered = rows.select(name for name in rows.columns if name in {*read, *LINEAGE, AT}).with_row_index("__place")
        taken, _ = counted(self._request(numbered))
        told = self._kind.prepare(taken, self._settings).select(pl.col(name).alias(own) for name, own in names.items())
        return rows.hstack(spread(told, taken["__place"], height=rows.height))

    def look(self, source: Source, beside: Beside) -> None:
        """Have the detector look at the rows of a part."""
        table = self.task.rule.detect.table
        beside_ = [*made_names(self.task, table), *self.prepared]
        columns = columns_of(self.task)[table]
        if not self.task.rule.detect.derive:
            where = self.task.rule.detect.where
            read = getattr(self._settings, "looked_at", columns)
            columns &= read | (names_in(where.tree) if where is not None else frozenset())
        # within parts few rows are looked at but for their keys
        loose = columns.difference(self._settings.entity) if source.by == MEETING else frozenset()
        handed = source.handed(table, columns, before=True, beside=beside_, loose=loose, waiting=self._waiting(table))
        taken, unknown = counted(self._request(handed.rows))
        self._like = handed.complete(taken.head(0))
        if handed.waiting:
            taken = taken.rename({OWN: ROW})
            beside = replace(beside, later=partial(_completed, handed=handed))
        self.unknown += unknown
        seen = self._kind.look(self._own(taken).lazy(), self._settings, self.window, beside)
        self.seen.append(replace(seen, found=of_their_own(seen.found)))

    def _waiting(self, table: str) -> Collection[str]:
        """The columns of the rows that only those are given which the detector is not done with once it sifted all."""
        detect = self.task.rule.detect
        sifted: frozenset[str] | None = getattr(self._settings, "sifted", None)
        if detect.derive or sifted is None:
            return frozenset()
        first = {AT, TABLES[table].time, *(names_in(detect.where.tree) if detect.where is not None else ())}
        return {*columns_of(self.task)[table], *LINEAGE} - sifted - first

    def survey(self, again: Again) -> pl.DataFrame:
        """What is told of all rows before one part is looked at."""
        return self._kind.survey(again, self._settings, self.window) if self._names else pl.DataFrame()

    def told(self, again: Again) -> Judged:
        """What the detector finds. Raises `NotEvaluated` when it cannot judge."""
        detection = self._kind.tell(self.seen, self._settings, self.window, again)
        self.seen.clear()
        like = pl.DataFrame() if self._like is None else self._like
        found = with_unknown(partial(judged, detection, self._request(like, derived=True)), self.unknown)
        return trimmed(found, self.task)

    def read_again(self, names: Sequence[str], like: pl.DataFrame) -> list[str]:
        """The columns of rows set aside that must be read to give the detector those it names."""
        detect = self.task.rule.detect
        wanted = {self._names.get(name, name) for name in names} | {*made_names(self.task, detect.table)}
        wanted |= names_in(detect.where.tree) if detect.where is not None else set()
        wanted |= columns_of(self.task)[detect.table] if detect.derive else set()
        return [name for name in like.columns if name in wanted]

    def again(self, parts: Iterable[pl.DataFrame], names: Sequence[str]) -> Iterable[pl.DataFrame]:
        """The parts with the columns named, of the rows that satisfy `where`."""
        for rows in parts:
            yield self._own(split(self._request(rows).rows, self.task).rows).select(names)

    def _own(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.rename({own: name for name, own in self._names.items()}, strict=False)

    def _request(self, rows: pl.DataFrame, *, derived: bool = False) -> Request:
        detect = self.task.rule.detect
        if not derived:
            rows = with_derived(rows, detect.derive, self.task, table=detect.table)
        return Request(rows, self.window, self.stage, self.task, NO_LISTS)


def _completed(rows: pl.DataFrame, *, handed: Handed) -> pl.DataFrame:
    """The rows with the columns that waited, which are texts where they are packed or not by chance."""
    found = handed.complete(rows.rename({ROW: OWN}))
    return texts(found, handed.waiting)


def attempted(
    weighed: Weighed,
    found: Mapping[str, list[Part]],
    step: Callable[[], _Given],
    *,
    otherwise: _Given,
    profile: Profile | None = None,
) -> _Given:
    """What a step of a detector gives, `otherwise` where it ended before or does now: one rule must not stop others."""
    ends = found[weighed.task.rule.id]
    if ends:
        return otherwise
    try:
        with timed(profile, weighed.task.rule.id):
            return step()
    except NotEvaluated as reason:
        ends.append(apart_from_rows(reason))
    except CRASHES as error:
        _log.debug("a detector crashed", exc_info=error)
        ends.append(Crashed(type(error).__name__))
    return otherwise


def conclude(weighed: Weighed, found: Mapping[str, list[Part]], *, again: Again, profile: Profile | None) -> None:
    """Find what a detector finds that has looked at all parts, unless it ended before."""
    judged_ = attempted(weighed, found, partial(weighed.told, again), otherwise=None, profile=profile)
    if judged_ is None:
        return
    found[weighed.task.rule.id].append(put_by(judged_))
    with timed(profile, weighed.task.rule.id) as step:
        step.rows += judged_.population
        step.found += judged_.hits.height
