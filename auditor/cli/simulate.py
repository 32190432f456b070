"""The verb `simulate`: an invented Webex site, served on loopback."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import click

from auditor.cli.context import Exit
from auditor.cli.options import Folder
from auditor.errors import ConfigError


@click.group()
def command() -> None:
    """Serve an invented Webex site on loopback, or write the records of one."""


@command.command()
@click.option("--out", required=True, type=Folder(), metavar="DIR", help="Folder.")
@click.option("--sample", is_flag=True, help="The company that ships as sample data, byte for byte.")
@click.option("--users", type=click.IntRange(24, 100_000), help="People of the company; 60 unless named.")
@click.option("--days", type=click.IntRange(5, 3_650), help="Days of its calendar; 28 unless named.")
@click.option("--seed", help="Seed of all chance; 1 unless named.")
@click.option("--zero", is_flag=True, help="Plant nothing.")
@click.option("--effect", type=click.FloatRange(0.05, 20), help="How strong what is planted is; 1 unless named.")
def generate(
    out: Path, users: int | None, days: int | None, seed: str | None, effect: float | None, *, sample: bool, zero: bool
) -> int:
    """Write the records of an invented company as raw API JSON, with the labels of what was planted."""
    if sample:
        if zero or (users, days, seed, effect) != (None, None, None, None):
            raise click.UsageError("--sample has its own size, seed and plants")
        from auditor.simulator.population import SAMPLE, population, write

        paths = write(population(SAMPLE), out)
    else:
        from auditor.simulator import scale

        try:
            company = scale.Scale(users or 60, days or 28, seed=seed or "1", effect=effect or 1.0, zero=zero)
        except ValueError as error:  # no number lies outside no bounds
            raise click.UsageError(str(error)) from error
        paths = scale.write(scale.make(company), out)
    for path in paths:
        click.echo(path)
    return Exit.OK


@command.command()
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    metavar="DIR",
    help="Folder with the site's records; the shipped sample without it.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; a free one unless named.")
@click.option("--now", "clock", metavar="T", help="The server's clock, ISO 8601; the data's own unless given.")
@click.option("--token", metavar="T", help="The access token it accepts.")
@click.option("--faults", "spec", metavar="SPEC", default="", help="Faults to have: name[=value][:times[each]][,…].")
def serve(data: Path | None, port: int, clock: str | None, token: str | None, spec: str) -> int:
    """Answer as Webex does until interrupted; the first line printed is the base URL."""
    from auditor import simulator
    from auditor.model.window import instant
    from auditor.resources import resource

    site = simulator.Site.load(resource("sample_data") if data is None else data)
    try:
        now = instant(clock) if clock is not None else site.now or datetime.now(UTC)
    except ValueError as error:
        raise ConfigError(f"--now: {error}") from error
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    faults = simulator.parse_faults(spec)
    with simulator.serve(site, now=now, faults=faults, token=token or simulator.TOKEN, port=port) as server:
        click.echo(server.base_url)
        click.echo(f"serving {site.url} at {now.isoformat()}; token {server.token}; interrupt to stop", err=True)
        stopping.wait()
    return Exit.OK


@command.command()
def faults() -> int:
    """List the faults `serve --faults` knows, one a line with what it does."""
    from auditor.simulator import KINDS

    for kind in KINDS.values():
        click.echo(f"{kind.name:26} {kind.does}")
    return Exit.OK
