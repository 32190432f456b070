"""Who came to which meeting, from when to when: visits, before they fall into legs."""

from __future__ import annotations

import polars as pl

from auditor.simulator.scale.calendar import MANDATORY, ONE_TO_ONE, PERSONAL, TOWN_HALL, TRAINING, WEBINAR
from auditor.simulator.scale.chance import Chance
from auditor.simulator.scale.people import PUBLIC, ROOM, SERVICE, STAFF

_SECOND = 1_000_000
_CARRIED = (
    "kind", "firm", "email", "alias", "name", "city", "office", "system", "app", "handset", "renewal", "household",
    "couple", "isp", "v6", "lease", "offices", "vpn", "gateway", "veil", "mobile", "drops", "beside", "leaves", "late",
    "shows", "first", "last", "married", "aliased",
)  # fmt: skip


def seconds(value: pl.Expr) -> pl.Expr:
    """A duration of so many whole seconds."""
    return (value.round(0).cast(pl.Int64) * _SECOND).cast(pl.Duration("us"))


def visits(
    meetings: pl.DataFrame,
    members: pl.DataFrame,
    people: pl.DataFrame,
    leave: pl.DataFrame,
    tours: pl.DataFrame,
    chance: Chance,
) -> pl.DataFrame:
    """One row a person and meeting they came to, with the person's habits and where they were.

    `start` and `end` are the meeting's own; `joined` and `left` the person's, to the second.
    """
    plan = _lengths(meetings, chance)
    person = people.select("who", *_CARRIED).rename({"kind": "sort"})
    invited = plan.join(members, on="series").join(person, on="who")
    coming = pl.concat(
        [
            invited.filter(_comes(chance)).with_columns(looks_in=pl.lit(value=False)),
            _looking_in(plan, people, chance).join(person, on="who").with_columns(looks_in=pl.lit(value=True)),
        ],
        how="diagonal",
    ).unique(["meeting", "who"], keep="first", maintain_order=True)
    present = _without_leave(coming, leave)
    settled = _without_clashes(present, chance)
    placed = _located(_timed(settled, chance), tours, chance)
    return placed.sort("meeting", "who").with_columns(visit=pl.int_range(pl.len(), dtype=pl.Int64))


def _lengths(meetings: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    """Meetings with their real end: often a little early, sometimes late."""
    planned = pl.col("minutes") * 60.0
    early = planned * (1 - 0.35 * chance.draw("early", "meeting") ** 3)
    late = planned + chance.between("overrun", "meeting", low=0, high=240)
    lasted = pl.when(chance.hits("overruns", "meeting", rate=0.25)).then(late).otherwise(early)
    return meetings.with_columns(end=pl.col("start") + seconds(lasted))


def _comes(chance: Chance) -> pl.Expr:
    """Whether a member comes: the host nearly always, others as their habit and the kind of meeting say."""
    host = pl.col("who") == pl.col("host")
    kind = pl.col("kind")
    rate = (
        pl.when(host)
        .then(0.985)
        .when(kind == TOWN_HALL)
        .then(0.45)
        .when(kind == WEBINAR)
        .then(0.6)
        .when(kind.is_in([TRAINING, MANDATORY, ONE_TO_ONE, PERSONAL]))
        .then(0.92)
        .when(pl.col("sort") == ROOM)
        .then(0.8)
        .otherwise(pl.col("shows"))
    )
    sick = chance.hits("sick", "who", "day", rate=0.02) & (pl.col("sort") == STAFF)
    here = (pl.col("day") >= pl.col("first")) & (pl.col("day") <= pl.col("last"))
    return here & ~sick & chance.hits("comes", "meeting", "who", rate=rate)


def _looking_in(plan: pl.DataFrame, people: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    """Meetings that support staff look into for a minute or two, a few on some days."""
    staff = people.filter("support").select("who")
    days = plan.select("day").unique().sort("day")
    busy = staff.join(days, how="cross").filter(chance.hits("supports", "who", "day", rate=0.2))
    wanted = busy.with_columns(wanted=chance.whole("supports-many", "who", "day", low=1, high=4))
    order = chance.word("supports-which", "who", "meeting")
    return (
        wanted.join(plan, on="day")
        .with_columns(_order=order)
        .filter(pl.col("_order").rank("ordinal").over("who", "day") <= pl.col("wanted"))
        .drop("_order", "wanted")
    )


def _without_leave(coming: pl.DataFrame, leave: pl.DataFrame) -> pl.DataFrame:
    marked = coming.sort("day").join_asof(
        leave.sort("leave_from"),
        left_on="day",
        right_on="leave_from",
        by="who",
        strategy="backward",
        check_sortedness=False,
    )
    away = (pl.col("day") <= pl.col("leave_to")).fill_null(value=False)
    return marked.filter(~away).drop("leave_from", "leave_to")


def _without_clashes(present: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    """People attend one meeting at a time; of two at once most go to the first alone, a few to both."""
    ordered = present.sort("who", "start", "meeting")
    person = (pl.col("sort") == STAFF) | (pl.col("sort") == PUBLIC)
    reach = (pl.col("start") + pl.duration(minutes="minutes")).cum_max().shift(1).over("who")
    clash = (pl.col("start") < reach).fill_null(value=False) & person & (pl.col("who") != pl.col("host"))
    clash &= ~pl.col("looks_in")
    both = chance.hits("both", "meeting", "who", rate=0.04)
    return ordered.filter(~clash | both)


def _timed(settled: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    """Joining and leaving: near the ends, with the person's own lateness and early leaving."""
    key = ("meeting", "who")
    host = pl.col("who") == pl.col("host")
    length = (pl.col("end") - pl.col("start")).dt.total_seconds()
    usual = 25 + 55 * chance.normal("delay", *key)
    late = 120 + length * 0.4 * chance.draw("lateness", *key) ** 2
    delay = (
        pl.when(host)
        .then(-60 - 60 * chance.draw("host-early", *key))
        .otherwise(pl.when(chance.hits("late", *key, rate=pl.col("late"))).then(late).otherwise(usual))
    )
    lingers = 20 * chance.draw("lingers", *key) ** 2
    leaves = length * (0.15 + 0.8 * chance.draw("when-leaves", *key))
    rest = pl.when(chance.hits("leaves", *key, rate=pl.col("leaves")) & ~host).then(leaves).otherwise(length - lingers)
    # a client left running after everybody went
    forgotten = (
        pl.when(chance.hits("forgotten", *key, rate=0.0006))
        .then(chance.between("forgotten-for", *key, low=300, high=2400))
        .otherwise(0.0)
    )
    timed = settled.with_columns(
        joined=pl.col("start") + seconds(pl.min_horizontal(delay, length - 60)), _rest=rest + forgotten
    ).with_columns(
        left=pl.max_horizontal(pl.col("start") + seconds(pl.col("_rest")), pl.col("joined") + seconds(pl.lit(45.0)))
    )
    following = pl.col("joined").shift(-1).over("who") - seconds(2 + 10 * chance.draw("change-over", *key))
    timed = timed.with_columns(
        left=pl.when("looks_in")
        .then(pl.col("joined") + seconds(chance.between("looks", *key, low=35, high=170)))
        .otherwise("left")
    )
    person = pl.col("sort").is_in([STAFF, PUBLIC])
    cut = pl.when(person & (following > pl.col("joined") + pl.duration(seconds=45))).then(following)
    return (
        timed.sort("who", "joined", "meeting")
        .with_columns(left=pl.min_horizontal("left", cut), forgotten=forgotten > 0)
        .drop("_rest")
    )


def _located(timed: pl.DataFrame, tours: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    """Where each was: at home, in the office, away; those in the air are not in meetings but for a few."""
    joined = timed.sort("joined").join_asof(
        tours.sort("departs"),
        left_on="joined",
        right_on="departs",
        by="who",
        strategy="backward",
        check_sortedness=False,
    )
    moment = pl.col("joined")
    away = (moment >= pl.col("arrives")) & (moment < pl.col("returns"))
    flying = ((moment >= pl.col("departs")) & (moment < pl.col("arrives"))) | (
        (moment >= pl.col("returns")) & (moment < pl.col("home"))
    )
    leaving = (pl.col("left") > pl.col("returns")) & away
    marked = joined.with_columns(
        away=away.fill_null(value=False), flying=flying.fill_null(value=False), _leaving=leaving.fill_null(value=False)
    ).with_columns(left=pl.when("_leaving").then("returns").otherwise("left"))
    upcoming = (
        timed.sort("joined")
        .select("who", "meeting", "joined")
        .join_asof(
            tours.sort("departs").select("who", next_departure="departs"),
            left_on="joined",
            right_on="next_departure",
            by="who",
            strategy="forward",
            check_sortedness=False,
        )
        .select("who", "meeting", "next_departure")
    )
    marked = marked.join(upcoming, on=["who", "meeting"], how="left").with_columns(
        left=pl.min_horizontal("left", "next_departure")
    )
    aboard = chance.hits("aboard", "meeting", "who", rate=0.04)
    kept = marked.filter(~pl.col("flying") | aboard).filter(
        pl.col("left") - pl.col("joined") >= pl.duration(seconds=30)
    )
    half = pl.col("joined").dt.hour() // 12
    moved = chance.hits("moved", "who", "day", half, rate=0.08)
    office = chance.hits("office", "who", "day", rate=pl.col("offices")) & ~moved
    to_office = pl.col("away_city").is_in([0, 5, 10, 15]) & chance.hits("visits-office", "tour", "day", rate=0.7)
    bound = pl.col("sort").is_in([ROOM, SERVICE])
    return kept.with_columns(
        at_office=pl.when(bound)
        .then(pl.col("sort") == ROOM)
        .when("away")
        .then(to_office & ~pl.col("offsite"))
        .otherwise(office),
        here=pl.when("away")
        .then("away_city")
        .otherwise(pl.when(office & (pl.col("sort") == STAFF)).then("office").otherwise("city")),
    ).drop("_leaving", "next_departure", "departs", "arrives", "returns", "home", "km")
