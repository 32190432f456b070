"""Machines that are none: pieces and buckets one after the other, parcels in the least helpful order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from auditor.engines.parcels import Parcel
from auditor.engines.work import Piece, Work, judged, sent


@dataclass
class Inline:
    """Does the two steps here; `work` and `pieces` are what it was asked last, `parcels_sent` how many went between."""

    workers: int = 3
    work: Work | None = None
    pieces: Sequence[Piece] = ()
    parcels_sent: int = 0
    kept: dict[int, list[Parcel]] = field(default_factory=dict)

    def parcels(self, work: Work, pieces: Sequence[Piece]) -> Iterable[Parcel]:
        self.work, self.pieces, self.kept = work, pieces, {}
        for piece in reversed(pieces):
            for parcel in sent(work, piece):
                self.kept.setdefault(parcel.bucket, []).append(parcel)
                self.parcels_sent += 1
        for bucket, parcels in sorted(self.kept.items(), reverse=True):
            yield from judged(work, bucket, reversed(parcels))
