"""Options that several verbs take, and how their texts become values."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click

from auditor.cli.context import Session
from auditor.errors import ConfigError
from auditor.evidence.remote import is_remote
from auditor.frozen import dataclass
from auditor.model.window import Window, instant
from auditor.settings import Settings, load

Command = TypeVar("Command", bound=Callable[..., object])

CONFIG = "auditor.yaml"
_SETTING = re.compile(r",(?=[A-Za-z][\w-]*\.[a-z][a-z0-9_]*=)")
ADDRESS = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+")
_FIRST_YEAR, _LAST_YEAR = 1900, 9900
"""Between these all spans that are reckoned from a time stay within the calendar."""

_NO_HOST = re.compile(r"[^\w.:-]")
_ONE_SETTING = re.compile(r"([A-Za-z][\w-]*)\.([a-z][a-z0-9_]*)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Output:
    """A format and where it goes; `path` is None for stdout."""

    format: str
    path: Path | None


class ArchiveFolder(click.ParamType[Path]):
    """The folder of an archive, for a verb that writes there: an address is refused."""

    name = "folder"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The folder as a path."""
        del param
        text = _place(value)
        if is_remote(text):
            verb = ctx.command_path.partition(" ")[2] if ctx is not None else "this verb"
            raise ConfigError(f"{verb} writes to the archive, and an archive on an object store can only be read")
        return Path(text)


class ArchivePlace(click.ParamType[Path | str]):
    """Where an archive lies that a verb only reads: a folder, or an address on an object store."""

    name = "place"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """The folder as a path, an address as its text."""
        del param, ctx
        text = _place(value)
        return text if is_remote(text) else Path(text)


class Folder(click.Path):
    """A folder that is written to or read from; an empty name is none."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The folder as a path."""
        return super().convert(_place(value), param, ctx)


def comma_list(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """The values of an option that may be repeated and takes commas; each once, in order. None is empty."""
    del context, parameter
    found = _divided(values)
    if not all(found):
        raise click.BadParameter(f"{','.join(values)!r} has an empty value; name it, or leave the option out")
    return found


def one_site(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A site as Webex names it: the bare host in lower case; its address is taken for that."""
    del context, parameter
    if value is None:
        return None
    host = value.strip().lower().removeprefix("https://").removeprefix("http://").removesuffix("/")
    if not host or _NO_HOST.search(host):
        raise click.BadParameter(f"{value!r} is no site such as example.webex.com")
    return host


def each_site(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """The sites of an option that may be repeated and takes commas; each once, in order."""
    named = (one_site(context, parameter, value) for value in _divided(values))
    return tuple(dict.fromkeys(host for host in named if host is not None))


def one_address(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """An e-mail address, without blanks around it."""
    del context, parameter
    if value is not None and ADDRESS.fullmatch(value.strip()) is None:
        raise click.BadParameter(f"{value!r} is no e-mail address")
    return None if value is None else value.strip()


def moment(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """An ISO 8601 time, UTC without an offset."""
    del context, parameter
    if value is None:
        return None
    try:
        return instant(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def zone(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The name of a time zone that exists."""
    del context, parameter
    if value is not None:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise click.BadParameter(f"{value!r} is no time zone such as Europe/Berlin") from None
    return value


def window_options(command: Command) -> Command:
    """`--period`, `--from`, `--to`, `--days` and `--timezone`; `asked_window` makes a window of them."""
    for option in (
        click.option("--timezone", metavar="ZONE", callback=zone, help="Zone of --period and of printed times."),
        click.option("--days", type=click.IntRange(min=1, max=36_500), metavar="N", help="The N days before --now."),
        click.option("--to", "until", metavar="T", callback=moment, help="End of the window; not part of it."),
        click.option("--from", "since", metavar="T", callback=moment, help="Start of the window."),
        click.option("--period", metavar="P", help="2026, 2026-Q3, 2026-09, 2026-W38 or 2026-09-14."),
    ):
        command = option(command)
    return command


def sites_option(words: str) -> Callable[[Command], Command]:
    """`--site URL…`, of which the `words` tell what is done with these sites."""
    return click.option("--site", "sites", multiple=True, callback=each_site, metavar="URL…", help=words)


def now_option(command: Command) -> Command:
    """`--now T`, which `clock` reads."""
    return click.option(
        "--now", metavar="T", callback=moment, help="The time it is; SOURCE_DATE_EPOCH, else the clock."
    )(command)


def clock(now: datetime | None) -> datetime:
    """The time `--now` names, else SOURCE_DATE_EPOCH, else the machine's clock in whole seconds."""
    told = _told_time() if now is None else now
    if not _FIRST_YEAR <= told.year <= _LAST_YEAR:
        raise click.UsageError(f"the time given lies in the year {told.year}; expected {_FIRST_YEAR} to {_LAST_YEAR}")
    return told


def _told_time() -> datetime:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return datetime.fromtimestamp(int(time.time()), UTC)
    try:
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError):
        raise click.UsageError(f"SOURCE_DATE_EPOCH is {epoch!r}; expected seconds since 1970") from None


def asked_window(
    *,
    period: str | None,
    since: datetime | None,
    until: datetime | None,
    days: int | None,
    timezone: str | None,
    now: datetime,
) -> Window | None:
    """The window the options ask for; None when they ask for none. Raises `click.UsageError` when they disagree."""
    ways = [period is not None, since is not None or until is not None, days is not None]
    if sum(ways) > 1:
        raise click.UsageError("--period, --from with --to, and --days exclude each other")
    try:
        if period is not None:
            return Window.period(period, zone=timezone or "UTC")
        if days is not None:
            return Window(now - timedelta(days=days), now)
        if until is not None and since is None:
            raise click.UsageError("--to needs --from")
        return None if since is None else Window(since, until or now)
    except (ValueError, OverflowError) as error:
        raise click.UsageError(str(error)) from None


def overrides(
    context: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> tuple[tuple[str, str, str], ...]:
    """(rule, parameter, text) of every `RULE.param=VALUE`; a comma divides only where another one begins."""
    del context, parameter
    found = []
    for value in (part for text in values for part in _SETTING.split(text)):
        match = _ONE_SETTING.fullmatch(value.strip())
        if match is None:
            raise click.BadParameter(f"{value!r} is no RULE.param=VALUE such as IDN-002.min_overlap=5m")
        found.append((match[1], match[2], match[3]))
    return tuple(found)


def outputs(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> tuple[Output, ...]:
    """Every `FORMAT=PATH`; `-` is stdout, which only one may have, and no file is named twice."""
    del context, parameter
    from auditor.reports.formats import FORMATS

    divider = re.compile(rf",(?=(?:{'|'.join(FORMATS)})=)")
    found = []
    for value in (part for text in values for part in divider.split(text)):
        name, equals, path = value.partition("=")
        if name not in FORMATS:
            raise click.BadParameter(f"unknown format {name!r}; one of {', '.join(FORMATS)}")
        if not equals or not path:
            raise click.BadParameter(f"{value!r} is no FORMAT=PATH such as json=audit.json")
        found.append(Output(name, None if path == "-" else Path(path)))
    places = [None if output.path is None else os.path.realpath(output.path) for output in found]
    if len(set(places)) < len(places):
        raise click.BadParameter("two formats go to one place")
    return tuple(found)


def settings_of(session: Session) -> Settings:
    """The configuration: the named file, else `auditor.yaml` of the working folder, else the defaults."""
    if session.config is not None:
        return load(Path(session.config))
    default = Path(CONFIG)
    return load(default if default.is_file() else None)


def _divided(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for value in values for part in value.split(",")))


def _place(value: object) -> str:
    """The text of a place; an empty one would be the working folder."""
    text = str(value)
    if not text.strip():
        raise click.BadParameter(f"{text!r} names no place; write . for the working folder")
    return text
