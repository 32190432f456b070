"""Whether a PDF report is what it says: its signatures, its attachments, and that they render to this report."""

from __future__ import annotations

import csv as csv_reader
import io
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import AuditorError, ReportError
from auditor.frozen import dataclass
from auditor.model.audit import Audit
from auditor.reports import audit_json, csv
from auditor.reports.pdf_file import File, files, font_names, page_texts, quiet, read, reading, variant
from auditor.reports.revisions import additions, visible_fields
from auditor.reports.signatures import signatures, trust
from auditor.reports.text import visible
from auditor.reports.view.appendix import Attached
from auditor.version import VERSION
from auditor.words import counted

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader

AUDIT, FINDINGS = "audit.json", "findings.csv"
_MADE_WITH = re.compile(r"WeasyPrint([\d.]+),Pango([\d.]+),zlib([\d.]+)")
_MOST_FACTS = 1000
_NEAR = 24


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: `held` is None when there was nothing to judge, or no way to."""

    name: str
    held: bool | None
    words: str


def verified(pdf: bytes, *, roots: Path | None, render: Callable[[Audit, str], bytes]) -> tuple[Check, ...]:
    """What was checked, in this order: signatures, attachments, `audit.json`, `findings.csv`, the rendering.

    `roots` is a file of root certificates; who names one expects a signature that leads there. `render` makes the
    PDF of an audit in a variant. Raises `ReportError` for a file that is no PDF of this program.
    """
    with quiet():
        return tuple(_checks(pdf, roots=roots, render=render))


def _checks(pdf: bytes, *, roots: Path | None, render: Callable[[Audit, str], bytes]) -> Iterator[Check]:
    reader = read(pdf)
    found = files(reader)
    held = {file.name: file for file in found}
    if AUDIT not in held and FINDINGS not in held:
        raise ReportError(f"the PDF is no report of auditor: {AUDIT} is not attached")
    check, audit = _loaded(held.get(AUDIT))
    yield from _signatures(reader, roots)
    yield from _attachments(found)
    yield check
    if audit is not None:
        yield _findings(held.get(FINDINGS), audit)
        yield _rendering(pdf, reader, audit, render)


def _signatures(reader: PdfFileReader, roots: Path | None) -> Iterator[Check]:
    trusted = None if roots is None else trust(roots)
    try:
        found = signatures(reader, trusted=trusted)
    except ReportError as error:
        yield Check("signature", held=False, words=str(error))
        return
    if not found and roots is not None:
        yield Check("signature", held=False, words="none, where one that leads to the named roots was expected")
    elif not found:
        yield Check("signature", None, "none; the report is not signed")
    for one in found:
        at = f", {one.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC by its own clock" if one.at is not None else ""
        if one.trouble:
            yield Check("signature", held=False, words=f"{one.signer}{at}: {one.trouble}")
        elif one.distrust:
            yield Check("signature", held=False, words=f"{one.signer}{at}: valid, but not trusted: {one.distrust}")
        else:
            trusts = "trusted" if one.distrust == "" else "not judged for trust (--trust ROOTS.pem)"
            yield Check("signature", held=True, words=f"{one.signer}{at}: valid, {trusts}")


def _attachments(found: Sequence[File]) -> Iterator[Check]:
    names = [file.name for file in found]
    for file in found:
        known = file.name in {AUDIT, FINDINGS}
        if file.data is None:
            yield Check("attached", held=False, words=f"{visible(file.name)}: {file.trouble}")
        elif known and names.count(file.name) > 1:
            yield Check("attached", held=False, words=f"{file.name}: more than one file has this name")
        else:
            shown = Attached(file.name, file.data, "", "")
            words = f"{visible(file.name)}, {len(file.data):,} bytes, SHA-256 {shown.sha256}"
            yield Check("attached", held=known or None, words=words)
    for name in (AUDIT, FINDINGS):
        if name not in names:
            yield Check("attached", held=False, words=f"{name}: missing")


def _loaded(file: File | None) -> tuple[Check, Audit | None]:
    """The audit of the attachment, and whether its bytes are those this version writes."""
    if file is None or file.data is None:
        return Check(AUDIT, None, "not looked at, for it cannot be had"), None
    try:
        with reading("it"):
            audit = audit_json.load(file.data)
            same = audit_json.render(audit) == file.data
    except AuditorError as error:
        return Check(AUDIT, held=False, words=f"does not load: {visible(str(error))}"), None
    made, findings = audit.identity.auditor_version, counted(len(audit.findings), "finding")
    words = f"audit {visible(audit.identity.id)}, {findings}, made by auditor {visible(made)}"
    if same:
        return Check(AUDIT, held=True, words=words), audit
    words = f"{words}: auditor {VERSION} writes it in other bytes"
    return Check(AUDIT, held=False if made == VERSION else None, words=words), audit


def _findings(file: File | None, audit: Audit) -> Check:
    """Whether the attached table is the audit's; another version may write it otherwise, with equal findings."""
    if file is None or file.data is None:
        return Check(FINDINGS, None, "not looked at, for it cannot be had")
    with reading(FINDINGS):
        if file.data == csv.render(audit):
            return Check(FINDINGS, held=True, words=f"what {AUDIT} renders to")
    listed = _fingerprints(file.data)
    if audit.identity.auditor_version != VERSION and listed == [one.fingerprint for one in audit.findings]:
        return Check(FINDINGS, held=True, words=f"the findings of {AUDIT}, as another version of auditor writes them")
    return Check(FINDINGS, held=False, words=f"not what {AUDIT} renders to")


def _fingerprints(data: bytes) -> list[str] | None:
    try:
        return [row[0] for row in csv_reader.reader(io.StringIO(data.decode("utf-8-sig"), newline="")) if row][1:]
    except (ValueError, csv_reader.Error):
        return None


def _rendering(pdf: bytes, reader: PdfFileReader, audit: Audit, render: Callable[[Audit, str], bytes]) -> Check:
    try:
        with reading(AUDIT):
            expected = render(audit, variant(reader))
        with reading("the PDF"):
            return compared(pdf, expected, audit)
    except AuditorError as error:
        return Check("rendering", held=False, words=visible(str(error)))


def compared(pdf: bytes, expected: bytes, audit: Audit) -> Check:
    """Whether the PDF is `expected`, the audit rendered here: byte by byte, and else by its words.

    Other bytes are no fault where other versions or fonts made them; then the text must be the same, or at least
    hold what the audit says.
    """
    reader = read(pdf)
    if pdf == expected:
        return _told(f"{AUDIT} renders to this report, byte for byte", held=True)
    if pdf.startswith(expected):
        return _appended(reader, expected)
    here, there = read(expected), page_texts(reader)
    ours, theirs = "".join(page_texts(here)), "".join(there)
    makers = _makers(ours, VERSION), _makers(theirs, audit.identity.auditor_version)
    fonts = font_names(here) == font_names(reader)
    same = _MADE_WITH.sub("", ours) == _MADE_WITH.sub("", theirs)
    text = f"the text of its {counted(len(there), 'page')} is the same" if same else _first_difference(ours, theirs)
    if makers[0] == makers[1] and fonts:
        return _told(f"{AUDIT} renders to other bytes with the same versions and fonts; {text}", held=False)
    why = f"made by {makers[1]}, here {makers[0]}" if makers[0] != makers[1] else "fonts differ from those here"
    if same:
        return _told(f"{AUDIT} renders to other bytes here ({why}); {text}", held=True)
    lost = [fact for fact in _facts(audit) if fact in ours and fact not in theirs]
    if lost:
        return _told(f"the pages do not say what {AUDIT} says, first: “{visible(lost[0])}” ({why})", held=False)
    return _told(f"not comparable byte by byte ({why}); the pages hold what {AUDIT} says, but {text}", held=None)


def _told(words: str, *, held: bool | None) -> Check:
    return Check("rendering", held, words)


def _appended(reader: PdfFileReader, expected: bytes) -> Check:
    """Of a report with more behind it: whether that is signatures alone."""
    changed = additions(reader, expected)
    if changed:
        return _told(f"{AUDIT} renders to the first part of the file, after which {', '.join(changed[:5])}", held=False)
    if not reader.embedded_signatures:
        return _told(f"{AUDIT} renders to the first part of the file; what follows is no signature", held=False)
    seen = visible_fields(reader)
    note = f"; look at the {seen} signature fields that can be seen on its pages" if seen else ""
    return _told(f"{AUDIT} renders to this report, byte for byte up to its signature{note}", held=True)


def _makers(text: str, version: str) -> str:
    found = _MADE_WITH.search(text)
    libraries = f", WeasyPrint {found[1]}, Pango {found[2]}, zlib {found[3]}" if found else ""
    return f"auditor {visible(version)}{libraries}"


def _first_difference(ours: str, theirs: str) -> str:
    at = next((at for at, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    said, says = visible(theirs[at : at + _NEAR]), visible(ours[at : at + _NEAR])
    return f"the text differs, first where it says “{said}” and here “{says}”"


def _facts(audit: Audit) -> Iterator[str]:
    """What every rendering of the audit says in its pages, without spaces."""
    who = audit.identity
    stated = [who.id, who.evidence_head, who.rules_digest, who.config_digest]
    stated += [rule.title for rule in audit.rules]
    stated += [finding.message for finding in audit.findings[:_MOST_FACTS]]
    return ("".join(visible(text).split()) for text in stated)
