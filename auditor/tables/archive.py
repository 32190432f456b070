"""An archive, in a folder or on an object store: evidence, and the tables made from it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import polars as pl

from auditor.errors import ArchiveError, naming
from auditor.evidence.lock import alone
from auditor.evidence.places import (
    EVIDENCE,
    TABLES,
    Place,
    half_written,
    make_private,
    manifest_path,
    sync_folder,
    write_private,
    written,
)
from auditor.evidence.reader import Evidence, extended
from auditor.evidence.remote import OPTIONS, Remote, is_remote, reason, remote
from auditor.model.audit import Chain
from auditor.model.window import Window
from auditor.tables.files import listed_in, shown, stored_schema
from auditor.tables.listed import File, rows_of
from auditor.tables.schema import TABLES as KNOWN
from auditor.tables.schema import Table
from auditor.tables.sites import of_sites
from auditor.tables.state import State, read_state
from auditor.tables.store import Store
from auditor.tables.units import UNITS

if TYPE_CHECKING:
    from deltalake import DeltaTable

FORMAT = 1
_MARK = "archive.json"
_ENCODED = re.compile("%[0-9A-Fa-f]{2}")
_VERSION = re.compile(r"\d{20}\..*(?:json|parquet)")
"""How a version of a table, or a checkpoint of its log, is named."""


class Archive:
    """The archive at `path`, which is a folder with `archive.json`, or an address on an object store, read only.

    Raises `ArchiveError` when there is none, or when a newer version of the program wrote it.
    """

    __slots__ = ("_store", "evidence", "place", "tables")

    def __init__(self, path: Path | str) -> None:
        place: Place = remote(path) if isinstance(path, str) and is_remote(path) else Path(path)
        _check_format(place)
        self.place = place
        self.evidence = Evidence(place)
        self.tables: Place = place / TABLES
        self._store: Store | None = None

    @classmethod
    def create(cls, path: Path | str) -> Self:
        """The archive at `path`, made when there is none. Raises `ArchiveError` where none can be."""
        folder = Path(path)
        if not (folder / _MARK).exists():
            _check_name(folder)
            if found := _ENCODED.search(str(folder.absolute())):
                raise ArchiveError(
                    f"{folder}: tables cannot be kept below a folder with {found[0]} in its name, which Delta Lake "
                    "takes for another character; choose another name"
                )
            with written(folder):
                made = [] if folder.exists() else make_private(folder)
                with alone(folder):  # somebody may make it at the same time
                    _begin(folder, made)
        return cls(folder)

    @classmethod
    def rebuilt_in(cls, path: Path, tables: Path) -> Self:
        """The archive at `path`, seen with other tables than its own: those being made in `tables`."""
        archive = cls(path)
        archive.tables = tables
        return archive

    def __repr__(self) -> str:
        return f"Archive({str(self.place)!r})"

    @property
    def path(self) -> Path:
        """The archive's folder, for those who write. Raises `ArchiveError` for one on an object store."""
        return _folder(self.place)

    @property
    def store(self) -> Store:
        """The tables as their writer sees them. Raises `ArchiveError` for an archive on an object store."""
        if self._store is None:
            self._store = Store(_folder(self.tables))
        return self._store

    def scan(self, table: str) -> pl.LazyFrame:
        """The rows of a table, with exactly the schema `TABLES[table].schema`; none when the table is not there."""
        known = KNOWN.get(table)
        if known is None:
            raise ArchiveError(f"there is no table {table!r}; one of {', '.join(KNOWN)}")
        return self._rows(known)

    def units(self) -> pl.LazyFrame:
        """The latest unit of every key, as `auditor.tables.units.UNITS` holds it."""
        return self._rows(UNITS)

    def has(self, table: str) -> bool:
        """Whether rows of the table were ever collected or imported."""
        log = self.tables / table / "_delta_log"
        if isinstance(log, Remote) or not log.is_dir():
            return log.is_dir()
        # whoever was killed, or had no room, before the first version of a table was whole made none
        return any(_VERSION.fullmatch(path.name) for path in log.iterdir())

    def log(self, table: str) -> DeltaTable:
        """The log of a table that is there: the files of its newest version."""
        from deltalake import DeltaTable

        place = self.tables / table
        if not isinstance(place, Remote):
            return DeltaTable(str(place))
        try:
            return DeltaTable(str(place), storage_options=dict(OPTIONS))
        except OSError as error:
            raise ArchiveError(f"{place}: {reason(error)}") from None

    def files(self, table: str) -> tuple[File, ...]:
        """The files of the version of a table that is read."""
        if not self.has(table):
            return ()
        place = self.tables / table
        where = str(place) if isinstance(place, Remote) else str(place.resolve())
        return tuple(File(f"{where}/{name}", rows) for name, rows in listed_in(self.log(table)).items())

    def sites(self) -> tuple[str, ...]:
        """Every site that was asked or imported, in order."""
        telling = (UNITS, *(KNOWN[name] for name in ("meetings", "participants", "attendees")))
        rows = {table.name: self._rows(table) for table in telling if self.has(table.name)}
        if not rows:
            return ()
        if "attendees" in rows:
            # the others have a meeting, if only one derived from them
            rows["attendees"] = rows["attendees"].filter(pl.col("meeting_id").is_null())
        # rows of one site stand together
        named = pl.concat([some.select(pl.col("site_url").rle().struct["value"]) for some in rows.values()])
        return tuple(named.drop_nulls().unique().sort("value").collect().to_series())

    def span(self, sites: Sequence[str] | None = None) -> Window | None:
        """From the first to the last moment that was asked or imported, of all sites unless some are named."""
        if not self.has(UNITS.name):
            return None
        units = self.units()
        if sites is not None:
            units = units.filter(of_sites(sites) | pl.col("site_url").is_null())
        start, end = units.select(pl.col("from_time").min(), pl.col("to_time").max()).collect().row(0)
        return None if start is None or end is None else Window(start, end)

    def state(self) -> State:
        """How far the tables have followed the evidence."""
        return read_state(self.tables)

    def chain(self) -> Chain:
        """The facts of the evidence chain; of a long manifest only what the tables have not followed is read."""
        state = self.state()
        if state.chain.entries and self.evidence.hash_before(state.offset) != state.chain.head:
            return self.evidence.chain()
        return extended(state.chain, self.evidence.entries(offset=state.offset))

    def _rows(self, table: Table) -> pl.LazyFrame:
        if not self.has(table.name):
            return table.schema.to_frame().lazy()
        if not isinstance(self.tables, Remote):
            # the addresses a log gives of its files have %20 for a blank, which no file is called
            return rows_of(table, [file.address for file in self.files(table.name)])
        held = pl.scan_delta(self.log(table.name), storage_options=dict(OPTIONS))
        stored = stored_schema(table)
        # a table written before a column was known shows it as unknown
        missing = sorted(table.schema.keys() - held.collect_schema().keys())
        return held.with_columns(pl.lit(None, stored[name]).alias(name) for name in missing).select(shown(table))


def mark(folder: Path) -> None:
    """The folder says that it is an archive of the present format."""
    write_private(folder / _MARK, json.dumps({"format": FORMAT}).encode() + b"\n")


def _folder(place: Place) -> Path:
    if isinstance(place, Remote):
        raise ArchiveError(f"{place}: an archive on an object store is read only")
    return place


def _begin(folder: Path, made: Sequence[Path]) -> None:
    """Make what an archive has to begin with, where nobody did; `made` are the folders there were none of."""
    if (folder / _MARK).exists():
        return
    if not _is_begun(folder):
        raise ArchiveError(f"{folder} is a folder with other things in it; name a new or an empty one")
    made = [*made, *make_private(folder / EVIDENCE)]
    folder.chmod(0o700)
    half_written(manifest_path(folder)).unlink(missing_ok=True)
    # where folders cannot be locked, somebody who makes it at the same time may have written to it already
    manifest_path(folder).touch(mode=0o600)
    mark(folder)
    for parent in {path.parent for path in made}:
        with suppress(PermissionError):  # one may make folders where one may not look
            sync_folder(parent)


def _is_begun(folder: Path) -> bool:
    """Whether the folder holds nothing but what is left where making an archive was killed or the disk was full."""
    manifest, mark = manifest_path(folder), folder / _MARK
    begun = {folder / EVIDENCE, manifest, half_written(manifest), half_written(mark)}
    return all(path in begun for path in folder.rglob("*")) and not (manifest.exists() and manifest.stat().st_size)


def _check_format(folder: Place) -> None:
    try:
        with naming(folder / _MARK):
            found = json.loads((folder / _MARK).read_bytes())["format"]
    except (FileNotFoundError, NotADirectoryError):
        raise ArchiveError(f"{folder} is no archive; collect or import makes one") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ArchiveError(f"{folder / _MARK} is damaged; it should read {json.dumps({'format': FORMAT})}") from None
    if not isinstance(found, int) or found > FORMAT:
        raise ArchiveError(f"{folder} has format {found}; this version reads up to {FORMAT}: install a newer one")
    if isinstance(folder, Path):
        _check_name(folder)


def _check_name(folder: Path) -> None:
    try:
        str(folder.absolute()).encode()
    except UnicodeEncodeError:
        raise ArchiveError(
            f"{folder}: tables cannot be kept below a folder whose name is no UTF-8; choose another name"
        ) from None
