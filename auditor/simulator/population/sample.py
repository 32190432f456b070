"""Which company to invent: its size, its days, what is planted; and the one that ships as sample data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from auditor.frozen import dataclass
from auditor.simulator.population import near_misses, plants_access, plants_conduct, plants_identity
from auditor.simulator.population.calendar import UNITS
from auditor.simulator.population.cast import cast
from auditor.simulator.population.dice import Dice
from auditor.simulator.population.model import Label, Session
from auditor.simulator.population.records import Clerk
from auditor.simulator.population.scene import Scene
from auditor.simulator.wire import Json, Record

Planting = Callable[[Scene], None]

PLANTS: tuple[Planting, ...] = (
    plants_access.board_outsider,
    plants_access.forwarded_confidential,
    plants_access.consultant_in_confidential,
    plants_access.denied_domain,
    plants_access.external_in_internal,
    plants_access.lookalike_guest,
    plants_access.short_visit,
    plants_access.note_taker,
    plants_access.external_co_host,
    plants_access.outside_host,
    plants_identity.script_guest,
    plants_identity.reversed_name,
    plants_identity.mixed_scripts,
    plants_identity.generic_name,
    plants_identity.shared_address,
    plants_identity.two_places,
    plants_identity.old_client,
    plants_identity.hidden_presence,
    plants_conduct.short_attendance,
    plants_conduct.join_burst,
    plants_conduct.host_never_came,
    plants_conduct.too_early,
    plants_conduct.externals_left_alone,
    plants_conduct.confidential_by_telephone,
    plants_conduct.unknown_caller,
    plants_conduct.bombing,
    plants_conduct.enumeration,
    plants_conduct.secret_in_title,
    plants_conduct.missing_people,
    plants_conduct.missing_meeting,
    plants_conduct.wrong_duration,
)

NEAR_MISSES: tuple[Planting, ...] = (
    near_misses.trusted_auditor,
    near_misses.touching_address,
    near_misses.summed_rejoins,
    near_misses.three_attempts,
    near_misses.hand_over,
    near_misses.four_minutes_early,
    near_misses.lingering_guests,
    near_misses.second_voice,
    near_misses.own_telephones,
    near_misses.old_client_outside,
)

FIRST_DAY = datetime(2026, 8, 31, tzinfo=UTC)
LEAST_USERS, LEAST_DAYS = 60, 26


@dataclass(frozen=True, slots=True)
class Recipe:
    """A company of `users` people over `days` days from `first`, all of it fixed by `seed`.

    `now` is a moment at which everything has settled and nothing is forgotten yet. Plants and near-misses need
    60 people and 26 days; a smaller company has neither.
    """

    seed: str = "2026"
    users: int = 60
    days: int = 28
    first: datetime = FIRST_DAY
    now: datetime = datetime(2026, 10, 5, 6, tzinfo=UTC)
    site_url: str = "example.webex.com"

    def __post_init__(self) -> None:
        if self.users < 24 or self.days < 5:
            raise ValueError("a company needs at least 24 people and 5 days")
        if self.first.tzinfo is None or self.now.tzinfo is None:
            raise ValueError("first and now need a time zone")

    @classmethod
    def sized(cls, users: int, days: int, *, seed: str) -> Recipe:
        """A company of that size from the sample's first day on, with a clock a week after its last."""
        return cls(seed=seed, users=users, days=days, now=FIRST_DAY + timedelta(days=days + 7, hours=6))

    @property
    def is_planted(self) -> bool:
        """True when the company is large enough for plants and near-misses."""
        return self.users >= LEAST_USERS and self.days >= LEAST_DAYS


SAMPLE = Recipe()


@dataclass(frozen=True, slots=True)
class Population:
    """The records of one site by endpoint, and what was done on purpose."""

    recipe: Recipe
    attendees: tuple[Record, ...]
    usage: tuple[Record, ...]
    participants: tuple[Record, ...]
    people: tuple[Record, ...]
    labels: tuple[Record, ...]


def population(recipe: Recipe) -> Population:
    """The company of the recipe, as the API would tell of it."""
    dice = Dice(recipe.seed)
    scene = Scene(cast(recipe.users, dice), dice, first=recipe.first, days=recipe.days)
    for unit in UNITS.values():
        unit(scene)
    if recipe.is_planted:
        for planting in (*PLANTS, *NEAR_MISSES):
            planting(scene)
    clerk = Clerk(recipe.site_url, dice)
    sessions = sorted(scene.sessions.values(), key=lambda session: (session.start, session.key), reverse=True)
    return Population(
        recipe,
        _each(clerk.attendees, sessions),
        tuple(clerk.usage(session) for session in sessions),
        _each(clerk.participants, sessions),
        tuple(clerk.person(person) for person in scene.cast.staff),
        tuple(_label(label, scene, clerk) for label in scene.labels),
    )


def _each(write: Callable[[Session], Iterable[Record]], sessions: list[Session]) -> tuple[Record, ...]:
    return tuple(record for session in sessions for record in write(session))


def _label(label: Label, scene: Scene, clerk: Clerk) -> Record:
    ids: list[Json] = [clerk.meeting_id(scene.sessions[key]) for key in label.sessions]
    return {"behaviour": label.behaviour, "kind": label.kind, "subject": label.subject, "meetingIds": ids}
