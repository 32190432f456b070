"""Why a candidate of a detector falls away: the words of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

import polars as pl


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
    for text in networks.unique().drop_nulls().sort().to_list():
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
