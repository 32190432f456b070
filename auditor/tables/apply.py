"""One batch of finished units, put into the tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby

import polars as pl

from auditor.entities.columns import where_true
from auditor.evidence.entry import UnitEntry
from auditor.evidence.reader import Evidence
from auditor.frozen import dataclass
from auditor.model.coverage import Gap
from auditor.model.vocabulary import GapReason
from auditor.tables.archive import Archive
from auditor.tables.at_hand import AtHand
from auditor.tables.decode import Decoded, Notes, Page, Reading, decode
from auditor.tables.draft import Draft
from auditor.tables.files import CLUSTER, DERIVED, clustered, frame_schema
from auditor.tables.reading import reading_of
from auditor.tables.record import Kind
from auditor.tables.schema import ATTENDEES, COLLECTIONS, MEETINGS, TABLES
from auditor.tables.store import Store
from auditor.tables.typed import ORDER
from auditor.tables.units import UNITS, collection_rows, unit_rows

_BYTES_AT_ONCE = 1 << 24
_BYTES_A_ROW = 500
_ROWS_AT_ONCE = 50_000
_COMMITTED = (*(table for table in TABLES.values() if table is not COLLECTIONS), UNITS, COLLECTIONS)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a batch brought: rows decoded, rows that repeated a key, gaps of decoding, notes."""

    rows: int
    duplicates: int
    gaps: tuple[Gap, ...]
    notes: Notes


@dataclass(frozen=True, slots=True)
class Part:
    """Some pages decoded together; `units` has the `seq` of the unit each page belongs to."""

    kind: Kind
    decoded: Decoded
    units: Sequence[int]


@dataclass(frozen=True, slots=True)
class Ahead:
    """All pages of some units, known by their `seq`, decoded while they were at hand; parts of one kind in order."""

    units: frozenset[int]
    parts: Sequence[Part]


def apply(
    archive: Archive, units: Sequence[UnitEntry], *, ahead: Ahead | None = None, at_hand: AtHand | None = None
) -> Applied:
    """The units' rows are in the tables, each table changed in one commit, `collections` last.

    What was decoded `ahead` is taken as it is when it is just these units; pages `at_hand` are not read again.
    """
    if not units:
        return Applied(0, 0, (), Notes())
    batch = _Batch(archive.store)
    gaps: dict[int, tuple[Gap, ...]] = {}
    known = {entry.link.seq: entry for entry in units}
    if ahead is not None and ahead.units == known.keys():
        for kind, parts in groupby(ahead.parts, key=lambda part: part.kind):
            batch.put_all(kind, _noted(parts, known, gaps))
    else:
        for (kind, reading), mine in _by_kind(units):
            batch.put_all(
                kind, _noted(_decoded(_pages(archive.evidence, mine, kind, at_hand), kind, reading), known, gaps)
            )
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

    def put_all(self, kind: Kind, parts: Iterable[Decoded]) -> None:
        """The frames of all parts are in their drafts, many rows together, but never so many that memory would tell.

        A part may end inside a meeting: the rows of its last meeting wait for the next part, so that the file
        just written need not be written again for them.
        """
        waiting: list[Mapping[str, pl.DataFrame]] = []
        derived: list[pl.DataFrame] = []
        rows = 0
        for part in parts:
            self.notes += part.notes
            own = clustered(part.frames[kind.table.name], kind.table)
            waiting.append({**part.frames, kind.table.name: own})
            rows += own.height
            if rows >= _ROWS_AT_ONCE:
                last, whole = _without_last(kind, waiting)
                derived.append(self._put(kind, whole))
                waiting, rows = [last], last[kind.table.name].height
        if rows:
            derived.append(self._put(kind, _together(kind, waiting)))
        if kind.table is ATTENDEES and derived:
            told = pl.concat(derived).unique(["site_url", "meeting_id"], keep="last", maintain_order=True)
            self.draft(MEETINGS.name).upsert(told)

    def commit(self, applied: int) -> None:
        """Every table that changed has its new rows."""
        for table in _COMMITTED:
            if table.name in self._drafts:
                self._drafts[table.name].commit(applied)

    def _put(self, kind: Kind, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The frames are in their drafts; what comes back are the meetings that only attendees tell of."""
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
        return derived_meetings(current) if kind.table is ATTENDEES else frame_schema(MEETINGS).to_frame()


def derived_meetings(attendees: pl.DataFrame) -> pl.DataFrame:
    """A meeting for each id among the rows, told by its earliest row; every column it cannot tell is null."""
    rows = clustered(attendees, ATTENDEES)
    first = rows.select(pl.col("joined_time").min().over(CLUSTER)).to_series()
    earliest = (
        rows.select("site_url", "meeting_id", "meeting_number", "joined_time", "page", "item", ORDER, "meeting_title")
        .filter(rows["meeting_id"].is_not_null() & (first.is_null() | (rows["joined_time"] == first).fill_null(False)))
        .sort("joined_time", "page", "item", nulls_last=True)
        .unique(subset=["site_url", "meeting_id"], keep="first", maintain_order=True)
        .rename({"meeting_title": "title"})
        .with_columns(pl.lit(True).alias(DERIVED))
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


def _decoded(pages: Iterable[tuple[int, Page, int]], kind: Kind, reading: Reading) -> Iterator[Part]:
    """The pages of units, which come with the unit's `seq` and their size, decoded some megabytes at a time."""
    part: list[Page] = []
    units: list[int] = []
    total = 0
    for unit, page, size in pages:
        part.append(page)
        units.append(unit)
        total += size
        if total >= _BYTES_AT_ONCE:
            yield Part(kind, decode(part, kind, reading=reading), units)
            part, units, total = [], [], 0
    if part:
        yield Part(kind, decode(part, kind, reading=reading), units)


def _pages(
    evidence: Evidence, units: Sequence[UnitEntry], kind: Kind, at_hand: AtHand | None
) -> Iterator[tuple[int, Page, int]]:
    for entry in units:
        unit = entry.unit
        for seq, sha256 in zip(unit.pages, entry.hashes, strict=True):
            records = None if at_hand is None else at_hand.take(sha256, kind.name)
            body = evidence.page(sha256) if records is None else partial(evidence.page, sha256)
            size = len(body) if isinstance(body, bytes) else _BYTES_A_ROW * (0 if records is None else records.height)
            yield entry.link.seq, Page(sha256, seq, body, unit.site_url, unit.window, entry.redacted, records), size


def _noted(
    parts: Iterable[Part], units: Mapping[int, UnitEntry], gaps: dict[int, tuple[Gap, ...]]
) -> Iterator[Decoded]:
    """What the parts hold; the gaps that decoding found are added to `gaps` by the `seq` of their unit."""
    for part in parts:
        for place, found in part.decoded.gaps.items():
            entry = units[part.units[place]]
            known = any(gap.reason is GapReason.INVALID_BODY for gap in entry.unit.gaps)
            new = [gap for gap in found if not (known and gap.reason is GapReason.INVALID_BODY)]
            if new:
                gaps[entry.link.seq] = (*gaps.get(entry.link.seq, ()), *new)
        yield part.decoded


def _together(kind: Kind, parts: Sequence[Mapping[str, pl.DataFrame]]) -> Mapping[str, pl.DataFrame]:
    """The frames of several parts as one."""
    tables = [kind.table, *(child.table for child in kind.children)]
    return {table.name: pl.concat([part[table.name] for part in parts]) for table in tables}


def _without_last(
    kind: Kind, parts: Sequence[Mapping[str, pl.DataFrame]]
) -> tuple[Mapping[str, pl.DataFrame], Mapping[str, pl.DataFrame]]:
    """The rows of the cluster of the last record, and those of all others."""
    frames = _together(kind, parts)
    numbers = {name: clustered(frame, kind.table)[CLUSTER] for name, frame in frames.items()}
    last = numbers[kind.table.name][-1]
    inside = {name: number == last for name, number in numbers.items()}
    return (
        {name: frame.filter(inside[name]) for name, frame in frames.items()},
        {name: _outside(frame, inside[name]) for name, frame in frames.items()},
    )


def _outside(frame: pl.DataFrame, mask: pl.Series) -> pl.DataFrame:
    """The rows that the mask leaves out; where they stand in front of all others nothing is copied."""
    most = mask.len() - len(where_true(mask))
    return frame.head(most) if mask[most:].all() else frame.filter(~mask)
