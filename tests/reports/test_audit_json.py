"""The audit as JSON: valid, complete, the same after a round trip, clear about what is wrong."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import ReportError
from auditor.model import audit as model
from auditor.model.coverage import Asked, Coverage, Gap, People, TableCoverage
from auditor.model.finding import Finding, Record, Records
from auditor.model.vocabulary import Confidence, GapReason, Severity, State, Status, Verdict
from auditor.model.waiver import Waiver, WaiverState
from auditor.model.window import Window
from auditor.reports.audit_json import dump, load, schema
from auditor.reports.text import spelled_out
from tests.reports.audit_factory import audit_of

TEXTS = st.text(st.characters(), max_size=12)
MAYBE = st.none() | TEXTS
COUNTS = st.integers(0, 10**12)
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 - made aware at once
DAYS = st.dates(date(1971, 1, 1), date(2200, 1, 1))
VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
) | st.lists(TEXTS, max_size=3)
SPANS = st.tuples(TIMES, TIMES).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: Window(*sorted(pair)))


def several(strategy: st.SearchStrategy[object], *, least: int = 0) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(strategy, min_size=least, max_size=2).map(tuple)


def made_of(kind: type, **fixed: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Instances of a dataclass, text where nothing else is said."""
    return st.builds(kind, **{name: fixed.get(name, TEXTS) for name in kind.__match_args__})


RECORDS = made_of(Record, page=HEX, item=COUNTS)
WORDS = {"severity": st.sampled_from(Severity), "confidence": st.sampled_from(Confidence)}
FINDINGS = made_of(
    Finding,
    **WORDS,
    rule_id=st.just("ACC-001"),
    observed_at=TIMES,
    occurrences=COUNTS,
    state=st.none() | st.sampled_from(State),
    waiver=MAYBE,
    evidence=st.dictionaries(TEXTS, VALUES, max_size=3),
    records=several(RECORDS, least=1),
)


@st.composite
def ledgers(draw: st.DrawFn) -> model.Ledger:
    suppressed = draw(st.dictionaries(TEXTS, COUNTS, max_size=2))
    emitted, truncated = draw(COUNTS), draw(COUNTS)
    history = draw(st.none() | st.tuples(DAYS, DAYS))
    return model.Ledger(sum(suppressed.values()) + emitted + truncated, suppressed, emitted, truncated, history)


@st.composite
def rules(draw: st.DrawFn, *, rule_id: str, findings: int) -> model.RuleResult:
    verdict = Verdict.FAIL if findings else draw(st.sampled_from([Verdict.PASS, Verdict.NOT_EVALUATED]))
    return draw(
        made_of(
            model.RuleResult,
            **WORDS,
            id=st.just(rule_id),
            verdict=st.just(verdict),
            reason=TEXTS.map(lambda text: text or "why"),
            findings=st.just(findings),
            **dict.fromkeys(["population", "not_evaluable", "waived", "truncated", "version", "line"], COUNTS),
            **dict.fromkeys(["false_positives", "references", "tags", "tables"], several(TEXTS)),
            controls=st.dictionaries(TEXTS, several(TEXTS), max_size=2),
            status=st.sampled_from(Status),
            digest=HEX,
            parameters=several(made_of(model.Parameter, value=VALUES, default=VALUES)),
            evidence=several(made_of(model.EvidenceColumn, redact=MAYBE)),
            crashed=st.booleans(),
            detector=MAYBE,
            ledger=st.none() | ledgers(),
            declared_severity=st.none() | st.sampled_from(Severity),
        )
    )


@st.composite
def waivers(draw: st.DrawFn) -> WaiverState:
    by_match = draw(st.booleans())
    match = draw(st.dictionaries(TEXTS, several(VALUES), min_size=1, max_size=2)) if by_match else {}
    waiver = draw(
        made_of(
            Waiver,
            match=st.just(match),
            fingerprint=st.none() if by_match else HEX,
            expires=DAYS,
            created=st.none() | DAYS,
            **dict.fromkeys(["rule", "approved_by", "ticket", "category"], MAYBE),
        )
    )
    return WaiverState(waiver, draw(TEXTS), draw(COUNTS))


@st.composite
def audits(draw: st.DrawFn) -> model.Audit:
    findings = draw(several(FINDINGS))
    by_severity = {severity: sum(f.severity is severity for f in findings) for severity in Severity}
    gaps = draw(several(made_of(Gap, window=SPANS, reason=st.sampled_from(GapReason))))
    controls = made_of(
        model.ControlResult,
        verdict=st.sampled_from(Verdict),
        rules=several(TEXTS),
        findings=COUNTS,
        waived=COUNTS,
        note=MAYBE,
    )
    earlier = {"severity": st.sampled_from(Severity), "observed_at": TIMES}
    tables = made_of(
        TableCoverage,
        rows=COUNTS,
        first=st.none() | TIMES,
        last=st.none() | TIMES,
        asked=st.none() | st.builds(Asked, COUNTS, COUNTS),
        people=st.none() | st.builds(People, COUNTS, COUNTS),
    )
    return draw(
        made_of(
            model.Audit,
            identity=made_of(
                model.Identity,
                window=SPANS,
                sites=several(TEXTS),
                evaluated_at=TIMES,
                **dict.fromkeys(["rules_digest", "evidence_head", "config_digest"], HEX),
            ),
            coverage=made_of(
                Coverage,
                complete=st.just(not gaps),
                tables=st.dictionaries(TEXTS, tables, max_size=2),
                gaps=st.just(gaps),
            ),
            rules=st.tuples(rules(rule_id="ACC-001", findings=len(findings)), rules(rule_id="ACC-002", findings=0)),
            rules_not_run=several(made_of(model.RuleNotRun)),
            frameworks=several(made_of(model.FrameworkResult, controls=several(controls))),
            findings=st.just(findings),
            resolved=several(made_of(model.Resolved, **earlier)),
            not_compared=several(made_of(model.NotCompared, **earlier)),
            waivers=several(waivers()),
            summary=st.just(model.Summary(len(findings), len(findings), 0, by_severity)),
            cited=several(made_of(model.CitedRecord, record=RECORDS, fetched_at=TIMES)),
            chain=made_of(
                model.Chain,
                head=HEX,
                **dict.fromkeys(["entries", "pages", "bytes"], COUNTS),
                **dict.fromkeys(["first_fetched_at", "last_fetched_at"], st.none() | TIMES),
            ),
            previous=MAYBE,
            notes=several(TEXTS),
            report=made_of(
                model.ReportSettings,
                max_findings_per_rule=COUNTS,
                **dict.fromkeys(["organisation", "prepared_for", "classification", "logo", "accent"], MAYBE),
            ),
            rule_changes=st.none()
            | made_of(model.RuleChanges, **dict.fromkeys(["added", "removed", "changed"], several(TEXTS))),
            redacted=st.booleans(),
        )
    )


@settings(max_examples=60, deadline=None)
@given(audits())
def test_an_audit_is_the_same_after_a_round_trip(audit: model.Audit) -> None:
    again = load(dump(audit))
    assert again == audit
    assert dump(again) == dump(audit)


@settings(max_examples=60, deadline=None)
@given(audits())
def test_every_line_is_written_as_one_of_the_standard_library_is(audit: model.Audit) -> None:
    written = dump(audit)
    document = json.loads(written)
    for key in ("findings", "cited"):
        lines = ",\n".join(spelled_out(json.dumps(one, ensure_ascii=False)) for one in document[key])
        held = f'"{key}": [\n{lines}\n],\n' if lines else f'"{key}": [],\n'
        assert written.count(held.encode("utf-8", "backslashreplace")) == 1


@settings(max_examples=25, deadline=None)
@given(audits())
def test_every_audit_is_valid_against_the_schema(audit: model.Audit) -> None:
    document = json.loads(dump(audit), object_pairs_hook=without_surrogates)
    jsonschema_rs.validator_for(schema(), validate_formats=True).validate(document)


def without_surrogates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The validator is written in Rust, whose text has none."""
    return {plain(key): [plain(v) for v in value] if isinstance(value, list) else plain(value) for key, value in pairs}


def plain(value: Any) -> Any:
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def test_keys_stand_in_the_order_of_the_contract() -> None:
    document = json.loads(dump(audit_of(findings=3)))
    assert [*document][:6] == ["schema_version", "audit", "coverage", "rules", "rules_not_run", "frameworks"]
    assert [*document][6:11] == ["findings", "resolved", "not_compared", "waivers", "summary"]
    assert list(document["findings"][0])[:4] == ["fingerprint", "rule_id", "severity", "confidence"]
    assert document["findings"][0]["records"][0]["page"].startswith("sha256:")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(schema_version=2), "$.schema_version: 2 is newer than 1"),
        (lambda d: d.pop("chain"), "$: the key 'chain' is missing"),
        (
            lambda d: d["findings"][1].update(severity="hgh"),
            "$.findings[1].severity: 'hgh' is not one of critical, high",
        ),
        (
            lambda d: d["findings"][0]["records"][0].update(page="abc"),
            "$.findings[0].records[0].page: 'abc' is not sha256:",
        ),
        (lambda d: d["findings"][0].update(records=[]), "$.findings[0]: "),
        (
            lambda d: d["findings"][2].update(rule_id="ZZZ-009"),
            "$.findings[2].rule_id: 'ZZZ-009' is not among the rules",
        ),
        (lambda d: d["audit"]["window"].update(to="soon"), "$.audit.window.to: 'soon' is not an ISO 8601 time"),
        (lambda d: d["rules"][0].update(population=-1), "$.rules[0].population: -1 is not a whole number"),
        (lambda d: d["rules"][0].update(population=True), "$.rules[0].population: True is not a whole number"),
        (
            lambda d: d["rules"][0].update(population=2**63),
            "$.rules[0].population: 9223372036854775808 is not a whole number, zero or more, below",
        ),
        (lambda d: d["findings"][0]["evidence"].update(x=float("1e999")), "this is no audit.json: Infinity is no JSON"),
        (lambda d: d["findings"].append(d["findings"][0]), "$.rules["),
        (
            lambda d: d["findings"][0].update(severity="info"),
            "$.summary.by_severity.info: 1, but 2 open ones are listed",
        ),
        (lambda d: d["summary"].update(findings=4, open=4), "$.summary: the counts of a summary must add up"),
        (lambda d: d["coverage"].update(gaps={}), "$.coverage.gaps: {} is not an array"),
        (lambda d: d["findings"][0]["evidence"].update(x={}), "$.findings[0].evidence.x: {} is not text, a number"),
    ],
)
def test_a_wrong_document_names_the_place(change: Callable[[dict[str, Any]], object], message: str) -> None:
    document = json.loads(dump(audit_of(findings=3)))
    change(document)
    with pytest.raises(ReportError) as caught:
        load(json.dumps(document).encode())
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("data", [b"", b"[", b"\xff", b"NaN", b"[" * 100_000])
def test_what_is_no_json_is_no_audit(data: bytes) -> None:
    with pytest.raises(ReportError, match="no audit"):
        load(data)


def test_a_number_beyond_all_numbers_names_its_place() -> None:
    document = dump(audit_of(findings=3)).replace(b'"evidence": {', b'"evidence": {"x": 1e999, ', 1)
    with pytest.raises(ReportError, match=r"\$\.findings\[0\]\.evidence\.x: inf is not text, a number"):
        load(document)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_finding_that_rests_on_very_many_records_is_written_as_any_other(place: int) -> None:
    audit = audit_of(findings=3)
    plain = tuple(Record(f"{page:064x}", item) for page in range(250) for item in range(100))
    many = Records(len(plain), lambda start, stop: ((one.page, [one.item]) for one in plain[start:stop]))
    told, other = (
        replace(
            audit,
            findings=tuple(
                replace(one, records=records) if number == place else one for number, one in enumerate(audit.findings)
            ),
        )
        for records in (many, plain)
    )
    written = dump(told)
    assert written == dump(other)
    assert load(written) == told
    for key in ("findings", "cited"):
        lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in json.loads(written)[key])
        assert f'"{key}": [\n{lines}\n],\n'.encode() in written
