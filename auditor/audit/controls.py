"""The verdict on every control, drawn from the rules mapped to it or from a person's attestation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from auditor.model.audit import ControlResult, FrameworkResult, RuleResult
from auditor.model.vocabulary import Verdict
from auditor.model.waiver import Attestation
from auditor.rules.language.frameworks import Control, Framework


def judge(
    frameworks: Sequence[Framework],
    rules: Sequence[RuleResult],
    *,
    attestations: Sequence[Attestation],
    now: datetime,
) -> tuple[FrameworkResult, ...]:
    """Every framework with all its controls; frameworks and controls only a rule names come last.

    A control fails if a rule of it fails, else is not evaluated if one of them is, else passes. Without a rule that
    ran it is not evaluated, or attested by an attestation that has not expired.
    """
    mapped: dict[tuple[str, str], list[RuleResult]] = {}
    for rule in rules:
        for name, controls in rule.controls.items():
            for control in dict.fromkeys(controls):
                mapped.setdefault((name, control), []).append(rule)
    return tuple(
        FrameworkResult(
            framework.id,
            framework.title,
            tuple(
                _control(
                    control,
                    mapped.get((framework.id, control.id), ()),
                    [one for one in attestations if (one.framework, one.control) == (framework.id, control.id)],
                    now=now,
                )
                for control in framework.controls
            ),
        )
        for framework in _completed(frameworks, rules)
    )


def _completed(frameworks: Sequence[Framework], rules: Sequence[RuleResult]) -> list[Framework]:
    """The frameworks with the controls rules name beyond them."""
    named: dict[str, dict[str, None]] = {}
    for rule in rules:
        for name, controls in rule.controls.items():
            named.setdefault(name, {}).update(dict.fromkeys(controls))
    completed = []
    for framework in frameworks:
        known = {control.id for control in framework.controls}
        extra = [name for name in named.pop(framework.id, {}) if name not in known]
        completed.append(
            Framework(framework.id, framework.title, framework.note, (*framework.controls, *_unlisted(extra)))
        )
    completed.extend(Framework(name, name, "", _unlisted(list(named[name]))) for name in sorted(named))
    return completed


def _unlisted(names: list[str]) -> tuple[Control, ...]:
    return tuple(Control(name, "named by a rule, not in the list of the framework", False) for name in sorted(names))


def _control(
    control: Control, rules: Sequence[RuleResult], attestations: Sequence[Attestation], *, now: datetime
) -> ControlResult:
    verdict, note = _verdict(rules), None
    if not rules:
        verdict, note = _without_rules(control, attestations, now=now)
    return ControlResult(
        id=control.id,
        title=control.name,
        verdict=verdict,
        rules=tuple(sorted(rule.id for rule in rules)),
        findings=sum(rule.findings for rule in rules),
        waived=sum(rule.waived for rule in rules),
        note=note,
    )


def _verdict(rules: Sequence[RuleResult]) -> Verdict:
    verdicts = {rule.verdict for rule in rules}
    for gravest in (Verdict.FAIL, Verdict.NOT_EVALUATED):
        if gravest in verdicts:
            return gravest
    return Verdict.PASS


def _without_rules(control: Control, attestations: Sequence[Attestation], *, now: datetime) -> tuple[Verdict, str]:
    day = now.astimezone(UTC).date()
    for one in sorted(attestations, key=lambda one: (one.date, one.expires), reverse=True):
        if one.date <= day <= one.expires:
            note = f"{one.by} judged {one.verdict} on {one.date}, holds until {one.expires}"
            return Verdict.ATTESTED, f"{note}: {one.note}" if one.note else note
    if attestations:
        last = max(one.expires for one in attestations)
        return Verdict.NOT_EVALUATED, f"the attestation is not in force on {day}; the last one ends on {last}"
    why = "no rule can judge it; a person attests it" if control.manual else "no rule of it ran"
    return Verdict.NOT_EVALUATED, why
