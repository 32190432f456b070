"""The people of a company of any size: staff, rooms, partners' people, the public, note-taking services."""

from __future__ import annotations

import polars as pl

from auditor.frozen import dataclass
from auditor.simulator.scale.chance import Chance, named
from auditor.simulator.scale.geography import CITIES, GATEWAYS, HOMES, OFFICE_SHARES, OFFICES

STAFF, ROOM, PARTNER, PUBLIC, SERVICE = range(5)
DOMAIN = "northbank.example"
TEAM = 8
PARTNER_SIZE = 12
SYSTEMS = ("WINDOWS", "MAC", "LINUX", "IOS", "ANDROID", "ROOMOS")
WINDOWS, MAC, LINUX, IOS, ANDROID, ROOMOS = range(6)
APPS = ("Webex", "Chrome", "Edge", "Safari")

_FIRST = (
    "Asta", "Bo", "Carla", "Dev", "Elin", "Femi", "Gita", "Hugo", "Ida", "Joel", "Kaja", "Leo", "Mina", "Noor", "Odd",
    "Pia", "Quin", "Rosa", "Siv", "Tor", "Uma", "Vera", "Wim", "Xenia", "Ylva", "Zeno", "Arne", "Berit", "Cem", "Dora",
)  # fmt: skip
_LAST = (
    "Aas", "Brandt", "Costa", "Dietz", "Eide", "Farah", "Gomez", "Hagen", "Iversen", "Jansen", "Klein", "Lim", "Moe",
    "Ng", "Olsen", "Park", "Quist", "Rao", "Strand", "Tan", "Urban", "Vik", "Weber", "Xu", "Young", "Zimmer", "Arnesen",
    "Bauer", "Chan", "Dahl",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many there are of each, from the number of staff; people are numbered in this order."""

    staff: int

    @property
    def rooms(self) -> int:
        """Video rooms, each an account."""
        return max(2, self.staff // 60)

    @property
    def firms(self) -> int:
        """Partner firms."""
        return max(4, self.staff // 60)

    @property
    def partners(self) -> int:
        """People of partner firms."""
        return self.firms * PARTNER_SIZE

    @property
    def public(self) -> int:
        """People who come to webinars."""
        return max(60, self.staff // 3)

    @property
    def services(self) -> int:
        """Note-taking services."""
        return max(1, self.staff // 1000)

    @property
    def first_room(self) -> int:
        """The number of the first room."""
        return self.staff

    @property
    def first_partner(self) -> int:
        """The number of the first partner's person."""
        return self.staff + self.rooms

    @property
    def first_public(self) -> int:
        """The number of the first person of the public."""
        return self.first_partner + self.partners

    @property
    def first_service(self) -> int:
        """The number of the first note-taking service."""
        return self.first_public + self.public

    @property
    def total(self) -> int:
        """Everybody."""
        return self.first_service + self.services

    def office_edges(self) -> list[int]:
        """The first member of staff of each office, and the number of staff."""
        shares = [sum(OFFICE_SHARES[: rank + 1]) for rank in range(len(OFFICES))]
        return [0, *[round(self.staff * share / TEAM) * TEAM for share in shares[:-1]], self.staff]


def people(sizes: Sizes, chance: Chance, *, days: int) -> pl.DataFrame:
    """One row a person, by `who`: what they are, where they live, what they join with, and their habits."""
    who = pl.int_range(sizes.total, dtype=pl.Int64, eager=True).alias("who")
    edges = sizes.office_edges()
    office = pl.sum_horizontal((pl.col("who") >= edge).cast(pl.Int64) for edge in edges[1:-1])
    kind = pl.sum_horizontal(
        (pl.col("who") >= edge).cast(pl.Int64)
        for edge in (sizes.first_room, sizes.first_partner, sizes.first_public, sizes.first_service)
    )
    frame = who.to_frame().with_columns(kind=kind)
    firm = pl.when(pl.col("kind") == PARTNER).then((pl.col("who") - sizes.first_partner) // PARTNER_SIZE)
    frame = frame.with_columns(
        firm=firm,
        rank=pl.when(pl.col("kind") == STAFF)
        .then(office)
        .when(pl.col("kind") == ROOM)
        .then(chance.one_of("room-office", "who", shares=dict(enumerate(OFFICE_SHARES))))
        .otherwise(0),
    ).with_columns(office=pl.col("rank").replace_strict(list(range(4)), list(OFFICES), return_dtype=pl.Int64()))
    frame = frame.with_columns(city=_city(chance))
    return _named(_habits(_clients(frame, chance), chance, days=days), chance)


def firm_cities(sizes: Sizes, chance: Chance) -> tuple[int, ...]:
    """The city of each partner firm."""
    firms = pl.DataFrame({"firm": range(sizes.firms)}, schema={"firm": pl.Int64})
    return tuple(firms.select(chance.whole("firm-city", "firm", low=0, high=18)).to_series().to_list())


def _city(chance: Chance) -> pl.Expr:
    home = pl.col("office")
    for rank, shares in enumerate(HOMES):
        own = (pl.col("kind") == STAFF) & (pl.col("rank") == rank)
        home = pl.when(own).then(chance.one_of(f"home/{rank}", "who", shares=shares)).otherwise(home)
    return (
        pl.when(pl.col("kind") == PARTNER)
        .then(chance.whole("firm-city", "firm", low=0, high=18))
        .when(pl.col("kind").is_in([PUBLIC, SERVICE]))
        .then(chance.whole("public-city", "who", low=0, high=len(CITIES) - 1))
        .otherwise(home)
    )


def _clients(frame: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    room = pl.col("kind") == ROOM
    return frame.with_columns(
        system=pl.when(room)
        .then(ROOMOS)
        .otherwise(chance.one_of("system", "who", shares={WINDOWS: 0.66, MAC: 0.30, LINUX: 0.04})),
        app=pl.when(pl.col("kind").is_in([STAFF, ROOM]))
        .then(0)
        .otherwise(chance.one_of("app", "who", shares={0: 0.6, 1: 0.2, 2: 0.14, 3: 0.06})),
        handset=chance.one_of("handset", "who", shares={IOS: 0.55, ANDROID: 0.45}),
        renewal=pl.when((pl.col("kind") == STAFF) & chance.hits("renewal", "who", rate=0.05)).then(
            chance.whole("renewal-day", "who", low=20, high=170)
        ),
    )


def _habits(frame: pl.DataFrame, chance: Chance, *, days: int) -> pl.DataFrame:
    staff = pl.col("kind") == STAFF
    couple = staff & chance.hits("couple", pl.col("who") // 2, rate=0.04)
    household = pl.when(couple).then(pl.col("who") // 2 * 2).otherwise(pl.col("who"))
    gate = pl.col("rank").replace_strict([0, 1, 2, 3], [5, 5, 11, 15], return_dtype=pl.Int64())
    frame = frame.with_columns(couple=couple, household=household).with_columns(
        # couples live where the first of them does
        city=pl.when(couple).then(pl.col("city").first().over("household")).otherwise(pl.col("city")),
    )
    return frame.with_columns(
        isp=chance.whole("isp", "household", low=0, high=2),
        v6=chance.hits("v6", "household", rate=0.22),
        lease=chance.one_of("lease", "household", shares={0: 0.62, 7: 0.08, 21: 0.15, 60: 0.15}),
        # whoever lives elsewhere works from there
        offices=pl.when(staff & (pl.col("city") != pl.col("office")))
        .then(0.0)
        .when(staff)
        .then(chance.between("offices", "who", low=0.0, high=0.9))
        .otherwise(0.7),
        vpn=pl.when(staff).then(chance.one_of("vpn", "who", shares={0: 0.68, 1: 0.16, 2: 0.16})).otherwise(0),
        gateway=pl.when(chance.hits("gateway", "who", rate=0.85))
        .then(gate)
        .otherwise(chance.one_of("other-gateway", "who", shares=dict.fromkeys(GATEWAYS, 1.0))),
        veil=staff & chance.hits("veil", "who", rate=0.0015),
        mobile=pl.when(staff).then(0.01 + 0.06 * chance.draw("mobile", "who") ** 3).otherwise(0.02),
        drops=0.02 + 0.10 * chance.draw("drops", "who") ** 4,
        beside=pl.when(staff & chance.hits("beside", "who", rate=0.05)).then(0.3).otherwise(0.004),
        leaves=0.03 + 0.15 * chance.draw("leaves", "who") ** 3,
        late=0.04 + 0.2 * chance.draw("late", "who") ** 3,
        shows=pl.when(staff).then(chance.between("shows", "who", low=0.70, high=0.95)).otherwise(0.85),
        tours=pl.when(staff).then(pl.when(chance.hits("tours", "who", rate=0.12)).then(6).otherwise(1)).otherwise(0),
        first=pl.when(staff & chance.hits("hired", "who", rate=0.06))
        .then(chance.below("hired-day", "who", size=pl.lit(days)))
        .otherwise(-1),
        last=pl.when(staff & chance.hits("left", "who", rate=0.04))
        .then(chance.below("left-day", "who", size=pl.lit(days)))
        .otherwise(100_000),
        married=pl.when(staff & chance.hits("renamed", "who", rate=0.01)).then(
            chance.below("renamed-day", "who", size=pl.lit(days))
        ),
        aliased=staff & chance.hits("alias", "who", rate=0.02),
        support=staff & chance.hits("support", "who", rate=0.0015),
    )


def _named(frame: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    first = named(chance.whole("first-name", "who", low=0, high=len(_FIRST) - 1), _FIRST)
    last = named(chance.whole("last-name", "who", low=0, high=len(_LAST) - 1), _LAST)
    number = pl.col("who").cast(pl.String())
    lower = [name.str.to_lowercase() for name in (first, last)]
    domain = (
        pl.when(pl.col("kind") == PARTNER)
        .then(pl.concat_str(pl.lit("@partner"), pl.col("firm").cast(pl.String()), pl.lit(".example")))
        .when(pl.col("kind") == PUBLIC)
        .then(pl.lit("@mail.example"))
        .otherwise(pl.lit(f"@{DOMAIN}"))
    )
    person = pl.concat_str(lower[0], pl.lit("."), lower[1], number)
    return frame.with_columns(
        name=pl.when(pl.col("kind") == ROOM)
        .then(pl.concat_str(pl.lit("Room "), number))
        .when(pl.col("kind") == SERVICE)
        .then(pl.lit("Notes by Scribe"))
        .otherwise(pl.concat_str(first, pl.lit(" "), last)),
        email=pl.when(pl.col("kind") == ROOM)
        .then(pl.concat_str(pl.lit("room."), number, pl.lit(f"@{DOMAIN}")))
        .when(pl.col("kind") == SERVICE)
        .then(pl.concat_str(pl.lit("notes."), number, pl.lit("@scribe.example")))
        .otherwise(pl.concat_str(person, domain)),
        alias=pl.concat_str(lower[0].str.slice(0, 1), lower[1], number, domain),
    )
