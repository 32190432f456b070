"""Plants about who somebody is: nameless, disguised, shared, in two places."""

from __future__ import annotations

from dataclasses import replace

from auditor.simulator.population.cast import SUPPLIER, outsider
from auditor.simulator.population.model import Line
from auditor.simulator.population.presences import on_line, stranger
from auditor.simulator.population.scene import MINUTE, Scene


def script_guest(scene: Scene) -> None:
    """A guest without e-mail whose name is a piece of HTML."""
    session = scene.of_unit("project")[5]
    guest = outsider("<script>alert(1)</script>", None, 206, scene.dice)
    scene.add(session.key, stranger(session, guest, after=2 * MINUTE, until=session.length - 2 * MINUTE))
    scene.label("script-guest", "plant", guest.name, session.key)


def reversed_name(scene: Scene) -> None:
    """An invited guest whose name turns the reading direction to end in what looks harmless."""
    session = scene.of_unit("client")[3]
    guest = outsider("Femi \u202egnp.eciovni\u202c", "f.adisa@harbour-union.example", 207, scene.dice)
    scene.add(session.key, scene.presence(session, guest))
    scene.label("reversed-name", "plant", "f.adisa@harbour-union.example", session.key)


def mixed_scripts(scene: Scene) -> None:
    """An invited guest whose first name begins with a Cyrillic letter that looks Latin."""
    session = scene.of_unit("client")[8]
    guest = outsider("\u0410nna Berg", "anna.berg@keystone.example", 208, scene.dice)
    scene.add(session.key, scene.presence(session, guest))
    scene.label("mixed-scripts", "plant", "anna.berg@keystone.example", session.key)


def generic_name(scene: Scene) -> None:
    """An invited guest joins as iPhone."""
    session = scene.of_unit("client")[13]
    guest = outsider(
        "iPhone", "p.zajac@harbour-union.example", 209, scene.dice, client=("IOS,Webex", "webex_meeting_center_iphone")
    )
    scene.add(session.key, scene.presence(session, guest))
    scene.label("generic-name", "plant", guest.name, session.key)


def shared_address(scene: Scene) -> None:
    """Two colleagues are in one meeting from one private line at the same time."""
    first, second, *others = scene.cast.team("Treasury")[2:6]
    key = scene.meet("desk", "Liquidity outlook", others[0], [first, second, *others[1:]], day=6, slot=2, quiet=True)
    line = replace(first.home, ip="192.0.2.251")
    scene.change(key, first, lambda presence: on_line(presence, line))
    scene.change(key, second, lambda presence: on_line(presence, replace(second.home, ip="192.0.2.251")))
    scene.label("shared-address", "plant", ", ".join(sorted((first.key, second.key))), key)


def two_places(scene: Scene) -> None:
    """One account is in two meetings at once, from two networks and with two systems."""
    victim = scene.cast.team("Risk")[4]
    session = next(
        each
        for each in scene.of_unit("review")
        for presence in each.presences
        if presence.person.key == victim.key and len(presence.stays) == 1 and not presence.host
    )
    day, slot = scene.hour_of(session)
    host, *others = [person for person in scene.cast.team("Legal") if scene.is_free(person, day=day, slot=slot)]
    key = scene.meet("parallel", "Contract walk-through", host, others[:2], day=day, slot=slot, quiet=True)
    other = scene.sessions[key]
    double = on_line(scene.presence(other, victim), Line("203.0.113.210", "LINUX,Chrome", "webex_meeting_center_web"))
    scene.add(key, double)
    scene.label("two-places", "plant", victim.key, session.key, key)


def old_client(scene: Scene) -> None:
    """A colleague joins with Internet Explorer."""
    session = scene.of_unit("team")[14]
    person = next(each.person for each in session.presences if not each.host and len(each.stays) == 1)
    line = replace(scene.line(session, person), agent="WINDOWS,IE", device="webex_meeting_center_web")
    scene.change(session.key, person, lambda presence: on_line(presence, line))
    scene.label("old-client", "plant", person.key, session.key)


def hidden_presence(scene: Scene) -> None:
    """A supplier has a participant record and no row in the attendee report."""
    session = next(each for each in scene.of_unit("project") if each.title == "Mobile app release")
    guest = next(each.person for each in session.presences if (each.person.email or "").endswith(f"@{SUPPLIER}"))
    scene.change(session.key, guest, lambda presence: replace(presence, reported=False))
    scene.label("hidden-presence", "plant", guest.key, session.key)
