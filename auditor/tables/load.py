"""Files to import, decoded together: what each was taken for, its records and their span, its rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

import polars as pl

from auditor.errors import ConfigError
from auditor.evidence.page import Sealed, sealed
from auditor.frozen import dataclass
from auditor.model.window import Window
from auditor.tables.decode import ALWAYS, Decoded, Page, Reading, decode
from auditor.tables.incoming import Incoming, incoming
from auditor.tables.reading import reading_of
from auditor.tables.record import Kind
from auditor.tables.typed import ORDER

_BYTES_AT_ONCE = 3 << 23
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """How files are to be read: their kind, the site and the span they are about, the zone of their times."""

    kind: str | None = None
    site_url: str | None = None
    span: Window | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file that was understood and decoded: its pages, its records, and the span given or that of its times.

    `site_url` is the only site its records name, or the one given where they name none; None where they name several.
    """

    file: Incoming
    pages: Sequence[Sealed]
    records: int
    window: Window | None
    site_url: str | None


@dataclass(frozen=True, slots=True)
class Decoding:
    """Pages decoded together, with the index of the file each is of.

    `_seq` numbers the pages of the load from 0; `first` is the number of the first one here.
    """

    kind: Kind
    decoded: Decoded
    files: Sequence[int]
    first: int


@dataclass(frozen=True, slots=True)
class Load:
    """Files, and all their pages decoded in order."""

    files: Sequence[Loaded]
    decoded: Sequence[Decoding]


@dataclass(frozen=True, slots=True)
class _Read:
    """Files as far as they were read, without what they hold, and the pages of each."""

    files: list[Incoming] = field(default_factory=list)
    pages: list[list[Sealed]] = field(default_factory=list)


def load(paths: Sequence[Path], asked: Asked) -> Load:
    """The files decoded. Raises `ConfigError` when one is not understood, or a record of it names no site.

    Files of a usual form are read hastily; when one turns out to hold something else, it is read with care. Pages
    are compressed once they are decoded, and their texts are not kept.
    """
    careful: set[int] = set()
    while True:
        read = _Read()
        decoded = list(_decoded(paths, asked, read, careful=careful))
        wrong = _misread(read.files, decoded)
        if not wrong:
            if asked.site_url is None:
                _refuse_strays(read.files, decoded)
            return _spanned(read, decoded, asked)
        careful |= wrong


def _incoming(path: Path, asked: Asked, *, careful: bool) -> Incoming:
    file = incoming(path, kind=asked.kind, zone=asked.zone, span=asked.span, careful=careful)
    if file.kind.site and asked.site_url is None and not file.sites:
        raise ConfigError(f"{file.name}: its records name no site; --site tells which one they are of")
    return file


def _decoded(paths: Sequence[Path], asked: Asked, read: _Read, *, careful: Collection[int]) -> Iterator[Decoding]:
    """The pages of all files, some megabytes at a time; those that are read alike together."""

    def alike(one: tuple[int, Page]) -> tuple[str, list[tuple[str, str]]]:
        file = read.files[one[0]]
        return file.endpoint, sorted(file.options.items())

    for _, group in groupby(_numbered(paths, asked, read, careful=careful), key=alike):
        for part in _portions(group):
            kind, reading = _how(read.files[part[0][0]])
            yield Decoding(
                kind,
                decode([page for _, page in part], kind, reading=reading),
                [index for index, _ in part],
                part[0][1].seq,
            )
            for index, page in part:
                body = page.content
                read.pages[index].append(Sealed(page.sha256, len(body), sealed(body)))
            part.clear()


def _portions(pages: Iterable[tuple[int, Page]]) -> Iterator[list[tuple[int, Page]]]:
    """The pages, as many at once as are decoded together."""
    part: list[tuple[int, Page]] = []
    size = 0
    for index, page in pages:
        part.append((index, page))
        size += len(page.content)
        if size >= _BYTES_AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part


def _numbered(
    paths: Sequence[Path], asked: Asked, read: _Read, *, careful: Collection[int]
) -> Iterator[tuple[int, Page]]:
    """Every page with the index of its file; the files are noted in `read` on the way."""
    number = 0
    for index, path in enumerate(paths):
        file = _incoming(path, asked, careful=index in careful)
        bodies, file = file.bodies, replace(file, bodies=())
        read.files.append(file)
        read.pages.append([])
        for body, digest in zip(bodies, file.digests, strict=True):
            yield index, Page(digest, number, body, asked.site_url)
            number += 1


def _how(file: Incoming) -> tuple[Kind, Reading]:
    how = reading_of(file.endpoint, file.options)
    if how is None:
        raise ConfigError(f"{file.name}: {file.kind.name} cannot be imported")
    return how


def _misread(files: Sequence[Incoming], decoded: Sequence[Decoding]) -> set[int]:
    """The files of which a page has not the number of items that was told when it was cut out."""
    wrong: set[int] = set()
    left = [iter(file.items or ()) for file in files]
    for part in decoded:
        for place, index in enumerate(part.files):
            if files[index].items is not None:
                found, told = part.decoded.counts.get(place), next(left[index])
                if found is None or told not in {None, found}:
                    wrong.add(index)
    return wrong


def _refuse_strays(files: Sequence[Incoming], decoded: Sequence[Decoding]) -> None:
    """Raise `ConfigError` for a record that names no site among others that do: no audit of a site would see it."""
    before = [0] * len(files)
    for part in decoded:
        rows = part.decoded.frames[part.kind.table.name]
        strays = rows.filter(pl.col("site_url").is_null()) if part.kind.site else rows.clear()
        first = strays.select(ORDER, "item").sort(ORDER, "item").head(1).rows()
        for place, index in enumerate(part.files):
            for number, item in first:
                if number == part.first + place:
                    words = f"record {before[index] + item + 1} names no site; --site tells which one such are of"
                    raise ConfigError(f"{files[index].name}: {words}")
            before[index] += part.decoded.counts.get(place, 0)


def _spanned(read: _Read, decoded: Sequence[Decoding], asked: Asked) -> Load:
    """The load with the span and the site of each file, which are also those of its gaps."""
    files = read.files
    records = [0] * len(files)
    times: dict[int, tuple[datetime, datetime]] = {}
    named: dict[int, set[str]] = {}
    for part in decoded:
        _note_sites(named, part)
        for place, count in part.decoded.counts.items():
            records[part.files[place]] += count
        if asked.span is None:
            _stretch(times, part)
    windows = [asked.span or (Window(*times[index]) if index in times else None) for index in range(len(files))]
    only = {index: next(iter(sites)) if len(sites) == 1 else None for index, sites in named.items()}
    sites = [only.get(index, asked.site_url) for index in range(len(files))]
    return Load(
        [Loaded(file, read.pages[n], records[n], windows[n], sites[n]) for n, file in enumerate(files)],
        [replace(part, decoded=_placed(part, windows, sites)) for part in decoded],
    )


def _note_sites(named: dict[int, set[str]], part: Decoding) -> None:
    """The sites that the part's rows name, by the index of their file."""
    if part.kind.site:
        rows = part.decoded.frames[part.kind.table.name].select(ORDER, "site_url").unique()
        for number, site in rows.drop_nulls().rows():
            named.setdefault(part.files[number - part.first], set()).add(site)


def _stretch(times: dict[int, tuple[datetime, datetime]], part: Decoding) -> None:
    """The spans of the part's files, by their index, reach over the times of its rows, of every table they fill."""
    kind = part.kind
    for table, known in ((kind.table, kind.fields), *((child.table, child.fields) for child in kind.children)):
        fields = {field.column for field in known}
        names = [name for name in ("joined_time", "left_time", "end_time", table.time) if name in fields]
        if not names:
            continue
        moments = [pl.col(name) for name in names]
        if "meeting_start_time" in fields:
            # such a row is placed by it
            moments.append(pl.when(pl.col("joined_time").is_null()).then("meeting_start_time").alias("started"))
        pages = (
            part.decoded.frames[table.name]
            .group_by(ORDER)
            .agg(
                first=pl.min_horizontal(*[moment.min() for moment in moments]),
                last=pl.max_horizontal(*[moment.max() for moment in moments]),
            )
            .drop_nulls()
        )
        for number, first, last in pages.rows():
            index = part.files[number - part.first]
            end = last + _INSTANT
            held = times.get(index)
            times[index] = (first, end) if held is None else (min(held[0], first), max(held[1], end))


def _placed(part: Decoding, windows: Sequence[Window | None], sites: Sequence[str | None]) -> Decoded:
    """What was decoded, its gaps in the span and site of their file."""
    gaps = {
        place: tuple(
            replace(gap, window=windows[part.files[place]] or ALWAYS, site_url=sites[part.files[place]] or "")
            for gap in found
        )
        for place, found in part.decoded.gaps.items()
    }
    return replace(part.decoded, gaps=gaps)
