"""Tables in parts of whole meetings, in whatever order their rows lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

MEETING = "meeting_id"
"""The column whose equal values stay in one part."""

Pieces: TypeAlias = Mapping[str, Sequence[pl.LazyFrame]]
"""Tables as the files they lie in."""

_MARK, _PART = "__mark", "__part"
_SEED = 11


@dataclass(frozen=True, slots=True)
class _Read:
    """What a part takes of a piece: the meetings by their marks, or everything."""

    frame: pl.LazyFrame
    marks: pl.DataFrame | None


def height(pieces: Sequence[pl.LazyFrame]) -> int:
    """How many rows the pieces have."""
    lengths = pl.collect_all([piece.select(pl.len()) for piece in pieces])
    return sum(int(length.item()) for length in lengths)


def parts(pieces: Pieces, *, rows: int) -> Iterator[dict[str, pl.LazyFrame]]:
    """The tables in parts, each with all rows of its meetings, about `rows` of the largest table.

    Every table has the column `MEETING`; rows without a meeting stay together. Pieces that lie in the order of
    time are read once, or twice at the edge of a part; any other order only takes more reading.
    """
    sizes = {table: [height([piece]) for piece in found] for table, found in pieces.items()}
    pieces = {table: _held(found, sizes[table]) for table, found in pieces.items()}
    sizes = {table: [size for size in found if size] or found[:1] for table, found in sizes.items()}
    leading = max(sizes, key=lambda table: sum(sizes[table]))
    marks = {table: [_marks(piece) for piece in found] for table, found in pieces.items()}
    assigned = _assigned(pieces[leading], sizes[leading], marks[leading], rows=rows)
    for table in pieces:
        assigned = _completed(assigned, marks[table])
    reads: dict[int, dict[str, list[_Read]]] = {}
    for table, found in pieces.items():
        for piece, held in zip(found, marks[table], strict=True):
            by_part = held.join(assigned, on=_MARK, how="inner").partition_by(_PART, as_dict=True, include_key=False)
            for (part,), chosen in by_part.items():
                whole = len(by_part) == 1
                reads.setdefault(int(part), {}).setdefault(table, []).append(_Read(piece, None if whole else chosen))
    for part in sorted(reads):
        yield {table: _frame(reads[part].get(table, ()), pieces[table][0]) for table in pieces}


def _held(pieces: Sequence[pl.LazyFrame], sizes: Sequence[int]) -> Sequence[pl.LazyFrame]:
    """The pieces with rows; one without, where none has any."""
    return [piece for piece, size in zip(pieces, sizes, strict=True) if size] or pieces[:1]


def _mark() -> pl.Expr:
    """A number a meeting; two meetings may share one, which only brings them together."""
    return pl.col(MEETING).hash(_SEED).alias(_MARK)


def _marks(piece: pl.LazyFrame) -> pl.DataFrame:
    return piece.select(_mark()).collect().unique()


def _assigned(
    pieces: Sequence[pl.LazyFrame], sizes: Sequence[int], marks: Sequence[pl.DataFrame], *, rows: int
) -> pl.DataFrame:
    """Which part each meeting of the leading table belongs to: neighbours by time, large pieces cut by meeting."""
    firsts = [piece.select(_earliest(piece)).collect().item() for piece in pieces]
    in_time = sorted(range(len(pieces)), key=lambda place: (firsts[place] is None, firsts[place] or 0, place))
    found, part, filled = [], 0, 0
    for place in in_time:
        size = sizes[place]
        if filled and filled + size > rows:
            part, filled = part + 1, 0
        cuts = max(1, -(-size // (2 * rows)))
        found.append(marks[place].with_columns((part + pl.col(_MARK) % cuts).cast(pl.Int64).alias(_PART)))
        part, filled = part + cuts - 1, filled + size // cuts
    return pl.concat(found).group_by(_MARK).agg(pl.col(_PART).min())


def _earliest(piece: pl.LazyFrame) -> pl.Expr:
    times = [name for name in ("joined_time", "start_time", "created") if name in piece.collect_schema()]
    return pl.col(times[0]).min().dt.epoch("us") if times else pl.lit(None, dtype=pl.Int64)


def _completed(assigned: pl.DataFrame, marks: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The assignment with the meetings only this table knows, which go where most of their piece goes."""
    found = [assigned]
    for held in marks:
        known = held.join(assigned, on=_MARK, how="inner")[_PART]
        lost = held.join(assigned, on=_MARK, how="anti")
        if lost.height:
            usual = known.mode().min() if known.len() else 0
            found.append(lost.with_columns(pl.lit(usual, dtype=pl.Int64).alias(_PART)))
    return pl.concat(found).group_by(_MARK).agg(pl.col(_PART).min())


def _frame(reads: Sequence[_Read], empty: pl.LazyFrame) -> pl.LazyFrame:
    if not reads:
        return empty.head(0)
    frames = [
        read.frame
        if read.marks is None
        else read.frame.with_columns(_mark()).join(read.marks.lazy(), on=_MARK, how="semi").drop(_MARK)
        for read in reads
    ]
    return pl.concat(frames)
