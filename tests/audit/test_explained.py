"""Clauses of findings of every stage."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor.audit import Request, check
from auditor.audit.entailed import _needed, entailed
from auditor.audit.explained import explain
from auditor.errors import ConfigError
from auditor.rules.language.walk import conditions
from auditor.rules.reading.load import load_rules, rules_of
from auditor.settings import Settings, load
from tests.audit.small import EVE, HOST, MALLORY, small_archive

NOW = datetime(2026, 10, 6, tzinfo=UTC)
HEAD = "schema: 1\nid: TST-001\nname: tested\ntitle: Everything is as it should be\nstatus: stable\nseverity: low\n"
PAIRS = (
    "detect: {from: attendees, where: email is not None, pairs: {same: [meeting_id, ip_address], different: [email],"
    " where: a.invited != b.invited}}\n"
    'finding: {subject: "{a.email}", message: "{a.email}", fingerprint: [meeting_id, ip_address, a.email, b.email]}\n'
)
GROUP = (
    "detect: {from: attendees, group: {by: [email, invited, duration, joined_time], aggregate: {names: "
    "values(display_name)}, having: len(names) > 0}}\n"
    'finding: {subject: "{email}", message: "{email}", fingerprint: [email, invited, duration, joined_time, names]}\n'
)
MATCH = (
    "detect: {from: attendees, where: invited, match: {with: attendees, same: [meeting_id], where: not b.invited}}\n"
    'finding: {subject: "{email}", message: "{email} {b.email}", fingerprint: [email]}\n'
)


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        (PAIRS, [("email is not None", True), ("a.invited != b.invited", True)]),
        (GROUP, [("len(names) > 0", True)]),
        (MATCH, [("invited", True), ("not b.invited", True)]),
    ],
)
def test_the_clauses_of_every_stage_are_found_again(
    tmp_path: Path, stage: str, expected: list[tuple[str, bool]]
) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text(HEAD + stage)
    rules = load_rules([path], bundled=False)
    archive = small_archive(tmp_path / "archive", [HOST, EVE, {**MALLORY, "email": None}])
    audit = check(archive, rules, request=Request(), now=NOW)
    for finding in audit.findings:
        told = explain(finding, audit, archive, rules=rules, settings=Settings())
        assert (told.found, told.changed) == (True, False)
        found = [(clause.source, clause.value) for row in told.rows for clause in row]
        assert list(dict.fromkeys(found)) == expected


def test_parameters_are_those_of_the_audit(tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    params = (
        "params:\n  words: {type: list, default: [zzz], description: x}\n"
        "  least: {type: duration, default: 9h, description: x}\n"
        "  any: {type: boolean, default: false, description: x}\n"
    )
    detect = (
        "detect: {from: attendees, where: {all: ['contains_any(meeting_title, param.words)', duration >= param.least,"
        " param.any or false]}}\n"
    )
    path.write_text(HEAD + params + detect + 'finding: {subject: "{email}", message: m, fingerprint: [email]}\n')
    (tmp_path / "auditor.yaml").write_text("params: {TST-001: {words: [Board, Other], least: 5m, any: true}}\n")
    rules, settings = load_rules([path], bundled=False), load(tmp_path / "auditor.yaml")
    archive = small_archive(tmp_path / "archive", [EVE])
    audit = check(archive, rules, request=Request(settings=settings), now=NOW)
    told = explain(audit.findings[0], audit, archive, rules=rules, settings=Settings())
    assert told.found
    assert [clause.value for clause in told.rows[0]] == [True, True, True]


ANY = (
    "detect: {from: attendees, where: {all: [email is not None, {any: [invited, not is_host]}], none: [registered,"
    " {all: [duration is None, is_host]}]}}\n"
    "severity_when: [{if: is_host, severity: info}]\n"
    'finding: {subject: "{email}", message: m, evidence: [email, invited], fingerprint: [email]}\n'
)
SEQUENCE = (
    "detect: {from: attendees, where: email is not None, sequence: {by: [meeting_id], within: 9h, steps: [{name: one,"
    " where: not is_host}], absent: [{where: registered}], where: one.invited is not None}}\n"
    'finding: {subject: "{meeting_id}", message: m, evidence: [meeting_id], fingerprint: [meeting_id]}\n'
)
NOBODY = (
    "detect: {from: attendees, where: email is not None, match: {with: people, same: [email], absent: true,"
    " where: b.department is None}}\n"
    'finding: {subject: "{email}", message: m, fingerprint: [email]}\n'
)
AT_MOST = GROUP.replace("detect", "nulls: fail\ndetect")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            ANY,
            [
                ("email is not None", True, False, ["email"]),
                ("invited", "?", False, ["invited"]),
                ("not is_host", "?", False, []),
                ("registered", False, True, []),
                ("duration is None", "?", True, []),
                ("is_host", "?", True, []),
                ("is_host", "?", False, []),
            ],
        ),
        (PAIRS, [("email is not None", True, False, []), ("a.invited != b.invited", True, False, [])]),
        (GROUP, [("len(names) > 0", True, False, [])]),
        (AT_MOST, [("len(names) > 0", "?", False, [])]),
        (MATCH, [("invited", True, False, []), ("not b.invited", True, False, [])]),
        (
            SEQUENCE,
            [
                ("email is not None", True, False, []),
                ("not is_host", True, False, []),
                ("registered", "?", False, []),
                ("one.invited is not None", True, False, []),
            ],
        ),
    ],
)
def test_the_finding_alone_decides_the_clauses_it_could_not_be_without(
    tmp_path: Path, text: str, expected: list[tuple[str, bool | str, bool, list[str]]]
) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text(HEAD + text)
    rules = load_rules([path], bundled=False)
    archive = small_archive(tmp_path / "archive", [HOST, EVE, MALLORY])
    audit = check(archive, rules, request=Request(), now=NOW)
    for finding in audit.findings:
        told = entailed(finding, audit, rules.rules[0])
        found = [
            (clause.source, clause.value if clause.known else "?", clause.denied, list(clause.values))
            for row in told.rows
            for clause in row
        ]
        assert found == expected
        again = explain(finding, audit, archive, rules=rules, settings=Settings())
        seen = {(clause.source, clause.denied): clause.value for row in again.rows for clause in row}
        assert all(seen[source, denied] is value for source, value, denied, _ in found if value != "?")
    assert audit.findings


def test_a_partner_that_is_missing_decides_nothing_about_partners() -> None:
    (rule,) = rules_of((HEAD + NOBODY).encode(), path="rule.yaml").rules
    needed = [condition for condition in conditions(rule) if condition in list(_needed(rule))]
    assert [clause.source for condition in needed for clause in condition.clauses] == ["email is not None"]


def test_a_rule_that_is_gone_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text(HEAD + MATCH)
    rules = load_rules([path], bundled=False)
    archive = small_archive(tmp_path / "archive", [HOST, EVE])
    audit = check(archive, rules, request=Request(), now=NOW)
    path.write_text((HEAD + MATCH).replace("TST-001", "TST-002"))
    with pytest.raises(ConfigError, match=r"TST-001 is not loaded; did you mean 'TST-002'\?"):
        explain(audit.findings[0], audit, archive, rules=load_rules([path], bundled=False), settings=Settings())


def test_a_fact_that_other_rows_tell_is_shown_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    detect = "detect: {from: attendees, where: visit_number == 1}\n"
    path.write_text(HEAD + detect + 'finding: {subject: "{email}", message: m, fingerprint: [email]}\n')
    rules = load_rules([path], bundled=False)
    archive = small_archive(tmp_path / "archive", [HOST, EVE])
    audit = check(archive, rules, request=Request(), now=NOW)
    told = explain(audit.findings[0], audit, archive, rules=rules, settings=Settings())
    values = {"visit_number": 1, "visit_number_why": "first join of the meeting"}
    assert [dict(clause.values) for row in told.rows for clause in row] == [values]


def test_the_reason_of_the_person_a_telephone_belongs_to_stands_beside_that_fact_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    detect = "detect: {from: attendees, where: {all: [phone_leg, phone_leg_of is not None]}}\n"
    path.write_text(HEAD + detect + 'finding: {subject: "{display_name}", message: m, fingerprint: [display_name]}\n')
    rules = load_rules([path], bundled=False)
    line = {**EVE, "email": None, "displayName": "Call-in user", "phoneNumber": "15550100", "ipAddress": None}
    archive = small_archive(tmp_path / "archive", [HOST, {**line, "clientAgent": None}])
    audit = check(archive, rules, request=Request(), now=NOW)
    told = explain(audit.findings[0], audit, archive, rules=rules, settings=Settings())
    leg, owner = [dict(clause.values) for row in told.rows for clause in row]
    assert leg == {"phone_leg": True}
    assert owner.keys() == {"phone_leg_of", "phone_leg_why"}
    assert owner["phone_leg_why"]
