"""`waivers.yaml`, read."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from auditor.errors import ConfigError, ConfigFileError
from auditor.model.vocabulary import Verdict
from auditor.triage.waiver_file import (
    WaiverFile,
    invisible_names,
    load,
    parse,
    unknown_controls,
    unknown_rules,
    with_ids,
)

CONTRACT = """\
waivers:
  - {id: W-2026-014, rule: IDN-002, match: {ip_address: 203.0.113.7}, reason: shared meeting room,
     owner: it-sec@example.com,
     approved_by: ciso@example.com, ticket: SEC-1234, category: accepted_risk, created: 2026-01-10, expires: 2026-07-01}
attestations:
  - {framework: soc2, control: CC1.1, verdict: pass, by: ciso@example.com, date: 2026-01-10,
     expires: 2027-01-10, note: seen}
"""
TAIL = "reason: r, owner: o, expires: 2026-07-01"
IDS = {"IDN-002": "IDN-002", "shared-ip-in-meeting": "IDN-002"}


def read(text: str) -> WaiverFile:
    return parse(text.encode(), path="waivers.yaml")


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigFileError) as caught:
        read(text)
    return [str(problem).removeprefix("waivers.yaml:") for problem in caught.value.problems]


def test_the_file_of_the_contract() -> None:
    file = read(CONTRACT)
    (waiver,) = file.waivers
    assert (waiver.id, waiver.rule, waiver.match) == ("W-2026-014", "IDN-002", {"ip_address": ("203.0.113.7",)})
    assert (waiver.reason, waiver.owner, waiver.approved_by) == (
        "shared meeting room",
        "it-sec@example.com",
        "ciso@example.com",
    )
    assert (waiver.ticket, waiver.category) == ("SEC-1234", "accepted_risk")
    assert (waiver.created, waiver.expires) == (date(2026, 1, 10), date(2026, 7, 1))
    (attestation,) = file.attestations
    assert (attestation.framework, attestation.control) == ("soc2", "CC1.1")
    assert (attestation.verdict, attestation.by) == (Verdict.PASS, "ciso@example.com")
    assert (attestation.date, attestation.expires) == (date(2026, 1, 10), date(2027, 1, 10))
    assert attestation.note == "seen"


def test_an_empty_file_waives_nothing() -> None:
    assert read("").waivers == ()
    assert read("waivers:\n").waivers == ()


def test_values_keep_their_kind() -> None:
    (waiver,) = read(f"waivers: [{{id: W, rule: A, match: {{a: [1, true, null, x], b: 2.5}}, {TAIL}}}]").waivers
    assert waiver.match == {"a": (1, True, None, "x"), "b": (2.5,)}


def test_addresses_are_trimmed_and_lower_cased_as_in_the_tables() -> None:
    (waiver,) = read(f"waivers: [{{id: W, rule: A, match: {{a.email: ' Eve@Example.ORG ', x: Eve}}, {TAIL}}}]").waivers
    assert waiver.match == {"a.email": ("eve@example.org",), "x": ("Eve",)}


def test_a_fingerprint_may_stand_without_rule() -> None:
    (waiver,) = read(f"waivers: [{{id: W, fingerprint: '{'a' * 64}', {TAIL}}}]").waivers
    assert (waiver.rule, waiver.fingerprint, waiver.match) == (None, "a" * 64, {})


def test_an_article_number_is_a_control_without_quotes() -> None:
    text = "attestations: [{framework: gdpr, control: 32, verdict: fail, by: b, date: 2026-01-01, expires: 2026-02-01}]"
    (attestation,) = read(text).attestations
    assert (attestation.control, attestation.verdict, attestation.note) == ("32", Verdict.FAIL, "")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (f"{{rule: A, match: {{a: 1}}, {TAIL}}}", "1:11: missing key 'id'"),
        (
            "{id: W, rule: A, match: {a: 1}, owner: o, expires: 2026-07-01}",
            "1:11: missing key 'reason'",
        ),
        (
            "{id: W, rule: A, match: {a: 1}, reason: , owner: o, expires: 2026-07-01}",
            "1:51: 'reason' must have a value",
        ),
        ("{id: W, rule: A, match: {a: 1}, reason: r, expires: 2026-07-01}", "1:11: missing key 'owner'"),
        ("{id: W, rule: A, match: {a: 1}, reason: r, owner: o}", "1:11: missing key 'expires'"),
        (f"{{id: W, match: {{a: 1}}, {TAIL}}}", "1:11: missing key 'rule'"),
        (f"{{id: W, rule: A, {TAIL}}}", "1:11: missing key 'match' (or 'fingerprint' in its place)"),
        (f"{{id: W, rule: A, match: {{}}, {TAIL}}}", "1:35: match must name at least one column"),
        (f"{{id: W, rule: A, match: {{a: []}}, {TAIL}}}", "1:39: expected a value or a list of values, got list"),
        (f"{{id: W, rule: A, match: {{a: {{b: 1}}}}, {TAIL}}}", "1:39: expected a value or a list of values, got map"),
        (f"{{id: W, rule: A, match: {{a: [[1]]}}, {TAIL}}}", "1:40: expected a value, got list"),
        (f"{{id: W, fingerprint: abc, {TAIL}}}", "1:32: a fingerprint is 64 lower-case hex digits; quote it"),
        (
            f"{{id: W, match: {{a: 1}}, rule: A, fingerprint: '{'a' * 64}', {TAIL}}}",
            "1:56: match and fingerprint exclude each other",
        ),
        (f"{{id: W, rule: A, match: {{a: 1}}, tiket: x, {TAIL}}}", "1:43: unknown key 'tiket'; did you mean 'ticket'?"),
        (
            "{id: W, rule: A, match: {a: 1}, reason: r, owner: o, expires: 2026-13-01}",
            "1:73: '2026-13-01' is no date such as 2026-07-01",
        ),
        (
            f"{{id: W, rule: A, match: {{a: 1}}, created: 2026-08-01, {TAIL}}}",
            "1:94: expires is before created",
        ),
        ("text", "1:11: expected map, got text"),
    ],
)
def test_a_mistake_is_shown_where_it_stands(entry: str, message: str) -> None:
    assert mistakes(f"waivers: [{entry}]") == [message]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "{framework: soc2, control: A, verdict: passed, by: b, date: 2026-01-01, expires: 2026-02-01}",
            "1:55: verdict must be one of pass, fail; did you mean 'pass'?",
        ),
        (
            "{framework: soc2, control: true, verdict: pass, by: b, date: 2026-01-01, expires: 2026-02-01}",
            "1:43: expected text, got boolean",
        ),
        (
            "{framework: soc2, control: A, verdict: pass, by: b, date: 2026-03-01, expires: 2026-02-01}",
            "1:95: expires is before date",
        ),
        ("{control: A, verdict: pass, by: b, date: 2026-01-01, expires: 2026-02-01}", "1:16: missing key 'framework'"),
    ],
)
def test_a_mistake_of_an_attestation_is_shown_where_it_stands(entry: str, message: str) -> None:
    assert mistakes(f"attestations: [{entry}]") == [message]


def test_an_id_is_used_once() -> None:
    entry = f"{{id: W, rule: A, match: {{a: 1}}, {TAIL}}}"
    assert mistakes(f"waivers:\n  - {entry}\n  - {entry}\n") == ["3:10: waiver id 'W' is already used on line 2"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "gone.yaml")


def test_a_rule_may_be_named_by_its_name() -> None:
    file = read(f"waivers: [{{id: W, rule: shared-ip-in-meeting, match: {{a: 1}}, {TAIL}}}]")
    assert unknown_rules(file, IDS) == []
    assert with_ids(file, IDS).waivers[0].rule == "IDN-002"


def test_an_unknown_rule_is_shown_where_it_stands_with_the_nearest() -> None:
    file = read(f"waivers: [{{id: W, rule: IDN-02, match: {{a: 1}}, {TAIL}}}]")
    assert [str(problem) for problem in unknown_rules(file, IDS)] == [
        "waivers.yaml:1:25: unknown rule 'IDN-02'; did you mean 'IDN-002'?"
    ]
    assert with_ids(file, IDS).waivers[0].rule == "IDN-02"


def test_a_name_the_finding_cannot_see_is_shown_where_it_stands() -> None:
    file = read(f"waivers: [{{id: W, rule: IDN-002, match: {{ip_adress: x}}, {TAIL}}}]")
    problems = invisible_names(file, {"IDN-002": {"ip_address", "meeting_id"}})
    assert [str(problem) for problem in problems] == [
        "waivers.yaml:1:42: 'ip_adress' is not visible in the finding of IDN-002; did you mean 'ip_address'?"
    ]
    assert invisible_names(file, {"IDN-002": {"ip_adress"}}) == []


def test_waivers_before_it_hide_no_invisible_name() -> None:
    before = f"{{id: A, fingerprint: {'a' * 64}, {TAIL}}}, {{id: B, rule: NON-001, match: {{x: y}}, {TAIL}}}"
    file = read(f"waivers: [{before}, {{id: C, rule: IDN-002, match: {{ip_adress: x}}, {TAIL}}}]")
    (problem,) = invisible_names(file, {"IDN-002": {"ip_address"}})
    assert "'ip_adress' is not visible" in str(problem)


def test_a_rule_of_the_wrong_type_is_told_once() -> None:
    assert mistakes(f"waivers: [{{id: W, rule: [x], match: {{a: b}}, {TAIL}}}]") == ["1:25: expected text, got list"]


@pytest.mark.parametrize(
    ("framework", "control", "message"),
    [
        ("soc3", "CC1.1", "1:28: unknown framework 'soc3'; did you mean 'soc2'?"),
        ("soc2", "CC1.2", "1:43: unknown control 'CC1.2' in soc2; did you mean 'CC1.1'?"),
    ],
)
def test_an_attestation_must_name_a_known_control(framework: str, control: str, message: str) -> None:
    text = (
        f"attestations: [{{framework: {framework}, control: {control}, verdict: pass, by: b,"
        " date: 2026-01-01, expires: 2026-02-01}]"
    )
    problems = unknown_controls(read(text), {"soc2": {"CC1.1"}})
    assert [str(problem) for problem in problems] == [f"waivers.yaml:{message}"]


def test_a_control_without_a_value_is_shown_where_it_stands() -> None:
    text = "{framework: soc2, control: , verdict: pass, by: b, date: 2026-01-01, expires: 2026-02-01}"
    assert mistakes(f"attestations: [{text}]") == ["1:43: 'control' must have a value"]
