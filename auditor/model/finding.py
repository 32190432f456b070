"""One rule's verdict on one subject, with the records it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias, overload

from auditor.frozen import dataclass
from auditor.model.vocabulary import Confidence, Severity, State

Value: TypeAlias = bool | int | float | str | list[str] | None
"""A value as JSON and fingerprints write it: date-times as ISO text with six decimals and `Z`,
durations as whole microseconds with the unit, `120000000us`."""

_AT_ONCE = 1 << 16


class Record(NamedTuple):
    """Where a raw record lies: SHA-256 of its decompressed page in 64 hex digits, index in `items`.

    There may be millions of them: a tuple is made in a third of the time.
    """

    page: str
    item: int


Run: TypeAlias = tuple[str, Sequence[int]]
"""A page and the indices of records of it, in their order."""


class Records(Sequence[Record]):
    """Very many records, told a piece at a time by `read` from one place to another: pages with items of theirs.

    A finding may rest on every record of an archive; as objects ten million would take more than a gigabyte.
    """

    __slots__ = ("_count", "_read")

    def __init__(self, count: int, read: Callable[[int, int], Iterable[Run]]) -> None:
        self._count = count
        self._read = read

    @overload
    def __getitem__(self, place: int) -> Record: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Record, ...]: ...

    def __getitem__(self, place: int | slice) -> Record | tuple[Record, ...]:
        if isinstance(place, slice):
            start, stop, step = place.indices(self._count)
            if step != 1:
                return tuple(self[each] for each in range(start, stop, step))
            return tuple(self._told(start, stop)) if start < stop else ()
        at = range(self._count)[place]
        (record,) = self._told(at, at + 1)
        return record

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Record]:
        return (Record(page, item) for page, items in self.runs() for item in items)

    def runs(self) -> Iterator[Run]:
        """The same, those that stand together and are of one page at once."""
        for start in range(0, self._count, _AT_ONCE):
            yield from self._read(start, min(start + _AT_ONCE, self._count))

    def _told(self, start: int, stop: int) -> Iterator[Record]:
        return (Record(page, item) for page, items in self._read(start, stop) for item in items)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sequence)
            and len(other) == self._count
            and all(one == each for one, each in zip(self, other, strict=True))
        )

    __hash__ = None  # type: ignore[assignment] # a sequence is compared, not looked up

    def __repr__(self) -> str:
        return f"<{self._count:,} records>"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's verdict on one subject; rows that share a fingerprint are one finding."""

    fingerprint: str
    rule_id: str
    severity: Severity
    confidence: Confidence
    subject: str
    message: str
    observed_at: datetime
    occurrences: int
    state: State | None
    waiver: str | None
    evidence: Mapping[str, Value]
    records: Sequence[Record]

    def __post_init__(self) -> None:
        if not self.records:
            raise ValueError(f"{self.rule_id}: a finding needs a record")

    @property
    def order(self) -> tuple[int, str, str, str]:
        """The order of findings everywhere: severity, rule, subject, fingerprint."""
        return (self.severity.rank, self.rule_id, self.subject, self.fingerprint)
