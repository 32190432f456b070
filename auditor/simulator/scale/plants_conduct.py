"""Plants on conduct: a stay far longer than the meeting, and a habit of leaving early that begins one week."""

from __future__ import annotations

import polars as pl

from auditor.simulator.scale.attendance import seconds
from auditor.simulator.scale.people import STAFF
from auditor.simulator.scale.stage import Stage, first_of


def duration_inflation(stage: Stage) -> pl.DataFrame:
    """A stay of 3.5 to 5.5 times the meeting, the extra scaled by the effect; of half the meeting knows nothing.

    The legs that change: `leg`, `plant`, the new `left`, and whether it `outlasts` the meeting.
    """
    crowd = stage.legs.group_by("meeting").agg(people=pl.col("who").n_unique())
    victims = stage.victims("duration-inflation").select("who", "plant")
    length = (pl.col("end") - pl.col("start")).dt.total_seconds()
    whole = (pl.col("left") - pl.col("joined")).dt.total_seconds() > 0.75 * length
    fit = (
        stage.legs.filter(~pl.col("by_wire") & pl.col("day").is_between(stage.since, stage.until, closed="left"))
        .drop("plant")
        .join(victims, on="who")
        .join(stage.meetings.select("meeting", "start", "end", "minutes"), on="meeting")
        .join(crowd, on="meeting")
        .filter((pl.col("people") >= 5) & (pl.col("minutes") <= 60) & whole)
    )
    chosen = first_of(fit, stage.chance.word("inflation-which", "plant", "meeting"))
    extra = stage.chance.between("inflation-extra", "plant", low=2.5, high=4.5)
    return chosen.select(
        "leg",
        "plant",
        left=pl.col("joined") + seconds(length * (1 + extra * stage.effect)),
        outlasts=stage.chance.hits("inflation-outlasts", "plant", rate=0.5),
    )


def attendance_change(stage: Stage) -> pl.DataFrame:
    """From some week on somebody stays for 40 % of each meeting; the missing share is scaled by the effect.

    The legs that change: `leg`, `plant`, the new `left`, and `outlasts` as it was.
    """
    victims = stage.victims("attendance-change").select("who", "plant")
    room = stage.until - stage.since
    # long enough before the end to be a habit, leave included
    last = max(room - 45, room // 2)
    begin = stage.since + stage.chance.whole("change-day", "plant", low=min(14, last), high=last)
    factor = pl.max_horizontal(
        pl.lit(0.05), 1 - 0.6 * stage.effect + 0.1 * (stage.chance.draw("change-stay", "plant", "meeting") - 0.5)
    )
    mine = stage.legs.filter((pl.col("sort") == STAFF) & ~pl.col("by_wire")).drop("plant").join(victims, on="who")
    changed = mine.filter(pl.col("day") >= begin)
    stay = (pl.col("left") - pl.col("joined")).dt.total_seconds() * factor
    return changed.select(
        "leg", "plant", left=pl.col("joined") + seconds(pl.max_horizontal(stay, pl.lit(30.0))), outlasts="outlasts"
    )
