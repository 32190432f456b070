"""The PDF report: archival, tagged, complete, closed, and the same bytes every time."""

import base64
import io
import os
import re
import shutil
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from weasyprint import HTML

from auditor.errors import ConfigError, ReportError
from auditor.model.audit import Audit, ReportSettings
from auditor.reports.formats import FORMATS, Options
from auditor.reports.markup import tree
from auditor.reports.settled import said
from auditor.reports.view.findings import CARDS
from auditor.resources import resource
from tests.reports.audit_factory import audit_of


def run(*command: str | Path) -> str:
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


SENTENCE = "Quarterly review of meetings held by treasury, settlement and correspondent banking departments " * 3
LONG = {
    "ordinary": ReportSettings(organisation="ACME Bank", prepared_for="Board", classification="Confidential"),
    "title": ReportSettings(title=SENTENCE[:200], organisation="ACME Bank", classification="Confidential"),
    "capitals": ReportSettings(*[SENTENCE[:200].upper()] * 4),
    "as much as stays short": ReportSettings("W" * 80, "W" * 60, "W" * 80, "W" * 40),
    "one wide word": ReportSettings(*["W" * 2_000] * 4),
}


@pytest.mark.parametrize("kind", LONG)
@pytest.mark.parametrize("sites", [2, 40])
def test_nothing_on_a_cover_lies_over_anything_else(tmp_path: Path, kind: str, sites: int) -> None:
    audit = replace(audit_of(3, report=LONG[kind]), redacted=True)
    # sections that say nothing on the cover and take time to lay out
    audit = replace(audit, frameworks=(), waivers=(), resolved=(), rules_not_run=(), cited=(), notes=())
    audit = replace(audit, coverage=replace(audit.coverage, tables={}))
    if sites > 2:
        names = tuple(f"meetings-of-department-{number}.webex.com" for number in range(sites))
        audit = replace(audit, identity=replace(audit.identity, sites=names))
    (tmp_path / "cover.pdf").write_bytes(FORMATS["pdf"].render(audit, Options()))
    text = run("pdftotext", "-bbox", "-l", "3", tmp_path / "cover.pdf", "-")
    for page in text.split("<page ")[1:]:
        words = [
            [float(side) for side in found]
            for found in re.findall(r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)"', page)
        ]
        assert all(left > 0 and top > 0 and right < 596 and bottom < 842 for left, top, right, bottom in words)
        # lines of a paragraph may touch with their ascenders, so the middle of each word is what must be free
        boxes = [
            (left, top + (bottom - top) / 4, right, bottom - (bottom - top) / 4) for left, top, right, bottom in words
        ]
        for n, one in enumerate(boxes):
            for other in boxes[n + 1 :]:
                assert min(one[2], other[2]) - max(one[0], other[0]) < 1 or min(one[3], other[3]) <= max(
                    one[1], other[1]
                )


@pytest.mark.slow
def test_qpdf_finds_nothing_wrong(pdf: Path) -> None:
    assert "No syntax or stream encoding errors" in run("qpdf", "--check", pdf)


def test_every_font_is_embedded(pdf: Path) -> None:
    lines = run("pdffonts", pdf).splitlines()[2:]
    assert lines
    assert all(re.search(r"\s(yes|no)\s+(yes|no)\s+(yes|no)\s", line)[1] == "yes" for line in lines)  # type: ignore[index] - asserted by the match
    assert {line.split("+")[1].split()[0] for line in lines} >= {"Inter", "Inter-Semi-Bold"}


def test_it_is_tagged_titled_and_bookmarked(pdf: Path) -> None:
    with pikepdf.open(pdf) as document:
        assert str(document.Root.Lang) == "en"
        assert document.Root.MarkInfo.Marked
        assert "/StructTreeRoot" in document.Root
        with document.open_metadata() as metadata:
            assert metadata["pdfaid:part"] == "3"
            assert metadata["pdfaid:conformance"] == "A"
            assert metadata["dc:title"] == "Webex meeting compliance audit"
        assert str(document.docinfo["/Author"]) == "ACME Bank"
        assert str(document.docinfo["/CreationDate"]).startswith("D:20260929060000")
        with document.open_outline() as outline:
            titles = [str(entry.title) for entry in outline.root]
    assert titles[:3] == ["Contents", "1 Executive summary", "2 Scope, period, population and method"]
    assert titles[-1] == "C Glossary"


def test_the_attachments_are_the_files_written_beside_it(pdf: Path, small: Audit) -> None:
    with pikepdf.open(pdf) as document:
        relations = {str(spec.UF): str(spec.AFRelationship) for spec in document.Root.AF}
        held = {name: document.attachments[name].get_file().read_bytes() for name in document.attachments}
    assert relations == {"audit.json": "/Source", "findings.csv": "/Data"}
    assert held == {
        "audit.json": FORMATS["json"].render(small, Options()),
        "findings.csv": FORMATS["csv"].render(small, Options()),
    }


def test_text_comes_out_in_reading_order(pdf: Path, small: Audit) -> None:
    text = " ".join(run("pdftotext", "-raw", pdf, "-").split())
    places = [text.find(finding.fingerprint[:12]) for finding in small.findings]
    assert -1 not in places
    assert places == sorted(places)
    titles = ["Executive summary", "Data completeness and gaps", "Control matrix", "Sign-off", "Glossary"]
    starts = [text.rindex(title) for title in titles]
    assert starts == sorted(starts)


@pytest.mark.slow
def test_hostile_text_is_shown_and_does_nothing(hostile_pdf: Path) -> None:
    with pikepdf.open(hostile_pdf) as document:
        addresses = set()
        for thing in document.objects:
            if isinstance(thing, pikepdf.Dictionary):
                assert "/JS" not in thing
                assert thing.get("/S") not in ("/JavaScript", "/Launch", "/SubmitForm", "/ImportData")
                if "/URI" in thing:
                    addresses.add(str(thing.URI))
        assert set(document.attachments) == {"audit.json", "findings.csv"}
    assert all(address.startswith(("https://", "http://", "mailto:")) for address in addresses)
    text = " ".join(run("pdftotext", "-raw", hostile_pdf, "-").split())
    for shown in ("<script>window.pwned=1</script>", "⟨U+202E⟩", "{{7*7}}", "100,0"):
        assert shown in text
    assert "root:" not in text


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        '<img src="https://evil.example/x.png">',
        '<img src="file:///etc/passwd">',
        '<link rel="stylesheet" href="https://evil.example/x.css">',
        '<object data="https://evil.example/x"></object>',
        "<style>@import url(https://evil.example/x.css);</style>",
    ],
)
def test_a_template_cannot_fetch_anything(tmp_path: Path, part: str) -> None:
    (tmp_path / "report.pdf.j2").write_text(f"<!doctype html><title>x</title>{part}", encoding="utf-8")
    with pytest.raises(ReportError, match="not packaged"):
        FORMATS["pdf"].render(audit_of(1), Options(templates=tmp_path))


def png() -> bytes:
    """A grey point."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    head = chunk(b"IHDR", (1).to_bytes(4) * 2 + bytes([8, 0, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0\x80")) + chunk(b"IEND", b"")


def with_logo(kind: str, content: bytes) -> Audit:
    return audit_of(0, report=ReportSettings(logo=f"data:image/{kind};base64,{base64.b64encode(content).decode()}"))


@pytest.mark.parametrize(
    ("kind", "content", "told"),
    [
        ("png", b"\x89PNG\r\n\x1a\n rest", "the PNG ends too early"),
        ("png", png()[:-1], "the PNG ends too early"),
        ("png", png().replace(b"IHDR\0\0\0\1", b"IHDR\0\0\0\2"), "the PNG is damaged at byte 8"),
        ("png", b"JFIF", "the PNG does not begin as one"),
        ("svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"><rect', "the SVG is damaged: unclosed token"),
    ],
)
def test_a_damaged_logo_is_told_and_not_left_out(kind: str, content: bytes, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        FORMATS["pdf"].render(with_logo(kind, content), Options())


def test_a_logo_that_is_no_base64_is_told() -> None:
    with pytest.raises(ConfigError, match=r"report\.logo is no base64"):
        FORMATS["pdf"].render(audit_of(0, report=ReportSettings(logo="data:image/png;base64,abc")), Options())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "content"), [("png", png()), ("svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"/>')]
)
def test_a_whole_logo_is_printed(kind: str, content: bytes) -> None:
    assert FORMATS["pdf"].render(with_logo(kind, content), Options()).startswith(b"%PDF")


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", ['<link rel="attachment" href="file:///etc/passwd">', '<svg><image href="file:///etc/passwd"/></svg>']
)
def test_what_a_template_asks_for_on_the_side_is_left_out(tmp_path: Path, part: str) -> None:
    (tmp_path / "report.pdf.j2").write_text(f"<!doctype html><title>x</title>{part}", encoding="utf-8")
    path = tmp_path / "out.pdf"
    path.write_bytes(FORMATS["pdf"].render(audit_of(1), Options(templates=tmp_path)))
    with pikepdf.open(path) as document:
        assert set(document.attachments) == {"audit.json", "findings.csv"}
        assert not [
            thing for thing in document.objects if isinstance(thing, pikepdf.Stream) and b"root:" in thing.read_bytes()
        ]


@pytest.mark.slow
def test_the_variant_for_readers_is_marked_as_such() -> None:
    told: list[str] = []
    written = FORMATS["pdf"].render(audit_of(0), Options(variant="pdf/ua-1", tell=told.append))
    with pikepdf.open(io.BytesIO(written)) as document, document.open_metadata() as metadata:
        assert metadata["pdfuaid:part"] == "1"
    assert any(re.search(r"\d+ pages", line) for line in told)
    with pytest.raises(ConfigError, match="one of pdf/a-3a, pdf/ua-1"):
        FORMATS["pdf"].render(audit_of(1), Options(variant="pdf/x-4"))


@pytest.mark.slow
def test_a_cap_changes_no_count_and_says_so(tmp_path: Path) -> None:
    audit = audit_of(30, report=ReportSettings(max_findings_per_rule=CARDS + 1))
    path = tmp_path / "capped.pdf"
    path.write_bytes(FORMATS["pdf"].render(audit, Options()))
    text = " ".join(run("pdftotext", "-raw", path, "-").split())
    shown = sum(finding.fingerprint[:12] in text for finding in audit.findings)
    most = max(rule.findings for rule in audit.rules)
    assert most > CARDS + 1
    assert shown < len(audit.findings)
    assert f"Showing {CARDS + 1} of {most} findings of this rule; all are in findings.csv, attached, SHA-256" in text
    assert "30 findings were recorded" in text
    with pikepdf.open(path) as document:
        lines = document.attachments["findings.csv"].get_file().read_bytes().count(b"\r\n")
    assert lines == 31


SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
from auditor.reports.audit_json import load
from auditor.reports.formats import FORMATS, Options
from auditor.reports.markup import tree
audit = load(Path(sys.argv[1]).read_bytes())
for name in ("html", "pdf", "json", "csv", "md"):
    Path(sys.argv[2], name).write_bytes(FORMATS[name].render(audit, Options()))
"""


@pytest.mark.slow
def test_the_same_audit_gives_the_same_bytes_anywhere(tmp_path: Path, pdf: Path, small: Audit) -> None:
    saved = tmp_path / "audit.json"
    saved.write_bytes(FORMATS["json"].render(small, Options()))
    folder = tmp_path / "elsewhere" / "out"
    folder.mkdir(parents=True)
    subprocess.run(
        [sys.executable, "-c", SCRIPT, str(saved), str(folder)],
        check=True,
        cwd=folder,
        env={**os.environ, "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7", "LANG": "C", "LC_ALL": "C"},
    )
    assert (folder / "pdf").read_bytes() == pdf.read_bytes()
    for name in ("html", "json", "csv", "md"):
        assert (folder / name).read_bytes() == FORMATS[name].render(small, Options())


@pytest.mark.slow
def test_templates_read_as_xml_and_as_html_give_the_same_bytes(
    hostile_pdf: Path, hostile_audit: Audit, tmp_path: Path
) -> None:
    """An own folder of templates, though empty, is read by the HTML parser."""
    assert FORMATS["pdf"].render(hostile_audit, Options(templates=tmp_path)) == hostile_pdf.read_bytes()


def test_a_document_that_is_no_xml_is_left_to_the_html_parser() -> None:
    assert tree("<!doctype html><html><body><p>one<p>two</body></html>") is None
    assert tree("<html>&nbsp;</html>") is None
    assert tree("<html>\ud800</html>") is None


def test_the_base_sheet_knows_every_element_that_has_a_look_of_its_own() -> None:
    """WeasyPrint's own sheet stands behind own templates, and its rules for these elements behind the packaged ones."""
    folder = resource("report_templates")
    text = "".join((folder / f"{name}.j2").read_text(encoding="utf-8") for name in ("report.pdf", "sections", "macros"))
    used = set(re.findall(r"<([a-z][a-z0-9]*)", text)) - {"bdi", "span", "a", "svg"}
    sheet = (folder / "base.css").read_text(encoding="utf-8")
    known = set(re.findall(r"[a-z][a-z0-9]*", re.sub(r"\{[^}]*\}|/\*.*?\*/", "", sheet, flags=re.DOTALL)))
    assert used
    assert used <= known


def test_every_object_is_worded_as_the_library_words_it() -> None:
    seen = []

    def look(document: object, pdf: Any) -> None:
        del document
        seen.extend((said(drawn), drawn.data) for drawn in pdf.objects if drawn.free != "f" and drawn.compressible)

    text = '<html lang="en"><title>x</title><h1 id="a">Zwölf (\\)</h1><p>0.5 <a href="#a">two</a></p></html>'
    HTML(string=text).write_pdf(pdf_variant="pdf/ua-1", finisher=look)
    assert len(seen) > 15
    assert [ours for ours, _ in seen] == [theirs for _, theirs in seen]
    assert [said(number) for number in (0.5, 2.0, -0.25, 7, -1)] == [b"0.5", b"2", b"-0.25", b"7", b"-1"]


def test_streams_are_packed_once_and_whole(pdf: Path) -> None:
    with pikepdf.open(pdf) as document:
        streams = [item for item in document.objects if isinstance(item, pikepdf.Stream)]
        assert streams
        assert {str(stream.get("/Filter")) for stream in streams} == {"/FlateDecode"}
        assert all(len(stream.read_bytes()) >= 0 for stream in streams)
