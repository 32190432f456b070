"""The verb `verify-report`: whether a PDF report is what it says."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli.context import Exit
from auditor.errors import ReportError

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("report", metavar="FILE.pdf", type=_FILE)
@click.option(
    "--templates",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The templates the report was rendered with.",
)
@click.option("--trust", type=_FILE, metavar="ROOTS.pem", help="Certificates that are trusted.")
def command(report: Path, templates: Path | None, trust: Path | None) -> int:
    """Check the signature, the attachments, and that the attached audit.json renders to this very report."""
    from auditor.reports.formats import Options
    from auditor.reports.verify import verified

    try:
        data = report.read_bytes()
    except OSError as error:
        raise ReportError(f"{report}: cannot be read: {error.strerror}") from error
    checks = verified(data, options=Options(templates=templates), roots=trust)
    for check in checks:
        word = {True: "good", False: "BAD", None: "none"}[check.held]
        click.echo(f"{word:4}  {check.name}: {check.words}")
    return Exit.FINDINGS if any(check.held is False for check in checks) else Exit.OK
