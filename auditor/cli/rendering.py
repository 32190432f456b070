"""Reports written by `check` and `report`: redacted when asked, laid out beside their places, then all put there."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING

from auditor.cli.context import Session, say
from auditor.cli.options import Output
from auditor.cli.signing import signing_key
from auditor.errors import ConfigError

if TYPE_CHECKING:
    from auditor.model.audit import Audit
    from auditor.reports.formats import Options
    from auditor.reports.sign import Key
    from auditor.reports.write import Laid

REDACTION_KEY = "AUDITOR_REDACTION_KEY"


def write_outputs(
    audit: Audit, written: Sequence[Output], *, options: Options, session: Session, key: Path | None = None
) -> None:
    """Every format in its place: all laid out before the first is in its place, stdout last. `key` signs PDFs.

    What cannot be is told before anything is laid out: a place nobody can write to, a wrong passphrase.
    """
    from auditor.reports.formats import FORMATS
    from auditor.reports.write import aside, check_writable, laid_out

    if key is not None and all(output.format != "pdf" for output in written):
        raise ConfigError("--sign signs a PDF; write one by --format pdf=PATH")
    for output in written:
        if output.path is not None:
            check_writable(output.path)
        elif sys.stdout is None:
            raise ConfigError(f"--format {output.format}=-: standard output is closed")
    signer = None if key is None else signing_key(key)
    with ExitStack() as gone_after:
        files: list[tuple[Output, Laid]] = []
        to_stdout: IO[bytes] | None = None
        for output in written:
            pieces = FORMATS[output.format].pieces(audit, options)
            if signer is not None and output.format == "pdf":
                pieces = iter((_signed(b"".join(pieces), signer),))
            if output.path is None:
                to_stdout = gone_after.enter_context(aside(pieces))
            else:
                files.append((output, gone_after.enter_context(laid_out(output.path, pieces))))
        for output, laid in files:
            laid.place()
            say(session, f"wrote {output.format}: {output.path}")
        if to_stdout is not None:
            shutil.copyfileobj(to_stdout, sys.stdout.buffer)
            sys.stdout.buffer.flush()


def redacted_audit(audit: Audit) -> Audit:
    """The audit under pseudonyms, keyed by AUDITOR_REDACTION_KEY, else by a key nobody knows."""
    from auditor.reports.redaction import LEAST_KEY, redacted

    given = os.environ.get(REDACTION_KEY, "").encode("utf-8", "surrogateescape")
    if given and len(given) < LEAST_KEY:
        raise ConfigError(f"{REDACTION_KEY} is {len(given)} bytes long; at least {LEAST_KEY}")
    return redacted(audit, key=given or secrets.token_bytes(32), repeatable=bool(given))


def _signed(content: bytes, key: Key) -> bytes:
    from auditor.reports.sign import signed

    return signed(content, key)
