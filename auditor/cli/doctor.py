"""The verb `doctor`: what this machine, its token and its archive lack."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import click

from auditor.cli.connection import base_url_option
from auditor.cli.context import Exit, Session
from auditor.cli.examined import Check, archive, credentials, databases, libraries, programs, spark
from auditor.cli.options import ArchivePlace, settings_of


@click.command()
@click.option("--archive", "folder", type=ArchivePlace(), metavar="DIR", help="Look at this archive, too.")
@base_url_option
@click.pass_obj
def command(session: Session, folder: Path | str | None, base_url: str | None) -> int:
    """Tell whether everything that auditor needs is here; exit 1 when something is missing."""
    settings = settings_of(session)
    checks = [
        Check("python", "ok", f"{platform.python_version()} on {platform.platform()}"),
        *programs(),
        *libraries(),
        *spark(os.environ),
        *credentials(settings, base_url=base_url, now=datetime.now(UTC)),
        *([] if folder is None else archive(folder)),
        *databases(settings.geoip),
    ]
    for check in checks:
        if session.log_format == "json":
            click.echo(json.dumps({"name": check.name, "state": check.state, "detail": check.detail}))
        else:
            colour = {"ok": "green", "missing": "red", "note": "yellow"}[check.state]
            click.echo(f"{click.style(f'{check.state:<8}', fg=colour)}{check.name:<15} {check.detail}")
    return Exit.FINDINGS if any(check.state == "missing" for check in checks) else Exit.OK
