"""IPv4 addresses of whole columns at once; texts of any other form are left to `addresses`."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from auditor.entities.columns import where_true
from auditor.tables.addresses import Networks, network_of
from auditor.tables.distinct import mapped
from auditor.tables.schema import FLAG, TEXT

_NUMBER = pl.UInt32()


def numbers(texts: pl.Series) -> pl.Series:
    """The number of each address of four decimal numbers without leading zeros; null of every other text."""
    split = texts.to_frame("text").select(pl.col("text").str.splitn(".", 5).struct.unnest())
    fields = split.select(pl.all().cast(_NUMBER, strict=False).name.prefix("number_")).hstack(split)
    octets = [pl.col(f"number_field_{place}") for place in range(4)]
    # what is written back differs wherever there was a blank, a sign or a leading zero
    plain = [(octet <= 255) & (octet.cast(TEXT) == pl.col(f"field_{place}")) for place, octet in enumerate(octets)]
    dotted = pl.all_horizontal(*plain, pl.col("field_4").is_null())
    packed = octets[0] * (1 << 24) + octets[1] * (1 << 16) + octets[2] * (1 << 8) + octets[3]
    return fields.select(pl.when(dotted).then(packed)).to_series()


def in_networks(value: pl.Expr, networks: Networks) -> pl.Expr:
    """Whether the address in each text lies in one of the networks; null of texts that are no address."""

    def known(found: pl.Series) -> pl.Series:
        inside = pl.repeat(False, found.len(), dtype=FLAG, eager=True)
        for shift, starts in networks.starts(4).items():
            inside |= (found // (1 << shift)).is_in(pl.Series(sorted(starts), dtype=_NUMBER).implode())
        return inside

    return _batched(value, known, mapped(pl.col("text"), networks.holds, FLAG), FLAG)


def network(value: pl.Expr, v4: int, v6: int) -> pl.Expr:
    """The network of the given prefix length around the address in each text."""

    def known(found: pl.Series) -> pl.Series:
        first = pl.col("number") // (1 << (32 - v4)) * (1 << (32 - v4))
        octets = [(first // (1 << shift) % 256).cast(TEXT) for shift in (24, 16, 8, 0)]
        text = pl.concat_str([pl.concat_str(octets, separator="."), pl.lit(f"/{v4}")])
        return found.to_frame("number").select(text).to_series()

    def other(text: str) -> str | None:
        return network_of(text, v4, v6)

    return _batched(value, known, mapped(pl.col("text"), other, TEXT), TEXT)


def _batched(value: pl.Expr, known: Callable[[pl.Series], pl.Series], other: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """`known` of the numbers of dotted addresses, `other` of the column `text` of the rest."""

    def batch(texts: pl.Series) -> pl.Series:
        found = numbers(texts)
        made = known(found).cast(dtype)
        rest = where_true(found.is_null() & texts.is_not_null())
        made = pl.select(pl.when(found.is_not_null()).then(made)).to_series()
        if rest.len():
            told = texts.gather(rest).to_frame("text").select(other).to_series()
            made = made.scatter(rest, told)
        return made.alias(texts.name)

    return value.map_batches(batch, return_dtype=dtype, is_elementwise=True)
