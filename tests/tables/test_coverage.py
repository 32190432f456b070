"""What an archive says it holds of a window, and what it does not."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from auditor.model.coverage import Asked, Coverage, Gap, People
from auditor.model.vocabulary import GapReason
from auditor.model.window import Window
from auditor.tables.coverage import coverage
from auditor.tables.remake import prune

pytestmark = pytest.mark.slow

SITE = "example.webex.com"
DAY0 = datetime(2026, 1, 1, tzinfo=UTC)
LATER = DAY0 + timedelta(days=60)
SERVICES = ("MeetingCenter", "EventCenter", "SupportCenter", "TrainingCenter")
PEOPLE = ("breakouts", "devices", "participants")


def days(start: float, end: float) -> Window:
    return Window(DAY0 + timedelta(days=start), DAY0 + timedelta(days=end))


WEEK = days(0, 7)


def covered(site, window: Window = WEEK, *, now: datetime = LATER, sites: tuple[str, ...] | None = None) -> Coverage:
    named = site.archive.sites() if sites is None else sites
    return coverage(site.archive, window=window, sites=named, now=now, settle=timedelta(hours=24))


def told(found: Coverage) -> list[tuple[str, str, Window]]:
    return [(gap.table, gap.reason.value, gap.window) for gap in found.gaps]


def attendee(day: float, meeting: str = "m1") -> dict[str, object]:
    return {"meetingId": meeting, "email": "a@example.com", "joinedTime": (DAY0 + timedelta(days=day)).isoformat()}


def usage(start: float, end: float, meeting: str = "m1") -> dict[str, object]:
    return {
        "meetingId": meeting,
        "start": (DAY0 + timedelta(days=start)).isoformat(),
        "end": (DAY0 + timedelta(days=end)).isoformat(),
    }


def fill(site, *, start: float = 0, end: float = 7, at: datetime = LATER, meeting: str | None = "m1") -> None:
    """A span collected in full: attendees, usage of all service types, participants of its one meeting."""
    site.add("attendees", [attendee(start + 1)] if meeting else [], days=(start, end), at=at)
    for service in SERVICES:
        held = [usage(start + 1, start + 1.1)] if service == SERVICES[0] and meeting else []
        site.add("usage", held, days=(start, end), service_type=service, at=at)
    if meeting:
        site.add("participants", [{"id": "p", "meetingId": meeting}], days=(start, end), meeting_id=meeting, at=at)


def test_what_was_collected_in_full_is_complete(site) -> None:
    fill(site)
    found = covered(site)
    assert (found.complete, found.gaps) == (True, ())
    assert found.tables["attendees"].rows == 1
    assert found.tables["attendees"].first == DAY0 + timedelta(days=1)


def test_what_was_asked_and_what_meetings_state_is_counted(site) -> None:
    fill(site)
    gap = Gap("attendees", SITE, days(6, 7), GapReason.UNAVAILABLE, "503")
    again = [{**attendee(1.2), "email": name} for name in ("b@example.com", "a@example.com", "b@example.com")]
    site.add("attendees", again, days=(6, 7), gaps=[gap], at=LATER)
    site.add("usage", [{**usage(1, 1.1), "totalParticipants": 3}], service_type=SERVICES[0], at=LATER)
    tables = covered(site).tables
    assert tables["attendees"].asked == Asked(spans=2, whole=1)
    assert tables["meetings"].asked == Asked(spans=4, whole=4)
    assert {name: tables[name].asked for name in PEOPLE} == dict.fromkeys(PEOPLE, Asked(1, 1))
    assert tables["attendees"].people == People(stated=3, received=2)
    assert tables["participants"].people == People(stated=3, received=1)
    assert tables["devices"].people is None
    outside = covered(site, days(20, 21)).tables["attendees"]
    assert (outside.asked, outside.people) == (None, None)


def test_a_file_that_names_no_site_counts_for_the_sites_of_its_records(site) -> None:
    site.add("import:attendees", [{**attendee(1), "siteUrl": SITE}], days=(0, 7), site_url=None)
    tables = covered(site, sites=(SITE,)).tables
    assert (tables["attendees"].rows, tables["attendees"].asked) == (1, Asked(spans=1, whole=1))
    assert tables["meetings"].asked is None


def test_people_of_a_meeting_whose_rows_do_not_stand_together_count_once(site) -> None:
    people = [attendee(1, meeting) | {"email": f"{name}@example.com"} for meeting, name in ("1a", "1b", "2a", "2c")]
    site.add("attendees", people)
    site.add("usage", [usage(1, 1.1, meeting) | {"totalParticipants": 2} for meeting in "12"])
    assert covered(site).tables["attendees"].people == People(stated=4, received=4)
    folder = site.archive.path / "tables" / "attendees"
    held = pl.scan_delta(str(folder)).collect()
    held.with_columns(email=pl.col("email").str.replace("b@", "d@")).reverse().write_delta(folder, mode="append")
    held.gather_every(2).write_delta(folder, mode="append")
    assert covered(site).tables["attendees"].people == People(stated=4, received=5)


def test_a_quiet_site_is_complete(site) -> None:
    fill(site, meeting=None)
    assert covered(site).complete


def test_an_empty_archive_has_one_gap(site) -> None:
    assert told(covered(site)) == [("attendees", "not-collected", days(0, 7))]


def test_spans_that_were_never_asked_for_are_gaps(site) -> None:
    fill(site, start=2, end=4)
    found = [gap for gap in told(covered(site)) if gap[0] == "attendees"]
    assert found == [("attendees", "not-collected", days(0, 2)), ("attendees", "not-collected", days(4, 7))]


def test_usage_counts_only_where_every_service_type_was_asked(site) -> None:
    fill(site)
    site.add("usage", [], days=(7, 9), service_type="MeetingCenter")
    found = [gap for gap in told(covered(site, days(0, 9))) if gap[0] == "meetings"]
    assert found == [("meetings", "not-collected", days(7, 9))]


def test_a_site_that_was_never_asked_has_gaps_in_every_table(site) -> None:
    fill(site)
    found = covered(site, sites=("other.webex.com",))
    assert told(found) == [
        (table, "not-collected", days(0, 7)) for table in ("attendees", *PEOPLE[:2], "meetings", PEOPLE[2])
    ]
    assert {gap.site_url for gap in found.gaps} == {"other.webex.com"}


def test_participants_that_were_not_asked_for_are_one_gap_a_table_with_counts(site) -> None:
    fill(site)
    site.add("attendees", [attendee(3, "m2"), attendee(4, "m3")], days=(0, 7), at=LATER)
    found = covered(site)
    assert [gap.table for gap in found.gaps] == list(PEOPLE)
    assert {gap.detail for gap in found.gaps} == {"2 of 3 meetings were never asked about"}
    assert {gap.window.start for gap in found.gaps} == {DAY0 + timedelta(days=3)}


def test_participants_switched_off_are_gaps_of_the_whole_window(site) -> None:
    site.add("attendees", [attendee(1)], at=LATER)
    for service in SERVICES:
        site.add("usage", [], service_type=service, at=LATER)
    assert told(covered(site)) == [(table, "not-collected", days(0, 7)) for table in PEOPLE]


def test_a_gap_of_a_unit_stands_until_a_later_unit_heals_it(site) -> None:
    fill(site)
    gap = Gap("attendees", SITE, days(0, 7), GapReason.RATE_LIMITED, "429 for an hour")
    site.add("attendees", [], days=(0, 7), gaps=[gap], at=LATER)
    assert covered(site).gaps == (gap,)
    site.add("attendees", [attendee(1)], days=(0, 7), at=LATER)
    assert covered(site).complete


def failing(site, endpoint: str, table: str, reason: GapReason, **unit: object) -> None:
    gap = Gap(table, SITE, WEEK, reason, "refused")
    site.add(endpoint, [], days=(0, 7), gaps=[gap], at=LATER, **unit)


@pytest.mark.parametrize("reason", [GapReason.BEYOND_LOOKBACK, GapReason.FORBIDDEN])
def test_participants_of_meetings_that_no_report_tells_are_gaps(site, reason) -> None:
    fill(site, meeting=None)
    failing(site, "usage", "meetings", reason, service_type=SERVICES[2])
    assert told(covered(site)) == [("meetings", reason.value, WEEK)]
    failing(site, "attendees", "attendees", reason)
    found = covered(site, days(-1, 7)).gaps
    people = [(gap.table, gap.reason, gap.window, gap.detail) for gap in found if gap.table in PEOPLE]
    for name in PEOPLE:
        assert (name, reason, WEEK, "its meetings are not known (refused)") in people
        assert (name, GapReason.NOT_COLLECTED, days(-1, 0), "never asked for") in people
    assert len(people) == 2 * len(PEOPLE)


def test_single_records_of_reports_hide_no_meetings(site) -> None:
    fill(site)
    site.add("attendees", [attendee(1), {"meetingId": ["m1"]}], days=(0, 7), at=LATER)
    site.add("usage", [{**usage(2, 3, "m2"), "start": 5}], days=(0, 7), service_type=SERVICES[1], at=LATER)
    assert {gap.table for gap in covered(site).gaps} == {"attendees", "meetings"}


def test_participants_of_files_mend_what_webex_had_forgotten(site) -> None:
    fill(site, meeting=None)
    failing(site, "usage", "meetings", GapReason.BEYOND_LOOKBACK, service_type=SERVICES[0])
    failing(site, "attendees", "attendees", GapReason.BEYOND_LOOKBACK)
    site.add("import:participants", [{"id": "p", "meetingId": "m", "joinedTime": DAY0.isoformat()}], days=(0, 4))
    found = [gap[1:] for gap in told(covered(site)) if gap[0] == "participants"]
    assert found == [("imported", days(0, 4)), ("beyond-lookback", days(4, 7))]


def test_a_gap_outside_the_window_is_not_told(site) -> None:
    fill(site)
    gap = Gap("attendees", SITE, days(6, 7), GapReason.UNAVAILABLE, "503")
    site.add("attendees", [], days=(6, 7), gaps=[gap], at=LATER)
    assert covered(site, days(0, 6)).complete
    assert covered(site, days(0, 6.1)).gaps == (gap,)


def test_failures_of_single_meetings_are_counted_together(site) -> None:
    fill(site)
    for number in range(3):
        span = days(number, number + 0.1)
        gaps = [Gap("participants", SITE, span, GapReason.FORBIDDEN, f"403 on m{number}")]
        site.add("participants", [], days=(number, number + 0.1), meeting_id=f"x{number}", gaps=gaps, at=LATER)
    (gap,) = covered(site).gaps
    assert (gap.reason, gap.window) == (GapReason.FORBIDDEN, days(0, 2.1))
    assert gap.detail == "3 meetings, the first: 403 on m0"


def test_several_failures_of_one_meeting_are_one_meeting(site) -> None:
    fill(site)
    for number in range(2):
        span = days(number, number + 0.1)
        gaps = [Gap("participants", SITE, span, GapReason.UNAVAILABLE, f"503 on m{number}, {try_}") for try_ in "ab"]
        site.add("participants", [], days=(number, number + 0.1), meeting_id=f"x{number}", gaps=gaps, at=LATER)
        told = [gap.detail for gap in covered(site).gaps]
        assert told == (["503 on m0, a", "503 on m0, b"] if number == 0 else ["2 meetings, the first: 503 on m0, a"])


def test_a_record_that_could_not_be_decoded_is_told_with_its_place(site) -> None:
    fill(site)
    site.add("attendees", [attendee(1), {"duration": []}], days=(0, 7), at=LATER)
    (gap,) = covered(site).gaps
    assert (gap.table, gap.reason) == ("attendees", GapReason.UNDECODABLE_RECORD)
    assert "item 1: duration: a list" in gap.detail


def test_a_body_that_the_collector_named_is_told_once(site) -> None:
    fill(site)
    named = Gap("attendees", SITE, days(0, 7), GapReason.INVALID_BODY, "HTML with status 200")
    site.add("attendees", b"<html>", days=(0, 7), gaps=[named], at=LATER)
    assert covered(site).gaps == (named,)


def test_a_meeting_that_has_just_ended_is_too_fresh(site) -> None:
    now = DAY0 + timedelta(days=2)
    fill(site, end=2, at=now)
    found = covered(site, days(0, 2), now=now)
    assert {gap.reason for gap in found.gaps} == {GapReason.TOO_FRESH}
    assert [gap.table for gap in found.gaps] == ["attendees", "breakouts", "devices", "meetings", "participants"]
    assert found.gaps[0].window == days(1, 1.1)
    assert found.gaps[0].detail == "1 meeting ended less than 24 h before; their records may still change"


def test_a_meeting_that_was_collected_again_later_is_not_too_fresh(site) -> None:
    fill(site, end=2, at=DAY0 + timedelta(days=2))
    assert not covered(site, days(0, 2), now=LATER).complete
    fill(site, end=2, at=LATER)
    assert covered(site, days(0, 2), now=LATER).complete


def test_a_meeting_without_an_end_lasts_to_the_end_of_its_span(site) -> None:
    now = DAY0 + timedelta(days=7.5)
    site.add("attendees", [attendee(1)], at=now)
    fresh = [gap for gap in covered(site, now=now).gaps if gap.reason is GapReason.TOO_FRESH]
    assert [gap.window for gap in fresh] == [days(1, 7)]


def test_times_between_and_around_imported_files_are_imported_too(site) -> None:
    site.add("import:attendees", [attendee(1)], days=(1, 2))
    site.add("import:attendees", [attendee(5)], days=(5, 6))
    site.add("import:participants", [{**attendee(1), "id": "p"}], days=(1.5, 5.5))
    assert {(gap.reason.value, gap.window) for gap in covered(site, days(1, 6)).gaps} == {("imported", days(1, 6))}


def test_a_site_known_from_files_only_is_imported(site) -> None:
    site.add("import:attendees", [attendee(1)], days=(0, 5))
    found = told(covered(site))
    assert found == [
        ("attendees", "imported", days(0, 5)),
        ("attendees", "not-collected", days(5, 7)),
        *((table, "imported", days(0, 7)) for table in ("breakouts", "devices", "meetings", "participants")),
    ]


def test_files_fill_what_was_not_collected(site) -> None:
    fill(site, start=3, end=7)
    site.add("import:attendees", [attendee(1, "m0")], days=(1, 4))
    found = [gap for gap in told(covered(site)) if gap[0] == "attendees"]
    assert found == [("attendees", "not-collected", days(0, 1)), ("attendees", "imported", days(1, 3))]


def lost(table: str, endpoint: str, window: Window) -> dict[str, object]:
    gap = Gap(table, SITE, window, GapReason.BEYOND_LOOKBACK, "Webex keeps reports for 90 days")
    return {"endpoint": endpoint, "gaps": [gap], "key": f"{endpoint} lost"}


def test_files_fill_what_webex_had_forgotten(site) -> None:
    fill(site, start=3, end=7)
    site.add(**lost("attendees", "attendees", days(0, 3)), days=(0, 3))
    site.add(**lost("meetings", "usage", days(0, 3)), days=(0, 3), service_type=SERVICES[0])
    site.add("import:attendees", [attendee(1, "m0")], days=(1, 4))
    site.add("import:usage", [usage(1, 1.1, "m0")], days=(0, 7))
    found = [gap for gap in told(covered(site)) if gap[0] in {"attendees", "meetings"}]
    assert found == [
        ("attendees", "beyond-lookback", days(0, 1)),
        ("attendees", "imported", days(1, 3)),
        ("meetings", "imported", days(0, 3)),
    ]


def test_participants_of_files_fill_no_more_than_their_span(site) -> None:
    fill(site, meeting=None)
    site.add("attendees", [attendee(1)], days=(0, 7), at=LATER)
    site.add("import:participants", [{**attendee(1), "id": "p"}], days=(0, 4))
    found = covered(site, days(-3, 7))
    people = [(gap.reason.value, gap.window.start) for gap in found.gaps if gap.table == "participants"]
    assert people == [("not-collected", DAY0 - timedelta(days=3)), ("imported", DAY0 + timedelta(days=1))]
    site.add("attendees", [attendee(6, "m2")], days=(0, 7), at=LATER)
    again = [(gap.reason.value, gap.window.start) for gap in covered(site, days(-3, 7)).gaps if gap.table == "devices"]
    assert again == [*people, ("not-collected", DAY0 + timedelta(days=6))]


def test_files_of_another_site_fill_nothing(site) -> None:
    fill(site, start=3, end=7)
    site.add(**lost("attendees", "attendees", days(0, 3)), days=(0, 3))
    site.add("import:attendees", [attendee(1, "m0")], days=(0, 4), site_url="other.webex.com")
    assert ("attendees", "beyond-lookback", days(0, 3)) in told(covered(site, sites=(SITE,)))


def test_what_was_pruned_is_gone_and_not_held(site) -> None:
    fill(site)
    prune(site.archive.path, DAY0 + timedelta(days=3), now=lambda: LATER)
    site.archive = type(site.archive)(site.archive.path)
    found = covered(site)
    assert found.tables["attendees"].rows == 0
    assert {gap for gap in told(found) if gap[1] == "gone"} == {
        (table, "gone", days(0, 3)) for table in ("attendees", "meetings", *PEOPLE)
    }


def test_the_gaps_of_other_sites_are_not_told(site) -> None:
    fill(site)
    site.add("attendees", [], days=(0, 1), site_url="other.webex.com")
    assert covered(site, sites=(SITE,)).complete


def test_rows_without_a_time_are_counted_where_their_meeting_began(site) -> None:
    fill(site)
    site.add("attendees", [{"meetingId": "m1", "email": "b@example.com"}, {"meetingId": "x"}], days=(0, 7), at=LATER)
    assert covered(site).tables["attendees"].rows == 2


def test_rows_nothing_places_in_time_are_a_gap_of_every_window(site) -> None:
    fill(site)
    site.add("participants", [{"id": "q", "meetingId": "unheard-of"}], days=(0, 7), meeting_id="unheard-of", at=LATER)
    found = [(gap.table, gap.reason.value, gap.detail) for gap in covered(site).gaps]
    words = "1 row has no time, and nothing else tells in which window to look"
    assert found == [("participants", "undecodable-record", words)]


def test_a_usage_record_that_tells_only_its_meeting_is_a_gap_and_a_meeting_of_attendees_is_none(site) -> None:
    fill(site)
    site.add("attendees", [attendee(2, "m2")], days=(0, 7), at=LATER)
    present = {"id": "q", "meetingId": "m2", "joinedTime": (DAY0 + timedelta(days=2)).isoformat()}
    site.add("participants", [present], days=(0, 7), meeting_id="m2", at=LATER)
    assert covered(site).complete
    bare = {"meetingId": "m3", "meetingNumber": "123", "meetingTitle": "T"}
    site.add("usage", [usage(1, 1.1), bare], days=(0, 7), service_type=SERVICES[0], at=LATER)
    words = "1 row has no time, and nothing else tells in which window to look"
    assert [(gap.table, gap.detail) for gap in covered(site).gaps] == [("meetings", words)]
