"""From what is wanted and what is held to the units still to be asked for. Pure: no network, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from urllib.parse import urlencode

from auditor.evidence.entry import IMPORT, Unit
from auditor.frozen import dataclass
from auditor.model.coverage import Gap
from auditor.model.spans import subtract
from auditor.model.vocabulary import GapReason
from auditor.model.window import Window
from auditor.webex import work as units_of
from auditor.webex.endpoints import SERVICE_TYPES
from auditor.webex.spans import Held, Horizon, Missing, missing
from auditor.webex.work import Seen, Work, chunks, stamp
from auditor.words import counted

_KEPT = frozenset({GapReason.GONE, GapReason.UNDECODABLE_RECORD, GapReason.BEYOND_LOOKBACK})
"""Failures that asking again does not mend."""

_NEAR = timedelta(days=20)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one run is asked for. Without a window: all that can still be had.

    `narrowed` is a parameter of the attendee report with its values. `emails` replace the listing of all
    participants by those people. `also` names optional tables.
    """

    sites: tuple[str, ...]
    window: Window | None = None
    narrowed: tuple[str, tuple[str, ...]] | None = None
    participants: bool = True
    emails: tuple[str, ...] = ()
    host_email: str | None = None
    also: tuple[str, ...] = ()

    def span(self, horizon: Horizon) -> Window:
        """The asked window, or the longest one that can be asked."""
        return self.window or Window(horizon.earliest, horizon.latest)


@dataclass(frozen=True, slots=True)
class Plan:
    """Units to ask for, in order, and units that only state what can no longer be asked, all of them."""

    todo: tuple[Work, ...] = ()
    lost: tuple[Unit, ...] = ()


def reports(wanted: Wanted, units: Mapping[str, Unit], *, horizon: Horizon) -> Plan:
    """Usage and attendee reports, site by site, oldest first; usage comes first because it names the meetings."""
    todo: list[Work] = []
    lost: list[Unit] = []
    span = wanted.span(horizon)
    for site in wanted.sites:
        for service_type in SERVICE_TYPES:
            found = missing(span, _held(units.values(), "usage", site, service_type=service_type), horizon=horizon)
            todo += [units_of.usage(site, service_type, each) for each in found.spans]
            if service_type == SERVICE_TYPES[0]:
                lost += _lost("usage", ("meetings",), site, _unimported(found, units, site, kind="usage"))
        found = missing(span, _held(units.values(), "attendees", site), horizon=horizon)
        gone = _lost("attendees", ("attendees",), site, _unimported(found, units, site, kind="attendees"))
        if wanted.narrowed is None:
            todo += [units_of.attendees_of_site(site, each) for each in found.spans]
            lost += gone
        else:
            asked = _narrowed(wanted, site, span, horizon=horizon)
            left = _todo(asked, units)
            todo += [work for work in left if work.spans]
            # what was had in time is not lost; what was said to be is said again
            lost += [unit for unit in gone if left or unit.key in units]
    return Plan(tuple(todo), tuple(lost))


def details(wanted: Wanted, meetings: Sequence[Seen], units: Mapping[str, Unit], *, horizon: Horizon) -> Plan:
    """What is asked meeting by meeting: participants, and invitees and settings when they are wanted."""
    todo: list[Work] = []
    lost: list[Unit] = []
    for site in wanted.sites:
        here = [meeting for meeting in meetings if meeting.site_url == site]
        if wanted.participants:
            asked = [meeting for meeting in here if _of_host(meeting, wanted.host_email)]
            todo += _todo(
                (_participants(wanted, meeting, horizon) for meeting in asked if _kept(meeting, horizon)), units
            )
            late = [
                m for m in asked if not _kept(m, horizon) and not _is_held(_participants(wanted, m, horizon), units)
            ]
            lost += _lost_meetings(site, late)
        if "invitees" in wanted.also:
            todo += _todo((units_of.invitees(meeting, horizon) for meeting in here if _kept(meeting, horizon)), units)
        if "settings" in wanted.also:
            span = wanted.span(horizon).intersect(Window(horizon.earliest, horizon.latest))
            hosts = [None, *sorted({meeting.host_email for meeting in here if meeting.host_email})]
            todo += _todo((units_of.series_settings(site, span, host_email=host) for host in hosts if span), units)
    return Plan(tuple(todo), tuple(lost))


def one_by_one(
    refused: Sequence[Work], meetings: Sequence[Seen], units: Mapping[str, Unit], *, horizon: Horizon
) -> tuple[Work, ...]:
    """Attendees meeting by meeting for the spans of a site that may not be asked as a whole.

    Meetings that were asked for so before, and lack something, are asked for again in whatever span they lie.
    """
    wanted = []
    for meeting in meetings:
        work = units_of.attendees_of_meeting(meeting, horizon)
        held = units.get(work.key)
        lacks = held is not None and mends(held) and meeting.start >= horizon.earliest
        if lacks or any(
            each.site_url == meeting.site_url and each.window is not None and each.window.overlaps(meeting.window)
            for each in refused
        ):
            wanted.append(work)
    return tuple(_todo(wanted, units))


def lacks_meetings(units: Iterable[Unit], sites: Sequence[str]) -> bool:
    """Whether attendees of single meetings of the sites could not be had, and may be had now."""
    return any(
        unit.endpoint == "attendees" and unit.meeting_id is not None and unit.site_url in sites and mends(unit)
        for unit in units
    )


def lines(works: Iterable[Work], *, base: str) -> Iterable[str]:
    """The first request of each listing, as `GET URL`; further pages follow their links."""
    for work in works:
        endpoint = work.endpoint
        for span in work.spans or (None,):
            query = list(work.query)
            if span is not None and not work.emails:
                query += zip(work.span_names, (stamp(span.start), stamp(span.end)), strict=True)
            if endpoint.largest is not None:
                query.append(("max", str(endpoint.largest)))
            many = counted(len(chunks(work.emails)), "request"), counted(len(work.emails), "person", "people")
            times = f" ({', '.join(many)})" if work.emails else ""
            asked = f"?{urlencode(query)}" if query else ""
            yield f"{endpoint.method} {base}{endpoint.path}{asked}{times}"


def near_loss(sites: Sequence[str], units: Mapping[str, Unit], *, horizon: Horizon) -> tuple[str, ...]:
    """One warning for each site whose newest data is so old that the next days would be lost without this run."""
    warnings = []
    for site in sites:
        ends = [held.window.end for held in _held(units.values(), "attendees", site) if not held.lacking]
        if ends and max(ends) - horizon.earliest < _NEAR:
            warnings.append(
                f"{site}: the newest data held ends {stamp(max(ends))}, and Webex keeps 90 days; collect every month"
            )
    return tuple(warnings)


def mends(unit: Unit) -> bool:
    """Whether something of the unit is absent that asking again may bring."""
    return any(map(can_be_mended, unit.gaps))


def can_be_mended(gap: Gap) -> bool:
    """Whether asking again may bring what is absent."""
    return gap.reason.is_failure and gap.reason not in _KEPT


def whole_spans(units: Iterable[Unit], site: str) -> tuple[Window, ...]:
    """The spans for which the attendees of a whole site were had."""
    return tuple(held.window for held in _held(units, "attendees", site) if not held.lacking)


def _held(units: Iterable[Unit], endpoint: str, site: str, *, service_type: str | None = None) -> list[Held]:
    """Spans of a site asked for before, at one endpoint."""
    return [
        Held(unit.key, unit.window, done=unit.settled and not mends(unit), lacking=mends(unit))
        for unit in units
        if unit.endpoint == endpoint
        and unit.site_url == site
        and unit.meeting_id is None
        and unit.window is not None
        and (service_type is None or unit.service_type == service_type)
        and not _states_loss(unit)
    ]


def _states_loss(unit: Unit) -> bool:
    return any(gap.reason is GapReason.BEYOND_LOOKBACK for gap in unit.gaps)


def _is_held(work: Work, units: Mapping[str, Unit]) -> bool:
    held = (units.get(key) for key in (work.key, work.apart or work.key))
    return any(unit is not None and unit.settled and not mends(unit) for unit in held)


def _todo(works: Iterable[Work], units: Mapping[str, Unit]) -> list[Work]:
    return [work for work in works if not _is_held(work, units)]


def _narrowed(wanted: Wanted, site: str, span: Window, *, horizon: Horizon) -> list[Work]:
    """The narrowed attendee reports, without spans where the window lies beyond what can be asked."""
    if wanted.narrowed is None:
        return []
    name, values = wanted.narrowed
    spans = missing(span, (), horizon=horizon).spans
    return [units_of.attendees_narrowed(site, name, value, window=span, spans=spans) for value in values]


def _participants(wanted: Wanted, meeting: Seen, horizon: Horizon) -> Work:
    if wanted.emails:
        return units_of.participants_by_email(meeting, horizon, emails=wanted.emails, host_email=wanted.host_email)
    return units_of.participants(meeting, horizon, host_email=wanted.host_email)


def _of_host(meeting: Seen, host_email: str | None) -> bool:
    return host_email is None or meeting.host_email is None or meeting.host_email == host_email.strip().lower()


def _kept(meeting: Seen, horizon: Horizon) -> bool:
    """Whether Webex still tells who was there; no document says for how long, so as for reports."""
    return meeting.end >= horizon.earliest


def _unimported(found: Missing, units: Mapping[str, Unit], site: str, *, kind: str) -> tuple[Window, ...]:
    """Lost spans that no imported file covers either."""
    imported = [
        unit.window
        for unit in units.values()
        if unit.endpoint == f"{IMPORT}{kind}" and unit.site_url in {site, None} and unit.window is not None
    ]
    return subtract(found.lost, imported)


def _lost(endpoint: str, tables: tuple[str, ...], site: str, windows: Iterable[Window]) -> list[Unit]:
    words = "Webex keeps reports for 90 days"
    return [
        _loss(f"{endpoint} {site} lost {stamp(window.start)}", endpoint, tables, site, window, words)
        for window in windows
    ]


def _lost_meetings(site: str, meetings: Sequence[Seen]) -> list[Unit]:
    if not meetings:
        return []
    window = Window(min(each.start for each in meetings), max(each.window.end for each in meetings))
    words = f"participants of {counted(len(meetings), 'meeting')} were not asked for within 90 days"
    tables = ("participants", "devices", "breakouts")
    return [_loss(f"participants {site} lost", "participants", tables, site, window, words)]


def _loss(key: str, endpoint: str, tables: tuple[str, ...], site: str, window: Window, words: str) -> Unit:
    gaps = tuple(Gap(table, site, window, GapReason.BEYOND_LOOKBACK, words) for table in tables)
    return Unit(key, endpoint, site, window, (), complete=False, rows=0, gaps=gaps)


def unstated(lost: Iterable[Unit], units: Mapping[str, Unit]) -> tuple[Unit, ...]:
    """The losses that the archive does not state already."""
    return tuple(unit for unit in lost if unit.key not in units or units[unit.key].gaps != unit.gaps)


def remaining(wanted: Wanted, units: Iterable[Unit], lost: Iterable[Unit], *, horizon: Horizon) -> tuple[Gap, ...]:
    """Every failure in the wanted window that no later success has mended, of what this run asks for."""
    span = wanted.span(horizon)
    asked = {"attendees", "usage", *wanted.also, *(["participants"] if wanted.participants else [])}
    told = [
        gap
        for unit in units
        if unit.endpoint in asked and unit.site_url in wanted.sites
        for gap in unit.gaps
        if gap.reason is not GapReason.BEYOND_LOOKBACK
    ]
    found = [*told, *(gap for unit in lost for gap in unit.gaps)]
    failed = [gap for gap in found if gap.reason.is_failure and gap.window.overlaps(span)]
    return tuple(sorted(failed, key=lambda gap: (gap.site_url, gap.table, gap.window, gap.reason, gap.detail)))
