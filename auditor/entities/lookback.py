"""How much was seen in the four weeks before a day, the day itself left out.

What is said of a row rests on earlier days alone, so neither the order of rows nor what is collected later of the
same day changes it.
"""

from __future__ import annotations

import polars as pl

from auditor.entities.groups import greatest

DAYS = 28


def day_of(times: pl.Series) -> pl.Series:
    """The day of each time in UTC, as a whole number; null for null."""
    return times.dt.epoch("d").cast(pl.Int64)


def seen_before(group: pl.Series, what: pl.Series, day: pl.Series, *, asked: tuple[pl.Series, pl.Series]) -> pl.Series:
    """How many different `what` each group asked had on the `DAYS` days before the day asked.

    All are whole numbers, one a use in the first three, one a question in `asked`, which are groups and days; groups
    and `what` are not negative. Uses with a null are no uses; a question with a null has the answer null.
    """
    uses = pl.DataFrame({"group": group, "what": what, "day": day}).drop_nulls()
    first, last = _ends(uses["day"])
    days, kinds = last - first + 1, greatest(uses["what"]) + 1
    if greatest(uses["group"]) + 1 > (1 << 62) // (kinds * days):
        uses = uses.with_columns(pl.col("what").rank("dense").cast(pl.Int64) - 1)
        kinds = greatest(uses["what"]) + 1
    packed = distinct((uses["group"] * kinds + uses["what"]) * days + uses["day"] - first)
    placed = packed.to_frame("key").select(pair=pl.col("key") // days, day=pl.col("key") % days + first)
    again = (pl.col("pair") == pl.col("pair").shift(1)) & (pl.col("day") - pl.col("day").shift(1) <= DAYS)
    starts = ~again.fill_null(value=False)
    # spans that meet are one, so each `what` counts once
    spans = placed.select("day", group=pl.col("pair") // kinds, starts=starts, ends=starts.shift(-1, fill_value=True))
    return _told(spans.filter("starts"), spans.filter("ends"), asked)


def used_before(group: pl.Series, day: pl.Series, *, asked: tuple[pl.Series, pl.Series]) -> pl.Series:
    """How many uses each group asked had on the `DAYS` days before the day asked; arguments as of `seen_before`."""
    uses = pl.DataFrame({"group": group, "day": day}).drop_nulls()
    return _told(uses, uses, asked)


def distinct(values: pl.Series) -> pl.Series:
    """The different ones of whole numbers, in order."""
    rising = (values > values.shift(1)).all()
    return values if rising else values.unique().sort()


def _told(starts: pl.DataFrame, ends: pl.DataFrame, asked: tuple[pl.Series, pl.Series]) -> pl.Series:
    """The answers, where something begins to count the day after each start and no longer counts `DAYS` after an end.

    Everything ends, so what has begun and not ended by a day of one group is of that group.
    """
    (first, _), (_, last) = _ends(starts["day"]), _ends(ends["day"])
    width = last - first + DAYS + 3
    groups, days = asked
    key = groups * width + (days - first).clip(0, width - 1)
    begun = (starts["group"] * width + starts["day"] + 1 - first).sort().search_sorted(key, side="right")
    ended = (ends["group"] * width + ends["day"] + DAYS + 1 - first).sort().search_sorted(key, side="right")
    answers = pl.DataFrame({"key": key, "begun": begun, "ended": ended}).cast(pl.Int64)
    return answers.select(pl.when(pl.col("key").is_not_null()).then(pl.col("begun") - pl.col("ended"))).to_series()


def _ends(days: pl.Series) -> tuple[int, int]:
    """The first and the last of days; 0 where there are none."""
    first, last = days.min(), days.max()
    return (first, last) if isinstance(first, int) and isinstance(last, int) else (0, 0)
