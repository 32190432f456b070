"""An audit without people in it: pseudonyms for whoever and whatever would name them, counts as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from auditor.model.audit import (
    Audit,
    ControlResult,
    FrameworkResult,
    NotCompared,
    Parameter,
    Resolved,
    RuleResult,
)
from auditor.model.finding import Finding, Value
from auditor.model.waiver import WaiverState
from auditor.reports.pseudonyms import ADDRESS, EMAIL, PHONE, TIME, Pseudonyms

LEAST_KEY = 16

_KINDS = {
    "email": "person",
    "name": "person",
    "ip": "address",
    "text": "text",
}
_PLAIN_TYPES = {"boolean", "integer", "number", "datetime", "duration"}
_SHOWN = {
    "site_url",
    "participant_type",
    "country",
    "geo_country",
    "home_country",
    "egress",
    "device_type",
    "audio_type",
    "call_type",
    "scheduled_type",
    "service_type",
    "client_os",
    "client_app",
    "attribute",
    "video",
    "endpoint",
    "status",
}
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?"
_PLAIN = re.compile(
    rf"[—-]?|yes|no|true|false|[−-]?{_NUMBER} ?%?|[−-]?(?:{_NUMBER} (?:h|min|s|d|days?)\s?)+"
    r"|\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z| ?UTC| ?[+−-]\d\d:\d\d)?)?|[\d:.]+Z"
)
_NOBODY = "—"
"""What a field is filled with where there is no value: a pseudonym would make somebody of it."""
_FIELD = re.compile(r"\{\{|\}\}|\{([A-Za-z_][\w.]*)(?::[^{}]*)?\}")
_QUOTED = re.compile(r"“.*”|\".*\"", re.DOTALL)
"""From the first mark to the last: what is quoted may have marks in it."""
_ATTESTED = re.compile(r"(.*? judged \w+ on [\d-]+, holds until [\d-]+: )(.*)", re.DOTALL)
_WORD = re.compile(r"[^\s“”\"(),;:/–]+")
_ORDINARY = re.compile(rf"[a-z'’…]+[.?]?|{_NUMBER}%?[.]?|UTC[.]?|[A-Z]{{2}}[.]?|10\^\d+|[A-Za-z]\.?|—|·|≥|≤|<|>|=|\+")
_PSEUDONYM = re.compile(r"(?:person|address|network|phone|meeting|company|agent|text|place)-[A-Z2-7]{8,}")
_LABELS = (
    ("meeting", re.compile(r"meeting|^title$|^topic$|series")),
    ("person", re.compile(r"email$|^(?:.*_)?name$|^names$|person|host$|organizer$|^members$|^actor|^target$")),
    ("address", re.compile(r"ip_address$|^ip$|^addresses$")),
    ("network", re.compile(r"network$")),
    ("phone", re.compile(r"phone")),
    ("company", re.compile(r"company|organisation")),
    ("agent", re.compile(r"agent")),
)


def redacted(audit: Audit, *, key: bytes, repeatable: bool) -> Audit:
    """The audit as a stranger may read it. What is equal stays equal; what is counted stays counted.

    Raw records are left out, rule and framework wording, sites, waiver owners and page hashes are kept. Without a key
    of the operator (`repeatable` false) a note says that pseudonyms differ from report to report.
    """
    if len(key) < LEAST_KEY:
        raise ValueError(f"a redaction key has at least {LEAST_KEY} bytes")
    names = Pseudonyms(key)
    rules = {rule.id: rule for rule in audit.rules}
    for finding in audit.findings:
        _introduce(finding, names)
    findings = tuple(_finding(finding, rules[finding.rule_id], names) for finding in audit.findings)
    changed = audit.rule_changes.changed if audit.rule_changes else ()
    same = {name: rule for name, rule in rules.items() if name not in changed}
    resolved = tuple(_resolved(gone, same.get(gone.rule_id), names) for gone in audit.resolved)
    unknown = tuple(_not_compared(one, same.get(one.rule_id), names) for one in audit.not_compared)
    waivers = tuple(_waiver(state, names) for state in audit.waivers)
    gaps = tuple(replace(gap, detail=names.scrubbed(gap.detail)) for gap in audit.coverage.gaps)
    notes = tuple(names.scrubbed(note) for note in audit.notes)
    if not repeatable:
        notes = (*notes, "no redaction key was given: pseudonyms and bytes differ from one rendering to the next")
    return replace(
        audit,
        coverage=replace(audit.coverage, gaps=gaps),
        rules=tuple(_rule(rule, names) for rule in audit.rules),
        frameworks=tuple(_framework(framework, names) for framework in audit.frameworks),
        findings=tuple(sorted(findings, key=lambda finding: finding.order)),
        resolved=resolved,
        not_compared=unknown,
        waivers=waivers,
        cited=(),
        notes=notes,
        redacted=True,
    )


def _introduce(finding: Finding, names: Pseudonyms) -> None:
    """Tell the names who is a person, and which name and address of one row are one."""
    for column, value in finding.evidence.items():
        if not isinstance(value, str) or not value or not column.endswith("display_name"):
            continue
        names.someone(value)
        email = finding.evidence.get(column.removesuffix("display_name") + "email")
        if isinstance(email, str) and email:
            names.same_person(value, email)


def _finding(finding: Finding, rule: RuleResult, names: Pseudonyms) -> Finding:
    kinds = {column.name: (column.type, column.redact) for column in rule.evidence}
    evidence = {
        column: _value(column, value, kinds.get(column, ("text", None)), names)
        for column, value in finding.evidence.items()
    }
    plain = {column for column in evidence if kinds.get(column, ("text", None))[0] in _PLAIN_TYPES}
    return replace(
        finding,
        fingerprint=names.fingerprint(finding.fingerprint),
        subject=_text(finding.subject, rule.subject_template, evidence, plain, names),
        message=_text(finding.message, rule.message_template, evidence, plain, names),
        evidence=evidence,
    )


def _value(column: str, value: Value, kind: tuple[str, str | None], names: Pseudonyms) -> Value:
    if isinstance(value, list):
        return [_masked(column, item, kind[1], names) for item in value]
    if not isinstance(value, str) or not value or kind[0] in _PLAIN_TYPES:
        return value
    return _masked(column, value, kind[1], names)


def _masked(column: str, value: str, redact: str | None, names: Pseudonyms) -> str:
    """The pseudonym of a text by its column; what no column tells is told by its look."""
    label = _label(column, redact)
    if label == "shown":
        return value
    if label == "address":
        return names.address(value)
    return names.guessed(value) if label is None else names.word(label, value)


def _label(column: str, redact: str | None) -> str | None:
    """What the texts of a column are: a label, `shown` for those that name nobody, None when it cannot be told."""
    name = column.rsplit(".", 1)[-1].lower()
    if name in _SHOWN and redact is None:
        return "shown"
    found = next((label for label, pattern in _LABELS if pattern.search(name)), None)
    return found or (_KINDS.get(redact or "") if redact != "text" else None)


def _text(text: str, template: str, evidence: Mapping[str, Value], plain: set[str], names: Pseudonyms) -> str:
    """The template's own words with each value in it replaced; without a template, what `_prose` leaves."""
    filled = _filled(text, template, evidence, plain, names)
    return _prose(text, names) if filled is None else filled


def _filled(text: str, template: str, evidence: Mapping[str, Value], plain: set[str], names: Pseudonyms) -> str | None:
    """The template's own words with each value in it replaced; None when the text is not made of it."""
    parts = _fields(template)
    found = None if parts is None else _values(text, parts)
    if parts is None or found is None:
        return None
    backwards = _values(text[::-1], [part[::-1] for part in reversed(parts)]) or []
    sure = found == [value[::-1] for value in reversed(backwards)]
    values = iter(found)
    return "".join(
        part if index % 2 == 0 else _field(part, next(values), evidence, plain, names, sure=sure)
        for index, part in enumerate(parts)
    )


def _fields(template: str) -> list[str] | None:
    """Words and field names in turn, words first; None when there is no template."""
    if not template:
        return None
    parts, words, at = [], "", 0
    for found in _FIELD.finditer(template):
        words += template[at : found.start()]
        at = found.end()
        if found[1] is None:
            words += found[0][0]
        else:
            parts += [words, found[1]]
            words = ""
    return [*parts, words + template[at:]]


def _values(text: str, parts: list[str]) -> list[str] | None:
    """What stands in the fields of the filled template, found from left to right; None when its words are not there."""
    if not text.startswith(parts[0]) or not text.endswith(parts[-1]):
        return None
    values, at, end = [], len(parts[0]), len(text) - len(parts[-1])
    for words in parts[2:-1:2]:
        found = text.find(words, at, end) if words else at
        if found < 0:
            return None
        values.append(text[at:found])
        at = found + len(words)
    if at > end:
        return None
    return [*values, text[at:end]] if len(parts) > 1 else []


def _field(
    column: str, filled: str, evidence: Mapping[str, Value], plain: set[str], names: Pseudonyms, *, sure: bool
) -> str:
    """What a field is filled with, replaced; where values have the template's words in them it is not `sure` which."""
    known, label = evidence.get(column), _label(column, None)
    if isinstance(known, str) and column not in plain:
        return known
    if filled == _NOBODY:
        return filled
    if sure and _PLAIN.fullmatch(filled) and (column in plain or (label is None and not _is_phone(filled))):
        return filled
    if column == "explanation":
        return _prose(filled, names)
    if not sure and label in {None, "shown"}:
        return names.word("text", filled)
    return ", ".join(_masked(column, part, None, names) for part in filled.split(", "))


def _prose(text: str, names: Pseudonyms) -> str:
    """A sentence of which the parts are not known: only ordinary words and numbers are left in it."""
    text = _QUOTED.sub(
        lambda found: found[0] if found[0][1:-1] == _NOBODY else f"“{names.word('meeting', found[0][1:-1])}”", text
    )
    text = names.scrubbed(text)
    return _WORD.sub(
        lambda found: (
            found[0] if _ORDINARY.fullmatch(found[0]) or _PSEUDONYM.match(found[0]) else names.word("text", found[0])
        ),
        text,
    )


def _earlier(text: str, template: str, names: Pseudonyms) -> str:
    """What an earlier audit said; where nothing tells which words are the rule's, one pseudonym stands for all."""
    filled = _filled(text, template, {}, set(), names)
    return names.guessed(text) if filled is None else filled


def _resolved(gone: Resolved, rule: RuleResult | None, names: Pseudonyms) -> Resolved:
    return replace(
        gone,
        fingerprint=names.fingerprint(gone.fingerprint),
        subject=_earlier(gone.subject, rule.subject_template if rule else "", names),
        message=_earlier(gone.message, rule.message_template if rule else "", names),
    )


def _not_compared(one: NotCompared, rule: RuleResult | None, names: Pseudonyms) -> NotCompared:
    return replace(
        one,
        fingerprint=names.fingerprint(one.fingerprint),
        subject=_earlier(one.subject, rule.subject_template if rule else "", names),
        message=_earlier(one.message, rule.message_template if rule else "", names),
        why=names.scrubbed(one.why),
    )


def _waiver(state: WaiverState, names: Pseudonyms) -> WaiverState:
    waiver = state.waiver
    return replace(
        state,
        waiver=replace(
            waiver,
            match={
                column: tuple(_value(column, value, ("text", None), names) for value in values)
                for column, values in waiver.match.items()
            },
            fingerprint=None if waiver.fingerprint is None else names.fingerprint(waiver.fingerprint),
            reason=names.scrubbed(waiver.reason),
        ),
    )


def _rule(rule: RuleResult, names: Pseudonyms) -> RuleResult:
    return replace(
        rule,
        reason=None if rule.reason is None else names.scrubbed(rule.reason),
        parameters=tuple(_parameter(parameter, names) for parameter in rule.parameters),
    )


def _parameter(parameter: Parameter, names: Pseudonyms) -> Parameter:
    """Words of the rule stay, and the operator's unless a finding names them; addresses and telephones do not."""
    default = parameter.default if isinstance(parameter.default, list) else [parameter.default]
    own = {item for item in default if isinstance(item, str)}
    value = _setting(parameter.value, names, own=own)
    return replace(parameter, value=value, default=_setting(parameter.default, names, own=own))


def _setting(value: Value, names: Pseudonyms, *, own: set[str]) -> Value:
    if isinstance(value, list):
        return [_set(item, names, own=own) for item in value]
    return _set(value, names, own=own) if isinstance(value, str) else value


def _set(text: str, names: Pseudonyms, *, own: set[str]) -> str:
    if _telling(text):
        return names.guessed(text)
    return text if text in own else names.known(text) or text


def _framework(framework: FrameworkResult, names: Pseudonyms) -> FrameworkResult:
    return replace(framework, controls=tuple(_control(control, names) for control in framework.controls))


def _control(control: ControlResult, names: Pseudonyms) -> ControlResult:
    """The control with the note of its attestation searched; who attested is kept, as owners of waivers are."""
    attested = _ATTESTED.fullmatch(control.note or "")
    return replace(control, note=attested[1] + names.scrubbed(attested[2])) if attested else control


def _telling(text: str) -> bool:
    return any(pattern.fullmatch(text.strip()) for pattern in (EMAIL, ADDRESS, PHONE))


def _is_phone(text: str) -> bool:
    return PHONE.fullmatch(text) is not None and TIME.match(text) is None
