"""Places and networks of addresses, from databases written here."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from auditor.audit import Request, check
from auditor.cli import _root
from auditor.engines import apart
from auditor.errors import ConfigError
from auditor.rules.reading.load import load_rules
from auditor.settings import load
from auditor.tables.facts import GEO
from auditor.tables.geoip import GeoIP
from tests.audit.small import NOW, rule_file, small_archive
from tests.engines.inline import Inline

LATER = datetime(2026, 10, 6, tzinfo=UTC)


def database(path: Path, kind: str, entries: dict[str, dict[str, object]]) -> Path:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type=kind, description="invented")
    for network, record in entries.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


NESTED = {
    "country": {"iso_code": "NO"},
    "city": {"names": {"en": "Oslo"}},
    "location": {"latitude": 59.91, "longitude": 10.75, "accuracy_radius": 20},
}
FLAT = {"country_code": "BR", "city": "Recife", "latitude": "-8.05", "longitude": "-34.9"}


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return database(
        tmp_path / "city.mmdb",
        "Test-City",
        {"203.0.113.0/24": NESTED, "198.51.100.0/24": FLAT, "2001:db8::/32": NESTED},
    )


def looked_up(geo: GeoIP, *addresses: str) -> list[dict[str, object]]:
    return geo(pl.Series(addresses, dtype=pl.String)).to_dicts()


def test_nested_and_flat_records_give_the_same_facts(city: Path) -> None:
    nested, flat = looked_up(GeoIP(city=city, asn=None), "203.0.113.7", "198.51.100.7")
    assert (nested["geo_country"], nested["geo_city"], nested["geo_radius_km"]) == ("NO", "Oslo", 20.0)
    assert (flat["geo_country"], flat["geo_city"], flat["geo_latitude"]) == ("BR", "Recife", -8.05)
    assert flat["geo_radius_km"] is None


def test_mapped_and_joined_addresses_are_read(city: Path) -> None:
    rows = looked_up(GeoIP(city=city, asn=None), "::ffff:203.0.113.7", "203.0.113.7, 10.0.0.1", "2001:db8::1")
    assert [row["geo_country"] for row in rows] == ["NO", "NO", "NO"]


def test_what_names_an_interface_is_passed_over(city: Path) -> None:
    rows = looked_up(GeoIP(city=city, asn=None), "2001:db8::1%eth0", "::ffff:203.0.113.7%7", "fe80::1%eth0", "::1%lo")
    assert [row["geo_country"] for row in rows] == ["NO", "NO", None, None]


def test_addresses_without_a_place_are_null(city: Path) -> None:
    rows = looked_up(
        GeoIP(city=city, asn=None), "10.0.0.1", "100.64.0.1", "127.0.0.1", "fe80::1", "hidden", "192.0.2.1"
    )
    assert all(value is None for row in rows for value in row.values())


def test_operators_come_from_a_database_of_their_own(city: Path, tmp_path: Path) -> None:
    operators = {"203.0.113.0/24": {"autonomous_system_number": 64500, "autonomous_system_organization": "Example Net"}}
    geo = GeoIP(city=city, asn=database(tmp_path / "asn.mmdb", "Test-ASN", operators))
    (row,) = looked_up(geo, "203.0.113.7")
    assert (row["geo_city"], row["asn"], row["as_organisation"]) == ("Oslo", 64500, "Example Net")
    assert [entry.type for entry in geo.databases] == ["Test-City", "Test-ASN"]


def test_the_result_has_the_schema_of_the_facts(city: Path) -> None:
    assert GeoIP(city=city, asn=None)(pl.Series([], dtype=pl.String)).schema == GEO


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "city.mmdb"
    wrong.write_text("no database")
    with pytest.raises(ConfigError, match=r"city\.mmdb: no GeoIP database"):
        GeoIP(city=wrong, asn=None)


def harmed(path: Path) -> Path:
    """The database with a byte in the middle of a name that begins no character."""
    content = path.read_bytes()
    path.write_bytes(content.replace(b"Oslo", b"Os\xffo"))
    return path


def test_a_database_damaged_inside_is_named(city: Path) -> None:
    geo = GeoIP(city=harmed(city), asn=None)
    assert looked_up(geo, "198.51.100.7")[0]["geo_city"] == "Recife"
    geo.refuse_damage()
    with pytest.raises(ConfigError, match=r"city\.mmdb: the GeoIP database is damaged inside"):
        looked_up(geo, "203.0.113.7")
    with pytest.raises(ConfigError, match="damaged inside"):
        geo.refuse_damage()


def test_check_ends_and_names_the_database_that_is_damaged_inside(city: Path, tmp_path: Path) -> None:
    small_archive(tmp_path / "archive")
    rules = rule_file(tmp_path)
    rules.write_text(rules.read_text().replace("not invited and", "geo_city == 'Oslo' and"))
    (tmp_path / "auditor.yaml").write_text("geoip: {city: city.mmdb}\nrules: {paths: [rules.yaml]}\n")
    words = ["--config", str(tmp_path / "auditor.yaml"), "check", "--archive", str(tmp_path / "archive")]
    words += ["--only", "TST-001", "--format", f"json={tmp_path / 'audit.json'}", "--now", NOW]
    assert CliRunner().invoke(_root, words, standalone_mode=False).return_value in {0, 1}
    (tmp_path / "audit.json").unlink()
    harmed(city)
    done = CliRunner().invoke(_root, words, standalone_mode=False)
    assert done.return_value == 2
    assert "city.mmdb: the GeoIP database is damaged inside" in done.stderr
    assert not (tmp_path / "audit.json").exists()


def test_a_database_that_is_damaged_where_parts_are_judged_elsewhere_is_named(city: Path, tmp_path: Path) -> None:
    archive = small_archive(tmp_path / "archive")
    rules = rule_file(tmp_path)
    rules.write_text(rules.read_text().replace("not invited and", "geo_city == 'Oslo' and"))
    (tmp_path / "auditor.yaml").write_text("geoip: {city: city.mmdb}\n")
    harmed(city)
    request = Request(settings=load(tmp_path / "auditor.yaml"))
    elsewhere = partial(apart.run, cluster=Inline(), say=lambda _: None)
    with pytest.raises(ConfigError, match=r"city\.mmdb: the GeoIP database is damaged inside"):
        check(archive, load_rules([rules], bundled=False), request=request, now=LATER, engine=elsewhere)


@pytest.mark.parametrize("number", ["1e999", "nan", -1, 2**70, "AS64500x"])
def test_a_number_that_no_network_has_is_null(tmp_path: Path, number: object) -> None:
    odd = {"203.0.113.0/24": {"asn": number, "latitude": "inf", "as_name": "Example Net"}}
    (row,) = looked_up(GeoIP(city=None, asn=database(tmp_path / "asn.mmdb", "Test-ASN", odd)), "203.0.113.7")
    assert (row["asn"], row["geo_latitude"], row["as_organisation"]) == (None, None, "Example Net")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.mmdb: no such file"):
        GeoIP(city=tmp_path / "gone.mmdb", asn=None)
