"""The verb `verify-report`: whether a PDF report is what it says."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli.context import Exit, Session, say
from auditor.errors import ReportError

_FILE = click.Path(dir_okay=False, path_type=Path)
_WORDS = {True: "good", False: "BAD", None: "note"}


@click.command()
@click.argument("report", metavar="FILE.pdf", type=_FILE)
@click.option(
    "--templates",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The templates the report was rendered with.",
)
@click.option(
    "--trust",
    type=_FILE,
    metavar="ROOTS.pem",
    help="Certificates that a signature must lead to; without a signature the report is bad.",
)
@click.pass_obj
def command(session: Session, *, report: Path, templates: Path | None, trust: Path | None) -> int:
    """Check the signature, the attachments, and that the attached audit.json renders to this very report.

    Prints one line for each thing: good, BAD, or note for what there was nothing to judge on. Ends with 1 when
    something is bad, with 2 for a file that is no such report.
    """
    from auditor.reports import pdf
    from auditor.reports.formats import Options
    from auditor.reports.verify import verified

    tell = (lambda words: say(session, words)) if session.progress and session.verbosity >= 0 else None
    try:
        checks = verified(
            _content(report),
            roots=trust,
            render=lambda audit, variant: pdf.render(audit, Options(templates=templates, variant=variant, tell=tell)),
        )
    except ReportError as error:
        raise ReportError(f"{report}: {error}") from error
    for check in checks:
        click.echo(f"{_WORDS[check.held]:4}  {check.name}: {check.words}")
    return Exit.FINDINGS if any(check.held is False for check in checks) else Exit.OK


def _content(report: Path) -> bytes:
    """The bytes of the file, one more than a report may have when it is larger."""
    from auditor.reports.pdf_file import MOST_BYTES

    try:
        with report.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ReportError(f"cannot be read: {error.strerror}") from error
