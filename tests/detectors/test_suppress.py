"""Networks that lie inside listed ones, beside the standard library's answer."""

from __future__ import annotations

from ipaddress import ip_network
from random import Random

import polars as pl

from auditor.detectors.suppress import in_networks

LISTED = ["10.0.0.0/8", "192.168.4.0/22", "64.0.0.0/6", "2001:db8::/32", "8.8.8.8"]


def inside(text: str | None) -> bool:
    try:
        network = ip_network(text or "", strict=False)
    except ValueError:
        return False
    ranges = [ip_network(one, strict=False) for one in LISTED]
    return any(network.version == one.version and network.subnet_of(one) for one in ranges)  # type: ignore[arg-type]


def test_a_network_is_inside_where_the_standard_library_says_so() -> None:
    random = Random(3)
    drawn = [
        f"{random.choice([8, 10, 63, 64, 67, 68, 192])}.{random.choice([8, 168])}.{random.randrange(12)}.0/"
        f"{random.choice([5, 8, 22, 24, 32])}"
        for _ in range(200)
    ]
    others = [
        "2001:db8:1::/48",
        "2001:DB8::/31",
        "2001:0db8::1",
        "::ffff:10.0.0.1",
        "010.0.0.0/8",
        "10",
        "8.8.8.8",
        "",
        None,
    ]
    texts = pl.Series([*drawn, *others], dtype=pl.String())
    assert in_networks(texts, LISTED).to_list() == [inside(text) for text in texts]
    assert not in_networks(texts, []).any()
