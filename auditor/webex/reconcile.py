"""Reports held against each other: what one counts and the other lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auditor.evidence.entry import Unit
from auditor.model.coverage import Gap
from auditor.model.vocabulary import GapReason
from auditor.model.window import Window
from auditor.tables.archive import Archive
from auditor.webex.commit import Finished
from auditor.webex.seen import meetings_seen, short_meetings
from auditor.webex.spans import Horizon
from auditor.webex.work import Seen, Work

Doubt = tuple[Finished, tuple[Gap, ...]]


def of_several_pages(finished: Sequence[Finished], held: Mapping[str, Unit]) -> tuple[Finished, ...]:
    """Whole spans that took more than one page, so that records may have moved between them.

    One page cannot change while it is read: there a difference is Webex's own, and a matter for rules. Spans with
    a gap, as the archive holds them, lack records for a known reason.
    """
    return tuple(
        each
        for each in finished
        if each.unit is not None
        and held[each.unit.key].complete
        and len(each.unit.pages) > 1
        and each.work.endpoint.name in {"attendees", "usage"}
        and each.work.meeting_id is None
    )


def doubted(
    archive: Archive, finished: Sequence[Finished], *, span: Window, sites: Sequence[str], horizon: Horizon
) -> tuple[Doubt, ...]:
    """The spans whose settled meetings lack something, with what they lack.

    Attendees lack people when a meeting has fewer than its usage report counts; usage lacks a meeting when only
    its attendees tell of it.
    """
    if not finished:
        return ()
    settled = [
        meeting
        for meeting in meetings_seen(archive, span, sites=sites)
        if max(span.start, horizon.earliest) <= meeting.start and meeting.end <= min(span.end, horizon.settled)
    ]
    lacking = {
        "attendees": [
            (meeting, f"{meeting.meeting_id}: {people} attendees, but the usage report counts {meeting.total}")
            for meeting, people in short_meetings(archive, settled)
        ],
        "usage": [
            (meeting, f"{meeting.meeting_id}: it has attendees, but no usage report names it")
            for meeting in settled
            if not meeting.listed
        ],
    }
    found = [(each, _gaps(each.work, lacking[each.work.endpoint.name])) for each in finished]
    return tuple((each, gaps) for each, gaps in found if gaps)


def _gaps(work: Work, lacking: Sequence[tuple[Seen, str]]) -> tuple[Gap, ...]:
    window = work.window
    if window is None:
        return ()
    return tuple(
        Gap(work.endpoint.tables[0], meeting.site_url, shared, GapReason.CHANGED_WHILE_READING, words)
        for meeting, words in lacking
        for shared in (window.intersect(meeting.window),)
        if meeting.site_url == work.site_url and shared is not None
    )
