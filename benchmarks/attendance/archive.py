"""An archive of any size, made day by day: pages as Webex sends them, tables by the project's own writer."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from auditor.evidence.entry import Request, Response, Unit, UnitEntry
from auditor.evidence.reader import EMPTY_CHAIN, extended
from auditor.evidence.writer import Writer
from auditor.model.window import Window
from auditor.simulator.scale.chance import Chance
from auditor.tables.archive import Archive
from auditor.tables.draft import Draft
from auditor.tables.files import DERIVED, frame_schema
from auditor.tables.schema import ATTENDEES, COLLECTIONS, DEVICES, MEETINGS, PARTICIPANTS, PEOPLE, Table
from auditor.tables.state import State, write_state
from auditor.tables.typed import ORDER
from auditor.tables.units import UNITS, collection_rows, unit_rows
from benchmarks.attendance.joins import Day, day_of
from benchmarks.attendance.meetings import FIRST_DAY, SEATS, Calendar
from benchmarks.attendance.people import SITE, People, identity

PAGE = 1000
ROWS_A_COMMIT = 400_000
ROWS_A_STAFF = 75
LEGS = 1.041
"""Joins a seat has on average."""
CONFIG = """\
lists:
  internal_domains: [northbank.example]
  trusted_domains: [firm1.example]
  office_networks: [253.0.0.0/16]
  denied_domains: [rival.example]
rules: {min_status: experimental}
"""
_ASKED = {
    "attendees": Request("GET", "meetingReports/attendees", (("siteUrl", SITE),)),
    "usage": Request("GET", "meetingReports/usage", (("siteUrl", SITE),)),
    "participants": Request("POST", "meetingParticipants/query", (("max", str(PAGE)),)),
}
_MOMENT = "%Y-%m-%dT%H:%M:%S.000Z"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much: about so many attendee rows in so many weeks; `commit` rows at once make the files."""

    rows: int
    seed: str = "1"
    weeks: int = 13
    commit: int = ROWS_A_COMMIT

    @property
    def people(self) -> People:
        return People(max(300, self.rows // ROWS_A_STAFF), Chance(self.seed))

    @property
    def calendar(self) -> Calendar:
        people = self.people
        return Calendar(round(self.rows / SEATS / LEGS), self.weeks, min(1500, people.staff // 8), people.chance)

    @property
    def end(self) -> datetime:
        return FIRST_DAY + timedelta(weeks=self.weeks)

    @property
    def now(self) -> datetime:
        """When everything was collected, a week after it ended."""
        return self.end + timedelta(days=7)


@dataclass(slots=True)
class _Batch:
    """What waits to be committed."""

    units: list[UnitEntry] = field(default_factory=list)
    frames: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    rows: int = 0


def make(folder: Path, scale: Scale) -> Archive:
    """The archive in the folder, which must be new, with `auditor.yaml` beside its tables."""
    archive = Archive.create(folder)
    people, calendar = scale.people, scale.calendar
    batch = _Batch()
    with Writer.open(folder, now=lambda: scale.now) as writer:
        writer.begin_run({"benchmark": scale.rows})
        _staff(archive, scale)
        for day in range(calendar.days):
            _keep(day_of(calendar, people, day), day, writer, batch, at=scale.now)
            if batch.rows >= scale.commit:
                _commit(archive, batch)
                batch = _Batch()
        if batch.units:
            _commit(archive, batch)
    manifest = folder / "evidence" / "manifest.jsonl"
    chain = extended(EMPTY_CHAIN, archive.evidence.entries())
    write_state(archive.store.folder, State(manifest.stat().st_size, chain))
    (folder / "auditor.yaml").write_text(CONFIG, encoding="utf-8")
    return Archive(folder)


def _keep(day: Day, number: int, writer: Writer, batch: _Batch, *, at: datetime) -> None:
    """The day's pages are evidence and its rows wait in the batch."""
    start = FIRST_DAY + timedelta(days=number)
    window = Window(start, start + timedelta(days=1))
    tables = {"attendees": day.attendees, "usage": day.meetings, "participants": day.participants}
    bodies = {
        "attendees": _bodies(_as_sent(day.attendees, "duration")),
        "usage": _bodies(_as_sent(day.meetings.rename({"title": "meeting_title"}), "duration")),
        "participants": _bodies(_with_devices(day.participants, day.devices)),
    }
    units = []
    for endpoint, frame in tables.items():
        entries = [writer.add_page(_ASKED[endpoint], Response(200, at), body) for body in bodies[endpoint]]
        pages = pl.DataFrame(
            {"page": [entry.sha256 for entry in entries], ORDER: [entry.seq for entry in entries]},
            schema={"page": pl.String(), ORDER: pl.Int64()},
        )
        lined = _lined(frame.with_row_index("owner"), pages)
        name = "meetings" if endpoint == "usage" else endpoint
        batch.frames.setdefault(name, []).append(lined)
        if endpoint == "participants":
            batch.frames.setdefault("devices", []).append(_lined(day.devices, pages))
        seqs = tuple(entry.seq for entry in entries)
        units.append(Unit(f"{endpoint}:{SITE}:{start:%Y-%m-%d}", endpoint, SITE, window, seqs, True, frame.height))
    batch.units += writer.commit_units(units)
    batch.rows += day.attendees.height


def _lined(frame: pl.DataFrame, pages: pl.DataFrame) -> pl.DataFrame:
    """The rows with their lineage; `owner` is the place of their record among the day's."""
    place = frame["owner"].cast(pl.Int64)
    of_page = pages[(place // PAGE)]
    return frame.drop("owner").with_columns(of_page["page"], (place % PAGE).alias("item"), of_page[ORDER])


def _commit(archive: Archive, batch: _Batch) -> None:
    applied = batch.units[-1].link.seq
    tables: Sequence[Table] = (ATTENDEES, MEETINGS, PARTICIPANTS, DEVICES)
    for table in tables:
        rows = pl.concat(batch.frames[table.name])
        if table is MEETINGS:
            rows = rows.with_columns(pl.lit(value=False).alias(DERIVED))
        _put(archive, table, rows, applied)
    _put(archive, UNITS, unit_rows(batch.units, {}), applied)
    _put(archive, COLLECTIONS, collection_rows(batch.units, {}), applied)


def _put(archive: Archive, table: Table, rows: pl.DataFrame, applied: int) -> None:
    draft = Draft(archive.store, table)
    draft.upsert(_conformed(rows, frame_schema(table)))
    draft.commit(applied)


def _conformed(rows: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    )


def _staff(archive: Archive, scale: Scale) -> None:
    """The directory: every member of staff, in one of a few hundred departments."""
    people = scale.people
    numbers = pl.int_range(people.staff, dtype=pl.Int64, eager=True).alias("who").to_frame()
    told = identity(people)
    rows = numbers.with_columns(guest=pl.lit(value=False)).select(
        email=told["email"], display_name=told["name"], type=pl.lit("person"),
        department=pl.concat_str(pl.lit("Department "), (pl.col("who") // 40 % 300).cast(pl.String())),
        login_enabled=~people.chance.hits("disabled", "who", rate=0.0005), created=pl.lit(FIRST_DAY),
        page=pl.lit("0" * 64), item="who",
    ).with_columns(pl.lit(0, pl.Int64).alias(ORDER))  # fmt: skip
    _put(archive, PEOPLE, rows, 0)


def _bodies(records: pl.DataFrame) -> list[bytes]:
    """Pages of records as JSON."""
    text = io.BytesIO()
    records.write_ndjson(text)
    lines = text.getvalue().splitlines()
    return [b'{"items":[' + b",".join(lines[start : start + PAGE]) + b"]}" for start in range(0, len(lines), PAGE)]


def _as_sent(rows: pl.DataFrame, minutes: str) -> pl.DataFrame:
    """The rows under the names and in the forms of the API."""
    return rows.with_columns(
        pl.col(pl.Datetime("us", "UTC")).dt.strftime(_MOMENT), pl.col(minutes).dt.total_minutes()
    ).rename(_camel)


def _with_devices(participants: pl.DataFrame, devices: pl.DataFrame) -> pl.DataFrame:
    sent = devices.select(
        "owner", "correlation_id", "device_type", "audio_type", "call_type", "phone_number",
        pl.col("joined_time", "left_time").dt.strftime(_MOMENT), duration_second=pl.col("duration").dt.total_seconds(),
    )  # fmt: skip
    listed = sent.rename(_camel).group_by("owner", maintain_order=True).agg(devices=pl.struct(pl.exclude("owner")))
    records = participants.with_columns(pl.col(pl.Datetime("us", "UTC")).dt.strftime(_MOMENT))
    named = records.rename({"participant_id": "id"}).rename(_camel).with_row_index("owner")
    return named.join(listed, on="owner", how="left", maintain_order="left").drop("owner")


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
