"""The signatures of a PDF and what they are worth. Needs the extra `sign`; nothing is asked of any server."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import ConfigError
from auditor.frozen import dataclass
from auditor.reports.pdf_file import reading
from auditor.reports.revisions import additions
from auditor.reports.sign import apart, extra
from auditor.reports.text import visible

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.ades.report import AdESSubIndic
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
    from pyhanko_certvalidator import ValidationContext

_MOST = 50
_NO_CHAIN = {"CHAIN_CONSTRAINTS_FAILURE", "NO_CERTIFICATE_CHAIN_FOUND"}


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature: `trouble` is empty when its bytes are those that were signed and nothing forbidden follows.

    `distrust` is empty when the certificate leads to one of the roots, None when no roots were given. `at` is the
    time the signer states.
    """

    signer: str
    at: datetime | None
    trouble: str
    distrust: str | None


def trust(path: Path) -> ValidationContext:
    """Trust in the certificates of a PEM or DER file and in no other."""
    with extra():
        from pyhanko.keys import load_certs_from_pemder_data
        from pyhanko_certvalidator import ValidationContext
    try:
        found = tuple(load_certs_from_pemder_data(path.read_bytes()))
        names = [each.subject.human_friendly for each in found]
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path}: is no file of certificates, PEM or DER") from error
    if not names:
        raise ConfigError(f"{path}: holds no certificate")
    return ValidationContext(trust_roots=list(found), allow_fetching=False)


def signatures(reader: PdfFileReader, *, trusted: ValidationContext | None) -> tuple[Signature, ...]:
    """Every signature of the PDF, in order; None judges no trust."""
    with extra():
        from pyhanko_certvalidator import ValidationContext
    context = trusted or ValidationContext(trust_roots=[], allow_fetching=False)
    with reading("the signature"):
        found = reader.embedded_regular_signatures[:_MOST]
        return tuple(_judged(reader, each, context, judge_trust=trusted is not None) for each in found)


def _judged(
    reader: PdfFileReader, embedded: EmbeddedPdfSignature, context: ValidationContext, *, judge_trust: bool
) -> Signature:
    from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature

    status = apart(lambda: validate_pdf_signature(embedded, signer_validation_context=context, skip_diff=True))
    trouble = ""
    if not status.intact:
        trouble = "the signed bytes were changed"
    elif not status.valid:
        trouble = "it was not made with the key of its certificate"
    elif status.coverage is None or status.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        trouble = "it does not cover the whole report"
    elif not _only_zeros_follow(embedded.pkcs7_content):
        trouble = "something is hidden behind it, where it does not cover the file"
    elif status.coverage < SignatureCoverageLevel.ENTIRE_FILE:
        trouble = _after(reader, embedded)
    distrust = None
    if judge_trust:
        distrust = "" if status.trusted else _why(status.trust_problem_indic)
    return Signature(
        signer=visible(status.signing_cert.subject.human_friendly),
        at=status.signer_reported_dt,
        trouble=trouble,
        distrust=distrust,
    )


def _after(reader: PdfFileReader, embedded: EmbeddedPdfSignature) -> str:
    """What is wrong with the part of the file that the signature does not cover; other signatures are not."""
    *_, start, length = embedded.byte_range
    reader.stream.seek(0)
    changed = additions(reader, reader.stream.read(start + length))
    if changed:
        return f"the report was changed after it: {', '.join(changed[:5])}"
    return ""


def _only_zeros_follow(content: bytes) -> bool:
    """Whether the room kept for the signature holds, behind its DER, nothing but zeros."""
    size = content[1]
    head = 2 + (size & 0x7F if size & 0x80 else 0)
    length = int.from_bytes(content[2:head]) if size & 0x80 else size
    return not content[head + length :].strip(b"\0")


def _why(indication: AdESSubIndic | None) -> str:
    name = indication.standard_name if indication is not None else "NO_CERTIFICATE_CHAIN_FOUND"
    if name in _NO_CHAIN:
        return "its certificate leads to none of the roots"
    return name.replace("_", " ").lower()
