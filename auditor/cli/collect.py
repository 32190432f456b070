"""The verb `collect`: fetch what an archive lacks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import click

from auditor.cli.connection import base_url_option, client_for, origin_of, wire_to
from auditor.cli.context import Exit, Session, fail
from auditor.cli.options import (
    ADDRESS,
    ArchiveFolder,
    asked_window,
    clock,
    comma_list,
    now_option,
    one_address,
    settings_of,
    sites_option,
    window_options,
)
from auditor.errors import AuthError, ConfigFileError, Problem, SourceError, naming

if TYPE_CHECKING:
    from auditor.webex.plan import Wanted


@click.command()
@click.option("--archive", "folder", required=True, type=ArchiveFolder(), metavar="DIR", help="The archive.")
@sites_option("Sites to ask; those of the configuration unless named, else all.")
@window_options
@click.option("--meeting-id", "ids", multiple=True, callback=comma_list, metavar="ID…", help="Attendees of these only.")
@click.option(
    "--meeting-number", "numbers", multiple=True, callback=comma_list, metavar="N…", help="The same by number."
)
@click.option("--meeting-title", "titles", multiple=True, callback=comma_list, metavar="T…", help="The same by title.")
@click.option(
    "--participants", type=click.Choice(["all", "none"]), default="all", help="Participants of each meeting seen."
)
@click.option(
    "--emails",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Ask for these people instead; one address a line.",
)
@click.option("--host-email", metavar="E", callback=one_address, help="Participants of meetings of this host only.")
@base_url_option
@click.option(
    "--concurrency", type=click.IntRange(1, 32), default=4, metavar="N", help="Requests at a time; 4 unless set."
)
@now_option
@click.option("--plan", "only_plan", is_flag=True, help="Print the requests and make none.")
@click.pass_obj
def command(
    session: Session,
    *,
    folder: Path,
    sites: tuple[str, ...],
    period: str | None,
    since: datetime | None,
    until: datetime | None,
    days: int | None,
    timezone: str | None,
    ids: tuple[str, ...],
    numbers: tuple[str, ...],
    titles: tuple[str, ...],
    participants: str,
    emails: Path | None,
    host_email: str | None,
    base_url: str | None,
    concurrency: int,
    now: datetime | None,
    only_plan: bool,
) -> int:
    """Fetch what is missing of the window, or may have changed since it was fetched.

    Without a window that is the last 90 days, which is how far back Webex answers.
    """
    from auditor.webex.plan import Wanted

    settings = settings_of(session)
    wanted = Wanted(
        sites=sites or settings.sites,
        window=asked_window(period=period, since=since, until=until, days=days, timezone=timezone, now=clock(now)),
        narrowed=_narrowed(ids, numbers, titles),
        participants=participants == "all",
        emails=() if emails is None else _addresses(emails),
        host_email=host_email,
        also=settings.collect.also,
    )
    if wanted.emails and not wanted.participants:
        raise click.UsageError("--emails asks for participants; --participants none asks for none")
    origin = origin_of(base_url)
    if only_plan:
        return _print_plan(wanted, folder, base=origin.base, now=clock(now), settle=settings.collect.settle)
    return _collect(session, wanted, folder, base_url=base_url, concurrency=concurrency, now=now)


def _collect(
    session: Session, wanted: Wanted, folder: Path, *, base_url: str | None, concurrency: int, now: datetime | None
) -> int:
    from auditor.cli.collected import tell_collected
    from auditor.cli.progress import shown
    from auditor.tables.archive import Archive
    from auditor.webex.collect import Means, collect

    settings = settings_of(session)
    stopped = Event()
    running = _running(now)
    with wire_to(origin_of(base_url), settings.collect, connections=concurrency) as wire:
        client = client_for(wire, now=running, stopped=stopped)
        archive = Archive.create(folder)
        terminal = sys.stderr.isatty() and session.log_format == "text"
        with shown(client, terminal=terminal, wanted=session.progress and session.verbosity >= 0) as listen:
            means = Means(client, running, stopped, settle=settings.collect.settle, threads=concurrency, listen=listen)
            try:
                outcome = collect(wanted, archive, means)
            except SourceError as error:
                code = fail(error, session)
                return code if isinstance(error, AuthError) else Exit.INCOMPLETE
    tell_collected(outcome, session)
    if outcome.refusal is not None:
        return fail(outcome.refusal, session)
    return Exit.INCOMPLETE if outcome.gaps else Exit.OK


def _print_plan(wanted: Wanted, folder: Path, *, base: str, now: datetime, settle: timedelta) -> int:
    """Print the requests that can be known without making one."""
    from auditor.webex.foresee import foreseen

    for line in foreseen(wanted, folder, base=base, now=now, settle=settle):
        click.echo(line)
    return Exit.OK


def _running(now: datetime | None) -> Callable[[], datetime]:
    """The clock of the run: one that stands still when the time was given."""
    if now is None and "SOURCE_DATE_EPOCH" not in os.environ:
        return lambda: datetime.now(UTC)
    fixed = clock(now)
    return lambda: fixed


def _narrowed(
    ids: tuple[str, ...], numbers: tuple[str, ...], titles: tuple[str, ...]
) -> tuple[str, tuple[str, ...]] | None:
    """The one parameter that narrows the attendee report; Webex ignores all but the first."""
    given = [
        (name, tuple(values))
        for name, values in (("meetingId", ids), ("meetingNumber", numbers), ("meetingTitle", titles))
        if values
    ]
    if len(given) > 1:
        raise click.UsageError("--meeting-id, --meeting-number and --meeting-title exclude each other")
    series = [value for value in ids if "_I_" not in value]
    if series:
        raise click.UsageError(f"--meeting-id takes ids of ended instances, which contain _I_; {series[0]} is none")
    return given[0] if given else None


def _addresses(path: Path) -> tuple[str, ...]:
    """The e-mail addresses of a file, one a line; blank and `#` lines are skipped."""
    from auditor.tables.csvfile import text_of

    found: list[str] = []
    problems: list[Problem] = []
    with naming(path):
        content = path.read_bytes()
    for number, line in enumerate(text_of(content, name=str(path)).splitlines(), 1):
        text = line.strip().lower()
        if not text or text.startswith("#"):
            continue
        if not ADDRESS.fullmatch(text):
            problems.append(Problem(str(path), number, 1, "this line is no e-mail address"))
        found.append(text)
    if not found:
        problems.append(Problem(str(path), 1, 1, "the file names nobody"))
    if problems:
        raise ConfigFileError(problems)
    return tuple(dict.fromkeys(found))
