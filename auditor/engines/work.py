"""What a worker does: judge the rows of a piece or send them to buckets, then judge a bucket."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import cache
from pathlib import Path

import polars as pl

from auditor.engines.parcels import Parcel, bucket_numbers, packed, told
from auditor.engines.sharing import Plan, Shuffle
from auditor.frozen import dataclass
from auditor.model.window import Window
from auditor.rules.judging.judge import keep
from auditor.rules.judging.merging import Part, judged_part, trimmed
from auditor.rules.judging.run import Means, source_of
from auditor.rules.judging.splitting import SMALL
from auditor.rules.outcome import CRASHES, Crashed
from auditor.rules.rows.source import Source
from auditor.rules.stages.derive import with_derived
from auditor.rules.stages.plain import by_row, judge_by_row
from auditor.rules.task import Task
from auditor.tables.facts import Geo
from auditor.tables.geoip import GeoIP
from auditor.tables.listed import rows_in
from auditor.tables.schema import TABLES
from auditor.tables.sites import of_sites
from auditor.version import VERSION

_log = logging.getLogger(__name__)

VERSIONS = (f"auditor {VERSION}", f"polars {pl.__version__}")
"""What must be the same on every machine."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some files of a table, judged or sent on together."""

    number: int
    table: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """What every worker is told. `files` has all files of every table; each shuffle has `buckets` buckets."""

    plan: Plan
    files: Mapping[str, tuple[str, ...]]
    buckets: int
    window: Window
    sites: tuple[str, ...]
    now: datetime
    lists: Mapping[str, Sequence[str]]
    databases: tuple[Path, ...] = ()
    versions: tuple[str, ...] = field(default=VERSIONS)

    @property
    def bucket_count(self) -> int:
        """How many buckets there are in all."""
        return max(1, len(self.plan.shuffles)) * self.buckets


def sent(work: Work, piece: Piece) -> Iterator[Parcel]:
    """What the row rules find in a piece, and its rows by bucket for the others."""
    source = _source(work, piece.table, piece.files)
    tasks = work.plan.by_row.get(piece.table, ())
    for rule_id, part in _judged_by_row(source, tasks):
        yield told(rule_id, part, bucket=piece.number % work.bucket_count)
    for place, shuffle in enumerate(work.plan.shuffles):
        if piece.table not in shuffle.columns:
            continue
        first = place * work.buckets
        try:
            rows, numbers = _spread(work, piece, shuffle, source)
        except CRASHES as error:  # rules of other shuffles must not stop
            _log.debug("rows of a shuffle could not be sent", exc_info=error)
            crashed = Crashed(type(error).__name__)
            yield from (told(task.rule.id, crashed, bucket=first) for task in shuffle.tasks)
        else:
            yield from packed(rows, numbers, table=piece.table, piece=piece.number, first=first)


def judged(work: Work, bucket: int, parcels: Iterable[Parcel]) -> Iterator[Parcel]:
    """What was found in a bucket; findings on their way pass through."""
    arrived: dict[str, list[tuple[int, int, pl.DataFrame]]] = {}
    for parcel in parcels:
        fields = parcel.fields
        if "rule" in fields:
            yield parcel
        else:
            place = (int(str(fields["piece"])), int(str(fields["place"])))
            arrived.setdefault(str(fields["table"]), []).append((*place, parcel.frame()))
    if not arrived:
        return
    shuffle = work.plan.shuffles[bucket // work.buckets]
    source = _source(work, "", ())
    for table in shuffle.columns:
        some = sorted(arrived.pop(table, []), key=lambda each: each[:2])
        rows = pl.concat([frame for *_, frame in some]) if some else _no_rows(work, shuffle, table)
        source.hold(table, rows, history=shuffle.history)
    for task in shuffle.tasks:
        yield told(task.rule.id, judged_part(source, task), bucket=bucket)


def _judged_by_row(source: Source, tasks: Sequence[Task]) -> Iterator[tuple[str, Part]]:
    """What each rule finds in a piece; those of one table in one pass, where none of them crashes."""
    keep(source, tasks)
    plain = [task for task in tasks if by_row(task)]
    single = [task for task in tasks if not by_row(task)]
    try:
        found = judge_by_row(source, plain) if plain else []
    except CRASHES:  # judged one by one, the rule at fault shows
        single = list(tasks)
    else:
        yield from ((task.rule.id, trimmed(part, task)) for part, task in zip(found, plain, strict=True))
    for task in single:
        yield task.rule.id, judged_part(source, task)


def _spread(work: Work, piece: Piece, shuffle: Shuffle, source: Source) -> tuple[pl.DataFrame, pl.Series]:
    """The rows with the bucket of their key; rows without a key stay in one bucket, or go to the piece's own."""
    table = piece.table
    read = source.rows_with_history if shuffle.history else source.rows
    wanted = shuffle.wanted(table)
    rows = read(table, wanted).select(source.wanted(table, wanted)).collect()
    column = shuffle.columns[table]
    keys = rows
    if shuffle.derived and table == shuffle.tasks[0].rule.detect.table:
        task = shuffle.tasks[0]
        keys = with_derived(rows, task.rule.detect.derive, task, table=table)
    nulls = 0 if shuffle.together else piece.number % work.buckets
    return rows, bucket_numbers(keys[column], work.buckets, nulls=nulls)


def _source(work: Work, table: str, files: Sequence[str]) -> Source:
    """The tables as a piece sees them: its own files of one table, and of the others what belongs to them."""
    own = {table: _of_sites(work, table, files)} if table else {}
    frames = {name: own[name] if name in own else _of_sites(work, name, work.files[name]) for name in TABLES}
    named = [frame for name, frame in frames.items() if name in own or name in SMALL]
    if table:
        meetings = _meetings([frame for frame in named if "meeting_id" in frame.collect_schema()])
        for name, frame in frames.items():
            if name not in own and name not in SMALL and "meeting_id" in TABLES[name].schema:
                frames[name] = frame.filter(pl.col("meeting_id").is_in(meetings.implode()))
    geo = _geo(work.databases) if work.databases else None
    return _rows_of(work, frames, Means(lists=work.lists, geo=geo, rows_kept=sys.maxsize))


def _rows_of(work: Work, frames: Mapping[str, pl.LazyFrame], means: Means) -> Source:
    return source_of(frames, window=work.window, now=work.now, means=means)


def _meetings(frames: Sequence[pl.LazyFrame]) -> pl.Series:
    """The meetings that rows of the frames belong to."""
    named = [frame.select(pl.col("meeting_id")) for frame in frames]
    return pl.concat(named).unique().collect().to_series() if named else pl.Series("meeting_id", [], dtype=pl.String)


def _of_sites(work: Work, table: str, files: Sequence[str]) -> pl.LazyFrame:
    frame = rows_in(table, files)
    if not work.sites or "site_url" not in TABLES[table].schema:
        return frame
    return frame.filter(of_sites(work.sites))


def _no_rows(work: Work, shuffle: Shuffle, table: str) -> pl.DataFrame:
    """A table without rows, with the columns and facts of those that would be sent."""
    frames = {name: known.schema.to_frame().lazy() for name, known in TABLES.items()}
    source = _rows_of(work, frames, Means(lists=work.lists))
    wanted = shuffle.wanted(table)
    return source.rows(table, wanted).select(source.wanted(table, wanted)).collect()


@cache
def _geo(databases: tuple[Path, ...]) -> Geo:
    first, *others = databases
    return GeoIP(city=first, asn=others[0] if others else None)
