"""The people of the invented bank, and the outsiders it meets."""

from __future__ import annotations

import unicodedata

from auditor.frozen import dataclass
from auditor.simulator.population.dice import Dice
from auditor.simulator.population.model import Line, Person

DOMAIN = "northbank.example"
OFFICE = "198.51.100.7"
TEAMS = ("Treasury", "Lending", "Risk", "Compliance", "Technology", "Customer Service", "Legal", "Finance")
BOARD = "Executive Board"
BOARD_SIZE = 4
LAW, AUDIT, SUPPLIER, CLIENT = "lindqvist-law.example", "audit.example", "brightpath.example", "harbour-union.example"
MAILBOX = "mail.example"

_FIRST = (
    "Åse", "Bjørn", "Camille", "Dag", "Elena", "Fatima", "Gustav", "Hanne", "Ivar", "Jasmin", "Kofi", "Lena",
    "Magnus", "Nadia", "Oskar", "Priya", "Rolf", "Sanna", "Tariq", "Unni", "Viktor", "Wanja", "Yusuf", "Zoe",
    "Anders", "Beate", "Cedric", "Doris", "Emil", "Frida", "Guro", "Henrik", "Ines", "Jonas", "Kari", "Lars", "Maja",
    "Nils", "Olga", "Peder",
)  # fmt: skip
_LAST = (
    "Aune", "Berg", "Castell", "Dahl", "Ekeland", "Fosse", "Grindal", "Holm", "Isaksen", "Juul", "Krogh", "Lunde",
    "Moen", "Nærø", "Okafor", "Prestegård", "Qvale", "Rasmussen", "Solberg", "Thune", "Ulriksen", "Vestby", "Wold",
    "Ytre", "Zahl", "Abrahamsen", "Bakke", "Corneliussen", "Dybvik", "Elstad", "Falk", "Gran", "Haugen", "Ibsen",
    "Jahren", "Kleppe", "Ness", "Opdal", "Ruud", "Sætre",
)  # fmt: skip
_CLIENTS = (
    ("WINDOWS,Webex", "webex_meeting_center_windows"),
    ("WINDOWS,Webex", "webex_meeting_center_windows"),
    ("WINDOWS,Webex", "webex_meeting_center_windows"),
    ("MAC,Webex", "webex_meeting_center_mac"),
    ("MAC,Webex", "webex_meeting_center_mac"),
    ("LINUX,Webex", "webex_meeting_center_linux"),
)
_MOBILES = (("IOS,Webex", "webex_meeting_center_iphone"), ("ANDROID,Webex", "webex_meeting_center_android"))
_GUEST_CLIENTS = (
    ("WINDOWS,Webex", "webex_meeting_center_windows"),
    ("WINDOWS,Chrome", "webex_meeting_center_web"),
    ("MAC,Safari", "webex_meeting_center_web"),
    ("MAC,Webex", "webex_meeting_center_mac"),
)


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody there is. `staff` in order; `guests` by their company's domain."""

    staff: tuple[Person, ...]
    guests: tuple[Person, ...]

    def team(self, name: str) -> tuple[Person, ...]:
        """The people of a team, its lead first."""
        return tuple(person for person in self.staff if person.team == name)

    def of(self, domain: str) -> tuple[Person, ...]:
        """The guests of a company."""
        return tuple(person for person in self.guests if (person.email or "").endswith(f"@{domain}"))


def cast(users: int, dice: Dice) -> Cast:
    """So many staff in teams and on the board, and the guests of four companies and of a webinar."""
    names = _names(users, dice.child("names"))
    staff = tuple(_colleague(index, name, dice) for index, name in enumerate(names))
    guests = [
        outsider(name, f"{local(name)}@{domain}", 10 + 8 * rank + number, dice)
        for rank, (domain, people) in enumerate(_COMPANIES)
        for number, name in enumerate(people)
    ]
    return Cast(staff, tuple(guests))


_COMPANIES = (
    (LAW, ("Signe Lindqvist", "Paul Marchetti")),
    (AUDIT, ("Ruth Adeyemi", "Tomás Rivas")),
    (SUPPLIER, ("Mei Tanaka", "Joel Abbott", "Ольга Иванова", "Dana Whitlock")),
    (CLIENT, ("Hector Salas", "Ingrid Noor", "Femi Balogun", "Clara Voss", "Piotr Zając")),
)


def outsider(name: str, email: str | None, number: int, dice: Dice, *, client: tuple[str, str] | None = None) -> Person:
    """Somebody from outside with the address 203.0.113.`number`."""
    agent, device = client or dice.child(f"client/{name}").pick(_GUEST_CLIENTS)
    line = Line(f"203.0.113.{number}", agent, device)
    return Person(name, email, line, line)


def registrant(index: int, dice: Dice) -> Person:
    """Somebody from the public who registered for a webinar."""
    chance = dice.child(f"registrant/{index}")
    name = f"{chance.pick(_FIRST)} {chance.pick(_LAST)[0]}. {chance.pick(_LAST)}"
    agent, device = chance.pick(_GUEST_CLIENTS)
    line = Line(f"2001:db8:{0xF000 + index:x}::{chance.between(2, 9999):x}", agent, device)
    profile = (("city", chance.pick(("Bergen", "Oslo", "Tromsø", "Trondheim"))), ("country", "Norway"))
    return Person(name, f"{local(name)}.{index}@{MAILBOX}", line, line, profile=profile)


def local(name: str) -> str:
    """The part of an e-mail address in front of the @ for a name.

    >>> local("Åse Nærø")
    'ase.naero'
    """
    plain = name.lower().replace("æ", "ae").replace("ø", "o").replace("ß", "ss").replace("ł", "l")
    folded = unicodedata.normalize("NFKD", plain)
    kept = "".join(letter for letter in folded if letter.isascii() and (letter.isalnum() or letter == " "))
    return ".".join(kept.split()) or f"person{sum(map(ord, name)) % 1000}"


def _names(users: int, dice: Dice) -> list[str]:
    pairs = dice.sample([f"{first} {last}" for first in _FIRST for last in _LAST], users)
    return [pairs[index] if index < len(pairs) else f"{pairs[index % len(pairs)]} {index}" for index in range(users)]


def _colleague(index: int, name: str, dice: Dice) -> Person:
    chance = dice.child(f"colleague/{index}")
    agent, device = chance.pick(_CLIENTS)
    on_the_road, handset = chance.pick(_MOBILES)
    ipv6 = index >= 240 or chance.chance(0.3)
    address = f"2001:db8:{0x100 + index % 0x8000:x}::{index:x}" if ipv6 else f"192.0.2.{10 + index % 240}"
    return Person(
        name,
        f"{local(name)}@{DOMAIN}",
        Line(address, agent, device),
        Line(f"2001:db8:{0x9000 + index % 0x6000:x}::{index:x}", on_the_road, handset),
        phone=f"120255501{index % 100:02d}",
        team=BOARD if index < BOARD_SIZE else TEAMS[(index - BOARD_SIZE) % len(TEAMS)],
    )
