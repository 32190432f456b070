"""One batch of finished units, put into the tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from auditor.evidence.entry import UnitEntry
from auditor.evidence.reader import Evidence
from auditor.model.coverage import Gap
from auditor.model.vocabulary import GapReason
from auditor.tables.archive import Archive
from auditor.tables.decode import Decoded, Notes, Page, Reading, decode
from auditor.tables.draft import Draft
from auditor.tables.files import DERIVED, cluster_columns, frame_schema
from auditor.tables.reading import reading_of
from auditor.tables.record import Kind
from auditor.tables.schema import ATTENDEES, COLLECTIONS, MEETINGS, TABLES
from auditor.tables.store import Store
from auditor.tables.typed import ORDER
from auditor.tables.units import UNITS, collection_rows, unit_rows

_BYTES_AT_ONCE = 3 << 23
_COMMITTED = (*(table for table in TABLES.values() if table is not COLLECTIONS), UNITS, COLLECTIONS)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a batch brought: rows decoded, rows that repeated a key, gaps of decoding, notes."""

    rows: int
    duplicates: int
    gaps: tuple[Gap, ...]
    notes: Notes


def apply(archive: Archive, units: Sequence[UnitEntry]) -> Applied:
    """The units' rows are in the tables, each table changed in one commit, `collections` last."""
    if not units:
        return Applied(0, 0, (), Notes())
    batch = _Batch(archive.store)
    gaps: dict[int, tuple[Gap, ...]] = {}
    for (kind, reading), mine in _by_kind(units):
        batch.put_all(kind, _decoded(archive.evidence, mine, kind, reading=reading, gaps=gaps))
    batch.draft(UNITS.name).upsert(unit_rows(units, gaps))
    batch.draft(COLLECTIONS.name).upsert(collection_rows(units, gaps))
    batch.commit(units[-1].link.seq)
    return Applied(batch.rows, batch.duplicates, tuple(gap for found in gaps.values() for gap in found), batch.notes)


class _Batch:
    """The drafts of one batch, and what was counted on the way."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._drafts: dict[str, Draft] = {}
        self.rows = 0
        self.duplicates = 0
        self.notes = Notes()

    def draft(self, name: str) -> Draft:
        """The draft of a table, begun when it is first asked for."""
        if name not in self._drafts:
            self._drafts[name] = Draft(self._store, UNITS if name == UNITS.name else TABLES[name])
        return self._drafts[name]

    def put_all(self, kind: Kind, parts: Iterator[Decoded]) -> None:
        """The frames of all parts are in their drafts.

        A part may end inside a meeting: the rows of its last meeting wait for the next part, so that the file
        just written need not be written again for them.
        """
        waiting: dict[str, pl.DataFrame] = {}
        for part in parts:
            self.notes += part.notes
            frames = {
                name: pl.concat([waiting[name], frame]) if waiting else frame for name, frame in part.frames.items()
            }
            last = frames[kind.table.name].tail(1)
            on = [*cluster_columns(kind.table)]
            waiting = {name: _where(frame, last, on, how="semi") for name, frame in frames.items()}
            self._put(kind, {name: _where(frame, last, on, how="anti") for name, frame in frames.items()})
        if waiting:
            self._put(kind, waiting)

    def commit(self, applied: int) -> None:
        """Every table that changed has its new rows."""
        for table in _COMMITTED:
            if table.name in self._drafts:
                self._drafts[table.name].commit(applied)

    def _put(self, kind: Kind, frames: dict[str, pl.DataFrame]) -> None:
        own = frames[kind.table.name]
        self.rows += own.height
        if kind.table is MEETINGS:
            own = own.with_columns(pl.lit(False).alias(DERIVED))
        draft = self.draft(kind.table.name)
        before = draft.duplicates
        current = draft.upsert(own)
        self.duplicates += draft.duplicates - before
        for child in kind.children:
            self.draft(child.table.name).upsert(frames[child.table.name], parents=current)
        if kind.table is ATTENDEES:
            self.draft(MEETINGS.name).upsert(derived_meetings(current))


def derived_meetings(attendees: pl.DataFrame) -> pl.DataFrame:
    """A meeting for each id among the rows, told by its earliest row; every column it cannot tell is null."""
    earliest = (
        attendees.lazy()
        .filter(pl.col("meeting_id").is_not_null())
        .select(
            "site_url",
            "meeting_id",
            "meeting_number",
            "joined_time",
            "page",
            "item",
            ORDER,
            pl.col("meeting_title").alias("title"),
            pl.lit(True).alias(DERIVED),
        )
        .sort("joined_time", "page", "item", nulls_last=True)
        .unique(subset=["site_url", "meeting_id"], keep="first", maintain_order=True)
        .collect()
    )
    schema = frame_schema(MEETINGS)
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in earliest.columns]
    return earliest.with_columns(absent).select(*schema)


def _by_kind(units: Sequence[UnitEntry]) -> list[tuple[tuple[Kind, Reading], list[UnitEntry]]]:
    """Units whose pages are read alike, together; those that hold no records are left out."""
    groups: dict[str, tuple[tuple[Kind, Reading], list[UnitEntry]]] = {}
    for entry in units:
        how = reading_of(entry.unit.endpoint, entry.unit.options)
        if how is not None:
            name = f"{entry.unit.endpoint} {sorted(entry.unit.options.items())}"
            groups.setdefault(name, (how, []))[1].append(entry)
    return list(groups.values())


def _decoded(
    evidence: Evidence, units: Sequence[UnitEntry], kind: Kind, *, reading: Reading, gaps: dict[int, tuple[Gap, ...]]
) -> Iterator[Decoded]:
    """The units' pages, decoded some megabytes at a time; gaps found are added by the `seq` of their unit."""
    for part in _parts(evidence, units):
        decoded = decode([page for _, page in part], kind, reading=reading)
        for place, found in decoded.gaps.items():
            entry = part[place][0]
            known = any(gap.reason is GapReason.INVALID_BODY for gap in entry.unit.gaps)
            new = [gap for gap in found if not (known and gap.reason is GapReason.INVALID_BODY)]
            if new:
                gaps[entry.link.seq] = (*gaps.get(entry.link.seq, ()), *new)
        yield replace(decoded, gaps={})


def _parts(evidence: Evidence, units: Sequence[UnitEntry]) -> Iterator[list[tuple[UnitEntry, Page]]]:
    part: list[tuple[UnitEntry, Page]] = []
    size = 0
    for entry in units:
        for seq, sha256 in zip(entry.unit.pages, entry.hashes, strict=True):
            body = evidence.page(sha256)
            page = Page(sha256, seq, body, entry.unit.site_url, entry.unit.window, entry.redacted)
            part.append((entry, page))
            size += len(body)
            if size >= _BYTES_AT_ONCE:
                yield part
                part, size = [], 0
    if part:
        yield part


def _where(frame: pl.DataFrame, last: pl.DataFrame, on: Sequence[str], *, how: str) -> pl.DataFrame:
    """The rows of the cluster of `last` (`semi`), or those of all others (`anti`)."""
    if how == "semi":
        return frame.join(last, on=on, how="semi", nulls_equal=True)
    return frame.join(last, on=on, how="anti", nulls_equal=True)
