"""The key that signs a report: its file by an option, its passphrase from the environment or the terminal."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from auditor.reports.sign import Key

PASSPHRASE = "AUDITOR_SIGN_PASSPHRASE"  # noqa: S105 - the name of a variable


def signing_key(path: Path) -> Key:
    """The key of the PKCS#12 file; asks for its passphrase only on a terminal, and only when none is set."""
    from auditor.reports.sign import opened

    return opened(path, passphrase=_passphrase(path), now=datetime.now(UTC))


def _passphrase(path: Path) -> bytes | None:
    given = os.environ.get(PASSPHRASE)
    if given is None and sys.stdin.isatty():
        given = click.prompt(
            f"passphrase of {path}", hide_input=True, default="", show_default=False, err=True, type=str
        )
    return given.encode("utf-8", "surrogateescape") if given else None
