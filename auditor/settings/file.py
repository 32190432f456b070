"""`auditor.yaml` as frozen dataclasses."""

from __future__ import annotations

import dataclasses
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from auditor.documents import Map, Scalar, kind, nearest, plain, printable, read
from auditor.errors import ConfigError, Problem
from auditor.frozen import dataclass
from auditor.settings.fields import Fields, located, settle, single
from auditor.settings.lists import contents

SEVERITIES = ("critical", "high", "medium", "low", "info")
FAIL_ON = (*SEVERITIES, "never")
MIN_STATUS = ("stable", "test", "experimental")
ALSO = ("invitees", "settings")

_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_LARGEST_LOGO = 2 << 20
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Collect:
    """What `collect` fetches beyond the default, and how it reaches Webex."""

    settle: timedelta = timedelta(hours=24)
    also: tuple[str, ...] = ()
    proxy: str | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """Which rules there are and which of them run; `exclude` names ids or names where they stand."""

    paths: tuple[Path, ...] = ()
    exclude: tuple[Scalar, ...] = ()
    min_status: str = "stable"


@dataclass(frozen=True, slots=True)
class Geoip:
    """Where the GeoIP databases lie."""

    city: Path | None = None
    asn: Path | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """How reports look; `logo` is a data URL."""

    title: str | None = None
    organisation: str | None = None
    prepared_for: str | None = None
    classification: str | None = None
    logo: str | None = None
    max_findings_per_rule: int = 200
    timezone: str | None = None
    accent: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """All of `auditor.yaml`. Values that only a rule can judge are kept as nodes, with their places."""

    path: Path | None = None
    sites: tuple[str, ...] = ()
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    collect: Collect = Collect()
    rules: Rules = Rules()
    params: Mapping[str, Map] = field(default_factory=lambda: MappingProxyType({}))
    severity: Mapping[str, Scalar] = field(default_factory=lambda: MappingProxyType({}))
    named: Mapping[str, Scalar] = field(default_factory=lambda: MappingProxyType({}))
    """Every rule named under `params` and `severity`, where it stands."""
    geoip: Geoip = Geoip()
    report: Report = Report()
    waivers: Path | None = None
    fail_on: str = "high"
    allow_python_rules: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of every value that can change an audit; paths and the network do not."""
        told = {
            "sites": self.sites,
            "lists": {name: self.lists[name] for name in sorted(self.lists)},
            "settle": self.collect.settle // timedelta(microseconds=1),
            "exclude": sorted(name.text for name in self.rules.exclude),
            "min_status": self.rules.min_status,
            "params": {name: plain(self.params[name]) for name in sorted(self.params)},
            "severity": {name: self.severity[name].text for name in sorted(self.severity)},
            "report": [getattr(self.report, name) for name in _names(Report)],
            "fail_on": self.fail_on,
            "allow_python_rules": self.allow_python_rules,
        }
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return sha256(text.encode()).hexdigest()


def load(path: Path | None) -> Settings:
    """The settings of the file at `path`, or the defaults without one.

    Raises `ConfigFileError` with every mistake of the file, `ConfigError` when it cannot be read.
    """
    if path is None:
        return Settings()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    problems: list[Problem] = []
    node = single(read(content, path=str(path)), problems=problems)
    settings = Settings(path=path) if node is None else _settings(node, path, problems)
    settle(problems)
    return settings


def _settings(node: Map, path: Path, problems: list[Problem]) -> Settings:
    names = [name for name in _names(Settings) if name not in {"path", "named"}]
    fields = Fields(node, problems, known=names)
    folder = path.parent
    named: dict[str, Scalar] = {}
    return Settings(
        path=path,
        sites=_sites(fields),
        lists=_lists(fields, folder),
        collect=_collect(fields, folder),
        rules=_rules(fields, folder),
        params=_params(fields, named),
        severity=_severity(fields, named),
        named=MappingProxyType(named),
        geoip=_geoip(fields, folder),
        report=_report(fields, folder),
        waivers=fields.path("waivers", folder),
        fail_on=fields.word("fail_on", "high", among=FAIL_ON),
        allow_python_rules=fields.flag("allow_python_rules", default=False),
    )


def _sites(fields: Fields) -> tuple[str, ...]:
    sites = []
    for item in fields.texts("sites"):
        site = item.text.strip().lower()
        if not _HOST.fullmatch(site):
            fields.problems.append(item.place.problem(f"'{printable(item.text)}' is no site such as example.webex.com"))
        elif site in sites:
            fields.problems.append(item.place.problem(f"site '{site}' is listed twice"))
        sites.append(site)
    return tuple(sites)


def _lists(fields: Fields, folder: Path) -> Mapping[str, tuple[str, ...]]:
    node = fields.map("lists")
    entries = () if node is None else node.entries
    return MappingProxyType(
        {
            key.text: contents(key.text, value, folder=folder, problems=fields.problems)
            for key, value in entries
            if not (isinstance(value, Scalar) and value.value is None)
        }
    )


def _section(fields: Fields, name: str, shape: type[Collect | Rules | Geoip | Report]) -> Fields:
    """The map under `name`, which may hold the names of `shape`; without it everything has its default."""
    node = fields.map(name) or Map(fields.node.place, (), {})
    return Fields(node, fields.problems, known=_names(shape))


def _names(shape: type[Settings | Collect | Rules | Geoip | Report]) -> list[str]:
    return [part.name for part in dataclasses.fields(shape)]


def _collect(fields: Fields, folder: Path) -> Collect:
    inner = _section(fields, "collect", Collect)
    also = inner.texts("also")
    for item in also:
        if item.text not in ALSO:
            message = f"also must be one of {', '.join(ALSO)}{nearest(item.text, ALSO)}"
            inner.problems.append(item.place.problem(message))
    proxy = inner.text("proxy")
    if proxy is not None and not _is_proxy(proxy):
        inner.wrong("proxy", "expected an address such as http://proxy.example.com:3128")
    return Collect(
        settle=inner.span("settle", Collect().settle),
        also=tuple(item.text for item in also),
        proxy=proxy,
        ca_file=inner.path("ca_file", folder),
    )


def _is_proxy(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _rules(fields: Fields, folder: Path) -> Rules:
    inner = _section(fields, "rules", Rules)
    return Rules(
        paths=tuple(path for item in inner.texts("paths") if (path := located(item, folder, problems=inner.problems))),
        exclude=inner.texts("exclude"),
        min_status=inner.word("min_status", "stable", among=MIN_STATUS),
    )


def _geoip(fields: Fields, folder: Path) -> Geoip:
    inner = _section(fields, "geoip", Geoip)
    return Geoip(city=inner.path("city", folder), asn=inner.path("asn", folder))


def _report(fields: Fields, folder: Path) -> Report:
    inner = _section(fields, "report", Report)
    zone, accent, logo = inner.text("timezone"), inner.text("accent"), inner.path("logo", folder)
    if zone is not None and zone not in available_timezones():
        inner.wrong("timezone", f"unknown time zone '{printable(zone)}'{nearest(zone, available_timezones())}")
    if accent is not None and not _COLOUR.fullmatch(accent):
        inner.wrong("accent", "expected a colour such as '#12395b'")
    return Report(
        title=inner.text("title", longest=200),
        organisation=inner.text("organisation", longest=200),
        prepared_for=inner.text("prepared_for", longest=200),
        classification=inner.text("classification", longest=200),
        logo=None if logo is None else _logo(logo, inner, shown=inner.written("logo")),
        max_findings_per_rule=inner.integer("max_findings_per_rule", 200, least=1, most=10_000_000),
        timezone=zone,
        accent=accent,
    )


def _logo(path: Path, fields: Fields, *, shown: str) -> str | None:
    """The picture as a data URL, so that a report needs no file beside it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        fields.wrong("logo", f"'{printable(shown)}' cannot be read: {error.strerror}")
        return None
    if len(content) > _LARGEST_LOGO:
        fields.wrong("logo", f"'{printable(shown)}' is larger than {_LARGEST_LOGO >> 20} MiB")
        return None
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        kind_of_image = "image/png"
    elif b"<svg" in content[:4096]:
        kind_of_image = "image/svg+xml"
    else:
        fields.wrong("logo", f"'{printable(shown)}' is neither PNG nor SVG")
        return None
    return f"data:{kind_of_image};base64,{b64encode(content).decode()}"


def _params(fields: Fields, named: dict[str, Scalar]) -> Mapping[str, Map]:
    params = {}
    node = fields.map("params")
    for key, value in () if node is None else node.entries:
        named.setdefault(key.text, key)
        if isinstance(value, Map):
            params[key.text] = value
        else:
            fields.problems.append(value.place.problem(f"expected map, got {kind(value)}"))
    return MappingProxyType(params)


def _severity(fields: Fields, named: dict[str, Scalar]) -> Mapping[str, Scalar]:
    severity = {}
    node = fields.map("severity")
    for key, value in () if node is None else node.entries:
        named.setdefault(key.text, key)
        if isinstance(value, Scalar) and value.value in SEVERITIES:
            severity[key.text] = value
        else:
            written = value.text if isinstance(value, Scalar) else ""
            message = f"severity must be one of {', '.join(SEVERITIES)}{nearest(written, SEVERITIES)}"
            fields.problems.append(value.place.problem(message))
    return MappingProxyType(severity)
