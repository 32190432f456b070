"""The verb `report`: an audit rendered again from its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from auditor.cli.audits import whole_audit
from auditor.cli.context import Exit, Session, say
from auditor.cli.options import Folder, Output, outputs, zone
from auditor.errors import ConfigError

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("audit_file", metavar="AUDIT.json", type=_FILE)
@click.option(
    "--format",
    "written",
    multiple=True,
    required=True,
    callback=outputs,
    metavar="FORMAT=PATH…",
    help="What to write; - is stdout.",
)
@click.option(
    "--templates",
    type=Folder(),
    metavar="DIR",
    help="Templates that stand before the packaged ones.",
)
@click.option("--timezone", metavar="ZONE", callback=zone, help="Zone of printed times.")
@click.option(
    "--pdf-variant", type=click.Choice(["pdf/a-3a", "pdf/ua-1"]), default="pdf/a-3a", help="Archival, or for readers."
)
@click.option("--redact", is_flag=True, help="Pseudonyms in place of people, meetings and addresses.")
@click.option(
    "--sign",
    "key",
    type=_FILE,
    metavar="KEY",
    help="PKCS#12 file that signs the PDF; passphrase in AUDITOR_SIGN_PASSPHRASE.",
)
@click.pass_obj
def command(
    session: Session,
    *,
    audit_file: Path,
    written: tuple[Output, ...],
    templates: Path | None,
    timezone: str | None,
    pdf_variant: str,
    redact: bool,
    key: Path | None,
) -> int:
    """Render an audit again. It needs nothing but the file, and says nothing new."""
    from auditor.cli.rendering import redacted_audit, write_outputs
    from auditor.reports.formats import Options

    audit = whole_audit(audit_file)
    for output in written:
        if output.path is not None and output.path.exists() and output.path.samefile(audit_file):
            raise ConfigError(f"{output.path}: is the audit that is read; name another place to write to")
    if timezone is not None:
        audit = replace(audit, report=replace(audit.report, timezone=timezone))
    if redact and not audit.redacted:
        audit = redacted_audit(audit)
    tell = (lambda words: say(session, words)) if session.progress and session.verbosity >= 0 else None
    options = Options(templates=templates, variant=pdf_variant, tell=tell)
    write_outputs(audit, written, options=options, session=session, key=key)
    return Exit.OK
