"""The calendar: series of meetings, who belongs to them, and every time they take place."""

from __future__ import annotations

from datetime import date

import polars as pl

from auditor.simulator.scale.chance import Chance
from auditor.simulator.scale.days import holidays
from auditor.simulator.scale.geography import CITIES, OFFICES
from auditor.simulator.scale.people import PARTNER_SIZE, TEAM, Sizes

KINDS = (
    "team", "stand-up", "one-to-one", "project", "small", "customer", "webinar", "town-hall", "training", "mandatory",
    "personal-room",
)  # fmt: skip
(TEAM_WEEKLY, STAND_UP, ONE_TO_ONE, PROJECT, SMALL, CUSTOMER, WEBINAR, TOWN_HALL, TRAINING, MANDATORY, PERSONAL) = (
    range(len(KINDS))
)
TITLES = (
    "Team meeting", "Stand-up", "One-to-one", "Project", "Catch-up", "Customer call", "Webinar", "Town hall",
    "Training day", "Code of conduct", "Personal Room",
)  # fmt: skip
MEMBERS = 12
_SERIES = ("series", "kind", "rank", "host", "minutes", "hour", "weekdays", "every", "once")


def series(sizes: Sizes, chance: Chance, *, days: int) -> pl.DataFrame:
    """One row a series: its host and office, its weekdays as bits, every how many weeks, or `once` on a day.

    `hour` is in quarters of an hour, local to the office.
    """
    teams, months = sizes.staff // TEAM, max(1, round(days / 30))
    weeks = max(1, days / 7)
    parts = [
        _regular(teams, TEAM_WEEKLY, chance, minutes={60: 1.0}, days_={1 << day: 1.0 for day in range(5)}),
        _regular(teams, STAND_UP, chance, minutes={15: 1.0}, days_={0b01111: 0.3, 0b10101: 0.3, 0b01010: 0.4}).filter(
            chance.hits("has-stand-up", "number", rate=0.55)
        ),
        _regular(sizes.staff, ONE_TO_ONE, chance, minutes={30: 1.0}, days_={1 << day: 1.0 for day in range(5)}).filter(
            pl.col("number") % TEAM != 0
        ),
        _regular(
            max(2, sizes.staff // 5),
            PROJECT,
            chance,
            minutes={45: 0.4, 60: 0.6},
            days_={1 << day: 1.0 for day in range(5)},
        ),
        _single(
            int(sizes.staff * weeks * 0.75), SMALL, chance, minutes={25: 0.3, 30: 0.3, 50: 0.2, 60: 0.2}, days=days
        ),
        _single(int(sizes.staff * weeks * 0.05), PERSONAL, chance, minutes={20: 0.5, 30: 0.5}, days=days),
        _single(int(sizes.staff * weeks * 0.05), CUSTOMER, chance, minutes={45: 0.5, 60: 0.5}, days=days),
        _single(max(1, sizes.staff // 1500) * months, WEBINAR, chance, minutes={60: 1.0}, days=days),
        _single(months * len(OFFICES), TOWN_HALL, chance, minutes={60: 1.0}, days=days),
        _single(max(1, int(sizes.staff * months / 600)), TRAINING, chance, minutes={420: 1.0}, days=days),
        _single(max(4 * months, int(sizes.staff * months / 240)), MANDATORY, chance, minutes={60: 1.0}, days=days),
    ]
    joined = pl.concat(parts).with_columns(series=pl.int_range(pl.len(), dtype=pl.Int64))
    return _hosted(joined, sizes, chance)


def _regular(
    count: int, kind: int, chance: Chance, *, minutes: dict[int, float], days_: dict[int, float]
) -> pl.DataFrame:
    every = {TEAM_WEEKLY: 1, STAND_UP: 1, ONE_TO_ONE: 2, PROJECT: 1}[kind]
    return _numbered(count, kind).with_columns(
        minutes=chance.one_of(f"minutes/{kind}", "number", shares=minutes),
        hour=chance.whole(f"hour/{kind}", "number", low=34, high=64),
        weekdays=chance.one_of(f"weekdays/{kind}", "number", shares=days_),
        every=pl.lit(every, dtype=pl.Int64),
        once=pl.lit(None, dtype=pl.Int64),
    )


def _single(count: int, kind: int, chance: Chance, *, minutes: dict[int, float], days: int) -> pl.DataFrame:
    return _numbered(count, kind).with_columns(
        minutes=chance.one_of(f"minutes/{kind}", "number", shares=minutes),
        hour=pl.lit(36, dtype=pl.Int64)
        if kind == TRAINING
        else chance.whole(f"hour/{kind}", "number", low=34, high=66),
        weekdays=pl.lit(0b11111, dtype=pl.Int64),
        every=pl.lit(0, dtype=pl.Int64),
        once=chance.below(f"once/{kind}", "number", size=pl.lit(days)),
    )


def _numbered(count: int, kind: int) -> pl.DataFrame:
    return pl.DataFrame({"number": pl.int_range(count, dtype=pl.Int64, eager=True)}).with_columns(
        kind=pl.lit(kind, dtype=pl.Int64)
    )


def _hosted(frame: pl.DataFrame, sizes: Sizes, chance: Chance) -> pl.DataFrame:
    """Hosts: team leads, or somebody of the staff."""
    anybody = chance.below("host", "series", size=pl.lit(sizes.staff))
    lead = pl.col("number") * TEAM
    host = (
        pl.when(pl.col("kind").is_in([TEAM_WEEKLY, STAND_UP]))
        .then(lead)
        .when(pl.col("kind") == ONE_TO_ONE)
        .then(pl.col("number") // TEAM * TEAM)
        .otherwise(anybody)
    )
    edges = sizes.office_edges()
    rank = pl.sum_horizontal((pl.col("host") >= edge).cast(pl.Int64) for edge in edges[1:-1])
    return frame.with_columns(host=host).with_columns(rank=rank)


def members(table: pl.DataFrame, sizes: Sizes, chance: Chance) -> pl.DataFrame:
    """Who is invited to each series: `series`, `who`. Most come from the host's office."""
    edges = sizes.office_edges()
    low = pl.col("rank").replace_strict(list(range(4)), edges[:-1], return_dtype=pl.Int64())
    high = pl.col("rank").replace_strict(list(range(4)), edges[1:], return_dtype=pl.Int64())
    near = low + chance.below("member", "series", "slot", size=high - low)
    far = chance.below("member-far", "series", "slot", size=pl.lit(sizes.staff))
    staff = pl.when(chance.hits("near", "series", "slot", rate=0.75)).then(near).otherwise(far)
    team = pl.col("host") // TEAM * TEAM + pl.col("slot")
    firm = chance.below("firm", "series", size=pl.lit(sizes.firms))
    partner = (
        sizes.first_partner + firm * PARTNER_SIZE + chance.below("partner", "series", "slot", size=pl.lit(PARTNER_SIZE))
    )
    public = sizes.first_public + chance.below("public", "series", "slot", size=pl.lit(sizes.public))
    room = sizes.first_room + chance.below("room", "series", size=pl.lit(sizes.rooms))
    note = sizes.first_service + chance.below("service", "series", size=pl.lit(sizes.services))
    whole_office = pl.col("slot") + low
    audience = min(300, max(40, sizes.staff // 12))

    def of(kinds: list[int], count: int | pl.Expr, who: pl.Expr, *, only: pl.Expr | None = None) -> pl.DataFrame:
        chosen = table.filter(pl.col("kind").is_in(kinds) & (pl.lit(True) if only is None else only))
        slots = pl.int_ranges(0, count if isinstance(count, pl.Expr) else pl.lit(count), dtype=pl.Int64)
        filled = chosen.with_columns(slot=slots).explode("slot", empty_as_null=False)
        return filled.select("series", who=who.cast(pl.Int64))

    mixed = chance.hits("mixed", "series", rate=0.35)
    roomed = chance.hits("roomed", "series", rate=0.25)
    noted = chance.hits("noted", "series", rate=0.12)
    parts = [
        of([TEAM_WEEKLY, STAND_UP], TEAM, team),
        of([ONE_TO_ONE], 1, pl.col("number")),
        of([PROJECT], MEMBERS, staff),
        of([PROJECT], 3, partner, only=mixed),
        of([SMALL], chance.whole("small", "series", low=1, high=5), staff),
        of([PERSONAL], chance.whole("personal", "series", low=1, high=3), staff),
        of([CUSTOMER], 2, staff),
        of([CUSTOMER], chance.whole("customers", "series", low=1, high=4), partner),
        of([WEBINAR], audience, public),
        of([WEBINAR], 4, staff),
        of([TOWN_HALL], high - low, whole_office),
        of([TRAINING], 18, near),
        of([MANDATORY], 40, near),
        of([TEAM_WEEKLY, PROJECT, CUSTOMER, TRAINING], 1, room, only=roomed),
        of([CUSTOMER, PROJECT], 1, note, only=noted),
        table.select("series", who="host"),
    ]
    return pl.concat(parts).unique().sort("series", "who")


def occurrences(table: pl.DataFrame, chance: Chance, *, first: date, days: int) -> pl.DataFrame:
    """Every time a series takes place: `meeting`, `series`, its columns, `day`, planned `start` and `minutes`.

    Hours are local to the office, so that summer time moves them in UTC; nobody meets on a public holiday there.
    """
    calendar = pl.DataFrame({"day": range(days)}, schema={"day": pl.Int64}).with_columns(
        weekday=(pl.col("day") + first.weekday()) % 7, week=pl.col("day") // 7
    )
    regular = table.filter(pl.col("every") > 0).join(calendar, how="cross")
    phase = chance.below("phase", "series", size=pl.col("every"))
    bit = pl.lit(1, dtype=pl.Int64) * 2 ** pl.col("weekday")
    regular = regular.filter(
        (pl.col("weekday") < 5)
        & (pl.col("weekdays") // bit % 2 == 1)
        & ((pl.col("week") + phase) % pl.col("every") == 0)
    )
    # now and then one is called off
    regular = regular.filter(~chance.hits("called-off", "series", "day", rate=0.05))
    single = table.filter(pl.col("every") == 0).join(calendar, left_on="once", right_on="day", coalesce=False)
    single = single.filter(pl.col("weekday") < 5).select(regular.columns)
    both = pl.concat([regular, single]).join(holidays(first, days), on=["rank", "day"], how="anti")
    zones = {rank: CITIES[city][4] for rank, city in enumerate(OFFICES)}
    begin = pl.lit(first).cast(pl.Datetime("us")) + pl.duration(days="day") + pl.duration(minutes=pl.col("hour") * 15)
    placed = [
        both.filter(pl.col("rank") == rank).with_columns(
            start=begin.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone(
                "UTC"
            )
        )
        for rank, zone in zones.items()
    ]
    return (
        pl.concat(placed)
        .filter(pl.col("start").is_not_null())
        .sort("start", "series")
        .with_columns(meeting=pl.int_range(pl.len(), dtype=pl.Int64))
        .select("meeting", "series", "kind", "rank", "host", "number", "minutes", "day", "start")
    )
