"""The digest: one page, the same figures, nothing in it acts."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from auditor.model.audit import ReportSettings
from auditor.reports.formats import FORMATS, Options
from auditor.reports.markdown import MOST_LINES, plain
from auditor.reports.text import visible
from tests.reports.audit_factory import audit_of

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ACTS = (
    "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "<script>alert(1)</script>",
    "<https://evil.example/>",
    "https://evil.example/",
    "www.evil.example",
    "a | b | c",
    "`code` ``` ~~~",
    "**bold** _it_ __b__ ~~gone~~",
    "[x]: https://evil.example/",
    "&lt;b&gt; &#60;b&#62;",
    "# heading",
    "- item",
    "1. item",
    "1) item",
    "> quote",
    "---",
    "===",
    "\n\n# heading\n\n- item",
    "\\[x\\](y)",
    "`@all",
    "trailing \\",
    "    indented",
    "<!-- hidden",
    "$x$ {{7*7}} [[_TOC_]] [^1]",
    "bidi \u202e and \x1b[31m and \ud800",
)


def digest(**given) -> str:
    return FORMATS["md"].render(audit_of(**given), Options()).decode()


def shown(markdown: str) -> str:
    """What a reader of the rendered text sees."""
    html = READER.renderInline(markdown)
    text = re.sub(r"<[^>]*>", "", html)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, character)
    return text


def shape(markdown: str) -> list[str]:
    """The kinds of blocks and of what stands in them, code for a single sign aside."""
    kinds = []
    for token in READER.parse(markdown):
        kinds.append(token.type)
        kinds.extend(
            child.type
            for child in token.children or ()
            if child.type not in {"text", "text_special"}
            and not (child.type == "code_inline" and len(child.content) < 4)
        )
    return kinds


def test_the_digest_is_one_page_with_the_figures_of_the_audit() -> None:
    audit = audit_of(60)
    text = FORMATS["md"].render(audit, Options()).decode()
    assert text.startswith("# Webex meeting compliance audit\n\n**Exceptions noted, evidence incomplete**\n")
    assert f"{audit.summary.open} of them open" in text
    for severity, count in audit.summary.by_severity.items():
        assert f"| {severity} | {count} |" in text
    assert f"| All severities | {audit.summary.open} |" in text


def test_the_digest_says_what_was_not_tested_what_changed_and_what_it_stands_on() -> None:
    audit = audit_of(60)
    text = FORMATS["md"].render(audit, Options()).decode()
    assert "Period: from 2026-08-31 00:00:00 UTC up to but not including 2026-09-28 00:00:00 UTC" in text
    assert "- 3 rules were not evaluated: NET-007, REC-002, WEB-001." in text
    assert f"Against audit {audit.previous}: " in text
    assert "- recording_access: Rows 0, never collected (1)" in text
    for digest in (audit.identity.id, audit.identity.evidence_head, audit.identity.rules_digest):
        assert f": {digest}\n" in text


def test_the_gravest_rules_come_first() -> None:
    lines = [line for line in digest(findings=60).splitlines() if line.startswith("- **")]
    assert [line.split()[2] for line in lines] == ["critical,", "high,", "high,", "medium,", "medium,"]


@pytest.mark.parametrize("findings", [0, 1, 5_000])
def test_the_digest_stays_one_page(findings: int) -> None:
    assert len(digest(findings=findings).splitlines()) <= MOST_LINES


def test_many_sites_tables_and_gaps_stay_one_page() -> None:
    audit = audit_of(20)
    gaps = tuple(replace(audit.coverage.gaps[0], table=f"table_{n}") for n in range(500))
    sites = tuple(f"site-{n}.webex.com" for n in range(5_000))
    large = replace(
        audit,
        coverage=replace(audit.coverage, gaps=gaps),
        identity=replace(audit.identity, sites=sites),
        rules_not_run=audit.rules_not_run * 500,
        notes=("note",) * 500,
    )
    lines = FORMATS["md"].render(large, Options()).decode().splitlines()
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) < 1_000
    assert any(line.startswith("- … and ") for line in lines)


def test_an_audit_without_findings_says_so() -> None:
    text = digest(findings=0, complete=True)
    assert "No rule failed." in text
    assert "No gap is known" in text


def test_equal_audits_give_equal_bytes() -> None:
    assert digest(findings=40) == digest(findings=40)


def test_the_digest_names_no_person() -> None:
    assert "@" not in digest(findings=60)


def test_hostile_words_change_no_block_of_the_digest() -> None:
    plain_shape = shape(digest(findings=60, hostile=("harmless",), report=ReportSettings(title="harmless")))
    for text in ACTS:
        assert shape(digest(findings=60, hostile=(text,), report=ReportSettings(title=text))) == plain_shape


@pytest.mark.parametrize("text", ACTS)
def test_a_reader_sees_every_sign_of_a_hostile_text(text: str) -> None:
    assert shown(plain(text)) == visible(text, cap=600).strip()


@pytest.mark.parametrize("text", ACTS)
def test_a_hostile_text_is_one_paragraph_of_text(text: str) -> None:
    assert shape(plain(text)) == ["paragraph_open", "inline", "paragraph_close"]


def test_a_cell_stays_one_cell() -> None:
    table = READER.render(f"| a |\n| --- |\n| {plain('x | y `|` z')} |\n")
    assert table.count("<td>") == 1
    assert "x | y `|` z" in table


@pytest.mark.parametrize(
    ("text", "sign"),
    [("@all", "@"), ("a@example.com", "@"), ("#12", "#"), ("!7", "!"), ("GH-3", "-"), ("https://e.example", "://")],
)
def test_signs_that_reach_for_people_and_tickets_are_set_as_code(text: str, sign: str) -> None:
    assert f"<code>{sign}</code>" in READER.renderInline(plain(text))


@given(st.text(max_size=80))
def test_any_text_is_shown_as_it_is_and_as_text_alone(text: str) -> None:
    made = plain(text)
    wanted = visible(text, cap=600).strip()
    assert shown(made).strip() == re.sub(r"\s+", " ", wanted).strip() or shown(made).strip() == wanted
    assert set(shape(made)) <= {"paragraph_open", "inline", "paragraph_close"}


@given(st.text(alphabet="`@#*_~[]()<>&|!\\-+.:1w/ \n", max_size=30))
def test_any_mixture_of_signs_is_shown_as_text_alone(text: str) -> None:
    made = plain(text)
    assert shown(made).strip() == visible(text, cap=600).strip()
    assert set(shape(made)) <= {"paragraph_open", "inline", "paragraph_close"}
