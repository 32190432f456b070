"""What address and client a person joins with, given where they are and what they do there."""

from __future__ import annotations

import polars as pl

from auditor.simulator.scale.chance import Chance, named
from auditor.simulator.scale.geography import CITIES, TELEPORTS, Geography, hub
from auditor.simulator.scale.people import APPS, PARTNER, PUBLIC, ROOM, SERVICE, STAFF, SYSTEMS


def with_lines(legs: pl.DataFrame, chance: Chance, geography: Geography) -> pl.DataFrame:
    """The legs with `line`, the address as a number, and `cause`, what about it is out of the ordinary.

    A leg says `by_handset` when it is on a telephone or tablet, `cellular` when that is on the mobile network, and
    `flipped` when the VPN is in the other state than the day's.
    """
    operators = {name: geography.operator(name) for name in (
        "office", "home", "home6", "mobile", "hotel", "hosting", "veil", "gateway", "aircraft", "partner",
    )}  # fmt: skip
    zero = pl.lit(0, dtype=pl.Int64)
    host = 1 + chance.below("host", "household", size=pl.lit(250))
    shared = 1 + chance.below("shared-host", "who", "day", size=pl.lit(30))
    lease = (
        pl.when(pl.col("lease") > 0)
        .then(
            (pl.col("day") + chance.below("lease-phase", "household", size=pl.lit(60))) // pl.max_horizontal("lease", 1)
        )
        .otherwise(0)
    )
    home4 = operators["home"].line(
        pl.col("city"), pl.col("isp"), chance.below("home-block", "household", lease, size=pl.lit(128)), host
    )
    home6 = operators["home6"].line(
        pl.col("city"), pl.col("isp"), chance.below("home-prefix", "household", lease, size=pl.lit(512)), host
    )
    office = operators["office"].line(pl.col("here"), zero, chance.below("floor", "who", size=pl.lit(4)), shared)
    partner = operators["partner"].line(pl.col("firm").fill_null(0), zero, zero, 1 + pl.col("who") % 3)
    tour = pl.col("tour").fill_null(-1)
    hotel_key = pl.when(pl.col("offsite").fill_null(value=False)).then(pl.col("group")).otherwise(tour)
    # half of the hotels and lodgings are on the city's ordinary broadband
    lodging = operators["home"].line(
        pl.col("here"), pl.lit(0, dtype=pl.Int64), chance.below("lodging", hotel_key, size=pl.lit(128)), shared
    )
    hotel = operators["hotel"].line(
        pl.col("here"),
        zero,
        chance.below("hotel", hotel_key, size=pl.lit(8)),
        1 + chance.below("room", tour, size=pl.lit(9)),
    )
    hubs = [hub(city) for city in range(len(CITIES))]
    usual = pl.col("city").replace_strict(list(range(len(hubs))), [each[0] for each in hubs], return_dtype=pl.Int64())
    others = pl.col("city").replace_strict(list(range(len(hubs))), [each[-1] for each in hubs], return_dtype=pl.Int64())
    landed = pl.when(chance.hits("other-hub", "who", "day", rate=0.12)).then(others).otherwise(usual)
    local = pl.col("here").replace_strict(list(range(len(hubs))), [each[0] for each in hubs], return_dtype=pl.Int64())
    # on a journey half of the telephones come out at home, as roaming does, half buy a local card
    roams = chance.hits("roams", "who", rate=0.5)
    carrier = pl.when(pl.col("away") & ~roams).then(local).otherwise(landed)
    mobile = operators["mobile"].line(
        carrier, pl.col("who") % 2, chance.below("cell", "who", "day", size=pl.lit(16)), shared
    )
    gateway = operators["gateway"].line(pl.col("gateway"), zero, pl.col("who") % 2, shared)
    exit_ = chance.below("exit", "who", pl.col("day") // 9, size=pl.lit(len(CITIES)))
    veil = operators["veil"].line(exit_, zero, chance.below("exit-block", "who", "day", size=pl.lit(16)), shared)
    plane = operators["aircraft"].line(
        pl.when(pl.col("who") % 2 == 0).then(TELEPORTS[0]).otherwise(TELEPORTS[1]), zero, tour % 4, shared
    )
    hosting = operators["hosting"].line(pl.col("city"), zero, zero, host)
    sort = pl.col("sort")
    vpn = _vpn(chance)
    remote = ~pl.col("at_office") & (sort == STAFF)
    at_home = pl.when("v6").then(home6).otherwise(home4)
    rules = (
        ("cabin", pl.col("flying"), plane),
        ("carrier", pl.col("cellular"), mobile),
        ("service", sort == SERVICE, hosting),
        ("partner-office", (sort == PARTNER) & pl.col("at_office"), partner),
        ("room", sort == ROOM, office),
        ("office", (sort == STAFF) & pl.col("at_office"), office),
        ("private-vpn", remote & pl.col("veil") & chance.hits("veiled", "who", "day", rate=0.4), veil),
        ("vpn", remote & vpn & ~pl.col("by_handset"), gateway),
        ("trip", pl.col("away"), pl.when(chance.hits("lodges", hotel_key, rate=0.5)).then(lodging).otherwise(hotel)),
    )
    cause, line = pl.lit("home"), at_home
    for name, holds, value in reversed(rules):
        cause = pl.when(holds).then(pl.lit(name)).otherwise(cause)
        line = pl.when(holds).then(value).otherwise(line)
    return legs.with_columns(line=line, cause=cause)


def _vpn(chance: Chance) -> pl.Expr:
    """Whether the VPN is up: all day on most days of a full tunnel, now and then of a split one; flipped if so said."""
    up = (
        pl.when(pl.col("vpn") == 2)
        .then(chance.hits("tunnel", "who", "day", rate=0.85))
        .when(pl.col("vpn") == 1)
        .then(chance.hits("split", "who", "visit", rate=0.3))
        .otherwise(pl.lit(value=False))
    )
    return (up != pl.col("flipped")) & (pl.col("vpn") > 0)


def agent(chance: Chance) -> pl.Expr:
    """The client's name for itself: system and application; null for a telephone line."""
    renewed = (pl.col("day") >= pl.col("renewal")).fill_null(value=False)
    swapped = pl.when(pl.col("system") == 0).then(1).otherwise(0)
    desk = pl.when(renewed).then(swapped).otherwise(pl.col("system"))
    system = pl.when("by_handset").then("handset").otherwise(desk)
    browser = chance.hits("browser", "who", "meeting", rate=0.015) & (pl.col("sort") != ROOM) & ~pl.col("by_handset")
    app = (
        pl.when(browser)
        .then(chance.one_of("browser-app", "who", shares={1: 0.6, 2: 0.4}))
        .otherwise(pl.when("by_handset").then(0).otherwise("app"))
    )
    words = pl.concat_str(named(system, SYSTEMS), pl.lit(","), named(app, APPS))
    return pl.when(~pl.col("by_wire")).then(words)


PEOPLE_CAUSES = {PUBLIC: "webinar", ROOM: "room", SERVICE: "service", PARTNER: "partner"}
"""What people other than staff are called among the causes."""
