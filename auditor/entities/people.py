"""Which addresses are one person's, as far as a directory says so."""

from __future__ import annotations

import polars as pl


def main_addresses(people: pl.LazyFrame) -> pl.LazyFrame:
    """`alias` and `main`: the address of the account that names the alias; nothing is guessed.

    An alias that two accounts name, or whose account is itself an alias, stands for nobody but itself.
    """
    named = (
        people.select(main=pl.col("email"), alias=pl.col("aliases"))
        .drop_nulls()
        .explode("alias", empty_as_null=False)
        .drop_nulls()
        .filter(pl.col("alias") != pl.col("main"))
        .unique()
    )
    once = named.filter(pl.len().over("alias") == 1)
    return once.join(named.select(main="alias").unique(), on="main", how="anti").select("alias", "main")
