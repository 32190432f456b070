"""Control Hub attendee exports: which column is which, and lines as the records the API would have sent."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from auditor.errors import ConfigError
from auditor.model.window import Window
from auditor.tables.convert import Json
from auditor.tables.csvfile import Sheet
from auditor.tables.kinds import KINDS

_MEETING_START = "meetingStart"

_ORDER = (
    "meetingTitle",
    _MEETING_START,
    "meetingEnd",
    "displayName",
    "firstName",
    "lastName",
    "participantType",
    "email",
    "joinedTime",
    "leftTime",
    "duration",
    "connectionType",
    "sessionName",
)
"""The columns of an export in its own order, by the field each fills or, without one, by what it holds."""

_NAMES: Mapping[str, str] = {
    "meetingTitle": "meeting name|meeting topic|meetingname|meeting-name|nombre de la reunión|nom de la réunion",
    _MEETING_START: "meeting start time|start time|startzeit des meetings|hora de inicio de la reunión",
    "meetingEnd": "meeting end time|end time|endzeit des meetings|hora de finalización de la reunión",
    "displayName": "display name|name|anzeigename|nombre para mostrar|nom d'affichage|nome da exibição",
    "firstName": "first name|vorname|nombre|prénom",
    "lastName": "last name|nachname|apellidos|nom de famille",
    "participantType": "role|attendee role|rolle|función|rôle",
    "email": "attendee email|email|e-mail|email address|e-mail des teilnehmers|correo electrónico del asistente",
    "joinedTime": "join time|joined time|beitrittszeit|hora de entrada|heure d'arrivée",
    "leftTime": "leave time|left time|austrittszeit|hora de salida|heure de départ",
    "duration": "attendance duration|duration|teilnahmedauer|duración de la asistencia|durée de participation",
    "connectionType": "connection type|verbindungstyp|tipo de conexión|type de connexion",
    "sessionName": "session name|sitzungsname|nombre de la sesión|nom de la session",
}

_COLUMNS = frozenset(name for kind in KINDS.values() for field in kind.fields for name in (field.name, field.column))
"""What tables of one's own call their columns."""

_NEEDED = ("meetingTitle", "displayName", "email", "joinedTime", "leftTime")
_TELLING = 2
_TIMES = (_MEETING_START, "meetingEnd", "joinedTime", "leftTime")
_CLOCKS = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
_DATES = ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y")
_DIGITS = re.compile(r"\d+")
_DURATION = re.compile(r"\s*\d+([.,]\d+)?\s*\w{0,12}\.?\s*")


def columns_of(sheet: Sheet, *, name: str) -> dict[str, str] | None:
    """The heading of each field of an export; None when the file is none.

    Headings are known by name in some languages; an export of exactly the usual thirteen columns is taken by
    position where names are not known, unless they are names of a table of one's own. What stands below must look
    like it, else `ConfigError`.
    """
    known = {alias: field for field, names in _NAMES.items() for alias in names.split("|")}
    own = sum(heading in _COLUMNS and heading not in known for heading in sheet.headings)
    by_place = len(sheet.headings) == len(_ORDER) and own < _TELLING
    found: dict[str, str] = {}
    doubt: str | None = None
    for place, heading in enumerate(sheet.headings):
        field = known.get(heading.casefold())
        if field is None and by_place:
            field = _ORDER[place]
        if field is None:
            continue
        if field in found:
            doubt = doubt or f"columns {found[field]!r} and {heading!r} cannot be told apart: both may be {field}"
        found.setdefault(field, heading)
    if any(field not in found for field in _NEEDED):
        return None
    if doubt is not None:
        raise ConfigError(f"{name}: {doubt}")
    wrong = [field for field in ("email", "duration") if field in found and not _looks_like(field, sheet, found[field])]
    if wrong:
        raise ConfigError(
            f"{name}: column {found[wrong[0]]!r} should be {wrong[0]}, but what it holds does not look so"
        )
    return found


def _looks_like(field: str, sheet: Sheet, heading: str) -> bool:
    cells = sheet.column(heading)
    fitting = [cell for cell in cells if ("@" in cell if field == "email" else _DURATION.fullmatch(cell))]
    return 2 * len(fitting) >= len(cells)


def time_formats(sheet: Sheet, found: Mapping[str, str], *, span: Window | None, name: str) -> tuple[str, ...]:
    """The patterns the file's times follow; none when they are ISO 8601.

    Raises `ConfigError` when no pattern reads them, or when day and month cannot be told apart.
    """
    cells = [cell.strip() for field in _TIMES if field in found for cell in sheet.column(found[field])]
    alike = _alike(cells)
    patterns = {f"{date} {clock}": _reads(f"{date} {clock}", alike, span) for date in _DATES for clock in _CLOCKS}
    iso = sum(_is_iso(cell) for cell in cells)
    most = max([iso, *patterns.values()])
    if cells and most == 0:
        if any(_reads(pattern, alike, None) for pattern in patterns):
            raise ConfigError(f"{name}: none of its times lies between --from and --to")
        raise ConfigError(f"{name}: its times follow no known pattern; ISO 8601 would be read")
    if iso == most:
        return ()
    best = [pattern for pattern, count in patterns.items() if count == most]
    dates = {pattern.split(" ")[0] for pattern in best}
    if len(dates) > 1:
        raise ConfigError(f"{name}: day and month of its times cannot be told apart; --from and --to would tell")
    return tuple(f"{date} {clock}" for date in dates for clock in _CLOCKS)


def zoneless(sheet: Sheet, found: Mapping[str, str], formats: Sequence[str]) -> bool:
    """Whether some time of the file names no zone."""
    cells = [cell.strip() for field in _TIMES if field in found for cell in sheet.column(found[field])]
    return bool(formats) or any(_is_iso(cell) and datetime.fromisoformat(cell).tzinfo is None for cell in cells)


def prepared(mapping: str) -> Callable[[Json], Json]:
    """What turns a line, an object of cells by heading, into a record; `mapping` is JSON of field names to headings.

    An export names no meeting ids. So that the rows of one meeting belong together, its id is `controlhub-` and
    the start of the SHA-256 of title and start as written.
    """
    headings: Mapping[str, str] = json.loads(mapping)

    def record(item: Json) -> Json:
        if not isinstance(item, dict):
            return item
        cells: dict[str, Json] = {name: item.get(heading) for name, heading in headings.items()}
        known = json.dumps([cells.get("meetingTitle"), cells.get(_MEETING_START)])
        return {**cells, "meetingId": f"controlhub-{hashlib.sha256(known.encode()).hexdigest()[:24]}"}

    return record


def _is_iso(cell: str) -> bool:
    try:
        datetime.fromisoformat(cell)
    except ValueError:
        return False
    return True


def _alike(cells: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """The cells by what they are when each of their numbers is one: no pattern reads a cell that does not read that."""
    alike: dict[str, list[str]] = {}
    for cell in cells:
        alike.setdefault(_DIGITS.sub(lambda found: "1".zfill(len(found[0])), cell), []).append(cell)
    return alike


def _reads(pattern: str, alike: Mapping[str, Sequence[str]], span: Window | None) -> int:
    """How many cells a pattern reads, as moments near the span if there is one."""
    count = 0
    for first, cells in alike.items():
        for cell in cells if _read(pattern, first) is not None else ():
            moment = _read(pattern, cell)
            if moment is not None:
                count += span is None or span.start.date() <= moment.date() <= span.end.date()
    return count


def _read(pattern: str, cell: str) -> datetime | None:
    try:
        return datetime.strptime(cell, pattern)  # noqa: DTZ007 - compared by date alone
    except ValueError:
        return None
