"""Signing a finished PDF, and reading back what a signed or unsigned one holds. Needs the extra `sign`."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from auditor.errors import ConfigError, ReportError

FIELD = "Auditor"


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature of a PDF: whether the bytes it covers are untouched, and whose certificate it is.

    `trusted` says whether the certificate leads to one of the roots given; `whole` that nothing was added after it.
    """

    signer: str
    intact: bool
    trusted: bool
    whole: bool


def signed(pdf: bytes, *, key: Path, password: bytes | None) -> bytes:
    """The PDF with a PAdES signature appended; its own bytes stay as they are in front.

    Raises `ConfigError` when the PKCS#12 file cannot be opened with the password.
    """
    signers = _part("pyhanko.sign.signers")
    fields = _part("pyhanko.sign.fields")
    writer = _part("pyhanko.pdf_utils.incremental_writer")
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    if not key.is_file():
        raise ConfigError(f"{key}: is no PKCS#12 file")
    signer = signers.SimpleSigner.load_pkcs12(pfx_file=str(key), passphrase=password)
    if signer is None:
        raise ConfigError(f"{key}: cannot be opened as PKCS#12 with the password of AUDITOR_SIGN_PASSWORD")
    made = signers.PdfSignatureMetadata(
        field_name=FIELD, md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES
    )
    out = signers.sign_pdf(writer.IncrementalPdfFileWriter(io.BytesIO(pdf)), made, signer=signer)
    return bytes(out.getvalue())


def signatures(pdf: bytes, *, roots: Path | None) -> tuple[Signature, ...]:
    """Every signature of the PDF; `roots` is a PEM file of certificates that are trusted, nothing is fetched."""
    validation = _part("pyhanko.sign.validation")
    context = _part("pyhanko_certvalidator").ValidationContext
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)
    trust = [] if roots is None else list(_part("pyhanko.keys").load_certs_from_pemder([str(roots)]))
    found = []
    for embedded in _reader(pdf).embedded_signatures:
        status = validation.validate_pdf_signature(
            embedded, signer_validation_context=context(trust_roots=trust, allow_fetching=False)
        )
        found.append(
            Signature(
                signer=status.signing_cert.subject.human_friendly,
                intact=bool(status.intact and status.valid),
                trusted=bool(status.trusted),
                whole=status.coverage == validation.SignatureCoverageLevel.ENTIRE_FILE,
            )
        )
    return tuple(found)


def attached(pdf: bytes) -> Mapping[str, bytes]:
    """The files in the PDF, by name."""
    try:
        names = _reader(pdf).root["/Names"]["/EmbeddedFiles"]["/Names"]
    except KeyError:
        return {}
    return {
        str(names[index + 1]["/UF"]): bytes(names[index + 1]["/EF"]["/F"].data) for index in range(0, len(names), 2)
    }


def _reader(pdf: bytes) -> Any:
    reader = _part("pyhanko.pdf_utils.reader")
    try:
        return reader.PdfFileReader(io.BytesIO(pdf), strict=False)
    except (_part("pyhanko.pdf_utils.misc").PdfReadError, ValueError) as error:
        raise ReportError(f"this is no PDF that can be read: {error}") from error


def _part(name: str) -> ModuleType:
    """A module of pyHanko, or words on how to install it."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError("signatures need the extra sign: pip install 'webex-auditor[sign]'") from error
