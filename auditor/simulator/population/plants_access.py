"""Plants about who was there: uninvited, external, denied, looking in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from auditor.simulator.population.cast import BOARD, SUPPLIER, outsider
from auditor.simulator.population.model import Person, Session
from auditor.simulator.population.presences import from_to
from auditor.simulator.population.scene import Scene


def board_outsider(scene: Scene) -> None:
    """A stranger sits through a board meeting to which nobody invited her."""
    chair, *board = scene.cast.team(BOARD)
    key = scene.meet("board", "Board meeting: third quarter", chair, board, day=9, slot=4, minutes=45, quiet=True)
    guest = outsider("Eve Marlow", "eve.marlow@keystone.example", 201, scene.dice)
    scene.add(key, scene.presence(scene.sessions[key], guest, invited=False))
    scene.label("board-outsider", "plant", "eve.marlow@keystone.example", key)


def forwarded_confidential(scene: Scene) -> None:
    """A colleague joins a confidential meeting by a forwarded link."""
    session = scene.of_unit("committee")[1]
    colleague = _idle(scene, session, scene.cast.team("Technology") + scene.cast.team("Legal"))
    scene.add(session.key, scene.presence(session, colleague, invited=False))
    scene.label("forwarded-confidential", "plant", colleague.key, session.key)


def consultant_in_confidential(scene: Scene) -> None:
    """An invited consultant takes part in a confidential meeting that is meant for the company alone."""
    session = scene.of_unit("committee")[2]
    guest = outsider("Noah Sterling", "noah@sterling-consult.example", 202, scene.dice)
    scene.add(session.key, scene.presence(session, guest, invited=True))
    scene.label("consultant-in-confidential", "plant", guest.key, session.key)


def denied_domain(scene: Scene) -> None:
    """A competitor on the list of denied domains is invited to a customer call."""
    session = scene.of_unit("client")[6]
    guest = outsider("Gregor Haas", "g.haas@rival-capital.example", 203, scene.dice)
    scene.add(session.key, scene.presence(session, guest, invited=True))
    scene.label("denied-domain", "plant", guest.key, session.key)


def external_in_internal(scene: Scene) -> None:
    """A supplier gets the invitation to a meeting whose title says internal only."""
    host, *members = scene.cast.team("Finance")[:5]
    key = scene.meet("internal", "Reorganisation (internal only)", host, members, day=12, slot=3, quiet=True)
    guest = scene.cast.of(SUPPLIER)[1]
    scene.add(key, scene.presence(scene.sessions[key], guest, invited=True))
    scene.label("external-in-internal", "plant", guest.key, key)


def lookalike_guest(scene: Scene) -> None:
    """An uninvited guest whose domain is the bank's with a zero for the letter o."""
    session = [each for each in scene.of_unit("review") if each.title == "Quarter planning"][1]
    guest = outsider("Astrid Vik", "astrid.vik@n0rthbank.example", 204, scene.dice)
    scene.add(session.key, scene.presence(session, guest, invited=False))
    scene.label("lookalike-guest", "plant", guest.key, session.key)


def short_visit(scene: Scene) -> None:
    """A colleague who was not invited looks in for eighty seconds."""
    session = scene.of_unit("team")[9]
    visitor = _idle(scene, session, scene.cast.staff)
    presence = scene.presence(session, visitor, invited=False)
    minutes = timedelta(minutes=1)
    scene.add(session.key, from_to(presence, 15 * minutes, 15 * minutes + timedelta(seconds=80), session=session))
    scene.label("short-visit", "plant", visitor.key, session.key)


def note_taker(scene: Scene) -> None:
    """A note-taking service attends in the place of a customer."""
    session = scene.of_unit("client")[11]
    bot = outsider("Clara's Notetaker", "recorder@minutes-service.example", 205, scene.dice)
    scene.add(session.key, scene.presence(session, bot, invited=True))
    scene.label("note-taker", "plant", bot.name, session.key)


def external_co_host(scene: Scene) -> None:
    """A supplier is made co-host of a project meeting."""
    session = next(each for each in scene.of_unit("project") if each.title == "Payments gateway")
    guest = next(each.person for each in session.presences if (each.person.email or "").endswith(f"@{SUPPLIER}"))
    scene.change(session.key, guest, lambda presence: replace(presence, co_host=True))
    scene.label("external-co-host", "plant", guest.key, session.key)


def outside_host(scene: Scene) -> None:
    """A contractor's own account hosts a meeting on the bank's site."""
    host = outsider("Noah Sterling", "noah@sterling-consult.example", 202, scene.dice)
    key = scene.meet(
        "outside-host", "Workshop follow-up", host, scene.cast.team("Lending")[3:6], day=16, slot=2, quiet=True
    )
    scene.label("outside-host", "plant", host.key, key)


def _idle(scene: Scene, session: Session, among: tuple[Person, ...]) -> Person:
    """The last of them of another team who is expected nowhere during the session."""
    day, slot = scene.hour_of(session)
    others = [person for person in reversed(among) if person.team != session.host.team]
    return next(person for person in others if scene.is_free(person, day=day, slot=slot))
