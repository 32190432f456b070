"""Rows set aside by key while the parts of tables are read, and the rules judged on them bucket by bucket."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

import polars as pl

from auditor.detectors.seen import Again, Beside
from auditor.rules.judging.asking import asking, may_count
from auditor.rules.judging.judge import columns_of, reads_history
from auditor.rules.judging.lessons import ROW, Lessons, learned_names
from auditor.rules.judging.merging import Part, judged_part, put_by
from auditor.rules.judging.weighed import Weighed, attempted, conclude
from auditor.rules.outcome import CRASHES, Crashed
from auditor.rules.profile import Profile, timed
from auditor.rules.rows.once import made_names
from auditor.rules.rows.places import AT, PLACE, places_of
from auditor.rules.rows.source import Source
from auditor.rules.rows.spill import Room, Spill
from auditor.rules.task import Task
from auditor.tables.schema import LINEAGE, TABLES

_log = logging.getLogger(__name__)

WHOLE = ""
"""In place of a column: all rows of the table together, set aside while its parts are read."""

SourceOf: TypeAlias = Callable[[Mapping[str, pl.LazyFrame]], Source]


@dataclass(slots=True)
class _Key:
    """The rules that are split by one column of one table, and what they read."""

    table: str
    tasks: list[Task]
    spill: Spill
    columns: frozenset[str] = frozenset()
    history: bool = False
    weighed: Mapping[str, Weighed] = field(default_factory=dict)
    like: pl.DataFrame | None = None
    rows: int = 0

    def again(self, names: Sequence[str], one: Weighed) -> Iterator[pl.DataFrame]:
        """The rows set aside once more, bucket by bucket, as the detector knows them."""
        like = self.spill_like
        read = one.read_again(names, like)
        parts = (self.spill.seen(bucket, read, like=like) for bucket in range(self.spill.buckets))
        yield from one.again(parts, names)

    @property
    def waits(self) -> bool:
        """Whether facts must be learned before the rules are judged."""
        return any(map(learned_names, self.tasks))

    @property
    def spill_like(self) -> pl.DataFrame:
        """No rows, with the columns set aside."""
        return pl.DataFrame() if self.like is None else self.like


@dataclass(slots=True)
class Across:
    """Rules that relate rows of different meetings: their rows are set aside by key, then judged bucket by bucket."""

    keys: list[_Key] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        tasks: Sequence[Task],
        plans: Mapping[str, str],
        room: Room,
        *,
        buckets: Callable[[str, int], int],
        weighed: Mapping[str, Weighed],
    ) -> Across:
        """The rules by table and key; detectors among them that are `weighed` look at parts."""
        found: dict[tuple[str, str], list[Task]] = {}
        for task in tasks:
            found.setdefault((task.rule.detect.table, plans[task.rule.id]), []).append(task)
        keys = []
        for (table, column), members in found.items():
            columns = frozenset([] if column == WHOLE else [column]).union(*map(_set_aside, members))
            time = TABLES[table].time
            count = 1 if column == WHOLE else buckets(table, len(columns))
            spill = Spill(column, count, room, twins=None if time is None else (AT, time))
            history = any(reads_history(task.rule) for task in members)
            looking = {task.rule.id: weighed[task.rule.id] for task in members if task.rule.id in weighed}
            keys.append(_Key(table, members, spill, columns, history, looking))
        return cls(keys)

    def add(self, source: Source, lessons: Lessons, found: Mapping[str, list[Part]]) -> None:
        """Set aside what the part has for each key; the rules of a key that cannot be read have crashed."""
        for key in list(self.keys):
            try:
                self._add(key, source, lessons, found)
            except CRASHES as error:  # rules of other keys must not stop
                _log.debug("rows of a key could not be set aside", exc_info=error)
                self.keys.remove(key)
                for task in key.tasks:
                    found[task.rule.id].append(Crashed(type(error).__name__))

    def _add(self, key: _Key, source: Source, lessons: Lessons, found: Mapping[str, list[Part]]) -> None:
        made = [name for task in key.tasks for name in made_names(task, key.table)]
        rows = source.judged(key.table, key.columns, before=key.history, beside=made, ordered=False)
        for one in key.weighed.values():
            rows = attempted(one, found, partial(one.prepare, rows), otherwise=rows)
        for task in filter(learned_names, key.tasks):
            lessons.ask(task, rows.filter(asking(rows, task)))
        rows = rows.filter(may_count(rows, key.tasks))
        key.rows += rows.height
        if key.like is None:
            key.like = rows.head(0)
        key.spill.add(rows)

    def judge(
        self,
        source_of: SourceOf,
        lessons: Lessons,
        found: Mapping[str, list[Part]],
        *,
        lists: Mapping[str, Sequence[str]],
        profile: Profile | None,
    ) -> None:
        """Judge what was set aside, first what waits for no lessons, which take room once they are learned."""
        for key in sorted(self.keys, key=lambda key: key.waits):
            if key.waits:
                with timed(profile, "facts learned from all rows"):
                    lessons.learn()
            try:
                _judge(key, source_of, lessons, found, lists=lists, profile=profile)
            except CRASHES as error:  # rules of other keys must not stop
                _log.debug("rows of a key could not be read again", exc_info=error)
                for task in key.tasks:
                    found[task.rule.id].append(Crashed(type(error).__name__))


def _judge(
    key: _Key,
    source_of: SourceOf,
    lessons: Lessons,
    found: Mapping[str, list[Part]],
    *,
    lists: Mapping[str, Sequence[str]],
    profile: Profile | None,
) -> None:
    again: dict[str, Again] = {name: partial(key.again, one=one) for name, one in key.weighed.items()}
    beside: dict[str, Beside] = {}
    for name, one in key.weighed.items():
        told = attempted(one, found, partial(one.survey, again[name]), otherwise=pl.DataFrame(), profile=profile)
        beside[name] = Beside(key.rows, told)
    for tasks, rows in _waiting(key, profile):
        source = replace(source_of({}), by=key.spill.column)
        with timed(profile, "facts, keys and order of parts"):
            source.hold(key.table, lessons.told(key.table, rows), history=key.history)
        for task in tasks:
            if (looking := key.weighed.get(task.rule.id)) is not None:
                look = partial(looking.look, source, beside[task.rule.id])
                attempted(looking, found, look, otherwise=None, profile=profile)
            else:
                found[task.rule.id].append(put_by(judged_part(source, task, profile, lists=lists)))
    for name, one in key.weighed.items():
        conclude(one, found, again=again[name], profile=profile)
    key.spill.clear()


def _waiting(key: _Key, profile: Profile | None) -> Iterator[tuple[Sequence[Task], pl.DataFrame]]:
    """What was set aside for a key, a bucket for all its rules; of a whole table what each rule reads, in order."""
    if key.like is None:
        return
    if key.spill.column != WHOLE:
        for bucket in range(key.spill.buckets):
            with timed(profile, "rows of a key read again"):
                if key.weighed:
                    rows = key.spill.seen(bucket, key.like.columns, like=key.like)
                else:
                    rows = key.spill.rows(bucket, like=key.like)
            yield key.tasks, rows
        return
    time = TABLES[key.table].time
    placing = [time or AT, *LINEAGE]
    with timed(profile, "rows of a key read again"):
        columns = key.spill.columns(like=key.like, order=lambda rows: places_of(rows, time).arg_sort(), by=placing)
        place = pl.int_range(columns.height, dtype=pl.Int64, eager=True).alias(PLACE)
    for task in key.tasks:
        with timed(profile, "rows of a key read again"):
            rows = columns.rows({*_set_aside(task), *made_names(task, key.table), *placing, AT}).with_columns(place)
        yield [task], rows
    columns.clear()


def _set_aside(task: Task) -> frozenset[str]:
    """The columns and facts set aside of the rule's rows, with `ROW` where others are learned before it is judged."""
    table = task.rule.detect.table
    waits = learned_names(task).get(table)
    return columns_of(task)[table] if waits is None else (columns_of(task)[table] - waits) | {ROW}
