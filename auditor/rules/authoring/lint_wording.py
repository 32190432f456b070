"""Checks on what a rule says of itself: title, texts, controls, references, dates, and what its message shows."""

from __future__ import annotations

import re
from datetime import timedelta

from auditor.documents import Items, Map, Place, nearest, printable
from auditor.model.vocabulary import Status
from auditor.rules.authoring.lint_notes import Linted, Note, Notes
from auditor.rules.language.spec import ParamSpec
from auditor.rules.language.usage import base, placed
from auditor.rules.language.values import UNITS

_LONGEST_TITLE = 80
_FAILURE = re.compile(r"(?:Un(?!less|til|der|ique|ited|it\b|ion|iversal)[a-z]+|No|Missing)\b")
_URL = re.compile(r"https?://[^\s/]+\S*")
_PRIVATE = frozenset({"phone_number", "address1", "address2"})
_AMOUNT = re.compile(
    r"(?<![\w.,-])(\d+(?:\.\d+)?)(?:[ -]?(seconds?|sec|s|minutes?|min|m|hours?|h|days?|d|weeks?|w)\b)?(?![\w.,%-]*\d)",
    re.IGNORECASE,
)


def is_url(text: str) -> bool:
    """Whether a reference leads somewhere."""
    return _URL.fullmatch(text) is not None


def wording(linted: Linted) -> Notes:
    """L11, L12, L13, L14, L15, L16, L22 and L25."""
    yield from _private(linted)
    yield from _controls(linted)
    yield from _texts(linted)
    yield from _replacement(linted)
    yield from _repeated_bounds(linted)
    yield from _dates(linted)


def _private(linted: Linted) -> Notes:
    rule = linted.rule
    for index, evidence in enumerate(rule.finding.evidence):
        found = base(rule, evidence.column)
        if evidence.redact is None and found is not None and found[1] in _PRIVATE:
            place = linted.at("finding", "evidence", index)
            yield Note(place, "L11", f"evidence '{evidence.column}' has no redact")
    evidence_places = {linted.at("finding", "evidence", index) for index in range(len(rule.finding.evidence))}
    for use in linted.uses:
        found = base(rule, use.name)
        shown = use.part == "finding" and use.place not in evidence_places
        if shown and found is not None and found[1] in _PRIVATE and not _in_fingerprint(linted, use.place):
            yield Note(use.place, "L11", f"'{use.name}' is shown in full; put it into evidence with redact")


def _in_fingerprint(linted: Linted, place: Place) -> bool:
    count = len(linted.rule.finding.fingerprint)
    return place in {linted.at("finding", "fingerprint", index) for index in range(count)}


def _controls(linted: Linted) -> Notes:
    node = linted.node.get("controls")
    if not linted.controls or not isinstance(node, Map):
        return
    for key, value in node.entries:
        known = linted.controls.get(key.text)
        if known is None:
            yield Note(
                key.place,
                "L12",
                f"unknown framework '{printable(key.text)}'{nearest(key.text, linted.controls)}",
            )
            continue
        for item in value.items if isinstance(value, Items) else ():
            text = getattr(item, "text", "")
            if text not in known:
                message = f"unknown control '{printable(text)}' in {key.text}{nearest(text, known)}"
                yield Note(item.place, "L12", message)


def _texts(linted: Linted) -> Notes:
    rule = linted.rule
    if rule.status is Status.STABLE:
        for name in ("description", "remediation"):
            if not getattr(rule, name).strip():
                yield Note(rule.position, "L13", f"stable rule has no {name}")
    if len(rule.title) > _LONGEST_TITLE:
        yield Note(linted.at("title"), "L14", f"a title over {_LONGEST_TITLE} characters is hard to read")
    if _FAILURE.match(rule.title):
        yield Note(linted.at("title"), "L14", "say the good state")
    for index, reference in enumerate(rule.references):
        if not is_url(reference):
            yield Note(linted.at("references", index), "L16", f"'{printable(reference)}' is not a URL")


def _replacement(linted: Linted) -> Notes:
    rule = linted.rule
    if rule.status is Status.DEPRECATED and rule.replaced_by is None:
        yield Note(linted.at("status"), "L15", "deprecated rule has no replaced_by")
    if rule.replaced_by is not None and (rule.replaced_by == rule.id or rule.replaced_by not in linted.known):
        reason = "replaces itself" if rule.replaced_by == rule.id else "is not known"
        yield Note(linted.at("replaced_by"), "L15", f"rule {rule.replaced_by} {reason}")


def _repeated_bounds(linted: Linted) -> Notes:
    """Amounts written into the message that are the default of a parameter."""
    scalar = linted.scalar("finding", "message")
    if scalar is None:
        return
    for part, offset in placed(linted.rule.finding.message):
        for found in _AMOUNT.finditer(part) if isinstance(part, str) else ():
            for spec in linted.rule.params:
                if _is_default(found, spec):
                    message = f"'{found.group().strip()}' repeats param.{spec.name}; use {{param.{spec.name}}}"
                    yield Note(scalar.at(offset + found.start()), "L22", message)


def _is_default(found: re.Match[str], spec: ParamSpec) -> bool:
    number, unit = float(found.group(1)), found.group(2)
    if isinstance(spec.default, timedelta) and unit:
        return spec.default == UNITS[unit[0].lower()] * number
    plain_number = isinstance(spec.default, int | float) and not isinstance(spec.default, bool) and not unit
    return plain_number and number > 1 and spec.default == number


def _dates(linted: Linted) -> Notes:
    rule = linted.rule
    if rule.created is not None and rule.modified is not None and rule.modified < rule.created:
        yield Note(linted.at("modified"), "L25", "modified is before created")
    if rule.version > 1 and rule.modified is None:
        yield Note(linted.at("version"), "L25", f"version {rule.version} has no modified")


def tested(linted: Linted) -> Notes:
    """L01: tests show a finding, and a row that stays without one."""
    rule = linted.rule
    if rule.status not in {Status.STABLE, Status.TEST}:
        return
    found = kept = False
    for case in rule.cases:
        expected = len(case.expect) if isinstance(case.expect, tuple) else case.expect
        rows = sum(row.repeat for row in case.given.get(rule.detect.table, ()))
        found = found or bool(expected)
        kept = kept or (expected is not None and rows > expected)
    if not found:
        yield Note(linted.at("id"), "L01", "no test expects a finding")
    if not kept:
        yield Note(linted.at("id"), "L01", "no test holds a row that stays without a finding")
