"""What plants are made on: an ordinary company, the days they may lie in, and who they befall."""

from __future__ import annotations

import polars as pl

from auditor.frozen import dataclass
from auditor.simulator.scale.chance import Chance
from auditor.simulator.scale.geography import CITIES, Geography, distances, text
from auditor.simulator.scale.people import STAFF

BEHAVIOURS = (
    "takeover", "credential-sharing", "impossible-travel", "bombing", "enumeration", "proxy-attendance",
    "duration-inflation", "attendance-change", "ghost-host", "flapping",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stage:
    """An ordinary company. Plants lie on days from `since` up to, not including, `until`; `count` of each behaviour."""

    legs: pl.DataFrame
    meetings: pl.DataFrame
    people: pl.DataFrame
    geography: Geography
    chance: Chance
    since: int
    until: int
    effect: float
    count: int

    def number(self, behaviour: str) -> int:
        """The first plant number of a behaviour; they go up from there."""
        return (BEHAVIOURS.index(behaviour) + 1) * 1000

    def victims(self, behaviour: str) -> pl.DataFrame:
        """Staff of the whole time, `count` of them for each behaviour, nobody for two: `who`, `plant`, their habits."""
        inside = pl.col("day").is_between(self.since, self.until, closed="left")
        usual = self.legs.filter((pl.col("sort") == STAFF) & ~pl.col("by_wire"))
        busy = usual.group_by("who").agg(_before=(pl.col("day") < self.since).sum(), _inside=inside.sum())
        steady = (pl.col("kind") == STAFF) & (pl.col("first") < 0) & (pl.col("last") > self.until)
        settled = self.people.filter(
            steady & pl.col("married").is_null() & ~pl.col("aliased") & ~pl.col("veil") & ~pl.col("support")
        )
        ready = settled.join(busy.filter((pl.col("_before") >= 30) & (pl.col("_inside") >= 20)), on="who")
        ordered = ready.with_columns(_order=self.chance.word("victim", "who")).sort("_order")
        place = BEHAVIOURS.index(behaviour)
        return (
            ordered.slice(place * self.count, self.count)
            .with_columns(plant=self.number(behaviour) + pl.int_range(pl.len(), dtype=pl.Int64))
            .drop("_order", "_before", "_inside", "kind")
        )

    def scaled(self, value: pl.Expr, *, least: int = 1) -> pl.Expr:
        """A number of things at effect 1, scaled to the effect, never below `least`."""
        return pl.max_horizontal((value * self.effect).round(0).cast(pl.Int64), pl.lit(least, dtype=pl.Int64))

    def elsewhere(self, victims: pl.DataFrame, purpose: str, *, least: float) -> pl.DataFrame:
        """The victims with `far`, a city at least so many kilometres from home."""
        ranked = (
            victims.select("plant", "city")
            .join(distances().filter(pl.col("km") >= least), left_on="city", right_on="from_city")
            .with_columns(_order=self.chance.word(purpose, "plant", "to_city"))
            .sort("plant", "_order")
        )
        chosen = ranked.group_by("plant", maintain_order=True).agg(far=pl.col("to_city").first())
        return victims.join(chosen, on="plant")

    def line_there(self, purpose: str, *, hosted: float) -> pl.Expr:
        """An address in the city `far`, the same for all of a plant: hosting in some cases, else a home."""
        hosting, home = self.geography.operator("hosting"), self.geography.operator("home")
        host = 1 + self.chance.below(f"{purpose}/host", "plant", size=pl.lit(250))
        return (
            pl.when(self.chance.hits(f"{purpose}/hosted", "plant", rate=hosted))
            .then(hosting.line(pl.col("far"), 0, self.chance.below(f"{purpose}/block", "plant", size=pl.lit(16)), host))
            .otherwise(
                home.line(pl.col("far"), 1, self.chance.below(f"{purpose}/block", "plant", size=pl.lit(128)), host)
            )
        )

    def running(self, moments: pl.DataFrame, *, at: str) -> pl.DataFrame:
        """The rows with the `meeting` that began last before `at`, where it goes on for eight minutes more."""
        several = self.meetings.filter(pl.col("kind").is_in([0, 3, 4, 5])).sort("start")
        joined = moments.sort(at).join_asof(
            several.select("meeting", "day", "kind", _start="start", _end="end"),
            left_on=at,
            right_on="_start",
            strategy="backward",
        )
        return joined.filter(pl.col("_end") > pl.col(at) + pl.duration(minutes=8))


def first_of(frame: pl.DataFrame, order: pl.Expr, *, count: int | pl.Expr = 1) -> pl.DataFrame:
    """The first rows of each plant in that order."""
    ranked = frame.with_columns(_order=order).with_columns(_rank=pl.col("_order").rank("ordinal").over("plant"))
    return ranked.filter(pl.col("_rank") <= count).sort("plant", "_rank").drop("_order", "_rank")


def planted(frame: pl.DataFrame, *, line: pl.Expr | None = None) -> pl.DataFrame:
    """Rows with `meeting`, `joined`, `left`, `who` and what else differs, as legs of a plant."""
    lined = frame if line is None else frame.with_columns(line=line)
    defaults = {
        "sort": pl.lit(STAFF, dtype=pl.Int64), "invited": pl.lit(value=False), "registered": pl.lit(value=False),
        "is_host": pl.lit(value=False), "by_handset": pl.lit(value=False), "by_wire": pl.lit(value=False),
        "away": pl.lit(value=False), "outlasts": pl.lit(value=False),
    }  # fmt: skip
    return lined.with_columns(
        [value.alias(name) for name, value in defaults.items() if name not in lined.columns]
    ).with_columns(ip=text("line"), cause=pl.lit("plant"))


def city_name(index: int) -> str:
    """The name of a city."""
    return CITIES[index][1]
