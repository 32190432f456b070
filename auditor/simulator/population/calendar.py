"""The ordinary weeks of the company: every unit is clean under the stable rules, and each has a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from auditor.simulator.population.cast import AUDIT, BOARD, CLIENT, LAW, SUPPLIER, TEAMS, registrant
from auditor.simulator.population.model import Breakout, Presence
from auditor.simulator.population.scene import SLOTS, Scene

WEEK = 5

Unit = Callable[[Scene], None]


def scale(scene: Scene) -> int:
    """How many times sixty people there are, at least once."""
    return max(1, len(scene.cast.staff) // 60)


def stand_ups(scene: Scene) -> None:
    """Two short series a team and week."""
    for rank, team in enumerate(TEAMS):
        people = scene.cast.team(team)
        for day in range(len(scene.days)):
            if people and day % WEEK in {rank % 2, 2 + rank % 2}:
                scene.meet(
                    "stand-up", f"{team} stand-up", people[0], people[1:],
                    day=day, slot=1, minutes=15, series=f"stand-up/{team}", showing=0.93,
                )  # fmt: skip


def team_meetings(scene: Scene) -> None:
    """One series a team and week."""
    for rank, team in enumerate(TEAMS):
        people = scene.cast.team(team)
        for week in range(len(scene.days) // WEEK):
            if people:
                scene.meet(
                    "team", f"{team} weekly", people[0], people[1:],
                    day=week * WEEK + rank % WEEK, slot=3, minutes=45, series=f"team/{team}", showing=0.95,
                )  # fmt: skip


def all_hands(scene: Scene) -> None:
    """Everybody, once a week; nobody from outside."""
    host = scene.cast.team(BOARD)[0]
    others = [person for person in scene.cast.staff if person is not host]
    for week in range(len(scene.days) // WEEK):
        scene.meet(
            "all-hands", "Friday all-hands", host, others,
            day=week * WEEK + 4, slot=6, minutes=30, series="all-hands", showing=0.9,
        )  # fmt: skip


def committee(scene: Scene) -> None:
    """The weekly confidential series: members only, all invited, none by telephone."""
    risk, board = scene.cast.team("Risk"), scene.cast.team(BOARD)
    for week in range(len(scene.days) // WEEK):
        scene.meet(
            "committee", "Confidential: credit committee", risk[0],
            [*risk[1:3], *board[1:3], scene.cast.team("Lending")[0]],
            day=week * WEEK + 1, slot=7, minutes=45, series="committee", tracking=(("Project", "CC-2026"),),
        )  # fmt: skip


def audit_follow_up(scene: Scene) -> None:
    """Internal audit with the trusted firm of auditors, every second week."""
    compliance, auditors = scene.cast.team("Compliance"), scene.cast.of(AUDIT)
    for week in range(0, len(scene.days) // WEEK, 2):
        scene.meet(
            "audit", "Internal audit follow-up", compliance[0], [*compliance[1:3], *auditors],
            day=week * WEEK + 3, slot=5, minutes=40, series="audit",
        )  # fmt: skip


def projects(scene: Scene) -> None:
    """Cross-team series with the supplier or the law firm, everybody invited."""
    themes = (("Core banking migration", SUPPLIER), ("Mobile app release", SUPPLIER), ("Loan contract templates", LAW),
              ("Branch refit", CLIENT), ("Payments gateway", SUPPLIER))  # fmt: skip
    for rank, (title, domain) in enumerate(themes):
        dice = scene.dice.child(f"project/{title}")
        lead, *members = dice.sample(scene.cast.staff[4:], 9)
        guests = dice.sample(scene.cast.of(domain), 3)
        for week in range(len(scene.days) // WEEK):
            scene.meet(
                "project", title, lead, [*members, *guests],
                day=week * WEEK + rank, slot=4, minutes=45, series=f"project/{title}", showing=0.95,
                tracking=(("Project", f"P-{100 + rank}"),),
            )  # fmt: skip


def client_calls(scene: Scene) -> None:
    """Calls with customers."""
    lenders = scene.cast.team("Lending")
    subjects = ("loan terms", "account review", "rates outlook", "annual figures")
    for number in range(len(scene.days)):
        dice = scene.dice.child(f"client/{number}")
        host, *members = dice.sample(lenders, 3)
        scene.meet(
            "client", f"Harbour Union: {dice.pick(subjects)}", host,
            [*members, *dice.sample(scene.cast.of(CLIENT), 3)], day=number, slot=5, minutes=30,
        )  # fmt: skip


def reviews(scene: Scene) -> None:
    """Wide internal meetings on all sorts of subjects."""
    subjects = ("Quarter planning", "Incident review", "Data quality", "Branch feedback", "Process mapping",
                "Onboarding of new colleagues", "Card PIN pad rollout", "Service desk figures",
                "Budget check")  # fmt: skip
    for number in range(len(scene.days) * 9 // 5 * scale(scene)):
        dice = scene.dice.child(f"review/{number}")
        host, *members = dice.sample(scene.cast.staff[4:], dice.between(13, 19))
        scene.meet(
            "review", subjects[number % len(subjects)], host, members,
            day=number % len(scene.days), slot=dice.between(0, SLOTS - 1), minutes=dice.pick((30, 40, 45)),
            showing=0.95,
        )  # fmt: skip


def one_to_ones(scene: Scene) -> None:
    """Two colleagues, half an hour."""
    for number in range(len(scene.days) * 2 * scale(scene)):
        dice = scene.dice.child(f"pair/{number}")
        first, second = dice.sample(scene.cast.staff, 2)
        title = f"{first.name.split()[0]} and {second.name.split()[0]}"
        scene.meet(
            "pair", title, first, [second], day=number % len(scene.days), slot=dice.between(0, SLOTS - 1), minutes=25
        )


def personal_rooms(scene: Scene) -> None:
    """Personal rooms: colleagues drop in, nobody is invited because nobody can be."""
    for number in range(len(scene.days) * scale(scene)):
        dice = scene.dice.child(f"room/{number}")
        host, *visitors = dice.sample(scene.cast.staff, dice.between(2, 4))
        scene.meet(
            "room", f"{host.name}'s Personal Room", host, visitors,
            day=number % len(scene.days), slot=dice.between(2, 8), minutes=20, series=f"room/{host.key}", invited=False,
        )  # fmt: skip


def training(scene: Scene) -> None:
    """Training in breakout sessions, every second week."""
    host = scene.cast.team("Compliance")[1]
    others = [person for person in scene.cast.staff if person is not host]
    for round_ in range(max(1, len(scene.days) // WEEK // 2)):
        key = scene.meet(
            "training", "Anti-money-laundering workshop", host, others[round_ * 28 : round_ * 28 + 28],
            day=round_ * 2 * WEEK + 2, slot=7, minutes=45, series="training", quiet=True,
        )  # fmt: skip
        session = scene.sessions[key]
        rooms = ("Case A", "Case B", "Case C", "Case D")
        seated = tuple(
            _in_room(scene, key, each, rooms[rank % len(rooms)]) for rank, each in enumerate(session.presences)
        )
        scene.sessions[key] = replace(session, presences=seated)


def _in_room(scene: Scene, key: str, presence: Presence, room: str) -> Presence:
    if presence.host:
        return presence
    start = scene.sessions[key].start
    visit = Breakout(
        scene.dice.uuid(f"{key}/{room}"), room, start + timedelta(minutes=12), start + timedelta(minutes=30)
    )
    return replace(presence, breakouts=(visit,))


def webinar(scene: Scene) -> None:
    """One public webinar: a crowd from everywhere, every one of them registered."""
    host, *panel = scene.cast.team("Customer Service")[:3]
    crowd = [registrant(index, scene.dice) for index in range(86)]
    scene.meet(
        "webinar", "Webinar: saving for a first home", host, [*panel, *crowd],
        day=len(scene.days) // 2, slot=8, minutes=45, webinar=True, showing=0.95,
    )  # fmt: skip


UNITS: Mapping[str, Unit] = MappingProxyType(
    {
        "committee": committee,
        "all-hands": all_hands,
        "webinar": webinar,
        "training": training,
        "audit": audit_follow_up,
        "projects": projects,
        "stand-ups": stand_ups,
        "team-meetings": team_meetings,
        "client-calls": client_calls,
        "personal-rooms": personal_rooms,
        "one-to-ones": one_to_ones,
        "reviews": reviews,
    }
)
