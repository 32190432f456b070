from __future__ import annotations

import json
from datetime import timedelta

import pytest

from auditor.model.vocabulary import GapReason
from auditor.model.window import Window
from auditor.simulator import Behaviour, Fault, Regular, Site
from auditor.tables.coverage import coverage
from auditor.webex.pages import Bounds

ATTENDEES = "/meetingReports/attendees"
QUERY = "/meetingParticipants/query"


def large(people: int, **changes: object) -> Site:
    """One meeting of many people; `changes` replace values of its usage record."""
    regular = Regular(meetings=1, people=people)
    usage = [{**record, **changes} for record in regular.usage()]
    usage = [{name: value for name, value in record.items() if value is not None} for record in usage]
    return Site(attendees=regular.attendees(), usage=usage, participants=regular.participants(), now=regular.now)


def told(run, now) -> set[GapReason]:
    """The reasons of the gaps that the archive has in the window of a run."""
    asked = run.outcome
    found = coverage(run.archive, window=asked.window, sites=asked.sites, now=now, settle=timedelta(hours=24))
    return {gap.reason for gap in found.gaps}


def test_a_full_page_without_a_next_link_is_completed_by_asking_for_the_others(bench_of) -> None:
    run = bench_of(large(240), Fault("link-missing", times=0, path="/meetingParticipants")).run(bounds=Bounds())
    assert run.outcome.gaps == ()
    assert run.table("participants").height == 240
    asked = [json.loads(served.request.body) for served in run.asked(QUERY)]
    assert [len(body["emails"]) for body in asked] == [50, 50, 40]
    assert {body["joinTimeFrom"] for body in asked} == {
        served.request.value("joinTimeFrom") for served in run.asked("/meetingParticipants")
    }


def test_a_full_page_is_believed_when_the_usage_report_counts_no_more(bench_of) -> None:
    run = bench_of(large(100)).run(bounds=Bounds())
    assert run.outcome.gaps == ()
    assert run.asked(QUERY) == []


def test_a_full_page_of_a_meeting_nobody_counted_is_checked_by_its_attendees(bench_of) -> None:
    faults = [Fault("link-missing", times=0, path="/meetingParticipants")]
    run = bench_of(large(130, totalParticipants=None), *faults).run(bounds=Bounds())
    assert run.outcome.gaps == ()
    assert run.table("participants").height == 130


def test_people_that_no_request_brings_are_a_gap_that_counts_them(bench_of) -> None:
    regular = Regular(meetings=1, people=120)
    attendees = [dict(row) for row in regular.attendees()]
    for row in attendees[-5:]:
        row["email"] = ""
    participants = [
        {name: value for name, value in row.items() if name != "email" or index < 115}
        for index, row in enumerate(regular.participants())
    ]
    site = Site(attendees=attendees, usage=regular.usage(), participants=participants, now=regular.now)
    run = bench_of(site, Fault("link-missing", times=0, path="/meetingParticipants")).run(bounds=Bounds())
    assert run.reasons() == {"possibly-truncated"}
    assert {gap.table for gap in run.outcome.gaps} == {"participants", "devices", "breakouts"}
    assert "115 people seen, at least 5 more" in run.outcome.gaps[0].detail


@pytest.mark.parametrize(("counted", "reasons"), [(60, set()), (80, {"possibly-truncated"})])
def test_a_full_page_of_people_who_joined_again_is_compared_by_people(bench_of, counted, reasons) -> None:
    regular = Regular(meetings=1, people=100)
    participants = [{**row, "email": f"p{n % 60}@northbank.example"} for n, row in enumerate(regular.participants())]
    usage = [{**record, "totalParticipants": counted} for record in regular.usage()]
    run = bench_of(Site(usage=usage, participants=participants, now=regular.now)).run(bounds=Bounds())
    assert run.reasons() == reasons
    assert not reasons or "60 people seen, at least 20 more" in run.outcome.gaps[0].detail


def test_people_of_one_name_are_no_gap_where_all_attendees_are_there(bench_of) -> None:
    regular = Regular(meetings=1, people=100)
    unnamed = {"email": "", "displayName": "Call-in User"}
    attendees, participants = ([*rows][:90] for rows in (regular.attendees(), regular.participants()))
    attendees += [{**row, **unnamed} for row in [*regular.attendees()][90:]]
    participants += [{**row, **unnamed} for row in [*regular.participants()][90:]]
    site = Site(attendees=attendees, usage=regular.usage(), participants=participants, now=regular.now)
    assert bench_of(site).run(bounds=Bounds()).reasons() == set()


def test_a_query_that_takes_too_long_is_halved(bench_of) -> None:
    faults = [
        Fault("link-missing", times=0, path="/meetingParticipants"),
        Fault("gateway-timeout", value="7", path=QUERY),
    ]
    run = bench_of(large(150), *faults).run(bounds=Bounds())
    assert run.outcome.gaps == ()
    assert run.table("participants").height == 150
    bodies = [served.request.body for served in run.asked(QUERY)]
    assert len(bodies) == len(set(bodies))
    assert run.waited == 0


def test_named_people_are_asked_for_instead_of_everybody(site, regular, bench_of) -> None:
    people = tuple(f"p{n}@northbank.example" for n in range(3))
    run = bench_of(site).run(emails=people)
    asked = [served for served in run.requests if served.request.path.startswith("/v1/meetingParticipants")]
    assert {served.request.method for served in asked} == {"POST"}
    assert len(asked) == regular.meetings
    assert sorted(run.table("participants")["email"].unique()) == sorted(people)
    assert run.table("attendees").height == regular.meetings * regular.people


def test_asking_for_named_people_does_not_stand_for_everybody(site, truth, bench_of) -> None:
    bench = bench_of(site)
    some = bench.run(emails=("p1@northbank.example",))
    known = coverage(
        some.archive,
        window=some.outcome.window,
        sites=some.outcome.sites,
        now=bench.server.now,
        settle=timedelta(hours=24),
    )
    assert ("participants", "not-collected") in {(gap.table, gap.reason.value) for gap in known.gaps}
    assert bench.run().table("participants").equals(truth["participants"])


def test_meetings_of_one_host_are_asked_in_the_hosts_name(bench_of) -> None:
    regular = Regular(meetings=2, people=3)
    usage = [{**record, "hostEmail": f"host{n}@northbank.example"} for n, record in enumerate(regular.usage())]
    site = Site(attendees=regular.attendees(), usage=usage, participants=regular.participants(), now=regular.now)
    run = bench_of(site).run(host_email="host1@northbank.example")
    asked = run.asked("/meetingParticipants")
    assert [served.request.value("hostEmail") for served in asked] == ["host1@northbank.example"]
    assert [served.request.value("meetingId") for served in asked] == [regular.meeting_id(1)]


def hosted(regular: Regular, **records: object) -> Site:
    """A site whose reports do not name the host, though Webex knows it: host 1."""
    attendees = [{**row, "hostEmail": "host1@northbank.example"} for row in regular.attendees()]
    return Site(attendees=attendees, now=regular.now, **records)  # type: ignore[arg-type]


def never_asked(run, now) -> bool:
    """Whether the archive says of some meetings that nobody asked about their participants."""
    asked = run.outcome
    found = coverage(run.archive, window=asked.window, sites=asked.sites, now=now, settle=timedelta(hours=24))
    return ("participants", "not-collected") in {(gap.table, gap.reason.value) for gap in found.gaps}


@pytest.mark.parametrize("emails", [(), ("p1@northbank.example",)])
def test_an_empty_answer_in_the_name_of_a_host_does_not_stand_for_a_meeting_of_unknown_host(emails, bench_of) -> None:
    regular = Regular(meetings=2, people=3)
    host = {"host_email": "host1@northbank.example", "emails": emails}
    bench = bench_of(hosted(regular))
    run = bench.run(**host)
    assert run.outcome.gaps == ()
    assert never_asked(run, regular.now)
    assert len([served for served in run.requests if served.request.value("hostEmail")]) == 2
    again = bench.run(**host)
    assert not [served for served in again.requests if served.request.value("hostEmail")]
    after = bench_of(hosted(regular, participants=regular.participants())).run(emails=emails)
    assert after.outcome.gaps == ()
    assert after.table("participants").height == (2 if emails else 6)
    assert never_asked(after, regular.now) == bool(emails)


def test_an_answer_with_people_in_the_name_of_a_host_stands_for_the_meeting(bench_of) -> None:
    regular = Regular(meetings=2, people=3)
    bench = bench_of(hosted(regular, participants=regular.participants()))
    run = bench.run(host_email="host1@northbank.example")
    assert run.table("participants").height == 6
    assert not never_asked(run, regular.now)
    assert bench.run().asked("/meetingParticipants") == []


def test_what_could_not_be_asked_in_the_name_of_a_host_is_mended_by_asking_again_or_about_everybody(bench_of) -> None:
    regular = Regular(meetings=2, people=3)
    site = hosted(regular, participants=regular.participants())
    host = {"host_email": "host1@northbank.example"}
    for healing in ({}, host):
        bench = bench_of(site, Fault("error-503", times=5, path="/meetingParticipants"), name=f"archive-{len(healing)}")
        assert bench.run(threads=1, **host).reasons() == {"unavailable"}
        after = bench.run(**healing)
        assert after.outcome.gaps == ()
        assert told(after, regular.now) == set()
        assert after.table("participants").height == 6
        assert after.archive.evidence.verify() == ()


def test_an_empty_answer_in_the_name_of_a_host_mends_nothing(bench_of) -> None:
    regular = Regular(meetings=1, people=3)
    for ask in ({}, {"emails": ("p1@northbank.example",)}):
        path = QUERY if ask else "/meetingParticipants"
        bench = bench_of(hosted(regular), Fault("error-503", times=5, path=path), name=f"archive-{len(ask)}")
        assert bench.run(threads=1, **ask).reasons() == {"unavailable"}
        after = bench.run(host_email="host1@northbank.example", emails=ask and ("p2@northbank.example",))
        assert after.reasons() == {"unavailable"}


def test_participants_none_asks_for_none(site, bench_of) -> None:
    run = bench_of(site).run(participants=False)
    assert run.asked("/meetingParticipants") == []
    assert run.outcome.gaps == ()


def test_a_site_that_may_not_be_asked_whole_is_asked_meeting_by_meeting(site, regular, truth, bench_of) -> None:
    bench = bench_of(site, behaviour=Behaviour(site_wide=False))
    run = bench.run()
    whole = [served for served in run.asked(ATTENDEES) if served.request.value("meetingId") is None]
    assert len(whole) == 1
    assert run.outcome.gaps == ()
    for name, rows in truth.items():
        assert run.table(name).equals(rows), name
    again = bench.run()
    assert [served for served in again.asked(ATTENDEES) if served.request.value("meetingId")] == []


def test_a_meeting_that_failed_on_its_own_is_asked_for_again_by_the_next_run(site, truth, bench_of) -> None:
    bench = bench_of(site, Fault("forbidden-meeting", times=1, path=ATTENDEES), behaviour=Behaviour(site_wide=False))
    run = bench.run(participants=False)
    assert run.reasons() == {"forbidden"}
    after = bench.run(participants=False)
    assert len({served.request.value("meetingId") for served in after.asked(ATTENDEES)} - {None}) == 1
    assert after.reasons() == set()
    assert after.table("attendees").equals(truth["attendees"])


def test_meeting_by_meeting_a_missing_usage_report_is_a_gap_of_attendees_too(site, bench_of) -> None:
    fault = Fault("error-503", times=0, path="/meetingReports/usage")
    run = bench_of(site, fault, behaviour=Behaviour(site_wide=False)).run(participants=False)
    assert {gap.table for gap in run.outcome.gaps} == {"attendees", "meetings"}
    assert any("its meetings are not known" in gap.detail for gap in run.outcome.gaps)


@pytest.mark.parametrize("name", ["meetingId", "meetingNumber", "meetingTitle"])
def test_a_narrowed_run_asks_for_the_meetings_it_names_only(name, site, regular, bench_of) -> None:
    values = {"meetingId": regular.meeting_id(2), "meetingNumber": "25500000002", "meetingTitle": "Meeting 2"}
    bench = bench_of(site)
    run = bench.run(narrowed=(name, (values[name],)))
    assert run.table("attendees")["meeting_id"].unique().to_list() == [regular.meeting_id(2)]
    assert {served.request.value("meetingId") for served in run.asked("/meetingParticipants")} == {
        regular.meeting_id(2)
    }
    assert run.outcome.gaps == ()


def test_a_narrowed_run_does_not_stand_for_the_whole_window(site, regular, truth, bench_of) -> None:
    bench = bench_of(site)
    bench.run(narrowed=("meetingTitle", ("Meeting 1",)))
    assert bench.run().table("attendees").equals(truth["attendees"])


@pytest.mark.parametrize("name", ["meetingId", "meetingNumber", "meetingTitle"])
def test_a_narrowed_run_that_failed_is_mended_by_a_later_one_or_a_whole_one(
    name, site, regular, truth, bench_of
) -> None:
    values = {"meetingId": regular.meeting_id(2), "meetingNumber": "25500000002", "meetingTitle": "Meeting 2"}
    narrowed = {"narrowed": (name, (values[name],)), "participants": False}
    later = site.now + timedelta(minutes=5)
    for days, healing in ((None, narrowed), (12, {"participants": False})):
        bench = bench_of(site, Fault("error-503", times=5, path=ATTENDEES), name=f"{name}-{days}")
        assert bench.run(threads=1, days=days, **narrowed).reasons() == {"unavailable"}
        after = bench.run(days=None, now=later, **healing)
        assert after.outcome.gaps == ()
        assert GapReason.UNAVAILABLE not in told(after, later)
        assert bench.run(days=None, now=later).table("attendees").equals(truth["attendees"])


def test_a_narrowed_run_that_failed_is_not_mended_by_one_whose_number_begins_alike(site, bench_of) -> None:
    bench = bench_of(site, Fault("error-503", times=5, path=ATTENDEES))
    ask = {"participants": False, "threads": 1}
    assert bench.run(narrowed=("meetingNumber", ("255",)), **ask).reasons() == {"unavailable"}
    other = bench.run(narrowed=("meetingNumber", ("255 0000 0002",)), now=site.now + timedelta(minutes=5), **ask)
    assert other.reasons() == {"unavailable"}


def test_people_that_could_not_be_asked_about_are_mended_by_asking_about_everybody_or_others(site, bench_of) -> None:
    ask = {"emails": ("p1@northbank.example",)}
    for healing in ({}, {"emails": ("p1@northbank.example", "p2@northbank.example")}):
        bench = bench_of(site, Fault("error-503", times=5, path=QUERY), name=f"archive-{len(healing)}")
        assert bench.run(threads=1, **ask).reasons() == {"unavailable"}
        after = bench.run(**healing)
        assert after.outcome.gaps == ()
        assert GapReason.UNAVAILABLE not in told(after, site.now)
        assert len(bench.run(**ask).asked(QUERY)) == 1
        assert after.archive.evidence.verify() == ()


def test_a_narrowed_run_that_fails_is_told_though_all_of_it_was_had_before(site, bench_of) -> None:
    clean = len(bench_of(site, name="clean").run(participants=False).asked(ATTENDEES))
    bench = bench_of(site, Fault("error-503", times=5, path=ATTENDEES, after=clean))
    assert bench.run(participants=False).outcome.gaps == ()
    run = bench.run(participants=False, threads=1, narrowed=("meetingTitle", ("Meeting 2",)))
    assert run.reasons() == {"unavailable"}
    assert bench.run(participants=False).reasons() == set()


def test_invitees_are_asked_when_they_are_wanted(site, regular, bench_of) -> None:
    bench = bench_of(site)
    run = bench.run(also=("invitees",), participants=False)
    assert run.table("invitees").height == regular.meetings * regular.people
    assert bench.run(also=("invitees",), participants=False).asked("/meetingInvitees") == []


def test_settings_are_asked_of_every_hosts_series(site, bench_of) -> None:
    run = bench_of(site).run(also=("settings",), participants=False)
    asked = run.asked("/meetings")
    assert {served.request.value("meetingType") for served in asked} == {"meetingSeries"}
    assert {served.request.value("hostEmail") for served in asked} == {None, "p0@northbank.example"}
    assert run.outcome.gaps == ()


def test_all_service_types_of_the_usage_report_are_asked(site, bench_of) -> None:
    run = bench_of(site).run(participants=False)
    assert {served.request.value("serviceType") for served in run.asked("/usage")} == {
        "MeetingCenter",
        "EventCenter",
        "SupportCenter",
        "TrainingCenter",
    }


def test_a_meeting_known_from_attendees_alone_is_asked_for_too(bench_of) -> None:
    regular = Regular(meetings=3, people=3)
    site = Site(attendees=regular.attendees(), participants=regular.participants(), now=regular.now)
    run = bench_of(site).run()
    assert run.table("participants").height == 9


def test_participants_that_joined_late_or_early_are_not_cut_off(bench_of) -> None:
    regular = Regular(meetings=1, people=3)
    moved = [dict(record) for record in regular.participants()]
    moved[0]["joinedTime"] = (regular.start(0) - timedelta(hours=20)).isoformat()
    moved[2]["joinedTime"] = (regular.start(0) + timedelta(hours=24)).isoformat()
    site = Site(attendees=regular.attendees(), usage=regular.usage(), participants=moved, now=regular.now)
    assert bench_of(site).run().table("participants").height == 3


def test_meetings_at_the_edge_of_a_window_belong_to_it(site, regular, bench_of) -> None:
    window = Window(regular.start(4) + timedelta(minutes=10), regular.start(2) + timedelta(minutes=10))
    run = bench_of(site).run(days=None, window=window)
    assert {served.request.value("meetingId") for served in run.asked("/meetingParticipants")} == {
        regular.meeting_id(number) for number in (2, 3, 4)
    }
