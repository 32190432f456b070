"""What becomes of findings from one audit to the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from auditor.model.coverage import Gap
from auditor.model.finding import Record
from auditor.model.vocabulary import GapReason, Severity, State, Verdict
from auditor.model.window import Window
from auditor.triage.compare import Now, compare

SITE = "example.webex.com"


def now(make: Any, **changes: Any) -> Any:
    return replace(
        Now("audit-2", Window.period("2026-09"), (SITE,), {"ACC-001": make.rule()}, ()),
        **changes,
    )


def gap(**changes: Any) -> Any:
    return replace(Gap("attendees", SITE, Window.period("2026-09-14"), GapReason.FORBIDDEN, ""), **changes)


def test_a_finding_that_was_there_is_unchanged(make: Any) -> None:
    found = compare([make.finding("f")], make.audit(make.finding("f")), now=now(make))
    assert [one.state for one in found.findings] == [State.UNCHANGED]


def test_a_waived_finding_that_was_there_is_unchanged(make: Any) -> None:
    found = compare([make.finding("f")], make.audit(make.finding("f", waiver="W-1")), now=now(make))
    assert [one.state for one in found.findings] == [State.UNCHANGED]


def test_a_finding_that_was_not_there_is_new(make: Any) -> None:
    found = compare([make.finding("g")], make.audit(), now=now(make))
    assert [one.state for one in found.findings] == [State.NEW]


def test_a_finding_that_is_gone_is_resolved_in_this_audit(make: Any) -> None:
    found = compare([], make.audit(make.finding("f")), now=now(make))
    assert [(one.fingerprint, one.resolved_in) for one in found.resolved] == [("f", "audit-2")]
    assert found.not_compared == ()


def test_a_resolved_finding_is_carried_forward_with_the_audit_that_resolved_it(make: Any) -> None:
    second = compare([], make.audit(make.finding("f")), now=now(make))
    third = compare([], make.audit(resolved=second.resolved), now=now(make, audit_id="audit-3"))
    assert [one.resolved_in for one in third.resolved] == ["audit-2"]


def test_a_resolved_finding_that_returns_is_reopened_and_no_longer_resolved(make: Any) -> None:
    second = compare([], make.audit(make.finding("f")), now=now(make))
    third = compare([make.finding("f")], make.audit(resolved=second.resolved), now=now(make, audit_id="audit-3"))
    assert [one.state for one in third.findings] == [State.REOPENED]
    assert third.resolved == ()


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (datetime(2026, 9, 1, tzinfo=UTC), True),
        (datetime(2026, 10, 1, tzinfo=UTC), False),
        (datetime(2026, 8, 31, 23, 59, 59, tzinfo=UTC), False),
    ],
)
def test_only_findings_observed_in_the_window_can_be_resolved(make: Any, moment: Any, inside: Any) -> None:
    found = compare([], make.audit(make.finding("f", observed_at=moment)), now=now(make))
    assert bool(found.resolved) is inside
    assert bool(found.not_compared) is not inside


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ({}, "rule ACC-001 did not run"),
        ({"verdict": Verdict.NOT_EVALUATED, "reason": "no rows"}, "rule ACC-001 was not evaluated: no rows"),
        ({"verdict": Verdict.FAIL, "findings": 9, "truncated": 1}, "rule ACC-001 lists only a part of its findings"),
    ],
)
def test_a_rule_that_did_not_judge_everything_resolves_nothing(make: Any, rules: Any, why: Any) -> None:
    ran = {"ACC-001": make.rule(**rules)} if rules else {}
    found = compare([], make.audit(make.finding("f")), now=now(make, rules=ran))
    assert found.resolved == ()
    assert [one.why for one in found.not_compared] == [why]


def test_a_rule_that_fails_by_other_findings_resolves_those_that_are_gone(make: Any) -> None:
    ran = {"ACC-001": make.rule(verdict=Verdict.FAIL, findings=1)}
    found = compare([make.finding("g")], make.audit(make.finding("f")), now=now(make, rules=ran))
    assert [one.fingerprint for one in found.resolved] == ["f"]


@pytest.mark.parametrize("reason", [GapReason.FORBIDDEN, GapReason.TOO_FRESH, GapReason.IMPORTED])
def test_a_gap_over_its_time_leaves_a_finding_uncompared(make: Any, reason: Any) -> None:
    found = compare([], make.audit(make.finding("f")), now=now(make, gaps=(gap(reason=reason),)))
    assert found.resolved == ()
    assert f"attendees of {SITE}, {reason}" in found.not_compared[0].why


@pytest.mark.parametrize(
    "other",
    [{"table": "devices"}, {"window": Window.period("2026-09-15")}],
)
def test_a_gap_elsewhere_does_not_matter(make: Any, other: Any) -> None:
    found = compare([], make.audit(make.finding("f")), now=now(make, gaps=(gap(**other),)))
    assert [one.fingerprint for one in found.resolved] == ["f"]


def test_a_gap_of_another_site_matters_only_while_the_site_is_unknown(make: Any) -> None:
    elsewhere = now(make, gaps=(gap(site_url="other.webex.com"),))
    assert compare([], make.audit(make.finding("f")), now=elsewhere).resolved == ()
    placed = make.finding("f", evidence={"site_url": SITE})
    assert len(compare([], make.audit(placed), now=elsewhere).resolved) == 1


@pytest.mark.parametrize(
    "entry",
    [
        {"request": f"GET /meetingReports/attendees?siteUrl={SITE}&max=100"},
        {"raw": f'{{"siteUrl": "{SITE}"}}'},
    ],
)
def test_the_site_is_read_from_the_cited_record(make: Any, entry: Any) -> None:
    finding = make.finding("f")
    previous = make.audit(finding, cited=(make.cited(Record("0" * 64, 0), **entry),))
    found = compare([], previous, now=now(make, gaps=(gap(site_url="other.webex.com"),)))
    assert len(found.resolved) == 1


def test_a_site_that_is_not_audited_any_more_resolves_nothing(make: Any) -> None:
    first = make.audit(make.finding("f"))
    first = replace(first, identity=replace(first.identity, sites=(SITE, "other.webex.com")))
    found = compare([], first, now=now(make))
    assert found.not_compared[0].why == "site other.webex.com was not audited"


def test_a_finding_that_was_not_compared_is_held_on_to(make: Any) -> None:
    second = compare([], make.audit(make.finding("f")), now=now(make, rules={}))
    carried = make.audit(not_compared=second.not_compared)
    assert compare([make.finding("f")], carried, now=now(make)).findings[0].state is State.UNCHANGED
    assert [one.fingerprint for one in compare([], carried, now=now(make)).resolved] == ["f"]
    assert len(compare([], carried, now=now(make, rules={})).not_compared) == 1


def test_resolved_and_uncompared_are_in_the_order_of_findings(make: Any) -> None:
    findings = [
        make.finding("c", severity=Severity.LOW),
        make.finding("b", subject="zed"),
        make.finding("a", subject="zed"),
        make.finding("d", severity=Severity.CRITICAL),
    ]
    found = compare([], make.audit(*findings), now=now(make))
    assert [one.fingerprint for one in found.resolved] == ["d", "a", "b", "c"]
    found = compare([], make.audit(*findings), now=now(make, rules={}))
    assert [one.fingerprint for one in found.not_compared] == ["d", "a", "b", "c"]


@pytest.mark.parametrize(
    "entry",
    [
        {"raw": '{"email": "a@x.org"}'},
        {"raw": "null"},
        {"raw": "none"},
        pytest.param({"raw": "[" * 100_000}, id="deep"),
        {"request": "GET http://[x?siteUrl=example.webex.com"},
    ],
)
def test_a_record_that_names_no_site_leaves_the_site_unknown(make: Any, entry: Any) -> None:
    finding = make.finding("f")
    previous = make.audit(finding, cited=(make.cited(Record("0" * 64, 0), **entry),))
    found = compare([], previous, now=now(make, gaps=(gap(site_url="other.webex.com"),)))
    assert found.resolved == ()


@pytest.mark.parametrize(("site", "gone"), [(SITE, True), ("other.webex.com", False)])
def test_of_several_sites_only_those_audited_now_can_be_resolved(make: Any, site: str, *, gone: bool) -> None:
    first = make.audit(make.finding("f", evidence={"site_url": site}))
    first = replace(first, identity=replace(first.identity, sites=(SITE, "other.webex.com")))
    assert bool(compare([], first, now=now(make)).resolved) is gone
