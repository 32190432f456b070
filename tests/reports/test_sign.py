"""Signing: the report stays what it was, the signature is one that others accept, mistakes are told."""

import asyncio
import io
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

from auditor.errors import ConfigError, ReportError
from auditor.reports.pdf_file import read
from auditor.reports.sign import FIELD, Key, opened, signed
from auditor.reports.signatures import signatures, trust
from tests.reports.keys import PASSPHRASE, certificate, key_file, private

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def report(three_pdf: Path) -> bytes:
    return three_pdf.read_bytes()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return opened(key_file(tmp_path_factory.mktemp("key")), passphrase=PASSPHRASE.encode(), now=NOW)


@pytest.fixture(scope="module")
def made(report: bytes, key: Key) -> bytes:
    return signed(report, key)


@pytest.mark.slow
def test_the_bytes_of_the_report_stay_in_front_of_its_signature(report: bytes, made: bytes) -> None:
    assert made.startswith(report)
    assert len(made) - len(report) < 20_000


def test_a_notebook_with_a_running_event_loop_can_sign_and_read_signatures(report: bytes, key: Key) -> None:
    async def cell() -> bool:
        (signature,) = signatures(read(signed(report, key)), trusted=None)
        return not signature.trouble

    with ThreadPoolExecutor(1) as thread:  # a thread of its own, as other tests leave a loop running in this one
        assert thread.submit(asyncio.run, cell()).result()


def test_the_signature_is_pades_and_has_no_place_on_a_page(made: bytes) -> None:
    with pikepdf.open(io.BytesIO(made)) as pdf:
        (field,) = pdf.Root.AcroForm.Fields
        assert (str(field.T), field.FT) == (FIELD, "/Sig")
        assert [float(number) for number in field.Rect] == [0, 0, 0, 0]
        assert field.V.SubFilter == "/ETSI.CAdES.detached"


def test_the_signed_report_keeps_attachments_tags_language_bookmarks_and_its_claim(report: bytes, made: bytes) -> None:
    with pikepdf.open(io.BytesIO(report)) as before, pikepdf.open(io.BytesIO(made)) as after:
        assert {name: after.attachments[name].get_file().read_bytes() for name in after.attachments} == {
            name: before.attachments[name].get_file().read_bytes() for name in before.attachments
        }
        assert [each.objgen for each in after.Root.AF] == [each.objgen for each in before.Root.AF]
        assert {str(each.AFRelationship) for each in after.Root.AF} == {"/Source", "/Data"}
        assert {"/StructTreeRoot", "/MarkInfo", "/Lang", "/Outlines", "/OutputIntents"} <= set(after.Root.keys())
        assert len(after.pages) == len(before.pages)
        with after.open_metadata() as metadata:
            assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "A")
            assert metadata["dc:title"] == "Webex meeting compliance audit"


def test_qpdf_finds_nothing_wrong_with_a_signed_report(made: bytes, tmp_path: Path) -> None:
    qpdf = shutil.which("qpdf")
    if qpdf is None:
        pytest.skip("no qpdf on this machine")
    (tmp_path / "signed.pdf").write_bytes(made)
    done = subprocess.run([qpdf, "--check", tmp_path / "signed.pdf"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ec", "rsa", "ed25519"])
def test_another_program_accepts_the_signature(kind: str, report: bytes, tmp_path: Path) -> None:
    path = key_file(tmp_path, kind=kind)
    made = signed(report, opened(path, passphrase=PASSPHRASE.encode(), now=NOW))
    (one,) = signatures(read(made), trusted=trust(path.with_suffix(".pem")))
    assert (one.trouble, one.distrust) == ("", "")
    pdfsig = shutil.which("pdfsig")
    if pdfsig is not None and kind != "ed25519":  # poppler's NSS does not know that curve
        (tmp_path / "signed.pdf").write_bytes(made)
        told = subprocess.run([pdfsig, tmp_path / "signed.pdf"], capture_output=True, text=True, check=False).stdout
        assert "Signature is Valid" in told
        assert "Total document signed" in told
        assert "Signer Certificate Common Name: Audit Office" in told


def test_a_report_is_signed_once(made: bytes, tmp_path: Path) -> None:
    other = opened(key_file(tmp_path, name="Second Office"), passphrase=PASSPHRASE.encode(), now=NOW)
    with pytest.raises(ReportError, match="could not be signed"):
        signed(made, other)


def test_a_key_without_passphrase_needs_none(report: bytes, tmp_path: Path) -> None:
    key = opened(key_file(tmp_path, passphrase=None), passphrase=None, now=NOW)
    assert signatures(read(signed(report, key)), trusted=None)[0].trouble == ""


def test_a_wrong_passphrase_is_told_from_a_missing_one(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    with pytest.raises(ConfigError, match=r"\.p12: the passphrase does not open it"):
        opened(path, passphrase=b"wrong", now=NOW)
    with pytest.raises(ConfigError, match=r"\.p12: needs a passphrase"):
        opened(path, passphrase=None, now=NOW)


def test_a_file_that_is_no_key_is_told(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    for bad in (b"", b"not a key", path.with_suffix(".pem").read_bytes(), path.read_bytes()[:300]):
        (tmp_path / "bad.p12").write_bytes(bad)
        with pytest.raises(ConfigError, match="is no PKCS#12 file"):
            opened(tmp_path / "bad.p12", passphrase=PASSPHRASE.encode(), now=NOW)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        opened(tmp_path / "none.p12", passphrase=None, now=NOW)


def test_a_file_without_a_private_key_is_told(tmp_path: Path) -> None:
    alone = pkcs12.serialize_key_and_certificates(b"x", None, certificate(private()), None, NoEncryption())
    (tmp_path / "alone.p12").write_bytes(alone)
    with pytest.raises(ConfigError, match="holds no private key with its certificate"):
        opened(tmp_path / "alone.p12", passphrase=None, now=NOW)


def test_an_expired_certificate_is_told(tmp_path: Path) -> None:
    path = key_file(tmp_path, days=-3)
    with pytest.raises(ConfigError, match=r"its certificate is valid from \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d only"):
        opened(path, passphrase=PASSPHRASE.encode(), now=NOW)


def test_what_is_no_pdf_cannot_be_signed(key: Key) -> None:
    with pytest.raises(ReportError, match="the PDF could not be signed"):
        signed(b"no pdf at all", key)


def test_a_missing_extra_is_told_with_the_way_to_install_it(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['pyhanko'] = None\n"
        "from datetime import datetime, UTC\n"
        "from pathlib import Path\n"
        "from auditor.errors import ConfigError\n"
        "from auditor.reports.pdf_file import read\n"
        "from auditor.reports.sign import opened\n"
        "for call in (lambda: opened(Path('k.p12'), passphrase=None, now=datetime.now(UTC)), lambda: read(b'%PDF-')):\n"
        "    try: call()\n"
        "    except ConfigError as error: print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    line = "signatures need the extra sign, pyhanko is missing: pip install 'webex-auditor[sign]'"
    assert told.splitlines() == [line, line]


def test_roots_that_are_no_certificates_are_told(tmp_path: Path) -> None:
    for text in (b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        (tmp_path / "roots.pem").write_bytes(text)
        with pytest.raises(ConfigError, match=r"holds no certificate|is no file of certificates"):
            trust(tmp_path / "roots.pem")
    with pytest.raises(ConfigError, match="cannot be read"):
        trust(tmp_path / "none.pem")
