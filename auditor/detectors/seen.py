"""Detectors that look at their rows part by part: what they saw of each part, and what of all of them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import date, datetime
from typing import TypeAlias

import polars as pl

from auditor.detectors.detection import Budget, Detection, conclude
from auditor.frozen import dataclass

AT_ONCE = 500_000
"""So many rows at least are looked at together where that is quicker."""

Again: TypeAlias = Callable[[Sequence[str]], Iterable[pl.DataFrame]]
"""The rows a detector looked at once more, part by part: the named columns, texts perhaps packed."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What a detector is told of all parts before it looks at one.

    There are at most so many `rows` in all; None where the part is all there is. `told` is what a survey told of all.
    Where there is a `later` the rows have what their settings want `sifted` alone, and it gives few of them the rest.
    """

    rows: int | None = None
    told: pl.DataFrame = field(default_factory=pl.DataFrame)
    later: Callable[[pl.DataFrame], pl.DataFrame] | None = None

    def whole(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with all columns."""
        return rows if self.later is None else self.later(rows)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a detector saw of a part: `rows` that have what it needs, `lost` that lack some of it.

    `found` and `more` are what it made of them, `population` and `unfit` counts of what it judged and could not judge.
    `times` are the first and last it tells as its history.
    """

    rows: int
    lost: int
    found: pl.DataFrame = field(default_factory=pl.DataFrame)
    population: int = 0
    unfit: int = 0
    times: tuple[datetime, datetime] | None = None
    more: Mapping[str, pl.DataFrame] = field(default_factory=dict)

    @property
    def history(self) -> tuple[date, date] | None:
        """The first and last day of its history."""
        return None if self.times is None else (self.times[0].date(), self.times[1].date())


def once(rows: pl.LazyFrame) -> Again:
    """The rows once more, where they are all there are."""
    return lambda names: [rows.select(names).collect(engine="in-memory")]


def usable_again(again: Again, names: Sequence[str], *, whole: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The rows once more that lack none of `whole`, nor the time: the columns named, and these."""
    wanted = (*whole, "joined_time")
    for rows in again(list(dict.fromkeys((*names, *wanted)))):
        gaps = [name for name in wanted if rows[name].null_count()]
        yield rows.drop_nulls(gaps) if gaps else rows


def merged(parts: Iterable[pl.DataFrame], names: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The columns of the parts, several together: what is looked up in many rows at once is looked up less often."""
    waiting: list[pl.DataFrame] = []
    for part in parts:
        waiting.append(part.select(names))
        if sum(one.height for one in waiting) >= AT_ONCE:
            yield pl.concat(waiting, rechunk=True)
            waiting.clear()
    if waiting:
        yield pl.concat(waiting, rechunk=True)


def ends(times: pl.Series) -> tuple[datetime, datetime] | None:
    """The first and the last of times, None when there is none."""
    first, last = times.min(), times.max()
    return (first, last) if isinstance(first, datetime) and isinstance(last, datetime) else None


def together(parts: Sequence[Seen]) -> Seen:
    """What was seen of all parts."""
    times = [one for part in parts if part.times is not None for one in part.times]
    told = [part.more for part in parts if part.rows]
    return Seen(
        sum(part.rows for part in parts),
        sum(part.lost for part in parts),
        _stacked([part.found for part in parts]),
        sum(part.population for part in parts),
        sum(part.unfit for part in parts),
        (min(times), max(times)) if times else None,
        {name: _stacked([more[name] for more in told]) for name in (told[0] if told else ())},
    )


def concluded(seen: Seen, found: pl.DataFrame, *, entity: Sequence[str], budget: Budget) -> Detection:
    """The detection of scored candidates, with the counts and the history of what was seen; see `conclude`."""
    return conclude(
        found,
        entity=entity,
        budget=budget,
        population=seen.population,
        not_evaluable=seen.lost + seen.unfit,
        history=seen.history,
    )


def _stacked(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of all frames; one without rows may not know its types."""
    full = [frame for frame in frames if frame.height]
    wide = [frame for frame in frames if frame.width]
    return pl.concat(full, how="vertical_relaxed") if full else wide[0] if wide else pl.DataFrame()
