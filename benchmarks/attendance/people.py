"""Who attends: staff and guests by number, with names, addresses and clients that follow from the number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import polars as pl

from auditor.simulator.scale.chance import Chance, named

DOMAIN = "northbank.example"
SITE = "northbank.webex.com"
MEMBERS = 12
"""People of one partner firm."""
OFFICES = 8
SERVICE = -1
"""The first number of note-taking services; each further one is one less."""

_FIRST = (
    "Asta", "Bo", "Carla", "Dev", "Elin", "Femi", "Gita", "Hugo", "Ida", "Joel", "Kaja", "Leo", "Mina", "Noor", "Odd",
    "Pia", "Quin", "Rosa", "Siv", "Tor", "Uma", "Vera", "Wim", "Xenia", "Ylva", "Zeno", "Arne", "Berit", "Cem", "Dora",
)  # fmt: skip
_STEM = (
    "Aas", "Brand", "Cost", "Dietz", "Eid", "Far", "Gom", "Hag", "Ivers", "Jans", "Klein", "Lim", "Moe", "Nord",
    "Ols", "Park", "Quist", "Rao", "Strand", "Tan", "Urb", "Vik", "Web", "Xu", "Young", "Zimm",
)  # fmt: skip
_STAFF_END = ("berg", "dal", "en", "gaard", "heim", "land", "lund", "mark", "nes", "rud", "sen", "stad", "vold", "øy")
_GUEST_END = ("by", "croft", "field", "ford", "ham", "ley", "more", "shaw", "stone", "ton", "well", "wick", "wood")
_SYSTEMS = ("Windows 11", "Windows 10", "Mac", "Linux", "ChromeOS", "Windows 7")
_MAIL = ("gmail.com", "outlook.com", "gmx.de", "yahoo.com", "proton.me")


@dataclass(frozen=True, slots=True)
class People:
    """How many there are: `staff` members, each of `firms` with `MEMBERS` guests, `services` that take notes.

    `tickets` is a prime: who sits where is dealt by steps round a circle of so many places, so that nobody gets two
    seats of one hour but those who hold several tickets, the busiest `heavy` of the staff.
    """

    staff: int
    chance: Chance

    @property
    def heavy(self) -> int:
        return max(1, self.staff // 100)

    @property
    def tickets(self) -> int:
        return _prime(self.staff + 3 * self.heavy)

    @property
    def firms(self) -> int:
        return _prime(max(150, self.staff // 20))

    @property
    def services(self) -> int:
        return max(1, self.staff // 1000)

    def of_ticket(self, ticket: pl.Expr) -> pl.Expr:
        """The member of staff who holds a ticket."""
        return pl.when(ticket < self.staff).then(ticket).otherwise((ticket - self.staff) % self.heavy)


def dealt(place: pl.Expr, turn: pl.Expr, *, round_of: int) -> pl.Expr:
    """A seat of the circle for each place of one turn, no seat twice while places are fewer than seats."""
    return (place * (round_of * 618 // 1000) + turn % round_of) % round_of


def identity(people: People) -> dict[str, pl.Expr]:
    """`name` and `email` of the person `who`; guests have `guest` true, services numbers below zero."""
    chance, who = people.chance, pl.col("who")
    first = named(who % len(_FIRST), _FIRST)
    rest = who // len(_FIRST)
    stem = named(rest % len(_STEM), _STEM)
    rest //= len(_STEM)
    own = named(rest % len(_STAFF_END), _STAFF_END)
    guest = named(rest % len(_GUEST_END), _GUEST_END)
    initial = named(rest // len(_STAFF_END) % 26, [chr(ord("A") + letter) for letter in range(26)])
    end = pl.when("guest").then(guest).otherwise(own)
    name = pl.concat_str(first, pl.lit(" "), initial, pl.lit(". "), stem, end)
    service = pl.concat_str(pl.lit("Fireflies Notetaker "), (-who).cast(pl.String()))
    firm = (who // MEMBERS).cast(pl.String())
    drawn = chance.draw("guest-domain", "who")
    domain = (
        pl.when(~pl.col("guest"))
        .then(pl.lit(DOMAIN))
        .when(who < 0)
        .then(pl.lit("notes.example"))
        .when(drawn < 0.010)
        .then(named(chance.whole("mail", "who", low=0, high=len(_MAIL) - 1), _MAIL))
        .when(drawn < 0.0106)
        .then(pl.lit("rival.example"))
        .when(drawn < 0.0109)
        .then(pl.lit("mail.rival.example"))
        .when(drawn < 0.0112)
        .then(pl.lit("n0rthbank.example"))
        .otherwise(pl.concat_str(pl.lit("firm"), firm, pl.lit(".example")))
    )
    local = pl.concat_str(first.str.to_lowercase(), pl.lit("."), stem.str.to_lowercase(), who.abs().cast(pl.String()))
    return {
        "name": pl.when(who < 0).then(service).otherwise(name),
        "email": pl.concat_str(local, pl.lit("@"), domain),
    }


def system(people: People) -> pl.Expr:
    """The operating system a person works with."""
    shares = {0: 0.46, 1: 0.3, 2: 0.2, 3: 0.03, 4: 0.0094, 5: 0.0006}
    return named(people.chance.one_of("system", "who", shares=shares), _SYSTEMS)


def agent(people: People) -> pl.Expr:
    """The client a join names: on the way the telephone's, else that of the person's own machine."""
    browser = pl.col("guest") & people.chance.hits("browser", "who", rate=0.4)
    app = pl.when(browser).then(pl.lit(",Chrome")).otherwise(pl.lit(",Webex"))
    phone = pl.when(pl.col("who") % 2 == 0).then(pl.lit("iOS,Webex")).otherwise(pl.lit("Android,Webex"))
    return pl.when("mobile").then(phone).otherwise(pl.concat_str(system(people), app))


def address(people: People) -> pl.Expr:
    """The address of a join: a mobile one on the way, an office's shared one, or the person's own line.

    Everything lies in 240.0.0.0/4, which is nobody's (RFC 1112), and 2001:db8::/32 (RFC 3849).
    """
    chance, who = people.chance, pl.col("who")
    day = pl.col("day")
    office = chance.hits("office", "who", day, rate=pl.when("guest").then(0.12).otherwise(0.45)) & (who >= 0)
    per_office = max(1, people.staff // 4000)
    nat = _dotted(253, (who % OFFICES) * 256 + (who // OFFICES) % per_office + 1)
    firm = _dotted(245, (who // MEMBERS) * 256 + 10)
    line = pl.when("guest").then(pl.lit(246)).otherwise(pl.lit(241))
    home = _dotted(line, who.abs() * 8 + 3)
    six = chance.hits("six", "who", rate=0.15) & (who >= 0)
    wide = pl.concat_str(pl.lit("2001:db8:"), _hex(who % 65535 + 1), pl.lit("::"), _hex(who // 65535 + 1))
    roaming = _dotted(242, chance.whole("roaming", "seat", low=0, high=(1 << 24) - 1))
    return (
        pl.when("mobile")
        .then(roaming)
        .when(office & ~pl.col("guest"))
        .then(nat)
        .when(office)
        .then(firm)
        .when(six)
        .then(wide)
        .otherwise(home)
    )


def _dotted(first: int | pl.Expr, rest: pl.Expr) -> pl.Expr:
    head = pl.lit(first) if isinstance(first, int) else first
    parts = [rest // (1 << shift) % 256 for shift in (16, 8, 0)]
    return pl.concat_str([head.cast(pl.String()), *(part.cast(pl.String()) for part in parts)], separator=".")


def _hex(number: pl.Expr) -> pl.Expr:
    def digits(found: pl.Series) -> pl.Series:
        return _digits().gather(found.cast(pl.UInt32))

    return number.map_batches(digits, return_dtype=pl.String(), is_elementwise=True)


@cache
def _digits() -> pl.Series:
    return pl.Series([f"{value:x}" for value in range(1 << 16)])


def _prime(least: int) -> int:
    number = least | 1
    while any(number % divisor == 0 for divisor in range(3, int(number**0.5) + 1, 2)):
        number += 2
    return number
