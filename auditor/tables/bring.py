"""Files brought into an archive, as evidence and as rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl

from auditor.errors import ConfigError, said
from auditor.evidence.entry import FILE, Request, Response, Unit, UnitEntry
from auditor.evidence.line import gap_from
from auditor.evidence.writer import Writer, writing
from auditor.frozen import dataclass
from auditor.model.coverage import Gap
from auditor.model.window import Window
from auditor.tables.apply import Ahead, Part
from auditor.tables.archive import Archive
from auditor.tables.damage import damage_told
from auditor.tables.decode import Decoded
from auditor.tables.incoming import Incoming
from auditor.tables.ingest import ingest
from auditor.tables.load import Asked, Load, Loaded, load
from auditor.tables.typed import ORDER
from auditor.tables.units import UNITS

__all__ = ["Asked", "Brought", "bring"]

_BYTES_AT_ONCE = 1 << 28


@dataclass(frozen=True, slots=True)
class Brought:
    """One imported file: what it was taken for, its records, and the gaps of those that could not be decoded.

    `known` is true when the archive had the file already, for the span given if one was; nothing was written then.
    """

    file: Incoming
    key: str
    records: int
    window: Window | None
    known: bool
    gaps: tuple[Gap, ...] = ()


def bring(path: Path, files: Sequence[Path], asked: Asked, *, now: Callable[[], datetime]) -> tuple[Brought, ...]:
    """The records of the files are in the archive, one unit a file; a file it has already changes nothing.

    Raises `ConfigError` when one of the files is not understood: before anything is written, unless they are so
    many that they are brought in several loads. The loads before are kept then. Raises `ArchiveError` where tables of
    the archive are lost or were changed.
    """
    brought: list[Brought] = []
    archive: Archive | None = None
    for some in _loads(files):
        loaded = load(some, asked)
        archive = archive or Archive.create(path)
        with writing(path, now=now) as writer, damage_told(archive):
            brought += _write(writer, archive, loaded, asked, now=now)
    return tuple(brought)


def _loads(files: Sequence[Path]) -> Iterator[list[Path]]:
    """The files, as many at once as memory should hold."""
    load: list[Path] = []
    size = 0
    for file in files:
        try:
            more = file.stat().st_size
        except OSError as error:
            raise ConfigError(f"{file}: {said(error)}") from None
        if load and size + more > _BYTES_AT_ONCE:
            yield load
            load, size = [], 0
        load.append(file)
        size += more
    if load:
        yield load


def _write(
    writer: Writer, archive: Archive, loaded: Load, asked: Asked, *, now: Callable[[], datetime]
) -> tuple[Brought, ...]:
    """The load's pages and units are in evidence, its rows in the tables."""
    writer.begin_run({"import": [{"file": each.file.name, "sha256": each.file.sha256} for each in loaded.files]})
    held = _held(archive)
    brought: list[Brought] = []
    units: list[Unit] = []
    for each in loaded.files:
        key = f"import {each.file.kind.name} {asked.site_url or ''} {each.file.sha256} {asked.zone or ''}"
        known = key in held and asked.span in {None, held[key]}
        window = held[key] if known else each.window
        brought.append(Brought(each.file, key, each.records, window, known=known))
        if not known:
            units.append(_unit(writer, each, key, now=now))
            held[key] = each.window
    entries = writer.commit_units(units)
    ingest(archive, ahead=_ahead(loaded, entries) if len(entries) == len(loaded.files) else None)
    gaps = _gaps(archive, {each.key for each in brought})
    return tuple(replace(each, gaps=gaps.get(each.key, ())) for each in brought)


def _held(archive: Archive) -> dict[str, Window | None]:
    """The span of every unit by its key; a file brought again for another span is a later unit of its key."""
    rows = archive.store.rows(UNITS).select("key", "from_time", "to_time").collect().rows()
    return {key: None if start is None or end is None else Window(start, end) for key, start, end in rows}


def _unit(writer: Writer, each: Loaded, key: str, *, now: Callable[[], datetime]) -> Unit:
    """The unit a file becomes; its pages are in evidence."""
    file = each.file
    pages = [
        writer.add_sealed(
            Request(FILE, file.name, (("sha256", file.sha256), ("part", str(part)))), Response(200, now()), page
        )
        for part, page in enumerate(each.pages)
    ]
    return Unit(
        key=key,
        endpoint=file.endpoint,
        site_url=each.site_url,
        window=each.window,
        pages=tuple(page.seq for page in pages),
        complete=True,
        rows=each.records,
        options=file.options,
    )


def _ahead(loaded: Load, entries: Sequence[UnitEntry]) -> Ahead:
    """The load as its units, whose pages follow each other in the manifest."""
    first = min((entry.unit.pages[0] for entry in entries if entry.unit.pages), default=0)
    units = [entry.link.seq for entry in entries]
    return Ahead(
        frozenset(units),
        [
            Part(part.kind, _numbered(part.decoded, first), [units[index] for index in part.files])
            for part in loaded.decoded
        ],
    )


def _numbered(decoded: Decoded, first: int) -> Decoded:
    """What was decoded, its pages numbered as in the manifest, where the load's pages begin at `first`."""
    frames = {name: frame.with_columns(pl.col(ORDER) + first) for name, frame in decoded.frames.items()}
    return replace(decoded, frames=frames)


def _gaps(archive: Archive, keys: Collection[str]) -> Mapping[str, tuple[Gap, ...]]:
    """The gaps the archive tells for units, by their key."""
    told = archive.store.rows(UNITS).filter(pl.col("key").is_in(sorted(keys)), pl.col("gaps").is_not_null())
    rows = told.select("key", "gaps").collect().rows()
    return {key: tuple(gap_from(fields) for fields in json.loads(text)) for key, text in rows}
