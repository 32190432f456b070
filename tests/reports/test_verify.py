"""Verifying: what was tampered with is told, what cannot be compared is said to be so, nothing hostile gets further."""

import io
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest
from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, StreamObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.signers import PdfSignatureMetadata, sign_pdf

from auditor.errors import AuditorError, ReportError
from auditor.model.audit import Audit
from auditor.reports import audit_json
from auditor.reports.pdf_file import font_names, page_texts, read
from auditor.reports.sign import Key, opened, signed
from auditor.reports.verify import Check, compared, verified
from tests.reports.keys import PASSPHRASE, key_file

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Made:
    audit: Audit
    pdf: bytes
    signed: bytes
    key: Key
    roots: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, three: Audit, three_pdf: Path) -> Made:
    audit, pdf = three, three_pdf.read_bytes()
    path = key_file(tmp_path_factory.mktemp("key"))
    key = opened(path, passphrase=PASSPHRASE.encode(), now=NOW)
    return Made(audit, pdf, signed(pdf, key), key, path.with_suffix(".pem"))


def looked_at(made: Made, pdf: bytes, *, roots: Path | None = None) -> tuple[Check, ...]:
    return verified(pdf, roots=roots, render=lambda _audit, _variant: made.pdf)


def bad(checks: tuple[Check, ...]) -> dict[str, str]:
    """The words of all failed checks of a name."""
    failed = [check for check in checks if check.held is False]
    return {one.name: "; ".join(check.words for check in failed if check.name == one.name) for one in failed}


def appended(pdf: bytes, change: Callable[[IncrementalPdfFileWriter], None], *, key: Key | None = None) -> bytes:
    """The PDF with a change appended, and signed once more in another field when a key is given."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    change(writer)
    out = io.BytesIO()
    if key is None:
        writer.write(out)
    else:
        sign_pdf(writer, PdfSignatureMetadata(field_name="other"), signer=key.signer, output=out)
    return out.getvalue()


def rewritten(pdf: bytes, change: Callable[[pikepdf.Pdf], None]) -> bytes:
    """The PDF written anew by another program, with a change."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened_pdf:
        change(opened_pdf)
        opened_pdf.save(out, static_id=True)
    return out.getvalue()


def nothing(_: object) -> None:
    """No change."""


def draw_over(writer: IncrementalPdfFileWriter) -> None:
    page = writer.root["/Pages"]["/Kids"][0]
    over = writer.add_object(StreamObject(stream_data=b"1 1 1 rg 0 0 600 900 re f"))
    page["/Contents"] = ArrayObject([page.raw_get("/Contents"), over])
    writer.update_container(page)


def lay_over(writer: IncrementalPdfFileWriter) -> None:
    page = writer.root["/Pages"]["/Kids"][0]
    note = {"/Type": NameObject("/Annot"), "/Subtype": NameObject("/Square"), "/Rect": box(10, 10, 500, 500)}
    page["/Annots"] = ArrayObject([writer.add_object(DictionaryObject(named(note)))])
    writer.update_container(page)


def act_when_opened(writer: IncrementalPdfFileWriter) -> None:
    action = {"/S": NameObject("/Named"), "/N": NameObject("/Print")}
    writer.root["/OpenAction"] = DictionaryObject(named(action))
    writer.update_root()


def replace_the_table(writer: IncrementalPdfFileWriter) -> None:
    specs = writer.root["/Names"]["/EmbeddedFiles"]["/Names"]
    stream = specs[3]["/EF"]["/F"]
    stream._data = b'"fingerprint"\r\n'
    stream._encoded_data = None
    writer.mark_update(specs[3]["/EF"].raw_get("/F"))


def retitle(writer: IncrementalPdfFileWriter) -> None:
    info = writer.trailer["/Info"]
    info["/Subject"] = info["/Producer"]
    writer.update_container(info)


def named(entries: dict) -> dict:
    return {NameObject(key): value for key, value in entries.items()}


def box(*numbers: int) -> ArrayObject:
    return ArrayObject(map(NumberObject, numbers))


def test_an_unsigned_report_is_no_failure(made: Made) -> None:
    checks = looked_at(made, made.pdf)
    assert not bad(checks)
    assert checks[0] == Check("signature", None, "none; the report is not signed")
    assert checks[-1] == Check("rendering", True, "audit.json renders to this report, byte for byte")


def test_attachments_are_listed_with_their_digests(made: Made) -> None:
    listed = [check.words for check in looked_at(made, made.pdf) if check.name == "attached"]
    for name, text in zip(("audit.json", "findings.csv"), listed, strict=True):
        assert text.startswith(f"{name}, ")
        assert len(text.rpartition("SHA-256 ")[2]) == 64


def test_a_signed_report_is_good_and_trusted_by_its_root(made: Made) -> None:
    checks = looked_at(made, made.signed, roots=made.roots)
    assert all(check.held for check in checks)
    assert checks[0].words.startswith("Common Name: Audit Office, 20")
    assert checks[0].words.endswith("by its own clock: valid, trusted")
    assert checks[-1].words == "audit.json renders to this report, byte for byte up to its signature"


def test_without_roots_trust_is_not_judged(made: Made) -> None:
    assert looked_at(made, made.signed)[0].words.endswith("valid, not judged for trust (--trust ROOTS.pem)")


def test_a_signature_of_somebody_else_is_not_trusted(made: Made, tmp_path: Path) -> None:
    other = key_file(tmp_path, name="Somebody Else").with_suffix(".pem")
    words = bad(looked_at(made, made.signed, roots=other))
    assert words["signature"].endswith("valid, but not trusted: its certificate leads to none of the roots")


def test_a_signature_that_was_taken_away_is_missed_by_who_expects_one(made: Made) -> None:
    assert made.signed.startswith(made.pdf)
    words = bad(looked_at(made, made.pdf, roots=made.roots))
    assert words == {"signature": "none, where one that leads to the named roots was expected"}


def test_a_second_signature_in_another_field_is_good(made: Made) -> None:
    checks = looked_at(made, appended(made.signed, nothing, key=made.key))
    assert not bad(checks)
    assert [check.name for check in checks].count("signature") == 2


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"%PDF-1.7", b"%PDF-1.6", "renders to other bytes with the same versions and fonts; the text of"),
        (b"/ViewerPreferences", b"/VIewerPreferences", "the catalogue's entry /ViewerPreferences was changed"),
    ],
)
def test_a_changed_byte_breaks_the_signature_and_the_rendering(made: Made, old: bytes, new: bytes, told: str) -> None:
    assert old in made.signed
    words = bad(looked_at(made, made.signed.replace(old, new, 1)))
    assert words["signature"].endswith("the signed bytes were changed")
    assert told in words["rendering"]


def test_bytes_hidden_behind_the_signature_are_told(made: Made) -> None:
    at = made.signed.rindex(b"0000>")
    words = bad(looked_at(made, made.signed[:at] + b"1234>" + made.signed[at + 5 :]))
    assert words["signature"].endswith("something is hidden behind it, where it does not cover the file")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (draw_over, "the entry /Contents of a page was changed"),
        (lay_over, "something was laid over a page"),
        (act_when_opened, "the catalogue's entry /OpenAction was changed"),
        (replace_the_table, "an object was replaced"),
        (retitle, "the entry /Subject of the information was changed"),
    ],
)
def test_what_is_slipped_in_with_a_signature_is_told(made: Made, change: Callable, told: str) -> None:
    words = bad(looked_at(made, appended(made.pdf, change, key=made.key)))
    assert "signature" not in words
    assert told in words["rendering"]


@pytest.mark.parametrize("change", [draw_over, lay_over, act_when_opened, replace_the_table])
def test_what_is_appended_to_a_signed_report_is_told_by_its_signature(made: Made, change: Callable) -> None:
    words = bad(looked_at(made, appended(made.signed, change)))
    assert "the report was changed after it: " in words["signature"]
    assert "rendering" in words


def test_bytes_behind_an_unsigned_report_are_told(made: Made) -> None:
    words = bad(looked_at(made, made.pdf + b"\n% more\n"))
    assert words["rendering"].endswith("the first part of the file, after which bytes stand that belong to nothing")
    words = bad(looked_at(made, made.signed + b"\n% more\n"))
    assert words["signature"].endswith("the report was changed after it: bytes stand that belong to nothing")
    assert not bad(looked_at(made, made.signed))


def test_another_document_behind_the_report_is_told(made: Made) -> None:
    other = rewritten(made.pdf, lambda pdf: pdf.pages.__delitem__(slice(1, None)))
    with pikepdf.open(io.BytesIO(other)) as pdf:
        out = io.BytesIO()
        pdf.save(out, object_stream_mode=pikepdf.ObjectStreamMode.disable, static_id=True)
    text = out.getvalue()
    start = text.rindex(b"xref\n0", 0, text.rindex(b"startxref"))
    rows = [
        b"%010d" % (int(row[:10]) + len(made.pdf)) + row[10:] if row.endswith((b" n ", b" n")) else row
        for row in text[start:].split(b"\n")
    ]
    moved = text[:start] + b"\n".join(rows)
    moved = moved.replace(b"startxref\n%d" % start, b"startxref\n%d" % (start + len(made.pdf)))
    words = bad(looked_at(made, made.pdf + moved))
    assert "not read by the tables of the report it begins with" in words["rendering"]


def test_a_table_that_is_not_the_audits_is_told(made: Made) -> None:
    words = bad(looked_at(made, appended(made.pdf, replace_the_table)))
    assert words["findings.csv"] == "not what audit.json renders to"


def test_a_missing_attachment_is_told(made: Made) -> None:
    words = bad(looked_at(made, rewritten(made.pdf, lambda pdf: pdf.attachments.__delitem__("findings.csv"))))
    assert words["attached"] == "findings.csv: missing"
    words = bad(looked_at(made, rewritten(made.pdf, lambda pdf: pdf.attachments.__delitem__("audit.json"))))
    assert words == {"attached": "audit.json: missing"}


def test_an_audit_that_does_not_load_is_told(made: Made) -> None:
    def spoil(pdf: pikepdf.Pdf) -> None:
        pdf.attachments["audit.json"] = pikepdf.AttachedFileSpec(pdf, b'{"schema_version": 1}', filename="audit.json")

    assert bad(looked_at(made, rewritten(made.pdf, spoil)))["audit.json"].startswith("does not load: ")


def test_an_audit_written_by_hand_is_told(made: Made) -> None:
    data = audit_json.render(made.audit).replace(b'"schema_version": 1', b'"schema_version":  1')

    def spoil(pdf: pikepdf.Pdf) -> None:
        pdf.attachments["audit.json"] = pikepdf.AttachedFileSpec(pdf, data, filename="audit.json")

    assert "writes it in other bytes" in bad(looked_at(made, rewritten(made.pdf, spoil)))["audit.json"]


def test_a_report_written_anew_with_the_same_words_is_no_longer_the_rendering(made: Made) -> None:
    check = compared(rewritten(made.pdf, nothing), made.pdf, made.audit)
    assert check.held is False
    assert "renders to other bytes with the same versions and fonts; the text of its" in check.words


def renamed_font(pdf: pikepdf.Pdf) -> None:
    font = next(iter(pdf.pages[0].Resources.Font.values()))
    font.BaseFont = pikepdf.Name("/ABCDEF+Another-Font")


def test_other_fonts_with_the_same_words_are_said_to_be_that(made: Made) -> None:
    check = compared(rewritten(made.pdf, renamed_font), made.pdf, made.audit)
    assert check.held is True
    assert "renders to other bytes here (fonts differ from those here); the text of its" in check.words


def test_other_fonts_and_other_words_are_no_judgement_while_the_facts_are_there(made: Made) -> None:
    def change(pdf: pikepdf.Pdf) -> None:
        renamed_font(pdf)
        pdf.pages[1].Contents = pikepdf.Stream(pdf, b"q Q")

    check = compared(rewritten(made.pdf, change), made.pdf, made.audit)
    assert check.held is None
    assert "the pages hold what audit.json says, but the text differs, first where it says" in check.words


def test_other_fonts_do_not_excuse_pages_that_say_something_else(made: Made) -> None:
    def change(pdf: pikepdf.Pdf) -> None:
        renamed_font(pdf)
        for page in pdf.pages:
            page.Contents = pikepdf.Stream(pdf, b"q Q")

    check = compared(rewritten(made.pdf, change), made.pdf, made.audit)
    assert check.held is False
    assert "the pages do not say what audit.json says, first: “acme-2026-09-0001”" in check.words


def test_a_table_of_another_version_counts_by_its_findings(made: Made) -> None:
    older = replace(made.audit, identity=replace(made.audit.identity, auditor_version="0.0.9"))
    columns = "".join(f'"{finding.fingerprint}"\r\n' for finding in older.findings)

    def change(pdf: pikepdf.Pdf) -> None:
        for name, data in (("audit.json", audit_json.render(older)), ("findings.csv", f"fingerprint\r\n{columns}")):
            content = data if isinstance(data, bytes) else data.encode()
            pdf.attachments[name] = pikepdf.AttachedFileSpec(pdf, content, filename=name)

    checks = {check.name: check for check in looked_at(made, rewritten(made.pdf, change))}
    assert checks["findings.csv"].held is True
    assert checks["findings.csv"].words.endswith("as another version of auditor writes them")


def test_the_words_of_a_page_are_read_as_they_stand(made: Made) -> None:
    pages = page_texts(read(made.pdf))
    assert "Webexmeetingcomplianceaudit" in pages[0]
    assert made.audit.identity.evidence_head in pages[0]
    assert "Inter" in font_names(read(made.pdf))


def test_a_pdf_of_others_is_no_report() -> None:
    pdf = pikepdf.new()
    pdf.add_blank_page()
    out = io.BytesIO()
    pdf.save(out)
    with pytest.raises(ReportError, match=r"is no report of auditor: audit\.json is not attached"):
        verified(out.getvalue(), roots=None, render=lambda _audit, _variant: b"")


def test_an_encrypted_pdf_is_no_report(made: Made) -> None:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(made.pdf)) as pdf:
        pdf.save(out, encryption=pikepdf.Encryption(owner="o", user="u"))
    with pytest.raises(ReportError, match="is encrypted"):
        looked_at(made, out.getvalue())


def hand_written(objects: list[bytes], trailer: bytes = b"") -> bytes:
    out, places = b"%PDF-1.7\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, rows)
    return out + b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)


def with_audit(
    data: bytes, *, tree: bytes = b"<</Names[(audit.json) 4 0 R]>>", filters: bytes = b"/FlateDecode"
) -> bytes:
    return hand_written(
        [
            b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles 3 0 R>>>>",
            b"<</Type/Pages/Kids[]/Count 0>>",
            tree,
            b"<</Type/Filespec/F(audit.json)/UF(audit.json)/EF<</F 5 0 R>>>>",
            b"<</Length %d/Filter[%s]>>stream\n%s\nendstream" % (len(data), filters, data),
        ]
    )


BOMB = zlib.compress(zlib.compress(b"\0" * 80_000_000, 9), 9)
PAGES = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]>>"]


@pytest.mark.parametrize(
    ("pdf", "told"),
    [
        (b"", "the file is no PDF"),
        (b"hello", "the file is no PDF"),
        (b"%PDF-1.7\n", "the PDF cannot be read"),
        (hand_written(PAGES), "is no report of auditor"),
        (hand_written(PAGES, trailer=b"/Prev 130"), "the PDF cannot be read"),
        (hand_written(PAGES).replace(b"/Size 3", b"/Size 99999999999"), "is no report of auditor"),
        (with_audit(b"", tree=b"<</Kids[3 0 R 3 0 R]>>"), "more than 50,000 pages or attachments"),
        (with_audit(b"", tree=b"<</Names[%s]>>" % (b"(x) 4 0 R " * 60)), "more than 50 attachments"),
        (with_audit(b"", tree=b"[1 2 3]"), "the list of attachments cannot be read"),
        (with_audit(b"", tree=b"<</Names%s>>" % (b"[" * 9_000)), "the list of attachments cannot be read"),
    ],
)
def test_what_is_no_report_is_told_in_one_line(pdf: bytes, told: str) -> None:
    with pytest.raises(ReportError) as caught:
        verified(pdf, roots=None, render=lambda _audit, _variant: b"")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("pdf", "told"),
    [
        (with_audit(BOMB, filters=b"/FlateDecode/FlateDecode"), "exceeds the limit"),
        (with_audit(zlib.compress(b"[" * 200_000)), "does not load: "),
        (with_audit(zlib.compress(b"null")), "does not load: "),
        (with_audit(zlib.compress(b"\xff\xfe")), "does not load: "),
        (with_audit(b"not deflated"), "cannot be read"),
        (with_audit(b"", filters=b"/LZWDecode"), "cannot be read"),
        (
            with_audit(zlib.compress(b"{}"), tree=b"<</Names[(audit.json) 4 0 R(audit.json) 4 0 R]>>"),
            "more than one file",
        ),
    ],
)
def test_a_hostile_attachment_is_told_and_goes_no_further(pdf: bytes, told: str) -> None:
    checks = verified(pdf, roots=None, render=lambda _audit, _variant: b"")
    assert told in " ".join(bad(checks).values())
    assert all("\n" not in check.words for check in checks)


def spoiled(pdf: bytes, chance: random.Random) -> bytes:
    """The PDF with bits flipped, pieces cut out or words of PDF put in."""
    content = bytearray(pdf)
    for _ in range(chance.choice((1, 1, 3, 30))):
        at = chance.randrange(len(content))
        match chance.randrange(3):
            case 0:
                content[at] ^= 1 << chance.randrange(8)
            case 1:
                del content[at : at + chance.choice((1, 50, 2_000))]
            case _:
                content[at:at] = chance.choice((b"<<", b"[", b"(", b"0 0 R", b"/Kids", b"-1", b"endobj", b"stream\n"))
    return bytes(content)


def hold_against_damage(made: Made, *, seed: int, times: int) -> None:
    chance = random.Random(seed)
    for _ in range(times):
        pdf = spoiled(chance.choice((made.pdf, made.signed)), chance)
        try:
            checks = looked_at(made, pdf)
        except AuditorError:
            continue
        assert bad(checks) or pdf in {made.pdf, made.signed}


def test_no_damage_passes_and_none_gets_through(made: Made) -> None:
    hold_against_damage(made, seed=1, times=40)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_no_damage_passes_in_thousands_of_tries(made: Made, seed: int) -> None:
    hold_against_damage(made, seed=1_000 + seed, times=300)
