"""The verb `check`: judge an archive by rules, write the audit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import click

from auditor.cli.context import Exit, Session, say
from auditor.cli.options import (
    ArchivePlace,
    Output,
    asked_window,
    clock,
    comma_list,
    now_option,
    outputs,
    overrides,
    settings_of,
    sites_option,
    window_options,
)
from auditor.settings.file import FAIL_ON

if TYPE_CHECKING:
    from auditor.engines.engine import Engine
    from auditor.model.audit import Audit

LOCAL = "local"
_UNSET = frozenset({"", "0", "false"})


def _engine_named(context: click.Context, parameter: click.Parameter, value: str) -> str | None:
    """The master of Spark; None for this machine."""
    del context, parameter
    kind, _, master = value.partition("=")
    if value == LOCAL:
        return None
    if kind != "spark" or not master:
        raise click.BadParameter(f"unknown engine {value!r}; local, or spark=MASTER as in spark=local[2]")
    return master


@click.command()
@click.option(
    "--archive", required=True, type=ArchivePlace(), metavar="DIR", help="The archive: a folder, or its address."
)
@window_options
@sites_option("Sites to judge; those of the configuration unless named, else all.")
@click.option("--rules", "rules", multiple=True, callback=comma_list, metavar="PATH…", help="Rule files and folders.")
@click.option("--no-bundled-rules", is_flag=True, help="Only the rules of --rules and of the configuration.")
@click.option(
    "--only", multiple=True, callback=comma_list, metavar="ID…", help="Only these rules, at any status but disabled."
)
@click.option("--exclude", multiple=True, callback=comma_list, metavar="ID…", help="Not these rules.")
@click.option(
    "--set", "changed", multiple=True, callback=overrides, metavar="RULE.param=VALUE…", help="Parameters of rules."
)
@click.option(
    "--waivers",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Waivers; those of the configuration unless named.",
)
@click.option(
    "--previous", type=click.Path(dir_okay=False, path_type=Path), metavar="AUDIT.json", help="The audit before."
)
@click.option(
    "--format", "written", multiple=True, callback=outputs, metavar="FORMAT=PATH…", help="What to write; - is stdout."
)
@click.option(
    "--fail-on", type=click.Choice(FAIL_ON), help="Least severity of an open finding for exit 1; high unless set."
)
@click.option("--new-only", is_flag=True, help="Exit code and console look at new and reopened findings only.")
@click.option(
    "--redact", is_flag=True, help="Pseudonyms in place of people, meetings and addresses in what is written."
)
@click.option("--explain-plan", is_flag=True, help="Say how the rules would be judged, and judge nothing.")
@click.option("--profile", "profiled", is_flag=True, help="Say on stderr what each step cost.")
@click.option(
    "--engine",
    default=LOCAL,
    callback=_engine_named,
    metavar="local|spark=MASTER",
    help="Where the rules are judged: here, or by Spark (extra spark).",
)
@now_option
@click.pass_obj
def command(
    session: Session,
    *,
    archive: Path | str,
    period: str | None,
    since: datetime | None,
    until: datetime | None,
    days: int | None,
    timezone: str | None,
    sites: tuple[str, ...],
    rules: tuple[str, ...],
    no_bundled_rules: bool,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    changed: tuple[tuple[str, str, str], ...],
    waivers: Path | None,
    previous: Path | None,
    written: tuple[Output, ...],
    fail_on: str | None,
    new_only: bool,
    redact: bool,
    explain_plan: bool,
    profiled: bool,
    engine: str | None,
    now: datetime | None,
) -> int:
    """Judge the records of an archive by rules and write what was found, in any number of formats.

    Without a window that is everything the archive holds.
    """
    from auditor.audit import Request, check
    from auditor.cli.audits import comparable, loaded_rules
    from auditor.cli.rendering import redacted_audit, write_outputs
    from auditor.cli.summary import tell
    from auditor.model.exit import exit_code
    from auditor.model.vocabulary import Severity
    from auditor.reports.formats import Options
    from auditor.rules.profile import Profile
    from auditor.tables.archive import Archive
    from auditor.triage.waiver_file import load as load_waivers

    moment = clock(now)
    window = asked_window(period=period, since=since, until=until, days=days, timezone=timezone, now=moment)
    settings = settings_of(session)
    file = waivers or settings.waivers
    request = Request(
        window=window,
        sites=sites,
        settings=settings,
        only=only,
        exclude=exclude,
        overrides=changed,
        waivers=None if file is None else load_waivers(file),
        previous=None if previous is None else comparable(previous),
        timezone=timezone,
    )
    loaded = loaded_rules(settings, paths=rules, bundled=not no_bundled_rules)
    opened = Archive(archive)
    if explain_plan:
        from auditor.audit.planned import planned
        from auditor.tables.still import held_still

        with held_still(opened) as still:
            for line in planned(still, loaded, request=request, now=moment):
                click.echo(line)
        return Exit.OK
    profile = Profile(process_time) if profiled else None
    with _started(engine, session) as judging:
        audit = check(opened, loaded, request=request, now=moment, engine=judging, profile=profile)
    if profile is not None:
        from auditor.cli.costs import costs

        for line in costs(profile):
            click.echo(line, err=True)
    bar = fail_on or settings.fail_on
    shown = redacted_audit(audit) if redact else audit
    write_outputs(shown, written, options=Options(), session=session)
    tell(shown, session, new_only=new_only)
    if any(os.environ.get(name, "").lower() not in _UNSET for name in ("CI", "GITHUB_ACTIONS")):
        _annotate(shown, new_only=new_only, to_stderr=any(output.path is None for output in written))
    return exit_code(audit, fail_on=None if bar == "never" else Severity(bar), new_only=new_only)


@contextmanager
def _started(master: str | None, session: Session) -> Iterator[Engine]:
    """This machine, or Spark on a master until the audit is made."""
    if master is None:
        from auditor.engines import local

        yield local.run
        return
    from auditor.engines.spark import engine

    with engine(master, environment=os.environ, say=partial(say, session)) as judging:
        yield judging


def _annotate(audit: Audit, *, new_only: bool, to_stderr: bool) -> None:
    """Annotations for the build: on stdout, unless a format is written there."""
    from auditor.cli.annotations import commands

    for line in commands(audit, new_only=new_only):
        click.echo(line, err=to_stderr)
