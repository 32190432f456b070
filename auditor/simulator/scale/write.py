"""A company as files: raw API JSON, one record a line; what was planted; and where every address block is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import polars as pl

from auditor.simulator.scale.labels import labels
from auditor.simulator.scale.made import Made
from auditor.simulator.scale.people import STAFF
from auditor.simulator.scale.records import attendees, meetings, participants, written
from auditor.simulator.times import written as moment
from auditor.simulator.wire import Json, Record, encoded


def write(made: Made, folder: Path) -> tuple[Path, ...]:
    """The files written, in the folder, which is made when it is not there.

    `attendees.ndjson`, `usage.ndjson`, `participants.ndjson` and `people.ndjson` hold one record a line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = meetings(made)
    tables = {
        "attendees": _attendees(made, known),
        "usage": _usage(known),
        "participants": _participants(made, known),
        "people": _people(made),
    }
    paths = []
    for name, frame in tables.items():
        path = folder / f"{name}.ndjson"
        frame.write_ndjson(path)
        paths.append(path)
    scale = made.scale
    facts: Record = {
        "siteUrl": scale.site_url,
        "now": moment(scale.end + timedelta(days=7, hours=6)),
        "seed": scale.seed,
        "users": scale.users,
        "days": scale.days,
        "effect": scale.effect,
        "planted": not scale.zero,
    }
    texts = {
        "simulation.json": encoded(facts) + b"\n",
        "sites.json": encoded({"sites": [{"siteUrl": scale.site_url, "default": True}]}) + b"\n",
        "labels.json": _lines(labels(made, known)),
        "geo.json": _lines(_blocks(made)),
    }
    for name, content in texts.items():
        path = folder / name
        path.write_bytes(content)
        paths.append(path)
    return tuple(paths)


def _lines(records: Sequence[Record]) -> bytes:
    return b'{"items":[\n' + b",\n".join(encoded(record) for record in records) + b"\n]}\n"


def _attendees(made: Made, known: pl.DataFrame) -> pl.DataFrame:
    return attendees(made, known).select(
        meetingId="meeting_id", meetingNumber="meeting_number", meetingTitle="title", displayName="name", email="email",
        joinedTime=written("joined"), leftTime=written("left"), duration="minutes", participantType="role",
        ipAddress="ip", clientAgent="agent", phoneNumber="phone", registered="registered", invited="invited",
    )  # fmt: skip


def _usage(known: pl.DataFrame) -> pl.DataFrame:
    nothing = pl.lit(0, dtype=pl.Int64)
    length = pl.max_horizontal(((pl.col("ended") - pl.col("began")).dt.total_seconds() + 30) // 60, 1)
    return known.select(
        meetingId="meeting_id", meetingNumber="meeting_number", meetingTitle="title", start=written("began"),
        end=written("ended"), duration=length,
        scheduledType=pl.when("webinar").then(pl.lit("webinar")).otherwise(pl.lit("meeting")),
        hostDisplayName="host_name", hostEmail="host_email", totalPeopleMinutes="person_minutes",
        totalCallInMinutes="wired_minutes", totalCallOutDomestic=nothing, totalCallInTollFreeMinutes=nothing,
        totalCallOutInternational=nothing, totalVoipMinutes=pl.col("person_minutes") - pl.col("wired_minutes"),
        totalParticipants="people", totalParticipantsVoip="voip", totalParticipantsCallIn="call_in",
        totalParticipantsCallOut=nothing, peakAttendee="peak", totalRegistered="registered", totalInvitee="invitees",
        serviceType=pl.when("webinar").then(pl.lit("EventCenter")).otherwise(pl.lit("MeetingCenter")),
    )  # fmt: skip


def _participants(made: Made, known: pl.DataFrame) -> pl.DataFrame:
    return participants(made, known).select(
        id="identity", host="is_host", coHost="co_host", email="email", displayName="name", invitee="invited",
        muted=~pl.col("is_host"), video=pl.lit("off"), state=pl.lit("end"), meetingStartTime=written("began"),
        joinedTime=written("joined"), leftTime=written("left"), siteUrl=pl.lit(made.scale.site_url),
        meetingId="meeting_id", hostEmail="host_email", devices="devices",
    )  # fmt: skip


def _people(made: Made) -> pl.DataFrame:
    staff = made.people.filter(pl.col("kind") == STAFF)
    team = pl.concat_str(pl.lit("Team "), (pl.col("who") // 8).cast(pl.String()))
    return staff.select(
        id=pl.concat_str(pl.lit("person-"), "who"), emails=pl.concat_list("email"), displayName="name", department=team,
        created=pl.lit("2024-02-01T08:00:00.000Z"), type=pl.lit("person"), loginEnabled=pl.lit(value=True),
        invitePending=pl.lit(value=False),
    )  # fmt: skip


def _blocks(made: Made) -> list[Record]:
    rows: list[Record] = []
    for row in made.geography.blocks().iter_rows(named=True):
        kept: dict[str, Json] = {name: value for name, value in row.items() if name not in {"block", "size"}}
        rows.append(json.loads(json.dumps(kept)))
    return rows
