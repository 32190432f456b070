"""Plants about how people attend: too short, in bursts, without a host, by telephone, in a flood."""

from __future__ import annotations

from dataclasses import replace

from auditor.simulator.population.cast import SUPPLIER, outsider
from auditor.simulator.population.model import Person
from auditor.simulator.population.presences import by_own_telephone, caller, from_to, in_pieces, stranger
from auditor.simulator.population.scene import MINUTE, SECOND, Scene


def short_attendance(scene: Scene) -> None:
    """Two people leave early, one of them in two joins that add up to too little."""
    first, second = scene.of_unit("review")[3], scene.of_unit("review")[20]
    leaver, returner = _guest_of(first.key, scene, rank=2), _guest_of(second.key, scene, rank=4)
    scene.change(first.key, leaver, lambda presence: from_to(presence, MINUTE, 9 * MINUTE, session=first))
    pieces = [(MINUTE, 6 * MINUTE), (10 * MINUTE, 14 * MINUTE)]
    scene.change(second.key, returner, lambda presence: in_pieces(presence, pieces, session=second))
    scene.label("short-attendance", "plant", leaver.key, first.key)
    scene.label("short-attendance", "plant", returner.key, second.key)


def join_burst(scene: Scene) -> None:
    """Five joins of a few seconds within six minutes, then a normal stay."""
    session = scene.of_unit("project")[11]
    person = _guest_of(session.key, scene, rank=1)
    pieces = [(count * 50 * SECOND, count * 50 * SECOND + 12 * SECOND) for count in range(5)]
    pieces.append((6 * MINUTE, session.length - MINUTE))
    scene.change(session.key, person, lambda presence: in_pieces(presence, pieces, session=session))
    scene.label("join-burst", "plant", person.key, session.key)


def host_never_came(scene: Scene) -> None:
    """Three colleagues talk for half an hour; their host never joins."""
    host, *members = scene.cast.team("Legal")[:4]
    key = scene.meet("hostless", "Lease agreements", host, members, day=13, slot=6, minutes=30, quiet=True)
    session = scene.sessions[key]
    scene.sessions[key] = replace(session, presences=tuple(each for each in session.presences if not each.host))
    scene.label("host-never-came", "plant", session.title, key)


def too_early(scene: Scene) -> None:
    """A colleague sits in the meeting for twelve minutes before its host comes."""
    host, *members = scene.cast.team("Technology")[:5]
    key = scene.meet("early", "Release checklist", host, members, day=4, slot=0, quiet=True)
    session = scene.sessions[key]
    scene.change(
        key, members[1], lambda presence: from_to(presence, -14 * MINUTE, session.length - MINUTE, session=session)
    )
    scene.label("too-early", "plant", members[1].key, key)


def externals_left_alone(scene: Scene) -> None:
    """Two suppliers stay for a quarter of an hour after the last colleague has left."""
    host, *members = scene.cast.team("Technology")[:3]
    guests = scene.cast.of(SUPPLIER)[:2]
    key = scene.meet("alone", "Interface questions", host, [*members, *guests], day=11, slot=8, minutes=30, quiet=True)
    session = scene.sessions[key]
    for guest in guests:
        scene.change(
            key, guest, lambda presence: from_to(presence, MINUTE, session.length + 15 * MINUTE, session=session)
        )
    scene.label("externals-left-alone", "plant", session.title, key)


def confidential_by_telephone(scene: Scene) -> None:
    """A confidential meeting with a known colleague on the telephone and a caller nobody can name."""
    host, *members = scene.cast.team("Compliance")[:4]
    key = scene.meet("case", "Confidential: conduct case 14", host, members, day=7, slot=5, quiet=True)
    session = scene.sessions[key]
    scene.change(key, members[0], lambda presence: by_own_telephone(presence, "callIn"))
    voice = caller(session, "+1 202 555 01**", "12025550187", after=6 * MINUTE, until=session.length - 4 * MINUTE)
    scene.add(key, voice)
    scene.label("confidential-by-telephone", "plant", session.title, key)
    scene.label("unknown-caller", "plant", voice.person.name, key)


def unknown_caller(scene: Scene) -> None:
    """A caller without a name in an ordinary meeting."""
    session = scene.of_unit("team")[22]
    voice = caller(session, "Call-in User_2", "12025550163", after=4 * MINUTE, until=session.length - 9 * MINUTE)
    scene.add(session.key, voice)
    scene.label("unknown-caller", "plant", voice.person.name, session.key)


def bombing(scene: Scene) -> None:
    """Ten strangers burst into a meeting within three minutes and are gone again within one."""
    session = scene.of_unit("review")[26]
    names = ("Zed", "m00n", "KapitanK", "Rick A.", "Blorp", "Nobody", "Sgt Pepper", "Big Bird", "Q", "la la la")
    for rank, name in enumerate(names):
        guest = outsider(f"{name} {rank}", None, 211 + rank, scene.dice)
        after = 12 * MINUTE + rank * 17 * SECOND
        scene.add(session.key, stranger(session, guest, after=after, until=after + (34 + rank * 2) * SECOND))
    scene.label("bombing", "plant", session.title, session.key)


def enumeration(scene: Scene) -> None:
    """One nameless visitor tries seven meetings of seven hosts on one day, half a minute each."""
    day = scene.days[17].date()
    by_host = {
        session.host.key: session
        for unit in ("stand-up", "team", "review", "client")
        for session in scene.of_unit(unit)
        if session.start.date() == day
    }
    visitor = outsider("Marta", None, 231, scene.dice)
    chosen = sorted(by_host.values(), key=lambda session: (session.start, session.key))[:7]
    for rank, session in enumerate(chosen):
        after = (5 + rank) * MINUTE
        scene.add(session.key, stranger(session, visitor, after=after, until=after + (25 + 3 * rank) * SECOND))
    scene.label("enumeration", "plant", str(visitor.home.ip), *(session.key for session in chosen))


def secret_in_title(scene: Scene) -> None:
    """A host writes the passcode into the title."""
    host, *members = scene.cast.team("Customer Service")[2:6]
    key = scene.meet("secret", "Vendor line, passcode: 448812", host, members, day=14, slot=2, quiet=True)
    scene.label("secret-in-title", "plant", scene.sessions[key].title, key)


def missing_people(scene: Scene) -> None:
    """The usage report counts three people more than the attendee report lists."""
    session = scene.of_unit("team")[26]
    scene.sessions[session.key] = replace(session, extra_people=3)
    scene.label("missing-people", "plant", session.title, session.key)


def missing_meeting(scene: Scene) -> None:
    """The usage report knows a meeting of five people of which the attendee report has no row."""
    host, *members = scene.cast.team("Finance")[:5]
    key = scene.meet("missing", "Write-off proposals", host, members, day=18, slot=7, quiet=True)
    session = scene.sessions[key]
    scene.sessions[key] = replace(session, presences=(), extra_people=5)
    scene.label("missing-meeting", "plant", session.title, key)


def wrong_duration(scene: Scene) -> None:
    """A row claims ninety-five minutes for a stay of forty."""
    session = scene.of_unit("project")[16]
    person = _guest_of(session.key, scene, rank=3)
    scene.change(
        session.key, person, lambda presence: replace(presence, stays=(replace(presence.stays[0], minutes=95),))
    )
    scene.label("wrong-duration", "plant", person.key, session.key)


def _guest_of(key: str, scene: Scene, *, rank: int) -> Person:
    """One of the colleagues of a session who is there in one join and does not host it."""
    calm = [each.person for each in scene.sessions[key].presences if not each.host and len(each.stays) == 1]
    return [person for person in calm if person.team][rank]
