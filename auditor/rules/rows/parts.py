"""Tables in parts of whole meetings, in whatever order their rows lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import polars as pl

from auditor.frozen import dataclass

MEETING = "meeting_id"
"""The column whose equal values stay in one part."""

Pieces: TypeAlias = Mapping[str, Sequence[pl.LazyFrame]]
"""Tables as the files they lie in."""

_MARK, _PART, _PIECE = "__mark", "__part", "__piece"
_SEED = 11


@dataclass(frozen=True, slots=True)
class _Piece:
    """A file of a table: how many rows it has, and the marks of their meetings."""

    table: str
    frame: pl.LazyFrame
    rows: int
    marks: pl.Series

    @classmethod
    def of(cls, table: str, frame: pl.LazyFrame) -> _Piece:
        """The piece with its meetings read."""
        marks = frame.select(_mark()).collect(engine="in-memory").to_series()
        # the rows of a meeting mostly stand together
        return cls(table, frame, marks.len(), marks.filter(marks.ne_missing(marks.shift(1))).unique())


@dataclass(frozen=True, slots=True)
class _Read:
    """What a part takes of a piece: the meetings by their marks, or everything."""

    frame: pl.LazyFrame
    marks: pl.Series | None


def height(pieces: Sequence[pl.LazyFrame]) -> int:
    """How many rows the pieces have."""
    lengths = pl.collect_all([piece.select(pl.len()) for piece in pieces])
    return sum(int(length.item()) for length in lengths)


def parts(pieces: Pieces, *, rows: int) -> Iterator[dict[str, pl.LazyFrame]]:
    """The tables in parts, each with all rows of its meetings, about `rows` of the largest table.

    Every table has the column `MEETING`; rows without a meeting stay together. Pieces that lie in the order of
    time are read once, or twice at the edge of a part; any other order only takes more reading.
    """
    reads = _reads(pieces, rows=rows)
    for part in sorted(reads):
        yield {table: _frame(reads[part].get(table, ()), frames[0]) for table, frames in pieces.items()}


def _mark() -> pl.Expr:
    """A number a meeting; two meetings may share one, which only brings them together."""
    return pl.col(MEETING).hash(_SEED).alias(_MARK)


def _assigned(pieces: Sequence[_Piece], *, rows: int) -> pl.DataFrame:
    """Which part each meeting of the leading table belongs to: neighbours by time, large pieces cut by meeting."""
    firsts = [piece.frame.select(_earliest(piece.frame)).collect().item() for piece in pieces]
    in_time = sorted(range(len(pieces)), key=lambda place: (firsts[place] is None, firsts[place] or 0, place))
    whole = sum(piece.rows for piece in pieces)
    even = whole / max(1, -(-whole // rows))
    found, part, filled = [pl.DataFrame(schema={_MARK: pl.UInt64, _PART: pl.Int64})], 0, 0
    for place in in_time:
        piece = pieces[place]
        if filled and filled + piece.rows / 2 > even:
            part, filled = part + 1, 0
        cuts = max(1, -(-piece.rows // (2 * rows)))
        own = (part + pl.col(_MARK) % cuts).cast(pl.Int64)
        found.append(piece.marks.to_frame().with_columns(own.alias(_PART)))
        part, filled = part + cuts - 1, filled + piece.rows // cuts
    return pl.concat(found).group_by(_MARK).agg(pl.col(_PART).min())


def _earliest(piece: pl.LazyFrame) -> pl.Expr:
    times = [name for name in ("joined_time", "start_time", "created") if name in piece.collect_schema()]
    return pl.col(times[0]).min().dt.epoch("us") if times else pl.lit(None, dtype=pl.Int64)


def _placed(pieces: Sequence[_Piece], assigned: pl.DataFrame) -> pl.DataFrame:
    """The part of every meeting of every piece, all at once, so that the work grows with the meetings alone.

    Meetings only other tables know go where most of their piece goes.
    """
    marks = [
        piece.marks.to_frame().with_columns(pl.lit(place, dtype=pl.UInt32).alias(_PIECE))
        for place, piece in enumerate(pieces)
    ]
    placed = pl.concat(marks).join(assigned, on=_MARK, how="left")
    lost = placed.filter(pl.col(_PART).is_null()).drop(_PART)
    if lost.is_empty():
        return placed
    usual = placed.drop_nulls().group_by(_PIECE).agg(pl.col(_PART).mode().min())
    found = lost.join(usual, on=_PIECE, how="left").group_by(_MARK).agg(pl.col(_PART).min().fill_null(0))
    return pl.concat([placed.drop_nulls(), lost.join(found, on=_MARK, how="left")])


def _reads(pieces: Pieces, *, rows: int) -> Mapping[int, Mapping[str, list[_Read]]]:
    """What each part reads of each table."""
    found = [_Piece.of(table, frame) for table, frames in pieces.items() for frame in frames]
    sizes = {table: sum(piece.rows for piece in found if piece.table == table) for table in pieces}
    leading = max(sizes, key=lambda table: sizes[table])
    held = [piece for piece in found if piece.rows]
    placed = _placed(held, _assigned([piece for piece in held if piece.table == leading], rows=rows))
    shares = placed.group_by(_PIECE, _PART).agg(_MARK).sort(_PIECE, _PART)
    split = set(shares.filter(pl.col(_PIECE).is_duplicated())[_PIECE])
    reads: dict[int, dict[str, list[_Read]]] = {}
    for place, part, marks in zip(shares[_PIECE], shares[_PART], shares[_MARK], strict=True):
        piece = held[place]
        read = _Read(piece.frame, marks if place in split else None)
        reads.setdefault(part, {}).setdefault(piece.table, []).append(read)
    return reads


def _frame(reads: Sequence[_Read], empty: pl.LazyFrame) -> pl.LazyFrame:
    if not reads:
        return empty.head(0)
    return pl.concat(
        read.frame if read.marks is None else read.frame.filter(_mark().is_in(read.marks.implode())) for read in reads
    )
