from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from auditor.errors import ConfigError
from auditor.model.window import Window, instant
from auditor.simulator import Behaviour, Fault, Regular
from auditor.webex.pages import Bounds

ATTENDEES = "/meetingReports/attendees"
DAY = timedelta(days=1)


def spans(run, path: str = ATTENDEES) -> list[tuple[datetime, datetime]]:
    return [
        (instant(served.request.value("from") or ""), instant(served.request.value("to") or ""))
        for served in run.asked(path)
        if served.request.value("cursor") is None
    ]


def test_two_hundred_days_are_asked_in_legal_requests_and_the_lost_span_is_a_gap(site, regular, bench_of) -> None:
    run = bench_of(site).run(days=200)
    for path in (ATTENDEES, "/usage"):
        for start, end in spans(run, path):
            assert timedelta() < end - start <= timedelta(days=30)
            assert start >= regular.now - timedelta(days=90)
            assert end <= regular.now
    assert all(served.status == 200 for served in run.requests)
    gaps = {(gap.table, gap.reason.value, gap.window) for gap in run.outcome.gaps}
    lost = Window(regular.now - timedelta(days=200), regular.now - timedelta(days=90) + timedelta(hours=1))
    assert gaps == {("attendees", "beyond-lookback", lost), ("meetings", "beyond-lookback", lost)}


def test_the_lost_span_is_told_again_by_a_later_run_but_stated_once(site, bench_of) -> None:
    bench = bench_of(site)
    first = bench.run(days=200, participants=False)
    units = [entry.unit.key for entry in first.archive.evidence.units()]
    again = bench.run(days=200, participants=False)
    assert again.outcome.gaps == first.outcome.gaps
    assert sorted(units) == sorted(entry.unit.key for entry in again.archive.evidence.units())


def test_without_a_window_all_that_can_be_had_is_asked_and_nothing_is_missing(site, truth, bench_of) -> None:
    run = bench_of(site).run(days=None)
    assert run.outcome.gaps == ()
    for name, rows in truth.items():
        assert run.table(name).equals(rows), name


def test_a_second_run_asks_only_for_the_sites_and_what_was_fresh(site, bench_of) -> None:
    bench = bench_of(site)
    first = bench.run()
    again = bench.run()
    assert {served.request.path for served in again.requests} == {
        "/v1/meetingPreferences/sites",
        "/v1/meetingReports/attendees",
        "/v1/meetingReports/usage",
    }
    assert all(start >= bench.server.now - 2 * DAY for start, _ in spans(again))
    for name in ("attendees", "participants", "devices", "meetings"):
        assert again.table(name).equals(first.table(name)), name


def test_rows_that_came_late_are_fetched_by_a_run_after_they_settled(bench_of) -> None:
    fresh = Regular(meetings=4, people=6, now=datetime(2026, 10, 5, 6, tzinfo=UTC), apart=timedelta(hours=9))
    moved = fresh.now - timedelta(hours=44)
    bench = bench_of(fresh.site(), Fault("rows-late", value="24", times=0), now=moved)
    early = bench.run(days=9)
    assert 0 < early.table("attendees").height < 24
    bench.server.now = moved + timedelta(hours=26)
    late = bench.run(days=9)
    assert late.table("attendees").height == 24
    assert late.table("participants").height == 24
    assert late.outcome.gaps == ()


def test_settle_says_how_long_data_is_fetched_again(site, bench_of) -> None:
    bench = bench_of(site)
    bench.run(participants=False, settle=timedelta(0))
    assert bench.run(participants=False, settle=timedelta(0)).asked(ATTENDEES) == []
    assert bench.run(participants=False, settle=timedelta(hours=24)).asked(ATTENDEES) == []


def test_a_daily_schedule_ends_with_the_same_tables_and_asks_little(site, regular, truth, bench_of) -> None:
    bench = bench_of(site, now=regular.now - 6 * DAY)
    counts = []
    for day in range(7):
        bench.server.now = regular.now + (day - 6) * DAY
        run = bench.run(days=None)
        assert run.outcome.gaps == ()
        counts.append(len(run.asked(ATTENDEES)))
    for name, rows in truth.items():
        assert run.table(name).equals(rows), name
    assert max(counts[1:]) <= 6


@pytest.mark.parametrize("hours", ["5", "-5"])
def test_a_server_with_another_clock_is_asked_legal_spans_and_warned_of(hours, site, bench_of) -> None:
    fault = Fault("clock-ahead" if hours == "5" else "clock-behind", value=hours)
    run = bench_of(site, fault).run(days=None, participants=False)
    assert run.outcome.gaps == ()
    assert "the clock of Webex and ours differ by 300 minutes" in run.words


def test_a_time_so_long_ago_that_nothing_can_be_asked_is_refused(site, regular, bench_of) -> None:
    with pytest.raises(ConfigError, match="nothing can be asked"):
        bench_of(site).run(days=None, now=regular.now - 100 * DAY)


def test_a_record_that_changed_is_replaced_and_the_older_page_stays_evidence(site, truth, bench_of) -> None:
    whole = timedelta(days=30)
    plain = bench_of(site).run(settle=whole, participants=False)
    pages = plain.archive.chain().pages
    changed = bench_of(site, Fault("values-changed")).run(settle=whole, participants=False)
    table = changed.table("attendees")
    assert table.height == truth["attendees"].height
    assert table["company"].unique().to_list() == ["Changed AS"]
    assert changed.archive.chain().pages > pages


@pytest.mark.parametrize("dated_by", ["joined", "start"])
@pytest.mark.parametrize("to_included", [True, False])
def test_whatever_time_the_server_filters_by_nothing_of_the_window_is_lost(dated_by, to_included, bench_of) -> None:
    """Meetings start at the very edges of the window and of its slices."""
    regular = Regular(meetings=40, people=4, apart=timedelta(hours=12))
    behaviour = Behaviour(dated_by=dated_by, to_included=to_included)
    start = regular.start(39) + timedelta(minutes=30)
    window = Window(start, start + timedelta(days=16))
    run = bench_of(regular.site(), behaviour=behaviour).run(days=None, window=window, participants=False)
    joined = {
        (row["meetingId"], row["email"])
        for row in regular.attendees()
        if window.contains(instant(str(row["joinedTime"])))
    }
    found = run.table("attendees").select("meeting_id", "email").rows()
    assert joined <= set(found)
    assert len(found) == len(set(found))


def test_pages_of_the_largest_legal_size_are_asked(site, bench_of) -> None:
    run = bench_of(site).run(bounds=Bounds())
    assert {served.request.value("max") for served in run.asked(ATTENDEES)} == {"1000"}
    assert {served.request.value("max") for served in run.asked("/meetingParticipants")} == {"100"}
    assert {served.request.headers.get("timezone") for served in run.asked(ATTENDEES)} == {"UTC"}


def test_an_archive_whose_newest_data_nears_the_horizon_is_warned_of(site, regular, bench_of) -> None:
    bench = bench_of(site)
    bench.run(participants=False)
    bench.server.now = regular.now + 75 * DAY
    late = bench.run(days=None, participants=False)
    assert "example.webex.com: the newest data held ends 2026-10-05T06:00:00Z" in late.words
    bench.server.now += 2 * DAY
    assert "the newest data held" not in bench.run(days=None, participants=False).words


def test_participants_nobody_asked_for_in_time_are_a_gap(site, regular, bench_of) -> None:
    bench = bench_of(site)
    bench.run(participants=False)
    bench.server.now = regular.now + 100 * DAY
    late = bench.run(days=130)
    lost = {gap.table for gap in late.outcome.gaps if "9 meetings" in gap.detail}
    assert lost == {"participants", "devices", "breakouts"}
    assert late.asked("/meetingParticipants") == []
