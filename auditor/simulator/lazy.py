"""A regular site of any size in little memory: its attendee rows are made when their page is asked for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import overload

from auditor.simulator.regular import Regular
from auditor.simulator.site import Asked, Row, Site
from auditor.simulator.times import moment


class LazySite(Site):
    """The attendee rows and usage records of a `Regular`; it has no participants."""

    def __init__(self, regular: Regular) -> None:
        super().__init__(regular.url, usage=regular.usage(), now=regular.now)
        self._regular = regular

    def attendee_rows(self, asked: Asked) -> Sequence[Row]:
        """The attendee rows of the question; none of them is made before it is read."""
        return _Rows(self._regular, asked)


class _Rows(Sequence[Row]):
    """Rows in the order served: the latest meeting first, in each the last to join first."""

    def __init__(self, regular: Regular, asked: Asked) -> None:
        self._regular = regular
        self._runs = [
            (meeting, run) for meeting in range(regular.meetings) if (run := _people(regular, asked, meeting))
        ]
        self._ends = list(accumulate(len(people) for _, people in self._runs))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self._row(index) for index in range(*place.indices(len(self)))]
        return self._row(range(len(self))[place])

    def _row(self, index: int) -> Row:
        run = bisect_right(self._ends, index)
        meeting, people = self._runs[run]
        raw = self._regular.attendee(meeting, people[self._ends[run] - 1 - index])
        return Row(raw, at=moment(raw["joinedTime"]), start=self._regular.start(meeting))


def _people(regular: Regular, asked: Asked, meeting: int) -> range:
    """The people of a meeting whose rows answer the question; they join in their order."""
    _, end = regular.stay(meeting, 0)
    if end > asked.now or not asked.names(regular.attendee(meeting, 0)):
        return range(0)
    if asked.by_start:
        return range(regular.people if asked.start <= regular.start(meeting) < asked.end else 0)
    joined = [
        bisect_left(range(regular.people), edge, key=lambda person: regular.stay(meeting, person)[0])
        for edge in (asked.start, asked.end)
    ]
    return range(*joined)
