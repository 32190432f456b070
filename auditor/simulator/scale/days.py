"""Where people are on each day: at work at all, in the office, at home, on a journey; and their holidays."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from auditor.simulator.scale.chance import Chance
from auditor.simulator.scale.geography import CITIES, OFFICES, distances
from auditor.simulator.scale.people import STAFF, TEAM

HOLIDAYS: dict[str, tuple[tuple[int, int], ...]] = {
    "NO": ((4, 2), (4, 3), (4, 6), (5, 1), (5, 14), (5, 25), (12, 25)),
    "DE": ((4, 3), (4, 6), (5, 1), (5, 14), (5, 25), (10, 3), (12, 25)),
    "US": ((5, 25), (6, 19), (7, 3), (9, 7), (11, 26), (12, 25)),
    "SG": ((3, 21), (4, 3), (5, 1), (5, 27), (8, 10), (12, 25)),
}
TOUR_CITIES = tuple(range(len(CITIES)))


def holidays(first: date, days: int) -> pl.DataFrame:
    """Public holidays of each office as `rank`, `day`."""
    rows = []
    for day in range(days):
        today = first + timedelta(days=day)
        for rank, city in enumerate(OFFICES):
            if (today.month, today.day) in HOLIDAYS[CITIES[city][0]]:
                rows.append((rank, day))
    return pl.DataFrame(rows, orient="row", schema={"rank": pl.Int64, "day": pl.Int64})


def absences(people: pl.DataFrame, chance: Chance, *, days: int) -> pl.DataFrame:
    """Leave of one to three weeks: `who`, `leave_from`, `leave_to`, both days included."""
    staff = people.filter(pl.col("kind") == STAFF).select("who")
    blocks = []
    for number in range(max(1, days // 60)):
        start = chance.whole(f"leave/{number}", "who", low=number * 60, high=number * 60 + 44)
        length = chance.one_of(f"leave-length/{number}", "who", shares={4: 0.5, 11: 0.35, 18: 0.15})
        blocks.append(
            staff.filter(chance.hits(f"leave-taken/{number}", "who", rate=0.6))
            .with_columns(leave_from=start)
            .with_columns(leave_to=pl.col("leave_from") + length)
        )
    return pl.concat(blocks).sort("who", "leave_from")


def tours(people: pl.DataFrame, chance: Chance, *, days: int, first: date) -> pl.DataFrame:
    """Journeys: `who`, `tour`, `away_city`, and the times of departure, arrival, return and arrival at home.

    Some lead to another office, some anywhere. Offsites bring a whole team into one hotel.
    """
    staff = people.filter((pl.col("kind") == STAFF) & (pl.col("tours") > 0))
    slots = max(1, days // 30)
    single = []
    for slot in range(slots):
        one = staff.filter(chance.hits(f"tour/{slot}", "who", rate=pl.col("tours") * 0.06)).select(
            "who", "city", group="who"
        )
        single.append(
            one.with_columns(
                start=chance.whole(f"tour-day/{slot}", "who", low=slot * 30, high=slot * 30 + 22),
                length=chance.whole(f"tour-length/{slot}", "who", low=1, high=5),
                away_city=pl.when(chance.hits(f"tour-office/{slot}", "who", rate=0.5))
                .then(chance.one_of(f"tour-which/{slot}", "who", shares=dict.fromkeys(OFFICES, 1.0)))
                .otherwise(chance.one_of(f"tour-city/{slot}", "who", shares=dict.fromkeys(TOUR_CITIES, 1.0))),
                offsite=pl.lit(value=False),
            )
        )
    team = pl.col("who") // TEAM
    trips = staff.filter(chance.hits("offsite", team, rate=TEAM / 1000)).select("who", "city", group=-1 - team)
    single.append(
        trips.with_columns(
            start=chance.below("offsite-day", "group", size=pl.lit(max(days - 8, 1))),
            length=pl.lit(3, dtype=pl.Int64),
            away_city=chance.whole("offsite-city", "group", low=0, high=18),
            offsite=pl.lit(value=True),
        )
    )
    return _flown(pl.concat(single, how="diagonal_relaxed"), chance, first=first)


def _flown(trips: pl.DataFrame, chance: Chance, *, first: date) -> pl.DataFrame:
    """The journeys with their times: aircraft fly 820 km/h, and two and a half hours go by before and after."""
    begin = pl.lit(first).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    flight = (pl.col("km") / 820 * 3600 + 9000).cast(pl.Int64) * 1_000_000
    out = chance.between("tour-out", "who", "start", low=7 * 3600, high=19 * 3600)
    back = chance.between("tour-back", "who", "start", low=9 * 3600, high=20 * 3600)
    timed = (
        trips.filter(pl.col("city") != pl.col("away_city"))
        .join(distances(), left_on=["city", "away_city"], right_on=["from_city", "to_city"])
        .with_columns(
            departs=begin + pl.duration(days="start") + pl.duration(seconds=out.cast(pl.Int64)),
            returns=begin
            + pl.duration(days=pl.col("start") + pl.col("length"))
            + pl.duration(seconds=back.cast(pl.Int64)),
            flight=flight.cast(pl.Duration("us")),
        )
        .with_columns(arrives=pl.col("departs") + pl.col("flight"))
        .with_columns(returns=pl.max_horizontal("returns", pl.col("arrives") + pl.duration(hours=20)))
        .with_columns(home=pl.col("returns") + pl.col("flight"))
        .sort("who", "departs")
    )
    apart = pl.col("departs") > pl.col("home").shift(1).over("who") + pl.duration(hours=20)
    return (
        timed.filter(apart.fill_null(value=True))
        .with_columns(tour=pl.int_range(pl.len(), dtype=pl.Int64))
        .select("who", "tour", "group", "away_city", "departs", "arrives", "returns", "home", "offsite", "km")
    )
