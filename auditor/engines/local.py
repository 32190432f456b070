"""Rules judged on an archive by Polars on this machine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import polars as pl

from auditor.model.window import Window
from auditor.rules import run as rules
from auditor.rules.outcome import Outcome
from auditor.rules.task import Bound
from auditor.tables.archive import Archive
from auditor.tables.schema import TABLES

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
    return rules.run(bound, frames(archive, sites), window=window, now=now, means=means, also=also, progress=progress)


def frames(archive: Archive, sites: Sequence[str]) -> dict[str, pl.LazyFrame]:
    """Every table of the archive; rows of sites other than the named ones are left out."""
    return {name: _of_sites(archive.scan(name), sites) for name in TABLES}


def _of_sites(frame: pl.LazyFrame, sites: Sequence[str]) -> pl.LazyFrame:
    if not sites or "site_url" not in frame.collect_schema():
        return frame
    return frame.filter(pl.col("site_url").is_in(list(sites)))
