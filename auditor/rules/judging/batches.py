"""Rules of large tables judged a part at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import polars as pl

from auditor.detectors.seen import Beside
from auditor.model.window import Window
from auditor.rules.judging.across import WHOLE, Across, SourceOf
from auditor.rules.judging.judge import columns_of, counting, keep, reads_history
from auditor.rules.judging.lessons import Lessons, learned_names, lookups
from auditor.rules.judging.merging import Part, judged_part, put_by, trimmed
from auditor.rules.judging.splitting import Splitting, splitting
from auditor.rules.judging.weighed import Weighed, attempted, columns_apart, conclude
from auditor.rules.language.spec import Detector, Match, Python
from auditor.rules.outcome import CRASHES
from auditor.rules.profile import Profile, timed
from auditor.rules.rows.parts import MEETING, Pieces, height, parts
from auditor.rules.rows.source import Source
from auditor.rules.rows.spill import MEMORY, rented
from auditor.rules.stages.plain import by_row, judge_by_row
from auditor.rules.task import Task
from auditor.tables.facts import FACTS, TRACKING_CODE, sources, value_source
from auditor.tables.schema import LINEAGE, TABLES
from auditor.words import counted

_log = logging.getLogger(__name__)

ROWS = 1_000_000
"""About how many rows of the largest table are judged at once, at most."""

CELLS = 32_000_000
"""About how many values of all tables are judged at once: where rules read many columns, rows are fewer."""

_BUCKETS_A_PART = 3
"""How many buckets have the rows of a part: many rules look at all of one, and each keeps what it makes of them."""


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
        weighed = {
            task.rule.id: Weighed(task, self.window, task.rule.detect.stage)
            for task in chosen
            if isinstance(task.rule.detect.stage, Detector) and plans[task.rule.id] != WHOLE
        }
        looking = [weighed[task.rule.id] for task in within if task.rule.id in weighed]
        within = [task for task in within if task.rule.id not in weighed]
        with rented(self.memory, below=self.scratch) as room:
            spilled = Across.of(across, plans, room, buckets=self.buckets, weighed=weighed)
            lessons = Lessons.of(
                chosen, room, buckets=self.buckets, offices=self.lists.get("office_networks", ()), located=self.located
            )
            for frames in parts(self._split(chosen), rows=self._at_once(tasks)):
                self._judge_part(frames, chosen, within, looking, spilled, lessons, found)
            for one in looking:
                conclude(one, found, again=_never, profile=self.profile)
            # what is set aside has its facts
            self.source_of({}).memory.known.clear()
            spilled.judge(self.source_of, lessons, found, lists=self.lists, profile=self.profile)
        left = {task.rule.id for task in chosen if lessons.lost and learned_names(task)}
        return {rule_id: parts for rule_id, parts in found.items() if rule_id not in left}

    def _judge_part(
        self,
        frames: Mapping[str, pl.LazyFrame],
        chosen: Sequence[Task],
        within: Sequence[Task],
        looking: Sequence[Weighed],
        spilled: Across,
        lessons: Lessons,
        found: Mapping[str, list[Part]],
    ) -> None:
        """Judge and set aside the rows of a part; they are gone before the next is read."""
        with timed(self.profile, "parts read"):
            source = replace(self.source_of({**self.frames, **_in_memory(frames, chosen, lessons)}), by=MEETING)
        with timed(self.profile, "facts, keys and order of parts"):
            keep(source, chosen, lessons.kept())
        _judge_within(source, within, found, self.profile)
        for one in looking:
            rows = self._height(one.task.rule.detect.table)
            attempted(one, found, partial(one.look, source, Beside(rows)), otherwise=None, profile=self.profile)
        with timed(self.profile, "rows set aside by key"):
            spilled.add(source, lessons, found)
            lessons.add(source)
        source.memory.let_go()

    def plans(self, tasks: Iterable[Task]) -> Mapping[str, str]:
        """The column each rule is split by, `MEETING`, or `WHOLE`; nothing of rules left alone."""
        found: dict[str, str] = {}
        # rows of rules that wait for what is learned are best set aside by what rows are set aside by anyway
        for task in sorted(tasks, key=lambda task: bool(learned_names(task))):
            plan = splitting(task.rule, also=task.also, windowed=True, learned=self._learns(task))
            column = self._apart(task, preferred=set(found.values())) or _column(
                task, plan, preferred=set(found.values())
            )
            split = columns_of(task).keys() - plan.lookups
            if column is not None and task.rule.detect.table in self.pieces and split <= self.pieces.keys():
                found[task.rule.id] = column
        return {task.rule.id: found[task.rule.id] for task in tasks if task.rule.id in found}

    def _apart(self, task: Task, *, preferred: AbstractSet[str]) -> str | None:
        """The column the rows of the rule's detector are split by, where it looks at parts."""
        if task.watch is not None or not self._learns(task):
            return None
        table = task.rule.detect.table
        names = columns_apart(task, located=self.located)
        if MEETING in names and MEETING in TABLES[table].schema:
            return MEETING
        usable = [name for name in names if name in columns_of(task)[table]]
        return next((name for name in usable if name in preferred), usable[0] if usable else None)

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
        at_once = min(self.rows, CELLS // max(1, columns)) // _BUCKETS_A_PART
        return max(1, -(-self._height(table) // max(1, at_once)))

    def _height(self, table: str) -> int:
        if table not in self._heights:
            self._heights[table] = height(self.pieces[table])
        return self._heights[table]

    def _split(self, tasks: Sequence[Task]) -> Pieces:
        """The tables that are read in parts: those the rules judge, and those facts are made from."""
        wanted = {table for task in tasks for table in columns_of(task)}
        facts = _lookups(tasks)
        history = {task.rule.detect.table for task in tasks if reads_history(task.rule) or learned_names(task)}
        return {
            table: found if table in facts | history else [_inside(piece, table, self.window) for piece in found]
            for table, found in self.pieces.items()
            if table in wanted | facts
        }


def _lookups(tasks: Sequence[Task]) -> frozenset[str]:
    """The tables facts are made from."""
    return lookups(tasks).union(*(splitting(task.rule, also=task.also).lookups for task in tasks))


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
    beside = columns_of(task).keys() & plan.lookups
    if any(MEETING in TABLES[table].schema for table in beside) and not _within_meetings(task):
        return None  # a part has what this table tells of its own meetings
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
    if beside:
        return None  # rows set aside have no other table beside them
    if (own := plan.keys[0][plan.table]) in usable:
        return WHOLE if own == "site_url" else own
    return WHOLE if _told_by_rows(task) else None


def _within_meetings(task: Task) -> bool:
    """Whether the rule matches rows of one meeting alone."""
    stage = task.rule.detect.stage
    return isinstance(stage, Match) and (MEETING, MEETING) in stage.same


def _told_by_rows(task: Task) -> bool:
    """Whether the rule reads one table, and of it nothing but what a row, its meeting or a text of it tells."""
    read = columns_of(task)
    table = task.rule.detect.table
    return set(read) == {table} and all(
        name in TABLES[table].schema or value_source(table, name) is not None for name in read[table]
    )


def _never(names: Sequence[str]) -> Iterable[pl.DataFrame]:
    """Rows of parts are gone once they were looked at."""
    raise LookupError(f"{', '.join(names)} of rows that were not set aside")


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
    whole = _lookups(tasks) | lessons.kept().keys()
    for table, frame in frames.items():
        time = TABLES[table].time
        wanted = {*needs[table], *read.get(table, ()), "meeting_start_time"}
        names = sources(table, {name for name in wanted if _known(table, name)})
        own = {"site_url", "meeting_id", *LINEAGE, *([time] if time else [])} & set(TABLES[table].schema)
        given = [name for name in frame.collect_schema() if name not in TABLES[table].schema]
        where = None if table in whole else counting(tasks, table)
        rows = _collected(frame, [*sorted(names | own), *given], where)
        found[table] = lessons.numbered(table, rows).lazy()
    return found


def _collected(frame: pl.LazyFrame, names: Sequence[str], where: pl.Expr | None) -> pl.DataFrame:
    """The columns in memory, of the rows `where` is true of if it can be told."""
    if where is not None:
        try:
            return frame.filter(where).select(names).collect(engine="in-memory")
        except CRASHES as error:  # the rule at fault shows
            _log.debug("rows that count could not be told", exc_info=error)
    return frame.select(names).collect(engine="in-memory")


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
            found[task.rule.id].append(put_by(judged_part(source, task, profile)))
    for table, batch in by_table.items():
        try:
            with timed(profile, f"conditions of {counted(len(batch), 'rule')} on {table}") as step:
                judged = judge_by_row(source, batch)
                step.rows += judged[0].population
        except CRASHES as error:  # judged one by one, the rule at fault shows
            _log.debug("a batch of rules failed", exc_info=error)
            for task in batch:
                found[task.rule.id].append(put_by(judged_part(source, task, profile)))
        else:
            for task, one in zip(batch, judged, strict=True):
                found[task.rule.id].append(put_by(trimmed(one, task)))
