"""Rules judged on an archive by Polars on this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import MappingProxyType

import polars as pl

from auditor.model.window import Window
from auditor.rules.judging import run as rules
from auditor.rules.judging.batches import ROWS, Batches
from auditor.rules.outcome import Outcome
from auditor.rules.rows.known import Memory
from auditor.rules.rows.parts import MEETING, Pieces
from auditor.rules.rows.source import Source
from auditor.rules.task import Bound
from auditor.tables.archive import Archive
from auditor.tables.pieces import pieces
from auditor.tables.schema import TABLES
from auditor.tables.sites import of_sites

_NO_NAMES: Mapping[str, Collection[str]] = MappingProxyType({})


def run(
    archive: Archive,
    bound: Sequence[Bound],
    *,
    window: Window,
    sites: Sequence[str],
    now: datetime,
    means: rules.Means = rules.NO_MEANS,
    also: Mapping[str, Collection[str]] = _NO_NAMES,
    progress: Callable[[str], None] | None = None,
) -> tuple[Outcome, ...]:
    """One outcome a rule, on the rows of the window at the sites; rows before it are history."""
    tables = frames(archive, sites)
    return rules.run(
        bound,
        tables,
        window=window,
        now=now,
        means=means,
        also=also,
        progress=progress,
        elsewhere=batches(pieces_of(archive, sites), tables, window=window, now=now, means=means),
    )


def batches(
    held: Pieces,
    tables: Mapping[str, pl.LazyFrame],
    *,
    window: Window,
    now: datetime,
    means: rules.Means,
    rows: int = ROWS,
) -> Batches:
    """Rules judged about `rows` rows at once, where tables are larger."""
    unlimited = replace(means, rows_kept=sys.maxsize)
    return Batches(
        held,
        tables,
        partial(_part, window=window, now=now, means=unlimited, memory=Memory()),
        window,
        rows,
        lists=means.lists,
        located=means.geo is not None,
        profile=means.profile,
    )


def _part(
    frames: Mapping[str, pl.LazyFrame], *, window: Window, now: datetime, means: rules.Means, memory: Memory
) -> Source:
    return replace(rules.source_of(frames, window=window, now=now, means=means), memory=memory)


def pieces_of(archive: Archive, sites: Sequence[str]) -> Pieces:
    """The files of every table that tells meetings."""
    return {
        name: [_of_sites(piece, sites) for piece in pieces(archive, name)]
        for name, table in TABLES.items()
        if MEETING in table.schema
    }


def frames(archive: Archive, sites: Sequence[str]) -> dict[str, pl.LazyFrame]:
    """Every table of the archive; rows of sites other than the named ones are left out."""
    return {name: _of_sites(archive.scan(name), sites) for name in TABLES}


def _of_sites(frame: pl.LazyFrame, sites: Sequence[str]) -> pl.LazyFrame:
    if not sites or "site_url" not in frame.collect_schema():
        return frame
    return frame.filter(of_sites(sites))
