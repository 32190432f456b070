"""An invented bank's archive, with the configuration it is judged by and a place for every address."""

from __future__ import annotations

from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

from benchmarks.attendance.archive import Scale, make

_COUNTRIES = {"0.0.0.0/1": "BR", "128.0.0.0/2": "NO", "192.0.0.0/3": "JP", "240.0.0.0/5": "NO", "248.0.0.0/5": "DE"}


def bank(folder: Path, scale: Scale) -> Path:
    """The folder of the archive, `auditor.yaml` in it; every rule is chosen that can be."""
    archive = make(folder / "archive", scale).path
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-City", description="invented")
    for network, country in _COUNTRIES.items():
        writer.insert_network(IPSet([network]), {"country": {"iso_code": country}})
    writer.to_db_file(str(folder / "city.mmdb"))
    config = archive / "auditor.yaml"
    lists = config.read_text(encoding="utf-8").replace("lists:\n", "lists:\n  denied_countries: [JP]\n")
    config.write_text(f"{lists}geoip: {{city: ../city.mmdb}}\n", encoding="utf-8")
    return archive
