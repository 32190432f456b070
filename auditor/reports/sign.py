"""A PAdES signature under a finished PDF, made with the key of a PKCS#12 file. Needs the extra `sign`."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from auditor.errors import ConfigError, ReportError
from auditor.frozen import dataclass

if TYPE_CHECKING:
    from pyhanko.sign.signers import SimpleSigner

_T = TypeVar("_T")

FIELD = "auditor"
"""The name of the signature field, which has no place on any page."""


@dataclass(frozen=True, slots=True)
class Key:
    """A private key with its certificate, read and ready to sign."""

    path: Path
    signer: SimpleSigner


@contextmanager
def extra() -> Iterator[None]:
    """Within it a missing package is a `ConfigError` that says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("auditor"):
            raise
        package = error.name.partition(".")[0]
        raise ConfigError(
            f"signatures need the extra sign, {package} is missing: pip install 'webex-auditor[sign]'"
        ) from error


def apart(work: Callable[[], _T]) -> _T:
    """What the work gives, done on a thread of its own.

    The library runs an event loop, which it cannot where one is running already, as in a notebook.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(work).result()


def opened(path: Path, *, passphrase: bytes | None, now: datetime) -> Key:
    """The key of the PKCS#12 file.

    Raises `ConfigError` that tells a file that is no PKCS#12 from a wrong passphrase, from one without a key and
    certificate, and from a certificate that is not valid at `now`.
    """
    with extra():
        from cryptography.hazmat.primitives.serialization import pkcs12
        from pyhanko.sign.signers import SimpleSigner
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        private, certificate, _ = pkcs12.load_key_and_certificates(data, passphrase)
    except (ValueError, TypeError) as error:
        if "password" not in str(error).lower():
            raise ConfigError(f"{path}: is no PKCS#12 file (.p12, .pfx)") from error
        wrong = "needs a passphrase" if passphrase is None else "the passphrase does not open it"
        raise ConfigError(f"{path}: {wrong}") from error
    if private is None or certificate is None:
        raise ConfigError(f"{path}: holds no private key with its certificate")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise ConfigError(
            f"{path}: its certificate is valid from {certificate.not_valid_before_utc:%Y-%m-%d} "
            f"to {certificate.not_valid_after_utc:%Y-%m-%d} only"
        )
    try:
        return Key(path, SimpleSigner.load_pkcs12_data(data, other_certs=[], passphrase=passphrase))
    # the libraries say so in these ways of a kind of key they do not know
    except (ValueError, NotImplementedError, AttributeError, TypeError) as error:
        raise ConfigError(f"{path}: its kind of key cannot sign a PDF: {error}") from error


def signed(pdf: bytes, key: Key) -> bytes:
    """The PDF with a signature appended, PAdES baseline B-B; its own bytes stay as they are in front.

    The signature states the machine's time, without a proof of it. Nothing is asked of any server.
    """
    with extra():
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.pdf_utils.misc import PdfError
        from pyhanko.sign.fields import SigSeedSubFilter
        from pyhanko.sign.general import SigningError
        from pyhanko.sign.signers import PdfSignatureMetadata, sign_pdf
    form = PdfSignatureMetadata(field_name=FIELD, subfilter=SigSeedSubFilter.PADES)
    out = io.BytesIO()
    try:
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        apart(lambda: sign_pdf(writer, form, signer=key.signer, output=out))
    # a key that loads may still be of a kind, or a size, that signing does not know
    except (SigningError, PdfError, ValueError, NotImplementedError) as error:
        raise ReportError(f"{key.path}: the PDF could not be signed: {error}") from error
    return out.getvalue()
