"""Verdicts on controls."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from auditor.audit.controls import judge
from auditor.model.vocabulary import Verdict
from auditor.model.waiver import Attestation
from auditor.rules.language.frameworks import Control, Framework
from tests.triage.conftest import Make

MAKE = Make()
NOW = datetime(2026, 10, 2, tzinfo=UTC)
SOC2 = Framework("soc2", "SOC 2", "", (Control("CC6.1", "Access", False), Control("CC1.1", "Ethics", True)))
STATES = {
    "pass": {},
    "fail": {"verdict": Verdict.FAIL, "findings": 3, "waived": 1},
    "not": {"verdict": Verdict.NOT_EVALUATED, "reason": "no rows"},
}


def rules(*states: str, control: str = "CC6.1") -> Any:
    return [
        MAKE.rule(f"ACC-00{number}", controls={"soc2": (control,)}, **STATES[state])
        for number, state in enumerate(states)
    ]


def attested(**changes: Any) -> Any:
    fields = {
        "framework": "soc2",
        "control": "CC1.1",
        "verdict": Verdict.PASS,
        "by": "ciso@example.com",
        "date": date(2026, 9, 1),
        "expires": date(2026, 10, 2),
        "note": "",
    }
    return Attestation(**{**fields, **changes})


def first(*states: str) -> Any:
    return judge([SOC2], rules(*states), attestations=(), now=NOW)[0].controls[0]


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        (("pass",), Verdict.PASS),
        (("pass", "pass"), Verdict.PASS),
        (("pass", "not"), Verdict.NOT_EVALUATED),
        (("not", "fail", "pass"), Verdict.FAIL),
        ((), Verdict.NOT_EVALUATED),
    ],
)
def test_the_gravest_rule_speaks(states: tuple[str, ...], verdict: Verdict) -> None:
    assert first(*states).verdict is verdict


def test_a_control_names_its_rules_and_sums_their_findings() -> None:
    control = first("fail", "pass", "fail")
    assert (control.rules, control.findings, control.waived) == (("ACC-000", "ACC-001", "ACC-002"), 6, 2)


def test_a_control_whose_findings_are_all_waived_fails() -> None:
    rule = MAKE.rule(controls={"soc2": ("CC6.1",)}, verdict=Verdict.FAIL, findings=1, waived=1)
    assert judge([SOC2], [rule], attestations=(), now=NOW)[0].controls[0].verdict is Verdict.FAIL


def test_a_control_without_a_rule_that_ran_says_why() -> None:
    ran, manual = judge([SOC2], [], attestations=(), now=NOW)[0].controls
    assert (ran.verdict, ran.note) == (Verdict.NOT_EVALUATED, "no rule of it ran")
    assert (manual.verdict, manual.note) == (Verdict.NOT_EVALUATED, "no rule can judge it; a person attests it")


def test_an_attestation_in_force_speaks_for_a_control_without_rules() -> None:
    control = judge([SOC2], [], attestations=[attested(note="interview")], now=NOW)[0].controls[1]
    assert control.verdict is Verdict.ATTESTED
    assert control.note == "ciso@example.com judged pass on 2026-09-01, holds until 2026-10-02: interview"


def test_an_attestation_never_outweighs_a_rule() -> None:
    (framework,) = judge([SOC2], rules("fail", control="CC1.1"), attestations=[attested()], now=NOW)
    assert framework.controls[1].verdict is Verdict.FAIL


@pytest.mark.parametrize("changes", [{"expires": date(2026, 10, 1)}, {"date": date(2026, 10, 3)}])
def test_an_attestation_out_of_force_does_not_speak(changes: dict[str, date]) -> None:
    control = judge([SOC2], [], attestations=[attested(**changes)], now=NOW)[0].controls[1]
    assert control.verdict is Verdict.NOT_EVALUATED
    assert "not in force on 2026-10-02" in (control.note or "")


def test_the_latest_attestation_in_force_speaks() -> None:
    older = attested(by="old@example.com", date=date(2026, 8, 1))
    control = judge([SOC2], [], attestations=[older, attested()], now=NOW)[0].controls[1]
    assert (control.note or "").startswith("ciso@example.com")


def test_frameworks_and_controls_only_a_rule_names_are_listed_too() -> None:
    rule = MAKE.rule(controls={"soc2": ("CC9.9",), "house": ("H-2", "H-1")})
    soc2, house = judge([SOC2], [rule], attestations=(), now=NOW)
    assert [control.id for control in soc2.controls] == ["CC6.1", "CC1.1", "CC9.9"]
    assert (house.id, [control.id for control in house.controls]) == ("house", ["H-1", "H-2"])
    assert house.controls[0].verdict is Verdict.PASS


def test_an_attestation_holds_from_its_day_on() -> None:
    control = judge([SOC2], [], attestations=[attested(date=date(2026, 10, 2))], now=NOW)[0].controls[1]
    assert control.verdict is Verdict.ATTESTED
