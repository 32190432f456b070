from __future__ import annotations

import pytest

from auditor.simulator import Fault

ATTENDEES = "/meetingReports/attendees"


def attendees(bench):
    return bench.run(participants=False).table("attendees")


@pytest.mark.parametrize("name", ["items-null", "no-content"])
def test_an_empty_answer_is_evidence_of_nothing_more(name, site, truth, bench_of) -> None:
    run = bench_of(site, Fault(name, path=ATTENDEES)).run(participants=False)
    assert run.reasons() == set()
    found = run.table("attendees")
    assert 0 < found.height <= truth["attendees"].height
    assert found.join(truth["attendees"], on=found.columns, how="anti", nulls_equal=True).is_empty()


def test_a_lone_surrogate_becomes_the_replacement_character(site, truth, bench_of) -> None:
    found = attendees(bench_of(site, Fault("value-surrogate", path=ATTENDEES)))
    assert found.height == truth["attendees"].height
    assert "Half \ufffd" in found["display_name"].to_list()


@pytest.mark.parametrize(("name", "text"), [("value-nul", "Nul\x00Name"), ("value-megabyte", "n" * 1_000_000)])
def test_hostile_names_are_kept_as_they_are(name, text, site, truth, bench_of) -> None:
    found = attendees(bench_of(site, Fault(name, path=ATTENDEES)))
    assert found.height == truth["attendees"].height
    assert text in found["display_name"].to_list()


def test_times_that_are_not_known_yet_are_null(site, truth, bench_of) -> None:
    found = attendees(bench_of(site, Fault("times-unknown", path=ATTENDEES)))
    assert found.height == truth["attendees"].height
    assert found["left_time"].null_count() == found.height


def test_a_record_that_cannot_be_read_is_told_again_by_every_run_while_it_remains(site, bench_of) -> None:
    fault = Fault("types-broken", times=0, path=ATTENDEES)
    bench = bench_of(site, fault)
    first = bench.run(participants=False)
    again = bench.run(participants=False)
    assert first.reasons() == again.reasons() == {"undecodable-record"}
    assert "item 0" in again.outcome.gaps[0].detail


def test_a_name_of_two_records_on_two_pages_is_one_row(site, truth, bench_of) -> None:
    run = bench_of(site, Fault("rows-doubled")).run()
    assert run.table("attendees").equals(truth["attendees"])
    assert run.table("devices").equals(truth["devices"])
