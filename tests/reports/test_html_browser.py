"""The HTML report in a browser: accessible, by keyboard, without a request, whatever the data say."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from auditor.model.audit import ReportSettings
from auditor.model.vocabulary import Severity, Verdict
from auditor.reports.formats import FORMATS, Options
from auditor.reports.templates import words
from auditor.reports.view.wording import wording
from tests.reports.audit_factory import audit_of

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """One page for all: a new one costs a second of a processor. `show` opens a document of its own in it."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module")
def scriptless(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(java_script_enabled=False)
    yield page
    page.close()


@pytest.fixture(scope="module")
def in_tokyo(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(timezone_id="Asia/Tokyo")
    yield page
    page.close()


@pytest.fixture
def opened(tab: Page, html: Path) -> Page:
    show(tab, html)
    return tab


def clear(
    page: Page, width: int = 1280, height: int = 800, scheme: str = "light", motion: str = "no-preference"
) -> None:
    """The page as a new one is: nothing in it, on a screen."""
    page.goto("about:blank")
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(media="null", color_scheme=scheme, reduced_motion=motion)  # type: ignore[arg-type] - literals


def show(page: Page, path: Path, fragment: str = "", **looks: Any) -> None:
    clear(page, **looks)
    page.goto(f"file://{path}{fragment}")
    page.wait_for_selector("html[data-ready]", timeout=20_000)


def violations(page: Page) -> list[str]:
    """What axe complains of, by all its rules."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(tab: Page, tmp_path: Path, scheme: str) -> None:
    path = tmp_path / "small.html"
    path.write_bytes(FORMATS["html"].render(audit_of(14), Options()))
    show(tab, path, scheme=scheme, motion="reduce")
    assert violations(tab) == []
    tab.fill("#q", "example")
    tab.select_option("#severity", "1")
    tab.wait_for_timeout(120)
    tab.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert violations(tab) == []
    tab.locator(".item").first.click()
    assert violations(tab) == []
    tab.keyboard.press("Escape")
    tab.fill("#q", "nobody is called this")
    tab.wait_for_timeout(120)
    assert tab.locator(".item").count() == 0
    assert violations(tab) == []
    tab.emulate_media(media="print")
    assert violations(tab) == []


@pytest.mark.parametrize("kind", ["empty", "not judged"])
def test_axe_finds_nothing_when_nothing_was_found_or_judged(tab: Page, tmp_path: Path, kind: str) -> None:
    audit = audit_of(0, complete=kind == "empty")
    if kind == "not judged":
        unknown = {"verdict": Verdict.NOT_EVALUATED, "reason": "no rows in the window"}
        audit = replace(audit, rules=tuple(replace(rule, **unknown) for rule in audit.rules))
    path = tmp_path / "nothing.html"
    path.write_bytes(FORMATS["html"].render(audit, Options()))
    for scheme in ("light", "dark"):
        clear(tab, scheme=scheme)
        tab.goto(f"file://{path}")
        assert violations(tab) == []


def test_every_action_works_by_keyboard(opened: Page) -> None:
    opened.keyboard.press("/")
    assert opened.evaluate("document.activeElement.id") == "q"
    opened.keyboard.type("telephone")
    opened.wait_for_timeout(150)
    matched = opened.inner_text("#matches")
    assert matched.endswith("of 240")
    assert not matched.startswith("240")
    opened.locator("#grid").focus()
    opened.keyboard.press("ArrowDown")
    opened.keyboard.press("ArrowDown")
    assert opened.locator(".item[aria-selected=true]").get_attribute("aria-rowindex") == "4"
    opened.keyboard.press("End")
    last = opened.locator(".item[aria-selected=true]")
    assert last.get_attribute("aria-rowindex") == opened.get_attribute("#grid", "aria-rowcount")
    opened.keyboard.press("Home")
    opened.keyboard.press("Enter")
    assert opened.locator("#detail").evaluate("d => d.open")
    assert "f=" in opened.url
    opened.keyboard.press("Escape")
    assert not opened.locator("#detail").evaluate("d => d.open")
    assert opened.evaluate("document.activeElement.id") == "grid"
    head = opened.locator("[data-sort=observed]")
    head.focus()
    opened.keyboard.press("Enter")
    assert head.locator("..").get_attribute("aria-sort") == "ascending"
    first = opened.locator(".item[aria-rowindex='2'] .c-observed").inner_text()
    opened.keyboard.press("Enter")
    assert head.locator("..").get_attribute("aria-sort") == "descending"
    assert first <= opened.locator(".item[aria-rowindex='2'] .c-observed").inner_text()
    opened.locator("#clear").focus()
    opened.keyboard.press("Enter")
    assert opened.inner_text("#matches") == "240 findings match of 240"


def test_each_sentence_of_a_detector_opens_its_finding(tab: Page, tmp_path: Path) -> None:
    audit = audit_of(300)
    last = [replace(one, severity=Severity.INFO) if one.rule_id == "NET-004" else one for one in audit.findings]
    audit = replace(audit, findings=tuple(sorted(last, key=lambda finding: finding.order)))
    path = tmp_path / "last.html"
    path.write_bytes(FORMATS["html"].render(audit, Options()))
    show(tab, path)
    links = tab.locator("[data-finding]")
    assert links.count() > 3
    message = links.last.inner_text()
    links.last.focus()
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#detail[open]")
    assert tab.inner_text("#detail-title") == message


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_names_of_tables_are_not_broken(tab: Page, html: Path, width: int) -> None:
    show(tab, html, width=width)
    names = tab.locator("table.grid tbody th.v-mono", has_text="participants")
    assert names.count() > 0
    lines = (
        "cells => cells.map(c => { const r = new Range(); r.selectNodeContents(c); return r.getClientRects().length; })"
    )
    assert names.evaluate_all(lines) == [1] * names.count()


def test_on_paper_all_details_are_open_without_the_script(scriptless: Page, html: Path) -> None:
    clear(scriptless)
    scriptless.goto(f"file://{html}")
    bodies = scriptless.locator("details.rule > .rule-body")
    assert bodies.count() > 0
    assert not bodies.first.is_visible()
    scriptless.emulate_media(media="print")
    assert all(body.is_visible() for body in bodies.all())


def test_marks_keep_their_shape_on_paper(opened: Page) -> None:
    opened.emulate_media(media="print")
    for mark in (".dot", ".verdict"):
        assert opened.locator(f"main {mark}").first.evaluate("e => getComputedStyle(e).printColorAdjust") == "exact"


def test_times_of_any_zone_are_whole_in_the_list(tab: Page, tmp_path: Path) -> None:
    path = tmp_path / "zone.html"
    audit = audit_of(14, report=ReportSettings(timezone="Pacific/Chatham"))
    path.write_bytes(FORMATS["html"].render(audit, Options()))
    show(tab, path)
    times = tab.locator(".item .c-observed")
    assert times.first.inner_text().endswith("+12:45")
    assert times.evaluate_all("(cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth).length") == 0


def test_filters_count_what_the_audit_holds(opened: Page) -> None:
    audit = audit_of(240)
    for word, value in (("critical", "0"), ("high", "1"), ("info", "4")):
        opened.select_option("#severity", value)
        wanted = sum(finding.severity == word for finding in audit.findings)
        assert opened.inner_text("#matches").startswith(f"{wanted} finding")
    opened.select_option("#severity", "")
    opened.select_option("#waived", "1")
    assert opened.inner_text("#matches").startswith(f"{audit.summary.waived} finding")
    opened.select_option("#waived", "")
    opened.select_option("#control", "soc2 CC6.6")
    wanted = sum(finding.rule_id == "ACC-003" for finding in audit.findings)
    assert opened.inner_text("#matches").startswith(f"{wanted} finding")


def test_a_link_brings_the_same_view_back(browser: Browser, opened: Page, html: Path) -> None:
    opened.select_option("#rule", label="ACC-001 Confidential meetings are attended by invited people only")
    opened.locator("[data-sort=subject]").click()
    opened.locator(".item").nth(1).click()
    title, matches = opened.inner_text("#detail-title"), opened.inner_text("#matches")
    address = opened.url
    again = browser.new_page()
    show(again, html, address[address.index("#") :])
    assert again.inner_text("#detail-title") == title
    assert again.inner_text("#matches") == matches
    again.close()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Pacific/Apia"])
def test_times_stand_in_the_zone_of_the_report(in_tokyo: Page, tmp_path: Path, zone: str) -> None:
    audit = audit_of(30)
    summer_ends = [datetime(2026, 10, 25, 0, 59, tzinfo=UTC) + timedelta(minutes=n) for n in range(30)]
    found = tuple(replace(one, observed_at=at) for one, at in zip(audit.findings, summer_ends, strict=True))
    audit = replace(audit, findings=found, report=replace(audit.report, timezone=zone))
    path = tmp_path / "zoned.html"
    path.write_bytes(FORMATS["html"].render(audit, Options()))
    show(in_tokyo, path, height=2_000)
    shown = in_tokyo.evaluate(
        "[...document.querySelectorAll('.item')].map((i) => i.querySelector('.c-observed').innerText)"
    )
    say = wording(words(None), zone)
    assert shown[:10] == [say.moment(one.observed_at) for one in found[: len(shown)]][:10]


def test_a_longer_search_finds_what_it_finds_alone(opened: Page) -> None:
    counts = {}
    for text in ("e", "ex", "exa", "exa b", "exa", "b", ""):
        opened.fill("#q", text)
        opened.wait_for_timeout(40)
        counts.setdefault(text, set()).add(opened.inner_text("#matches"))
    assert all(len(seen) == 1 for seen in counts.values())
    opened.reload()
    opened.wait_for_selector("html[data-ready]")
    opened.fill("#q", "exa b")
    opened.wait_for_timeout(40)
    assert {opened.inner_text("#matches")} == counts["exa b"]


def test_a_link_to_one_finding_opens_it(tab: Page, html: Path) -> None:
    finding = audit_of(240).findings[100]
    show(tab, html, f"#f-{finding.fingerprint[:20]}")
    assert tab.inner_text("#detail-title") == finding.message
    assert finding.fingerprint in tab.inner_text("#detail-body")


def test_hostile_text_runs_nothing_fetches_nothing_and_stays_text(browser: Browser, hostile_html: Path) -> None:
    context = browser.new_context()
    asked: list[str] = []
    complaints: list[str] = []
    context.route("**", lambda route: (asked.append(route.request.url), route.continue_()))
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    show(page, hostile_html)
    for number in range(0, 60, 12):
        page.evaluate(f"location.hash = '#all-findings'; document.getElementById('grid').scrollTop = {number} * 40")
        page.wait_for_timeout(20)
        page.locator(".item").first.click()
        page.keyboard.press("Escape")
    assert page.evaluate("window.pwned") is None
    assert [url for url in asked if not url.startswith("file:") or not url.split("#")[0].endswith("hostile.html")] == []
    assert complaints == []
    assert page.locator("script").count() == 1, "the data block is read and removed; ours is the only script"
    assert page.locator("iframe, object, embed, form[action], base, link, img").count() == 0
    assert page.locator("body [style]:not(.item):not(#body)").count() == 0
    assert chr(0x202E) not in page.content()
    context.close()


def test_the_policy_stops_scripts_and_requests_that_are_not_ours(opened: Page) -> None:
    opened.evaluate(
        """() => {
          window.stopped = [];
          addEventListener("securitypolicyviolation", (event) => window.stopped.push(event.violatedDirective));
          const script = document.createElement("script");
          script.textContent = "window.pwned = 1";
          document.body.append(script);
          const image = new Image();
          image.src = "https://evil.example/x.png";
          document.body.append(image);
          const part = document.createElement("p");
          part.setAttribute("style", "color: red");
          document.body.append(part);
        }"""
    )
    opened.wait_for_timeout(100)
    assert opened.evaluate("window.pwned") is None
    assert set(opened.evaluate("window.stopped")) == {"script-src-elem", "img-src", "style-src-attr"}


def test_without_script_the_first_findings_are_there_and_it_is_said(scriptless: Page, html: Path) -> None:
    clear(scriptless)
    scriptless.goto(f"file://{html}")
    assert scriptless.locator("#first tbody tr").count() == 200
    assert scriptless.locator("#first tbody tr").first.is_visible()
    assert not scriptless.locator("#list").is_visible()
    assert "only the first 200 of 240 findings" in scriptless.inner_text("noscript")


def test_print_has_everything_open_and_no_controls(opened: Page) -> None:
    opened.emulate_media(media="print")
    opened.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.locator("#first").is_visible()
    for part in ("#list", ".side", ".skip"):
        assert not opened.locator(part).is_visible()
    assert opened.locator("details:not([open])").count() == 0
    opened.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.locator("details[open]").count() == 0


@pytest.mark.parametrize("width", [320, 390, 768, 1366, 1920])
def test_only_tables_scroll_sideways(tab: Page, html: Path, width: int) -> None:
    show(tab, html, width=width, height=900)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_a_long_list_keeps_few_rows_in_the_document(tab: Page, tmp_path: Path) -> None:
    path = tmp_path / "long.html"
    path.write_bytes(FORMATS["html"].render(audit_of(5_000), Options()))
    show(tab, path)
    tab.locator("#grid").focus()
    tab.keyboard.press("End")
    tab.wait_for_timeout(60)
    assert tab.locator(".item").count() < 60
    assert tab.locator(".item[aria-selected=true]").get_attribute("aria-rowindex") == "5001"
