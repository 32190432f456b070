"""What `doctor` looks at, one function a subject."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from auditor import __version__
from auditor.cli.connection import UNHEARD, brief_client, listened_for, origin_of, wire_to
from auditor.engines.java import OLDEST, java
from auditor.errors import ArchiveError, AuditorError, AuthError, ConfigError, SourceError, said
from auditor.frozen import dataclass
from auditor.model.window import dated
from auditor.settings import Geoip, Settings
from auditor.webex.awaited import Stopped
from auditor.webex.client import Ask, Client
from auditor.webex.endpoints import ME, MEETINGS, PARTICIPANTS, SITES, USAGE, Endpoint
from auditor.webex.links import Pairs
from auditor.webex.payload import Json, records
from auditor.webex.sites import chosen
from auditor.webex.work import stamp
from auditor.words import counted

_NEEDED = ("click", "deltalake", "httpx", "jinja2", "polars", "pydantic", "pyyaml", "rich", "weasyprint", "zstandard")
_EXTRAS = {"keyring": "keyring", "maxminddb": "geo", "obstore": "cloud", "pyhanko": "sign", "pyspark": "spark"}
_MONTH = timedelta(days=29)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the diagnosis."""

    name: str
    state: Literal["ok", "missing", "note"]
    detail: str


def programs() -> Iterator[Check]:
    """Versions of this program and the packages it stands on."""
    yield Check("auditor", "ok", __version__)
    for name in _NEEDED:
        found = _version(name)
        yield Check(name, "missing", "not installed") if found is None else Check(name, "ok", found)
    for name, extra in _EXTRAS.items():
        found = _version(name)
        words = f"not installed; only the extra {extra} needs it" if found is None else found
        yield Check(name, "note" if found is None else "ok", words)


def libraries() -> Iterator[Check]:
    """The native libraries the PDF writer loads."""
    try:
        import weasyprint
    except (OSError, ImportError) as error:
        yield Check("pango", "missing", f"PDF reports need it: {str(error).splitlines()[0]}")
    else:
        yield Check("pango", "ok", f"loaded by WeasyPrint {weasyprint.__version__}")


def spark(environment: Mapping[str, str]) -> Iterator[Check]:
    """What `--engine spark=MASTER` stands on: Java, and of the extra what PySpark does not bring itself."""
    found = java(environment)
    needed = f"only --engine spark needs it, in version {OLDEST} or newer"
    wanted = _version("pyspark") is not None
    if found is None:
        yield Check("java", "missing" if wanted else "note", f"not found; {needed}")
    elif not found.serves:
        told = "does not tell its version" if found.version is None else f"is version {found.version}"
        yield Check("java", "missing" if wanted else "note", f"{found.program} {told}; {needed}")
    else:
        yield Check("java", "ok", f"{found.version}, {found.program}")
    for name in ("pandas", "pyarrow") if wanted else ():
        version_ = _version(name)
        yield (
            Check(name, "missing", "PySpark needs it: install the extra spark")
            if version_ is None
            else Check(name, "ok", version_)
        )


def credentials(settings: Settings, *, base_url: str | None, now: datetime) -> Iterator[Check]:
    """Whether there is a token, whether Webex takes it, and which scopes it has.

    Nothing is waited for longer than a few seconds until Webex has answered once.
    """
    try:
        origin = origin_of(base_url)
        with wire_to(origin, settings.collect) as wire:
            client = brief_client(wire, now=lambda: now)
            yield Check("token", "ok", f"found for {origin.base}")
            with listened_for(client) as heard:
                yield from _scopes(client, settings.sites, now, heard=heard)
    except (ConfigError, AuthError) as error:
        yield Check("token", "missing", str(error))


def _scopes(client: Client, wanted: Sequence[str], now: datetime, *, heard: Callable[[], None]) -> Iterator[Check]:
    """One request for each scope, as small as it may be; raises `AuthError` when the token is refused.

    `heard` is told once it is known whether Webex answers at all.
    """
    span = (("from", stamp(now - _MONTH)), ("to", stamp(now)))
    check, person = _probed(client, ME, (), optional=True)
    if person is not None:
        heard()
    yield check
    check, found = _probed(client, SITES, ())
    heard()
    yield check
    if found is not None:
        site = yield from _site(wanted, found, listed=check.state == "ok")
        if site is not None:
            yield from _reports(client, site, span)
            return
    untried = " ".join(endpoint.scopes[0] for endpoint in (USAGE, MEETINGS, PARTICIPANTS))
    yield Check("scopes", "note", f"{untried} were not tried")


def _site(wanted: Sequence[str], found: list[dict[str, Json]], *, listed: bool) -> Generator[Check, None, str | None]:
    """The site to try the other scopes on: the configured one, else the first the token sees."""
    seen = [str(each.get("siteUrl")) for each in found]
    if not listed:
        return next(iter(wanted), None)
    try:
        sites = chosen(wanted, [site.lower() for site in seen], refused=None)
    except ConfigError as error:
        yield Check("sites", "missing", str(error))
        return None
    yield Check("sites", "ok", ", ".join(seen) or ", ".join(sites))
    return sites[0]


def _reports(client: Client, site: str, span: Pairs) -> Iterator[Check]:
    """The scopes that are asked for with a site."""
    check, meetings = _probed(client, USAGE, (("siteUrl", site), *span, ("max", "1")))
    yield check
    query = (("meetingType", "meeting"), ("state", "ended"), *span, ("siteUrl", site), ("max", "1"))
    yield _probed(client, MEETINGS, query)[0]
    if not meetings:
        yield Check("participants", "note", f"{PARTICIPANTS.scopes[0]} was not tried: no meeting in the last weeks")
        return
    yield _probed(client, PARTICIPANTS, (("meetingId", str(meetings[0].get("meetingId"))), ("max", "1")))[0]


def _probed(
    client: Client, endpoint: Endpoint, query: Pairs, *, optional: bool = False
) -> tuple[Check, list[dict[str, Json]] | None]:
    """What one endpoint says to the token, with the records it gave; None where it gave no answer to judge by."""
    scope = " ".join(endpoint.scopes)
    absent: Literal["missing", "note"] = "note" if optional else "missing"
    try:
        answer = client.send(Ask(endpoint, client.url(endpoint, query), f"doctor {endpoint.name}"))
        found = [] if endpoint is ME else [dict(each) for each in _objects(answer.body, endpoint)]
    except AuthError as error:
        if error.status != 403:
            raise
        return Check(scope, absent, f"{endpoint.path} is refused"), []
    except SourceError as error:
        return Check(scope, absent, f"could not be tried: {error}"), None
    except Stopped:
        words = f"{client.origin.host} did not answer within {UNHEARD.total_seconds():.0f} s"
        return Check(scope, absent, f"could not be tried: {words}"), None
    return Check(scope, "ok", f"{endpoint.path} answers"), found


def _objects(body: bytes, endpoint: Endpoint) -> Iterator[dict[str, Json]]:
    for each in records(body, key=endpoint.items):
        if isinstance(each, dict):
            yield each


def archive(folder: Path | str) -> Iterator[Check]:
    """Whether an archive can be opened, and its evidence and tables are whole."""
    from auditor.evidence.swap import reading
    from auditor.tables.archive import Archive
    from auditor.tables.damage import ADVICE, compared

    try:
        opened = Archive(folder)
        with reading(opened.place):
            faults = opened.evidence.verify()
            chain, tables = opened.chain(), compared(opened)
    except (ArchiveError, ConfigError) as error:
        yield Check("archive", "missing", str(error))
        return
    except OSError as error:
        yield Check("archive", "missing", f"{error.filename or folder}: {said(error)}")
        return
    yield Check("archive", "ok", f"{counted(chain.pages, 'page')}, {chain.bytes:,} bytes, head {chain.head}")
    for fault in faults[:10]:
        yield Check("evidence", "missing", str(fault))
    if not faults:
        yield Check("evidence", "ok", "every page and entry is as it was written")
    for fault in tables.faults[:10]:
        yield Check("tables", "missing", str(fault) if fault.unread else f"{fault}; {ADVICE}")
    if tables.faults:
        return
    yield Check("tables", "ok", "every file is as it was written")
    span = opened.span()
    yield Check(
        "holds", "note" if span is None else "ok", "nothing yet" if span is None else _held(span.start, span.end)
    )


def _held(start: datetime, end: datetime) -> str:
    return f"{dated(start)} to {dated(end)}"


def databases(geoip: Geoip) -> Iterator[Check]:
    """The GeoIP databases that the configuration names."""
    if geoip.city is None and geoip.asn is None:
        yield Check("geoip", "note", "no database is configured; facts of places stay null")
        return
    try:
        from auditor.tables.geoip import GeoIP

        opened = GeoIP(city=geoip.city, asn=geoip.asn)
    except (AuditorError, ImportError) as error:
        yield Check("geoip", "missing", str(error))
        return
    for database in opened.databases:
        yield Check("geoip", "ok", str(database))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
