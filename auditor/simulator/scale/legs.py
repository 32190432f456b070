"""Legs: the joins a visit falls into. Drops, hand-offs, second devices, telephone legs, the lobby."""

from __future__ import annotations

import polars as pl

from auditor.simulator.scale.attendance import seconds
from auditor.simulator.scale.calendar import KINDS, TOWN_HALL, TRAINING, WEBINAR
from auditor.simulator.scale.chance import Chance
from auditor.simulator.scale.geography import Geography, text
from auditor.simulator.scale.lines import agent, with_lines
from auditor.simulator.scale.people import PARTNER, PUBLIC, ROOM, SERVICE, STAFF

FLAGS = ("by_handset", "cellular", "flipped", "by_wire")
_KEY = ("meeting", "who")


def legs(visits: pl.DataFrame, chance: Chance, geography: Geography) -> pl.DataFrame:
    """One row a join, with `line`, `agent`, `invited`, `registered`, and `cause`: what kind of join it is."""
    plain = visits.with_columns(
        by_handset=_moving(chance), cellular=_moving(chance), flipped=pl.lit(value=False), by_wire=pl.lit(value=False),
        way=pl.lit("whole"),
    )  # fmt: skip
    person = pl.col("sort") != ROOM
    calm = person & (pl.col("sort") != SERVICE)
    stormy = calm & chance.hits("storm", *_KEY, rate=0.0003)
    dropped = calm & ~stormy & chance.hits("drop", *_KEY, rate=pl.col("drops"))
    handed = calm & ~stormy & ~dropped & chance.hits("hand-off", *_KEY, rate=0.012)
    lobby = calm & (pl.col("sort") == PARTNER) & chance.hits("lobby", *_KEY, rate=0.3)
    lasted = (pl.col("left") - pl.col("joined")) > pl.duration(seconds=240)
    parts = [
        plain.filter(~(lasted & (dropped | handed | stormy))),
        *_dropped(plain.filter(lasted & dropped), chance),
        *_handed(plain.filter(lasted & handed), chance),
        _stormy(plain.filter(lasted & stormy), chance),
        _lobby(plain.filter(lobby), chance),
        _beside(plain.filter(lasted & calm & chance.hits("companion", *_KEY, rate=pl.col("beside"))), chance),
        _wire(plain.filter(lasted & calm & chance.hits("wire", *_KEY, rate=0.012)), chance),
    ]
    joined = pl.concat(parts, how="diagonal_relaxed").filter(
        pl.col("left") - pl.col("joined") >= pl.duration(seconds=5)
    )
    return _told(with_lines(joined, chance, geography), chance)


def _moving(chance: Chance) -> pl.Expr:
    """Whether somebody joins by telephone on the way."""
    moving = chance.hits("moving", *_KEY, rate=pl.col("mobile"))
    return moving & pl.col("sort").is_in([STAFF, PARTNER, PUBLIC])


def _cut(frame: pl.DataFrame, chance: Chance, *, low: float, high: float) -> pl.DataFrame:
    length = (pl.col("left") - pl.col("joined")).dt.total_seconds()
    return frame.with_columns(cut=pl.col("joined") + seconds(length * chance.between("cut", *_KEY, low=low, high=high)))


def _dropped(frame: pl.DataFrame, chance: Chance) -> tuple[pl.DataFrame, ...]:
    """Two joins or three: back by the same line, by the telephone's network, or with the VPN up or down."""
    cut = _cut(frame, chance, low=0.1, high=0.7)
    kind = chance.draw("drop-kind", *_KEY)
    tethered = (kind < 0.10) & ~pl.col("at_office")
    flips = (kind >= 0.10) & (kind < 0.4) & (pl.col("vpn") > 0)
    back = cut.with_columns(
        joined=pl.col("cut") + seconds(chance.between("gap", *_KEY, low=8, high=95)),
        cellular=pl.col("cellular") | tethered,
        flipped=flips,
        way=pl.when(tethered).then(pl.lit("tether")).when(flips).then(pl.lit("vpn-flip")).otherwise(pl.lit("rejoin")),
    )
    # the server notices some drops late, so that the old join outlives the new one's start
    ghost = chance.hits("ghost", *_KEY, rate=0.1)
    lag = (
        pl.when(chance.hits("long-ghost", *_KEY, rate=0.1))
        .then(chance.between("long-lag", *_KEY, low=120, high=260))
        .otherwise(chance.between("lag", *_KEY, low=20, high=100))
    )
    ghost_end = pl.min_horizontal(pl.col("cut") + seconds(lag + 60), "left")
    before = cut.with_columns(left=pl.when(ghost).then(ghost_end).otherwise("cut"), way=pl.lit("rejoin"))
    twice = chance.hits("twice", *_KEY, rate=0.15)
    again = seconds((pl.col("left") - pl.col("joined")).dt.total_seconds() * 0.5)
    once = back.with_columns(left=pl.when(twice).then(pl.col("joined") + again).otherwise("left"))
    third = back.filter(twice).with_columns(joined=pl.col("joined") + again + pl.duration(seconds=40))
    return before, once, third


def _handed(frame: pl.DataFrame, chance: Chance) -> tuple[pl.DataFrame, ...]:
    """From the laptop to the telephone, or the other way, within two minutes."""
    cut = _cut(frame, chance, low=0.1, high=0.8)
    forth = chance.hits("forth", *_KEY, rate=0.7)
    overlap = seconds(chance.between("hand-over", *_KEY, low=-30, high=130))
    first = cut.with_columns(
        left=pl.min_horizontal(pl.col("cut") + overlap, "left"),
        by_handset=~forth,
        cellular=~forth,
        way=pl.lit("hand-off"),
    )
    second = cut.with_columns(joined=pl.col("cut"), by_handset=forth, cellular=forth, way=pl.lit("hand-off"))
    return first, second


def _stormy(frame: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    """Three to six joins within minutes on a bad line, then the rest of the visit."""
    count = chance.whole("storm-size", *_KEY, low=3, high=6)
    many = frame.with_columns(count=count).with_columns(part=pl.int_ranges(0, pl.col("count") + 1)).explode("part")
    step = chance.between("storm-step", *_KEY, low=45, high=170)
    begin = pl.col("joined") + seconds(step * pl.col("part"))
    stays = seconds(step * chance.between("storm-stay", *_KEY, "part", low=0.3, high=0.9))
    last = pl.col("part") == pl.col("count")
    return many.with_columns(
        joined=begin, left=pl.when(last).then(pl.max_horizontal("left", begin + stays)).otherwise(begin + stays),
        way=pl.lit("bad-line"),
    ).drop("count", "part")  # fmt: skip


def _lobby(frame: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    """A join that waited in the lobby and was let go."""
    end = pl.col("joined") - seconds(chance.between("lobby-gap", *_KEY, low=3, high=20))
    begin = end - seconds(chance.between("lobby-wait", *_KEY, low=20, high=170))
    return frame.with_columns(joined=begin, left=end, way=pl.lit("lobby"))


def _beside(frame: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    """A telephone beside the laptop, on the same wireless network or on its own."""
    after = seconds(chance.between("beside-after", *_KEY, low=20, high=240))
    return frame.with_columns(
        joined=pl.col("joined") + after,
        by_handset=~pl.col("by_handset"),
        cellular=~pl.col("by_handset") & chance.hits("beside-cellular", *_KEY, rate=0.4),
        way=pl.lit("companion"),
    )


def _wire(frame: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    """A telephone line for the sound: no address, no client."""
    after = seconds(chance.between("wire-after", *_KEY, low=10, high=60))
    return frame.with_columns(joined=pl.col("joined") + after, by_wire=pl.lit(value=True), way=pl.lit("phone-leg"))


def _told(frame: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    """The legs as reports tell of them."""
    kind = pl.col("kind")
    uninvited = pl.when(pl.col("sort") == PARTNER).then(0.08).otherwise(0.03)
    asked = ~chance.hits("forwarded", *_KEY, rate=uninvited) & (pl.col("sort") != SERVICE) & ~pl.col("looks_in")
    personal = kind == KINDS.index("personal-room")
    webinar = kind.is_in([WEBINAR, TOWN_HALL])
    renamed = (pl.col("day") >= pl.col("married")).fill_null(value=False)
    aliased = pl.col("aliased") & chance.hits("uses-alias", *_KEY, rate=0.2)
    email = pl.when(renamed | aliased).then("alias").otherwise("email")
    wired, known = pl.col("by_wire"), chance.hits("known-caller", *_KEY, rate=0.6)
    ordinary = pl.col("way") == "whole"
    kind_cause = (
        pl.when(kind == WEBINAR)
        .then(pl.lit("webinar"))
        .when(kind == TOWN_HALL)
        .then(pl.lit("town-hall"))
        .when(kind == TRAINING)
        .then(pl.lit("training"))
    )
    return frame.with_columns(
        ip=pl.when(~wired).then(text("line")),
        agent=agent(chance),
        email=pl.when(~wired | known).then(email),
        name=pl.when(wired & ~known).then(pl.lit("Call-in User")).otherwise("name"),
        invited=pl.when(chance.hits("unsaid", *_KEY, rate=0.01)).then(None).otherwise(asked & ~personal),
        registered=webinar & (pl.col("sort") == PUBLIC),
        # a telephone nobody knows is nobody's, the host's too
        is_host=(pl.col("who") == pl.col("host")) & (~wired | known),
        cause=pl.when(~ordinary)
        .then("way")
        .when("looks_in")
        .then(pl.lit("support"))
        .when(renamed | aliased)
        .then(pl.lit("alias"))
        .when((pl.col("cause") == "home") & kind_cause.is_not_null())
        .then(kind_cause)
        .otherwise("cause"),
        plant=pl.lit(None, dtype=pl.Int64),
        outlasts=pl.col("forgotten") & chance.hits("outlasts", *_KEY, rate=0.5),
    ).select(
        "meeting", "who", "kind", "day", "sort", "joined", "left", "line", "ip", "agent", "email", "name", "invited",
        "registered", "is_host", "by_handset", "by_wire", "cause", "away", "outlasts", "plant",
    )  # fmt: skip
