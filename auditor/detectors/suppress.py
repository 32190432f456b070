"""Why a candidate of a detector falls away: the words of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

import polars as pl

_V4 = 4


def first_reason(reasons: dict[str, pl.Expr]) -> pl.Expr:
    """The name of the first reason that holds, null when none does."""
    chosen = pl.lit(None, dtype=pl.String())
    for name, holds in reversed(reasons.items()):
        chosen = pl.when(holds.fill_null(value=False)).then(pl.lit(name)).otherwise(chosen)
    return chosen


def in_networks(networks: pl.Series, listed: Sequence[str]) -> pl.Series:
    """For each network, whether it lies inside one of the listed CIDRs; false when it is null or unreadable."""
    ranges = [ip_network(text, strict=False) for text in listed]
    inside: list[str] = []
    if not ranges:
        return networks.is_in(inside).fill_null(value=False)
    begins = {str(octet) for one in ranges for octet in _first_octets(one)}
    for text in networks.unique().drop_nulls().sort().to_list():
        # how an address begins costs less to see than what it is
        if ":" not in text and text.partition(".")[0] not in begins:
            continue
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            continue
        if any(network.version == other.version and _contains(other, network) for other in ranges):
            inside.append(text)
    return networks.is_in(inside).fill_null(value=False)


def _contains(outer: IPv4Network | IPv6Network, inner: IPv4Network | IPv6Network) -> bool:
    return int(outer.network_address) <= int(inner.network_address) and int(inner.broadcast_address) <= int(
        outer.broadcast_address
    )


def _first_octets(network: IPv4Network | IPv6Network) -> range:
    """The first numbers of the addresses of version 4 that lie in the network."""
    if network.version != _V4:
        return range(0)
    return range(network.network_address.packed[0], network.broadcast_address.packed[0] + 1)
