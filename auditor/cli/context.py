"""What every verb shares: the global options, and how an error becomes words and an exit code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import click

from auditor.errors import AuditorError, AuthError


class Exit(IntEnum):
    """The exit codes of the contract."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    INCOMPLETE = 3
    REFUSED = 4
    INTERNAL = 70
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Session:
    """The options in front of the verb. `verbosity` is -1 with `-q`, else the number of `-v`."""

    config: str | None
    verbosity: int
    progress: bool
    log_format: str


def fail(error: AuditorError) -> int:
    """Print the error to stderr, one line a problem, and give its exit code."""
    for line in str(error).splitlines():
        click.echo(line, err=True)
    return Exit.REFUSED if isinstance(error, AuthError) else Exit.USAGE
