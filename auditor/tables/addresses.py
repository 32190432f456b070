"""IP addresses and networks as texts name them."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import TypeAlias

Address: TypeAlias = tuple[int, int]
"""The version, 4 or 6, and the number."""

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_BITS = {4: 32, 6: 128}
_MAPPED = 0xFFFF
_ENDS = 48


def address(text: str) -> Address | None:
    """The address a text holds, or None.

    Of two addresses joined by a comma the first counts; an IPv4 address mapped into IPv6 is the IPv4 one; what
    follows `%` names an interface and is passed over.

    >>> address("::ffff:203.0.113.7, 10.0.0.1") == address("203.0.113.7")
    True
    """
    bare = text.partition(",")[0].strip()
    try:
        if ":" not in bare:
            return 4, int.from_bytes(inet_pton(AF_INET, bare))
        number, percent, scope = bare.partition("%")
        value = int.from_bytes(inet_pton(AF_INET6, number))
    except (OSError, ValueError):
        return None
    if percent and (not scope or "%" in scope):
        return None
    return (4, value & 0xFFFFFFFF) if value >> 32 == _MAPPED else (6, value)


def network(text: str) -> Network:
    """The network a text names, a bare address being a network of one; `ValueError` when it names none."""
    found = ipaddress.ip_network(text.strip(), strict=False)
    if isinstance(found, ipaddress.IPv6Network) and found.prefixlen >= 96:
        mapped = found.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.ip_network((mapped, found.prefixlen - 96))
    return found


def network_of(text: str, v4: int, v6: int) -> str | None:
    """The network of the given prefix length around the address in a text, or None.

    >>> network_of("2001:db8:1:2::9", 24, 48)
    '2001:db8:1::/48'
    """
    found = address(text)
    if found is None:
        return None
    version, value = found
    length = v4 if version == 4 else v6
    shift = _BITS[version] - length
    first = value >> shift << shift
    if version == 4:
        return f"{inet_ntop(AF_INET, first.to_bytes(4))}/{length}"
    # the system is quicker, but writes the end of some addresses as an IPv4 one unless it is zero
    text = inet_ntop(AF_INET6, first.to_bytes(16)) if shift >= _ENDS else str(ipaddress.IPv6Address(first))
    return f"{text}/{length}"


class Networks:
    """A set of networks that answers whether an address lies in one of them, by one look-up a prefix length."""

    def __init__(self, texts: Iterable[str]) -> None:
        blocks: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
        for block in map(network, texts):
            shift = block.max_prefixlen - block.prefixlen
            blocks[block.version].setdefault(shift, set()).add(int(block.network_address) >> shift)
        self._blocks = {version: tuple(found.items()) for version, found in blocks.items()}

    def starts(self, version: int) -> Mapping[int, Collection[int]]:
        """The first addresses of the networks of a version, by how many bits a network leaves open."""
        return dict(self._blocks[version])

    def holds(self, text: str) -> bool | None:
        """Whether the address in the text lies in a network of the set; None when it is no address."""
        found = address(text)
        if found is None:
            return None
        version, value = found
        return any(value >> shift in starts for shift, starts in self._blocks[version])


PRIVATE = Networks(
    (
        "10.0.0.0/8",  # RFC 1918
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local
        "100.64.0.0/10",  # shared by a carrier's customers, RFC 6598
        "fc00::/7",  # RFC 4193
        "::1/128",
        "fe80::/10",
    )
)
"""Networks whose addresses are of no use outside them."""
