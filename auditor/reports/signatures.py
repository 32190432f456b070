"""The signatures of a PDF and what they are worth. Needs the extra `sign`; nothing is asked of any server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import ConfigError
from auditor.reports.pdf_file import reading
from auditor.reports.sign import extra
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
    with _quiet(), reading("the signature"):
        found = reader.embedded_regular_signatures[:_MOST]
        return tuple(_judged(each, context, judge_trust=trusted is not None) for each in found)


def _judged(embedded: EmbeddedPdfSignature, context: ValidationContext, *, judge_trust: bool) -> Signature:
    from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature

    status = validate_pdf_signature(embedded, signer_validation_context=context)
    trouble = ""
    if not status.intact:
        trouble = "the signed bytes were changed"
    elif not status.valid:
        trouble = "it was not made with the key of its certificate"
    elif status.coverage is None or status.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        trouble = "it does not cover the whole report"
    elif not status.docmdp_ok:
        trouble = "the report was changed after it"
    distrust = None
    if judge_trust:
        distrust = "" if status.trusted else _why(status.trust_problem_indic)
    return Signature(
        signer=visible(status.signing_cert.subject.human_friendly),
        at=status.signer_reported_dt,
        trouble=trouble,
        distrust=distrust,
    )


def _why(indication: AdESSubIndic | None) -> str:
    name = indication.standard_name if indication is not None else "NO_CERTIFICATE_CHAIN_FOUND"
    if name in _NO_CHAIN:
        return "its certificate leads to none of the roots"
    return name.replace("_", " ").lower()


@contextmanager
def _quiet() -> Iterator[None]:
    """Within it the library does not write about what the result tells anyway."""
    loggers = [logging.getLogger(name) for name in ("pyhanko", "pyhanko_certvalidator")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
