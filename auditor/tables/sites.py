"""Rows of some sites among those of all."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl


def of_sites(sites: Collection[str]) -> pl.Expr:
    """Whether a row is of one of the sites; a single one is compared with, which costs less than looking rows up."""
    site = pl.col("site_url")
    return site == next(iter(sites)) if len(sites) == 1 else site.is_in(list(sites))
