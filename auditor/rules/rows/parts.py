"""Tables in parts of whole meetings, in whatever order their rows lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import polars as pl

from auditor.entities.columns import INDEX, alongside, fitted, picked, rows_at, runs_of
from auditor.frozen import dataclass

MEETING = "meeting_id"
"""The column whose equal values stay in one part."""

Pieces: TypeAlias = Mapping[str, Sequence[pl.LazyFrame]]
"""Tables as the files they lie in."""

_MARK, _PART, _CUTS, _PIECE = "__mark", "__part", "__cuts", "__piece"
_SEED = 11


@dataclass(frozen=True, slots=True)
class _Piece:
    """A file of a table: how many rows it has, and the marks of their meetings, few of them twice."""

    table: str
    frame: pl.LazyFrame
    rows: int
    marks: pl.Series


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


def _found(pieces: Pieces) -> list[_Piece]:
    """The files with their meetings read, all at once, which saves a quarter of the time."""
    named = [(table, frame) for table, frames in pieces.items() for frame in frames]
    read = pl.collect_all([frame.select(_mark().rle()) for _, frame in named])
    return [_piece(*own, rows.to_series()) for own, rows in zip(named, read, strict=True)]


def _piece(table: str, frame: pl.LazyFrame, runs: pl.Series) -> _Piece:
    rows, marks = int(runs.struct.field("len").sum()), runs.struct.field("value").alias(_MARK)
    # the rows of a meeting mostly stand together
    return _Piece(table, frame, rows, marks if 2 * marks.len() < rows else marks.unique())


def _in_time(pieces: Sequence[_Piece]) -> list[_Piece]:
    """The pieces in order of time."""
    firsts = [rows.item() for rows in pl.collect_all([piece.frame.select(_earliest(piece.frame)) for piece in pieces])]
    order = sorted(range(len(pieces)), key=lambda place: (firsts[place] is None, firsts[place] or 0, place))
    return [pieces[place] for place in order]


def _earliest(piece: pl.LazyFrame) -> pl.Expr:
    times = [name for name in ("joined_time", "start_time", "created") if name in piece.collect_schema()]
    return pl.col(times[0]).min().dt.epoch("us") if times else pl.lit(None, dtype=pl.Int64)


def _shares(pieces: Sequence[_Piece], *, rows: int) -> list[tuple[int, int]]:
    """The first part each piece of the leading table belongs to, and over how many its meetings are spread.

    Neighbours by time come together, large pieces are cut by meeting.
    """
    whole = sum(piece.rows for piece in pieces)
    even = whole / max(1, -(-whole // rows))
    found, part, filled = list[tuple[int, int]](), 0, 0
    for piece in pieces:
        if filled and filled + piece.rows / 2 > even:
            part, filled = part + 1, 0
        cuts = max(1, -(-piece.rows // (2 * rows)))
        found.append((part, cuts))
        part, filled = part + cuts - 1, filled + piece.rows // cuts
    return found


def _placed(pieces: Sequence[_Piece], shares: Sequence[tuple[int, int]]) -> pl.DataFrame:
    """The part of every meeting of every piece, all at once, so that the work grows with the meetings alone.

    The pieces of the leading table come first, in order of time, and the first that has a meeting tells its part.
    Meetings only other tables know go where most of their piece goes.
    """
    size = len(pieces)
    # a number tells the mark, but for its last digits, and the piece: those of a meeting are neighbours once sorted
    numbers = pl.concat([piece.marks // size * size + place for place, piece in enumerate(pieces)]).sort()
    marks, own = numbers // size, fitted(numbers % size, INDEX)
    starts, runs = runs_of(marks)
    by_piece = pl.DataFrame([*shares, *[(None, 1)] * (size - len(shares))], schema=[_PART, _CUTS], orient="row")
    told = alongside(rows_at(by_piece, picked(own, starts)), picked(marks, starts))
    parts = told.select(pl.col(_PART) + (pl.col(_MARK) % pl.col(_CUTS)).cast(pl.Int64)).to_series()
    placed = pl.DataFrame([marks.alias(_MARK), own.alias(_PIECE), picked(parts, runs).alias(_PART)])
    if not parts.null_count():
        return placed
    known, lost = placed.drop_nulls(), placed.filter(pl.col(_PART).is_null()).drop(_PART)
    usual = known.group_by(_PIECE).agg(pl.col(_PART).mode().min())
    found = lost.join(usual, on=_PIECE, how="left").group_by(_MARK).agg(pl.col(_PART).min().fill_null(0))
    return pl.concat([known, lost.join(found, on=_MARK, how="left")])


def _reads(pieces: Pieces, *, rows: int) -> Mapping[int, Mapping[str, list[_Read]]]:
    """What each part reads of each table."""
    found = _found(pieces)
    sizes = {table: sum(piece.rows for piece in found if piece.table == table) for table in pieces}
    leading = max(sizes, key=lambda table: sizes[table])
    held = [piece for piece in found if piece.rows]
    first = _in_time([piece for piece in held if piece.table == leading])
    turns = [*first, *(piece for piece in held if piece.table != leading)]
    placed = _placed(turns, _shares(first, rows=rows))
    shares = placed.group_by(_PIECE, _PART).len()
    torn = placed.join(shares.filter(pl.col(_PIECE).is_duplicated()), on=_PIECE, how="semi")
    shares = shares.join(torn.group_by(_PIECE, _PART).agg(_MARK), on=[_PIECE, _PART], how="left")
    own: dict[int, list[tuple[int, pl.Series | None]]] = {}
    for place, part, marks in zip(shares[_PIECE], shares[_PART], shares[_MARK], strict=True):
        own.setdefault(id(turns[place]), []).append((part, marks))
    reads: dict[int, dict[str, list[_Read]]] = {}
    for piece in held:
        for part, marks in own[id(piece)]:
            whole = None if marks is None else piece.marks.filter((piece.marks // len(turns)).is_in(marks.implode()))
            reads.setdefault(part, {}).setdefault(piece.table, []).append(_Read(piece.frame, whole))
    return reads


def _frame(reads: Sequence[_Read], empty: pl.LazyFrame) -> pl.LazyFrame:
    if not reads:
        return empty.head(0)
    return pl.concat(
        read.frame if read.marks is None else read.frame.filter(_mark().is_in(read.marks.implode())) for read in reads
    )
