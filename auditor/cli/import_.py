"""The verb `import`: bring saved files into an archive."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.context import Exit, Session, admit, say
from auditor.cli.options import ArchiveFolder, asked_window, clock, moment, now_option, one_site, zone
from auditor.model.window import MINUTE, dated
from auditor.words import counted

if TYPE_CHECKING:
    from auditor.tables.bring import Brought

_SHOWN = 20


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE…")
@click.option("--archive", "folder", required=True, type=ArchiveFolder(), metavar="DIR", help="The archive.")
@click.option(
    "--site", metavar="URL", callback=one_site, help="The site the records are of, where they do not name it."
)
@click.option(
    "--as",
    "kind",
    metavar="KIND",
    help="What the files hold, where their fields do not tell: attendees, participants, usage, invitees, people,"
    " settings, sign_ins, admin_changes, recordings or recording_access.",
)
@click.option("--from", "since", metavar="T", callback=moment, help="Start of the span the files are about.")
@click.option("--to", "until", metavar="T", callback=moment, help="End of that span; not part of it.")
@click.option("--timezone", metavar="ZONE", callback=zone, help="Zone of times that name none.")
@now_option
@click.pass_obj
def command(
    session: Session,
    *,
    files: tuple[Path, ...],
    folder: Path,
    site: str | None,
    kind: str | None,
    since: datetime | None,
    until: datetime | None,
    timezone: str | None,
    now: datetime | None,
) -> int:
    """Bring saved API responses, Control Hub exports and tables of your own into an archive."""
    from auditor.tables.bring import Asked, bring
    from auditor.tables.kinds import KINDS

    if kind is not None and kind not in KINDS:
        raise click.BadParameter(f"{kind!r} is no kind of records; one of {', '.join(KINDS)}", param_hint="--as")
    if (since is None) != (until is None):
        raise click.UsageError("--from and --to belong together")
    moment_now = clock(now)
    span = asked_window(period=None, since=since, until=until, days=None, timezone=None, now=moment_now)
    brought = bring(folder, files, Asked(kind, site, span, timezone), now=lambda: moment_now)
    for each in brought:
        _told(session, each)
    return Exit.INCOMPLETE if any(each.gaps for each in brought) else Exit.OK


def _told(session: Session, brought: Brought) -> None:
    """Print what a file was taken for, how its columns were read, and which records were not."""
    from auditor.tables.reading import MAPPING

    name = brought.file.name
    known = "; the archive has it already" if brought.known else ""
    say(session, f"{name}: {counted(brought.records, 'record')} of {brought.file.kind.name}{_span(brought)}{known}")
    mapping = brought.file.options.get(MAPPING)
    if mapping is not None:
        read = ", ".join(f"{heading} → {field}" for field, heading in json.loads(mapping).items())
        say(session, f"{name}: columns {read}")
    for gap in brought.gaps[:_SHOWN]:
        admit(session, f"{name}: not decoded: {gap.detail}")
    if len(brought.gaps) > _SHOWN:
        admit(session, f"{name}: not decoded: {len(brought.gaps) - _SHOWN:,} more")


def _span(brought: Brought) -> str:
    window = brought.window
    return "" if window is None else f", {dated(window.start, MINUTE)} to {dated(window.end, MINUTE)} UTC"
