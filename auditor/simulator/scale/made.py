"""A company of any size, whole: people, meetings, legs, rights, and what was planted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from datetime import UTC, date, datetime, timedelta

import polars as pl

from auditor.frozen import dataclass
from auditor.simulator.scale import plants_accounts, plants_conduct, plants_meetings
from auditor.simulator.scale.attendance import visits
from auditor.simulator.scale.calendar import members, occurrences, series
from auditor.simulator.scale.chance import Chance
from auditor.simulator.scale.days import absences, tours
from auditor.simulator.scale.geography import Geography
from auditor.simulator.scale.legs import legs
from auditor.simulator.scale.people import Sizes, firm_cities, people
from auditor.simulator.scale.stage import BEHAVIOURS, Stage

FIRST_DAY = date(2026, 3, 2)
SITE = "example.webex.com"
MOST_PLANTS = 40


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a company: `users` of staff, `days` from `first` on, all chance by `seed`.

    `effect` scales what is planted; `zero` plants nothing. Plants lie in the last half, at most 90 days.
    """

    users: int
    days: int
    seed: str = "1"
    effect: float = 1.0
    zero: bool = False
    first: date = FIRST_DAY
    site_url: str = SITE

    def __post_init__(self) -> None:
        if self.users < 24 or self.days < 5:
            raise ValueError("a company needs at least 24 people and 5 days")
        if not 0.05 <= self.effect <= 20:
            raise ValueError("the effect is between 0.05 and 20")

    @property
    def since(self) -> int:
        """The first day of plants."""
        return self.days - min(90, self.days // 2)

    @property
    def start(self) -> datetime:
        """The first moment."""
        return datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC)

    @property
    def audited(self) -> datetime:
        """The first moment of plants."""
        return self.start + timedelta(days=self.since)

    @property
    def end(self) -> datetime:
        """The end, not included."""
        return self.start + timedelta(days=self.days)

    @property
    def plants(self) -> int:
        """How many episodes of each behaviour."""
        return 0 if self.zero else max(3, min(MOST_PLANTS, self.users // 100))


@dataclass(frozen=True, slots=True)
class Made:
    """Everything of one company.

    Legs are in the order of joining, `leg` their number; `plant` is null on ordinary ones.
    """

    scale: Scale
    people: pl.DataFrame
    meetings: pl.DataFrame
    legs: pl.DataFrame
    rights: pl.DataFrame
    tours: pl.DataFrame
    geography: Geography
    chance: Chance = field(repr=False)


def make(scale: Scale) -> Made:
    """The company of that size."""
    return next(variants(scale, {"effect": scale.effect, "zero": scale.zero}))


def variants(scale: Scale, *changes: Mapping[str, float]) -> Iterator[Made]:
    """One company again and again, with `effect` and `zero` as each of the changes says; its people live once."""
    chance, sizes = Chance(scale.seed), Sizes(scale.users)
    persons = people(sizes, chance, days=scale.days)
    geography = Geography(firm_cities(sizes, chance))
    journeys = tours(persons, chance, days=scale.days, first=scale.first)
    table = series(sizes, chance, days=scale.days)
    held = occurrences(table, chance, first=scale.first, days=scale.days)
    came = visits(
        held, members(table, sizes, chance), persons, absences(persons, chance, days=scale.days), journeys, chance
    )
    meetings = came.unique("meeting", keep="first").select(*held.columns, "end").sort("meeting")
    ordinary = _ordered(legs(came, chance, geography))
    for change in changes:
        one = replace(scale, effect=change.get("effect", 1.0), zero=bool(change.get("zero", False)))
        stage = Stage(ordinary, meetings, persons, geography, chance, one.since, one.days, one.effect, one.plants)
        all_legs, rights = (ordinary, _no_rights()) if one.zero else _planted(stage)
        yield Made(one, persons, _ended(meetings, all_legs), all_legs, rights, journeys, geography, chance)


def _no_rights() -> pl.DataFrame:
    return pl.DataFrame(schema={"meeting": pl.Int64, "who": pl.Int64, "plant": pl.Int64})


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    """The legs in the order of joining, numbered."""
    order = ("joined", "meeting", "who", "left", "line", "agent", "cause")
    return frame.sort(order, nulls_last=True).with_columns(leg=pl.int_range(pl.len(), dtype=pl.Int64))


def _planted(stage: Stage) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The legs with everything planted, and who has rights they should not have."""
    flapping, broken = plants_accounts.flapping(stage)
    proxies, absent = plants_meetings.proxy_attendance(stage)
    added = [
        plants_accounts.takeover(stage),
        plants_accounts.credential_sharing(stage),
        plants_accounts.impossible_travel(stage),
        plants_meetings.bombing(stage),
        plants_meetings.enumeration(stage),
        flapping,
        proxies,
    ]
    changed = pl.concat([plants_conduct.duration_inflation(stage), plants_conduct.attendance_change(stage)])
    kept = (
        stage.legs.join(pl.concat([broken, absent]), on="leg", how="anti")
        .join(changed.unique("leg", keep="first", maintain_order=True), on="leg", how="left", suffix="_new")
        .with_columns(pl.coalesce(f"{name}_new", name).alias(name) for name in ("plant", "left", "outlasts"))
    )
    columns = [name for name in stage.legs.columns if name != "leg"]
    new = [each.select(columns) for each in added if each.height]
    return _ordered(pl.concat([kept.select(columns), *new], how="vertical_relaxed")), plants_meetings.ghost_host(stage)


def _ended(meetings: pl.DataFrame, legs_: pl.DataFrame) -> pl.DataFrame:
    """The meetings with `began` and `ended` as their records say: the first join, the last leaving that counts."""
    known = legs_.group_by("meeting").agg(
        began=pl.col("joined").min(),
        ended=pl.when(~pl.col("outlasts")).then("left").max(),
    )
    return meetings.join(known, on="meeting").with_columns(ended=pl.coalesce("ended", "end"))


def behaviour(plant: pl.Expr) -> pl.Expr:
    """The behaviour a plant's number stands for."""
    return (plant // 1000 - 1).replace_strict(
        list(range(len(BEHAVIOURS))), list(BEHAVIOURS), return_dtype=pl.String(), default=None
    )
