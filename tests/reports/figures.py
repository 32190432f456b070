"""Whether the figures of an HTML report agree, with the audit and among themselves."""

import json

from lxml import html as parser

from auditor.model.audit import Audit


def text_of(element: parser.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def every_figure_reconciles(page: parser.HtmlElement, audit: Audit) -> None:
    """Holds every figure of the report against the audit and against each other."""
    counts = audit.summary
    figures = [text_of(value) for value in page.find_class("figures")[0].find_class("value")]
    assert figures[1] == str(counts.open)
    assert figures[3] == str(counts.waived)
    rows = {text_of(row[0]): [text_of(cell) for cell in row[1:]] for row in page.find_class("summary")[0].iter("tr")}
    assert {name: rows[name][0] for name in counts.by_severity} == {
        n.value: str(c) for n, c in counts.by_severity.items()
    }
    assert rows["All severities"][0] == str(counts.open) == str(sum(counts.by_severity.values()))
    bars = [text_of(bar) for bar in page.find_class("summary")[0].iter("text")][1::2]
    assert bars == [str(count) for count in counts.by_severity.values()]
    strips = [[int(text_of(v).replace(",", "")) for v in strip.iter("dd")] for strip in page.find_class("strip")]
    assert sum(strip[1] for strip in strips) == counts.findings
    assert sum(strip[2] for strip in strips) == counts.open
    assert sum(strip[3] for strip in strips) == counts.waived
    heat = next(t for t in page.iter("table") if text_of(t[0]) == "Findings by weekday and hour")
    assert sum(int(text_of(row[1])) for row in heat.find("tbody")) == counts.findings
    days = next(t for t in page.iter("table") if text_of(t[0]) == "Findings per day")
    assert sum(int(text_of(cell)) for cell in days.find("tbody").iter("td") if text_of(cell) != "—") == counts.findings
    data = json.loads(page.get_element_by_id("data").text)
    assert len(data["message"]) == len(audit.findings)
    assert sum(waiver >= 0 for waiver in data["waiver"]) == counts.waived
    sentence = text_of(page.find_class("sentence")[0])
    assert (
        f"{counts.findings} findings were recorded, {counts.open} of them open and {counts.waived} waived" in sentence
    )
