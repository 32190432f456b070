"""Pages to typed frames: every record becomes a row or a named gap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime, tzinfo

import polars as pl

from auditor.frozen import dataclass
from auditor.model.coverage import Gap
from auditor.model.vocabulary import GapReason
from auditor.model.window import Window
from auditor.tables.convert import Context, Json, Tally
from auditor.tables.exact import Exact, InvalidBody, exact, items_of
from auditor.tables.fast import Fast, fast
from auditor.tables.record import Kind, Raw
from auditor.tables.typed import ORDER, typed

ALWAYS = Window(datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))
"""The window of a gap that has no place in time."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page to decode: its hash, its place in the manifest, its body, and what is known of its request.

    `redacted` says that null items were made null on purpose. Of a page whose `records` were read already the body
    is a function: it is asked for only where they are in doubt.
    """

    sha256: str
    seq: int
    body: bytes | Callable[[], bytes]
    site_url: str | None = None
    window: Window | None = None
    redacted: bool = False
    records: pl.DataFrame | None = None

    @property
    def content(self) -> bytes:
        """The body, fetched when it is not at hand."""
        return self.body if isinstance(self.body, bytes) else self.body()


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read what a page leaves open: the zone of times without an offset, further time formats.

    `prepare` turns an item into the record the API would have sent, for files that have another form.
    """

    zone: tzinfo = UTC
    time_formats: tuple[str, ...] = ()
    prepare: Callable[[Json], Json] | None = None


@dataclass(frozen=True, slots=True)
class Notes:
    """What decoding met without losing anything."""

    surrogates: int = 0
    naive_times: int = 0
    unknown: frozenset[str] = frozenset()
    redacted: int = 0

    def __add__(self, other: Notes) -> Notes:
        return Notes(
            self.surrogates + other.surrogates,
            self.naive_times + other.naive_times,
            self.unknown | other.unknown,
            self.redacted + other.redacted,
        )


@dataclass(frozen=True, slots=True)
class Decoded:
    """Frames by table (its schema and `_seq`), gaps by the index of their page, and notes.

    `counts` has how many items a page holds, by its index; a page that holds no list of items is not among them.
    """

    frames: Mapping[str, pl.DataFrame]
    gaps: Mapping[int, tuple[Gap, ...]] = field(default_factory=dict)
    counts: Mapping[int, int] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)


def decode(pages: Sequence[Page], kind: Kind, *, reading: Reading | None = None) -> Decoded:
    """Every record of the pages as a row of its table, or as a gap that names page and index.

    Rows stand in the order of the pages and their items. Unknown fields are ignored; on pages that obey the
    documented types they are not even looked at.
    """
    reading = reading or Reading()
    quick = _quickly(pages if reading.prepare is None else (), kind)
    raws = [quick.raw]
    gaps: dict[int, tuple[Gap, ...]] = {}
    notes = Notes()
    counts = dict(quick.counts)
    for place in quick.left if reading.prepare is None else range(len(pages)):
        page = _exactly(pages[place], kind, place=place, reading=reading)
        notes += page.notes
        if page.gaps:
            gaps[place] = page.gaps
        if page.raw is None:
            counts.pop(place, None)
        else:
            raws.append(page.raw)
            counts[place] = page.count
    frames = typed(_joined(raws, kind), kind, _lineage(pages))
    return Decoded(frames, gaps, counts, notes)


def _quickly(pages: Sequence[Page], kind: Kind) -> Fast:
    known = {place: page.records for place, page in enumerate(pages) if page.records is not None}
    return fast([b"" if page.records is not None else page.content for page in pages], kind, known)


@dataclass(frozen=True, slots=True)
class _Exactly:
    """What the exact path made of a page: its raw frames, None when it holds no list of items; how many there are."""

    raw: Raw | None
    count: int
    gaps: tuple[Gap, ...]
    notes: Notes


def _exactly(page: Page, kind: Kind, *, place: int, reading: Reading) -> _Exactly:
    context = Context(Tally(), reading.zone, reading.time_formats)
    try:
        items = items_of(page.content, context)
    except InvalidBody as error:
        return _Exactly(None, 0, (_gap(page, kind.table.name, GapReason.INVALID_BODY, str(error)),), Notes())
    if reading.prepare is not None:
        items = [reading.prepare(item) for item in items]
    read = exact(items, kind, place=place, context=context)
    tally = context.tally
    redacted = len(read.nulls) if page.redacted else 0
    notes = Notes(tally.surrogates, tally.naive_times, frozenset(tally.unknown), redacted)
    return _Exactly(read.raw, len(items), tuple(_gaps(page, kind, read)), notes)


def _gaps(page: Page, kind: Kind, read: Exact) -> Iterable[Gap]:
    tables = {None: kind.table.name} | {child.name: child.table.name for child in kind.children}
    for refused in read.refused:
        detail = f"item {refused.item}: {refused.why}"
        yield _gap(page, tables[refused.within], GapReason.UNDECODABLE_RECORD, detail)
    if not page.redacted:
        for index in read.nulls:
            yield _gap(page, kind.table.name, GapReason.UNDECODABLE_RECORD, f"item {index}: null")


def _gap(page: Page, table: str, reason: GapReason, detail: str) -> Gap:
    return Gap(table, page.site_url or "", page.window or ALWAYS, reason, f"page sha256:{page.sha256}, {detail}")


def _lineage(pages: Sequence[Page]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "page": [page.sha256 for page in pages],
            ORDER: [page.seq for page in pages],
            "asked_site": [page.site_url for page in pages],
        },
        schema={"page": pl.String, ORDER: pl.Int64, "asked_site": pl.String},
    )


def _joined(raws: Sequence[Raw], kind: Kind) -> Raw:
    """All raw frames as one, in the order of pages and items."""
    if len(raws) == 1:
        return raws[0]
    records = [kind.raw.to_frame(), *(raw.records for raw in raws)]
    return Raw(
        pl.concat(records).sort("place", "item"),
        {
            child.name: pl.concat([child.raw.to_frame(), *(raw.elements[child.name] for raw in raws)]).sort(
                "place", "item", maintain_order=True
            )
            for child in kind.children
        },
    )
