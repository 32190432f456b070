"""The verb `archive`: look after an archive."""

from __future__ import annotations

import io
import json
import re
import sys
from datetime import datetime, timedelta
from pathlib import Path

import click

from auditor.cli.context import Exit, Session, say
from auditor.cli.options import ArchiveFolder, ArchivePlace, clock, now_option, settings_of, sites_option
from auditor.errors import ConfigError, naming
from auditor.words import counted

_HASH = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_SPAN = re.compile(r"(\d+)(d|w|y)?")
_DAYS = {"d": 1, "w": 7, "y": 365, None: 1}

folder_option = click.option(
    "--archive", "folder", required=True, type=ArchiveFolder(), metavar="DIR", help="The archive."
)
place_option = click.option(
    "--archive", "place", required=True, type=ArchivePlace(), metavar="DIR", help="The archive, or its address."
)


@click.group()
def command() -> None:
    """Look after an archive."""


@command.command()
@place_option
@sites_option("These sites only.")
@now_option
@click.pass_obj
def status(session: Session, *, place: Path | str, sites: tuple[str, ...], now: datetime | None) -> int:
    """Show what is held day by day, the gaps, and how long until Webex forgets what is missing."""
    from auditor.cli.calendar import show
    from auditor.tables.archive import Archive
    from auditor.tables.still import held_still

    with held_still(Archive(place)) as archive:
        show(archive, sites=sites, now=clock(now), settle=settings_of(session).collect.settle)
    return Exit.OK


@command.command()
@place_option
@click.option("--head", metavar="SHA256", help="A head of the chain that was kept elsewhere.")
@click.option(
    "--audit",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="AUDIT.json",
    help="The same from an audit.",
)
@click.pass_obj
def verify(session: Session, *, place: Path | str, head: str | None, audit: Path | None) -> int:
    """Compare every page and entry with the hash chain, and every file of the tables with its digest.

    Exit code 1 tells that something was changed or lost, 3 that all but what could not be read is as it was written.
    """
    from auditor.evidence.swap import reading
    from auditor.tables.archive import Archive
    from auditor.tables.damage import ADVICE, compared

    if head is not None and audit is not None:
        raise click.UsageError("--head and --audit exclude each other")
    known = _head(head) if audit is None else _head_of(audit)
    archive = Archive(place)
    with reading(archive.place):
        faults = archive.evidence.verify(known)
        for fault in faults:
            click.echo(str(fault))
        tables = compared(archive)
        for fault in tables.faults:
            click.echo(str(fault))
        chain = None if faults or tables.faults else archive.evidence.chain()
    if chain is None:
        found = (*faults, *tables.faults)
        harm = sum(not fault.unread for fault in found)
        say(session, f"{place}: {counted(harm, 'fault')}" if harm else f"{place}: not all could be read")
        if any(not fault.unread for fault in tables.faults):
            say(session, ADVICE)
        if harm < len(found):
            say(session, "nothing is known of what could not be read; verify again once it can be")
        return Exit.FINDINGS if harm else Exit.INCOMPLETE
    entries, pages = counted(chain.entries, "entry", "entries"), counted(chain.pages, "page")
    say(session, f"{place}: {entries} and {pages} are as they were written")
    say(session, f"{place}: {tables.files - tables.unnamed:,} files of tables are as they were written")
    if tables.unnamed:
        say(session, f"{tables.unnamed:,} older files of tables have no digest in their names and can only be read")
    say(session, f"head sha256:{chain.head}")
    if known is None:
        say(session, "no earlier head was given: a cut end, or a chain rewritten as a whole, would not show")
    return Exit.OK


@command.command()
@folder_option
@now_option
@click.pass_obj
def rebuild(session: Session, *, folder: Path, now: datetime | None) -> int:
    """Make the tables again from evidence alone."""
    from auditor.tables.remake import rebuild as rebuilt

    moment = clock(now)
    made = rebuilt(folder, now=lambda: moment)
    say(session, f"{folder}: {counted(made.units, 'unit')} and {counted(made.rows, 'record')} are in the tables")
    return Exit.OK


@command.command()
@folder_option
@now_option
@click.pass_obj
def compact(session: Session, *, folder: Path, now: datetime | None) -> int:
    """Put the tables into few files and remove those that are no longer used."""
    from auditor.tables.remake import compact as compacted

    moment = clock(now)
    compacted(folder, now=lambda: moment)
    say(session, f"{folder}: the tables are compact")
    return Exit.OK


@command.command()
@folder_option
@click.option("--email", required=True, metavar="E", help="The address of the person.")
@now_option
@click.pass_obj
def erase(session: Session, *, folder: Path, email: str, now: datetime | None) -> int:
    """Remove a person from evidence and tables; the chain says that it was done, not whom it was about."""
    from auditor.tables.remake import erase as erased

    moment = clock(now)
    removed = erased(folder, email, now=lambda: moment)
    say(session, f"{folder}: removed {counted(removed.items, 'record')} in {counted(removed.pages, 'page')}")
    say(session, "audits and reports made before are not part of the archive and may still name the person")
    return Exit.OK


@command.command()
@folder_option
@click.option("--older-than", "age", required=True, metavar="D", help="Days to keep, such as 400d, 52w or 2y.")
@now_option
@click.pass_obj
def prune(session: Session, *, folder: Path, age: str, now: datetime | None) -> int:
    """Remove the records of everything that ended longer ago than a retention time."""
    from auditor.tables.remake import prune as pruned

    moment = clock(now)
    removed = pruned(folder, _before(moment, age), now=lambda: moment)
    say(session, f"{folder}: removed {counted(removed.items, 'record')} in {counted(removed.pages, 'page')}")
    return Exit.OK


@command.command()
@place_option
@click.option("--table", required=True, metavar="T", help="The table.")
@click.option("--format", "output", required=True, metavar="FORMAT=PATH", help="parquet, csv or arrow; - is stdout.")
@click.pass_obj
def export(session: Session, *, place: Path | str, table: str, output: str) -> int:
    """Write a table to a file, or to stdout."""
    from auditor.tables.archive import Archive
    from auditor.tables.export import FORMATS
    from auditor.tables.export import export as exported

    name, _, path = output.partition("=")
    if name not in FORMATS or not path:
        raise click.UsageError(
            f"--format is {output!r}; expected one of {', '.join(FORMATS)} and a path, as in csv=t.csv"
        )
    if path != "-":
        rows = exported(Archive(place), table, Path(path), form=name)
    elif sys.stdout is None:
        raise ConfigError(f"--format {output}: standard output is closed")
    else:
        written = io.BytesIO()
        rows = exported(Archive(place), table, written, form=name)
        sys.stdout.buffer.write(written.getvalue())
        sys.stdout.buffer.flush()
    say(session, f"{path}: {counted(rows, 'row')} of {table}")
    return Exit.OK


def _head(text: str | None) -> str | None:
    if text is None:
        return None
    found = _HASH.fullmatch(text.strip().lower())
    if found is None:
        raise click.BadParameter(f"{text!r} is no SHA-256 in 64 hex digits", param_hint="--head")
    return found[1]


def _head_of(audit: Path) -> str:
    try:
        with naming(audit):
            told = json.loads(audit.read_bytes())["audit"]["evidence_head"]
    except (ValueError, KeyError, TypeError, RecursionError):
        told = None
    found = _HASH.fullmatch(told) if isinstance(told, str) else None
    if found is None:
        raise ConfigError(f"{audit}: it is no audit with an evidence_head")
    return found[1]


def _before(moment: datetime, text: str) -> datetime:
    """The moment an age ago."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or int(found[1]) == 0 or len(found[1]) > 5:
        raise click.BadParameter(f"{text!r} is no age such as 400d, 52w or 2y", param_hint="--older-than")
    try:
        return moment - timedelta(days=int(found[1]) * _DAYS[found[2]])
    except OverflowError:
        raise click.BadParameter(f"{text!r} reaches back beyond the year 1", param_hint="--older-than") from None
