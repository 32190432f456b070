"""The address blocks of an invented company as GeoIP databases in MaxMind's format: `city.mmdb` and `asn.mmdb`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

WORDS = "usage: python -m benchmarks.tools.geo_database GEO.json FOLDER"


def write(blocks: Path, folder: Path) -> tuple[Path, Path]:
    """The two databases written; needs the development package `mmdb-writer`."""
    from mmdb_writer import MMDBWriter
    from netaddr import IPSet

    folder.mkdir(parents=True, exist_ok=True)
    city = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="GeoLite2-City", languages=["en"])
    asn = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="GeoLite2-ASN")
    for row in json.loads(blocks.read_bytes())["items"]:
        network = IPSet([row["network"]])
        city.insert_network(network, _place(row))
        asn.insert_network(
            network,
            {"autonomous_system_number": row["asn"], "autonomous_system_organization": row["organisation"]},
        )
    paths = folder / "city.mmdb", folder / "asn.mmdb"
    city.to_db_file(str(paths[0]))
    asn.to_db_file(str(paths[1]))
    return paths


def _place(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "country": {"iso_code": row["country"]},
        "city": {"names": {"en": row["city"]}},
        "location": {
            "latitude": row["latitude"],
            "longitude": row["longitude"],
            "accuracy_radius": int(row["radius"]),
        },
    }


def main(arguments: Sequence[str]) -> None:
    """The databases are written into the folder."""
    if len(arguments) != 2:
        raise SystemExit(WORDS)
    for path in write(Path(arguments[0]), Path(arguments[1])):
        print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
