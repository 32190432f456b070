"""Rules judged in parts by many workers, with the outcomes of one machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from auditor.engines.local import frames
from auditor.engines.parcels import Parcel, heard
from auditor.engines.sharing import planned
from auditor.engines.work import Piece, Work
from auditor.model.window import Window
from auditor.rules.judging import run as rules
from auditor.rules.judging.merging import Part
from auditor.rules.outcome import Outcome
from auditor.rules.task import Bound, Task
from auditor.tables.archive import Archive
from auditor.tables.geoip import GeoIP
from auditor.tables.listed import File
from auditor.tables.schema import TABLES

_ROWS_A_PIECE = 600_000
_ROWS_A_BUCKET = 400_000


class Cluster(Protocol):
    """Machines that do the two steps of `auditor.engines.work` and carry parcels between them."""

    @property
    def workers(self) -> int:
        """How many pieces are worked on at a time."""

    def parcels(self, work: Work, pieces: Sequence[Piece]) -> Iterable[Parcel]:
        """`sent` applied to every piece, then `judged` to every bucket that got a parcel: what comes of that."""


def run(
    archive: Archive,
    bound: Sequence[Bound],
    *,
    window: Window,
    sites: Sequence[str],
    now: datetime,
    means: rules.Means,
    also: Mapping[str, Collection[str]],
    progress: Callable[[str], None] | None,
    cluster: Cluster,
    say: Callable[[str], None],
) -> tuple[Outcome, ...]:
    """One outcome a rule; rules that cannot be split are judged here, and `say` hears which and why."""

    def elsewhere(tasks: Sequence[Task]) -> Mapping[str, Sequence[Part]]:
        plan = planned(tasks, sites=len(sites))
        for line in _told(plan.whole):
            say(line)
        held = {table: archive.files(table) for table in TABLES}
        work = Work(
            plan=plan,
            files={table: tuple(file.address for file in files) for table, files in held.items()},
            buckets=max(cluster.workers, math.ceil(max(map(_rows, held.values())) / _ROWS_A_BUCKET)),
            window=window,
            sites=tuple(sites),
            now=now,
            lists=means.lists,
            databases=_databases(means),
        )
        split = {*plan.by_row, *(table for shuffle in plan.shuffles for table in shuffle.columns)}
        found: dict[str, list[Part]] = {}
        pieces = pieces_of({table: held[table] for table in TABLES if table in split}, cluster.workers)
        for parcel in cluster.parcels(work, pieces) if pieces else ():
            rule_id, part = heard(parcel)
            found.setdefault(rule_id, []).append(part)
        return found

    seen = frames(archive, sites)
    return rules.run(
        bound, seen, window=window, now=now, means=means, also=also, progress=progress, elsewhere=elsewhere
    )


def pieces_of(held: Mapping[str, Sequence[File]], workers: int) -> list[Piece]:
    """The files of each table in pieces of about equal size, at least two a worker where there are files enough."""
    pieces: list[Piece] = []
    for table, files in held.items():
        most = min(_ROWS_A_PIECE, math.ceil(_rows(files) / (2 * workers)))
        some: list[File] = []
        rows = 0
        for file in files:
            if some and rows + file.rows > most:
                pieces.append(_piece(len(pieces), table, some))
                some, rows = [], 0
            some.append(file)
            rows += file.rows
        if some:
            pieces.append(_piece(len(pieces), table, some))
    return pieces


def _piece(number: int, table: str, files: Sequence[File]) -> Piece:
    return Piece(number, table, tuple(file.address for file in files))


def _rows(files: Sequence[File]) -> int:
    return sum(file.rows for file in files)


def _databases(means: rules.Means) -> tuple[Path, ...]:
    return tuple(database.path for database in means.geo.databases) if isinstance(means.geo, GeoIP) else ()


def _told(whole: Mapping[str, str]) -> Iterable[str]:
    """One line a reason: the rules that are judged on this machine alone."""
    by_reason: dict[str, list[str]] = {}
    for rule_id, reason in whole.items():
        by_reason.setdefault(reason, []).append(rule_id)
    return [f"judged on the driver, not split: {', '.join(ids)}: {reason}" for reason, ids in by_reason.items()]
