"""Redacted reports: nobody is named, the same person stays the same, every count stays."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.model.audit import (
    Audit,
    ControlResult,
    EvidenceColumn,
    FrameworkResult,
    Parameter,
    Resolved,
    RuleChanges,
)
from auditor.model.coverage import Gap
from auditor.model.finding import Value
from auditor.model.vocabulary import GapReason, Severity, Verdict
from auditor.reports.audit_json import dump, load
from auditor.reports.formats import FORMATS, Options
from auditor.reports.pseudonyms import Pseudonyms
from auditor.reports.redaction import redacted
from tests.reports.audit_factory import PERSON, audit_of
from tests.reports.hostile import ALL

KEY = b"0123456789abcdef"


def originals(audit: Audit) -> Iterator[str]:
    """Every text of evidence, subjects and raw records that names somebody or something."""
    kept = {"ip_network"}
    for finding in audit.findings:
        for column, value in finding.evidence.items():
            if isinstance(value, str) and not column.endswith("_time") and column not in {"presence", "overlap"}:
                kept.discard(value)
                yield value
        yield finding.fingerprint
    for cited in audit.cited:
        yield from (v for v in json.loads(cited.raw).values() if isinstance(v, str) and not v.endswith("Z"))
    for gone in (*audit.resolved, *audit.not_compared):
        yield gone.subject
        yield gone.fingerprint


@pytest.mark.slow
def test_no_format_holds_an_original() -> None:
    audit = audit_of(60)
    shown = redacted(audit, key=KEY, repeatable=True)
    wanted = {text for text in originals(audit) if len(text) > 3} - {"ip_network", "false", "a1b2c3_I_100"}
    assert len(wanted) > 200
    for name in ("json", "html", "csv", "md", "ndjson", "sarif", "junit", "ocsf", "oscal"):
        text = FORMATS[name].render(shown, Options()).decode()
        assert [original for original in wanted if original in text] == [], name


def test_a_redacted_audit_is_an_audit_and_says_what_it_is() -> None:
    shown = redacted(audit_of(60), key=KEY, repeatable=True)
    assert load(dump(shown)) == shown
    assert shown.redacted
    assert b"Redacted" in FORMATS["html"].render(shown, Options())


def test_counts_verdicts_and_times_stay() -> None:
    audit = audit_of(90)
    shown = redacted(audit, key=KEY, repeatable=True)
    assert shown.summary == audit.summary
    assert [(rule.id, rule.verdict, rule.findings) for rule in shown.rules] == [
        (rule.id, rule.verdict, rule.findings) for rule in audit.rules
    ]
    assert sorted(f.observed_at for f in shown.findings) == sorted(f.observed_at for f in audit.findings)
    assert {record for f in shown.findings for record in f.records} == {r for f in audit.findings for r in f.records}


def test_one_person_has_one_pseudonym_by_name_and_by_address() -> None:
    shown = redacted(audit_of(90), key=KEY, repeatable=True)
    pairs = [
        (f.evidence["display_name"], f.evidence["email"])
        for f in shown.findings
        if "email" in f.evidence and "display_name" in f.evidence
    ]
    assert pairs
    assert sum(name == email for name, email in pairs) > len(pairs) * 0.5
    assert all(str(email).startswith("person-") for _, email in pairs)


def test_what_was_equal_stays_equal_and_what_was_not_does_not() -> None:
    audit = audit_of(200)
    shown = redacted(audit, key=KEY, repeatable=True)
    names = Pseudonyms(KEY)
    by_print = {f.fingerprint: f for f in shown.findings}
    seen: dict[object, object] = {}
    for finding in audit.findings:
        mine = by_print[names.fingerprint(finding.fingerprint)]
        if "email" in finding.evidence:
            assert seen.setdefault(finding.evidence["email"], mine.evidence["email"]) == mine.evidence["email"]
    assert len(set(seen.values())) == len(seen)


def test_another_key_gives_other_pseudonyms_and_the_same_key_the_same() -> None:
    audit = audit_of(20)
    first = redacted(audit, key=KEY, repeatable=True)
    assert redacted(audit, key=KEY, repeatable=True) == first
    assert redacted(audit, key=KEY[::-1], repeatable=True).findings != first.findings


def test_a_key_nobody_knows_is_said() -> None:
    shown = redacted(audit_of(3), key=KEY, repeatable=False)
    assert any("no redaction key" in note for note in shown.notes)
    with pytest.raises(ValueError, match="at least 16 bytes"):
        redacted(audit_of(3), key=b"short", repeatable=True)


def test_messages_keep_the_words_of_the_rule() -> None:
    shown = redacted(audit_of(30), key=KEY, repeatable=True)
    messages = {f.rule_id: f.message for f in shown.findings}
    assert re.fullmatch(r"person-\w+ was not invited to “meeting-\w+”", messages["ACC-001"])
    assert re.search(r"from address-\w+ in network-\w+ for \d+ min$", messages["IDN-002"])


def test_a_message_without_its_template_keeps_ordinary_words_only() -> None:
    audit = audit_of(30)
    bare = replace(audit, rules=tuple(replace(rule, message_template="", subject_template="") for rule in audit.rules))
    shown = redacted(bare, key=KEY, repeatable=True)
    text = " ".join(f.message + " " + f.subject for f in shown.findings)
    assert "example.com" not in text
    assert "198.51.100" not in text
    assert not re.search(r"[A-Z][a-z]+ [A-Z][a-z]+", text)
    assert "was not invited to" in text


@pytest.mark.parametrize(
    ("sentence", "left"),
    [
        ("alice@example.com joined from BR; 0 of 214 earlier joins", "joined from BR; 0 of 214 earlier joins"),
        (
            "Zoë Ørsted left London at 17:31: 11,717 km in 2.6 h (4,565 km/h)",
            "at 17:31: 11,717 km in 2.6 h (4,565 km/h)",
        ),
        ("6 accounts joined “Code of conduct” from 203.0.113.0/24 within 2 min", "within 2 min"),
    ],
)
def test_sentences_of_detectors_keep_their_numbers(sentence: str, left: str) -> None:
    audit = audit_of(1)
    rule = replace(audit.rules[0], message_template="{explanation}", subject_template="")
    finding = replace(audit.findings[0], rule_id=rule.id, message=sentence)
    shown = redacted(replace(audit, rules=(rule,), findings=(finding,)), key=KEY, repeatable=True).findings[0].message
    assert left in shown
    for word in ("alice", "Zoë", "Ørsted", "London", "conduct", "203.0"):
        assert word not in shown


def test_hostile_text_is_redacted_too() -> None:
    shown = redacted(audit_of(60, hostile=ALL), key=KEY, repeatable=True)
    text = " ".join([*(f.message + f.subject for f in shown.findings)])
    assert "<script" not in text
    assert "@example" not in text


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1), st.text(min_size=1), st.sampled_from(["person", "meeting", "text"]))
def test_pseudonyms_agree_exactly_when_their_originals_do(one: str, other: str, label: str) -> None:
    names = Pseudonyms(KEY)
    same = names.word(label, one) == names.word(label, other)
    assert same == (names.word(label, one.strip().casefold()) == names.word(label, other.strip().casefold()))
    assert re.fullmatch(rf"{label}-[A-Z2-7]{{8,}}", names.word(label, one))


def test_people_without_addresses_are_still_people() -> None:
    assert PERSON[0][2] == "name"
    names = Pseudonyms(KEY)
    names.same_person("Alice Brandt", "alice@example.com")
    assert names.word("person", "ALICE brandt") == names.word("person", "alice@example.com")
    names.same_person("Alice Brandt", "another.alice@example.com")
    assert names.word("person", "alice brandt") not in {
        names.word("person", "alice@example.com"),
        names.word("person", "another.alice@example.com"),
    }


@pytest.mark.parametrize("address", ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"])
def test_addresses_keep_their_network(address: str) -> None:
    names = Pseudonyms(KEY)
    assert re.fullmatch(r"address-\w{8,} in network-\w{8,}", names.address(address))
    assert names.address("192.0.2.7") == names.address("::ffff:192.0.2.7")
    assert names.address("192.0.2.7").split(" in ")[1] == names.address("192.0.2.99").split(" in ")[1]


def one_finding(message: str, template: str, **evidence: Value) -> Audit:
    """An audit of one finding with this message and these columns, an integer as such and all else text."""
    audit = audit_of(1)
    columns = tuple(
        EvidenceColumn(name, "integer" if isinstance(value, int) else "text", None) for name, value in evidence.items()
    )
    rule = replace(audit.rules[0], message_template=template, subject_template="", evidence=columns)
    finding = replace(audit.findings[0], rule_id=rule.id, message=message, evidence=evidence)
    return replace(audit, rules=(rule,), findings=(finding,))


def told(audit: Audit) -> str:
    return redacted(audit, key=KEY, repeatable=True).findings[0].message


@pytest.mark.parametrize(
    "name", ["Bob", "Bob joined 5 times from Zembla, Alice joined", "Eve joined", "joined 5 times from XX"]
)
def test_a_name_with_the_words_of_the_rule_in_it_leaves_nothing_of_itself(name: str) -> None:
    template = "{display_name} joined {count} times from {country}"
    message = told(one_finding(f"{name} joined 3 times from DE", template, display_name=name, count=3))
    if name == "Bob":
        assert re.fullmatch(r"person-\w+ joined 3 times from DE", message)
    assert not re.search("Bob|Alice|Zembla|Eve|XX|5", re.sub(r"-[A-Z2-7]+", "", message))


def test_where_nobody_is_named_nobody_is_made_up() -> None:
    audit = audit_of(14)
    first = audit.findings[0]
    nobody = replace(first, subject="—", evidence={name: None for name in first.evidence if name != "email"})
    rules = tuple(
        replace(rule, subject_template="{email}", message_template="{email} joined “{meeting_title}” from {ip_address}")
        for rule in audit.rules
    )
    audit = replace(audit, rules=rules, findings=(replace(nobody, message="— joined “—” from —"), *audit.findings[1:]))
    shown = next(
        one for one in redacted(audit, key=KEY, repeatable=True).findings if one.observed_at == first.observed_at
    )
    assert (shown.subject, shown.message) == ("—", "— joined “—” from —")
    assert told(one_finding("3 joins of “—” within 10 min", "{explanation}")) == "3 joins of “—” within 10 min"


def test_digits_of_a_telephone_are_no_count() -> None:
    assert re.fullmatch(
        r"called by phone-\w+ 12 times",
        told(one_finding("called by 4917155500123 12 times", "called by {who} {n} times")),
    )


def test_a_quoted_title_with_quotation_marks_in_it_is_replaced_as_a_whole() -> None:
    sentence = "12 joins of zoe@example.com (“review of “phoenix” launch”) within 10 min"
    message = told(one_finding(sentence, "{explanation}"))
    assert re.fullmatch(r"12 joins of person-\w+ \(“meeting-\w+”\) within 10 min", message)


def test_somebody_is_the_same_person_in_a_list_of_names() -> None:
    audit = one_finding("", "", display_name="Zoë Ørsted", email="zoe@example.com", members=[], who=["Zoë Ørsted", "x"])
    evidence = redacted(audit, key=KEY, repeatable=True).findings[0].evidence
    who = evidence["who"]
    assert isinstance(who, list)
    assert who[0] == evidence["email"] == evidence["display_name"]
    assert str(who[1]).startswith("text-")


def test_settings_that_name_somebody_found_do_not_name_them() -> None:
    audit = one_finding("", "", display_name="Zoë Ørsted", email="zoe@example.com")
    parameter = Parameter("names", "list", ["zoë ørsted", "board", "Nobody Found"], ["board"], "command line", "")
    audit = replace(audit, rules=(replace(audit.rules[0], parameters=(parameter,)),))
    shown = redacted(audit, key=KEY, repeatable=True)
    person = shown.findings[0].evidence["email"]
    assert shown.rules[0].parameters[0].value == [person, "board", "Nobody Found"]
    assert shown.rules[0].parameters[0].default == ["board"]


def test_notes_of_attestations_are_searched_and_who_attested_is_kept() -> None:
    audit = one_finding("", "", display_name="Zoë Ørsted", email="zoe@example.com")
    head = "auditor@example.com judged pass on 2026-09-01, holds until 2027-01-01: "
    control = ControlResult("CC1.1", "", Verdict.ATTESTED, (), 0, 0, f"{head}Zoë Ørsted (zoe@example.com) told us")
    audit = replace(audit, frameworks=(FrameworkResult("soc2", "SOC 2", (control,)),))
    note = redacted(audit, key=KEY, repeatable=True).frameworks[0].controls[0].note
    assert re.fullmatch(re.escape(head) + r"(person-\w+) \(\1\) told us", note or "")


@pytest.mark.parametrize("changed", [False, True])
def test_what_an_earlier_audit_said_under_a_rule_that_is_gone_or_changed_is_replaced(changed: bool) -> None:  # noqa: FBT001
    audit = audit_of(1)
    at = audit.findings[0].observed_at
    rule = audit.rules[0]
    gone = Resolved("f" * 64, rule.id if changed else "OLD-001", Severity.LOW, "bob", "bob of acme came", at, "x")
    changes = RuleChanges((), (), (rule.id,) if changed else ())
    audit = replace(audit, resolved=(gone,), rule_changes=changes)
    entry = redacted(audit, key=KEY, repeatable=True).resolved[0]
    assert re.fullmatch(r"text-\w+", entry.subject)
    assert re.fullmatch(r"text-\w+", entry.message)


def test_ids_of_meetings_in_gaps_are_replaced() -> None:
    audit = audit_of(1)
    gap = Gap("participants", "acme.webex.com", audit.identity.window, GapReason.NOT_FOUND, "a1b2_I_77: 3 people seen")
    shown = redacted(replace(audit, coverage=replace(audit.coverage, gaps=(gap,))), key=KEY, repeatable=True)
    assert re.fullmatch(r"meeting-\w+: 3 people seen", shown.coverage.gaps[0].detail)


def test_prose_is_searched_for_many_originals_in_little_time() -> None:
    names = Pseudonyms(KEY)
    for number in range(50_000):
        names.word("company", f"Works {number:05d}")
    began = process_time()
    told = [names.scrubbed(f"somebody of Works {number:05d} joined") for number in range(0, 50_000, 50)]
    for number in range(50_000):
        names.known(f"nobody {number}")
    assert process_time() - began < 4
    assert told[7] == f"somebody of {names.word('company', 'Works 00350')} joined"


PIECES = st.lists(
    st.sampled_from(["ab", "a", "b", "abc", "text-", "é", " ", "xy", "y", "-A", "pers"]), max_size=12
).map("".join)


@settings(deadline=None)
@given(st.lists(PIECES.filter(bool), max_size=8), PIECES)
def test_of_the_originals_in_prose_the_longest_is_replaced_first(held: list[str], prose: str) -> None:
    names = Pseudonyms(KEY)
    words: dict[str, str] = {}
    for original in held:
        words.setdefault(original, names.word("text", original))
    wanted = prose
    for original in sorted(words, key=len, reverse=True):
        if len(original) > 2:
            wanted = wanted.replace(original, words[original])
    assert names.scrubbed(prose) == wanted
