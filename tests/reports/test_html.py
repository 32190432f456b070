"""The HTML report as a file: complete, consistent, reproducible, and closed."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from lxml import html as parser

from auditor.errors import ConfigError, ReportError
from auditor.model.audit import Audit, ReportSettings
from auditor.model.vocabulary import Severity
from auditor.reports.formats import FORMATS, Options
from auditor.reports.html import embedded
from auditor.resources import resource
from tests.reports.audit_factory import audit_of
from tests.reports.figures import every_figure_reconciles, text_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(html: Path) -> parser.HtmlElement:
    return parser.fromstring(html.read_bytes())


def test_the_sections_stand_in_their_order(page: parser.HtmlElement) -> None:
    assert [text_of(head) for head in page.iter("h2")] == [
        "1 Executive summary",
        "2 Scope, period, population and method",
        "3 Data completeness and gaps",
        "4 Control matrix",
        "5 Exceptions and waivers",
        "6 Findings",
        "7 Rules not evaluated",
        "8 Changes since the previous audit",
        "9 Anomalies, explained",
        "10 Sign-off",
        "A Rules and parameters",
        "B Integrity manifest",
        "C Glossary",
    ]


def test_one_title_and_no_level_skipped(page: parser.HtmlElement) -> None:
    levels = [int(head.tag[1]) for head in page.iter("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert page.get("lang") == "en"


def test_every_figure_reconciles(page: parser.HtmlElement, audit: Audit) -> None:
    every_figure_reconciles(page, audit)


def half_of_the_anomalies_last(findings: int) -> Audit:
    audit = audit_of(findings)
    spread = [
        replace(finding, severity=Severity.INFO) if finding.rule_id == "NET-004" and n % 2 else finding
        for n, finding in enumerate(audit.findings)
    ]
    return replace(audit, findings=tuple(sorted(spread, key=lambda finding: finding.order)))


def test_every_link_leads_somewhere_without_the_script() -> None:
    audit = half_of_the_anomalies_last(400)
    page = parser.fromstring(FORMATS["html"].render(audit, Options()))
    ids = [element.get("id") for element in page.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    links = {link.get("href")[1:] for link in page.iter("a") if link.get("href").startswith("#")}
    assert links <= set(ids)
    first, later = (
        {f"f-{finding.fingerprint[:20]}" for finding in some if finding.rule_id == "NET-004"}
        for some in (audit.findings[:200], audit.findings[200:])
    )
    assert first == {link for link in links if link.startswith("f-")} != set()
    assert later == {link.get("data-finding") for link in page.iter("a") if link.get("data-finding")} != set()


def test_the_embedded_data_hold_every_finding(page: parser.HtmlElement, audit: Audit) -> None:
    data = json.loads(page.get_element_by_id("data").text)
    assert data["fingerprint"] == [finding.fingerprint for finding in audit.findings]
    assert [data["rules"][rule]["id"] for rule in data["rule"]] == [finding.rule_id for finding in audit.findings]
    names = [data["shapes"][shape] for shape in data["shape"]]
    assert names == [list(finding.evidence) for finding in audit.findings]


def test_the_policy_names_the_style_and_the_script_by_hash(html: Path) -> None:
    text = html.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    for tag, source in (("style", "style-src"), ("script", "script-src")):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert content is not None
        digest = base64.b64encode(hashlib.sha256(content[1].encode()).digest()).decode()
        assert f"{source} &#39;sha256-{digest}&#39;" in policy[1] or f"{source} 'sha256-{digest}'" in policy[1]
    assert "default-src 'none'" in policy[1].replace("&#39;", "'")
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_nothing_in_the_file_needs_what_the_policy_forbids(hostile_html: Path) -> None:
    page = parser.fromstring(hostile_html.read_bytes())
    for element in page.iter():
        if isinstance(element.tag, str):
            assert not [name for name in element.attrib if name == "style" or name.startswith("on")]
    links = {link.get("href") for link in page.iter("a")}
    assert all(link.startswith(("#", "https://", "http://", "mailto:")) for link in links)
    assert not list(page.iter("img", "iframe", "object", "embed", "base", "link"))


def test_the_script_writes_text_only_as_text() -> None:
    script = resource("report_templates/report.js").read_text(encoding="utf-8")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "fetch("):
        assert word not in script


def test_no_packaged_template_switches_escaping_off() -> None:
    for path in resource("report_templates").glob("*.j2"):
        text = path.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", "")
        assert "autoescape" not in text


def test_json_in_the_page_cannot_end_its_element() -> None:
    text = embedded({"x": "</script><!--\u2028&"}).decode()
    assert "<" not in text
    assert json.loads(text) == {"x": "</script><!--\u2028&"}


def test_hostile_text_is_visible(hostile_html: Path) -> None:
    text = parser.fromstring(hostile_html.read_bytes()).text_content()
    for shown in (
        "<script>window.pwned=1</script>",
        "⟨U+202E⟩exe.gpj",
        "⟨U+001B⟩[31m",
        "⟨U+200B⟩",
        "⟨U+0000⟩null",
        "{{7*7}}",
    ):
        assert shown in text
    assert "⟨… 100,0" in text
    for hidden in "\u202e\u202a\u2066\u200b\u00ad\x1b\x07\u2028":
        assert hidden not in text


def test_an_audit_without_findings_keeps_every_section() -> None:
    page = parser.fromstring(FORMATS["html"].render(audit_of(0, complete=True), Options()))
    assert len(list(page.iter("h2"))) == 13
    assert text_of(page.find_class("statement")[0]) == "No exceptions noted by the rules that could be evaluated"
    text = text_of(page)
    assert "No gap is known" in text
    assert "No previous audit was given" in text
    assert "No rule that ran recorded a finding" in text


def test_an_own_template_replaces_one_block(tmp_path: Path) -> None:
    (tmp_path / "sections.j2").write_text(
        '{% extends "auditor/sections.j2" %}{% block glossary %}<p id="own">{{ r.title }}</p>{% endblock %}',
        encoding="utf-8",
    )
    (tmp_path / "en.toml").write_text('[titles]\nsummary = "In short"\n', encoding="utf-8")
    text = FORMATS["html"].render(audit_of(3), Options(templates=tmp_path)).decode()
    page = parser.fromstring(text)
    assert text_of(page.get_element_by_id("own")) == "Webex meeting compliance audit"
    assert text_of(next(page.iter("h2"))) == "1 In short"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            "{% extends 'auditor/sections.j2' %}\n{% block glossary %}{{ nothing }}{% endblock %}",
            "sections.j2:2: 'nothing' is undefined",
        ),
        ("{% extends 'auditor/sections.j2' %}\n{% block glossary %}{{ r.nothing }}{% endblock %}", "sections.j2:2"),
        ("{% if %}", "sections.j2:1"),
        ("{% include '../../pyproject.toml' %}", "../../pyproject.toml"),
        ("\n{% include 'nope.j2' %}", "sections.j2:2: the folders of templates hold no 'nope.j2'"),
        ("\n{{ 1 / 0 }}", "sections.j2:2: division by zero"),
        ("\n{{ 'a' + 1 }}", "sections.j2:2: can only concatenate str"),
        ("\n{{ [1]|map('nope')|list }}", "sections.j2:2: No filter named 'nope'"),
        ("{% macro deep() %}\n{{ deep() }}{% endmacro %}{{ deep() }}", "sections.j2:2: maximum recursion depth"),
        ("{{ r.__class__.__mro__ }}", "unsafe"),
    ],
)
def test_a_wrong_template_is_told_with_its_place(tmp_path: Path, template: str, message: str) -> None:
    (tmp_path / "sections.j2").write_text(template, encoding="utf-8")
    with pytest.raises(ReportError, match=re.escape(message)):
        FORMATS["html"].render(audit_of(1), Options(templates=tmp_path))


def test_a_template_in_another_encoding_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "sections.j2").write_bytes("{# one #}\n{# zwölf #}".encode("latin-1"))
    with pytest.raises(ReportError, match=re.escape(f"{tmp_path / 'sections.j2'}:2: file is not UTF-8")):
        FORMATS["html"].render(audit_of(1), Options(templates=tmp_path))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ('weekdays_short = ["Mo", "Di"]', "the entry 'weekdays_short' must be a list of 7 texts"),
        ('months_short = "Jan"', "the entry 'months_short' must be a list of 12 texts"),
        ("[severity]\nhigh = 5", "the entry 'severity.high' must be a text, or a table of one and other"),
        ('more = {one = "x"}', "the entry 'more' must be a text, or a table of one and other"),
        ('severity = "x"', "the entry 'severity' must be a table"),
        ('[titles]\nsumary = "x"', "unknown entry 'titles.sumary'; did you mean 'summary'?"),
        ('[title]\nsummary = "x"', "unknown entry 'title'; did you mean 'titles'?"),
        ('[more]\none = "x"\nmany = "y"', "the entry 'more' must be a text, or a table of one and other"),
        ('heading = "x"', "unknown entry 'heading'"),
        ('[list]\nwidth = "x"', "unknown entry 'list.width'"),
        ("[glossary.words]\nours = 5", "the entry 'glossary.words.ours' must be a text"),
    ],
)
def test_words_of_another_shape_are_told_with_their_entry(tmp_path: Path, entries: str, message: str) -> None:
    (tmp_path / "en.toml").write_text(entries, encoding="utf-8")
    with pytest.raises(ReportError, match=re.escape(f"en.toml: {message}")):
        FORMATS["html"].render(audit_of(1), Options(templates=tmp_path))


def test_a_template_of_ones_own_has_a_table_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text('[our_sign_off]\nheading = "Signed by the board"\n', encoding="utf-8")
    (tmp_path / "sections.j2").write_text(
        '{% extends "auditor/sections.j2" %}{% block glossary %}{{ r.say.our_sign_off.heading }}{% endblock %}',
        encoding="utf-8",
    )
    assert b"Signed by the board" in FORMATS["html"].render(audit_of(1), Options(templates=tmp_path))


def test_a_glossary_takes_words_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text('[glossary.words]\nquorum = "Enough people to decide"\n', encoding="utf-8")
    assert b"Enough people to decide" in FORMATS["html"].render(audit_of(1), Options(templates=tmp_path))


def test_an_entry_in_two_forms_may_become_one_and_the_other_way_round(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text(
        'more = {one = "and one more", other = "and {n} more"}\n[titles]\nsummary = "Kurz"\n', encoding="utf-8"
    )
    assert b"Kurz" in FORMATS["html"].render(audit_of(1), Options(templates=tmp_path))


def test_branding_comes_from_the_settings() -> None:
    logo = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
    look = ReportSettings(title="Quarterly review", organisation="Example Ltd", accent="#5b1236", logo=logo)
    text = FORMATS["html"].render(audit_of(1, report=look), Options()).decode()
    assert "Quarterly review" in text
    assert "--accent: #5b1236" in text
    assert f'src="{logo}"' in text.replace("&#43;", "+")


@pytest.mark.parametrize(
    ("look", "message"),
    [
        (ReportSettings(accent="red;}"), "a colour such as"),
        (ReportSettings(accent="#ffee00"), "too light on white"),
        (ReportSettings(logo="https://example.com/x.png"), "no PNG or SVG"),
        (ReportSettings(timezone="Mars/Olympus"), "no time zone"),
    ],
)
def test_branding_that_cannot_be_used_is_refused(look: ReportSettings, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FORMATS["html"].render(audit_of(1, report=look), Options())


def test_times_are_printed_in_the_zone_of_the_report() -> None:
    text = FORMATS["html"].render(audit_of(3, report=ReportSettings(timezone="Europe/Berlin")), Options()).decode()
    assert "from 2026-08-31 02:00:00 +02:00 up to but not including 2026-09-28 02:00:00 +02:00" in text
