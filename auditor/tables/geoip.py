"""Places and networks of addresses, from GeoIP databases the operator names (extra `geo`).

Two shapes of database occur and both are read: nested (`country.iso_code`, `city.names.en`,
`location.latitude`, as MaxMind ships them) and flat (`country_code`, `city`, `latitude`, as repackaged ones do).
Nothing is bundled, because the databases have licences of their own.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from auditor.errors import ConfigError, said
from auditor.frozen import dataclass
from auditor.tables.addresses import address
from auditor.tables.facts import GEO

if TYPE_CHECKING:
    from maxminddb import Reader


@dataclass(frozen=True, slots=True)
class Database:
    """What the audit records of a database: its type, the day it was built, the SHA-256 of the file."""

    path: Path
    type: str
    built: datetime
    sha256: str

    def __str__(self) -> str:
        return f"{self.type}, built {self.built:%Y-%m-%d}, sha256:{self.sha256}"


class GeoIP:
    """Looks addresses up in one or two databases; the facts of `GEO`, null where a database is silent.

    Private, carrier-grade NAT, loopback, link-local and unreadable addresses are null. `::ffff:a.b.c.d` is
    IPv4. Of two addresses joined by a comma the first is taken; what follows `%` is passed over.
    """

    def __init__(self, *, city: Path | None, asn: Path | None) -> None:
        opened = [(path, *_open(path)) for path in (city, asn) if path is not None]
        if not opened:
            raise ConfigError("geoip names no database; set geoip.city or geoip.asn")
        self._readers = tuple((path, reader, reader.metadata().ip_version) for path, reader, _ in opened)
        self.databases = tuple(database for _, _, database in opened)
        self._damage: ConfigError | None = None

    def __call__(self, addresses: pl.Series) -> pl.DataFrame:
        """One row an address, in order, with the columns of `GEO`."""
        return pl.DataFrame([self._row(text) for text in addresses.to_list()], schema=GEO, orient="row")

    def refuse_damage(self) -> None:
        """Raise `ConfigError` where a look-up met something in a database that cannot be read."""
        if self._damage is not None:
            raise self._damage

    def _row(self, text: str | None) -> tuple[str | int | float | None, ...]:
        known = public_address(text)
        found: dict[str, Any] = {}
        if known is not None:
            for path, reader, version in self._readers:
                if known.version == 6 and version == 4:
                    continue
                try:
                    record = reader.get(known)
                except Exception as error:
                    self._damage = ConfigError(f"{path}: the GeoIP database is damaged inside; bring it anew")
                    raise self._damage from error
                if isinstance(record, dict):
                    found |= {name: value for name, value in _facts(record).items() if value is not None}
        return tuple(found.get(name) for name in GEO)


def public_address(text: str | None) -> IPv4Address | IPv6Address | None:
    """The address a database may know, or None.

    >>> public_address("::ffff:203.0.113.7, 10.0.0.1")
    IPv4Address('203.0.113.7')
    >>> public_address("10.0.0.1") is None
    True
    """
    found = None if text is None else address(text)
    if found is None:
        return None
    version, number = found
    known = IPv4Address(number) if version == 4 else IPv6Address(number)
    if known.is_loopback or known.is_link_local or known.is_multicast:
        return None
    return None if _is_inside(known) else known


_LARGEST_ASN = 2**32 - 1
_INSIDE = tuple(
    ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


def _is_inside(known: IPv4Address | IPv6Address) -> bool:
    """Whether the address is private (RFC 1918, RFC 4193) or carrier-grade NAT (RFC 6598)."""
    return any(known in inside for inside in _INSIDE)


def _open(path: Path) -> tuple[Reader, Database]:
    try:
        import maxminddb
    except ModuleNotFoundError:
        raise ConfigError("GeoIP databases need the extra geo: pip install 'webex-auditor[geo]'") from None
    try:
        reader = maxminddb.open_database(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        about = reader.metadata()
        built = datetime.fromtimestamp(about.build_epoch, UTC)
    except OSError as error:
        raise ConfigError(f"{path}: {said(error)}") from error
    except (maxminddb.InvalidDatabaseError, ValueError, OverflowError) as error:
        raise ConfigError(f"{path}: no GeoIP database in MaxMind's format") from error
    return reader, Database(path, about.database_type, built, digest)


def _facts(record: Mapping[str, Any]) -> dict[str, str | int | float | None]:
    """The facts a record of either shape tells."""
    location = _mapping(record.get("location"))
    country = _mapping(record.get("country"))
    city = record.get("city")
    names = _mapping(_mapping(city).get("names"))
    number = record.get("autonomous_system_number", record.get("asn"))
    return {
        "geo_country": _text(country.get("iso_code") or record.get("country_code") or record.get("country")),
        "geo_city": _text(names.get("en")) if isinstance(city, dict) else _text(city),
        "geo_latitude": _number(location.get("latitude", record.get("latitude"))),
        "geo_longitude": _number(location.get("longitude", record.get("longitude"))),
        "geo_radius_km": _number(location.get("accuracy_radius")),
        "asn": _whole(number),
        "as_organisation": _text(record.get("autonomous_system_organization", record.get("as_name"))),
    }


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _number(value: object) -> float | None:
    with suppress(ValueError, OverflowError):
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
        return number if math.isfinite(number) else None
    return None


def _whole(value: object) -> int | None:
    number = _number(value.upper().removeprefix("AS") if isinstance(value, str) else value)
    return int(number) if number is not None and 0 <= number <= _LARGEST_ASN else None
