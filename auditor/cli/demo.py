"""The verb `demo`: the whole pipeline on the shipped sample data, offline."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path
from shutil import rmtree
from threading import Event
from typing import TYPE_CHECKING

import click

from auditor.cli.context import Exit, Session
from auditor.cli.options import Folder
from auditor.errors import ConfigError

if TYPE_CHECKING:
    from auditor.model.window import Window
    from auditor.settings import Settings
    from auditor.simulator import Site
    from auditor.tables.archive import Archive
    from auditor.webex.wire import Wire

DEFAULT = "auditor-demo"
_FILES = {"json": "audit.json", "html": "report.html", "pdf": "report.pdf"}
_ARCHIVE = "archive"


@click.command()
@click.option(
    "--out",
    default=DEFAULT,
    type=Folder(),
    metavar="DIR",
    help=f"Folder for the results; {DEFAULT} unless named.",
)
@click.pass_obj
def command(session: Session, out: Path) -> int:
    """Collect from a simulated site, check and report: nothing leaves the machine, two runs give the same bytes."""
    from auditor.audit import Request, check
    from auditor.cli.summary import tell
    from auditor.model.window import Window
    from auditor.reports.formats import FORMATS, Options
    from auditor.reports.write import write_file
    from auditor.resources import resource
    from auditor.rules.reading.load import load_rules
    from auditor.settings import load
    from auditor.simulator import Site
    from auditor.simulator.population import SAMPLE

    site = Site.load(resource("sample_data"))
    settings = load(resource("sample_data/auditor.yaml"))
    window = Window(SAMPLE.first, SAMPLE.first + timedelta(days=SAMPLE.days))
    now = site.now or SAMPLE.now
    archive = _collected(site, _emptied(out, now), settings, window=window, now=now)
    audit = check(archive, load_rules(tests=False), request=Request(window=window, settings=settings), now=now)
    for name, file in _FILES.items():
        write_file(out / file, FORMATS[name].render(audit, Options()))
    tell(audit, session)
    for file in (*_FILES.values(), _ARCHIVE):
        click.echo(out / file)
    return Exit.OK


def _emptied(out: Path, now: datetime) -> Path:
    """The folder of the archive, new: what an earlier demo left there is removed, anything else is refused."""
    from auditor.evidence.entry import RunEntry
    from auditor.evidence.reader import Evidence

    folder = out / _ARCHIVE
    if folder.exists():
        if not (folder / "archive.json").is_file():
            raise ConfigError(f"{folder} is there and no archive; name another folder by --out")
        first = next(Evidence(folder).entries(), None)
        if first is not None and not (isinstance(first, RunEntry) and first.at == now):
            raise ConfigError(f"{folder} is an archive that no demo made; name another folder by --out")
        rmtree(folder)
    out.mkdir(parents=True, exist_ok=True)
    return folder


def _collected(site: Site, folder: Path, settings: Settings, *, window: Window, now: datetime) -> Archive:
    """An archive of what the simulated site answers; its clock is the sample's."""
    from auditor.simulator import serve
    from auditor.tables.archive import Archive
    from auditor.webex.auth import Fixed, Token
    from auditor.webex.client import Client
    from auditor.webex.collect import Means, collect
    from auditor.webex.limiter import Clock, Limiter
    from auditor.webex.plan import Wanted

    stopped = Event()
    clock = Clock(time.monotonic, time.sleep)
    archive = Archive.create(folder)
    with serve(site, now=now) as server, _wire(server.base_url) as wire:
        client = Client(
            wire,
            Fixed(Token(server.token)),
            limiter=Limiter(clock, stopped=stopped.is_set),
            clock=clock,
            now=lambda: now,
            stopped=stopped,
        )
        means = Means(client, lambda: now, stopped, settle=settings.collect.settle)
        collect(Wanted(sites=settings.sites, window=window, also=settings.collect.also), archive, means)
    return archive


def _wire(base_url: str) -> Wire:
    from auditor.webex.origin import Origin
    from auditor.webex.wire import Transport, Wire

    return Wire(Origin.of(base_url), Transport(), monotonic=time.monotonic)
