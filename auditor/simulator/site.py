"""A Webex site: the records it answers with, in the order it lists them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from auditor.errors import ConfigError
from auditor.frozen import dataclass
from auditor.simulator.times import moment
from auditor.simulator.wire import Json, Record, encoded

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Row:
    """One record as the site lists it: `raw`, the moment `at` it is listed under, its meeting's start."""

    __slots__ = ("at", "meeting_id", "raw", "start", "text")

    def __init__(self, raw: Record, *, at: datetime | None, start: datetime | None) -> None:
        self.raw = raw
        self.at = EPOCH if at is None else at
        self.start = self.at if start is None else start
        self.meeting_id = str(raw.get("meetingId", ""))
        self.text = encoded(raw)


@dataclass(frozen=True, slots=True)
class Meeting:
    """What the site knows of one meeting instance."""

    id: str
    start: datetime
    end: datetime
    raw: Record

    @property
    def series(self) -> str:
        """The id of the series: the part before `_I_`."""
        return self.id.partition("_I_")[0]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question for attendee rows: times from `start` up to `end`, of meetings that ended by `now`.

    `by_start` filters the start of the meeting instead of the time of joining. `meeting` is the parameter that names
    one meeting, with its value.
    """

    start: datetime
    end: datetime
    now: datetime
    by_start: bool
    meeting: tuple[str, str] | None

    def names(self, record: Record) -> bool:
        """True when the record is of the asked meeting; titles are compared without regard to case."""
        if self.meeting is None:
            return True
        name, value = self.meeting
        held = str(record.get(name, ""))
        if name == "meetingNumber":
            return held.replace(" ", "") == value.replace(" ", "")
        return held.casefold() == value.casefold()


class Site:
    """The records of one Webex site, read-only once made.

    `attendees` is grouped by meeting; groups and rows are in descending order of `joinedTime`. `usage` is in
    descending order of `start`. `participants` are by meeting id, in order of joining.
    """

    def __init__(
        self,
        url: str = "example.webex.com",
        *,
        attendees: Iterable[Record] = (),
        usage: Iterable[Record] = (),
        participants: Iterable[Record] = (),
        people: Iterable[Record] = (),
        invitees: Iterable[Record] = (),
        now: datetime | None = None,
    ) -> None:
        self.url = url
        self.now = now
        self.people: tuple[Record, ...] = tuple(people)
        self._invitees: tuple[Record, ...] = tuple(invitees)
        self.usage: Sequence[Row] = _by_start(usage)
        starts = {row.meeting_id: row.at for row in self.usage}
        self.attendees: Sequence[Row] = _by_meeting(attendees, starts)
        self.participants: Mapping[str, Sequence[Row]] = _by_join(participants, starts)

    @classmethod
    def load(cls, path: Path) -> Site:
        """The site kept in a folder: `attendees.json`, `usage.json`, `participants.json` … in the API's own JSON.

        Where there is no such file, `attendees.ndjson` and so on hold one record a line.
        """
        names = ("simulation", "attendees", "usage", "participants", "people", "invitees")
        if not any((path / f"{name}{ending}").exists() for name in names for ending in (".json", ".ndjson")):
            raise ConfigError(
                f"{path} holds no records of a site: expected attendees.json, usage.json, participants.json"
            )
        facts = _read(path / "simulation.json")
        now = moment(facts.get("now"))
        url = facts.get("siteUrl")
        return cls(
            url if isinstance(url, str) else "example.webex.com",
            attendees=_items(path / "attendees.json"),
            usage=_items(path / "usage.json"),
            participants=_items(path / "participants.json"),
            people=_items(path / "people.json"),
            invitees=_items(path / "invitees.json"),
            now=now,
        )

    def attendee_rows(self, asked: Asked) -> Sequence[Row]:
        """The attendee rows of the question, in the order served."""
        meetings = self.meetings
        return [
            row
            for row in self.attendees
            if asked.start <= (row.start if asked.by_start else row.at) < asked.end
            and meetings[row.meeting_id].end <= asked.now
            and asked.names(row.raw)
        ]

    @cached_property
    def meetings(self) -> Mapping[str, Meeting]:
        """Every meeting of which the site holds any record, by id."""
        known = {
            row.meeting_id: Meeting(row.meeting_id, row.at, moment(row.raw.get("end")) or row.at, row.raw)
            for row in self.usage
        }
        spans: dict[str, list[Row]] = defaultdict(list)
        for row in self.attendees:
            spans[row.meeting_id].append(row)
        for meeting_id, rows in self.participants.items():
            spans[meeting_id].extend(rows)
        for meeting_id, rows in spans.items():
            if meeting_id not in known:
                ends = [moment(row.raw.get("leftTime")) or row.at for row in rows]
                known[meeting_id] = Meeting(meeting_id, min(row.at for row in rows), max(ends), rows[0].raw)
        return known

    @cached_property
    def invitees(self) -> Mapping[str, Sequence[Record]]:
        """Invited people by meeting id: those kept as such, else participants who were invited."""
        listed: dict[str, list[Record]] = defaultdict(list)
        for raw in self._invitees:
            listed[str(raw.get("meetingId"))].append(raw)
        for meeting_id, rows in self.participants.items():
            if meeting_id not in listed:
                listed[meeting_id] = [
                    _invitee(row.raw) for row in rows if row.raw.get("invitee") and "email" in row.raw
                ]
        return {key: sorted(raws, key=lambda raw: str(raw["email"])) for key, raws in listed.items()}


def _invitee(raw: Record) -> Record:
    return {
        "id": f"{raw['meetingId']}_{raw['email']}",
        "email": raw["email"],
        "displayName": raw.get("displayName", raw["email"]),
        "coHost": raw.get("coHost", False),
        "meetingId": raw["meetingId"],
        "panelist": False,
    }


def _by_start(records: Iterable[Record]) -> tuple[Row, ...]:
    rows = [Row(raw, at=(at := moment(raw.get("start"))), start=at) for raw in records]
    return tuple(sorted(rows, key=lambda row: (row.at, row.meeting_id), reverse=True))


def _by_meeting(records: Iterable[Record], starts: Mapping[str, datetime]) -> tuple[Row, ...]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for raw in records:
        row = Row(raw, at=moment(raw.get("joinedTime")), start=starts.get(str(raw.get("meetingId", ""))))
        groups[row.meeting_id].append(row)
    for rows in groups.values():
        rows.sort(key=lambda row: row.at, reverse=True)
    ordered = sorted(groups.values(), key=lambda rows: (rows[0].at, rows[0].meeting_id), reverse=True)
    return tuple(row for rows in ordered for row in rows)


def _by_join(records: Iterable[Record], starts: Mapping[str, datetime]) -> dict[str, tuple[Row, ...]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for raw in records:
        row = Row(raw, at=moment(raw.get("joinedTime")), start=starts.get(str(raw.get("meetingId", ""))))
        groups[row.meeting_id].append(row)
    return {key: tuple(sorted(rows, key=lambda row: (row.at, str(row.raw.get("id"))))) for key, rows in groups.items()}


def _items(path: Path) -> list[Record]:
    lines = path.with_suffix(".ndjson")
    if lines.exists() and not path.exists():
        return _lines(lines)
    items = _read(path).get("items", [])
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        raise ConfigError(f"{path} holds no list of records under items")
    return [each for each in items if isinstance(each, dict)]


def _lines(path: Path) -> list[Record]:
    records: list[Record] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            value: Json = json.loads(line)
        except ValueError as error:
            raise ConfigError(f"{path}:{number} is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise ConfigError(f"{path}:{number} is no record")
        records.append({name: each for name, each in value.items() if each is not None})
    return records


def _read(path: Path) -> Record:
    """The JSON object of a file; empty when there is no such file."""
    if not path.exists():
        return {}
    try:
        value: Json = json.loads(path.read_bytes())
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path} holds no JSON object")
    return value
