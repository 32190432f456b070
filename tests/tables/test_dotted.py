"""Whole columns of addresses give what each address alone gives."""

from __future__ import annotations

from ipaddress import IPv6Network

import polars as pl
from hypothesis import assume, given
from hypothesis import strategies as st

from auditor.tables.addresses import Networks, network_of
from auditor.tables.dotted import in_networks, network

OCTETS = st.integers(0, 300).map(str) | st.sampled_from(["", "00", "01", "255", "256", "٣", " 1", "1 "])
DOTTED = st.lists(OCTETS, min_size=3, max_size=5).map(".".join)
OTHER = st.sampled_from(["2001:db8::1", "::ffff:203.0.113.7", "203.0.113.7, 10.0.0.1", "10.0.0.1%eth0", "x", "", "1\n"])
TEXTS = st.lists(st.none() | DOTTED | OTHER | st.ip_addresses().map(str), max_size=12)
GROUPS = st.lists(st.sampled_from([0, 1, 0xFFFF]) | st.integers(0, 0xFFFF), min_size=8, max_size=8)
BLOCKS = ("0.0.0.0/0", "10.0.0.0/8", "203.0.113.0/24", "203.0.113.7/32", "192.0.0.0/5", "2001:db8::/32")


@given(TEXTS, st.lists(st.sampled_from(BLOCKS), max_size=4))
def test_membership_is_that_of_each_address(texts, blocks):
    networks = Networks(blocks)
    found = pl.DataFrame({"ip": pl.Series(texts, dtype=pl.String)}).select(in_networks(pl.col("ip"), networks))
    assert found["ip"].to_list() == [None if text is None else networks.holds(text) for text in texts]


@given(GROUPS, st.integers(0, 128))
def test_a_network_is_written_as_python_writes_it(groups, length):
    assume(groups[:6] != [0, 0, 0, 0, 0, 0xFFFF])
    address = ":".join(f"{group:x}" for group in groups)
    assert network_of(address, 24, length) == str(IPv6Network((address, length), strict=False))


@given(TEXTS, st.integers(0, 32), st.integers(0, 128))
def test_the_network_is_that_of_each_address(texts, v4, v6):
    found = pl.DataFrame({"ip": pl.Series(texts, dtype=pl.String)}).select(network(pl.col("ip"), v4, v6))
    assert found["ip"].to_list() == [None if text is None else network_of(text, v4, v6) for text in texts]
