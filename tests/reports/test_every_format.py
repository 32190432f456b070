"""Every format: no text of strangers hides, moves, runs or reaches further; no redacted output holds an original."""

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import polars as pl
import pytest
from lxml import etree

from auditor.model.audit import Audit
from auditor.reports.audit_json import load
from auditor.reports.formats import FORMATS, Options
from auditor.reports.redaction import redacted
from auditor.reports.text import visible
from tests.reports.audit_factory import audit_of
from tests.reports.hostile import ALL
from tests.reports.test_redaction import KEY, originals

RAW = ("json", "ndjson")
WORDED = ("csv", "sarif", "junit", "ocsf", "oscal", "md")
csv.field_size_limit(1_000_000)
UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\u2800\u3164\ufeff\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)


def rendered(audit: Audit) -> dict[str, str]:
    """The audit in every format of text that this looks at."""
    return {name: FORMATS[name].render(audit, Options()).decode("utf-8-sig") for name in (*RAW, *WORDED)}


@pytest.fixture(scope="module")
def plain() -> list[str]:
    """The tags of JUnit where no text is hostile."""
    return [one.tag for one in etree.fromstring(FORMATS["junit"].render(audit_of(4), Options())).iter()]


def texts(value: object) -> Iterator[str]:
    """Every text of a JSON document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


@pytest.mark.slow
@pytest.mark.parametrize("text", ALL, ids=[f"{index:03}" for index in range(len(ALL))])
def test_no_text_in_any_field_hides_moves_or_breaks_anything(text: str, plain: list[str]) -> None:
    audit = audit_of(4, hostile=(text,))
    held = rendered(audit)
    seen = visible(text, cap=len(text) + 1)
    for name, written in held.items():
        assert UNSEEN.search(written) is None, name
        if name not in {"csv", "md", "junit"}:
            assert written.splitlines() == written.split("\n")[:-1], name
        for line in written.splitlines():
            assert not line.startswith(("::", "##")) or name == "md", name
    same = load(held["json"].encode()) == audit
    assert same
    rows = list(csv.reader(io.StringIO(held["csv"], newline="")))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows) == len(audit.findings) + 1
    assert not [cell for row in rows for cell in row if cell[:1] in set("=+@\t\r\n＝＋－＠") or re.match(r"-\D", cell)]
    assert any(seen in cell for row in rows for cell in row)
    lines = [json.loads(line) for line in held["ndjson"].split("\n")[:-1]]
    assert [one["fingerprint"] for one in lines] == [one.fingerprint for one in audit.findings]
    for name in ("sarif", "oscal"):
        told = list(texts(json.loads(held[name])))
        assert any(visible(text, cap=100_000)[:1_000] in one for one in told), name
    assert [one.tag for one in etree.fromstring(held["junit"].encode()).iter()] == plain
    frame = pl.read_parquet(io.BytesIO(FORMATS["parquet"].render(audit, Options())))
    whole = text.encode("utf-8", "replace").decode()
    assert all(subject.startswith(whole) for subject in frame["subject"])


def squeezed(text: str) -> str:
    return "".join(text.split())


def in_the_pdf(path: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    done = subprocess.run(["pdftotext", "-raw", path, "-"], check=True, capture_output=True)
    return squeezed(done.stdout.decode())


def everything_in(path: Path) -> bytes:
    """All streams, texts and names of a PDF, unpacked."""
    held = []
    with pikepdf.open(path) as document:
        for thing in document.objects:
            if isinstance(thing, pikepdf.Stream):
                held.append(thing.read_bytes() if "/Filter" not in thing or thing.Filter != "/DCTDecode" else b"")
            held.append(thing.unparse())
        with document.open_metadata() as metadata:
            held.append(str(metadata).encode())
        held.append(repr({key: str(value) for key, value in document.docinfo.items()}).encode())
    return b"\n".join(held)


def texts_of(audit: Audit) -> Iterator[str]:
    """What the findings of the audit say, and who waived them."""
    for finding in audit.findings:
        yield finding.message
        yield finding.subject
        yield from (value for value in finding.evidence.values() if isinstance(value, str))
    for state in audit.waivers:
        yield from (state.waiver.reason, state.waiver.owner, state.waiver.ticket or "")


@pytest.mark.slow
def test_the_pdf_shows_all_of_every_text(hostile_audit: Audit, hostile_pdf: Path) -> None:
    shown = in_the_pdf(hostile_pdf)
    fields = "\0".join(texts_of(hostile_audit))
    written = [text for text in ALL if f"\0{text}" in fields]
    assert len(written) >= 100
    leftward = re.compile("[\u0590-\u08ff]")
    marked = re.compile("[\u0300-\u036f]|[\U0001f000-\U0001ffff]|[\U000e0000-\U000e0fff]|[Ａ-Ｚ＝ⅰⅴ]")
    for text in written:
        said = squeezed(visible(text, cap=80).partition("⟨… ")[0])
        if not leftward.search(said) and not marked.search(said):
            assert said in shown, text[:50]


@pytest.mark.slow
def test_no_redacted_output_holds_an_original(tmp_path: Path) -> None:
    audit = audit_of(60)
    shown = redacted(audit, key=KEY, repeatable=True)
    wanted = {text for text in originals(audit) if len(text) > 3} - {"ip_network", "false", "a1b2c3_I_100"}
    assert len(wanted) > 200
    for name in FORMATS:
        content = FORMATS[name].render(shown, Options())
        if name == "pdf":
            path = tmp_path / "redacted.pdf"
            path.write_bytes(content)
            told = in_the_pdf(path) + squeezed(everything_in(path).decode("utf-8", "replace"))
            told += squeezed(everything_in(path).decode("utf-16-be", "replace"))
            assert [original for original in wanted if squeezed(original) in told] == []
        elif name == "parquet":
            frame = pl.read_parquet(io.BytesIO(content))
            told = json.dumps(frame.with_columns(pl.col("observed_at").cast(str)).to_dicts(), default=str)
            assert [original for original in wanted if original in told] == []
        else:
            assert [original for original in wanted if original in content.decode()] == [], name
