"""One test a row of the faults a collector must survive: the tables equal the truth, or a gap names what is lost."""

from __future__ import annotations

import pytest

from auditor.simulator import Fault
from auditor.webex.pages import Bounds

ATTENDEES = "/meetingReports/attendees"
USAGE = "/meetingReports/usage"

HEALED = [
    Fault("link-max-null", times=0),
    Fault("link-lost-site", times=0),
    Fault("link-lost-meeting", times=0),
    Fault("link-lost-from", times=0),
    Fault("link-lost-to", times=0),
    Fault("link-many", times=0),
    Fault("link-single-quotes", times=0),
    Fault("link-upper-rel", times=0),
    Fault("link-relative", times=0),
    Fault("link-missing", times=0, path=USAGE),
    Fault("link-missing", times=0, path="/meetingParticipants"),
    Fault("empty-page"),
    Fault("empty-page", times=3),
    Fault("rate-limit-seconds", times=5, value="7"),
    Fault("rate-limit-date", times=5, value="9"),
    Fault("rate-limit-date-past", times=5),
    Fault("rate-limit-silent", times=3),
    Fault("rate-limit-unreadable", times=3),
    Fault("locked"),
    Fault("locked-seconds", times=4),
    Fault("error-500", times=4),
    Fault("error-502", times=4),
    Fault("error-503", times=4),
    Fault("error-503", times=1, each=True),
    Fault("accepted", times=2),
    Fault("gateway-timeout", value="10"),
    Fault("gateway-timeout-span", value="30"),
    Fault("reset", times=4),
    Fault("stall", times=2, value="0.01"),
    Fault("warning"),
    Fault("body-cut", times=3),
    Fault("length-wrong", times=2),
    Fault("gzip-wrong", times=3),
    Fault("invalid-json", times=2),
    Fault("html", times=2),
    Fault("created"),
    Fault("gone-link"),
    Fault("rows-doubled"),
    Fault("rows-inserted", times=0),
    Fault("rows-shifted", path=ATTENDEES),
    Fault("rows-shifted", path=USAGE),
    Fault("rows-shifted", path="/meetingParticipants"),
    Fault("types-lossless"),
    Fault("fields-unknown"),
    Fault("times-zone"),
    Fault("times-naive"),
]

TOLD = [
    (Fault("link-loop", path=ATTENDEES), "paging-loop"),
    (Fault("link-missing", times=0, path=ATTENDEES), "possibly-truncated"),
    (Fault("link-foreign-host", times=0), "foreign-link"),
    (Fault("link-foreign-port", times=0), "foreign-link"),
    (Fault("link-foreign-scheme", times=0), "foreign-link"),
    (Fault("link-user-info", times=0), "foreign-link"),
    (Fault("link-changed-filter", times=0), "changed-filter"),
    (Fault("link-malformed", times=0), "unreadable-link"),
    (Fault("empty-page", times=0, path=ATTENDEES), "empty-pages"),
    (Fault("rate-limit-endless", value="120", path=ATTENDEES), "rate-limited"),
    (Fault("rate-limit-seconds", value="4000", path=ATTENDEES), "rate-limited"),
    (Fault("locked", times=0, path=ATTENDEES), "rate-limited"),
    (Fault("error-500", times=0, path=ATTENDEES), "unavailable"),
    (Fault("error-503", times=0, path="/meetingParticipants"), "unavailable"),
    (Fault("accepted", times=0, path=ATTENDEES), "unavailable"),
    (Fault("conflict", path=ATTENDEES), "rejected"),
    (Fault("gateway-timeout-endless", path=ATTENDEES), "unavailable"),
    (Fault("reset", times=0, path=ATTENDEES), "unavailable"),
    (Fault("stall", times=0, value="0.01", path=ATTENDEES), "unavailable"),
    (Fault("forbidden-meeting"), "forbidden"),
    (Fault("forbidden-endpoint"), "forbidden"),
    (Fault("not-found-meeting"), "not-found"),
    (Fault("gone-meeting"), "gone"),
    (Fault("gone-link", times=0, path=ATTENDEES), "unavailable"),
    (Fault("body-cut", times=0, path=ATTENDEES), "unavailable"),
    (Fault("gzip-wrong", times=0, path=ATTENDEES), "unavailable"),
    (Fault("invalid-json", times=0, path=ATTENDEES), "invalid-body"),
    (Fault("html", times=0, path=ATTENDEES), "invalid-body"),
    (Fault("items-missing", path=ATTENDEES), "invalid-body"),
    (Fault("body-list", path=ATTENDEES), "invalid-body"),
    (Fault("body-null", path=ATTENDEES), "invalid-body"),
    (Fault("body-text", path=ATTENDEES), "invalid-body"),
    (Fault("created-empty", path=ATTENDEES), "unexpected-status"),
    (Fault("redirect", path=ATTENDEES), "unexpected-status"),
    (Fault("types-broken", times=0, path=ATTENDEES), "undecodable-record"),
    (Fault("types-broken-time", times=0, path=ATTENDEES), "undecodable-record"),
    (Fault("value-nan", times=0, path=ATTENDEES), "undecodable-record"),
    (Fault("value-huge", times=0, path=ATTENDEES), "undecodable-record"),
    (Fault("rows-shifted", times=0, path=ATTENDEES), "changed-while-reading"),
    (Fault("rows-shifted", times=0, path=USAGE), "changed-while-reading"),
]


TABLES = ("attendees", "participants", "devices", "breakouts", "meetings")
PAGES = {("link-missing", USAGE): 3, ("rows-shifted", USAGE): 3}
"""Page sizes that make a listing as long as the fault needs."""


def asked_for(fault: Fault) -> dict[str, object]:
    """Pages as small as the fault needs; participants only where it strikes at them."""
    return {
        "bounds": Bounds(largest=PAGES.get((fault.name, fault.path), 20)),
        "participants": fault.path not in {ATTENDEES, USAGE},
    }


def tables_of(fault: Fault) -> tuple[str, ...]:
    return ("attendees", "meetings") if fault.path in {ATTENDEES, USAGE} else TABLES


def named(value: object) -> str:
    if isinstance(value, Fault):
        return f"{value.name}-{value.times}-{(value.path or 'all').rpartition('/')[2]}"
    return str(value)


@pytest.mark.parametrize("fault", HEALED, ids=named)
def test_nothing_is_lost_doubled_or_altered(fault, site, truth, bench_of) -> None:
    bench = bench_of(site, fault)
    run = bench.run(threads=1 if fault.name.startswith("rows") else 4, **asked_for(fault))
    assert bench.server.strikes[fault.name] > 0
    assert run.reasons() == set()
    for name in tables_of(fault):
        assert run.table(name).equals(truth[name]), name


@pytest.mark.parametrize(("fault", "reason"), TOLD, ids=named)
def test_what_is_lost_is_a_named_gap(fault, reason, site, truth, bench_of) -> None:
    bench = bench_of(site, fault)
    run = bench.run(threads=1, **asked_for(fault))
    assert bench.server.strikes[fault.name] > 0
    assert reason in run.reasons()
    for name in tables_of(fault):
        found = run.table(name)
        if name != "meetings":
            assert found.join(truth[name], on=found.columns, how="anti", nulls_equal=True).is_empty(), name
        assert found.height == found.unique().height, name
