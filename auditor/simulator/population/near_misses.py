"""Behaviours that look like a plant and must not be reported."""

from __future__ import annotations

from dataclasses import replace

from auditor.simulator.population.cast import AUDIT, BOARD, CLIENT, SUPPLIER, outsider
from auditor.simulator.population.model import Person, Presence, Stay
from auditor.simulator.population.presences import TELEPHONE, by_own_telephone, from_to, in_pieces, on_line
from auditor.simulator.population.scene import MINUTE, SECOND, Scene


def trusted_auditor(scene: Scene) -> None:
    """An auditor of the trusted firm is invited to a board meeting; a director is called back by telephone there."""
    chair, *board = scene.cast.team(BOARD)
    key = scene.meet("board", "Board meeting: audit plan", chair, board, day=15, slot=4, minutes=45, quiet=True)
    auditor = scene.cast.of(AUDIT)[0]
    scene.add(key, scene.presence(scene.sessions[key], auditor))
    scene.change(key, board[0], lambda presence: by_own_telephone(presence, "callBack"))
    scene.label("trusted-auditor", "near-miss", auditor.key, key)
    scene.label("call-back", "near-miss", board[0].key, key)


def touching_address(scene: Scene) -> None:
    """Two flatmates use one line in one meeting, the second from the very second at which the first leaves it."""
    first, second, host, *others = scene.cast.team("Customer Service")[1:7]
    key = scene.meet("flat", "Opening hours in autumn", host, [first, second, *others], day=8, slot=2, quiet=True)
    session = scene.sessions[key]
    line = replace(first.home, ip="192.0.2.252")
    turn, end = session.length / 2, session.length - MINUTE

    def leaves(presence: Presence) -> Presence:
        flat = from_to(on_line(presence, line), MINUTE, turn, session=session)
        road = from_to(on_line(presence, first.mobile), turn + 20 * SECOND, end, session=session)
        return replace(presence, stays=flat.stays + road.stays)

    def arrives(presence: Presence) -> Presence:
        road = from_to(on_line(presence, second.mobile), MINUTE, turn - 20 * SECOND, session=session)
        flat = from_to(on_line(presence, line), turn, end, session=session)
        return replace(presence, stays=road.stays + flat.stays)

    scene.change(key, first, leaves)
    scene.change(key, second, arrives)
    scene.label("touching-address", "near-miss", ", ".join(sorted((first.key, second.key))), key)


def summed_rejoins(scene: Scene) -> None:
    """Four joins, each far too short, add up to most of the meeting."""
    session = scene.of_unit("review")[7]
    person = _calm(session.key, scene, rank=1)
    quarter = (session.length - 2 * MINUTE) / 4
    pieces = [(count * quarter + 40 * SECOND, (count + 1) * quarter) for count in range(4)]
    scene.change(session.key, person, lambda presence: in_pieces(presence, pieces, session=session))
    scene.label("summed-rejoins", "near-miss", person.key, session.key)


def three_attempts(scene: Scene) -> None:
    """Three joins of a few seconds before the fourth holds: one fewer than a burst."""
    session = scene.of_unit("review")[14]
    person = _calm(session.key, scene, rank=2)
    pieces = [(count * 40 * SECOND, count * 40 * SECOND + 10 * SECOND) for count in range(3)]
    pieces.append((3 * MINUTE, session.length - MINUTE))
    scene.change(session.key, person, lambda presence: in_pieces(presence, pieces, session=session))
    scene.label("three-attempts", "near-miss", person.key, session.key)


def hand_over(scene: Scene) -> None:
    """A colleague goes on by mobile telephone twenty seconds before the laptop leaves."""
    session = scene.of_unit("review")[18]
    person = _calm(session.key, scene, rank=3)
    half = session.length / 2

    def moved(presence: Presence) -> Presence:
        first = from_to(presence, MINUTE, half + 20 * SECOND, session=session).stays[0]
        second = from_to(on_line(presence, person.mobile), half, session.length - MINUTE, session=session).stays[0]
        return replace(presence, stays=(first, second))

    scene.change(session.key, person, moved)
    scene.label("hand-over", "near-miss", person.key, session.key)


def four_minutes_early(scene: Scene) -> None:
    """A guest waits four minutes for the host."""
    session = scene.of_unit("client")[16]
    guest = next(each.person for each in session.presences if (each.person.email or "").endswith(f"@{CLIENT}"))
    host = next(each for each in session.presences if each.host)
    early = host.stays[0].joined - session.start - 4 * MINUTE
    scene.change(
        session.key, guest, lambda presence: from_to(presence, early, session.length - MINUTE, session=session)
    )
    scene.label("four-minutes-early", "near-miss", guest.key, session.key)


def lingering_guests(scene: Scene) -> None:
    """Two suppliers need three minutes more than their hosts to say good-bye."""
    session = next(each for each in scene.of_unit("project")[8:] if each.title == "Core banking migration")
    guests = [each.person for each in session.presences if (each.person.email or "").endswith(f"@{SUPPLIER}")]
    for guest in guests[:2]:
        scene.change(
            session.key,
            guest,
            lambda presence: from_to(presence, MINUTE, session.length + 3 * MINUTE, session=session),
        )
    scene.label("lingering-guests", "near-miss", session.title, session.key)


def second_voice(scene: Scene) -> None:
    """A web attendee dials in without the attendee id: a nameless telephone that comes and goes with her."""
    session = scene.of_unit("team")[5]
    person = _calm(session.key, scene, rank=0)
    web = next(each for each in session.presences if each.person.key == person.key).stays[0]
    scene.change(session.key, person, lambda presence: replace(presence, stays=(replace(web, audio="inactive"),)))
    name = "+1 202 555 01**"
    leg = Stay(web.joined + 35 * SECOND, web.left + 5 * SECOND, TELEPHONE, "pstn", "callIn", person.phone, row=False)
    phone = Presence(Person(name, None, TELEPHONE, TELEPHONE), (leg,), invited=None, reported=False)
    scene.add(session.key, phone)
    scene.label("second-voice", "near-miss", person.key, session.key)


def own_telephones(scene: Scene) -> None:
    """Colleagues whose audio is their own telephone in two ordinary meetings."""
    for rank in (2, 17):
        session = scene.of_unit("team")[rank]
        person = _calm(session.key, scene, rank=0)
        scene.change(session.key, person, lambda presence: by_own_telephone(presence, "callIn"))
        scene.label("own-telephone", "near-miss", person.key, session.key)


def old_client_outside(scene: Scene) -> None:
    """A customer, not a colleague, uses an old browser."""
    session = scene.of_unit("client")[18]
    guest = outsider(
        "Ingrid Noor-Hansen", "i.hansen@harbour-union.example", 232, scene.dice,
        client=("WINDOWS,IE", "webex_meeting_center_web"),
    )  # fmt: skip
    scene.add(session.key, scene.presence(session, guest))
    scene.label("old-client-outside", "near-miss", guest.key, session.key)


def _calm(key: str, scene: Scene, *, rank: int) -> Person:
    calm = [each.person for each in scene.sessions[key].presences if not each.host and len(each.stays) == 1]
    return [person for person in calm if person.team][rank]
