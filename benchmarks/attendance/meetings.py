"""The meetings of one day: when, how long, how large, what about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import polars as pl

from auditor.simulator.scale.chance import Chance, named

FIRST_DAY = datetime(2026, 6, 29, tzinfo=UTC)
"""A Monday."""
WEEK = (0.19, 0.215, 0.215, 0.205, 0.172, 0.001, 0.002)
"""The share of a week's meetings each day has, Monday first."""
SEATS = 8.45
"""Seats a meeting has on average, as `_size` deals them."""
SEATS_A_MEETING = 4096
MARKED = ("Confidential: ", "Board: ", "Restricted: ", "M&A: ", "Internal only: ")
_HOURS = {
    **dict(zip(range(6, 18), (1, 4, 10, 13, 12, 8, 9, 12, 13, 9, 4, 1), strict=True)),
    4: 0.03, 5: 0.05, 18: 0.3, 19: 0.1, 22: 0.05, 23: 0.03,
}  # fmt: skip
_WORDS = ("Weekly", "Project", "Review", "Planning", "Customer", "Risk", "Budget", "Release", "Steering", "Standup")
_TOPICS = ("sync", "call", "update", "workshop", "retro", "follow-up", "hand-over", "training", "interview", "demo")


@dataclass(frozen=True, slots=True)
class Calendar:
    """`meetings` spread over `weeks` from `FIRST_DAY` on; `largest` is the size of the largest."""

    meetings: int
    weeks: int
    largest: int
    chance: Chance

    @property
    def days(self) -> int:
        return 7 * self.weeks

    def count(self, day: int) -> int:
        """How many meetings a day has."""
        before = day // 7 + sum(WEEK[: day % 7])
        return round(self.meetings * (before + WEEK[day % 7]) / self.weeks) - round(self.meetings * before / self.weeks)

    def of(self, day: int) -> pl.DataFrame:
        """One row a meeting of the day, in order of start, with everything but who came.

        `meeting` is a number of its own, `size` the seats, `outside` whether a partner firm takes part.
        """
        chance = self.chance
        start = FIRST_DAY + timedelta(days=day)
        numbers = pl.int_range(self.count(day), dtype=pl.Int64, eager=True).alias("place")
        frame = numbers.to_frame().with_columns(day=pl.lit(day, pl.Int64), meeting=pl.col("place") + (day << 32))
        frame = frame.with_columns(
            hour=chance.one_of("hour", "meeting", shares=_HOURS),
            minutes=chance.one_of("minutes", "meeting", shares={30: 0.45, 25: 0.1, 60: 0.33, 45: 0.1, 90: 0.02}),
            size=self._size(),
            outside=chance.hits("outside", "meeting", rate=0.18),
        ).with_columns(
            outside=pl.col("outside") & (pl.col("size") <= 40),
            half=pl.when((pl.col("minutes") <= 30) & chance.hits("half", "meeting", rate=0.4)).then(30).otherwise(0),
        )
        begin = pl.lit(start, dtype=pl.Datetime("us", "UTC")) + pl.duration(hours="hour", minutes="half")
        length = pl.col("minutes") * 60 + (120 * chance.draw("overrun", "meeting") - 60).floor().cast(pl.Int64)
        return (
            frame.with_columns(start=begin)
            .with_columns(end=pl.col("start") + pl.duration(seconds=length), title=self._title(), **self._ids())
            .sort("start", "meeting")
            .with_columns(place=pl.int_range(pl.len(), dtype=pl.Int64))
        )

    def _size(self) -> pl.Expr:
        chance, drawn = self.chance, self.chance.draw("size", "meeting")
        return (
            pl.when(drawn < 0.0002)
            .then(pl.lit(self.largest, pl.Int64))
            .when(drawn < 0.026)
            .then(chance.whole("large", "meeting", low=40, high=120))
            .when(drawn < 0.19)
            .then(chance.whole("middle", "meeting", low=9, high=22))
            .when(drawn < 0.67)
            .then(chance.whole("small", "meeting", low=3, high=8))
            .otherwise(2)
            .clip(upper_bound=self.largest)
        )

    def _title(self) -> pl.Expr:
        chance = self.chance
        series = chance.whole("series", "meeting", low=0, high=max(1, self.meetings // 10))
        plain = pl.concat_str(
            named(series % len(_WORDS), _WORDS), pl.lit(" "), (series // 10).cast(pl.String()), pl.lit(" "),
            named(chance.whole("topic", "meeting", low=0, high=len(_TOPICS) - 1), _TOPICS),
        )  # fmt: skip
        marker = named(chance.whole("marker", "meeting", low=0, high=len(MARKED) - 1), MARKED)
        marked = chance.hits("marked", "meeting", rate=0.02)
        misleading = chance.hits("misleading", "meeting", rate=0.004)
        return (
            pl.when(marked)
            .then(pl.concat_str(marker, plain))
            .when(misleading)
            .then(pl.concat_str(pl.lit("Onboarding "), plain))
            .otherwise(plain)
        )

    def _ids(self) -> dict[str, pl.Expr]:
        chance = self.chance
        instance = pl.concat_str(
            hexadecimal(chance.word("id-high", "meeting")), hexadecimal(chance.word("id-low", "meeting")),
            pl.lit("_I_"), (chance.word("instance", "meeting") % 10**18).cast(pl.String()).str.zfill(18),
        )  # fmt: skip
        number = (chance.word("number", "meeting") % 10**9).cast(pl.String()).str.zfill(9)
        return {"meeting_id": instance, "meeting_number": pl.concat_str(pl.lit("25"), number)}


def hexadecimal(word: pl.Expr) -> pl.Expr:
    """A 64-bit number as 16 hex digits."""

    def part(found: pl.Series) -> pl.Series:
        return _four_digits().gather(found.cast(pl.UInt32))

    return pl.concat_str(
        [
            (word // (1 << 16 * place) % (1 << 16)).map_batches(part, return_dtype=pl.String(), is_elementwise=True)
            for place in range(4)
        ]
    )


@cache
def _four_digits() -> pl.Series:
    return pl.Series([f"{number:04x}" for number in range(1 << 16)])
