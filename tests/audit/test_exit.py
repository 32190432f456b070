"""The exit code an audit earns."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from auditor.model.coverage import Coverage, Gap
from auditor.model.exit import exit_code, failing, gravest, shortfalls
from auditor.model.vocabulary import GapReason, Severity, State, Verdict
from auditor.model.window import Window
from tests.triage.conftest import Make

MAKE = Make()
SEPTEMBER_14 = Window.period("2026-09-14")
AFTER = Window.period("2026-10")


def with_gap(
    *, table: str = "attendees", window: Window = SEPTEMBER_14, reason: GapReason = GapReason.FORBIDDEN
) -> Any:
    gap = Gap(table, "example.webex.com", window, reason, "")
    return MAKE.audit(rules=(MAKE.rule(),), coverage=Coverage(complete=False, tables={}, gaps=(gap,)))


def test_two_four_three_one_zero_is_the_order_of_precedence() -> None:
    order = [2, 4, 3, 1, 0]
    for size in range(1, 6):
        for codes in combinations(order, size):
            assert gravest(*reversed(codes)) == codes[0]


def test_no_code_at_all_is_success() -> None:
    assert gravest() == 0


@pytest.mark.parametrize(
    ("severity", "fail_on", "code"),
    [
        ("high", "high", 1),
        ("critical", "high", 1),
        ("medium", "high", 0),
        ("medium", "medium", 1),
        ("info", "info", 1),
        ("critical", None, 0),
    ],
)
def test_open_findings_at_or_above_the_bar_fail(severity: str, fail_on: str | None, code: int) -> None:
    audit = MAKE.audit(MAKE.finding("f", severity=Severity(severity)))
    assert exit_code(audit, fail_on=fail_on and Severity(fail_on)) == code


def test_waived_findings_do_not_fail() -> None:
    assert exit_code(MAKE.audit(MAKE.finding("f", waiver="W-1")), fail_on=Severity.HIGH) == 0


@pytest.mark.parametrize(("state", "code"), [(State.NEW, 1), (State.REOPENED, 1), (State.UNCHANGED, 0), (None, 1)])
def test_new_only_looks_at_what_the_previous_audit_did_not_have(state: State | None, code: int) -> None:
    audit = MAKE.audit(MAKE.finding("f", state=state))
    assert exit_code(audit, fail_on=Severity.HIGH, new_only=True) == code
    assert exit_code(audit, fail_on=Severity.HIGH) == 1


def test_a_gap_in_a_table_that_was_read_makes_the_audit_incomplete() -> None:
    audit = with_gap()
    assert exit_code(audit, fail_on=Severity.HIGH) == 3
    assert shortfalls(audit) == (
        "gap in attendees of example.webex.com, 2026-09-14 00:00 to 2026-09-15 00:00 UTC: forbidden",
    )


@pytest.mark.parametrize("reason", GapReason)
def test_only_too_fresh_and_imported_are_no_failure(reason: GapReason) -> None:
    expected = 0 if reason in {GapReason.TOO_FRESH, GapReason.IMPORTED} else 3
    assert exit_code(with_gap(reason=reason), fail_on=Severity.HIGH) == expected


def test_a_gap_outside_the_window_does_not_count() -> None:
    assert exit_code(with_gap(window=AFTER), fail_on=Severity.HIGH) == 0


def test_a_gap_in_a_table_no_rule_read_does_not_count() -> None:
    assert exit_code(with_gap(table="devices"), fail_on=Severity.HIGH) == 0


def test_a_rule_that_crashed_is_named_and_makes_the_audit_incomplete() -> None:
    rule = MAKE.rule(verdict=Verdict.NOT_EVALUATED, reason="division by zero", crashed=True)
    audit = MAKE.audit(rules=(rule,))
    assert exit_code(audit, fail_on=Severity.HIGH) == 3
    assert shortfalls(audit) == ("rule ACC-001 crashed: division by zero",)


def test_a_rule_that_was_not_evaluated_is_not_incomplete_by_itself() -> None:
    rule = MAKE.rule(verdict=Verdict.NOT_EVALUATED, reason="no rows")
    assert exit_code(MAKE.audit(rules=(rule,)), fail_on=Severity.HIGH) == 0


def test_incomplete_outweighs_findings() -> None:
    rule = MAKE.rule(verdict=Verdict.NOT_EVALUATED, reason="broken", crashed=True)
    audit = MAKE.audit(MAKE.finding("f"), rules=(rule,))
    assert len(failing(audit, fail_on=Severity.HIGH)) == 1
    assert exit_code(audit, fail_on=Severity.HIGH) == 3


@pytest.mark.parametrize(("fail_on", "code"), [(Severity.HIGH, 1), (Severity.CRITICAL, 0), (None, 0)])
def test_findings_a_limit_keeps_off_the_list_fail_too(fail_on: Severity | None, code: int) -> None:
    rule = MAKE.rule(verdict=Verdict.FAIL, findings=3, waived=1, truncated=2)
    audit = MAKE.audit(MAKE.finding("f", waiver="W-1"), rules=(rule,))
    assert exit_code(audit, fail_on=fail_on) == code
