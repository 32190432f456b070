"""Plants on accounts: taken over, shared, in two places sooner than anybody can travel, joining again and again."""

from __future__ import annotations

import polars as pl

from auditor.simulator.scale.attendance import seconds
from auditor.simulator.scale.chance import named
from auditor.simulator.scale.people import STAFF, SYSTEMS
from auditor.simulator.scale.stage import Stage, first_of, planted

_AGENTS = tuple(f"{system},Webex" for system in SYSTEMS)
_STRANGE = ("LINUX,Chrome", "WINDOWS,Chrome", "MAC,Safari", "ANDROID,Chrome", "WINDOWS,Firefox")


def _own(stage: Stage, victims: pl.DataFrame) -> pl.DataFrame:
    """The victims' ordinary legs on the days of plants, at their desk, with the time until their next one."""
    mine = victims.select("who", "plant", "city")
    ordered = stage.legs.filter((pl.col("sort") == STAFF) & ~pl.col("by_wire")).drop("plant").join(mine, on="who")
    ordered = ordered.sort("who", "joined", "left").with_columns(
        reach=pl.col("left").cum_max().over("who"), next=pl.col("joined").shift(-1).over("who")
    )
    at_desk = ~pl.col("by_handset") & ~pl.col("away") & pl.col("cause").is_in(["home", "office", "vpn"])
    return ordered.filter(at_desk & pl.col("day").is_between(stage.since, stage.until, closed="left"))


def impossible_travel(stage: Stage) -> pl.DataFrame:
    """Half an hour to two and a half after a meeting, divided by the effect, the account joins one 3,000 km away."""
    victims = stage.elsewhere(stage.victims("impossible-travel"), "travel-far", least=3000)
    gap = stage.chance.between("travel-gap", "plant", low=1800, high=9000) / stage.effect
    tried = _own(stage, victims).with_columns(_at=pl.col("reach") + seconds(gap))
    free = tried.filter(pl.col("next") - pl.col("_at") > pl.duration(minutes=50))
    chosen = first_of(
        stage.running(free.drop("meeting", "day", "kind"), at="_at"),
        stage.chance.word("travel-which", "plant", "meeting"),
    )
    stay = stage.chance.between("travel-stay", "plant", low=480, high=2400)
    legs = chosen.select("who", "plant", "meeting", "day", "kind", "_at", "_end", "agent", "email", "name").join(
        victims.select("plant", "far"), on="plant"
    )
    strange = named(stage.chance.whole("travel-agent", "plant", low=0, high=len(_STRANGE) - 1), _STRANGE)
    return planted(
        legs.with_columns(
            joined="_at",
            left=pl.min_horizontal(pl.col("_at") + seconds(stay), "_end"),
            agent=pl.when(stage.chance.hits("travel-same", "plant", rate=0.5)).then("agent").otherwise(strange),
        ).drop("_at", "_end"),
        line=stage.line_there("travel", hosted=0.4),
    )


def credential_sharing(stage: Stage) -> pl.DataFrame:
    """Three times within weeks somebody elsewhere uses the account while its owner does, for 12 to 30 minutes."""
    victims = stage.elsewhere(stage.victims("credential-sharing"), "sharing-far", least=300)
    begin = stage.chance.whole("sharing-day", "plant", low=stage.since, high=max(stage.since, stage.until - 22))
    mine = _own(stage, victims).filter(
        (pl.col("left") - pl.col("joined") >= pl.duration(minutes=24)) & pl.col("day").is_between(begin, begin + 21)
    )
    overlap = stage.chance.between("sharing-overlap", "plant", "meeting", low=720, high=1800) * stage.effect
    tried = mine.with_columns(
        _at=pl.col("joined") + seconds(stage.chance.between("sharing-after", "plant", "meeting", low=120, high=400)),
        _own=pl.col("meeting"),
        _owner_left=pl.col("left"),
    ).with_columns(_overlap=seconds(overlap))
    times = stage.scaled(pl.lit(3))
    chosen = first_of(
        stage.running(tried.drop("meeting", "day", "kind"), at="_at"),
        stage.chance.word("sharing-which", "plant", "_own"),
        count=times,
    )
    same = stage.chance.hits("sharing-same", "plant", "_own", rate=0.2)
    other = named(stage.chance.one_of("sharing-agent", "plant", shares={0: 0.4, 1: 0.35, 3: 0.25}), _AGENTS)
    legs = chosen.join(victims.select("plant", "far"), on="plant").with_columns(
        meeting=pl.when(same).then("_own").otherwise("meeting"),
        joined="_at",
        left=pl.min_horizontal(pl.col("_at") + pl.col("_overlap"), "_owner_left"),
        agent=other,
    )
    kept = legs.select("who", "plant", "meeting", "day", "kind", "joined", "left", "agent", "email", "name", "far")
    return planted(kept, line=stage.line_there("sharing", hosted=0.0))


def takeover(stage: Stage) -> pl.DataFrame:
    """Within a fortnight three meetings are joined from a network abroad with a client its owner never used.

    At half the effect the client is the owner's, at a quarter the network is in the owner's part of the world.
    """
    least = 2000.0 if stage.effect >= 0.5 else 250.0
    victims = stage.elsewhere(stage.victims("takeover"), "takeover-far", least=least)
    begin = stage.chance.whole("takeover-day", "plant", low=stage.since, high=max(stage.since, stage.until - 15))
    busy = _own(stage, victims).select("who", _from=pl.col("joined"), _to=pl.col("left"), day="day")
    meetings = stage.meetings.filter(pl.col("kind").is_in([0, 3, 4]) & (pl.col("minutes") >= 25)).with_columns(
        _late=stage.chance.word("takeover-sample", "meeting") % 4
    )
    offered = victims.with_columns(_begin=begin).join(
        meetings.filter(pl.col("_late") == 0).select("meeting", "day", "kind", "start", "end"), how="cross"
    )
    near = offered.filter(pl.col("day").is_between(pl.col("_begin"), pl.col("_begin") + 14))
    clash = (
        near.join(busy, on=["who", "day"])
        .filter(
            (pl.col("start") < pl.col("_to") + pl.duration(minutes=40))
            & (pl.col("end") > pl.col("_from") - pl.duration(minutes=40))
        )
        .select("plant", "meeting")
    )
    chosen = first_of(
        near.join(clash, on=["plant", "meeting"], how="anti"),
        stage.chance.word("takeover-which", "plant", "meeting"),
        count=max(2, round(3 * stage.effect)),
    )
    strange = named(stage.chance.whole("takeover-agent", "plant", low=0, high=len(_STRANGE) - 1), _STRANGE)
    usual = named(pl.col("system"), _AGENTS)
    after = seconds(stage.chance.between("takeover-after", "plant", "meeting", low=20, high=300))
    legs = chosen.with_columns(
        joined=pl.col("start") + after,
        left=pl.col("end") - pl.duration(seconds=30),
        agent=strange if stage.effect >= 1 else usual,
    )
    kept = legs.select("who", "plant", "meeting", "day", "kind", "joined", "left", "agent", "email", "name", "far")
    return planted(kept, line=stage.line_there("takeover", hosted=0.6))


def flapping(stage: Stage) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A client joins a meeting eight to fourteen times within about eight minutes; also the legs they replace."""
    victims = stage.victims("flapping")
    long = _own(stage, victims).filter(pl.col("left") - pl.col("joined") >= pl.duration(minutes=20))
    chosen = first_of(long, stage.chance.word("flapping-which", "plant", "meeting"))
    count = stage.scaled(stage.chance.whole("flapping-count", "plant", low=8, high=14), least=2)
    many = (
        chosen.with_columns(_count=count)
        .with_columns(_part=pl.int_ranges(0, pl.col("_count"), dtype=pl.Int64))
        .explode("_part", empty_as_null=False)
    )
    step = 480.0 / pl.col("_count")
    begin = pl.col("joined") + seconds(step * pl.col("_part"))
    stays = seconds(pl.max_horizontal(pl.min_horizontal(step * 0.8, pl.lit(50.0)), pl.lit(6.0)))
    last = pl.col("_part") == pl.col("_count") - 1
    legs = many.with_columns(joined=begin, left=pl.when(last).then("left").otherwise(begin + stays))
    kept = legs.select(
        "who", "plant", "meeting", "day", "kind", "joined", "left", "agent", "email", "name", "line", "invited"
    )
    return planted(kept), chosen.select("leg")
