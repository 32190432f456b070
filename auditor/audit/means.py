"""What rules may use beside the tables: lists, GeoIP databases, installed functions."""

from __future__ import annotations

from importlib.metadata import entry_points

from auditor.errors import ConfigError
from auditor.rules.judging.run import Means
from auditor.rules.stages.installed import RuleFunction
from auditor.settings import Settings
from auditor.tables.geoip import GeoIP

_GROUP = "auditor.rules"


def means(settings: Settings, *, geo: GeoIP | None) -> Means:
    """The means the configuration gives; functions of installed packages only where it allows them."""
    return Means(
        lists=settings.lists,
        geo=geo,
        python=installed if settings.allow_python_rules else None,
    )


def opened(settings: Settings) -> GeoIP | None:
    """The configured GeoIP databases; None without any."""
    geoip = settings.geoip
    if geoip.city is None and geoip.asn is None:
        return None
    return GeoIP(city=geoip.city, asn=geoip.asn)


def installed(module: str, function: str) -> RuleFunction:
    """The function an installed distribution declares as an entry point of `auditor.rules`."""
    for point in entry_points(group=_GROUP):
        if point.value == f"{module}:{function}":
            found: RuleFunction = point.load()
            return found
    raise ConfigError(f"no installed package declares {module}:{function} in the group {_GROUP}")
