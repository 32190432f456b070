"""Plants on meetings: flooded, tried out one after the other, attended for others, and rights in outside hands."""

from __future__ import annotations

import polars as pl

from auditor.simulator.scale.attendance import seconds
from auditor.simulator.scale.calendar import CUSTOMER, MANDATORY, PROJECT, TEAM_WEEKLY
from auditor.simulator.scale.chance import named
from auditor.simulator.scale.geography import CITIES
from auditor.simulator.scale.people import PARTNER, PUBLIC, STAFF
from auditor.simulator.scale.stage import Stage, first_of, planted

_AGENTS = ("WINDOWS,Chrome", "ANDROID,Webex", "WINDOWS,Webex", "LINUX,Chrome", "MAC,Safari")
_CROWD = ("Guest", "zoe", "Mr Nobody", "abc", "lol", "admin", "Student", "iPhone", "x", "Teacher")


def _meetings(stage: Stage, behaviour: str, kinds: list[int], *, least: int) -> pl.DataFrame:
    """So many meetings of the kinds with at least so many people, each with its `plant`."""
    people = stage.legs.group_by("meeting").agg(people=pl.col("who").n_unique())
    fit = stage.meetings.join(people, on="meeting").filter(
        pl.col("kind").is_in(kinds)
        & (pl.col("people") >= least)
        & pl.col("day").is_between(stage.since, stage.until, closed="left")
    )
    ordered = fit.with_columns(_order=stage.chance.word(behaviour, "meeting")).sort("_order").head(stage.count)
    return ordered.with_columns(plant=stage.number(behaviour) + pl.int_range(pl.len(), dtype=pl.Int64)).drop("_order")


def bombing(stage: Stage) -> pl.DataFrame:
    """Ten to eighteen strangers join within four minutes and stay for seconds or a few minutes."""
    chosen = _meetings(stage, "bombing", [TEAM_WEEKLY, PROJECT, CUSTOMER], least=4)
    count = stage.scaled(stage.chance.whole("bombing-count", "plant", low=10, high=18))
    many = (
        chosen.with_columns(_count=count)
        .with_columns(_part=pl.int_ranges(0, pl.col("_count"), dtype=pl.Int64))
        .explode("_part", empty_as_null=False)
    )
    key = ("plant", "_part")
    chance = stage.chance
    begin = pl.col("start") + seconds(
        chance.between("bombing-start", "plant", low=120, high=600)
        + chance.between("bombing-join", *key, low=0, high=240)
    )
    anonymous = chance.hits("bombing-anonymous", *key, rate=0.5)
    name = named(chance.whole("bombing-name", *key, low=0, high=len(_CROWD) - 1), _CROWD)
    address = pl.concat_str(pl.lit("throwaway"), pl.col("plant"), pl.lit("."), pl.col("_part"), pl.lit("@mail.example"))
    legs = many.with_columns(
        joined=begin,
        left=begin + seconds(15 + 280 * chance.draw("bombing-stay", *key) ** 2),
        who=-(pl.col("plant") * 1000 + pl.col("_part")),
        name=name,
        email=pl.when(~anonymous).then(address),
        agent=named(chance.whole("bombing-agent", *key, low=0, high=len(_AGENTS) - 1), _AGENTS),
        far=chance.whole("bombing-city", *key, low=0, high=len(CITIES) - 1),
        sort=pl.lit(PUBLIC, dtype=pl.Int64),
    )
    home = stage.geography.operator("home")
    line = home.line(pl.col("far"), 0, chance.below("bombing-block", *key, size=pl.lit(128)), 1 + pl.col("_part"))
    kept = legs.select(
        "who", "plant", "meeting", "day", "kind", "joined", "left", "agent", "email", "name", "far", "sort", "_part"
    )
    return planted(kept, line=line).drop("_part")


def enumeration(stage: Stage) -> pl.DataFrame:
    """On one day one network looks into eight to fourteen meetings of others for 20 to 100 seconds each."""
    chance = stage.chance
    first = stage.number("enumeration")
    ids = pl.DataFrame({"plant": range(first, first + stage.count)}, schema={"plant": pl.Int64})
    workdays = stage.meetings.group_by("day").len().filter(pl.col("len") >= 20)["day"].sort()
    days = workdays.filter((workdays >= stage.since) & (workdays < stage.until))
    if days.is_empty():
        return pl.DataFrame()
    place = chance.below("enumeration-day", "plant", size=pl.lit(days.len()))
    picked = ids.with_columns(
        day=place.replace_strict(list(range(days.len())), days.to_list(), return_dtype=pl.Int64())
    )
    near = picked.join(
        stage.meetings.select("meeting", "day", "kind", "start", "end").filter(pl.col("kind").is_in([0, 1, 3, 4, 5])),
        on="day",
    )
    count = stage.scaled(chance.whole("enumeration-count", "plant", low=8, high=14))
    chosen = first_of(near, chance.word("enumeration-which", "plant", "meeting"), count=count)
    key = ("plant", "meeting")
    begin = pl.col("start") + seconds(chance.between("enumeration-after", *key, low=60, high=500))
    known = chance.hits("enumeration-known", "plant", rate=0.5)
    legs = chosen.with_columns(
        joined=begin,
        left=begin + seconds(chance.between("enumeration-stay", *key, low=20, high=100)),
        who=-pl.col("plant"),
        name=pl.lit("Guest"),
        email=pl.when(known).then(pl.concat_str(pl.lit("caller"), "plant", pl.lit("@mail.example"))),
        agent=named(chance.whole("enumeration-agent", "plant", low=0, high=len(_AGENTS) - 1), _AGENTS),
        far=chance.whole("enumeration-city", "plant", low=0, high=len(CITIES) - 1),
        sort=pl.lit(PUBLIC, dtype=pl.Int64),
    )
    kept = legs.select(
        "who", "plant", "meeting", "day", "kind", "joined", "left", "agent", "email", "name", "far", "sort"
    )
    return planted(kept, line=stage.line_there("enumeration", hosted=0.5))


def proxy_attendance(stage: Stage) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One device joins a mandatory session as six to ten colleagues; also the legs of theirs that fall away."""
    chosen = _meetings(stage, "proxy-attendance", [MANDATORY], least=8)
    staff = pl.col("sort") == STAFF
    there = (
        stage.legs.filter(staff & ~pl.col("by_wire"))
        .drop("plant")
        .join(chosen.select("meeting", "plant", "start", "end"), on="meeting")
    )
    one = there.sort("joined").unique(["plant", "who"], keep="first", maintain_order=True)
    count = stage.scaled(stage.chance.whole("proxy-count", "plant", low=6, high=10))
    group = first_of(one.filter(~pl.col("is_host")), stage.chance.word("proxy-who", "plant", "who"), count=count)
    leader = group.group_by("plant", maintain_order=True).agg(boss=pl.col("who").first(), agent=pl.col("agent").first())
    homes = stage.people.select("who", "city", "isp", "household")
    home = stage.geography.operator("home")
    host = 1 + stage.chance.below("host", "household", size=pl.lit(250))
    line = home.line(
        pl.col("city"), pl.col("isp"), stage.chance.below("home-block", "household", pl.lit(0), size=pl.lit(128)), host
    )
    lined = leader.join(homes, left_on="boss", right_on="who").with_columns(line=line).select("plant", "line", "agent")
    key = ("plant", "who")
    begin = pl.col("start") + seconds(stage.chance.between("proxy-join", *key, low=-20, high=130))
    legs = (
        group.drop("line", "agent")
        .join(lined, on="plant")
        .with_columns(
            joined=begin, left=pl.col("end") - seconds(stage.chance.between("proxy-left", *key, low=0, high=60))
        )
    )
    kept = legs.select(
        "who", "plant", "meeting", "day", "kind", "joined", "left", "agent", "email", "name", "line", "invited"
    )
    replaced = stage.legs.join(group.select("meeting", "who"), on=["meeting", "who"], how="semi").select("leg")
    return planted(kept), replaced


def ghost_host(stage: Stage) -> pl.DataFrame:
    """Somebody of a partner firm has host rights in three meetings: `meeting`, `who`, `plant`."""
    inside = pl.col("day").is_between(stage.since, stage.until, closed="left")
    guests = stage.legs.filter((pl.col("sort") == PARTNER) & inside & pl.col("email").is_not_null())
    busy = guests.select("who", "meeting").unique().filter(pl.len().over("who") >= 3)
    people = busy.select("who").unique().with_columns(_order=stage.chance.word("ghost", "who")).sort("_order")
    numbered = people.head(stage.count).select(
        "who", plant=stage.number("ghost-host") + pl.int_range(pl.len(), dtype=pl.Int64)
    )
    times = max(1, round(3 * stage.effect))
    return first_of(busy.join(numbered, on="who"), stage.chance.word("ghost-which", "plant", "meeting"), count=times)
