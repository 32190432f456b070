"""Rules of large tables judged a part at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import polars as pl

from auditor.model.window import Window
from auditor.rules.judging.judge import columns_of, counted, keep, reads_history
from auditor.rules.judging.lessons import ROW, Lessons, known_of, learned_names, lookups
from auditor.rules.judging.merging import Part, judged_part, trimmed
from auditor.rules.judging.splitting import Splitting, splitting
from auditor.rules.language.spec import Condition, Python
from auditor.rules.outcome import CRASHES, Crashed
from auditor.rules.profile import Profile, timed
from auditor.rules.rows.evaluate import verdicts
from auditor.rules.rows.once import made_names
from auditor.rules.rows.parts import MEETING, Pieces, height, parts
from auditor.rules.rows.places import AT, PLACE, places_of
from auditor.rules.rows.source import Source
from auditor.rules.rows.spill import MEMORY, Room, Spill
from auditor.rules.stages.plain import by_row, judge_by_row
from auditor.rules.task import Task
from auditor.tables.facts import FACTS, TRACKING_CODE, sources, value_source
from auditor.tables.schema import LINEAGE, TABLES

_log = logging.getLogger(__name__)

WHOLE = ""
"""In place of a column: all rows of the table together, set aside while its parts are read."""

ROWS = 1_000_000
"""About how many rows of the largest table are judged at once, at most."""

CELLS = 40_000_000
"""About how many values of all tables are judged at once: where rules read many columns, rows are fewer."""

SourceOf: TypeAlias = Callable[[Mapping[str, pl.LazyFrame]], Source]


@dataclass(frozen=True, slots=True)
class Batches:
    """Judges rules on tables given in `pieces`; rules it cannot place, and small tables, it leaves alone.

    `source_of` gives the rows rules see of the tables of a part; it is asked with every table there is. Rows set aside
    take about `memory` bytes before they go to disk, below `scratch`. `located`: it is known where addresses are.
    """

    pieces: Pieces
    frames: Mapping[str, pl.LazyFrame]
    source_of: SourceOf
    window: Window
    rows: int = ROWS
    scratch: Path | None = None
    memory: int = MEMORY
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    located: bool = False
    profile: Profile | None = None
    _heights: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __call__(self, tasks: Sequence[Task]) -> Mapping[str, Sequence[Part]]:
        """What the parts gave, by rule."""
        plans = self.plans(tasks)
        found: dict[str, list[Part]] = {rule_id: [] for rule_id in plans}
        count = self.large(tasks)
        if not found or count == 1:
            return {}
        chosen = [task for task in tasks if task.rule.id in plans]
        within = [task for task in chosen if plans[task.rule.id] == MEETING and not learned_names(task)]
        across = [task for task in chosen if plans[task.rule.id] != MEETING or learned_names(task)]
        with TemporaryDirectory(prefix="auditor-", dir=self.scratch) as folder:
            room = Room(Path(folder), self.memory)
            spilled = _Across.of(across, plans, room, buckets=self.buckets)
            lessons = Lessons.of(
                chosen, room, buckets=self.buckets, offices=self.lists.get("office_networks", ()), located=self.located
            )
            for frames in parts(self._split(chosen), rows=self._at_once(tasks)):
                self._judge_part(frames, chosen, within, spilled, lessons, found)
            # what is set aside has its facts
            self.source_of({}).memory.known.clear()
            with timed(self.profile, "facts learned from all rows"):
                lessons.learn()
            spilled.judge(self.source_of, lessons, found, lists=self.lists, profile=self.profile)
        left = {task.rule.id for task in chosen if lessons.lost and learned_names(task)}
        return {rule_id: parts for rule_id, parts in found.items() if rule_id not in left}

    def _judge_part(
        self,
        frames: Mapping[str, pl.LazyFrame],
        chosen: Sequence[Task],
        within: Sequence[Task],
        spilled: _Across,
        lessons: Lessons,
        found: Mapping[str, list[Part]],
    ) -> None:
        """Judge and set aside the rows of a part; they are gone before the next is read."""
        with timed(self.profile, "parts read"):
            source = replace(self.source_of({**self.frames, **_in_memory(frames, chosen, lessons)}), by=MEETING)
        with timed(self.profile, "facts, keys and order of parts"):
            keep(source, chosen, lessons.kept())
        _judge_within(source, within, found, self.profile)
        with timed(self.profile, "rows set aside by key"):
            spilled.add(source, found)
            lessons.add(source)

    def plans(self, tasks: Iterable[Task]) -> Mapping[str, str]:
        """The column each rule is split by, `MEETING`, or `WHOLE`; nothing of rules left alone."""
        found: dict[str, str] = {}
        # rows of rules that wait for what is learned are best set aside by what rows are set aside by anyway
        for task in sorted(tasks, key=lambda task: bool(learned_names(task))):
            plan = splitting(task.rule, also=task.also, windowed=True, learned=self._learns(task))
            column = _column(task, plan, preferred=set(found.values()))
            split = columns_of(task).keys() - plan.lookups
            if column is not None and task.rule.detect.table in self.pieces and split <= self.pieces.keys():
                found[task.rule.id] = column
        return {task.rule.id: found[task.rule.id] for task in tasks if task.rule.id in found}

    def _learns(self, task: Task) -> bool:
        """Whether what the rule asks for that only all rows tell can be learned while parts are read."""
        table = task.rule.detect.table
        # a fact that rows were given may be what others follow from
        alone = set(columns_of(task)) == {table} and table in self.pieces
        return alone and all(set(piece.collect_schema()) <= set(TABLES[table].schema) for piece in self.pieces[table])

    def large(self, tasks: Sequence[Task]) -> int:
        """In about how many parts the tables of the rules are read; 1 where one go is enough."""
        tables = {table for task in tasks for table in columns_of(task) if table in self.pieces}
        largest = max(map(self._height, tables), default=0)
        return max(1, -(-largest // self._at_once(tasks)))

    def _at_once(self, tasks: Sequence[Task]) -> int:
        read = {(table, name) for task in tasks for table, names in columns_of(task).items() for name in names}
        columns = sum(table in self.pieces for table, _ in read)
        return min(self.rows, CELLS // max(1, columns))

    def buckets(self, table: str, columns: int) -> int:
        """In how many buckets rows of the table are set aside, of which as many columns are read."""
        return max(1, -(-self._height(table) // min(self.rows, CELLS // max(1, columns))))

    def _height(self, table: str) -> int:
        if table not in self._heights:
            self._heights[table] = height(self.pieces[table])
        return self._heights[table]

    def _split(self, tasks: Sequence[Task]) -> Pieces:
        """The tables that are read in parts: those the rules judge, and those facts are made from."""
        wanted = {table for task in tasks for table in columns_of(task)}
        facts = lookups(tasks).union(*(splitting(task.rule, also=task.also).lookups for task in tasks))
        history = {task.rule.detect.table for task in tasks if reads_history(task.rule) or learned_names(task)}
        return {
            table: found if table in facts | history else [_inside(piece, table, self.window) for piece in found]
            for table, found in self.pieces.items()
            if table in wanted | facts
        }


def _inside(piece: pl.LazyFrame, table: str, window: Window) -> pl.LazyFrame:
    """The rows that may lie in the window; those without a time of their own are placed later."""
    time = TABLES[table].time
    if time is None:
        return piece
    return piece.filter(pl.col(time).is_null() | pl.col(time).is_between(window.start, window.end, closed="left"))


def _column(task: Task, plan: Splitting, *, preferred: AbstractSet[str]) -> str | None:
    """The column of the rule's own table its rows are split by, where the rule can be judged in parts here.

    Of several that will do for a rule that waits for what is learned, one of the `preferred`.
    """
    if task.watch is not None or isinstance(task.rule.detect.stage, Python):
        return None
    if plan.reason is not None:
        return WHOLE if _told_by_rows(task) else None
    if plan.by_row:
        return MEETING if MEETING in TABLES[plan.table].schema else None
    read = columns_of(task)[plan.table]
    usable = [key[plan.table] for key in plan.keys if len(key) == 1 and key[plan.table] in read]
    if learned_names(task):
        chosen = [*(name for name in usable if name in preferred - {MEETING, WHOLE}), *usable]
        return chosen[0] if chosen else None
    meeting = plan.along(MEETING)
    if meeting is not None:
        return MEETING if set(meeting.values()) == {MEETING} else None
    if (own := plan.keys[0][plan.table]) in usable:
        return WHOLE if own == "site_url" else own
    return WHOLE if _told_by_rows(task) else None


def _told_by_rows(task: Task) -> bool:
    """Whether the rule reads one table, and of it nothing but what a row, its meeting or a text of it tells."""
    read = columns_of(task)
    table = task.rule.detect.table
    return set(read) == {table} and all(
        name in TABLES[table].schema or value_source(table, name) is not None for name in read[table]
    )


def _in_memory(
    frames: Mapping[str, pl.LazyFrame], tasks: Sequence[Task], lessons: Lessons
) -> Mapping[str, pl.LazyFrame]:
    """The columns the rules read of a part, each table read once, with what they read of the meetings."""
    needs: dict[str, set[str]] = {table: set() for table in frames}
    for columns in (*(columns_of(task) for task in tasks), lessons.kept()):
        for table, names in columns.items():
            needs.setdefault(table, set()).update(names)
    told = {name.removeprefix("meeting.").partition(".")[0] for names in needs.values() for name in names}
    told = {"tracking_codes" if name == "tracking_code" else name for name in told}
    read = {"meetings": {*needs.get("meetings", ()), *told, "start_time"}, "participants": {"host", "participant_id"}}
    found: dict[str, pl.LazyFrame] = {}
    for table, frame in frames.items():
        time = TABLES[table].time
        wanted = {*needs[table], *read.get(table, ()), "meeting_start_time"}
        names = sources(table, {name for name in wanted if _known(table, name)})
        own = {"site_url", "meeting_id", *LINEAGE, *([time] if time else [])} & set(TABLES[table].schema)
        given = [name for name in frame.collect_schema() if name not in TABLES[table].schema]
        rows = frame.select(*sorted(names | own), *given).collect(engine="in-memory")
        found[table] = lessons.numbered(table, rows).lazy()
    return found


def _known(table: str, name: str) -> bool:
    return name in TABLES[table].schema or name in FACTS[table] or name.startswith(TRACKING_CODE)


def _judge_within(
    source: Source, tasks: Sequence[Task], found: Mapping[str, list[Part]], profile: Profile | None
) -> None:
    by_table: dict[str, list[Task]] = {}
    for task in tasks:
        if by_row(task):
            by_table.setdefault(task.rule.detect.table, []).append(task)
        else:
            found[task.rule.id].append(judged_part(source, task, profile))
    for table, batch in by_table.items():
        try:
            with timed(profile, f"conditions of {len(batch)} rules on {table}") as step:
                judged = judge_by_row(source, batch)
                step.rows += judged[0].population
        except CRASHES as error:  # judged one by one, the rule at fault shows
            _log.debug("a batch of rules failed", exc_info=error)
            for task in batch:
                found[task.rule.id].append(judged_part(source, task, profile))
        else:
            for task, one in zip(batch, judged, strict=True):
                found[task.rule.id].append(trimmed(one, task))


@dataclass(slots=True)
class _Key:
    """The rules that are split by one column of one table, and what they read."""

    table: str
    tasks: list[Task]
    spill: Spill
    columns: frozenset[str] = frozenset()
    history: bool = False
    like: pl.DataFrame | None = None


@dataclass(slots=True)
class _Across:
    """Rules that relate rows of different meetings: their rows are set aside by key, then judged bucket by bucket."""

    keys: list[_Key] = field(default_factory=list)

    @classmethod
    def of(
        cls, tasks: Sequence[Task], plans: Mapping[str, str], room: Room, *, buckets: Callable[[str, int], int]
    ) -> _Across:
        """The rules by table and key."""
        found: dict[tuple[str, str], list[Task]] = {}
        for task in tasks:
            found.setdefault((task.rule.detect.table, plans[task.rule.id]), []).append(task)
        keys = []
        for (table, column), members in found.items():
            columns = frozenset[str]().union(*map(_set_aside, members))
            spill = Spill(column, 1 if column == WHOLE else buckets(table, len(columns)), room)
            history = any(reads_history(task.rule) for task in members)
            keys.append(_Key(table, members, spill, columns, history))
        return cls(keys)

    def add(self, source: Source, found: Mapping[str, list[Part]]) -> None:
        """Set aside what the part has for each key; the rules of a key that cannot be read have crashed."""
        for key in list(self.keys):
            try:
                self._add(key, source)
            except CRASHES as error:  # rules of other keys must not stop
                _log.debug("rows of a key could not be set aside", exc_info=error)
                self.keys.remove(key)
                for task in key.tasks:
                    found[task.rule.id].append(Crashed(type(error).__name__))

    def _add(self, key: _Key, source: Source) -> None:
        made = [name for task in key.tasks for name in made_names(task, key.table)]
        rows = source.judged(key.table, key.columns, before=key.history, beside=made, ordered=False)
        rows = rows.filter(_may_count(rows, key.tasks))
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
        """Judge what was set aside."""
        for key in self.keys:
            try:
                for tasks, rows in _waiting(key, profile):
                    source = replace(source_of({}), by=key.spill.column)
                    with timed(profile, "facts, keys and order of parts"):
                        source.hold(key.table, lessons.told(key.table, rows), history=key.history)
                    for task in tasks:
                        found[task.rule.id].append(judged_part(source, task, profile, lists=lists))
            except CRASHES as error:  # rules of other keys must not stop
                _log.debug("rows of a key could not be read again", exc_info=error)
                for task in key.tasks:
                    found[task.rule.id].append(Crashed(type(error).__name__))


def _waiting(key: _Key, profile: Profile | None) -> Iterator[tuple[Sequence[Task], pl.DataFrame]]:
    """What was set aside for a key, a bucket for all its rules; of a whole table what each rule reads, in order."""
    if key.like is None:
        return
    if key.spill.column != WHOLE:
        for bucket in range(key.spill.buckets):
            with timed(profile, "rows of a key read again"):
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


def _may_count(rows: pl.DataFrame, tasks: Sequence[Task]) -> pl.Series:
    """The rows some rule counts: those its `where` is not false of, as far as it is known yet."""
    kept = pl.repeat(False, rows.height, eager=True)
    for task in tasks:
        table = task.rule.detect.table
        condition = counted(task.rule, table)
        if condition is not None and (waits := learned_names(task).get(table)):
            tree = known_of(condition.tree, unknown=waits)
            condition = None if tree is None else Condition(tree, condition.clauses)
        if condition is None:
            return pl.repeat(True, rows.height, eager=True)
        kept |= verdicts(rows, condition).fill_null(value=True)
    return kept
