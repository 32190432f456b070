"""Which findings a waiver accepts, and its state."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from auditor.model.waiver import Waiver
from auditor.triage.waivers import accepts, apply, in_force

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def waiver(name: Any = "W-1", **changes: Any) -> Any:
    fields = {
        "id": name,
        "rule": "ACC-001",
        "match": {"email": ("eve@example.org",)},
        "fingerprint": None,
        "reason": "known guest",
        "owner": "it-sec@example.com",
        "expires": date(2026, 12, 31),
    }
    return Waiver(**{**fields, **changes})


def run(findings: Any, waivers: Any, **changes: Any) -> Any:
    settings = {
        "seen": lambda finding: {**finding.evidence},
        "judged": {"ACC-001"},
        "known": {"ACC-001", "IDN-002"},
        "now": NOW,
    }
    return apply(findings, waivers, **{**settings, **changes})


@pytest.mark.parametrize(
    ("moment", "holds"),
    [
        (datetime(2026, 7, 1, 0, 0, tzinfo=UTC), True),
        (datetime(2026, 7, 1, 23, 59, 59, 999_999, tzinfo=UTC), True),
        (datetime(2026, 7, 2, 0, 0, tzinfo=UTC), False),
    ],
)
def test_it_holds_through_the_end_of_its_last_day(moment: Any, holds: Any) -> None:
    assert in_force(waiver(expires=date(2026, 7, 1)), now=moment) is holds


@pytest.mark.parametrize(
    ("match", "seen", "taken"),
    [
        ({"email": ("a@x.org",)}, {"email": "a@x.org"}, True),
        ({"email": ("a@x.org", "b@x.org")}, {"email": "b@x.org"}, True),
        ({"email": ("a@x.org",), "ip": ("1",)}, {"email": "a@x.org", "ip": "2"}, False),
        ({"email": ("a@x.org",), "ip": ("1",)}, {"email": "a@x.org", "ip": "1"}, True),
        ({"email": ("a@x.org",)}, {}, False),
        ({"email": (None,)}, {"email": None}, True),
        ({"email": ("a@x.org",)}, {"email": None}, False),
        ({"joins": (1,)}, {"joins": True}, False),
        ({"joins": (True,)}, {"joins": 1}, False),
        ({"joins": (True,)}, {"joins": True}, True),
        ({"joins": (1,)}, {"joins": 1.0}, True),
        ({"joins": ("1",)}, {"joins": 1}, False),
        ({"since": ("2026-01-05T11:00+01:00",)}, {"since": "2026-01-05T10:00:00.000000Z"}, True),
        ({"since": ("2026-01-05 10:00",)}, {"since": "2026-01-05T10:00:00.000000Z"}, True),
        ({"since": ("2026-01-05 10:01",)}, {"since": "2026-01-05T10:00:00.000000Z"}, False),
        ({"day": ("2026-01-05T00:00",)}, {"day": "2026-01-05"}, False),
        ({"ips": ("1", "2")}, {"ips": ["1", "2"]}, True),
        ({"ips": ("1",)}, {"ips": ["1", "2"]}, False),
    ],
)
def test_every_name_must_equal_one_of_its_values(make: Any, match: Any, seen: Any, taken: Any) -> None:
    assert accepts(waiver(match=match), make.finding("f"), seen=seen) is taken


def test_a_fingerprint_stands_in_place_of_a_match(make: Any) -> None:
    by_print = waiver(match={}, fingerprint="f", rule=None)
    assert accepts(by_print, make.finding("f"), seen={})
    assert not accepts(by_print, make.finding("g"), seen={})


def test_a_waiver_of_another_rule_accepts_nothing(make: Any) -> None:
    assert not accepts(waiver(rule="IDN-002"), make.finding("f"), seen={"email": "eve@example.org"})


def test_waived_findings_stay_and_name_the_waiver(make: Any) -> None:
    eve = make.finding("f", evidence={"email": "eve@example.org"})
    bob = make.finding("g", evidence={"email": "bob@example.org"})
    done = run([eve, bob], [waiver()])
    assert [(one.fingerprint, one.waiver) for one in done.findings] == [("f", "W-1"), ("g", None)]
    assert [(one.state, one.findings) for one in done.states] == [("active", 1)]


def test_the_first_waiver_of_the_file_speaks(make: Any) -> None:
    eve = make.finding("f", evidence={"email": "eve@example.org"})
    by_print = waiver("W-0", match={}, fingerprint="f", rule=None)
    assert run([eve], [by_print, waiver()]).findings[0].waiver == "W-0"
    assert run([eve], [waiver(), by_print]).findings[0].waiver == "W-1"


def test_an_expired_waiver_accepts_nothing_and_says_so(make: Any) -> None:
    eve = make.finding("f", evidence={"email": "eve@example.org"})
    done = run([eve], [waiver(expires=date(2026, 5, 31)), waiver("W-2")])
    assert done.findings[0].waiver == "W-2"
    assert [one.state for one in done.states] == ["expired", "active"]


@pytest.mark.parametrize(
    ("last", "state"), [(date(2026, 6, 1), "expiring"), (date(2026, 7, 1), "expiring"), (date(2026, 7, 2), "active")]
)
def test_the_last_thirty_days_are_expiring(make: Any, last: Any, state: Any) -> None:
    eve = make.finding("f", evidence={"email": "eve@example.org"})
    assert run([eve], [waiver(expires=last)]).states[0].state == state


@pytest.mark.parametrize(
    ("rule", "judged", "state"),
    [
        ("ACC-001", {"ACC-001"}, "unused"),
        ("ACC-001", set(), "active"),
        ("IDN-002", {"ACC-001"}, "active"),
        ("ZZZ-999", {"ACC-001"}, "unknown-rule"),
    ],
)
def test_a_waiver_is_unused_only_when_its_rule_was_judged(rule: Any, judged: Any, state: Any) -> None:
    assert run([], [waiver(rule=rule)], judged=judged).states[0].state == state


def test_a_fingerprint_without_rule_is_unused_when_anything_was_judged() -> None:
    by_print = waiver(match={}, fingerprint="f", rule=None)
    assert run([], [by_print]).states[0].state == "unused"
    assert run([], [by_print], judged=set()).states[0].state == "active"
