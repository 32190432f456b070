"""Files brought into an archive, as evidence and as rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from auditor.errors import ConfigError
from auditor.evidence.entry import IMPORT, Request, Response, Unit
from auditor.evidence.line import gap_from
from auditor.evidence.writer import Writer
from auditor.model.coverage import Gap
from auditor.model.window import Window
from auditor.tables.archive import Archive
from auditor.tables.decode import Page, decode
from auditor.tables.incoming import Incoming, incoming
from auditor.tables.ingest import ingest
from auditor.tables.reading import reading_of

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """How files are to be read: their kind, the site and the span they are about, the zone of their times."""

    kind: str | None = None
    site_url: str | None = None
    span: Window | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Brought:
    """One imported file: what it was taken for, its records, and the gaps of those that could not be decoded.

    `known` is true when the archive had the file already; nothing was written then.
    """

    file: Incoming
    key: str
    records: int
    window: Window | None
    known: bool
    gaps: tuple[Gap, ...] = ()


def bring(path: Path, files: Sequence[Path], asked: Asked, *, now: Callable[[], datetime]) -> tuple[Brought, ...]:
    """The records of the files are in the archive, one unit a file; a file it has already changes nothing.

    Raises `ConfigError`, before anything is written, when one of the files is not understood.
    """
    read = [incoming(file, kind=asked.kind, zone=asked.zone, span=asked.span) for file in files]
    for file in read:
        if file.kind.site and asked.site_url is None and not file.sites:
            raise ConfigError(f"{file.name}: its records name no site; --site tells which one they are of")
    archive = Archive.create(path)
    with Writer.open(path, now=now) as writer:
        writer.begin_run({"import": [{"file": file.name, "sha256": file.sha256} for file in read]})
        held = set(archive.units().select("key").collect().to_series())
        brought = [_write(writer, file, asked, held=held, now=now) for file in read]
        ingest(archive)
    return tuple(replace(each, gaps=_gaps(archive, each.key)) for each in brought)


def _write(writer: Writer, file: Incoming, asked: Asked, *, held: set[str], now: Callable[[], datetime]) -> Brought:
    """The file's pages and its unit are in evidence."""
    key = f"import {file.kind.name} {asked.site_url or ''} {file.sha256} {asked.zone or ''}"
    window, records = _extent(file, asked)
    if key in held:
        return Brought(file, key, records, window, known=True)
    pages = [
        writer.add_page(
            Request("IMPORT", file.name, (("sha256", file.sha256), ("part", str(part)))), Response(200, now()), body
        )
        for part, body in enumerate(file.bodies)
    ]
    writer.commit_unit(
        Unit(
            key=key,
            endpoint=f"{IMPORT}{file.kind.name}",
            site_url=asked.site_url,
            window=window,
            pages=tuple(page.seq for page in pages),
            complete=True,
            rows=records,
            options=file.options,
        )
    )
    held.add(key)
    return Brought(file, key, records, window, known=False)


def _extent(file: Incoming, asked: Asked) -> tuple[Window | None, int]:
    """The span given, or else from the first time in the file to the last, and how many records it has."""
    how = reading_of(file.endpoint, file.options)
    if how is None:
        raise ConfigError(f"{file.name}: {file.kind.name} cannot be imported")
    kind, reading = how
    times = {"joined_time", "left_time", "end_time", kind.table.time}
    some = replace(kind, fields=tuple(field for field in kind.fields if field.column in times), children=(), site=False)
    rows = decode([Page("", 0, body) for body in file.bodies], some, reading=reading).frames[kind.table.name]
    names = [name for name in times if name in rows.columns]
    if asked.span is not None or not names:
        return asked.span, rows.height
    first = rows.select(pl.min_horizontal(names).min()).item()
    last = rows.select(pl.max_horizontal(names).max()).item()
    return (None if first is None else Window(first, last + _INSTANT)), rows.height


def _gaps(archive: Archive, key: str) -> tuple[Gap, ...]:
    """The gaps the archive tells for a unit."""
    told = archive.units().filter(pl.col("key") == key).select("gaps").collect().to_series().drop_nulls()
    return tuple(gap_from(fields) for text in told for fields in json.loads(text))
