"""IP addresses and networks as texts name them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
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


def address(text: str) -> Address | None:
    """The address a text holds, or None.

    Of two addresses joined by a comma the first counts; an IPv4 address mapped into IPv6 is the IPv4 one.

    >>> address("::ffff:203.0.113.7, 10.0.0.1")
    IPv4Address('203.0.113.7')
    """
    try:
        found = ipaddress.ip_address(text.split(",", 1)[0].strip())
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


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
    length = v4 if found.version == 4 else v6
    mask = (1 << found.max_prefixlen) - (1 << (found.max_prefixlen - length))
    return f"{type(found)(int(found) & mask)}/{length}"


def is_private(text: str) -> bool | None:
    """Whether the address is of no use outside its own network; None when the text is no address."""
    found = address(text)
    if found is None:
        return None
    return any(found in block for block in _PRIVATE if block.version == found.version)


class Networks:
    """A set of networks that answers whether an address lies in one of them, by one look-up a prefix length."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._blocks: dict[tuple[int, int], set[int]] = {}
        for block in map(network, texts):
            shift = block.max_prefixlen - block.prefixlen
            self._blocks.setdefault((block.version, shift), set()).add(int(block.network_address) >> shift)

    def holds(self, text: str) -> bool | None:
        """Whether the address in the text lies in a network of the set; None when it is no address."""
        found = address(text)
        if found is None:
            return None
        value = int(found)
        return any(
            version == found.version and value >> shift in starts for (version, shift), starts in self._blocks.items()
        )
