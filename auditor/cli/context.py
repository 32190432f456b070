"""What every verb shares: the global options, the words on stderr, and how an error becomes an exit code."""

from __future__ import annotations

import json
import linecache
import sys
import traceback
from collections.abc import Mapping
from enum import IntEnum
from itertools import groupby

import click

from auditor import __version__
from auditor.errors import AuditorError, AuthError, Problem, said
from auditor.frozen import dataclass

_PROBLEMS_PER_FILE = 20


class Exit(IntEnum):
    """The exit codes of the contract, and the shell's own for a reader that went away."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    INCOMPLETE = 3
    REFUSED = 4
    INTERNAL = 70
    INTERRUPTED = 130
    NO_READER = 141


@dataclass(frozen=True, slots=True)
class Session:
    """The options in front of the verb. `verbosity` is -1 with `-q`, else the number of `-v`."""

    config: str | None
    verbosity: int
    progress: bool
    log_format: str


BARE = Session(config=None, verbosity=0, progress=False, log_format="text")
"""What holds until the options are read."""


def say(session: Session, message: str) -> None:
    """Print words to stderr, unless `-q`; as a JSON line with `--log-format json`."""
    if session.verbosity >= 0:
        _write(session, "info", message)


def admit(session: Session, message: str) -> None:
    """Print words about what is absent to stderr, with `-q` too."""
    _write(session, "info" if session.verbosity >= 0 else "warning", message)


def show_json(value: object) -> None:
    """Print a JSON document to stdout: UTF-8, whatever the terminal's encoding."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace"))


def fail(error: AuditorError, session: Session = BARE) -> int:
    """Print the error to stderr, one line a problem, and give its exit code."""
    problems = getattr(error, "problems", None)
    if isinstance(problems, list):
        _write_problems(session, problems)
    else:
        for line in str(error).splitlines():
            _write(session, "error", line)
    if session.verbosity > 1:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    return Exit.REFUSED if isinstance(error, AuthError) else Exit.USAGE


def misused(message: str, session: Session) -> int:
    """Print what is wrong with the arguments, in the form the user chose."""
    _write(session, "error", message)
    return Exit.USAGE


def refuse(error: BaseException, session: Session = BARE) -> int:
    """Print what the system said about which file, or about the output; nothing of ours went wrong."""
    if session.verbosity > 0:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    _write(session, "error", f"{getattr(error, 'filename', None) or 'the output'}: {said(error)}")
    return Exit.USAGE


def crash(error: BaseException, session: Session = BARE) -> int:
    """Print one line about a mistake of ours; its text may hold personal data and needs `-v`."""
    if session.verbosity > 0:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    frames = traceback.extract_tb(error.__traceback__)
    where = next((frame for frame in reversed(frames) if "/auditor/" in frame.filename), frames[-1])
    place = f"{where.filename.rpartition('/auditor/')[2]}:{where.lineno}"
    _write(
        session,
        "error",
        f"internal error in auditor {__version__}: {type(error).__name__} at {place}; "
        "run again with -v and report the traceback (README, When something goes wrong)",
    )
    return Exit.INTERNAL


def _write_problems(session: Session, problems: list[Problem]) -> None:
    """Problems in order of place, at most twenty a file; with `-v` the source line and a caret."""
    for path, found in groupby(problems, key=lambda problem: problem.path):
        here = list(found)
        for problem in here[:_PROBLEMS_PER_FILE]:
            _write(session, "error", str(problem))
            if session.verbosity > 0 and session.log_format == "text":
                source = _shown(linecache.getline(path, problem.line))
                if source:
                    click.echo(f"  {source}\n  {' ' * (problem.column - 1)}^", err=True)
        if len(here) > _PROBLEMS_PER_FILE:
            _write(session, "error", f"{path}: … and {len(here) - _PROBLEMS_PER_FILE} more")


def _shown(line: str) -> str:
    """A line of a user's file for a terminal, each character in its column."""
    return "".join(char if char.isprintable() else " " if char == "\t" else "\ufffd" for char in line.rstrip("\r\n"))


def _write(session: Session, level: str, message: str) -> None:
    """One line on stderr in the form the user chose."""
    click.echo(json_line({"level": level, "message": message}) if _json(session) else message, err=True)


def json_line(fields: Mapping[str, object]) -> str:
    """The fields as a line of JSON for stderr, in ASCII where that cannot take all characters."""
    encoding = (getattr(sys.stderr, "encoding", None) or "ascii").lower().replace("_", "-")
    return json.dumps(fields, ensure_ascii=not encoding.startswith("utf"), default=str)


def _json(session: Session) -> bool:
    return session.log_format == "json"
