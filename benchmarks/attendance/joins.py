"""Who sat where and from when to when: the rows of one day for every table."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from auditor.simulator.scale.chance import Chance, named
from benchmarks.attendance.meetings import SEATS_A_MEETING, Calendar, hexadecimal
from benchmarks.attendance.people import MEMBERS, SITE, People, address, agent, dealt, identity

_DEVICES = ("webex_meeting_center_windows", "webex_meeting_center_mac", "webex_room", "webex_meeting_center_iphone")


@dataclass(frozen=True, slots=True)
class Day:
    """The rows of one day in the order in which Webex lists them, each frame without lineage."""

    attendees: pl.DataFrame
    meetings: pl.DataFrame
    participants: pl.DataFrame
    devices: pl.DataFrame
    """With `owner`, the place of the participant among `participants`."""


def day_of(calendar: Calendar, people: People, day: int) -> Day:
    """Everything that happened on a day."""
    chance = people.chance
    known = calendar.of(day)
    seats = _timed(_seated(known, people), chance)
    seats = pl.concat(
        [seats, _lookers(known, chance, day=day, many=max(1, people.staff // 20_000))], how="diagonal_relaxed"
    )
    seats = seats.with_columns(**_people(people)).sort("start", "meeting", "joined", "seat")
    legs = _legs(seats, chance).with_columns(mobile=pl.col("mobile") | (pl.col("handed") & (pl.col("leg") == 1)))
    legs = legs.with_columns(agent=agent(people), ip=address(people)).with_columns(
        ip=pl.when("phone").then(None).when("looker").then(pl.col("looker_ip")).otherwise("ip"),
        agent=pl.when("phone").then(None).otherwise("agent"),
    )
    owners = seats.with_row_index("owner").with_columns(
        participant_id=pl.concat_str(pl.col("meeting_id"), pl.lit("_"), hexadecimal(chance.word("participant", "seat")))
    )
    return Day(
        _attendees(legs, chance),
        _meetings(known, seats, chance),
        _participants(owners),
        _devices(legs, owners, chance),
    )


def _seated(known: pl.DataFrame, people: People) -> pl.DataFrame:
    """One row a seat with who sits on it; seat 0 is the host's, who may be absent."""
    chance = people.chance
    seats = (
        known.with_columns(chair=pl.int_ranges(0, pl.col("size")))
        .explode("chair")
        .with_columns(seat=pl.col("meeting") * SEATS_A_MEETING + pl.col("chair"), row=pl.int_range(pl.len()))
    )
    away = chance.hits("guest", "seat", rate=pl.when("outside").then(0.5).otherwise(0.003))
    drawn = chance.draw("sort", "seat")
    seats = seats.with_columns(
        guest=away & (pl.col("chair") > 0),
        phone=(drawn < 0.0015) & (pl.col("chair") > 0),
        service=(drawn > 0.9998) & pl.col("outside") & (pl.col("chair") > 1),
    ).with_columns(guest=pl.col("guest") | pl.col("service"))
    turn = chance.word("turn", pl.col("day") * 24 + pl.col("hour")).cast(pl.Int64, wrap_numerical=True).abs()
    ticket = dealt(pl.col("row"), turn, round_of=people.tickets)
    firm = dealt(pl.col("place"), turn, round_of=people.firms) + pl.col("chair") // MEMBERS
    member = firm % people.firms * MEMBERS + (pl.col("chair") + pl.col("meeting")) % MEMBERS
    service = -1 - chance.whole("service", "seat", low=0, high=people.services - 1)
    absent = (pl.col("chair") == 0) & chance.hits("absent", "meeting", rate=0.0025)
    who = pl.when("service").then(service).when("guest").then(member).otherwise(people.of_ticket(ticket))
    return (
        seats.with_columns(who=who, host_who=pl.when(pl.col("chair") == 0).then(who))
        .with_columns(host_who=pl.col("host_who").max().over("meeting"))
        .filter(~absent)
    )


def _timed(seats: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    """When each person came and went: near the ends, a few late, a few leaving early or looking in."""
    length = (pl.col("end") - pl.col("start")).dt.total_seconds()
    host = pl.col("chair") == 0
    drawn = chance.draw("came", "seat")
    usual = (chance.draw("delay", "seat") * 150 - 30).floor()
    delay = pl.when(host).then(-60).when(drawn < 0.03).then(length * 0.3 * chance.draw("late", "seat")).otherwise(usual)
    went = chance.draw("went", "seat")
    stayed = (
        pl.when(host & (went < 0.002))
        .then(length * 0.6)
        .when(host)
        .then(length - 20 * chance.draw("linger", "seat"))
        .when(went < 0.004)
        .then(length * 0.4 * chance.draw("short", "seat"))
        .when(went < 0.03)
        .then(length * (0.6 + 0.35 * chance.draw("early", "seat")))
        .when(pl.col("guest") & (went > 0.999))
        .then(length + 420)
        .otherwise(length - 40 * chance.draw("linger", "seat"))
    )
    return seats.with_columns(
        joined=pl.col("start") + pl.duration(seconds=delay.cast(pl.Int64)),
        left=pl.col("start") + pl.duration(seconds=pl.max_horizontal(stayed, delay + 20).cast(pl.Int64)),
        mobile=chance.hits("mobile", "seat", rate=0.01),
        invited=host | ~chance.hits("uninvited", "seat", rate=0.004),
        looker=pl.lit(value=False),
    )


def _lookers(known: pl.DataFrame, chance: Chance, *, day: int, many: int) -> pl.DataFrame:
    """On some days somebody looks into one meeting after the other, from one address, uninvited."""
    tries = pl.DataFrame({"looker_number": range(many)}, schema={"looker_number": pl.Int64}).join(
        pl.DataFrame({"try_": range(7)}, schema={"try_": pl.Int64}), how="cross"
    )
    number = pl.col("looker_number") + day * 1000
    picks = tries.with_columns(number=number).with_columns(
        place=chance.whole("look-place", number * 7 + pl.col("try_"), low=0, high=known.height - 1)
    )
    begin = pl.col("start") + pl.duration(minutes=5 + pl.col("try_"))
    return (
        picks.filter(chance.hits("looks", "number", rate=0.25))
        .join(known, on="place")
        .unique(["number", "meeting"], keep="first", maintain_order=True)
        .with_columns(
            chair=pl.lit(SEATS_A_MEETING - 1) - pl.col("looker_number") % 500,
            guest=pl.lit(value=True),
            phone=pl.lit(value=False),
            service=pl.lit(value=False),
            who=pl.lit(5_000_000, pl.Int64) + pl.col("number"),
            joined=begin,
            left=begin + pl.duration(seconds=25 + 10 * pl.col("try_")),
            mobile=pl.lit(value=False),
            invited=pl.lit(value=False),
            looker=pl.lit(value=True),
            looker_ip=pl.concat_str(
                pl.lit("247.1."), (number // 256 % 256).cast(pl.String()), pl.lit("."), (number % 256).cast(pl.String())
            ),
        )
        .with_columns(seat=pl.col("meeting") * SEATS_A_MEETING + pl.col("chair"))
        .drop("looker_number", "try_", "number")
    )


def _people(people: People) -> dict[str, pl.Expr]:
    """Name and e-mail as the record shows them: telephones have neither."""
    told = identity(people)
    chance = people.chance
    number = (chance.word("telephone", "seat") % 10**8).cast(pl.String()).str.zfill(8)
    line = pl.concat_str(pl.lit("Call-in User_"), (chance.word("caller", "seat") % 99 + 1).cast(pl.String()))
    odd = chance.hits("odd-name", "seat", rate=0.0005) & pl.col("guest")
    return {
        "name": pl.when("phone").then(line).when(odd).then(pl.lit("iPhone")).otherwise(told["name"]),
        "email": pl.when(~pl.col("phone")).then(told["email"]),
        "telephone": pl.when("phone").then(pl.concat_str(pl.lit("+47"), number)),
    }


def _legs(seats: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    """One row a join: most seats have one, some come back, a few by another device, very few again and again."""
    drawn = chance.draw("legs", "seat")
    long = (pl.col("left") - pl.col("joined")) > pl.duration(minutes=12)
    plain = ~pl.col("phone") & ~pl.col("looker") & long & (pl.col("who") >= 0)
    count = (
        pl.when(~plain).then(1).when(drawn < 0.00015).then(6).when(drawn < 0.009).then(3).when(drawn < 0.07).then(2)
        .otherwise(1)
    )  # fmt: skip
    legs = (
        seats.with_columns(count=count, handed=plain & (drawn >= 0.069) & (drawn < 0.07))
        .with_columns(leg=pl.int_ranges(0, pl.col("count")))
        .explode("leg")
    )
    length = (pl.col("left") - pl.col("joined")).dt.total_seconds()
    share = 0.2 + 0.6 * chance.draw("cut", "seat")
    leg, count = pl.col("leg"), pl.col("count")
    gap = 15 + 60 * chance.draw("gap", "seat")
    begin = (
        pl.when(count == 6).then(75.0 * leg)
        .when(count == 3).then(length * leg / 3 + 20)
        .when(pl.col("handed")).then(length * share - 150)
        .otherwise(length * share + gap)
    )  # fmt: skip
    end = (
        pl.when(count == 6).then(75.0 * leg + 8 + 15 * chance.draw("flap", "seat", "leg"))
        .when(count == 3).then(length * (leg + 1) / 3 - 20)
        .otherwise(length * share)
    )  # fmt: skip
    opened = pl.when(leg == 0).then(0.0).otherwise(begin).cast(pl.Int64)
    closed = pl.when(leg == count - 1).then(length.cast(pl.Float64)).otherwise(end).cast(pl.Int64)
    return legs.with_columns(
        left=pl.col("joined") + pl.duration(seconds=closed), joined=pl.col("joined") + pl.duration(seconds=opened)
    )


def _attendees(legs: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    seconds = (pl.col("left") - pl.col("joined")).dt.total_seconds()
    wrong = pl.when(chance.hits("clock", "seat", rate=0.00005)).then(9).otherwise(0)
    host = pl.col("chair") == 0
    return legs.select(
        "start", "meeting", "joined",
        site_url=pl.lit(SITE), meeting_id="meeting_id", meeting_number="meeting_number", meeting_title="title",
        display_name="name", email="email", joined_time="joined", left_time="left",
        duration=pl.duration(minutes=pl.max_horizontal((seconds + 30) // 60, 1) + wrong),
        participant_type=pl.when(host).then(pl.lit("host")).otherwise(pl.lit("attendee")), ip_address="ip",
        client_agent="agent", phone_number="telephone",
        city=pl.when(pl.col("guest") & ~pl.col("phone")).then(pl.lit("Oslo")),
        registered=pl.lit(value=False), invited="invited",
    ).sort("start", "meeting", "joined", maintain_order=True).drop("start", "meeting", "joined")  # fmt: skip


def _meetings(known: pl.DataFrame, seats: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    totals = seats.group_by("meeting").agg(
        people=pl.coalesce("email", "name").n_unique().cast(pl.Int64),
        invitees=pl.col("invited").sum().cast(pl.Int64),
        wired=pl.col("phone").sum().cast(pl.Int64),
        host_email=pl.col("email").filter(pl.col("chair") == 0).first(),
        host_name=pl.col("name").filter(pl.col("chair") == 0).first(),
    )
    wrong = pl.when(chance.hits("uncounted", "meeting", rate=0.001)).then(4).otherwise(0)
    code = pl.concat_str(pl.lit("CostCentre="), (pl.col("meeting") % 400).cast(pl.String()))
    return known.join(totals, on="meeting", how="inner", maintain_order="left").select(
        site_url=pl.lit(SITE), meeting_id="meeting_id", meeting_number="meeting_number", title="title",
        start_time="start", end_time="end",
        duration=pl.duration(minutes=(pl.col("end") - pl.col("start")).dt.total_seconds() // 60),
        host_email=pl.col("host_email").fill_null("scheduler@northbank.example"),
        host_display_name=pl.col("host_name").fill_null("Scheduler"), scheduled_type=pl.lit("meeting"),
        service_type=pl.lit("meetingcenter"), total_participants=pl.col("people") + wrong, total_invitee="invitees",
        peak_attendee="people", total_registered=pl.lit(0, pl.Int64),
        total_participants_voip=pl.col("people") - pl.col("wired"), total_participants_call_in="wired",
        total_participants_call_out=pl.lit(0, pl.Int64), total_call_out_domestic=pl.lit(0, pl.Int64),
        total_call_out_international=pl.lit(0, pl.Int64), tracking_codes=pl.concat_list(code),
    )  # fmt: skip


def _participants(owners: pl.DataFrame) -> pl.DataFrame:
    host = pl.col("chair") == 0
    return owners.select(
        participant_id="participant_id", org_id=pl.lit("7c1b1fd6-1d1f-4a3c-9f50-0e6f5b6f2d11"), host=host,
        co_host=~host & (pl.col("chair") == 1) & ~pl.col("guest"), space_moderator=pl.lit(value=False), email="email",
        display_name="name", invitee="invited", muted=~host, meeting_start_time="start", video=pl.lit("on"),
        state=pl.lit("end"), joined_time="joined", left_time="left", site_url=pl.lit(SITE), meeting_id="meeting_id",
        host_email=pl.lit(None, pl.String()),
    )  # fmt: skip


def _devices(legs: pl.DataFrame, owners: pl.DataFrame, chance: Chance) -> pl.DataFrame:
    """One row a join; a few people add a telephone for the sound."""
    rows = legs.join(owners.select("seat", "owner", "participant_id"), on="seat", maintain_order="left")
    rows = rows.with_columns(pstn=pl.col("phone"))
    beside = rows.filter(chance.hits("beside", "seat", rate=0.004), ~pl.col("phone"), pl.col("leg") == 0)
    both = pl.concat([rows, beside.with_columns(pstn=pl.lit(value=True))]).sort("owner", "joined", maintain_order=True)
    kind = pl.when("mobile").then(3).otherwise(chance.one_of("device", "who", shares={0: 0.74, 1: 0.22, 2: 0.04}))
    call = pl.when(chance.hits("call-back", "seat", rate=0.5)).then(pl.lit("callback")).otherwise(pl.lit("callin"))
    correlation = pl.concat_str(
        hexadecimal(chance.word("correlation-high", "seat", "leg")),
        hexadecimal(chance.word("correlation-low", "seat", "leg")),
    )
    return both.select(
        "owner", participant_id="participant_id", meeting_id="meeting_id", site_url=pl.lit(SITE), email="email",
        display_name="name", correlation_id=correlation,
        device_type=pl.when("pstn").then(pl.lit("phone")).otherwise(named(kind, _DEVICES)),
        audio_type=pl.when("pstn").then(pl.lit("pstn")).otherwise(pl.lit("voip")), joined_time="joined",
        left_time="left", duration=pl.col("left") - pl.col("joined"), call_type=pl.when("pstn").then(call),
        phone_number="telephone",
    )  # fmt: skip
